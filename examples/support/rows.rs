//! Which rows a program trains on, and on which it is tested.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use tandem::nn::data::{Batches, DataError, Images, Last, digits};

use super::flags::{quarter, refuse, threads};

/// The flags of a program that trains on digits: on which, and with how many threads.
#[derive(Debug, Args)]
pub struct RowFlags {
    /// Threads for large products [default: one a processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    threads: Option<usize>,

    /// A directory with files named like MNIST's: train-images-idx3-ubyte, train-labels-idx1-ubyte,
    /// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or with .gz [default: the digits that
    /// ship in data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Hold out this quarter of the training rows, 0 to 3, and test on it instead of on the test
    /// rows: how settings are chosen without seeing those
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = quarter)]
    fold: Option<usize>,
}

/// What the flags ask for.
pub struct Rows {
    pub directory: PathBuf,
    pub train: Images,
    pub test: Images,
    pub threads: usize,
}

impl RowFlags {
    /// Reads the rows. Files that can't be read end the program.
    pub fn load(self) -> Rows {
        let directory = self.data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("data"));
        let (train, test) = digits(&directory).unwrap_or_else(|error| refuse(error));
        let (train, test) = match self.fold {
            Some(quarter) => hold_out(&train, quarter),
            None => (train, test),
        };
        let threads = self.threads.unwrap_or_else(tandem::autograd::kernels::threads);
        Rows { directory, train, test, threads }
    }
}

/// So many seeds, from the first on. More than there are end the program.
pub fn seeds(first: u64, count: u64) -> Range<u64> {
    let last = first.checked_add(count);
    first..last.unwrap_or_else(|| refuse(format!("--seed: {first} leaves no room for {count} seeds")))
}

/// So many rows at random, in random order. Of two draws with one seed the smaller is the beginning of the larger.
///
/// # Errors
/// If it is none.
pub fn draw(images: &Images, count: usize, seed: u64) -> Result<Images, DataError> {
    let order = Batches::new(images.len(), count, seed, Last::Keep)?;
    Ok(images.subset(order.iter().take(1).flatten().copied()))
}

/// The rows but for one quarter of them, and that quarter. The rows stand in the order in which people
/// wrote them, so that a quarter is mostly by people of its own.
fn hold_out(rows: &Images, quarter: usize) -> (Images, Images) {
    let [start, end] = [quarter, quarter + 1].map(|k| k * rows.len() / 4);
    (rows.subset((0..start).chain(end..rows.len())), rows.subset(start..end))
}

/// What the data are, in a line; a directory below the root without the root.
pub fn describe(Rows { directory, train, test, .. }: &Rows) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    format!(
        "{}, {} training and {} test rows of {}×{} pixels",
        directory.display().to_string().replace(&format!("{}/", root.display()), ""),
        train.len(),
        test.len(),
        train.height,
        train.width
    )
}
