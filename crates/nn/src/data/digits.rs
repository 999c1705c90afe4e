//! The two sets of handwritten digits that are known by their files' names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::idx::format;
use super::{DataError, Images};

/// The shipped set: 8×8 pixels of 0 to 16, images and labels.
const SHIPPED: [&str; 2] = ["optdigits-images-idx3-ubyte", "optdigits-labels-idx1-ubyte"];
/// How many rows the shipped set has, and how many of them, written by other people than the rest,
/// are for training.
const SHIPPED_ROWS: usize = 1797;
const SHIPPED_TRAIN: usize = 1029;
const SHIPPED_SCALE: f32 = 16.0;

/// MNIST: 28×28 pixels of 0 to 255, images and labels for training and for testing.
const MNIST: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
const MNIST_SCALE: f32 = 255.0;

/// The handwritten digits in a directory as (train, test), by the names of its files:
///
/// - `optdigits-images-idx3-ubyte` and `optdigits-labels-idx1-ubyte`, the set shipped with this
///   repository (Alpaydin and Kaynak 1998): 8×8 pixels, 1,029 rows for training and 768, by other writers, for testing;
/// - otherwise `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
///   `t10k-labels-idx1-ubyte`, as MNIST (LeCun, Bottou, Bengio and Haffner 1998) and the sets made in its likeness are
///   distributed.
///
/// Each file may also be gzipped, with `.gz` after its name; if both are there, the plain one is read.
///
/// # Errors
/// [`DataError::Missing`] if neither set is complete, [`DataError::Format`] if the shipped set has
/// not 1,797 rows, and those of [`Images::load`].
///
/// ```
/// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
/// let (train, test) = tandem_nn::data::digits(directory)?;
/// assert_eq!((train.height, train.width), (8, 8));
/// assert_eq!((train.len(), test.len()), (1029, 768));
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
pub fn digits(directory: impl AsRef<Path>) -> Result<(Images, Images), DataError> {
    let directory = directory.as_ref();
    if let Some([images, labels]) = find_all(directory, &SHIPPED).as_deref() {
        let set = Images::load(images, labels, SHIPPED_SCALE)?;
        if set.len() != SHIPPED_ROWS {
            return Err(format(images, "number of images", 4, SHIPPED_ROWS.to_string(), set.len().to_string()));
        }
        return Ok((set.subset(0..SHIPPED_TRAIN), set.subset(SHIPPED_TRAIN..SHIPPED_ROWS)));
    }
    if let Some([images, labels, test_images, test_labels]) = find_all(directory, &MNIST).as_deref() {
        let train = Images::load(images, labels, MNIST_SCALE)?;
        return Ok((train, Images::load(test_images, test_labels, MNIST_SCALE)?));
    }
    let expected = format!("{}, or {}", SHIPPED.join(" and "), MNIST.join(", "));
    Err(DataError::Missing { directory: directory.into(), expected, found: presence(directory) })
}

/// The file of this name, or of this name with `.gz`. One that may not be looked at counts as there:
/// whoever opens it learns why it can't be read.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let there = |path: &PathBuf| match fs::metadata(path) {
        Ok(metadata) => metadata.is_file(),
        Err(cause) => cause.kind() == ErrorKind::PermissionDenied,
    };
    [directory.join(name), directory.join(format!("{name}.gz"))].into_iter().find(there)
}

fn find_all(directory: &Path, names: &[&str]) -> Option<Vec<PathBuf>> {
    names.iter().map(|name| find(directory, name)).collect()
}

