//! By which norm: squared L2, L1, the group lasso, a learned affine relation, each at the strength that validation rows choose.

use serde_json::json;
use tandem::nn::data::Images;
use tandem::tying::{GroupLasso, Groups, L1, SquaredL2, Strength, by_validation};

use crate::grid::line_of;
use crate::support::experiment::{Experiment, Failure};
use crate::support::format::Table;
use crate::support::pair::Pair;
use crate::support::stats::Estimate;
use crate::support::tasks::{Draw, Tasks};
use crate::{DECAY, OF_A, TOLERANCE};

const DEGREES: [f64; 3] = [15.0, 30.0, 45.0];
const LABELS: usize = 50;
/// Rows of B's writers that are neither learned from nor tested on.
const VALIDATION: usize = 200;

/// λ of squared L2.
const SQUARED: [f64; 6] = [1e-5, 1e-4, 3e-4, 1e-3, 1e-2, 1e-1];

/// A way to hold two models, and the λ that are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Free,
    Shared,
    SquaredL2,
    L1,
    GroupLasso,
    Affine,
    /// Squared L2 or an end, whatever the validation rows choose.
    Whatever,
}

const WAYS: [(Way, &str); 7] = [
    (Way::Free, "free"),
    (Way::Shared, "shared"),
    (Way::SquaredL2, "squared L2"),
    (Way::L1, "L1"),
    (Way::GroupLasso, "group lasso (a group for each digit)"),
    (Way::Affine, "squared L2 after a learned affine relation"),
    (Way::Whatever, "the best of free, squared L2 and shared"),
];

impl Way {
    /// From as good as free to as good as shared.
    fn strengths(self) -> Vec<Strength> {
        let between = |lambdas: [f64; 6]| lambdas.map(Strength::Coupled).to_vec();
        match self {
            Way::Free => vec![Strength::Free],
            Way::Shared => vec![Strength::Shared],
            Way::SquaredL2 | Way::Affine => between(SQUARED),
            Way::L1 | Way::GroupLasso => between([1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 1e-2]),
            Way::Whatever => line_of(&SQUARED),
        }
    }

    fn pair(self, draw: &Draw) -> Result<Pair<f32>, Failure> {
        match self {
            Way::L1 => Pair::new(draw, L1, DECAY, TOLERANCE),
            Way::GroupLasso => Pair::new(draw, GroupLasso { groups: Groups::Filters }, DECAY, TOLERANCE),
            Way::Affine => Pair::new(draw, SquaredL2, DECAY, TOLERANCE)?.related(),
            _ => Pair::new(draw, SquaredL2, DECAY, TOLERANCE),
        }
    }

    /// Accuracy on test rows at the strength that is best on the validation rows; and at how many strengths no minimum
    /// was reached.
    fn accuracy(self, draw: &Draw) -> Result<(f64, usize), Failure> {
        let (mut pair, mut tested, mut missed) = (self.pair(draw)?, Vec::new(), 0);
        let validation = by_validation(self.strengths(), |strength| -> Result<f64, Failure> {
            missed += usize::from(!pair.fit(strength)?);
            tested.push((strength, pair.accuracy(&draw.test)));
            Ok(100.0 - pair.accuracy(&draw.validation))
        })?;
        let best = validation.ok_or("expected an accuracy that is a number")?.best;
        let of_best = tested.iter().find(|(strength, _)| *strength == best);
        Ok((of_best.map_or(f64::NAN, |(_, accuracy)| *accuracy), missed))
    }
}

/// The table, and its figures.
pub struct Norms {
    pub table: (String, Table),
    pub figures: serde_json::Value,
}

/// # Errors
/// If the models can't be made.
pub fn compare(experiment: &Experiment, all: &Images) -> Result<Norms, Failure> {
    let degrees = if experiment.quick { &DEGREES[1..2] } else { &DEGREES[..] };
    let tasks: Vec<(f64, Tasks)> = degrees.iter().map(|&degrees| (degrees, Tasks::new(all, degrees))).collect();
    let settings: Vec<(&Tasks, Way)> =
        WAYS.iter().flat_map(|&(way, _)| tasks.iter().map(move |(_, tasks)| (tasks, way))).collect();
    let found = experiment.over_seeds("Penalties", &settings, |&(tasks, way), seed| {
        way.accuracy(&tasks.draw([OF_A, LABELS], VALIDATION, seed)?)
    })?;
    let missed: usize = found.iter().flatten().map(|(_, missed)| missed).sum();
    let related = Way::Affine.strengths().len() * tasks.len() * found[0].len();
    let accuracies: Vec<Vec<f64>> =
        found.iter().map(|line| line.iter().map(|(accuracy, _)| *accuracy).collect()).collect();
    let by_way: Vec<&[Vec<f64>]> = accuracies.chunks(tasks.len()).collect();
    let squared = WAYS.iter().position(|(way, _)| *way == Way::SquaredL2).expect("it is in the list");

    let header = tasks.iter().flat_map(|(degrees, _)| [format!("{degrees}°"), format!("− squared L2, {degrees}°")]);
    let mut table = Table::new(["penalty".to_string()].into_iter().chain(header));
    for ((way, words), lines) in WAYS.iter().zip(&by_way) {
        let cells = lines.iter().zip(by_way[squared]).flat_map(|(line, squared)| {
            let difference = Estimate::paired_difference(line, squared);
            let difference = if *way == Way::SquaredL2 { "–".into() } else { format!("{difference:+.1}") };
            [format!("{:.1}", Estimate::with_error(line)), difference]
        });
        table.row([(*words).to_string()].into_iter().chain(cells));
    }
    let caption = format!(
        "Penalties, linear models, {LABELS} labels: accuracy of B, %, each at the λ that is best on {VALIDATION} other rows of B's \
         writers (chosen anew for each seed), tested on the rest of them. The relation makes the objective one that is not convex: {missed} of \
         {related} fits with it were still on their way when they were stopped"
    );
    let ways: Vec<_> =
        WAYS.iter().zip(&by_way).map(|((_, words), lines)| json!({ "penalty": words, "accuracies": lines })).collect();
    Ok(Norms { table: (caption, table), figures: json!({ "degrees": degrees, "ways": ways }) })
}
