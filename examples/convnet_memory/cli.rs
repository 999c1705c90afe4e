//! The flags, checked before any work starts.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::networks::Plan;
use crate::support::flags::{at_least_one, parse, positive, refuse, seed};
use crate::support::output::check_writable;
use crate::support::rows::{RowFlags, Rows, describe, seeds};
use crate::training::OptimizerKind;
use tandem::nn::data::Images;

/// Trains four networks whose weights are shared more and more (dense, unshared, tiled,
/// convolutional) on handwritten digits, and shows what sharing does to memory.
#[derive(Debug, Parser)]
#[command(name = "convnet_memory")]
pub struct Flags {
    /// Passes through the training rows [default: 30, fewer where there are more rows]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one::<u64>)]
    epochs: Option<u64>,

    /// Images in a training step
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "32", value_parser = at_least_one::<usize>)]
    batch: usize,

    /// Learning rate [default: 0.002 for adam, 0.02 for momentum, 0.2 for sgd]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, value_parser = positive)]
    lr: Option<f64>,

    /// What turns gradients into steps
    #[arg(long, value_enum, default_value = "adam")]
    optimizer: OptimizerKind,

    /// The first seed: it decides the first weights and the order of the rows
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "0", value_parser = seed)]
    seed: u64,

    /// How many seeds to train with, for means and spreads [default: 5]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one::<u64>)]
    seeds: Option<u64>,

    #[command(flatten)]
    rows: RowFlags,

    /// Where the picture goes, footprint.svg [default: target/convnet_memory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Write all figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a row for each network to this file as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Break the figures down by layer and by name
    #[arg(long)]
    per_layer: bool,

    /// One seed and two epochs, unless other flags say otherwise
    #[arg(long)]
    quick: bool,
}

/// What the program is to do, with everything checked.
pub struct Task {
    /// Rows to train on.
    pub train: Images,
    /// Rows to test on.
    pub test: Images,
    /// What the data are, for headings.
    pub data: String,
    /// Sizes of the networks.
    pub plan: Plan,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Its learning rate.
    pub lr: f64,
    /// Images in a step.
    pub batch: usize,
    /// Passes through the training rows.
    pub epochs: u64,
    /// The seeds to train with.
    pub seeds: std::ops::Range<u64>,
    /// Threads for large products.
    pub threads: usize,
    /// The picture.
    pub picture: PathBuf,
    /// The figures as JSON.
    pub json: Option<PathBuf>,
    /// The figures as CSV.
    pub csv: Option<PathBuf>,
    /// Whether to break the figures down by layer and by name.
    pub per_layer: bool,
}

impl Task {
    /// The task that the command line sets. Whatever is wrong with it ends the program here.
    pub fn from_command_line() -> Task {
        let flags: Flags = parse();
        let rows = flags.rows.load();
        let plan = fitting(&rows, flags.batch);
        let (epochs, count) = if flags.quick { (2, 1) } else { (epochs_for(rows.train.len()), 5) };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let picture = flags.out.unwrap_or_else(|| root.join("target/convnet_memory")).join("footprint.svg");
        check_outputs([("--out", Some(&picture)), ("--json", flags.json.as_ref()), ("--csv", flags.csv.as_ref())]);
        Task {
            data: describe(&rows),
            train: rows.train,
            test: rows.test,
            plan,
            optimizer: flags.optimizer,
            lr: flags.lr.unwrap_or(flags.optimizer.usual_rate()),
            batch: flags.batch,
            epochs: flags.epochs.unwrap_or(epochs),
            seeds: seeds(flags.seed, flags.seeds.unwrap_or(count)),
            threads: rows.threads,
            picture,
            json: flags.json,
            csv: flags.csv,
            per_layer: flags.per_layer,
        }
    }
}

/// Networks of a size that fits the images, in batches of this size. Whatever does not fit ends the program.
fn fitting(Rows { directory, train, test, .. }: &Rows, batch: usize) -> Plan {
    if batch > train.len() {
        refuse(format!("--batch: expected at most {}, the number of training rows, found {batch}", train.len()));
    }
    if test.is_empty() || (train.height, train.width) != (test.height, test.width) {
        let of = |set: &Images| format!("{} images of {}×{}", set.len(), set.height, set.width);
        refuse(format!(
            "{}: expected test images like the training images, found {} and {}",
            directory.display(),
            of(train),
            of(test)
        ));
    }
    Plan::new([train.height, train.width], train.channels, train.classes).unwrap_or_else(|| {
        refuse(format!(
            "{}: expected images of at least 4×4 pixels and at most 800×800, found {}×{}",
            directory.display(),
            train.height,
            train.width
        ))
    })
}

/// Makes sure that every output can be written, and that no two are one file.
fn check_outputs(outputs: [(&str, Option<&PathBuf>); 3]) {
    for path in outputs.iter().filter_map(|(_, path)| *path) {
        check_writable(path).unwrap_or_else(|error| refuse(error));
    }
    for (i, (first, one)) in outputs.iter().enumerate() {
        for (second, other) in &outputs[i + 1..] {
            if let (Some(one), Some(other)) = (one, other)
                && same_file(one, other)
            {
                refuse(format!("{first} and {second}: expected two files, found `{}` for both", one.display()));
            }
        }
    }
}

/// As many epochs as show about 31,000 images, at least one and at most 30.
fn epochs_for(rows: usize) -> u64 {
    (31_000 / rows.max(1)).clamp(1, 30) as u64
}

/// Whether two paths, whose directories exist, name one file.
fn same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (directory.canonicalize().ok(), path.file_name().map(ToOwned::to_owned))
    };
    place(one) == place(other)
}
