//! How strongly a coupling holds: the one value that moves models along the line.

use std::fmt;

/// How strongly the two parameters of a pair hold together: where they stand between independent and equal.
///
/// ```
/// use tandem_tying::{Schedule, Strength};
/// let spectrum = [
///     Strength::Free,
///     Strength::Coupled(0.01),
///     Strength::Scheduled(Schedule::Geometric { from: 1e-3, to: 1e3, steps: 500 }),
///     Strength::Shared,
/// ];
/// assert_eq!(
///     spectrum.map(|strength| strength.to_string()),
///     ["free", "coupled, λ = 0.01", "coupled, λ = 0.001 to 1000 in 500 steps", "shared"]
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strength {
    /// Not at all (λ = 0): two parameters.
    Free,
    /// By a penalty λ Ω with this λ: two parameters that are drawn to each other.
    Coupled(f64),
    /// By a penalty whose λ follows a schedule, from step to step.
    Scheduled(Schedule),
    /// By a penalty whose λ is learned, as the precision of a prior that has a prior itself.
    Learned(Gamma),
    /// Entirely (λ → ∞): one parameter with two names, stored once.
    Shared,
}

/// λ as a function of the step, counted from 0; after the last step it stays where it is.
///
/// Linear: λ(t) = from + (to − from) · t/steps. Geometric: λ(t) = from · (to/from)^(t/steps).
///
/// ```
/// use tandem_tying::Schedule;
/// let linear = Schedule::Linear { from: 1.0, to: 9.0, steps: 4 };
/// assert_eq!([0, 1, 2, 4, 99].map(|t| linear.at(t)), [1.0, 3.0, 5.0, 9.0, 9.0]);
/// let geometric = Schedule::Geometric { from: 0.01, to: 100.0, steps: 4 };
/// for (t, lambda) in [(0, 0.01), (1, 0.1), (2, 1.0), (3, 10.0), (4, 100.0), (99, 100.0)] {
///     assert!((geometric.at(t) / lambda - 1.0_f64).abs() < 1e-14);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// In equal differences.
    Linear {
        /// λ at step 0.
        from: f64,
        /// λ from the last step on.
        to: f64,
        /// How many steps there are between the two.
        steps: u64,
    },
    /// In equal ratios: what takes λ over many orders of magnitude, so that a soft coupling becomes a hard one
    /// (annealing, or continuation). Neither end may be 0.
    Geometric {
        /// λ at step 0.
        from: f64,
        /// λ from the last step on.
        to: f64,
        /// How many steps there are between the two.
        steps: u64,
    },
}

impl Schedule {
    /// λ at a step.
    pub fn at(self, step: u64) -> f64 {
        let (Schedule::Linear { from, to, steps } | Schedule::Geometric { from, to, steps }) = self;
        let done = if step < steps { step as f64 / steps as f64 } else { 1.0 };
        match self {
            _ if done == 0.0 => from,
            _ if done == 1.0 => to,
            Schedule::Linear { .. } => from + (to - from) * done,
            Schedule::Geometric { .. } => ((1.0 - done) * from.ln() + done * to.ln()).exp(),
        }
    }
}

/// The hyperprior of a learned strength: p(λ) ∝ λ^(shape−1) e^(−rate·λ), the gamma distribution, which is
/// proper for a shape and a rate above 0.
///
/// The penalty λ Ω(d), homogeneous of degree p over n differences, is the negative logarithm of a prior
/// p(d | λ) ∝ λ^(n/p) e^(−λ Ω(d)). With the hyperprior, what is minimised over weights and λ together is
///
/// λ (Ω + rate) − (n/p + shape − 1) ln λ,  least at  λ = (n/p + shape − 1) / (Ω + rate).
///
/// Without it (rate 0, shape 1) the minimum is −∞, at Ω → 0 and λ → ∞: the models collapse onto each other
/// whatever the data say. The rate bounds λ by (n/p + shape − 1) / rate.
///
/// Along a cycle of pairs the differences depend on each other; n counts those that do not, by pairs, not number by
/// number: where cycles meet weights of single numbers that are 0, it may be too small.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Coupling, Gamma, Pairing, Strength};
/// let mut params = Params::<f64>::new();
/// for (name, x) in [("a.w", 1.0), ("b.w", 3.0)] {
///     params.add(name, Tensor::scalar(x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let learned = Strength::Learned(Gamma { shape: 2.0, rate: 1.0 });
/// let coupling = Coupling::new(&mut params, pairing, learned)?;
/// // One difference, squared: n/p = ½, Ω = 4.
/// assert_eq!(coupling.lambda(), (0.5 + 2.0 - 1.0) / (4.0 + 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    /// The shape, usually 1 or 2; the larger, the surer that λ is not near 0.
    pub shape: f64,
    /// The rate: the Ω that is expected of the prior alone.
    pub rate: f64,
}

impl Gamma {
    /// The most probable λ, for a penalty Ω whose normaliser is λ^`order` (`order` = n/p above).
    pub(crate) fn most_probable(self, order: f64, omega: f64) -> f64 {
        let lambda = (order + self.shape - 1.0) / (omega + self.rate);
        // Not `max`, by which what is no number would become 0, and the coupling would let go without a word.
        if lambda < 0.0 { 0.0 } else { lambda }
    }

