//! Makes the figures of the book, `docs/guide/figures/*.svg`, from the code that they show.
//!
//! `cargo run --release --example book_figures`, in the root of the repository. What is measured in seconds is not made
//! here, so that a second run gives the same files.

#[path = "../support/mod.rs"]
mod support;

mod ch01;
mod ch02;
mod ch04;
mod ch05;
mod ch06;
mod ch07;
mod ch08;
mod ch09;
mod ch10;
mod ch11;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// A figure: the name of its file, without the ending, and the file's text.
type Figure = (&'static str, String);

/// Makes the figures of the book, in docs/guide/figures.
#[derive(Parser)]
struct Flags {}

fn main() -> ExitCode {
    let Flags {} = support::flags::parse();
    let chapters: [fn() -> Vec<Figure>; _] = [
        ch01::figures,
        ch02::figures,
        ch04::figures,
        ch05::figures,
        ch06::figures,
        ch07::figures,
        ch08::figures,
        ch09::figures,
        ch10::figures,
        ch11::figures,
    ];
    support::output::finish(write(chapters.iter().flat_map(|figures| figures())))
}

fn write(figures: impl Iterator<Item = Figure>) -> Result<ExitCode, Box<dyn std::error::Error>> {
    for (name, svg) in figures {
        let path = Path::new("docs/guide/figures").join(name).with_extension("svg");
        support::output::write(&path, &svg)?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
