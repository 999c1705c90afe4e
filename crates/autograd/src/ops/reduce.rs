//! Sum and broadcast, each the other's adjoint; log-sum-exp; and what is composed of them and of picking.

use super::ExpSub;
use crate::kernels::elementwise::broadcast_into;
use crate::kernels::index::first_largest_into;
use crate::kernels::reduce::{log_sum_exp_into, sum_into};
use crate::shape::fit;
use crate::tensor::scratch;
use crate::{Float, Kind, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// z = x summed over the axes along which z's shape would be broadcast to x's.
///
/// x̄ = z̄ broadcast to x's shape. This is what un-does broadcasting in every rule.
///
/// The example is at [`Var::sum_to`].
#[derive(Clone, Copy, Debug)]
pub struct SumTo(pub Shape);

impl<T: Float> Op<T> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(self.0.broadcast(&x[0]) == Some(x[0]), || {
            format!("{} does not broadcast to {}, so it cannot be summed back", self.0, x[0])
        })?;
        Ok(self.0)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        out.build(|z| sum_into(z, out.shape, x.data(), x.shape()))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, BroadcastTo(r.shape(0)), |_| [g]);
    }
}

/// z = ln Σ eˣ over the axes along which z's shape would be broadcast to x's,  x̄ = z̄ · eˣ⁻ᶻ
///
/// A fused form: [`log_sum_exp_composed`](Var::log_sum_exp_composed) is its definition.
///
/// The example is at [`Var::log_sum_exp`].
#[derive(Clone, Copy, Debug)]
pub struct LogSumExp(pub Shape);

impl<T: Float> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Op::<T>::shape(&SumTo(self.0), x)
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(0).and(Saves::RESULT)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (x, mut work) = (&x[0], scratch::<T>(out.shape.len()));
        out.build(|z| work.update(|work| log_sum_exp_into(z, out.shape, x.data(), x.shape(), work)))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add(0, Var::apply(ExpSub, [r.x(0), r.result()]) * g);
    }
}

/// z = x repeated along the axes that x lacks or has with length 1.
///
/// x̄ = z̄ summed to x's shape.
///
/// ```
/// use tandem_autograd::{Params, Shape, Tape, Tensor, Var, ops::BroadcastTo};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([2, 1], vec![1., 2.]));
/// let z = Var::apply_op(BroadcastTo(Shape::from([2, 3])), [x.clone()]);
/// assert_eq!(z.value().data(), [1., 1., 1., 2., 2., 2.]);
/// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [3., 3.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BroadcastTo(pub Shape);

impl<T: Float> Op<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(x[0].broadcast(&self.0) == Some(self.0), || {
            format!("{} does not broadcast to {}", x[0], self.0)
        })?;
        Ok(self.0)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        broadcast(&x[0], out)
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        // `add` sums the contribution to the operand's shape.
        r.add(0, g);
    }
}

/// A tensor with every repetition written out.
pub(super) fn broadcast<T: Float>(x: &Tensor<T>, out: Out) -> Tensor<T> {
    out.build(|z| broadcast_into(z, out.shape, x.data(), x.shape()))
}

