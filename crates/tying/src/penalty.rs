//! Penalties Ω(d) on the difference d of two parameters.

mod group;

use std::fmt::Debug;

use tandem_autograd::{Float, Var};

pub(crate) use group::Lay;
pub use group::{GroupLasso, Groups};

use crate::fused::Pass;
use crate::proximal::Step;

/// A penalty Ω(d) on the difference d of two parameters, a sum of terms.
///
/// One method is enough: the terms on the tape. A penalty that says how it is computed number by number, or
/// group by group, is also computed in one pass without a tape; one that knows its proximal operator can take
/// proximal steps. Each is a line:
///
/// ```
/// use tandem_autograd::{Float, Params, Tape, Tensor, Var};
/// use tandem_tying::{Coupling, Pairing, Pass, Penalty, Strength};
///
/// /// Σ (√(1 + d²) − 1): quadratic near zero, linear far away, and smooth.
/// #[derive(Debug)]
/// struct PseudoHuber;
///
/// impl<T: Float> Penalty<T> for PseudoHuber {
///     fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
///         (d.square() + 1.0).sqrt() - 1.0
///     }
///     fn fused(&self, pass: &mut Pass<'_, T>) {
///         pass.each(|d| {
///             let root = (T::ONE + d * d).sqrt();
///             (root - T::ONE, d / root)
///         })
///     }
/// }
///
/// let mut params = Params::<f64>::new();
/// for (name, x) in [("a.w", 0.5), ("b.w", 2.0)] {
///     params.add(name, Tensor::full([3], x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let coupling = Coupling::with(&mut params, pairing, PseudoHuber, Strength::Coupled(0.1))?;
/// let tape = Tape::new(&params);
/// let mut gradients = coupling.penalty(&tape).backward();
/// let on_tape = gradients.iter().next().unwrap().1.data()[0];
/// coupling.add_gradients(&params, &mut gradients);           // the same once more
/// assert!((gradients.iter().next().unwrap().1.data()[0] - 2.0 * on_tape).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Penalty<T: Float>: Debug + Send + Sync {
    /// The terms of Ω(d), which are then weighed and added up: one a number, of the shape of d, or one a group, or one.
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T>;

    /// Whether there is one term for each number of d, in its place: then each number may have a
    /// [weight](crate::Coupling::weighted).
    fn each_number(&self) -> bool {
        false
    }

    /// p, if Ω(s·d) = sᵖ Ω(d) for s > 0: then the strength can be [learned](crate::Gamma).
    fn degree(&self) -> Option<f64> {
        None
    }

    /// κ, if Ω(d) = κ Σ d²: then proximal steps reach over whole graphs.
    fn quadratic(&self) -> Option<f64> {
        None
    }

    /// Ω and its gradient in one pass, by [`Pass::each`] or [`Pass::groups`]. One that calls neither has no such form,
    /// and is computed on a tape.
    fn fused(&self, _pass: &mut Pass<'_, T>) {}

    /// The proximal operator, d ↦ the d′ at which ½‖d′ − d‖² + t Ω(d′) is least (Moreau 1965; Parikh and Boyd 2014), by
    /// one call of [`Step::each`] or [`Step::groups`]. One that calls neither has none.
    fn proximal(&self, _step: &mut Step<'_, T>) {}
}

/// Σ d²: the seed of it all (Deep Learning, section 7.9; Lasserre, Bishop and Minka 2006), the negative
/// logarithm of a Gaussian prior with λ = 1/(2σ²).
///
/// Its gradient 2d is zero where d is, since there is no root. The proximal operator is d / (1 + 2t). In PyTorch this
/// is called `MSELoss(reduction="sum")`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{Penalty, SquaredL2};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let d = tape.input(Tensor::new([3], vec![3.0, -0.5, 0.0]));
/// let omega = SquaredL2.terms(d.clone()).sum();
/// assert_eq!((omega.item(), omega.backward().wrt(&d).unwrap().data()), (9.25, &[6.0, -1.0, 0.0][..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquaredL2;

impl<T: Float> Penalty<T> for SquaredL2 {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        d.square()
    }

    fn each_number(&self) -> bool {
        true
    }

    fn degree(&self) -> Option<f64> {
        Some(2.0)
    }

    fn quadratic(&self) -> Option<f64> {
        Some(1.0)
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        pass.each(|d| (d * d, d + d));
    }

    fn proximal(&self, step: &mut Step<'_, T>) {
        step.each(|d, t| d / (T::ONE + t + t));
    }
}

