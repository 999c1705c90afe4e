//! Accuracies along the line between two ends: where between them is best, and whether that is better than both.

use serde_json::{Value, json};

use crate::support::experiment::{Experiment, Failure};
use crate::support::stats::{Estimate, mean};

/// The draws of an experiment. Those that choose are none of those that measure.
pub struct Draws {
    /// Draws on which the best place is chosen.
    choose: Vec<u64>,
    /// Draws on which it is measured.
    measure: Vec<u64>,
}

impl Draws {
    /// Of each seed of the experiment, so many draws of both kinds.
    pub fn new(experiment: &Experiment, choose: u64, measure: u64) -> Draws {
        let draws = |count: u64, first: u64| {
            let of = move |seed: u64| (0..count).map(move |k| seed.wrapping_mul(count).wrapping_add(k));
            experiment.seeds.clone().flat_map(of).map(|draw| draw ^ first).collect()
        };
        Draws { choose: draws(choose, 1 << 63), measure: draws(measure, 0) }
    }

    /// How many choose, and how many measure.
    pub fn counts(&self) -> [usize; 2] {
        [self.choose.len(), self.measure.len()]
    }
}

/// What a run is for: to choose a place, or to measure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Choose,
    Measure,
}

/// One setting, from end to end.
pub struct Line {
    /// Accuracy in per cent, of each place by draw.
    pub accuracies: Vec<Vec<f64>>,
    /// The best place between the ends, as chosen on other draws.
    pub chosen: usize,
}

/// Whether the chosen place between the ends beats them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is above both ends, by more than two standard errors and [`LEAST`].
    Wins,
    /// It is as far below an end.
    Loses,
    /// Neither.
    Open,
}

impl Verdict {
    /// In a cell of a table.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Wins => "wins",
            Verdict::Loses => "loses",
            Verdict::Open => "can't be told",
        }
    }
}

/// For each setting, the accuracies at all places on the draws that measure; the place is chosen on those that choose.
///
/// # Errors
/// The first error of `accuracy`, which tells it in per cent.
pub fn lines<S: Sync>(
    experiment: &Experiment,
    what: &str,
    settings: &[S],
    places: &[f64],
    draws: &Draws,
    accuracy: impl Fn(&S, f64, u64, Purpose) -> Result<f64, Failure> + Sync,
) -> Result<Vec<Line>, Failure> {
    let inside = 1..places.len() - 1;
    let mut items = Vec::new();
    for setting in settings {
        for (k, &place) in places.iter().enumerate() {
            items.extend(draws.measure.iter().map(|&draw| (setting, place, draw, Purpose::Measure)));
            let choose = if inside.contains(&k) { &draws.choose[..] } else { &[] };
            items.extend(choose.iter().map(|&draw| (setting, place, draw, Purpose::Choose)));
        }
    }
    let results = experiment.map(what, &items, |(s, place, draw, purpose)| accuracy(s, *place, *draw, *purpose))?;
    let mut results = results.into_iter();
    let mut next = |count: usize| results.by_ref().take(count).collect::<Vec<f64>>();
    let line = |_: &S| {
        let (mut accuracies, mut best) = (Vec::new(), (0, f64::NEG_INFINITY));
        for k in 0..places.len() {
            accuracies.push(next(draws.measure.len()));
            if inside.contains(&k) {
                let score = mean(&next(draws.choose.len()));
                best = if score > best.1 { (k, score) } else { best };
            }
        }
        Line { accuracies, chosen: best.0 }
    };
    Ok(settings.iter().map(line).collect())
}

impl Line {
    /// Mean and standard error at a place.
    pub fn at(&self, place: usize) -> Estimate {
        Estimate::with_error(&self.accuracies[place])
    }

    /// How much the draws differ at a place.
    pub fn spread(&self, place: usize) -> f64 {
        Estimate::with_deviation(&self.accuracies[place]).spread.unwrap_or(f64::NAN)
    }

    /// By how much the chosen place is above the first end and above the last, draw by draw.
    pub fn leads(&self) -> [Estimate; 2] {
        let lead = |end: usize| Estimate::paired_difference(&self.accuracies[self.chosen], &self.accuracies[end]);
        [lead(0), lead(self.accuracies.len() - 1)]
    }

    /// By how much a place is above the first end, draw by draw.
    pub fn over_first(&self, place: usize) -> Estimate {
        Estimate::paired_difference(&self.accuracies[place], &self.accuracies[0])
    }

    /// By how much the last end is above the first, draw by draw.
    pub fn last_over_first(&self) -> Estimate {
        self.over_first(self.accuracies.len() - 1)
    }

    /// Whether the middle wins.
    pub fn verdict(&self) -> Verdict {
        let leads = self.leads();
        if leads.iter().all(|lead| beyond(*lead, 1.0)) {
            Verdict::Wins
        } else if leads.iter().any(|lead| beyond(*lead, -1.0)) {
            Verdict::Loses
        } else {
            Verdict::Open
        }
    }

    /// All of it, for programs.
    pub fn figures(&self, places: &[f64]) -> Value {
        let estimate = |e: Estimate| json!({ "mean": e.mean, "standard_error": e.spread });
        // JSON knows no infinity.
        let place = |x: f64| if x.is_finite() { json!(x) } else { json!("shared") };
        let all = (0..places.len()).map(|k| {
            let Estimate { mean, spread } = self.at(k);
            json!({ "place": place(places[k]), "accuracy": mean, "standard_error": spread, "deviation": self.spread(k) })
        });
        let [first, last] = self.leads().map(estimate);
        json!({
            "places": all.collect::<Vec<_>>(), "chosen": place(places[self.chosen]),
            "lead_over_first": first, "lead_over_last": last, "verdict": self.verdict().words(),
        })
    }
}

/// A difference in points that would be shown as 0.0, and that training a little longer might change, is none.
pub const LEAST: f64 = 0.05;

/// Whether a difference has this sign and is more than two of its standard errors, and not too small to count.
pub fn beyond(difference: Estimate, sign: f64) -> bool {
    let size = sign * difference.mean;
    size >= LEAST && difference.spread.is_some_and(|error| size > 2.0 * error)
}

/// "1 of 6 settings", "none of 6 settings".
pub fn of(count: usize, all: usize, what: &str) -> String {
    let count = if count == 0 { "none".to_string() } else { count.to_string() };
    format!("{count} of {all} {what}")
}
