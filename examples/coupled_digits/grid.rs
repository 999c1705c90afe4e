//! Accuracies over rotation × strength: how they are found, their table and their panel of the map.

use serde_json::json;
use tandem::nn::data::Images;
use tandem::tying::{SquaredL2, Strength};

use crate::net::{self, Paired};
use crate::support::experiment::{Experiment, Failure};
use crate::support::format::Table;
use crate::support::map::MapPanel;
use crate::support::pair::Pair;
use crate::support::tasks::Tasks;
use crate::verdict::{Judged, Line, in_words, name};
use crate::{
    DECAY, DEGREES, LAMBDAS, NET_DEGREES, NET_LABELS, NET_LAMBDAS, OF_A, QUICK_DEGREES, QUICK_LAMBDAS, TOLERANCE,
};

/// Accuracies over rotation × strength.
pub struct Grid {
    pub what: String,
    pub labels: usize,
    degrees: Vec<f64>,
    strengths: Vec<Strength>,
    /// For each rotation and strength, by seed, in per cent.
    accuracies: Vec<Vec<Vec<f64>>>,
}

pub fn line_of(lambdas: &[f64]) -> Vec<Strength> {
    let between = lambdas.iter().map(|&lambda| Strength::Coupled(lambda));
    [Strength::Free].into_iter().chain(between).chain([Strength::Shared]).collect()
}

/// "free", "0.001", "shared".
pub fn label(strength: Strength) -> String {
    match strength {
        Strength::Coupled(lambda) => lambda.to_string(),
        end => end.to_string(),
    }
}

/// One store, one coupling: it moves along the line, from minimum to minimum.
pub fn linear_grid(experiment: &Experiment, all: &Images, labels: usize) -> Result<Grid, Failure> {
    let degrees = if experiment.quick { QUICK_DEGREES.to_vec() } else { DEGREES.to_vec() };
    let strengths = line_of(if experiment.quick { &QUICK_LAMBDAS } else { &LAMBDAS });
    let tasks: Vec<Tasks> = degrees.iter().map(|&degrees| Tasks::new(all, degrees)).collect();
    let what = format!("Linear models, {labels} labels");
    let lines = experiment.over_seeds(&what, &tasks, |tasks, seed| -> Result<Vec<f64>, Failure> {
        let draw = tasks.draw([OF_A, labels], 0, seed)?;
        let mut pair = Pair::<f32>::new(&draw, SquaredL2, DECAY, TOLERANCE)?;
        strengths.iter().map(|&strength| pair.fit(strength).map(|_| pair.accuracy(&draw.test))).collect()
    })?;
    let by_strength =
        |by_seed: Vec<Vec<f64>>| (0..strengths.len()).map(|i| by_seed.iter().map(|line| line[i]).collect()).collect();
    Ok(Grid { what, labels, degrees, accuracies: lines.into_iter().map(by_strength).collect(), strengths })
}

/// All parameters paired, and the first layers alone; half the seeds.
pub fn net_grid(experiment: &Experiment, all: &Images) -> Result<[Grid; 2], Failure> {
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
    pub fn lines(&self) -> impl Iterator<Item = (f64, Line<'_>)> {
        self.degrees.iter().copied().zip(self.accuracies.iter().map(|by_strength| Line { by_strength }))
    }

    /// By seed, if the grid has this rotation and strength.
    pub fn accuracies_at(&self, degrees: f64, strength: Strength) -> Option<&[f64]> {
        let column = self.degrees.iter().position(|&other| other == degrees)?;
        let row = self.strengths.iter().position(|&other| other == strength)?;
        Some(&self.accuracies[column][row])
    }

    /// Who wins, in words.
    pub fn verdicts(&self) -> String {
        in_words(&self.judged().map(|(degrees, judged)| (degrees, judged.regime)).collect::<Vec<_>>())
    }

    pub fn judged(&self) -> impl Iterator<Item = (f64, Judged)> {
        self.lines().map(|(degrees, line)| (degrees, line.judge()))
    }

    /// A row for each rotation: the mean at each strength, and who wins.
    pub fn table(&self) -> (String, Table) {
        let ends = ["coupled − free", "coupled − shared", "shared − free", "who wins"].map(String::from);
        let strengths = self.strengths.iter().map(|&strength| label(strength));
        let mut table = Table::new(["rotation".to_string()].into_iter().chain(strengths).chain(ends));
        for (degrees, line) in self.lines() {
            let judged = line.judge();
            let differences =
                [judged.over_free, judged.over_shared, judged.shared_over_free].map(|d| format!("{d:+.1}"));
            let means = line.means().into_iter().map(|mean| format!("{mean:.1}"));
            let row = [format!("{degrees}°")].into_iter().chain(means).chain(differences);
            table.row(row.chain([name(judged.regime).to_string()]));
        }
        (format!("{}: accuracy of B, %, by strength λ", self.what), table)
    }

    pub fn panel(&self) -> MapPanel {
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

    pub fn figures(&self) -> serde_json::Value {
        let strengths: Vec<String> = self.strengths.iter().map(|&strength| label(strength)).collect();
        json!({ "what": self.what, "degrees": self.degrees, "strengths": strengths, "accuracies": self.accuracies })
    }
}
