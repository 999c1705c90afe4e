//! A set of labelled images: read from files, picked from, copied into batches.

use std::path::Path;

use super::idx::format;
use super::{DataError, Idx};

/// How many classes the labels of a digit set may name: 0 to 9.
pub const CLASSES: usize = 10;

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
    /// The pixels, laid out as images × rows × columns × channels, each from 0 to 1 until noise is added.
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

    /// The images of this set, then those of another.
    ///
    /// # Panics
    /// If the sets differ in the size of their images, in channels or in the number of classes.
    ///
    /// ```
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, test) = tandem_nn::data::digits(directory)?;
    /// let all = train.followed_by(&test);
    /// assert_eq!((all.len(), all.image(1029)), (1797, test.image(0)));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn followed_by(&self, next: &Images) -> Images {
        let kind = |set: &Images| [set.height, set.width, set.channels, set.classes];
        assert!(
            kind(self) == kind(next),
            "followed_by(): sets of [height, width, channels, classes] {:?} and {:?}",
            kind(self),
            kind(next)
        );
        let (pixels, labels) = ([&*self.pixels, &*next.pixels].concat(), [&*self.labels, &*next.labels].concat());
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
        self.check_room(rows, pixels.len(), labels.len());
        let size = self.size();
        for (place, &row) in rows.iter().enumerate() {
            let places = &mut pixels[place * size..][..size];
            places.iter_mut().zip(self.image(row)).for_each(|(to, &from)| *to = T::from(from));
            labels[place] = T::from(self.labels[row] as f32);
        }
    }

    /// Panics unless these rows are there, and fit into buffers of so many pixels and labels.
    #[track_caller]
    pub(super) fn check_room(&self, rows: &[usize], pixels: usize, labels: usize) {
        let (size, n, len) = (self.size(), rows.len(), self.len());
        assert!(pixels >= n * size, "{n} images of {size} pixels need {} places, found {pixels}", n * size);
        assert!(labels >= n, "{n} labels need {n} places, found {labels}");
        if let Some(row) = rows.iter().find(|&&row| row >= len) {
            panic!("row {row} of {len} images");
        }
    }
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
    use super::*;

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
