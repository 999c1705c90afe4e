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

mod net;
mod penalties;
mod reference;
#[path = "../support/mod.rs"]
mod support;
mod verdict;

use std::process::ExitCode;

use serde_json::json;
use tandem::nn::data::Images;
use tandem::tying::{SquaredL2, Strength};

use net::Paired;
use reference::Reference;
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::format::Table;
use support::map::{self, MapPanel, Regime, RegimeMap};
use support::pair::Pair;
use support::stats::{Estimate, mean};
use support::tasks::Tasks;
use verdict::{Judged, Line, in_words, name};

const ABOUT: About = About {
    name: "coupled_digits",
    about: "Two models of related tasks, from free over coupled to shared: a map of who wins where",
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
    if agreement.objective > 1e-6 || agreement.accuracy > 0.2 {
        return Err(format!("reference.json: expected its objectives, found them off by {:.1e}", agreement.objective).into());
    }

    let grids = LABELS.map(|labels| linear_grid(experiment, &all, labels)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let nets = net_grid(experiment, &all)?;
    let norms = penalties::compare(experiment, &all)?;

    let mut tables: Vec<(String, Table)> = grids.iter().chain([&nets[0]]).map(Grid::table).collect();
    tables.push(partial(&nets));
    tables.push(norms.table);
    let (table, offs) = reference.compare(|degrees, labels, strength| {
        let grid = grids.iter().find(|grid| grid.labels == labels)?;
        let column = grid.degrees.iter().position(|&other| other == degrees)?;
        let row = grid.strengths.iter().position(|&other| other == strength)?;
        Some(grid.accuracies[column][row].clone())
    });
    let within = offs.iter().filter(|off| off.abs() <= 2.0).count();
    tables.push((
        format!(
            "The linear model here − in SciPy (their difference in standard errors): {within} of {} within two, the largest {:.1}. \
             The draws of rows differ. On the same rows the objectives agree to a relative {:.0e}, accuracies to {:.1} points.",
            offs.len(),
            offs.iter().fold(0.0, |worst: f64, off| worst.max(off.abs())),
            agreement.objective,
            agreement.accuracy
        ),
        table,
    ));
    let panels: Vec<MapPanel> = grids.iter().chain([&nets[0]]).map(Grid::panel).collect();
    let subtitle = format!(
        "Accuracy of model B, in per cent of unseen digits by its writers; means of {} (nets: {}). A: 800 labels, upright. \
         Strips: who wins, with the lead over the other end (coupling: over the better end) ± standard error, paired. \
         Open: nobody by two standard errors.",
        experiment.count(),
        nets_count(experiment),
    );
    let picture = map::svg(&RegimeMap { title: "Share, couple or separate?".into(), subtitle, panels });
    let verdicts = |grid: &Grid| in_words(&grid.judged().map(|(degrees, judged)| (degrees, judged.regime)).collect::<Vec<_>>());
    Ok(Report {
        title: "Two models, from free over coupled to shared".into(),
        claim: "If two tasks are similar enough, parameters that are kept close, or shared, make the model with few labels better."
            .into(),
        shows: format!(
            "With {} labels: {}; with {}: {}; convolutional nets with {NET_LABELS}: {}.",
            LABELS[0],
            verdicts(&grids[0]),
            LABELS[1],
            verdicts(&grids[1]),
            verdicts(&nets[0]),
        ),
        limits: limits(&grids, &nets),
        setting: "A learns from 800 digits by the first writers, B from few by others, turned; multinomial logistic regression at its \
                  minimum (weight decay 1e-4), and nets of two convolutions; B is tested on the other rows of its writers. ± is the \
                  standard error over seeds, of paired differences; the λ of \"coupled\" is picked on the other half of the seeds."
            .into(),
        tables,
        pictures: vec![("coupled_digits.svg".into(), picture)],
        figures: json!({
            "linear": grids.iter().map(Grid::figures).collect::<Vec<_>>(),
            "nets": nets.iter().map(Grid::figures).collect::<Vec<_>>(),
            "penalties": norms.figures,
            "reference": { "by": reference.by, "off_in_standard_errors": offs },
        }),
    })
}

/// Accuracies over rotation × strength.
struct Grid {
    what: String,
    labels: usize,
    degrees: Vec<f64>,
    strengths: Vec<Strength>,
    /// For each rotation and strength, by seed, in per cent.
    accuracies: Vec<Vec<Vec<f64>>>,
}

fn line_of(lambdas: &[f64]) -> Vec<Strength> {
    let between = lambdas.iter().map(|&lambda| Strength::Coupled(lambda));
    [Strength::Free].into_iter().chain(between).chain([Strength::Shared]).collect()
}

/// "free", "0.001", "shared".
fn label(strength: Strength) -> String {
    match strength {
        Strength::Coupled(lambda) => lambda.to_string(),
        end => end.to_string(),
    }
}

/// One store, one coupling: it moves along the line, from minimum to minimum.
fn linear_grid(experiment: &Experiment, all: &Images, labels: usize) -> Result<Grid, Failure> {
    let degrees = if experiment.quick { QUICK_DEGREES.to_vec() } else { DEGREES.to_vec() };
    let strengths = line_of(if experiment.quick { &QUICK_LAMBDAS } else { &LAMBDAS });
    let tasks: Vec<Tasks> = degrees.iter().map(|&degrees| Tasks::new(all, degrees)).collect();
    let what = format!("Linear models, {labels} labels");
    let lines = experiment.over_seeds(&what, &tasks, |tasks, seed| -> Result<Vec<f64>, Failure> {
        let draw = tasks.draw([OF_A, labels], 0, seed)?;
        let mut pair = Pair::<f32>::new(&draw, SquaredL2, DECAY, TOLERANCE)?;
        strengths.iter().map(|&strength| pair.fit(strength).map(|_| pair.accuracy(&draw.test))).collect()
    })?;
    let by_strength = |by_seed: Vec<Vec<f64>>| (0..strengths.len()).map(|i| by_seed.iter().map(|line| line[i]).collect()).collect();
    Ok(Grid { what, labels, degrees, accuracies: lines.into_iter().map(by_strength).collect(), strengths })
}

/// All parameters paired, and the first layers alone; half the seeds.
fn net_grid(experiment: &Experiment, all: &Images) -> Result<[Grid; 2], Failure> {
    let strengths = line_of(if experiment.quick { &NET_LAMBDAS[1..2] } else { &NET_LAMBDAS });
    let half = experiment.half();
    let tasks: Vec<Tasks> = NET_DEGREES.iter().map(|&degrees| Tasks::new(all, degrees)).collect();
    let grid = |paired: Paired, words: &str| -> Result<Grid, Failure> {
        let what = format!("Convolutional nets, {words}, {NET_LABELS} labels");
        let settings: Vec<(&Tasks, Strength)> =
            tasks.iter().flat_map(|tasks| strengths.iter().map(move |&strength| (tasks, strength))).collect();
        let flat = half.over_seeds(&what, &settings, |&(tasks, strength), seed| {
            net::accuracy_of_b(&tasks.draw([OF_A, NET_LABELS], 0, seed)?, strength, paired, seed)
        })?;
        let accuracies = flat.chunks(strengths.len()).map(<[_]>::to_vec).collect();
        Ok(Grid { what, labels: NET_LABELS, degrees: NET_DEGREES.to_vec(), strengths: strengths.clone(), accuracies })
    };
    Ok([grid(Paired::All, "all paired")?, grid(Paired::FirstLayers, "convolutions paired")?])
}

impl Grid {
    fn lines(&self) -> impl Iterator<Item = (f64, Line<'_>)> {
        self.degrees.iter().copied().zip(self.accuracies.iter().map(|by_strength| Line { by_strength }))
    }

    fn judged(&self) -> impl Iterator<Item = (f64, Judged)> {
        self.lines().map(|(degrees, line)| (degrees, line.judge()))
    }

    /// A row for each rotation: the mean at each strength, and who wins.
    fn table(&self) -> (String, Table) {
        let ends = ["coupled − free", "coupled − shared", "shared − free", "who wins"].map(String::from);
        let strengths = self.strengths.iter().map(|&strength| label(strength));
        let mut table = Table::new(["rotation".to_string()].into_iter().chain(strengths).chain(ends));
        for (degrees, line) in self.lines() {
            let judged = line.judge();
            let differences = [judged.over_free, judged.over_shared, judged.shared_over_free].map(|d| format!("{d:+.1}"));
            let means = line.means().into_iter().map(|mean| format!("{mean:.1}"));
            let row = [format!("{degrees}°")].into_iter().chain(means).chain(differences);
            table.row(row.chain([name(judged.regime).to_string()]));
        }
        (format!("{}: accuracy of B, %, by strength λ", self.what), table)
    }

    fn panel(&self) -> MapPanel {
        let means: Vec<Vec<f64>> = self.lines().map(|(_, line)| line.means()).collect();
        MapPanel {
            title: self.what.clone(),
            x: "B is turned by".into(),
            columns: self.degrees.iter().map(|degrees| format!("{degrees}°")).collect(),
            y: "strength λ".into(),
            rows: self.strengths.iter().map(|&strength| label(strength)).collect(),
            cells: (0..self.strengths.len()).map(|row| means.iter().map(|column| column[row]).collect()).collect(),
            verdicts: self.judged().map(|(_, judged)| judged.verdict()).collect(),
        }
    }

    fn figures(&self) -> serde_json::Value {
        let strengths: Vec<String> = self.strengths.iter().map(|&strength| label(strength)).collect();
        json!({ "what": self.what, "degrees": self.degrees, "strengths": strengths, "accuracies": self.accuracies })
    }
}

/// What it matters which parameters are paired: both ways beside each other.
fn partial([whole, first]: &[Grid; 2]) -> (String, Table) {
    let mut table = Table::new(["rotation", "free", "shared: all", "convolutions", "all − convolutions", "convolutions − free"]);
    for ((degrees, whole), (_, first)) in whole.lines().zip(first.lines()) {
        let means = [whole.free(), whole.shared(), first.shared()].map(|accuracies| format!("{:.1}", mean(accuracies)));
        let [free, all, convolutions] = means;
        let differences = [(whole.shared(), first.shared()), (first.shared(), first.free())];
        let [over, gain] = differences.map(|(a, b)| format!("{:+.1}", Estimate::paired_difference(a, b)));
        table.row([format!("{degrees}°"), free, all, convolutions, over, gain]);
    }
    (format!("{}, all parameters shared or the convolutions alone: accuracy of B, %", "Convolutional nets"), table)
}

/// How little coupling gains over the better end, where it gains at all.
fn limits(grids: &[Grid], nets: &[Grid; 2]) -> String {
    let all = || grids.iter().chain([&nets[0]]).flat_map(|grid| grid.judged().map(move |(degrees, judged)| (grid, degrees, judged)));
    let best = all().filter(|(.., judged)| judged.regime == Regime::Couple);
    let best = best.max_by(|(.., a), (.., b)| a.lead().mean.total_cmp(&b.lead().mean));
    let count = all().count();
    let coupled = all().filter(|(.., judged)| judged.regime == Regime::Couple).count();
    let harm = all().map(|(grid, degrees, judged)| (grid, degrees, judged.shared_over_free));
    let harm = harm.min_by(|(.., a), (.., b)| a.mean.total_cmp(&b.mean)).filter(|(.., d)| d.mean < 0.0);
    let mut text = match best {
        Some((grid, degrees, judged)) => format!(
            "A strength between wins in {coupled} of {count} columns, by at most {:.1} points over the better end ({}, {degrees}°)",
            judged.lead(),
            grid.what
        ),
        None => format!("No strength between wins over both ends in any of {count} columns"),
    };
    if let Some((grid, degrees, harm)) = harm {
        text += &format!("; where tasks differ sharing does harm, most at {degrees}° ({}, {harm:+.1} points)", grid.what);
    }
    text + "."
}

fn nets_count(experiment: &Experiment) -> String {
    experiment.half().count()
}
