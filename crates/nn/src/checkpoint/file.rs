//! A safetensors file: written whole or not at all, opened without trust.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;
use tandem_autograd::kernels::bytes::{bytes, bytes_mut};
use tandem_autograd::{Float, Kind, Shape, Tensor};

use super::CheckpointError;

const _: () = assert!(cfg!(target_endian = "little"), "safetensors files are little-endian, and written as they lie");

/// The bytes of the header's length, in front of the header; the header's own is a multiple of it.
const WORD: usize = 8;
/// What the format allows for a header.
const LONGEST_HEADER: u64 = 100_000_000;
const METADATA: &str = "__metadata__";

/// The type of a file's numbers.
pub(super) fn dtype<T: Float>() -> Dtype {
    if T::NAME == "F64" { Dtype::F64 } else { Dtype::F32 }
}

fn failed(path: &Path, attempted: &'static str) -> impl FnOnce(io::Error) -> CheckpointError {
    let path = path.into();
    move |cause| CheckpointError::Io { path, attempted, cause }
}

/// One entry of a header, in the order of names, so that the same content makes the same bytes. (The crate
/// writes metadata in the order of a hash map.)
#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor(TensorInfo),
}

/// The header for these tensors, and nothing else of the file.
fn header<T: Float>(
    tensors: &BTreeMap<String, Tensor<T>>,
    metadata: &BTreeMap<String, String>,
) -> serde_json::Result<Vec<u8>> {
    let mut entries = BTreeMap::from([(METADATA, Entry::Metadata(metadata))]);
    let mut offset = 0;
    for (name, tensor) in tensors {
        let end = offset + tensor.len() * size_of::<T>();
        let shape = tensor.shape().to_vec();
        entries.insert(name, Entry::Tensor(TensorInfo { dtype: dtype::<T>(), shape, data_offsets: (offset, end) }));
        offset = end;
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(WORD), b' ');
    Ok(header)
}

/// Writes the file: to a temporary one beside it, synced, then renamed. Whenever the process or the machine
/// stops, the old file is there or the new one. What may be left is the temporary file; the next save
/// writes over it.
pub(super) fn write<T: Float>(
    path: &Path,
    tensors: &BTreeMap<String, Tensor<T>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    let header = header(tensors, metadata).map_err(io::Error::from).map_err(failed(path, "written"))?;
    if header.len() as u64 > LONGEST_HEADER {
        let expected = format!("at most {LONGEST_HEADER} bytes, with all names and values");
        return Err(CheckpointError::Format {
            path: path.into(),
            field: "header",
            expected,
            found: header.len().to_string(),
        });
    }
    let temporary = temporary(path).map_err(failed(path, "written"))?;
    let fill = || {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&temporary)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for tensor in tensors.values() {
            file.write_all(bytes(tensor.data()))?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    let written = fill().map_err(failed(path, "written"));
    let renamed = written.and_then(|()| fs::rename(&temporary, path).map_err(failed(path, "renamed into place")));
    if renamed.is_err() {
        // What could not be written in full is of no use, and may be what filled the disk.
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    // The name is an entry of the directory, which a crash can lose, too. Not every system can sync a directory; the file
    // is in place by now.
    #[cfg(unix)]
    let _ = File::open(directory(path)).and_then(|directory| directory.sync_all());
    Ok(())
}

/// The directory of a file; `Path` has it empty where it is the current one.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The temporary file's name: `model.safetensors` is written as `.model.safetensors.partial`.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidFilename.into()) };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".partial");
    Ok(path.with_file_name(temporary))
}

/// An opened file whose header has been checked against its length.
pub(super) struct Source {
    pub(super) path: PathBuf,
    file: File,
    /// Where the numbers begin.
    start: u64,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, CheckpointError> {
        let mut file = File::open(path).map_err(failed(path, "opened"))?;
        let length = file.metadata().map_err(failed(path, "opened"))?.len();
        let format = |field, expected: String, found: String| CheckpointError::Format {
            path: path.into(),
            field,
            expected,
            found,
        };
        let mut word = [0; WORD];
        if length < WORD as u64 {
            return Err(format("header", format!("at least {WORD} bytes"), format!("{length}")));
        }
        file.read_exact(&mut word).map_err(failed(path, "read"))?;
        let promised = u64::from_le_bytes(word);
        let most = LONGEST_HEADER.min(length - WORD as u64);
        if promised > most {
            // Checked before the header gets memory.
            return Err(format(
                "length of the header",
                format!("at most {most}, in a file of {length} bytes"),
                promised.to_string(),
            ));
        }
        let mut header = vec![0; promised as usize];
        file.read_exact(&mut header).map_err(failed(path, "read"))?;
        let parsed: Metadata = serde_json::from_slice(&header).map_err(|error| {
            format("header", "names, types, shapes and adjoining offsets".into(), error.to_string())
        })?;
        let start = WORD as u64 + promised;
        let (data, found) = (parsed.data_len() as u64, length - start);
        if data != found {
            return Err(format("data", format!("{data} bytes, as the header says"), found.to_string()));
        }
        let tensors = parsed.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        let metadata = parsed.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(Source { path: path.into(), file, start, tensors, metadata })
    }

    /// The numbers of a tensor that the file has, under a shape of as many; `kind` is what their memory is for.
    pub(super) fn read<T: Float>(
        &mut self,
        name: &str,
        shape: Shape,
        kind: Kind,
    ) -> Result<Tensor<T>, CheckpointError> {
        let at = self.start + self.tensors[name].data_offsets.0 as u64;
        let mut result = Ok(());
        let tensor = Tensor::build(shape, kind, |out| {
            let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(bytes_mut(out)));
            result = read.map_err(failed(&self.path, "read"));
        });
        result.map(|()| tensor)
    }
}
