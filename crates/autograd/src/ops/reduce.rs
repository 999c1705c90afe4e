//! Sum and broadcast: each is the other's adjoint.

use crate::float::Float;
use crate::kernels::elementwise::{broadcast_into, sum_into};
use crate::op::{Needs, Op, Out, Saves};
use crate::shape::{Shape, ShapeError};
use crate::sweep::Rule;
use crate::tensor::Tensor;
use crate::var::Var;

/// z = x summed over the axes along which z's shape would be broadcast to x's.
///
/// x̄ = z̄ broadcast to x's shape. This is what un-does broadcasting in every rule.
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
    fn saves(&self, _: Needs) -> Saves {
        Saves::NOTHING
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        out.build(|z| sum_into(z, out.shape, x.data(), x.shape()))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, BroadcastTo(r.shape(0)), [g]);
    }
}

/// z = x repeated along the axes that x lacks or has with length 1.
///
/// x̄ = z̄ summed to x's shape.
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
    fn saves(&self, _: Needs) -> Saves {
        Saves::NOTHING
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
    /// # Panics
    /// If `shape` does not broadcast to this one's.
    #[track_caller]
    pub fn sum_to(self, shape: impl Into<Shape>) -> Var<'t, T> {
        let shape = shape.into();
        if self.shape() == shape { self } else { Var::apply(SumTo(shape), [self]) }
    }

    /// This, repeated to `shape`, with NumPy's rule. In PyTorch this is called `expand`.
    ///
    /// # Panics
    /// If it does not fit.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'t, T> {
        let shape = shape.into();
        if self.shape() == shape { self } else { Var::apply(BroadcastTo(shape), [self]) }
    }

    /// The sum of all numbers.
    #[track_caller]
    pub fn sum(self) -> Var<'t, T> {
        self.sum_to(Shape::SCALAR)
    }

    /// The mean of all numbers.
    #[track_caller]
    pub fn mean(self) -> Var<'t, T> {
        let count = self.shape().len() as f64;
        self.sum().scale(1.0 / count)
    }

    /// The sum over the listed axes, which keep length 1.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn sum_axes(self, axes: &[usize]) -> Var<'t, T> {
        let mut kept = self.shape();
        for &axis in axes {
            if let Err(error) = ShapeError::unless_axis(axis, kept) {
                panic!("sum_axes({}): {error}", self.shape());
            }
            kept = kept.with(axis, 1);
        }
        self.sum_to(kept)
    }
}
