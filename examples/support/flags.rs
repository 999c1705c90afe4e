//! How a program reads its flags, and refuses them: in one line, with status 2.

use std::fmt::Display;
use std::process::exit;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, Parser};

/// The flags of the command line. What is wrong with them ends the program; so does what asks for help.
pub fn parse<F: Parser>() -> F {
    F::try_parse().unwrap_or_else(|error| end(&error))
}

/// As [`parse`], for flags that were put together.
pub fn parse_command(command: Command) -> ArgMatches {
    command.try_get_matches().unwrap_or_else(|error| end(&error))
}

fn end(error: &clap::Error) -> ! {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => refuse(one_line(error)),
    }
}

/// Says what is wrong in one line, and ends the program with status 2.
pub fn refuse(complaint: impl Display) -> ! {
    eprintln!("error: {complaint}");
    exit(2)
}

/// A complaint of the parser of flags, without its hints.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage") && !line.starts_with("For more"));
    let line = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").map_or(line.clone(), str::to_string)
}

/// The value of a flag: a seed.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// The value of a flag: a count.
pub fn at_least_one<T: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    text.parse().ok().filter(|n| *n >= T::from(1)).ok_or_else(|| "expected a whole number of at least 1".into())
}

/// The value of a flag: threads.
pub fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=256).contains(n)).ok_or_else(|| "expected a whole number from 1 to 256".into())
}

/// The value of a flag: a quarter of the rows, to be held out.
pub fn quarter(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|k| *k < 4).ok_or_else(|| "expected 0, 1, 2 or 3".into())
}

/// The value of a flag: a positive number.
pub fn positive(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
    found.ok_or_else(|| "expected a positive number".into())
}
