//! The mixture as numbers: what was learned, and what a pass over the weights needs of it.

use std::fmt;

use tandem_autograd::{Float, Params};

use super::{HALF_LN_TAU, SoftSharing};

/// One Gaussian of a mixture.
///
/// ```
/// let component = tandem_tying::Component { share: 0.25, mean: 1.0, width: 0.5 };
/// let mixture = tandem_tying::Mixture { components: vec![component] };
/// let table = "\
/// component    share         mean        width
///         0   0.2500     1.0000e0    5.0000e-1";
/// assert_eq!(mixture.to_string(), table);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Component {
    /// Its share π of the weights.
    pub share: f64,
    /// Its mean μ.
    pub mean: f64,
    /// Its standard deviation σ.
    pub width: f64,
}

/// The components in the order of the store; displayed, a table.
///
/// p(w) = Σⱼ πⱼ N(w; μⱼ, σⱼ²), of which [`SoftSharing`] adds −λ ln p(w) for each weight.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Component, SoftSharing};
/// # let mut params = Params::<f64>::new();
/// params.add("w", Tensor::new([2], vec![1.0, 2.0]));
/// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 1, 0.25, 1.0)?;
/// let all = Component { share: 1.0, mean: 1.5, width: 0.25 + 1.0 };
/// assert_eq!(sharing.mixture(&params).components, [all]);
/// # Ok::<(), tandem_tying::SoftSharingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// The components.
    pub components: Vec<Component>,
}

impl fmt::Display for Mixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}  {:>7}  {:>11}  {:>11}", "component", "share", "mean", "width")?;
        for (j, Component { share, mean, width }) in self.components.iter().enumerate() {
            write!(f, "\n{j:>9}  {share:>7.4}  {mean:>11.4e}  {width:>11.4e}")?;
        }
        Ok(())
    }
}

/// A component, and what of it does not depend on the weight.
#[derive(Clone, Copy, Default)]
pub(super) struct Term {
    pub(super) component: Component,
    /// ln π − ln σ − ½ ln 2π.
    pub(super) log_scale: f64,
    /// ∂σ/∂s = eˢ.
    pub(super) excess: f64,
}

impl Term {
    /// (w − μ)/σ.
    pub(super) fn z(&self, w: f64) -> f64 {
        (w - self.component.mean) / self.component.width
    }

    /// ln π N(w; μ, σ²).
    pub(super) fn log_density(&self, w: f64) -> f64 {
        self.log_scale - 0.5 * self.z(w).powi(2)
    }
}

impl SoftSharing {
    /// The mixture as it stands in this store.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// params.add("w", Tensor::new([2], vec![-1.0, 1.0]));
    /// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 1.0)?;
    /// let logits = params.find("groups.logits").unwrap();
    /// params.set(logits, Tensor::new([2], vec![0.0, 3_f64.ln()])).unwrap();
    /// let shares: Vec<f64> = sharing.mixture(&params).components.iter().map(|component| component.share).collect();
    /// assert!((shares[0] - 0.25).abs() < 1e-15 && (shares[1] - 0.75).abs() < 1e-15);
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Panics
    /// If this is of another store.
    #[track_caller]
    pub fn mixture<T: Float>(&self, params: &Params<T>) -> Mixture {
        self.belongs(params);
        Mixture { components: self.terms(params).map(|term| term.component).collect() }
    }

    /// The components; none in a dry run.
    #[track_caller]
    pub(super) fn terms<'a, T: Float>(&self, params: &'a Params<T>) -> impl Iterator<Item = Term> + use<'a, T> {
        let [logits, means, log_widths] = [self.logits, self.means, self.log_widths].map(|id| params.get(id).data());
        let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, logit| largest.max(logit.to_f64()));
        let log_sum = largest + logits.iter().map(|logit| (logit.to_f64() - largest).exp()).sum::<f64>().ln();
        let floor = self.floor;
        logits.iter().zip(means).zip(log_widths).map(move |((logit, mean), log_width)| {
            // Not the logarithm of the share: a share may be too small for a number.
            let (log_share, excess) = (logit.to_f64() - log_sum, log_width.to_f64().exp());
            let width = floor + excess;
            let component = Component { share: log_share.exp(), mean: mean.to_f64(), width };
            Term { component, log_scale: log_share - width.ln() - HALF_LN_TAU, excess }
        })
    }
}
