//! The Gaussians along the line, and the ends of the line against training without a coupling.

use serde_json::{Value, json};
use tandem::tying::Strength;

use crate::gaussians::{End, Fit, Setting, alone, best, hybrid, strength};
use crate::line::{Draws, LEAST, Line, Verdict, lines};
use crate::support::experiment::{Experiment, Failure};
use crate::support::format::Table;

/// The first two were simulated before with other code; then more labels, many labels, a model that fits, and classes
/// so long that the inputs alone mislead. Chosen to show each kind once, not for their outcome.
pub const SETTINGS: [(&str, Setting); 6] = [
    ("2 labels a class", Setting { mean: [0.8, 0.6], deviation: [1.0, 0.6], labels: 2 }),
    ("4 labels a class", Setting { mean: [1.0, 0.5], deviation: [1.0, 0.6], labels: 4 }),
    ("10 labels a class", Setting { mean: [1.0, 0.5], deviation: [1.0, 0.6], labels: 10 }),
    ("30 labels a class", Setting { mean: [0.8, 0.6], deviation: [1.0, 0.6], labels: 30 }),
    ("round: the model fits", Setting { mean: [0.8, 0.6], deviation: [0.8, 0.8], labels: 2 }),
    ("very long, side by side", Setting { mean: [0.3, 0.8], deviation: [1.5, 0.5], labels: 4 }),
];
/// Places on the line: close together where most changes.
const ALPHAS: [f64; 12] = [0.0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.85, 1.0];
const ALPHAS_QUICK: [f64; 6] = [0.0, 0.3, 0.4, 0.5, 0.6, 1.0];
/// Draws for each seed: those on which α is chosen, and those on which it is measured.
const DRAWS: [u64; 2] = [5, 10];
/// Training stops where the gradient is shorter. At a tenth of it, accuracies differ by a few hundredths of a point.
const TOLERANCE: f64 = 1e-2;

/// Where the ends are looked at.
const NEAR_ENDS: [f64; 9] = [0.0, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1.0];
/// There, training goes on to many digits.
const EXACT: f64 = 1e-9;
/// With the draws of so many of the first seeds, one each.
const EXACT_DRAWS: usize = 5;

/// What the Gaussians came to.
pub struct Sweep {
    pub alphas: &'static [f64],
    pub lines: Vec<Line>,
    pub draws: [usize; 2],
    pub ends: Vec<NearEnd>,
    /// With so many draws.
    exact_draws: usize,
}

/// One place of the line beside training without a coupling: the largest over some draws.
pub struct NearEnd {
    pub alpha: f64,
    /// ‖θ − θ̃‖
    pub distance: f64,
    /// Of any number of θ, to one set of parameters on the whole objective, and to the classifier alone.
    pub differences: [f64; 2],
    /// Of the accuracy in per cent, likewise.
    pub accuracies: [f64; 2],
}

/// Trains all settings at all places.
///
/// # Errors
/// If a training does not come to rest.
pub fn sweep(experiment: &Experiment) -> Result<Sweep, Failure> {
    let alphas = if experiment.quick { &ALPHAS_QUICK[..] } else { &ALPHAS };
    let draws = Draws::new(experiment, DRAWS[0], DRAWS[1]);
    let lines = lines(experiment, "Gaussians", &SETTINGS, alphas, &draws, |(_, setting), alpha, draw, _| {
        Ok(100.0 * hybrid(setting, alpha, draw, TOLERANCE)?.accuracy)
    })?;
    let seeds: Vec<u64> = experiment.seeds.clone().take(EXACT_DRAWS).collect();
    let ends = near_ends(experiment, &seeds)?;
    Ok(Sweep { alphas, lines, draws: draws.counts(), ends, exact_draws: seeds.len() })
}

fn near_ends(experiment: &Experiment, seeds: &[u64]) -> Result<Vec<NearEnd>, Failure> {
    let setting = &SETTINGS[0].1;
    let by_seed = experiment.map("ends", seeds, |&seed| {
        let ends = [End::Generative, End::Discriminative].map(|end| alone(setting, end, seed, EXACT));
        let [generative, discriminative] = ends;
        let ends = [generative?, discriminative?];
        let near =
            NEAR_ENDS.map(|alpha| hybrid(setting, alpha, seed, EXACT).map(|fit| NearEnd::new(alpha, &fit, &ends)));
        near.into_iter().collect::<Result<Vec<_>, Failure>>()
    })?;
    let largest = by_seed.into_iter().reduce(|all, one| all.into_iter().zip(one).map(|(a, b)| a.largest(&b)).collect());
    Ok(largest.unwrap_or_default())
}