/// Σ |d|: a Laplace prior, under which some differences become exactly zero (the fused lasso, Tibshirani et al. 2005).
/// Exact zeros need proximal steps: gradient steps jump over them. In PyTorch this is called `L1Loss(reduction="sum")`.
///
/// Its gradient is the sign of d, 0 at 0. The proximal operator takes t off |d|, and stops at 0.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{L1, Penalty};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let d = tape.input(Tensor::new([3], vec![3.0, -0.5, 0.0]));
/// let omega = L1.terms(d.clone()).sum();
/// assert_eq!((omega.item(), omega.backward().wrt(&d).unwrap().data()), (3.5, &[1.0, -1.0, 0.0][..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1;

impl<T: Float> Penalty<T> for L1 {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        d.abs()
    }

    fn each_number(&self) -> bool {
        true
    }

    fn degree(&self) -> Option<f64> {
        Some(1.0)
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        pass.each(|d| (d.abs(), sign(d)));
    }

    fn proximal(&self, step: &mut Step<'_, T>) {
        step.each(|d, t| if d.abs() <= t { T::ZERO } else { d - t * sign(d) });
    }
}

/// ½d² where |d| ≤ δ, δ(|d| − ½δ) beyond: few large differences are borne, small ones are drawn together
/// (Huber 1964), summed over all numbers. In PyTorch this is called `HuberLoss(reduction="sum")`.
///
/// The gradient is d, within ±δ. The proximal operator is d/(1 + t) where |d| ≤ δ(1 + t), and takes tδ off |d| beyond.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{Huber, Penalty};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let d = tape.input(Tensor::new([3], vec![3.0, -0.5, 0.0]));
/// let omega = Huber::new(1.0).terms(d.clone()).sum();            // 3 − ½, and ½ · ¼
/// assert_eq!((omega.item(), omega.backward().wrt(&d).unwrap().data()), (2.625, &[1.0, -0.5, 0.0][..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    delta: f64,
}

impl Huber {
    /// Quadratic within ±δ, linear beyond. δ is in the units of the parameters.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::{Coupling, Huber, Pairing, Strength};
    /// let mut params = Params::<f64>::new();
    /// for (name, x) in [("a.near", 0.0), ("a.far", 0.0), ("b.near", 1.0), ("b.far", 10.0)] {
    ///     params.add(name, Tensor::scalar(x));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::with(&mut params, pairing, Huber::new(2.0), Strength::Coupled(0.5))?;
    /// coupling.proximal_step(&mut params, 1.0)?;         // t = 1: 1 / (1 + t), and tδ off 10
    /// let apart: Vec<f64> = coupling.report(&params, None).pairs.iter().map(|row| row.distance).collect();
    /// assert_eq!(apart, [0.5, 8.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If δ is not finite or not above 0.
    #[track_caller]
    pub fn new(delta: f64) -> Huber {
        assert!(delta.is_finite() && delta > 0.0, "Huber: expected a finite δ above 0, found {delta}");
        Huber { delta }
    }
}

impl<T: Float> Penalty<T> for Huber {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        // c(d − ½c) is ½d² where c = d, and δ(|d| − ½δ) where c = ±δ.
        let c = d.clone().clamp(-self.delta, self.delta);
        &c * (d - 0.5 * &c)
    }

    fn each_number(&self) -> bool {
        true
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        let (delta, half) = (T::from_f64(self.delta), T::from_f64(0.5));
        pass.each(|d| {
            let c = if d > delta {
                delta
            } else if d < -delta {
                -delta
            } else {
                d
            };
            (c * (d - half * c), c)
        });
    }

    fn proximal(&self, step: &mut Step<'_, T>) {
        let delta = T::from_f64(self.delta);
        step.each(|d, t| if d.abs() <= delta * (T::ONE + t) { d / (T::ONE + t) } else { d - t * delta * sign(d) });
    }
}

/// The sign of a number; 0 for 0. A NaN stays one, so that it is seen.
fn sign<T: Float>(d: T) -> T {
    if d > T::ZERO {
        T::ONE
    } else if d < T::ZERO {
        -T::ONE
    } else {
        d
    }
}
