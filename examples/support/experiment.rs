//! What all experiments have in common: flags, seeds in parallel, and a report that is printed and kept.
//!
//! An experiment is a function from an [`Experiment`] to a [`Report`]; [`run`] is the program around it.

use std::error::Error;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::{Args, Command, FromArgMatches};
use serde::{Deserialize, Serialize};
use tandem::autograd::kernels;
use tandem::nn::data::{DataError, Images, digits};

use super::flags::{at_least_one, parse_command, refuse, seed, threads};
use super::format::Table;
use super::output::{check_writable, finish, write};
use super::progress;
use super::rows::seeds;

/// An error that may come from any thread.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What ± does not say, anywhere.
pub const CAUTION: &str = "± is over seeds, that is over draws of rows and first weights; all of them are tested on rows by the \
                           same few writers, and others would add to it.";

/// What an experiment is called, what it is about, and how many seeds it takes.
pub struct About {
    /// The name of the program and of its files.
    pub name: &'static str,
    /// What `--help` says.
    pub help: &'static str,
    /// In full.
    pub seeds: u64,
    /// With `--quick`.
    pub quick: u64,
}

/// The flags of every experiment.
#[derive(Debug, Args)]
struct Flags {
    /// Few seeds and settings: shows that it runs, and roughly what comes out
    #[arg(long)]
    quick: bool,

    /// The first seed: it decides the draws of rows, first weights and all else that is drawn
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value = "0", value_parser = seed)]
    seed: u64,

    /// How many seeds [default: as many as its results in docs/RESULTS.md have; fewer with --quick]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one::<u64>)]
    seeds: Option<u64>,

    /// How many seeds run at a time [default: one a processor]; the figures do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    threads: Option<usize>,

    /// Where the pictures and NAME.json go [default: target/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What was asked for.
pub struct Experiment {
    /// Whether to take few settings.
    pub quick: bool,
    /// The seeds to run with.
    pub seeds: Range<u64>,
    threads: usize,
}

/// What an experiment found: what is printed, drawn and kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// A few words.
    pub title: String,
    /// The claim that is looked at, in a sentence.
    pub claim: String,
    /// What the figures show, in a sentence, with the figures.
    pub shows: String,
    /// Where the claim does not hold, in a sentence, with the figures.
    pub limits: String,
    /// What the figures are of: data, models, settings, and what ± is.
    pub setting: String,
    /// The tables, each with a caption.
    pub tables: Vec<(String, Table)>,
    /// The pictures: the name of the file, what it shows, its content.
    #[serde(skip)]
    pub pictures: Vec<(String, String)>,
    /// All figures, for programs.
    pub figures: serde_json::Value,
}

/// A report in its file, with what it takes to make it again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The name of the program.
    pub name: String,
    /// How it was called.
    pub command: String,
    /// First and last seed.
    pub seeds: [u64; 2],
    /// Names of the pictures.
    pub pictures: Vec<String>,
    /// What it found.
    #[serde(flatten)]
    pub report: Report,
}

/// The program: reads the flags, runs the experiment, prints its tables and sentences, writes its files.
pub fn run(about: &About, study: impl FnOnce(&Experiment) -> Result<Report, Failure>) -> ExitCode {
    let command = Flags::augment_args(Command::new(about.name)).about(about.help);
    let matches = parse_command(command);
    let flags = Flags::from_arg_matches(&matches).unwrap_or_else(|error| refuse(error));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = flags.out.clone().unwrap_or_else(|| root.join("target").join(about.name));
    let file = out.join(format!("{}.json", about.name));
    check_writable(&file).unwrap_or_else(|error| refuse(error));
    let count = flags.seeds.unwrap_or(if flags.quick { about.quick } else { about.seeds });
    let experiment = Experiment {
        quick: flags.quick,
        seeds: seeds(flags.seed, count),
        threads: flags.threads.unwrap_or_else(kernels::threads),
    };
    // Seeds are what runs in parallel.
    kernels::set_threads(1);
    let done = study(&experiment).and_then(|report| {
        print(&report)?;
        keep(about.name, &flags, &experiment, report, &file)
    });
    finish(done.map(|()| ExitCode::SUCCESS).map_err(|error| error as Box<dyn Error>))
}

