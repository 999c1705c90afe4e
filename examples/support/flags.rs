//! How a program reads its flags, and refuses them: in one line, with status 2.

use std::fmt::Display;
use std::process::exit;

use clap::Parser;
use clap::error::ErrorKind;

/// The flags of the command line. What is wrong with them ends the program; so does what asks for help.
pub fn parse<F: Parser>() -> F {
    F::try_parse().unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => refuse(one_line(&error)),
    })
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
