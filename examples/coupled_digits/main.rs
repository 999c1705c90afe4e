//! Two models with the same classes and related inputs: when to share, when to couple, when to keep apart.
//!
//! ```text
//! cargo run --release --example coupled_digits
//! cargo run --release --example coupled_digits -- --help
//! ```
//!
//! Deep Learning, section 7.9: model A has many labels, model B few, by other writers and turned. How well B does
//! depends on how much the tasks have in common (the angle) and on how strongly the two are held together (from free
//! over λ‖wA − wB‖² to shared). Linear models over a full grid, small convolutional nets over a coarser one; then what
//! it matters which parameters are paired, and by which penalty.

mod grid;
mod net;
mod penalties;
mod reference;
#[path = "../support/mod.rs"]
mod support;
mod verdict;

use std::process::ExitCode;

use serde_json::json;
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::format::Table;
use support::map::{self, Regime, RegimeMap};
use support::stats::{Estimate, mean};

use grid::{Grid, linear_grid, net_grid};
use reference::{Agreement, Reference};
use verdict::LEAST;

const ABOUT: About = About {
    name: "coupled_digits",
    help: "Two models of related tasks, from free over coupled to shared: a map of who wins where",
    seeds: 20,
    quick: 3,
};

/// How far B's digits are turned.
const DEGREES: [f64; 10] = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0];
const QUICK_DEGREES: [f64; 3] = [0.0, 15.0, 45.0];
/// How many labels A has, and how many B.
const OF_A: usize = 800;
const LABELS: [usize; 2] = [20, 50];
/// λ between free and shared.
const LAMBDAS: [f64; 7] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
const QUICK_LAMBDAS: [f64; 4] = [1e-4, 1e-3, 1e-2, 1e-1];
/// Weight decay of the linear models, so small that it only makes their minimum finite.
const DECAY: f64 = 1e-4;
/// At which the gradient of the linear models counts as zero: ten times as small changes no accuracy by more than 0.2.
const TOLERANCE: f64 = 5e-4;
/// The nets': a coarser grid, and half as many seeds.
const NET_DEGREES: [f64; 3] = [0.0, 30.0, 60.0];
const NET_LAMBDAS: [f64; 3] = [1e-3, 1e-2, 1e-1];
const NET_LABELS: usize = 50;

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let (train, test) = shipped_digits()?;
    let all = train.followed_by(&test);
    let reference = Reference::load()?;
    let agreement = reference.same_rows(&all)?;
    let [few, more] = LABELS.map(|labels| linear_grid(experiment, &all, labels));
    let linear = [few?, more?];
    let [whole, first] = net_grid(experiment, &all)?;
    let norms = penalties::compare(experiment, &all)?;
    let (compared, off) = compare(&reference, &agreement, &linear);

    let grids = [&linear[0], &linear[1], &whole];
    let mut tables: Vec<(String, Table)> = grids.into_iter().chain([&first]).map(Grid::table).collect();
    tables.extend([partial(&whole, &first), norms.table, compared]);
    let [with_few, with_more, of_nets] = grids.map(Grid::verdicts);
    Ok(Report {
        title: "Two models, from free over coupled to shared".into(),
        claim: "If two tasks are similar enough, parameters that are kept close, or shared, make the model with few labels better."
            .into(),
        shows: format!(
            "{}: linear models with {} labels {with_few}; with {} labels {with_more}; convolutional nets with {NET_LABELS} labels {of_nets}.",
            which_appear(&grids),
            LABELS[0],
            LABELS[1],
        ),
        limits: limits(&grids),
        setting: format!(
            "A learns from {OF_A} digits by the first writers, B from few by others, turned; multinomial logistic regression at its minimum \
             (weight decay {DECAY}), and nets of two convolutions; B is tested on the other rows of its writers. Means of {} (nets: {}). \
             ± is the standard error over seeds, of paired differences; the λ of \"coupled\" is picked on the other half of the seeds. \
             Who wins does so by two standard errors, which is chance in one of forty columns, and by {LEAST} points. Nets of \
             which the convolutions alone are paired have a table, but are not counted with the others.",
            experiment.count(),
            experiment.half().count(),
        ),
        tables,
        pictures: vec![("coupled_digits.svg".into(), picture(experiment, &grids))],
        figures: json!({
            "linear": linear.each_ref().map(Grid::figures),
            "nets": [whole.figures(), first.figures()],
            "penalties": norms.figures,
            "reference": { "by": reference.by, "off_in_standard_errors": off },
        }),
    })
}

