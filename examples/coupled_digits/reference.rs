//! What the linear model is held against: the same two tasks in SciPy (`reference.py` wrote `reference.json`).

use serde::Deserialize;
use tandem::nn::data::Images;
use tandem::tying::{SquaredL2, Strength};

use crate::DECAY;
use crate::grid::label;
use crate::support::experiment::Failure;
use crate::support::format::Table;
use crate::support::pair::Pair;
use crate::support::stats::Estimate;
use crate::support::tasks::Tasks;

#[derive(Deserialize)]
pub struct Reference {
    /// The versions of what computed it.
    pub by: String,
    /// How many draws of rows.
    pub seeds: u64,
    /// λ, `None` for shared.
    strengths: Vec<Option<f64>>,
    settings: Vec<Setting>,
    draw: Given,
}

#[derive(Deserialize)]
struct Setting {
    degrees: f64,
    labels: usize,
    /// For each strength, by seed, in per cent.
    accuracies: Vec<Vec<f64>>,
}

/// One draw of rows, with what is found on it.
#[derive(Deserialize)]
struct Given {
    degrees: f64,
    a: Vec<usize>,
    b: Vec<usize>,
    test: Vec<usize>,
    objectives: Vec<f64>,
    accuracies: Vec<f64>,
}

/// Both programs on the same rows, number by number: the largest relative difference of the objectives, and the
/// largest difference of the accuracies, in per cent.
pub struct Agreement {
    pub objective: f64,
    pub accuracy: f64,
}

impl Reference {
    /// # Errors
    /// If the file is not as `reference.py` writes it.
    pub fn load() -> Result<Reference, serde_json::Error> {
        serde_json::from_str(include_str!("reference.json"))
    }

    pub fn strengths(&self) -> impl Iterator<Item = Strength> {
        self.strengths.iter().map(|lambda| match lambda {
            None => Strength::Shared,
            Some(0.0) => Strength::Free,
            Some(lambda) => Strength::Coupled(*lambda),
        })
    }

    /// Minimises on the rows of the reference, in `f64` and to more digits than the experiment needs.
    ///
    /// # Errors
    /// If the two do not agree.
    pub fn same_rows(&self, all: &Images) -> Result<Agreement, Failure> {
        let Given { degrees, a, b, test, objectives, accuracies } = &self.draw;
        let draw = Tasks::given(all, *degrees, [a, b, test]);
        let mut pair = Pair::<f64>::new(&draw, SquaredL2, DECAY, 5e-6)?;
        let mut worst = Agreement { objective: 0.0, accuracy: 0.0 };
        for ((strength, objective), accuracy) in self.strengths().zip(objectives).zip(accuracies) {
            pair.fit(strength)?;
            worst.objective = worst.objective.max((pair.objective() / objective - 1.0).abs());
            worst.accuracy = worst.accuracy.max((pair.accuracy(&draw.test) - accuracy).abs());
        }
        if worst.objective > 1e-6 || worst.accuracy > 0.2 {
            let Agreement { objective, accuracy } = worst;
            let found = format!("objectives off by a relative {objective:.1e}, accuracies by {accuracy:.2} points");
            return Err(format!("reference.json: expected the minima that stand there, found {found}").into());
        }
        Ok(worst)
    }

    /// For each setting that both have: how far our mean is from theirs, in standard errors of the difference (the draws
    /// are not the same), for each strength that both have. `ours` tells accuracies by seed.
    pub fn compare(&self, ours: impl Fn(f64, usize, Strength) -> Option<Vec<f64>>) -> (Table, Vec<f64>) {
        let header = ["rotation, labels".to_string()].into_iter().chain(self.strengths().map(label));
        let (mut table, mut all) = (Table::new(header), Vec::new());
        for Setting { degrees, labels, accuracies } in &self.settings {
            let mut cells = vec![format!("{degrees}°, {labels}")];
            for (strength, theirs) in self.strengths().zip(accuracies) {
                let Some(ours) = ours(*degrees, *labels, strength) else {
                    cells.push("–".into());
                    continue;
                };
                let [ours, theirs] = [&ours, theirs].map(|accuracies| Estimate::with_error(accuracies));
                let error = ours.spread.unwrap_or(0.0).hypot(theirs.spread.unwrap_or(0.0));
                let off = (ours.mean - theirs.mean) / error;
                all.push(off);
                cells.push(format!("{:.1} − {:.1} ({off:+.1})", ours.mean, theirs.mean));
            }
            if cells[1..].iter().any(|cell| cell != "–") {
                table.row(cells);
            }
        }
        (table, all)
    }
}
