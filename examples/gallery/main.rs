//! All experiments, one after the other, and one page that shows what they found.
//!
//! ```text
//! cargo run --release --example gallery
//! cargo run --release --example gallery -- --quick --only sharing_spectrum
//! cargo run --release --example gallery -- --results docs/RESULTS.md
//! ```
//!
//! The page is `target/gallery/index.html`: it needs neither a network nor a server. An experiment that fails has its
//! place there like the others, with what it said.

mod markdown;
mod page;
mod runs;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use runs::Run;
use support::machine::Machine;
use support::{flags, output};

/// The names of the programs, in the order in which they are read.
const EXPERIMENTS: [&str; 7] = [
    "coupled_digits",
    "lasserre_hybrid",
    "from_penalty_to_constraint",
    "sharing_spectrum",
    "weight_groups",
    "shared_in_time",
    "tied_autoencoder",
];

/// Runs all experiments, one after the other, and writes one page with what they found.
#[derive(Parser)]
#[command(name = "gallery")]
pub struct Flags {
    /// Few seeds and settings: shows that all of them run, and roughly what comes out
    #[arg(long)]
    quick: bool,

    /// How many seeds run at a time [default: one a processor]; the figures do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = flags::threads)]
    threads: Option<usize>,

    /// Where index.html and the files of the experiments go [default: target/gallery]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// This experiment alone; may be repeated
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(EXPERIMENTS))]
    only: Vec<String>,

    /// Also write the figures, without the pictures, as Markdown
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

/// All that the page shows.
pub struct Gallery {
    /// Where and when.
    pub machine: Machine,
    /// Whether experiments took few seeds.
    pub quick: bool,
    /// In the order in which they are read.
    pub runs: Vec<Run>,
}

fn main() -> ExitCode {
    let flags: Flags = flags::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = flags.out.clone().unwrap_or_else(|| root.join("target/gallery"));
    let page = out.join("index.html");
    for file in [Some(&page), flags.results.as_ref()].into_iter().flatten() {
        output::check_writable(file).unwrap_or_else(|error| flags::refuse(error));
    }
    output::finish(run(&flags, &out, &page))
}

fn run(flags: &Flags, out: &Path, page: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let chosen = |name: &&str| flags.only.is_empty() || flags.only.iter().any(|only| only == name);
    let names: Vec<&'static str> = EXPERIMENTS.into_iter().filter(chosen).collect();
    let machine = Machine::this();
    let programs = runs::build(&names)?;
    let mut runs = Vec::new();
    for (i, name) in names.iter().enumerate() {
        eprintln!("{name} ({} of {})", i + 1, names.len());
        let run = match programs.get(*name) {
            Some(program) => Run::of(name, program, flags, out),
            None => Run::failed(name, "It could not be built.".into()),
        };
        if let Err(reason) = &run.found {
            eprintln!("error: {name}: {reason}");
        }
        runs.push(run);
    }
    let gallery = Gallery { machine, quick: flags.quick, runs };
    output::write(page, &page::html(&gallery))?;
    println!("{}", page.display());
    if let Some(results) = &flags.results {
        output::write(results, &markdown::text(&gallery))?;
        println!("{}", results.display());
    }
    let failed = gallery.runs.iter().filter(|run| run.found.is_err()).count();
    if failed > 0 {
        eprintln!("error: {failed} of {} experiments failed", gallery.runs.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
