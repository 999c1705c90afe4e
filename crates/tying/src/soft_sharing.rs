//! Parameters that find their groups themselves: a mixture of Gaussians, learned together with the
//! weights, is their prior.

use std::panic::Location;

use tandem_autograd::{Float, Kind, ParamId, Params, Tape, Tensor, Var};

mod codebook;
mod fused;
mod mixture;
#[cfg(test)]
mod tests;

pub use codebook::{Codebook, CodebookEntry};
pub use mixture::{Component, Mixture};

/// The most components: one byte tells them apart, and the fused pass has room for them on the stack.
const MAX_COMPONENTS: usize = 256;

/// ½ ln 2π, of the normal density.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// Soft weight sharing: weights are drawn to the centres of a few groups, and the groups to the
/// weights, until what is close can be made equal.
///
/// Ω = −λ Σᵢ ln Σⱼ πⱼ N(wᵢ; μⱼ, σⱼ²), over all numbers of the chosen parameters; those that share a slot
/// count once.
/// The mixture is learned too: it stands in the same store as `{path}.logits` (π is their softmax),
/// `{path}.means` and `{path}.log_widths`, one number a component each, and an optimizer moves it like
/// any other parameter (without weight decay, which would pull at it).
///
/// A width is σ = floor + eˢ, s being the number in the store. Without the floor Ω has no lower bound:
/// a component whose mean is a weight's value adds −ln N = ln σ + ½ ln 2π for it, which falls to −∞ as
/// σ shrinks, while another component takes care of the other weights. With it, Ω ≥ λ n ln(floor · √2π)
/// for n weights. It bounds the curvature in weights and means too, by λ (n + 1)/floor²: for these,
/// plain gradient descent is stable with a rate below twice the inverse. With one component the penalty
/// is weight decay towards a learned mean.
///
/// Take several times as many components as groups are expected: what no weight needs fades, and many
/// start narrow, whereas a few wide ones draw neighbouring groups together.
///
/// Nowlan and Hinton (1992), "Simplifying neural networks by soft weight-sharing"; Bishop (2006),
/// "Pattern recognition and machine learning", section 5.5.7, and 9.2.1 for the collapse.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::SoftSharing;
/// let mut params = Params::<f64>::new();
/// let w = params.add("layer.weight", Tensor::new([2, 3], vec![0.9, -1.2, 1.1, -0.8, 1.2, -1.1]));
/// let sharing = SoftSharing::new(&mut params, "groups", |name| name.ends_with("weight"), 2, 0.1, 1.0)?;
/// for _ in 0..500 {
///     let gradients = sharing.penalty(&Tape::new(&params)).backward();
///     for slot in params.slots().collect::<Vec<_>>() {
///         let g = gradients.get(slot).unwrap();
///         params.update(slot, |w| w.iter_mut().zip(g.data()).for_each(|(w, g)| *w -= 1e-3 * g));
///     }
/// }
/// let codebook = sharing.consolidate(&mut params, |_| 0.0);
/// assert_eq!((codebook.distinct, codebook.bytes_before, codebook.bytes_after), (2, 48, 17));
/// let w = params.get(w).data();
/// assert!(w[0] == w[2] && w[0] == w[4] && w[1] == w[3] && w[1] == w[5]);
/// # Ok::<(), tandem_tying::SoftSharingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SoftSharing {
    chosen: Vec<ParamId>,
    logits: ParamId,
    means: ParamId,
    log_widths: ParamId,
    floor: f64,
    strength: f64,
}

/// What keeps a [`SoftSharing`] from being set up.
///
/// ```
/// # use tandem_autograd::Params;
/// # use tandem_tying::SoftSharing;
/// # let mut params = Params::<f32>::new();
/// let error = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.1, 1.0).unwrap_err();
/// assert_eq!(error.to_string(), "SoftSharing: expected parameters to be chosen, found none");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SoftSharing: expected {expected}, found {found}")]
pub struct SoftSharingError {
    /// What may be.
    pub expected: String,
    /// What is.
    pub found: String,
}

/// Refuses what was found, unless it is what is expected.
fn expect(holds: bool, expected: &str, found: impl ToString) -> Result<(), SoftSharingError> {
    if holds { Ok(()) } else { Err(SoftSharingError { expected: expected.into(), found: found.to_string() }) }
}