impl<'t, T: Float> Var<'t, T> {
    /// This, summed over the axes along which `shape` would be broadcast to this shape.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.clone().sum_to([3]).value().data(), [5., 7., 9.]);
    /// assert_eq!(x.sum_to([2, 1]).value().data(), [6., 15.]);
    /// ```
    ///
    /// # Panics
    /// If `shape` does not broadcast to this one's.
    #[track_caller]
    pub fn sum_to(self, shape: impl Into<Shape>) -> Var<'t, T> {
        let shape = shape.into();
        if self.shape() == shape { self } else { Var::apply(SumTo(shape), [self]) }
    }

    /// This, repeated to `shape`, with NumPy's rule. In PyTorch this is called `expand`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2], vec![1., 2.]));
    /// assert_eq!(x.broadcast_to([3, 2]).value().data(), [1., 2., 1., 2., 1., 2.]);
    /// ```
    ///
    /// # Panics
    /// If it does not fit.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'t, T> {
        let shape = shape.into();
        if self.shape() == shape { self } else { Var::apply(BroadcastTo(shape), [self]) }
    }

    /// z = Σ x over all numbers: a single number without axes. Each place has the gradient z̄.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([3], vec![1., 2., 4.]));
    /// let z = x.clone().sum();
    /// assert_eq!(z.item(), 7.0);
    /// assert_eq!(z.backward().wrt(&x).unwrap().data(), [1., 1., 1.]);
    /// ```
    #[track_caller]
    pub fn sum(self) -> Var<'t, T> {
        self.sum_to(Shape::SCALAR)
    }

    /// z = Σ x / n over all n numbers: a single number without axes. NaN where there are none.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([4], vec![1., 2., 4., 5.]));
    /// let z = x.clone().mean();
    /// assert_eq!(z.item(), 3.0);
    /// assert_eq!(z.backward().wrt(&x).unwrap().data(), [0.25; 4]);
    /// ```
    #[track_caller]
    pub fn mean(self) -> Var<'t, T> {
        let count = self.shape().len() as f64;
        self.sum().scale(1.0 / count)
    }

    /// The sum over the listed axes, which keep length 1: of `[2, 3]` over axis 1 `[2, 1]`. In PyTorch this is
    /// called `sum(dim, keepdim=True)`; so are the other methods that take axes.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// let rows = x.sum_axes(&[1]);
    /// assert_eq!((rows.shape().to_string(), rows.value().data()), ("[2, 1]".into(), &[6., 15.][..]));
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn sum_axes(self, axes: &[usize]) -> Var<'t, T> {
        let kept = kept("sum_axes", self.shape(), axes);
        self.sum_to(kept)
    }

    /// The mean over the listed axes, which keep length 1.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.mean_axes(&[1]).value().data(), [2., 5.]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn mean_axes(self, axes: &[usize]) -> Var<'t, T> {
        let kept = kept("mean_axes", self.shape(), axes);
        self.mean_to(kept)
    }

    #[track_caller]
    fn mean_to(self, kept: Shape) -> Var<'t, T> {
        let share = kept.len() as f64 / self.shape().len() as f64;
        self.sum_to(kept).scale(share)
    }

    /// Σ (x − mean)² / n over the listed axes, n numbers each, which keep length 1. The sum is divided by the
    /// count: in PyTorch this is called `var(correction=0)`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 2], vec![1., 3., 5., 5.]));
    /// assert_eq!(x.variance_axes(&[1]).value().data(), [1., 0.]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn variance_axes(self, axes: &[usize]) -> Var<'t, T> {
        let kept = kept("variance_axes", self.shape(), axes);
        let mean = self.clone().mean_to(kept);
        (self - mean).square().mean_to(kept)
    }

    /// ‖x‖ = √Σ x² over the listed axes, which keep length 1,  x̄ = z̄ · x / ‖x‖. Where the sum is 0, the gradient
    /// is 0, not the NaN of 0/0.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2, 2], vec![3., 4., 0., 0.]));
    /// let z = x.clone().norm_axes(&[1]);
    /// assert_eq!(z.value().data(), [5., 0.]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [3. * 0.2, 4. * 0.2, 0., 0.]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn norm_axes(self, axes: &[usize]) -> Var<'t, T> {
        let kept = kept("norm_axes", self.shape(), axes);
        let sum = self.square().sum_to(kept);
        let zero = sum.equal(0.0);
        let safe = zero.clone().choose(1.0, sum).sqrt();
        zero.choose(0.0, safe)
    }

    /// The place of the first largest number along the last axis, which is left out, `[…, n] → […]`: a constant. A
    /// NaN is the largest. Compared with labels, it gives an accuracy.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let logits = tape.constant(Tensor::new([2, 3], vec![0., 7., 7., 4., 1., 2.]));
    /// let labels = tape.constant(Tensor::new([2], vec![1., 2.]));
    /// assert_eq!(logits.arg_max().value().data(), [1., 0.]);
    /// assert_eq!(logits.arg_max().equal(labels).mean().item(), 0.5);
    /// ```
    ///
    /// # Panics
    /// If there is no last axis, or it has no places.
    #[track_caller]
    pub fn arg_max(&self) -> Var<'t, T> {
        let shape = self.shape();
        let width = shape.dims().last().map_or(0, |&len| len as usize);
        assert!(width > 0, "arg_max({shape}): there is no last axis with a place");
        let out = Shape::new(&shape.to_vec()[..shape.rank() - 1]);
        self.constant(Tensor::build(out, Kind::Activation, |z| first_largest_into(z, self.value().data(), width)))
    }

    /// The largest number over the listed axes, which keep length 1. The first largest, in row-major
    /// order, has the whole gradient. A NaN is the largest.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2, 3], vec![1., 5., 5., 4., 3., 2.]));
    /// let z = x.clone().max_axes(&[1]);
    /// assert_eq!(z.value().data(), [5., 4.]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0., 1., 0., 1., 0., 0.]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range, or has no places.
    #[track_caller]
    pub fn max_axes(self, axes: &[usize]) -> Var<'t, T> {
        self.largest("max_axes", axes)
    }

    /// As [`max_axes`](Var::max_axes), for this method.
    #[track_caller]
    fn largest(self, method: &str, axes: &[usize]) -> Var<'t, T> {
        let (shape, kept) = (self.shape(), kept(method, self.shape(), axes));
        let (rest, reduced): (Vec<usize>, Vec<usize>) = (0..kept.rank()).partition(|axis| !axes.contains(axis));
        let width = reduced.iter().map(|&axis| shape[axis] as usize).product();
        assert!(width > 0, "{method}({shape}): axes {axes:?} have no place to choose from");
        let rows = self.permute(&[rest, reduced].concat()).reshape([kept.len(), width]);
        let places = rows.arg_max();
        rows.pick(places).reshape(kept)
    }

    /// The smallest number over the listed axes, as [`max_axes`](Var::max_axes) of what is negated.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 5., 5., 4., 3., 2.]));
    /// assert_eq!(x.min_axes(&[0]).value().data(), [1., 3., 2.]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range, or has no places.
    #[track_caller]
    pub fn min_axes(self, axes: &[usize]) -> Var<'t, T> {
        -(-self).largest("min_axes", axes)
    }

    /// z = ln Σ eˣ over the listed axes, which keep length 1,  x̄ = z̄ · eˣ⁻ᶻ, which is softmax. Nothing overflows
    /// (Deep Learning, section 4.1). In PyTorch this is called `logsumexp`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![1000.0, 1000.0]));
    /// let z = x.clone().log_sum_exp(&[0]).sum();
    /// assert_eq!(z.item(), 1000.0 + 2f64.ln());
    /// assert!((z.backward().wrt(&x).unwrap().data()[0] - 0.5).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn log_sum_exp(self, axes: &[usize]) -> Var<'t, T> {
        let kept = kept("log_sum_exp", self.shape(), axes);
        Var::apply(LogSumExp(kept), [self])
    }

    /// What [`log_sum_exp`](Var::log_sum_exp) is by definition, m + ln Σ eˣ⁻ᵐ with m = max x, composed:
    /// for finite numbers the two agree.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2], vec![-3.0, 0.5]));
    /// let [fused, composed] = [x.clone().log_sum_exp(&[0]), x.log_sum_exp_composed(&[0])];
    /// assert!((fused.sum().item() - composed.sum().item()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn log_sum_exp_composed(self, axes: &[usize]) -> Var<'t, T> {
        let m = self.clone().detach().largest("log_sum_exp_composed", axes);
        (self - &m).exp().sum_axes(axes).ln() + m
    }
}

/// The shape that is left when the listed axes are reduced to length 1.
#[track_caller]
fn kept(op: &str, shape: Shape, axes: &[usize]) -> Shape {
    let mut kept = shape;
    for &axis in axes {
        fit(op, &[shape], ShapeError::unless_axis(axis, shape));
        kept = kept.with(axis, 1);
    }
    kept
}
