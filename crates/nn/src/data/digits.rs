//! Labelled images, and the two sets of handwritten digits that are known by their files' names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::idx::format;
use super::{DataError, Idx};

/// How many classes the labels of a digit set may name: 0 to 9.
pub const CLASSES: usize = 10;

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

/// A set of labelled images of one size.
///
/// ```
/// use tandem_nn::data::Images;
/// let images = Images {
///     height: 1,
///     width: 2,
///     channels: 1,
///     pixels: vec![0.0, 0.5, 1.0, 0.25],
///     labels: vec![3, 8],
///     classes: 10,
/// };
/// assert_eq!((images.len(), images.size()), (2, 2));
/// assert_eq!(images.image(1), [1.0, 0.25]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// The rows of an image.
    pub height: usize,
    /// The columns of an image.
    pub width: usize,
    /// The channels of an image: 1 in the sets that this module reads.
    pub channels: usize,
    /// The pixels, laid out as images × rows × columns × channels, each from 0 to 1.
    pub pixels: Vec<f32>,
    /// The class of each image.
    pub labels: Vec<usize>,
    /// How many classes there are. Every label is less.
    pub classes: usize,
}

impl Images {
    /// The images of one IDX file with the labels of another. A stored value v becomes the pixel
    /// v / `full_scale`, so that full scale is 1.
    ///
    /// # Errors
    /// Those of [`Idx::read`], [`DataError::Format`] if the images have other than three axes, the
    /// labels other than one, a label is not an integer from 0 to 9 or a value not in
    /// 0..=`full_scale`, [`DataError::Lengths`] if there are not as many labels as images, and
    /// [`DataError::Argument`] if `full_scale` is not a positive number.
    ///
    /// ```
    /// use tandem_nn::data::{Idx, IdxValues, Images};
    /// # let directory = tempfile::tempdir()?;
    /// # let (images, labels) = (directory.path().join("images"), directory.path().join("labels"));
    /// std::fs::write(&images, Idx { shape: vec![2, 1, 1], values: IdxValues::U8(vec![4, 16]) }.encode())?;
    /// std::fs::write(&labels, Idx { shape: vec![2], values: IdxValues::U8(vec![7, 0]) }.encode())?;
    /// let set = Images::load(&images, &labels, 16.0)?;
    /// assert_eq!((set.pixels, set.labels), (vec![0.25, 1.0], vec![7, 0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(images: impl AsRef<Path>, labels: impl AsRef<Path>, full_scale: f32) -> Result<Images, DataError> {
        let (images, labels) = (images.as_ref(), labels.as_ref());
        if !(full_scale.is_finite() && full_scale > 0.0) {
            let (expected, found) = ("a positive number".into(), full_scale.to_string());
            return Err(DataError::Argument { argument: "full_scale", expected, found });
        }
        let (pictures, classes) = (Idx::read(images)?, Idx::read(labels)?);
        let &[count, height, width] = &pictures.shape[..] else {
            return Err(wrong_rank(images, 3, &pictures));
        };
        let &[label_count] = &classes.shape[..] else {
            return Err(wrong_rank(labels, 1, &classes));
        };
        if count != label_count {
            return Err(DataError::Lengths {
                images: images.into(),
                image_count: count,
                labels: labels.into(),
                label_count,
            });
        }
        let pixels = scaled(&pictures, full_scale, images)?;
        let labels = class_indices(&classes, labels)?;
        Ok(Images { height, width, channels: 1, pixels, labels, classes: CLASSES })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many numbers make an image: rows · columns · channels.
    pub fn size(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The pixels of one image, laid out as rows × columns × channels.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn image(&self, row: usize) -> &[f32] {
        &self.pixels[row * self.size()..][..self.size()]
    }

    /// The images of some rows, in the order of the rows: of a range, or of a part that
    /// [`stratified_split`](super::stratified_split) has chosen.
    ///
    /// # Panics
    /// If there is no such row.
    ///
    /// ```
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, _) = tandem_nn::data::digits(directory)?;
    /// assert_eq!(train.subset(0..130).len(), 130);
    /// assert_eq!(train.subset([5, 3]).image(1), train.image(3));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn subset(&self, rows: impl IntoIterator<Item = usize>) -> Images {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for row in rows {
            pixels.extend_from_slice(self.image(row));
            labels.push(self.labels[row]);
        }
        Images { pixels, labels, ..*self }
    }

    /// Copies the images and labels of some rows into the beginnings of two buffers, n · size
    /// numbers and n numbers for n rows. Labels become floats, which hold class indices exactly.
    ///
    /// The buffers may be longer, so that those for a full batch also take the last, partial one.
    ///
    /// # Panics
    /// If there is no such row, or a buffer is too short.
    ///
    /// ```
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, _) = tandem_nn::data::digits(directory)?;
    /// let (mut pixels, mut labels) = ([0f64; 2 * 64], [0f64; 2]);
    /// train.gather(&[4, 2], &mut pixels, &mut labels);
    /// assert_eq!(labels, [4.0, 2.0]);
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn gather<T: From<f32>>(&self, rows: &[usize], pixels: &mut [T], labels: &mut [T]) {
        let (size, n) = (self.size(), rows.len());
        assert!(
            pixels.len() >= n * size,
            "{n} images of {size} pixels need {} places, found {}",
            n * size,
            pixels.len()
        );
        assert!(labels.len() >= n, "{n} labels need {n} places, found {}", labels.len());
        for (place, &row) in rows.iter().enumerate() {
            let places = &mut pixels[place * size..][..size];
            places.iter_mut().zip(self.image(row)).for_each(|(to, &from)| *to = T::from(from));
            labels[place] = T::from(self.labels[row] as f32);
        }
    }
}