/// Which of the files are in a directory, for a message.
fn presence(directory: &Path) -> String {
    match fs::metadata(directory) {
        Err(cause) => return cause.to_string(),
        Ok(metadata) if !metadata.is_dir() => return "something that is not a directory".into(),
        Ok(_) => {}
    }
    let paths: Vec<PathBuf> = SHIPPED.iter().chain(&MNIST).filter_map(|name| find(directory, name)).collect();
    let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
    if names.is_empty() { "none of them".into() } else { format!("only {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::super::{CLASSES, Idx, IdxValues};
    use super::*;

    /// A directory with files of the given names and contents, gzipped if the name says so.
    fn directory(files: &[(&str, Idx)]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, idx) in files {
            let mut bytes = idx.encode();
            if name.ends_with("gz") {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&bytes).unwrap();
                bytes = encoder.finish().unwrap();
            }
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        directory
    }

    fn idx(shape: &[usize], values: IdxValues) -> Idx {
        Idx { shape: shape.to_vec(), values }
    }

    fn bytes(shape: &[usize], values: &[u8]) -> Idx {
        idx(shape, IdxValues::U8(values.to_vec()))
    }

    #[test]
    fn the_shipped_digits_are_split_by_writers() {
        let (train, test) = digits(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")).unwrap();
        let histogram = |images: &Images| {
            let mut counts = [0; CLASSES];
            images.labels.iter().for_each(|&label| counts[label] += 1);
            counts
        };
        assert_eq!(histogram(&train), [101, 104, 103, 105, 103, 104, 103, 102, 101, 103]);
        assert_eq!(histogram(&test), [77, 78, 74, 78, 78, 78, 78, 77, 73, 77]);
        for images in [&train, &test] {
            assert_eq!((images.height, images.width, images.channels, images.classes), (8, 8, 1, 10));
            assert_eq!(images.pixels.len(), images.len() * images.size());
            assert_eq!(images.pixels.iter().copied().reduce(f32::max), Some(1.0));
            assert!(images.pixels.iter().all(|pixel| (pixel * 16.0).fract() == 0.0));
        }
        // The form begins anew at row 1,029: the test set starts with the same labels as the other.
        assert_eq!(train.labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(test.labels[..10], train.labels[..10]);
    }

    #[test]
    fn files_named_as_mnist_are_read_plain_or_gzipped() {
        let directory = directory(&[
            ("train-images-idx3-ubyte.gz", bytes(&[2, 1, 2], &[0, 51, 255, 204])),
            ("train-labels-idx1-ubyte", bytes(&[2], &[9, 0])),
            ("t10k-images-idx3-ubyte", bytes(&[1, 1, 2], &[102, 0])),
            ("t10k-labels-idx1-ubyte.gz", idx(&[1], IdxValues::I32(vec![5]))),
        ]);
        let (train, test) = digits(&directory).unwrap();
        assert_eq!((train.pixels, train.labels), (vec![0.0, 0.2, 1.0, 0.8], vec![9, 0]));
        assert_eq!((test.pixels, test.labels), (vec![0.4, 0.0], vec![5]));
    }

    #[test]
    fn sets_that_make_no_sense_are_refused_with_what_is_wrong() {
        let (images, labels) = (|| bytes(&[2, 1, 2], &[0, 8, 16, 4]), || bytes(&[2], &[1, 2]));
        let not_a_number = idx(&[2, 1, 1], IdxValues::F64(vec![0.0, f64::NAN]));
        let halves = idx(&[2], IdxValues::F32(vec![1.0, 1.5]));
        let table = [
            (bytes(&[4], &[0; 4]), labels(), 16.0, "I: number of axes at byte 3: expected 3, found 1"),
            (images(), bytes(&[2, 1], &[0; 2]), 16.0, "L: number of axes at byte 3: expected 1, found 2"),
            (images(), bytes(&[3], &[0; 3]), 16.0, "L: expected 2 labels, as many as I has images, found 3"),
            (images(), labels(), 15.0, "I: pixel at byte 18: expected 0 to 15, found 16"),
            (not_a_number, labels(), 16.0, "I: pixel at byte 24: expected 0 to 16, found NaN"),
            (images(), bytes(&[2], &[1, 10]), 16.0, "L: label at byte 9: expected an integer from 0 to 9, found 10"),
            (images(), halves, 16.0, "L: label at byte 12: expected an integer from 0 to 9, found 1.5"),
            (images(), labels(), 0.0, "full_scale: expected a positive number, found 0"),
            (images(), labels(), f32::NAN, "full_scale: expected a positive number, found NaN"),
        ];
        for (images, labels, full_scale, message) in table {
            let directory = directory(&[("I", images), ("L", labels)]);
            let (images, labels) = (directory.path().join("I"), directory.path().join("L"));
            let error = Images::load(images, labels, full_scale).unwrap_err().to_string();
            assert_eq!(error.replace(&format!("{}/", directory.path().display()), ""), message);
        }
        let directory = directory(&[(SHIPPED[0], images()), (SHIPPED[1], labels())]);
        let error = digits(&directory).unwrap_err().to_string();
        assert!(error.ends_with("ubyte: number of images at byte 4: expected 1797, found 2"), "{error}");
    }

    #[test]
    fn a_directory_without_the_files_is_refused_with_their_names() {
        let some = directory(&[("t10k-labels-idx1-ubyte.gz", bytes(&[1], &[5]))]);
        let file = some.path().join("t10k-labels-idx1-ubyte.gz");
        let absent = some.path().join("absent");
        let cause = fs::metadata(&absent).unwrap_err().to_string();
        let none = directory(&[]);
        let table = [
            (some.path(), "only t10k-labels-idx1-ubyte.gz"),
            (none.path(), "none of them"),
            (&file, "something that is not a directory"),
            (&absent, &cause),
        ];
        for (path, found) in table {
            let message = digits(path).unwrap_err().to_string();
            let wanted = "expected a directory with the files optdigits-images-idx3-ubyte and \
                          optdigits-labels-idx1-ubyte, or train-images-idx3-ubyte, train-labels-idx1-ubyte, \
                          t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or with .gz";
            assert_eq!(message, format!("{}: {wanted}, found {found}", path.display()));
        }
    }
}
