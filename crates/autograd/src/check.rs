//! The gradient checker: derivatives against finite differences, in `f64`, to second order.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::{Params, Tape, Tensor, Var};

/// A derivative that does not agree with finite differences: the error of [`check_gradients`].
///
/// ```
/// use tandem_autograd::{Tensor, check_gradients};
/// // Half of the gradient is cut off: x · x with the second x as a constant.
/// let error = check_gradients(1, &[Tensor::scalar(3.0)], |x| &x[0] * x[0].clone().detach()).unwrap_err();
/// assert_eq!((error.order, error.input), (1, 0));
/// assert!((error.numeric / error.computed - 2.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GradientMismatch {
    /// 1 for the gradient, 2 for the derivative of the gradient.
    pub order: u8,
    /// Which input.
    pub input: usize,
    /// The derivative along a random direction that the tape computed.
    pub computed: f64,
    /// The same from finite differences.
    pub numeric: f64,
}

impl fmt::Display for GradientMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.order == 1 { "the gradient" } else { "the derivative of the gradient" };
        write!(
            f,
            "{what} with respect to input {} is {:e} along a random direction, finite differences give {:e}",
            self.input, self.computed, self.numeric
        )
    }
}

impl std::error::Error for GradientMismatch {}

/// Relative disagreement that is still taken for rounding: with the differences of fourth order
/// used here, right derivatives of smooth functions of size 1 agree to about 1e-10.
const TOLERANCE: f64 = 1e-7;

/// Checks the first and second derivatives of `f` at `inputs` against finite differences along
/// random directions.
///
/// The output is reduced to a number with random weights r: φ(x) = Σ r · f(x). Then, for a random
/// direction v in one input at a time, ⟨∇φ(x), v⟩ is held against
/// (8(φ(x+hv) − φ(x−hv)) − (φ(x+2hv) − φ(x−2hv))) / 12h, and with the same rules the derivative of
/// ψ(x) = Σ ⟨u, ∇φ(x)⟩ against differences of ψ. `f` must be smooth around the inputs.
/// In PyTorch this is called `gradcheck` and `gradgradcheck`.
///
/// ```
/// use tandem_autograd::{Tensor, check_gradients};
/// let x = Tensor::new([3], vec![0.3, -0.7, 1.1]);
/// check_gradients(1, &[x], |x| x[0].clone().tanh().square())?;
/// # Ok::<(), tandem_autograd::GradientMismatch>(())
/// ```
///
/// # Errors
/// The first derivative that disagrees.
pub fn check_gradients(
    seed: u64,
    inputs: &[Tensor<f64>],
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
) -> Result<(), GradientMismatch> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut random =
        |like: &Tensor<f64>| Tensor::new(like.shape(), (0..like.len()).map(|_| rng.sample(StandardNormal)).collect());
    let weights = on_tape(inputs, |_, x| random(f(x).value()));
    let directions: Vec<_> = inputs.iter().map(&mut random).collect();
    let probes: Vec<_> = inputs.iter().map(&mut random).collect();

    let check = Check { f: &f, weights, probes };
    for (input, direction) in directions.iter().enumerate() {
        for order in [1, 2] {
            let computed = on_tape(inputs, |tape, x| {
                dot(tape.grad(&check.number(order, tape, x), [&x[input]])[0].value(), direction)
            });
            let value = |x: &[Tensor<f64>]| on_tape(x, |tape, x| check.number(order, tape, x).item());
            let numeric = difference(inputs, input, direction, value);
            // Where one is infinite or no number, nothing has been compared.
            let finite = computed.is_finite() && numeric.is_finite();
            if !finite || (computed - numeric).abs() > TOLERANCE * (1.0 + numeric.abs()) {
                return Err(GradientMismatch { order, input, computed, numeric });
            }
        }
    }
    Ok(())
}

struct Check<'f, F> {
    f: &'f F,
    weights: Tensor<f64>,
    probes: Vec<Tensor<f64>>,
}

impl<F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>> Check<'_, F> {
    /// The number whose gradient is checked: φ = Σ weights · f, or ψ = Σ ⟨probes, ∇φ⟩.
    fn number<'t>(&self, order: u8, tape: &'t Tape<'_, f64>, x: &[Var<'t, f64>]) -> Var<'t, f64> {
        let phi = ((self.f)(x) * tape.constant(self.weights.clone())).sum();
        if order == 1 {
            return phi;
        }
        let terms = x.iter().zip(&self.probes).map(|(x, probe)| {
            let [gradient] = tape.grad(&phi, [x]);
            (gradient * tape.constant(probe.clone())).sum()
        });
        terms.fold(tape.constant(0.0), |sum, term| sum + term)
    }
}

/// Runs `body` on a fresh tape with these values as inputs.
fn on_tape<R>(values: &[Tensor<f64>], body: impl for<'t> FnOnce(&'t Tape<'_, f64>, &[Var<'t, f64>]) -> R) -> R {
    let params = Params::new();
    let tape = Tape::new(&params);
    let inputs: Vec<_> = values.iter().map(|value| tape.input(value.clone())).collect();
    body(&tape, &inputs)
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

/// The derivative of `value` along `direction` in one input, by central differences of fourth
/// order.
fn difference(
    inputs: &[Tensor<f64>],
    input: usize,
    direction: &Tensor<f64>,
    value: impl Fn(&[Tensor<f64>]) -> f64,
) -> f64 {
    const H: f64 = 1e-3;
    let at = |t: f64| {
        let mut moved = inputs.to_vec();
        moved[input].update(|x| x.iter_mut().zip(direction.data()).for_each(|(x, d)| *x += t * d));
        value(&moved)
    };
    (8.0 * (at(H) - at(-H)) - (at(2.0 * H) - at(-2.0 * H))) / (12.0 * H)
}