/// The handwritten digits in a directory as (train, test), by the names of its files:
///
/// - `optdigits-images-idx3-ubyte` and `optdigits-labels-idx1-ubyte`, the set shipped with this
///   repository: 8×8 pixels, 1,029 rows for training and 768, by other writers, for testing;
/// - otherwise `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
///   `t10k-labels-idx1-ubyte`, as MNIST and the sets made in its likeness are distributed.
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

fn wrong_rank(path: &Path, rank: usize, idx: &Idx) -> DataError {
    format(path, "number of axes", 3, rank.to_string(), idx.shape.len().to_string())
}

fn scaled(idx: &Idx, full_scale: f32, path: &Path) -> Result<Vec<f32>, DataError> {
    let full_scale = f64::from(full_scale);
    let mut pixels = Vec::with_capacity(idx.values.len());
    for (index, value) in idx.values.as_f64().enumerate() {
        // Not-a-number is in no range, so this refuses it as well.
        if !(0.0..=full_scale).contains(&value) {
            return Err(format(path, "pixel", idx.offset(index), format!("0 to {full_scale}"), value.to_string()));
        }
        pixels.push((value / full_scale) as f32);
    }
    Ok(pixels)
}

fn class_indices(idx: &Idx, path: &Path) -> Result<Vec<usize>, DataError> {
    let mut labels = Vec::with_capacity(idx.values.len());
    for (index, value) in idx.values.as_f64().enumerate() {
        if !(0.0..CLASSES as f64).contains(&value) || value.fract() != 0.0 {
            let expected = format!("an integer from 0 to {}", CLASSES - 1);
            return Err(format(path, "label", idx.offset(index), expected, value.to_string()));
        }
        labels.push(value as usize);
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::super::IdxValues;
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

    #[test]
    fn rows_are_gathered_in_the_order_asked_for() {
        let pixels = vec![0.0, 0.25, 0.5, 0.75, 1.0, 0.125];
        let images = Images { height: 1, width: 2, channels: 1, pixels, labels: vec![4, 5, 6], classes: CLASSES };
        let (mut pixels, mut labels) = ([9f64; 6], [9f64; 3]);
        images.gather(&[2, 0], &mut pixels, &mut labels);
        assert_eq!((pixels, labels), ([1.0, 0.125, 0.0, 0.25, 9.0, 9.0], [6.0, 4.0, 9.0]));
        let part = images.subset(1..3);
        assert_eq!((part.pixels, part.labels), (vec![0.5, 0.75, 1.0, 0.125], vec![5, 6]));
    }
}
