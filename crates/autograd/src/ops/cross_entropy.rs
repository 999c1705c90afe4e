//! Log-sum-exp and picking by index: what a stable cross-entropy is made of.

use crate::float::Float;
use crate::op::{Needs, Op, Out, Saves};
use crate::pool::is_dry;
use crate::shape::{Shape, ShapeError};
use crate::sweep::Rule;
use crate::tensor::Tensor;
use crate::var::Var;

/// z = ln Σⱼ eˣʲ over the last axis, which keeps length 1,  x̄ = z̄ · eˣ⁻ᶻ
///
/// Computed as m + ln Σ eˣ⁻ᵐ with m = max x, so that no exponential overflows.
#[derive(Clone, Copy, Debug)]
pub struct LogSumExp;

impl<T: Float> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(x[0].rank() > 0, || "a number has no last axis".into())?;
        Ok(x[0].with(x[0].rank() - 1, 1))
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(0).and(Saves::RESULT)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (x, width) = (&x[0], x[0].shape()[x[0].shape().rank() - 1] as usize);
        out.build(|z| {
            for (i, z) in z.iter_mut().enumerate() {
                *z = log_sum_exp(&x.data()[i * width..(i + 1) * width]);
            }
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add(0, (r.x(0) - r.result()).exp() * g);
    }
}

fn log_sum_exp<T: Float>(x: &[T]) -> T {
    let max = x.iter().fold(T::NEG_INFINITY, |max, &x| if x > max { x } else { max });
    if !max.is_finite() {
        // x − m would be ∞ − ∞. The sum is e^∞, or has no terms but e^−∞ = 0; a NaN is passed on.
        return x.iter().copied().find(|x| x.partial_cmp(&max).is_none()).unwrap_or(max);
    }
    let mut sum = T::ZERO;
    for &x in x {
        sum += (x - max).exp();
    }
    max + sum.ln()
}

/// z = x at the index along the last axis: zᵢ = xᵢ,ₖ with k = indexᵢ,  x̄ᵢ,ₖ = z̄ᵢ, the rest 0.
///
/// Operands: x of shape `[…, n]` and index of shape `[…]`. Indices are whole numbers of the same
/// element type, exact up to 2²⁴ in `f32`; no gradient passes to them.
#[derive(Clone, Copy, Debug)]
pub struct Pick;

impl<T: Float> Op<T> for Pick {
    fn name(&self) -> &'static str {
        "pick"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let fits = x[0].rank() == x[1].rank() + 1 && x[0].dims().starts_with(x[1].dims());
        ShapeError::unless(fits, || {
            format!("an index of shape {} does not pick from the last axis of {}", x[1], x[0])
        })?;
        Ok(x[1])
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (from, width) = (&x[0], x[0].shape()[x[0].shape().rank() - 1] as usize);
        out.build(|z| {
            for (i, (z, &k)) in z.iter_mut().zip(x[1].data()).enumerate() {
                *z = from.data()[i * width + index(k, width)];
            }
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        if r.needs(0) {
            let width = r.shape(0)[r.shape(0).rank() - 1] as usize;
            r.add_op(0, Put(width), [g, r.x(1)]);
        }
    }
}

/// zᵢ,ₖ = xᵢ with k = indexᵢ, the rest 0: the adjoint of [`Pick`], which is its rule in turn.
#[derive(Clone, Copy, Debug)]
pub struct Put(pub usize);

impl<T: Float> Op<T> for Put {
    fn name(&self) -> &'static str {
        "put"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(x[0] == x[1], || format!("values of shape {} for indices of shape {}", x[0], x[1]))?;
        Ok(x[0].join(x[0].rank(), &[self.0]))
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        out.build(|z| {
            z.fill(T::ZERO);
            for (i, (&value, &k)) in x[0].data().iter().zip(x[1].data()).enumerate() {
                z[i * self.0 + index(k, self.0)] = value;
            }
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        if r.needs(0) {
            r.add_op(0, Pick, [g, r.x(1)]);
        }
    }
}

fn index<T: Float>(k: T, width: usize) -> usize {
    assert!(is_index(k, width), "index {k} is not in 0..{width}, the range of the last axis");
    k.to_f64() as usize
}

fn is_index<T: Float>(k: T, width: usize) -> bool {
    let k = k.to_f64();
    k >= 0.0 && k < width as f64 && k.fract() == 0.0
}

/// Checks the operands of [`Pick`] for the method `op`, whose caller made the mistake: a kernel could
/// not name the caller's line.
#[track_caller]
fn check_pick<T: Float>(op: &str, x: Shape, index: &Tensor<T>) {
    let shape = index.shape();
    if let Err(error) = Op::<T>::shape(&Pick, &[x, shape]) {
        panic!("{op}({x}, {shape}): {error}");
    }
    if is_dry::<T>() {
        return;
    }
    let width = x[x.rank() - 1] as usize;
    for (i, &k) in index.data().iter().enumerate() {
        assert!(
            is_index(k, width),
            "{op}({x}, {shape}): index {k}, at place {i}, is not in 0..{width}, the range of the last axis"
        );
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// ln Σ eˣ over the last axis, which keeps length 1.
    #[track_caller]
    pub fn log_sum_exp(self) -> Var<'t, T> {
        Var::apply(LogSumExp, [self])
    }

    /// ln softmax over the last axis: x − ln Σ eˣ.
    #[track_caller]
    pub fn log_softmax(self) -> Var<'t, T> {
        &self - self.clone().log_sum_exp()
    }

    /// eˣ / Σ eˣ over the last axis.
    #[track_caller]
    pub fn softmax(self) -> Var<'t, T> {
        self.log_softmax().exp()
    }

    /// The numbers at these indices along the last axis. In PyTorch this is called `gather`.
    ///
    /// # Panics
    /// If the index has not the shape of all axes but the last, or is out of range.
    #[track_caller]
    pub fn pick(self, index: Var<'t, T>) -> Var<'t, T> {
        check_pick("pick", self.shape(), index.value());
        Var::apply(Pick, [self, index])
    }

    /// The mean cross-entropy of class indices under these logits: the mean over rows of
    /// ln Σⱼ eˣʲ − xₖ, where k is the row's class. Stable for logits of any size.
    ///
    /// Logits of shape `[n, classes]`, labels of shape `[n]`. In PyTorch this is called
    /// `F.cross_entropy`.
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
        check_pick("cross_entropy", self.shape(), labels.value());
        let rows = labels.shape();
        let right = Var::apply(Pick, [self.clone(), labels]);
        (self.log_sum_exp().reshape(rows) - right).mean()
    }
}