impl NearEnd {
    fn new(alpha: f64, fit: &Fit, ends: &[Fit; 2]) -> NearEnd {
        let largest = |end: &Fit| fit.theta.iter().zip(&end.theta).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let accuracy = |end: &Fit| 100.0 * (fit.accuracy - end.accuracy).abs();
        let distance = fit.distance;
        NearEnd {
            alpha,
            distance,
            differences: ends.each_ref().map(largest),
            accuracies: ends.each_ref().map(accuracy),
        }
    }

    fn largest(&self, other: &NearEnd) -> NearEnd {
        let both = |a: [f64; 2], b: [f64; 2]| [a[0].max(b[0]), a[1].max(b[1])];
        NearEnd {
            alpha: self.alpha,
            distance: self.distance.max(other.distance),
            differences: both(self.differences, other.differences),
            accuracies: both(self.accuracies, other.accuracies),
        }
    }
}

impl Sweep {
    /// In how many settings the middle fares so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict() == verdict).count()
    }

    /// The settings: the ends, the chosen place between them, and what it is worth.
    pub fn table(&self) -> (String, Table) {
        let mut table = Table::new([
            "setting",
            "class means at ±",
            "deviations",
            "best rule",
            "α = 0",
            "α",
            "between",
            "α = 1",
            "over α = 0",
            "over α = 1",
            "the middle",
        ]);
        for ((name, setting), line) in SETTINGS.iter().zip(&self.lines) {
            let [first, last] = line.leads().map(|lead| format!("{lead:+.1}"));
            let pair = |[x, y]: [f64; 2]| format!("({x}, {y})");
            let at = |k: usize| format!("{:.1} (s {:.1})", line.at(k).mean, line.spread(k));
            table.row([
                (*name).to_string(),
                pair(setting.mean),
                pair(setting.deviation),
                format!("{:.1}", 100.0 * best(setting)),
                at(0),
                self.alphas[line.chosen].to_string(),
                at(line.chosen),
                at(self.alphas.len() - 1),
                first,
                last,
                line.verdict().words().to_string(),
            ]);
        }
        let [choose, measure] = self.draws;
        let caption = format!(
            "Gaussians, accuracy in per cent over {measure} draws (s: the standard deviation from draw to draw). The α \
             between the ends was chosen on {choose} other draws; over α = 0, over α = 1: its lead ± standard error, draw \
             by draw; it wins if both are above two standard errors and {LEAST} points, and loses if one is as far below zero"
        );
        (caption, table)
    }

    /// The ends against training without a coupling.
    pub fn ends_table(&self) -> (String, Table) {
        let header = ["α", "λ", "‖θ − θ̃‖", "θ to α = 0", "accuracy to α = 0", "θ to α = 1", "accuracy to α = 1"];
        let mut table = Table::new(header);
        let short = |x: f64| match x {
            0.0 => "0".to_string(),
            0.01..10.0 => format!("{x:.2}"),
            10.0.. => format!("{x:.0}"),
            x => format!("{x:.0e}"),
        };
        for end in &self.ends {
            let lambda = match strength(end.alpha) {
                Strength::Coupled(lambda) => short(lambda),
                end => end.to_string(),
            };
            let mut cells = vec![end.alpha.to_string(), lambda, short(end.distance)];
            for (theta, accuracy) in end.differences.iter().zip(end.accuracies) {
                cells.extend([short(*theta), short(accuracy)]);
            }
            table.row(cells);
        }
        let caption = format!(
            "The line against one set of parameters trained without a coupling, on the whole objective for α = 0 and as a \
             classifier for α = 1; {}: the largest difference of a number of θ, and of the accuracy in points, over {} draws",
            SETTINGS[0].0, self.exact_draws
        );
        (caption, table)
    }

    /// All of it, for programs.
    pub fn figures(&self) -> Value {
        let setting = |((name, setting), line): (&(&str, Setting), &Line)| {
            let Setting { mean, deviation, labels } = setting;
            json!({
                "setting": name, "mean": mean, "deviation": deviation, "labels_a_class": labels,
                "best_rule": 100.0 * best(setting), "line": line.figures(self.alphas),
            })
        };
        let near = |end: &NearEnd| {
            json!({
                "alpha": end.alpha, "distance": end.distance, "theta_to_generative": end.differences[0],
                "theta_to_discriminative": end.differences[1], "accuracy_to_generative": end.accuracies[0],
                "accuracy_to_discriminative": end.accuracies[1],
            })
        };
        json!({
            "settings": SETTINGS.iter().zip(&self.lines).map(setting).collect::<Vec<_>>(),
            "ends": self.ends.iter().map(near).collect::<Vec<_>>(),
        })
    }
}
