//! What can be wrong with data that comes from outside.

use std::io;
use std::path::PathBuf;

/// Why a data set could not be loaded or divided. The message names the file, the field, the byte
/// offset where there is one, what was expected and what was found.
///
/// Offsets in a gzipped file count bytes of its decompressed content.
///
/// ```
/// use tandem_nn::data::Idx;
/// let error = Idx::parse(&[0, 0, 0x0A, 1], "labels").unwrap_err();
/// assert_eq!(error.to_string(), "labels: element type at byte 2: expected 08, 09, 0B, 0C, 0D or 0E, found 0A");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file could not be opened.
    #[error("{path}: cannot be opened: {cause}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Reading stopped before the end: a device failed, or a gzip stream is broken off or corrupt.
    #[error("{path}: cannot be read past byte {offset}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// How many bytes of content came before the failure.
        offset: u64,
        /// What the operating system or the gzip decoder said.
        cause: io::Error,
    },
    /// The content is not what its format or its meaning asks for.
    #[error("{path}: {field} at byte {offset}: expected {expected}, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        field: &'static str,
        /// Where that part begins.
        offset: u64,
        /// What would have been right.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file of labels does not belong to the file of images.
    #[error("{labels}: expected {image_count} labels, as many as {images} has images, found {label_count}")]
    Lengths {
        /// The file of images.
        images: PathBuf,
        /// How many images it has.
        image_count: usize,
        /// The file of labels.
        labels: PathBuf,
        /// How many labels it has.
        label_count: usize,
    },
    /// A directory holds no known set of files.
    #[error("{directory}: expected a directory with the files {expected}, each plain or with .gz, found {found}")]
    Missing {
        /// The directory.
        directory: PathBuf,
        /// The names that were looked for.
        expected: String,
        /// Those of the names that were found, or why the directory could not be searched.
        found: String,
    },
    /// An argument is out of its range.
    #[error("{argument}: expected {expected}, found {found}")]
    Argument {
        /// The argument's name.
        argument: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
    },
}
