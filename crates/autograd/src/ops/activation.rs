//! Activations and losses composed of the ops, each its definition; and eˣ⁻ʸ, which softmax is made of.

use std::f64::consts::FRAC_1_SQRT_2;

use rand::{Rng, RngExt};

use super::elementwise::{binary, broadcast_shapes};
use super::index::pick;
use crate::kernels::elementwise::stretches;
use crate::kernels::functions::exp_all;
use crate::{Float, Kind, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// z = eˣ⁻ʸ, and 0 where x is −∞, whatever y is,  x̄ = z̄ · z,  ȳ = −z̄ · z
///
/// What softmax is made of, with y = ln Σ eˣ.
#[derive(Clone, Copy, Debug)]
pub struct ExpSub;

impl<T: Float> Op<T> for ExpSub {
    fn name(&self) -> &'static str {
        "exp_sub"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        broadcast_shapes(x[0], x[1])
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::RESULT
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let mut z = binary(x, out, |x, y| if x == T::NEG_INFINITY { x } else { x - y });
        z.update(|z| stretches(z, None, |z, _| exp_all(z)));
        z
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let product = g * r.result();
        if r.needs(1) {
            r.add(1, -&product);
        }
        r.add(0, product);
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// ln(1 + eˣ) of each number, as ln(eˣ + e⁰), so that nothing overflows.
    #[track_caller]
    pub fn softplus(self) -> Var<'t, T> {
        let shape = self.shape();
        // A column, because a shape of six axes has no room for one more.
        let column = self.reshape([shape.len(), 1]);
        let zeros = column.constant(Tensor::zeros(column.shape()));
        Var::concat(1, [column, zeros]).log_sum_exp(&[1]).reshape(shape)
    }

    /// x · Φ(x) of each number, Φ the normal distribution: x/2 · (1 + erf(x/√2)) (Hendrycks and Gimpel
    /// 2016).
    #[track_caller]
    pub fn gelu(self) -> Var<'t, T> {
        let erf = (&self * FRAC_1_SQRT_2).erf();
        self * (erf + 1.0) * 0.5
    }

    /// x / (1 + e⁻ˣ) of each number: x · sigmoid x. Also called swish.
    #[track_caller]
    pub fn silu(self) -> Var<'t, T> {
        let gate = self.clone().sigmoid();
        self * gate
    }

    /// x where it is positive, else slope · x. The derivative at 0 is the slope.
    #[track_caller]
    pub fn leaky_relu(self, slope: f64) -> Var<'t, T> {
        let low = &self * slope;
        self.greater(0.0).choose(self, low)
    }

    /// 0 for each number with probability p, else x / (1 − p), so that the mean stays. The draws come from
    /// this generator; in evaluation there is nothing to call.
    ///
    /// # Panics
    /// If p is not in 0 ≤ p < 1.
    #[track_caller]
    pub fn dropout(self, p: f64, rng: &mut (impl Rng + ?Sized)) -> Var<'t, T> {
        assert!((0.0..1.0).contains(&p), "dropout: a probability of {p} is not in 0 ≤ p < 1");
        let kept = T::from_f64(1.0 / (1.0 - p));
        let mask = Tensor::build(self.shape(), Kind::Activation, |mask| {
            for mask in mask {
                *mask = if rng.random::<f64>() < p { T::ZERO } else { kept };
            }
        });
        let mask = self.constant(mask);
        self * mask
    }

    /// eˣ / Σ eˣ over the last axis.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn softmax(self) -> Var<'t, T> {
        let sum = self.clone().log_sum_exp(&[last("softmax", self.shape())]);
        Var::apply(ExpSub, [self, sum])
    }

    /// ln softmax over the last axis: x − ln Σ eˣ.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn log_softmax(self) -> Var<'t, T> {
        let sum = self.clone().log_sum_exp(&[last("log_softmax", self.shape())]);
        self - sum
    }

    /// The mean cross-entropy of class indices under these logits: the mean over rows of
    /// ln Σⱼ eˣʲ − xₖ, where k is the row's class. Stable for logits of any size.
    ///
    /// Logits of shape `[…, classes]`, labels of shape `[…]`. In PyTorch this is called
    /// `F.cross_entropy`, with the classes on axis 1.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let logits = tape.input(Tensor::new([2, 2], vec![1000.0, 0.0, 0.0, 0.0]));
    /// let labels = tape.constant(Tensor::new([2], vec![0.0, 1.0]));
    /// let loss = logits.cross_entropy(labels);
    /// assert!((loss.item() - 0.5 * 2f64.ln()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is not a class.
    #[track_caller]
    pub fn cross_entropy(self, labels: Var<'t, T>) -> Var<'t, T> {
        let last = last("cross_entropy", self.shape());
        let rows = labels.shape();
        let right = pick("cross_entropy", self.clone(), labels);
        (self.log_sum_exp(&[last]).reshape(rows) - right).mean()
    }
}

/// The last axis.
#[track_caller]
fn last(op: &str, shape: Shape) -> usize {
    assert!(shape.rank() > 0, "{op}: a number has no last axis");
    shape.rank() - 1
}
