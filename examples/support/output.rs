//! Output files, written whole or not at all, and how a program ends.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tempfile::NamedTempFile;

/// A file could not be written, or would not be.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: expected {expected}; found: {found}", path.display())]
pub struct OutputError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What it takes to write it.
    pub expected: String,
    /// What the system said.
    pub found: io::Error,
}

/// Makes sure that [`write`] has a directory to write to, before long work starts whose result
/// could then not be kept. Creates the directory if need be; leaves a file that exists as it is.
///
/// # Errors
/// If something other than a file is there, the directory can't be created, or can't be written.
pub fn check_writable(path: &Path) -> Result<(), OutputError> {
    let directory = directory(path);
    fs::create_dir_all(directory).map_err(|found| OutputError {
        path: path.into(),
        expected: format!("that `{}` is a directory or can become one", directory.display()),
        found,
    })?;
    temporary(path).map(drop)
}

/// Writes a text file: after an error, or a crash, what was there before is still there.
///
/// The text goes to a temporary file in the same directory, which then takes the name. A symbolic
/// link is replaced by the file.
///
/// # Errors
/// If the file can't be written. The directory has to exist: see [`check_writable`].
pub fn write(path: &Path, text: &str) -> Result<(), OutputError> {
    write_with(path, |file| file.write_all(text.as_bytes()))
}

/// Like [`write`], for contents that come in pieces: an error of `fill` keeps the old file.
///
/// # Errors
/// If `fill` fails or the file can't be written.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), OutputError> {
    let mut file = temporary(path)?;
    let written = fill(file.as_file_mut()).and_then(|()| file.as_file().sync_all());
    written.and_then(|()| file.persist(path).map(drop).map_err(|error| error.error)).map_err(|found| OutputError {
        path: path.into(),
        expected: "to write all of it and rename it into place".into(),
        found,
    })
}

/// The directory of a file; `Path` has it empty where it is the current one.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An empty file beside `path`, which goes away unless it is persisted.
fn temporary(path: &Path) -> Result<NamedTempFile, OutputError> {
    let error = |expected: String, found| OutputError { path: path.into(), expected, found };
    // A rename would replace a device such as /dev/null, too.
    let other = path.file_name().is_none() || fs::metadata(path).is_ok_and(|data| !data.is_file());
    if other {
        let found = io::Error::other("something that is not a file");
        return Err(error("the name of a file, new or to be replaced".into(), found));
    }
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; an output gets the permissions of any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let directory = directory(path);
    builder
        .tempfile_in(directory)
        .map_err(|found| error(format!("to be able to create files in `{}`", directory.display()), found))
}

/// The exit code of a program that ended like this; says on standard error why it failed.
pub fn finish(result: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(code) => code,
        // Who reads along may have seen enough, as `head` has.
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