/// Whether there are columns in which each of the three wins.
fn which_appear(grids: &[&Grid]) -> String {
    let appears = |regime| grids.iter().any(|grid| grid.judged().any(|(_, judged)| judged.regime == regime));
    let three = [(Regime::Share, "sharing"), (Regime::Couple, "coupling"), (Regime::Separate, "separation")];
    let winners: Vec<&str> = three.into_iter().filter(|(regime, _)| appears(*regime)).map(|(_, name)| name).collect();
    match &winners[..] {
        [_, _, _] => "Sharing, coupling and separation each win somewhere".into(),
        [] => "Nothing wins anywhere".into(),
        some => format!("Only {} wins anywhere", some.join(" or ")),
    }
}

/// The linear models here and in SciPy; and how far each mean is off, in standard errors.
fn compare(reference: &Reference, agreement: &Agreement, linear: &[Grid]) -> ((String, Table), Vec<f64>) {
    let (table, off) = reference.compare(|degrees, labels, strength| {
        let grid = linear.iter().find(|grid| grid.labels == labels)?;
        grid.accuracies_at(degrees, strength).map(<[f64]>::to_vec)
    });
    let within = off.iter().filter(|off| off.abs() <= 2.0).count();
    let caption = format!(
        "The linear models here − in SciPy, there of {} draws (their difference in standard errors): {within} of {} within two, the largest {:.1}. Rows are \
         drawn by other generators; all differences of one number of labels are of the same draws, and go together. On the same rows the objectives agree to a \
         relative {:.0e}, accuracies to {:.1} points.",
        reference.seeds,
        off.len(),
        off.iter().fold(0.0, |worst: f64, off| worst.max(off.abs())),
        agreement.objective,
        agreement.accuracy
    );
    ((caption, table), off)
}

fn picture(experiment: &Experiment, grids: &[&Grid]) -> String {
    let subtitle = format!(
        "Model A has {OF_A} labels; model B few, and its digits are turned. λ‖wA − wB‖² holds the two together. Accuracy of B, in per \
         cent of unseen digits by its writers; means of {} (nets: {}). Strips: who wins, with the lead over the other end \
         (coupling: over the better end) ± standard error, paired; coupling wins only if it clearly beats both ends. Open: nobody by two standard errors and {LEAST} points.",
        experiment.count(),
        experiment.half().count(),
    );
    let panels = grids.iter().map(|grid| grid.panel()).collect();
    map::svg(&RegimeMap { title: "Share, couple or separate?".into(), subtitle, panels })
}

/// What it matters which parameters are paired: both ways beside each other.
fn partial(whole: &Grid, first: &Grid) -> (String, Table) {
    let mut table =
        Table::new(["rotation", "free", "shared: all", "convolutions", "all − convolutions", "convolutions − free"]);
    for ((degrees, whole), (_, first)) in whole.lines().zip(first.lines()) {
        let means = [whole.free(), whole.shared(), first.shared()].map(|accuracies| format!("{:.1}", mean(accuracies)));
        let [free, all, convolutions] = means;
        let differences = [(whole.shared(), first.shared()), (first.shared(), first.free())];
        let [over, gain] = differences.map(|(a, b)| format!("{:+.1}", Estimate::paired_difference(a, b)));
        table.row([format!("{degrees}°"), free, all, convolutions, over, gain]);
    }
    ("Convolutional nets, all parameters shared or the convolutions alone: accuracy of B, %".into(), table)
}

/// How little coupling gains over the better end, where it gains at all.
fn limits(grids: &[&Grid]) -> String {
    let all = || grids.iter().flat_map(|grid| grid.judged().map(move |(degrees, judged)| (grid, degrees, judged)));
    let best = all().filter(|(.., judged)| judged.regime == Regime::Couple);
    let best = best.max_by(|(.., a), (.., b)| a.lead().mean.total_cmp(&b.lead().mean));
    let count = all().count();
    let coupled = all().filter(|(.., judged)| judged.regime == Regime::Couple).count();
    let harm = all().map(|(grid, degrees, judged)| (grid, degrees, judged.shared_over_free));
    let harm = harm.min_by(|(.., a), (.., b)| a.mean.total_cmp(&b.mean)).filter(|(.., d)| d.mean < 0.0);
    let wins = match best {
        Some((grid, degrees, judged)) => format!(
            "A strength between wins in {coupled} of {count} columns, by at most {:.1} points over the better end ({}, {degrees}°)",
            judged.lead(),
            grid.what
        ),
        None => format!("No strength between wins over both ends in any of {count} columns"),
    };
    let harm = harm.map_or_else(String::new, |(grid, degrees, harm)| {
        format!("; where tasks differ sharing does harm, most at {degrees}° ({}, {harm:+.1} points)", grid.what)
    });
    format!("{wins}{harm}.")
}