impl Experiment {
    /// `f` of each item, in their order: on several threads, with a progress bar. What `f` computes must
    /// depend on its item alone, so that any number of threads gives the same.
    ///
    /// # Errors
    /// The error of the first item that has one.
    pub fn map<I: Sync, R: Send, E: Send>(
        &self,
        what: &str,
        items: &[I],
        f: impl Fn(&I) -> Result<R, E> + Sync,
    ) -> Result<Vec<R>, E> {
        let bar = progress::bar(what, items.len() as u64, 0);
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
        thread::scope(|scope| {
            for _ in 0..self.threads.min(items.len()) {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(place) else { break };
                        let result = f(item);
                        results.lock().expect("a panic ends all").push((place, result));
                        bar.inc(1);
                    }
                });
            }
        });
        bar.finish_and_clear();
        let mut results = results.into_inner().expect("a panic ends all");
        results.sort_unstable_by_key(|(place, _)| *place);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// As [`map`](Experiment::map), over all pairs of a setting and a seed: for each setting, the results by seed.
    ///
    /// # Errors
    /// The error of the first pair that has one.
    pub fn over_seeds<S: Sync, R: Send, E: Send>(
        &self,
        what: &str,
        settings: &[S],
        f: impl Fn(&S, u64) -> Result<R, E> + Sync,
    ) -> Result<Vec<Vec<R>>, E> {
        let pairs: Vec<(&S, u64)> =
            settings.iter().flat_map(|setting| self.seeds.clone().map(move |seed| (setting, seed))).collect();
        let mut results = self.map(what, &pairs, |(setting, seed)| f(setting, *seed))?.into_iter();
        let count = self.seeds.clone().count();
        Ok(settings.iter().map(|_| results.by_ref().take(count).collect()).collect())
    }

    /// The same with half as many seeds (at least one), for a part that takes long.
    pub fn half(&self) -> Experiment {
        let count = (self.seeds.end - self.seeds.start).div_ceil(2);
        Experiment { seeds: self.seeds.start..self.seeds.start + count, ..*self }
    }

    /// "20 seeds", for captions.
    pub fn count(&self) -> String {
        let count = self.seeds.end - self.seeds.start;
        format!("{count} seed{}", if count == 1 { "" } else { "s" })
    }
}

/// The digits that ship: 1,029 training rows, and 768 test rows by other writers.
///
/// # Errors
/// If they can't be read.
pub fn shipped_digits() -> Result<(Images, Images), DataError> {
    digits(Path::new(env!("CARGO_MANIFEST_DIR")).join("data"))
}

fn print(report: &Report) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let Report { title, claim, shows, limits, setting, tables, .. } = report;
    writeln!(out, "{title}\n\n{claim}\n{setting}")?;
    for (caption, table) in tables {
        write!(out, "\n{caption}\n\n{table}")?;
    }
    writeln!(out, "\n{shows}\n{limits}\n{CAUTION}")?;
    Ok(())
}

fn keep(name: &str, flags: &Flags, experiment: &Experiment, report: Report, file: &Path) -> Result<(), Failure> {
    for (picture, content) in &report.pictures {
        write(&file.with_file_name(picture), content)?;
    }
    let seeds = [experiment.seeds.start, experiment.seeds.end - 1];
    let given = [
        flags.quick.then(|| "--quick".to_string()),
        (flags.seed > 0).then(|| format!("--seed {}", flags.seed)),
        flags.seeds.map(|count| format!("--seeds {count}")),
    ];
    let given: Vec<String> = given.into_iter().flatten().collect();
    let dashes = if given.is_empty() { "" } else { " -- " };
    let command = format!("cargo run --release --example {name}{dashes}{}", given.join(" "));
    let pictures = report.pictures.iter().map(|(picture, _)| picture.clone()).collect();
    let kept = Kept { name: name.into(), command, seeds, pictures, report };
    write(file, &(serde_json::to_string_pretty(&kept)? + "\n"))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = file.parent().unwrap_or(file);
    let place = place.strip_prefix(root).unwrap_or(place);
    let files: Vec<&str> = kept.pictures.iter().map(String::as_str).collect();
    println!("\n{} and {name}.json: see {}", files.join(", "), place.display());
    Ok(())
}
