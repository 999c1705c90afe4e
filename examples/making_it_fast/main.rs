//! One convolution, from its definition to what the library does: each step, and what it gains.
//!
//! 16 images of 16 × 16, 32 to 32 channels, kernels of 3 × 3, padding 1, `f32`, on one thread but for the last step.
//! Chapter 13 of the book goes through it.
//!
//! ```text
//! cargo run --release --example making_it_fast              # the table
//! cargo run --release --example making_it_fast -- --quick   # that all steps agree, and a rough table
//! cargo run --release --example making_it_fast -- --write   # the table into the chapter, and its picture
//! ```

mod measure;
mod report;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tandem::autograd::kernels::set_threads;

use measure::{distances, numbers, peak, steps};
use steps::{IN, OUT, PLACES, POSITIONS};
use support::{flags, output};

/// Times one convolution, written in ten ways.
#[derive(Parser)]
struct Flags {
    /// Few rounds: shows that all ways agree, and roughly how long they take
    #[arg(long)]
    quick: bool,

    /// Puts the table into the chapter, and draws its picture
    #[arg(long, conflicts_with = "quick")]
    write: bool,
}

/// How far a result may be from the definition's, as a part of the root of the mean square. Sums in another order differ in
/// their last digits; tiles at points lose one digit more.
const TOLERANCE: f32 = 1e-4;

fn main() -> ExitCode {
    output::finish(run(&flags::parse()))
}

fn run(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    set_threads(1);
    let (x, kernel) = (numbers(POSITIONS * IN, 7919), numbers(PLACES * OUT, 5653));
    let mut steps = steps(&x, &kernel);
    let distances = distances(&mut steps);
    for (step, distance) in steps.iter().map(|step| step.name).zip(distances) {
        if distance.is_nan() || distance > TOLERANCE {
            return Err(format!("`{step}`: expected the definition's result to {TOLERANCE}, found {distance}").into());
        }
    }
    let rounds = if flags.quick { 1 } else { 101 };
    measure::measure(&mut steps, rounds);
    let rows = report::rows(&steps);
    let peak = peak(rounds).map(|peak| peak / 1e9);
    print!("{}", report::table(&rows, peak));
    if flags.write {
        let chapter = Path::new("docs/guide/ch13_fast.md");
        let text = std::fs::read_to_string(chapter)?;
        output::write(chapter, &report::inserted(&text, &report::markdown(&rows, peak))?)?;
        output::write(Path::new("docs/guide/figures/ch13_steps.svg"), &report::picture(&rows, peak))?;
    }
    Ok(ExitCode::SUCCESS)
}
