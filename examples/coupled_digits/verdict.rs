//! Who wins at one setting: two separate models, two that are coupled, or one that is shared.

use crate::support::map::{Regime, Verdict};
use crate::support::stats::{Estimate, best_on_the_other_half, mean};

/// Accuracies in per cent at one setting: for each strength from free to shared, those of all seeds.
pub struct Line<'a> {
    pub by_strength: &'a [Vec<f64>],
}

/// What the line says. All differences are paired over seeds, ± standard error.
pub struct Judged {
    /// Of the strengths between, the best one on the other half of the seeds, over free.
    pub over_free: Estimate,
    /// The same, over shared.
    pub over_shared: Estimate,
    /// Shared over free.
    pub shared_over_free: Estimate,
    pub regime: Regime,
}

impl Line<'_> {
    pub fn free(&self) -> &[f64] {
        &self.by_strength[0]
    }

    pub fn shared(&self) -> &[f64] {
        &self.by_strength[self.by_strength.len() - 1]
    }

    pub fn means(&self) -> Vec<f64> {
        self.by_strength.iter().map(|accuracies| mean(accuracies)).collect()
    }

    /// Coupling wins if it is [clearly](clear) better than both ends, an end if it is so much better than the other
    /// end; else it is open.
    pub fn judge(&self) -> Judged {
        let between = &self.by_strength[1..self.by_strength.len() - 1];
        let coupled = best_on_the_other_half(between);
        let [over_free, over_shared] =
            [self.free(), self.shared()].map(|end| Estimate::paired_difference(&coupled, end));
        let shared_over_free = Estimate::paired_difference(self.shared(), self.free());
        let regime = match [over_free, over_shared].map(clear) {
            [Some(true), Some(true)] => Regime::Couple,
            _ => match clear(shared_over_free) {
                Some(true) => Regime::Share,
                Some(false) => Regime::Separate,
                None => Regime::Open,
            },
        };
        Judged { over_free, over_shared, shared_over_free, regime }
    }
}

impl Judged {
    /// The lead of the winner over the other end; of coupling, over the better end.
    pub fn lead(&self) -> Estimate {
        let Judged { over_free, over_shared, shared_over_free, regime } = *self;
        match regime {
            Regime::Couple if over_free.mean < over_shared.mean => over_free,
            Regime::Couple => over_shared,
            Regime::Separate => Estimate { mean: -shared_over_free.mean, ..shared_over_free },
            Regime::Share | Regime::Open => shared_over_free,
        }
    }

    pub fn verdict(&self) -> Verdict {
        let lead = self.lead();
        let error = lead.spread.map_or("?".into(), |spread| format!("{spread:.1}"));
        Verdict { regime: self.regime, words: vec![format!("{:+.1}", lead.mean), format!("± {error}")] }
    }
}

/// A difference that matters, in points: a strong coupling and sharing differ by less, though always in the same direction.
pub const LEAST: f64 = 0.2;

/// Whether a difference is above (true) or below 0 by more than two standard errors, and by so much that it matters.
fn clear(difference: Estimate) -> Option<bool> {
    let sure = difference.spread.is_some_and(|error| difference.mean.abs() > LEAST.max(2.0 * error));
    sure.then_some(difference.mean > 0.0)
}

/// What a regime is called in a sentence.
pub fn name(regime: Regime) -> &'static str {
    match regime {
        Regime::Separate => "separate",
        Regime::Couple => "couple",
        Regime::Share => "share",
        Regime::Open => "open",
    }
}

/// "share at 0° to 25°, open at 30°, separate at 35° to 45°".
pub fn in_words(columns: &[(f64, Regime)]) -> String {
    let runs = columns.chunk_by(|one, other| one.1 == other.1).map(|run| {
        let (first, last) = (run[0].0, run[run.len() - 1].0);
        let until = if run.len() > 1 { format!(" to {last}°") } else { String::new() };
        format!("{} at {first}°{until}", name(run[0].1))
    });
    runs.collect::<Vec<_>>().join(", ")
}