impl SoftSharing {
    /// Adds a mixture to the store, under this path, for the parameters that `chosen` picks by name.
    ///
    /// The start depends on the weights alone: the range of the chosen ones (if they are all equal, a
    /// range of length |w| about them, or of 1 about zero) is cut into as many parts of one length as
    /// there are components; the means are the middles of the parts, the widths are the floor and the
    /// length of a part, the shares are equal. Weights that are not finite are passed over.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// params.add("w", Tensor::new([3], vec![-1.0, 0.25, 1.0]));
    /// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 1.0)?;
    /// let start = sharing.mixture(&params).components;
    /// assert_eq!(start.iter().map(|component| component.mean).collect::<Vec<_>>(), [-0.5, 0.5]);
    /// assert_eq!((start[0].share, start[0].width), (0.5, 0.5 + 1.0));
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Errors
    /// If nothing is chosen, there are no components or more than 256, the floor is not above 0, λ is
    /// negative, one of the two is not finite, or one of the three names is taken. Then nothing has
    /// changed.
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        mut chosen: impl FnMut(&str) -> bool,
        components: usize,
        floor: f64,
        strength: f64,
    ) -> Result<SoftSharing, SoftSharingError> {
        let chosen: Vec<ParamId> = params.names().filter(|(_, name)| chosen(name)).map(|(id, _)| id).collect();
        let names = ["logits", "means", "log_widths"].map(|leaf| format!("{path}.{leaf}"));
        let taken = names.iter().find(|name| params.find(name).is_some());
        let rounded = T::from_f64(floor);
        expect(!chosen.is_empty(), "parameters to be chosen", "none")?;
        expect((1..=MAX_COMPONENTS).contains(&components), "1 to 256 components", components)?;
        expect(
            rounded.is_finite() && rounded > T::ZERO,
            &format!("a finite floor above 0 in {}", T::NAME),
            format!("{floor:?}"),
        )?;
        expect(taken.is_none(), "names that are free", taken.map_or("", |name| name))?;
        check_strength(strength)?;
        let (low, part) = parts(params, &chosen, components);
        let start: [&dyn Fn(usize) -> f64; 3] = [&|_| 0.0, &|j| low + (j as f64 + 0.5) * part, &|_| part.ln()];
        let [logits, means, log_widths] = [0, 1, 2].map(|i| {
            let write = |out: &mut [T]| out.iter_mut().enumerate().for_each(|(j, x)| *x = T::from_f64(start[i](j)));
            params.add(&names[i], Tensor::build([components], Kind::Parameter, write))
        });
        Ok(SoftSharing { chosen, logits, means, log_widths, floor, strength })
    }

    /// λ.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// Sets λ, at any time between two steps.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// params.add("w", Tensor::new([2], vec![-1.0, 1.0]));
    /// let mut sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 0.0)?;
    /// assert_eq!(sharing.penalty(&Tape::new(&params)).item(), 0.0);
    /// sharing.set_strength(0.1)?;
    /// assert!(sharing.penalty(&Tape::new(&params)).item() > 0.0);
    /// assert!(sharing.set_strength(f64::NAN).is_err() && sharing.strength() == 0.1);
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Errors
    /// If λ is negative or not finite. Then nothing has changed.
    pub fn set_strength(&mut self, strength: f64) -> Result<(), SoftSharingError> {
        check_strength(strength)?;
        self.strength = strength;
        Ok(())
    }

    /// Ω on the tape, to be added to the losses; a constant 0 if λ = 0.
    ///
    /// The weights and the mixture get gradients; what is frozen is a constant, also as an observation
    /// from which the mixture learns. The tape keeps some tensors of weights × components numbers:
    /// [`add_gradients`](SoftSharing::add_gradients) comes to the same without them.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// params.add("w", Tensor::new([2], vec![-1.0, 1.0]));
    /// // One component, μ = 0, σ = 0.5 + the range of the weights: Ω = λ Σ (½ z² + ln σ + ½ ln 2π).
    /// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 1, 0.5, 3.0)?;
    /// let z = 1.0 / 2.5_f64;
    /// let expected = 3.0 * 2.0 * (0.5 * z * z + 2.5_f64.ln() + 0.5 * std::f64::consts::TAU.ln());
    /// assert!((sharing.penalty(&Tape::new(&params)).item() - expected).abs() < 1e-13);
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Panics
    /// If this is of another store, or the tape is spent.
    #[track_caller]
    pub fn penalty<'t, T: Float>(&self, tape: &'t Tape<'_, T>) -> Var<'t, T> {
        self.belongs(tape.params());
        if self.strength == 0.0 {
            return tape.constant(T::ZERO);
        }
        let _part = tape.enter_at("soft sharing", Location::caller());
        let mean = tape.param(self.means);
        let width = tape.param(self.log_widths).exp() + self.floor;
        let log_scale = tape.param(self.logits).log_softmax() - width.clone().ln() - HALF_LN_TAU;
        let log_likelihoods = self.unique(tape.params()).map(|id| {
            let w = tape.param(id);
            let count = w.shape().len();
            let z = (w.reshape([count, 1]) - &mean) / &width;
            (&log_scale - 0.5 * z.square()).log_sum_exp(&[1]).sum()
        });
        let sum = log_likelihoods.reduce(|sum, term| sum + term).expect("something was chosen");
        -self.strength * sum
    }

    /// Bytes of the list of names, as it has grown.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.chosen.capacity() * size_of::<ParamId>()
    }

    /// Panics at the caller's line if this is of another store.
    #[track_caller]
    fn belongs<T: Float>(&self, params: &Params<T>) {
        for &id in self.chosen.iter().chain([&self.logits, &self.means, &self.log_widths]) {
            params.slot(id);
        }
    }

    /// One name for each slot of what is chosen.
    fn unique<T: Float>(&self, params: &Params<T>) -> impl Iterator<Item = ParamId> {
        // No list of those that were seen: a step would ask the system for it.
        let seen = |i: usize, id: ParamId| {
            params.is_shared(id) && self.chosen[..i].iter().any(|&earlier| params.slot(earlier) == params.slot(id))
        };
        self.chosen.iter().enumerate().filter(move |&(i, &id)| !seen(i, id)).map(|(_, &id)| id)
    }
}

fn check_strength(found: f64) -> Result<(), SoftSharingError> {
    expect(found.is_finite() && found >= 0.0, "a finite strength λ of at least 0", found)
}

/// Where the range of the chosen weights begins, and the length of its parts.
fn parts<T: Float>(params: &Params<T>, chosen: &[ParamId], components: usize) -> (f64, f64) {
    let numbers = chosen.iter().flat_map(|&id| params.get(id).data()).map(|w| w.to_f64()).filter(|w| w.is_finite());
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), w| (low.min(w), high.max(w)));
    let middle = if low <= high { f64::midpoint(low, high) } else { 0.0 };
    let range = [high - low, middle.abs(), 1.0].into_iter().find(|range| *range > 0.0).expect("1 is above 0");
    (middle - range / 2.0, range / components as f64)
}
