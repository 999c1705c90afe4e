//! The penalty and its gradients in one pass over the weights, without a tape.

use tandem_autograd::{Float, Gradients, ParamId, Params};

use super::mixture::Term;
use super::{MAX_COMPONENTS, SoftSharing};
use crate::fused::change;

/// A component on its way over the weights.
#[derive(Clone, Copy, Default)]
struct Visit {
    term: Term,
    /// For the weight at hand: z = (w − μ)/σ, and the density, up to a factor that all components share.
    z: f64,
    density: f64,
    /// Σ (π − r), Σ r z/σ and Σ r (1 − z²)/σ over the weights, r being the component's responsibility.
    of_share: f64,
    of_mean: f64,
    of_width: f64,
}

impl SoftSharing {
    /// Adds the gradients of Ω to those of the losses, and returns Ω: what
    /// [`penalty`](SoftSharing::penalty) on the tape comes to, in one pass over the weights, with sums in
    /// `f64`, and without memory of its own.
    ///
    /// With the responsibilities rᵢⱼ = πⱼ N(wᵢ; μⱼ, σⱼ²) / Σₖ πₖ N(wᵢ; μₖ, σₖ²) and zᵢⱼ = (wᵢ − μⱼ)/σⱼ:
    ///
    /// - ∂Ω/∂wᵢ = λ Σⱼ rᵢⱼ zᵢⱼ/σⱼ
    /// - ∂Ω/∂μⱼ = −λ Σᵢ rᵢⱼ zᵢⱼ/σⱼ
    /// - ∂Ω/∂sⱼ = λ eˢ Σᵢ rᵢⱼ (1 − zᵢⱼ²)/σⱼ
    /// - ∂Ω/∂logitⱼ = λ Σᵢ (πⱼ − rᵢⱼ)
    ///
    /// A trainable slot on which the losses did not depend gets a gradient; a frozen one gets none. If
    /// λ = 0, nothing is done. In a dry run the value is NaN.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::new([3], vec![-1.0, 0.25, 1.0]));
    /// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 1.0)?;
    /// let penalty = sharing.penalty(&Tape::new(&params)).backward();
    /// let mut fused = (0.0 * Tape::new(&params).param(w)).sum().backward();
    /// sharing.add_gradients(&params, &mut fused);
    /// for (slot, of_penalty) in penalty.iter() {         // of weights and mixture
    ///     let of_fused = fused.get(slot).unwrap().data();
    ///     assert!(of_fused.iter().zip(of_penalty.data()).all(|(a, b)| (a - b).abs() < 1e-14));
    /// }
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Panics
    /// If this is of another store.
    #[track_caller]
    pub fn add_gradients<T: Float>(&self, params: &Params<T>, gradients: &mut Gradients<T>) -> f64 {
        self.belongs(params);
        if self.strength == 0.0 {
            return 0.0;
        }
        let lambda = self.strength;
        #[expect(clippy::large_stack_arrays, reason = "20 kB, so that a step asks the system for nothing")]
        let mut room = [Visit::default(); MAX_COMPONENTS];
        let visits = &mut room[..params.get(self.means).len()];
        // Stays NaN in a dry run, in which there is no term.
        let mut log_likelihood = f64::NAN;
        for (visit, term) in visits.iter_mut().zip(self.terms(params)) {
            (visit.term, log_likelihood) = (term, 0.0);
        }
        for id in self.unique(params) {
            let weights = params.get(id).data();
            let mut visit = |w: T| {
                let (log_density, slope) = see(visits, w.to_f64());
                log_likelihood += log_density;
                T::from_f64(lambda * slope)
            };
            if params.is_trainable(id) {
                change(params, gradients, params.slot(id), |g| {
                    g.iter_mut().zip(weights).for_each(|(g, &w)| *g += visit(w));
                });
            } else {
                for &w in weights {
                    visit(w);
                }
            }
        }
        let mut add_to = |id: ParamId, slope: fn(&Visit) -> f64| {
            if params.is_trainable(id) {
                let slopes = visits.iter().map(|visit| T::from_f64(lambda * slope(visit)));
                change(params, gradients, params.slot(id), |g| {
                    g.iter_mut().zip(slopes).for_each(|(g, slope)| *g += slope);
                });
            }
        };
        add_to(self.logits, |visit| visit.of_share);
        add_to(self.means, |visit| -visit.of_mean);
        add_to(self.log_widths, |visit| visit.of_width * visit.term.excess);
        -lambda * log_likelihood
    }
}

/// Looks at one weight: ln p(w) and −∂ ln p(w)/∂w. What it does to the mixture is added to the visits.
fn see(visits: &mut [Visit], w: f64) -> (f64, f64) {
    let mut largest = f64::NEG_INFINITY;
    for visit in visits.iter_mut() {
        visit.z = visit.term.z(w);
        visit.density = visit.term.log_scale - 0.5 * visit.z * visit.z;
        largest = largest.max(visit.density);
    }
    // The largest is taken out, so that far from every mean the sum is not 0.
    let mut sum = 0.0;
    for visit in visits.iter_mut() {
        visit.density = (visit.density - largest).exp();
        sum += visit.density;
    }
    let mut slope = 0.0;
    for visit in visits {
        let (responsibility, z) = (visit.density / sum, visit.z);
        let per_width = responsibility / visit.term.component.width;
        slope += per_width * z;
        visit.of_mean += per_width * z;
        visit.of_width += per_width * (1.0 - z * z);
        visit.of_share += visit.term.component.share - responsibility;
    }
    (largest + sum.ln(), slope)
}
