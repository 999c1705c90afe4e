//! The flags, checked before any work starts.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Parser;
use tandem::nn::data::{Images, digits};

use crate::support::flags::{at_least_one, parse, positive, quarter, refuse, seed, threads};
use crate::support::output::check_writable;
use crate::support::rows::{describe, hold_out};

/// Trains a convolutional network on handwritten digits. Ctrl-C ends the step, saves (with --out) and stops with status 130;
/// pressed again, it stops at once and saves nothing.
#[derive(Debug, Parser)]
#[command(name = "train_digits")]
struct Flags {
    /// Passes through the training rows [default: 80, fewer where there are more rows]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one::<u64>)]
    epochs: Option<u64>,

    /// Images in a step
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "32", value_parser = at_least_one::<usize>)]
    batch: usize,

    /// The learning rate at the start; from there it follows a cosine to 0
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, default_value = "0.002", value_parser = positive)]
    rate: f64,

    /// The first seed: it decides the first weights, the order of the rows and all that is drawn
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "0", value_parser = seed)]
    seed: u64,

    /// How many seeds to train with
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "1", value_parser = at_least_one::<u64>)]
    seeds: u64,

    /// Threads for large products [default: one a processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    threads: Option<usize>,

    /// A directory with files named like MNIST's: train-images-idx3-ubyte, train-labels-idx1-ubyte,
    /// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or with .gz [default: the digits that
    /// ship in data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Hold out this quarter of the training rows, 0 to 3, and test on it instead of on the test rows
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = quarter)]
    fold: Option<usize>,

    /// Where checkpoints go, seed-N.safetensors after every epoch, and metrics.jsonl, a line for each
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Where the metrics go instead
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Go on with the checkpoints in --out
    #[arg(long, requires = "out")]
    resume: bool,
}

/// What the program is to do, with everything checked.
pub struct Task {
    pub train: Images,
    pub test: Images,
    /// What the data are, in a line.
    pub data: String,
    pub epochs: u64,
    pub batch: usize,
    pub rate: f64,
    pub seeds: Range<u64>,
    pub threads: usize,
    pub out: Option<PathBuf>,
    pub metrics: Option<PathBuf>,
    pub resume: bool,
}

impl Task {
    /// The task that the command line sets. Whatever is wrong with it ends the program here.
    pub fn from_command_line() -> Task {
        let flags: Flags = parse();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = flags.data.unwrap_or_else(|| root.join("data"));
        let (train, test) = digits(&directory).unwrap_or_else(|error| refuse(error));
        let (train, test) = match flags.fold {
            Some(quarter) => hold_out(&train, quarter),
            None => (train, test),
        };
        let size = |set: &Images| [set.height, set.width];
        if train.is_empty() || test.is_empty() || size(&train) != size(&test) || size(&train).iter().any(|&n| n < 2) {
            let of = |set: &Images| format!("{} of {}×{} pixels", set.len(), set.height, set.width);
            refuse(format!(
                "{}: expected training and test images of one size, at least 2×2, found {} and {}",
                directory.display(),
                of(&train),
                of(&test)
            ));
        }
        let Some(last) = flags.seed.checked_add(flags.seeds) else {
            refuse(format!("--seed: {} leaves no room for {} seeds", flags.seed, flags.seeds))
        };
        let seeds = flags.seed..last;
        // As many epochs as show about 82,000 images, at least one and at most 80.
        let epochs = flags.epochs.unwrap_or((82_400 / train.len() as u64).clamp(1, 80));
        if epochs.checked_mul(train.len().div_ceil(flags.batch) as u64).is_none() {
            refuse(format!("--epochs: expected fewer, so that the steps can be counted, found {epochs}"));
        }
        for path in flags.out.iter().map(|out| out.join("metrics.jsonl")).chain(flags.metrics.clone()) {
            check_writable(&path).unwrap_or_else(|error| refuse(error));
        }
        if let Some(out) = flags.out.as_ref().filter(|_| !flags.resume) {
            let old = seeds.clone().map(|seed| out.join(format!("seed-{seed}.safetensors"))).find(|file| file.exists());
            if let Some(file) = old {
                refuse(format!(
                    "--out: expected a directory without checkpoints of these seeds, found {}; --resume goes on with it",
                    file.display()
                ));
            }
        }
        Task {
            data: describe(&directory, root, &train, &test),
            epochs,
            batch: flags.batch,
            rate: flags.rate,
            seeds,
            threads: flags.threads.unwrap_or_else(tandem::autograd::kernels::threads),
            out: flags.out,
            metrics: flags.metrics,
            resume: flags.resume,
            train,
            test,
        }
    }
}
