//! From soft to hard: two networks that start apart are drawn together, and what came close becomes one.
//!
//! ```text
//! cargo run --release --example coupling_report -- --out target/coupling_report
//! cargo run --release --example coupling_report -- --help
//! ```
//!
//! Network a learns digits, network b the same digits turned. λ grows while they are trained; then those parameters
//! that came close are stored once, and training goes on. The picture shows every pair at every step.

mod cli;
#[path = "../support/mod.rs"]
mod support;
mod training;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use tandem::autograd::Params;
use tandem::nn::data::digits;
use tandem::tying::{Consolidation, Report, Within};

use cli::Flags;
use support::{flags, format::Table, output};
use training::{Study, mean_loss};

const DEGREES: f64 = 25.0;
/// Up to which part of the larger norm ‖wA − wB‖ is close enough.
const CLOSE: f64 = 0.03;

fn main() -> ExitCode {
    let flags: Flags = flags::parse();
    let files = flags.out.as_ref().map(|out| ["coupling.svg", "coupling.json"].map(|name| out.join(name)));
    for path in files.iter().flatten() {
        output::check_writable(path).unwrap_or_else(|error| flags::refuse(error));
    }
    output::finish(run(&flags, files.as_ref(), &mut std::io::stdout().lock()))
}

fn run(flags: &Flags, files: Option<&[PathBuf; 2]>, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let (train, test) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/data"))?;
    let [train, test] = [train, test].map(|images| [images.clone(), images.rotated(DEGREES)]);
    let [coupled, after] = if flags.quick { [120, 30] } else { [1200, 300] };
    let mut study = Study::new(flags.penalty, flags.strength.over(coupled), train)?;

    study.train(coupled, flags.way)?;
    let (report, apart) = (study.report(), study.scores(&test));
    let loss = |params: &Params| mean_loss(&study.networks, params, &test);
    let done = study.coupling.consolidate(&mut study.params, Within::Relative(CLOSE), loss);
    let consolidated = study.scores(&test);
    study.train(after, flags.way)?;
    study.history.push((study.step, study.report()));

    // Whether anybody reads what is printed does not matter to the files.
    if let Some([picture, history]) = files {
        let title = format!("Two networks drawn together: digits, and digits turned by {DEGREES}°");
        output::write(picture, &tandem::draw::heat_map(&study.history, &title))?;
        output::write(history, &json(&study.history))?;
    }
    if let Some(complaint) = diverged(&study.history) {
        return Err(complaint.into());
    }
    writeln!(out, "After {coupled} steps, {report}\n")?;
    let none = if done.shared.is_empty() { " none" } else { "" };
    writeln!(out, "Stored once from here on, being within {CLOSE} of the larger norm:{none}")?;
    for (first, second, distance) in &done.shared {
        writeln!(out, "  {first} and {second}, {distance:.4} apart")?;
    }
    let Consolidation { bytes_freed, loss_before, loss_after, .. } = done;
    writeln!(out, "That freed {bytes_freed} bytes, and took the loss from {loss_before:.4} to {loss_after:.4}.\n")?;
    let mut table = Table::new(["on test images", "parameters", "loss", "accuracy of a, %", "accuracy of b, %"]);
    for (when, scores) in [("before", apart), ("consolidated", consolidated), ("trained on", study.scores(&test))] {
        let [a, b] = scores.accuracies.map(|accuracy| format!("{accuracy:.1}"));
        table.row([when.into(), scores.parameters.to_string(), format!("{:.4}", scores.loss), a, b]);
    }
    write!(out, "{table}")?;
    Ok(ExitCode::SUCCESS)
}

/// The history as JSON: a list of reports, each with its step.
fn json(history: &[(u64, Report)]) -> String {
    #[derive(Serialize)]
    struct At<'a> {
        step: u64,
        #[serde(flatten)]
        report: &'a Report,
    }
    let list: Vec<At<'_>> = history.iter().map(|(step, report)| At { step: *step, report }).collect();
    serde_json::to_string_pretty(&list).expect("names and numbers can be written as JSON") + "\n"
}

/// What to say of a training whose numbers are no longer finite.
fn diverged(history: &[(u64, Report)]) -> Option<String> {
    let lost = |(_, report): &&(u64, Report)| report.pairs.iter().any(|pair| !pair.distance.is_finite());
    history.iter().find(lost).map(|(step, report)| {
        let advice = "a smaller λ, or --way proximal, which is sound at any";
        format!(
            "step {step}: expected finite parameters, found that they diverged at λ = {:.3}; try {advice}",
            report.lambda
        )
    })
}
