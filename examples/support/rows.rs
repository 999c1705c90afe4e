//! Which rows a program trains on, and on which it is tested.

use std::path::Path;

use tandem::nn::data::Images;

/// The rows but for one quarter of them, and that quarter. The rows stand in the order in which people
/// wrote them, so that a quarter is mostly by people of its own.
pub fn hold_out(rows: &Images, quarter: usize) -> (Images, Images) {
    let [start, end] = [quarter, quarter + 1].map(|k| k * rows.len() / 4);
    (rows.subset((0..start).chain(end..rows.len())), rows.subset(start..end))
}

/// What the data are, in a line; a directory below the root without the root.
pub fn describe(directory: &Path, root: &Path, train: &Images, test: &Images) -> String {
    format!(
        "{}, {} training and {} test rows of {}×{} pixels",
        directory.display().to_string().replace(&format!("{}/", root.display()), ""),
        train.len(),
        test.len(),
        train.height,
        train.width
    )
}
