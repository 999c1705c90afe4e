//! The flags, checked before any work starts.

use std::ops::Range;
use std::path::PathBuf;

use clap::Parser;
use tandem::nn::data::Images;

use crate::support::flags::{at_least_one, parse, positive, refuse, seed};
use crate::support::output::check_writable;
use crate::support::rows::{RowFlags, describe, seeds};

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

    #[command(flatten)]
    rows: RowFlags,

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
        let rows = flags.rows.load();
        let (train, test) = (&rows.train, &rows.test);
        let size = |set: &Images| [set.height, set.width];
        if train.is_empty() || test.is_empty() || size(train) != size(test) || size(train).iter().any(|&n| n < 2) {
            let of = |set: &Images| format!("{} of {}×{} pixels", set.len(), set.height, set.width);
            refuse(format!(
                "{}: expected training and test images of one size, at least 2×2, found {} and {}",
                rows.directory.display(),
                of(train),
                of(test)
            ));
        }
        let seeds = seeds(flags.seed, flags.seeds);
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
            data: describe(&rows),
            epochs,
            batch: flags.batch,
            rate: flags.rate,
            seeds,
            threads: rows.threads,
            out: flags.out,
            metrics: flags.metrics,
            resume: flags.resume,
            train: rows.train,
            test: rows.test,
        }
    }
}