    /// What the prior adds to λ Ω.
    pub(crate) fn term(self, order: f64, lambda: f64) -> f64 {
        // Where the factor is 0, so is the term, also at λ = 0.
        let factor = order + self.shape - 1.0;
        self.rate * lambda - if factor == 0.0 { 0.0 } else { factor * lambda.ln() }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strength::Free => f.write_str("free"),
            Strength::Coupled(lambda) => write!(f, "coupled, λ = {lambda}"),
            Strength::Scheduled(Schedule::Linear { from, to, steps } | Schedule::Geometric { from, to, steps }) => {
                write!(f, "coupled, λ = {from} to {to} in {steps} steps")
            }
            Strength::Learned(Gamma { shape, rate }) => write!(f, "coupled, λ ~ Gamma({shape}, {rate})"),
            Strength::Shared => f.write_str("shared"),
        }
    }
}

/// A number in a [`Strength`] that makes no sense.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Anchor, Coupling, Schedule, SquaredL2, Strength};
/// # let mut params = Params::<f32>::new();
/// # params.add("w", Tensor::scalar(0.0));
/// # let anchor = Anchor::zero(&params, "w")?;
/// let from_zero = Strength::Scheduled(Schedule::Geometric { from: 0.0, to: 1.0, steps: 10 });
/// let error = Coupling::toward(&params, anchor, SquaredL2, from_zero).unwrap_err();
/// assert_eq!(error.to_string(), "Schedule::Geometric, from: expected a finite λ above 0, found 0");
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{setting}: expected {expected}, found {found}")]
pub struct StrengthError {
    /// Which number it is.
    pub setting: &'static str,
    /// What it may be.
    pub expected: &'static str,
    /// What it is.
    pub found: f64,
}

impl Strength {
    pub(crate) fn check(self) -> Result<(), StrengthError> {
        let least = |setting, expected, found: f64, positive: bool| {
            if found.is_finite() && (found > 0.0 || (found == 0.0 && !positive)) {
                Ok(())
            } else {
                Err(StrengthError { setting, expected, found })
            }
        };
        let lambda = |setting, found| least(setting, "a finite λ of at least 0", found, false);
        match self {
            Strength::Free | Strength::Shared => Ok(()),
            Strength::Coupled(found) => lambda("Strength::Coupled", found),
            Strength::Scheduled(Schedule::Linear { from, to, .. }) => {
                lambda("Schedule::Linear, from", from).and_then(|()| lambda("Schedule::Linear, to", to))
            }
            Strength::Scheduled(Schedule::Geometric { from, to, .. }) => {
                let lambda = |setting, found| least(setting, "a finite λ above 0", found, true);
                lambda("Schedule::Geometric, from", from).and_then(|()| lambda("Schedule::Geometric, to", to))
            }
            Strength::Learned(Gamma { shape, rate }) => {
                let proper = |setting, found| least(setting, "a finite number above 0", found, true);
                proper("Gamma, shape", shape).and_then(|()| proper("Gamma, rate", rate))
            }
        }
    }
}

/// The strengths that were tried on validation data, and the best of them.
///
/// ```
/// use tandem_tying::{Strength, by_validation};
/// let strengths = [Strength::Free, Strength::Coupled(0.1), Strength::Shared];
/// let mut losses = [0.5, f64::NAN, 0.25].into_iter();
/// let validation = by_validation(strengths, |_| Ok::<f64, ()>(losses.next().unwrap())).unwrap().unwrap();
/// assert_eq!((validation.best, validation.tried.len()), (Strength::Shared, 3));
/// assert_eq!(validation.tried[0], (Strength::Free, 0.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// The strength with the lowest loss; the first of them.
    pub best: Strength,
    /// Every strength with its loss.
    pub tried: Vec<(Strength, f64)>,
}

/// Chooses a strength by validation: `loss` trains with it and returns the loss on data that were not trained
/// on, nor are to be tested on. A loss that is not a number is never the best.
///
/// ```
/// use tandem_tying::{Strength, by_validation};
/// let strengths = [Strength::Free, Strength::Coupled(0.1), Strength::Coupled(1.0), Strength::Shared];
/// let validation = by_validation(strengths, |strength| match strength {
///     Strength::Coupled(lambda) => Ok::<_, std::io::Error>((lambda - 0.3).powi(2)),
///     _ => Ok(1.0),
/// })?;
/// assert_eq!(validation.unwrap().best, Strength::Coupled(0.1));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Returns `None` if no loss is a number.
///
/// # Errors
/// The first error of `loss`.
pub fn by_validation<E>(
    strengths: impl IntoIterator<Item = Strength>,
    mut loss: impl FnMut(Strength) -> Result<f64, E>,
) -> Result<Option<Validation>, E> {
    let tried = strengths.into_iter().map(|strength| Ok((strength, loss(strength)?))).collect::<Result<Vec<_>, E>>()?;
    let numbers = tried.iter().filter(|(_, loss)| !loss.is_nan());
    let best = numbers.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(strength, _)| *strength);
    Ok(best.map(|best| Validation { best, tried }))
}

#[cfg(test)]
mod tests;
