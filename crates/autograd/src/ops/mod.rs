//! The ops: each one type with its formula, forward and rule; each family one file.
//!
//! ```
//! use tandem_autograd::{Params, Tape, Var, ops::{Erf, Mul, OPS, Relu, Scale, Shift}};
//! let params = Params::<f64>::new();
//! let tape = Tape::new(&params);
//! let (x, y) = (tape.input(3.0), tape.input(-2.0));
//! let product = Var::apply_op(Mul, [x.clone(), y.clone()]);                 // mostly written &x * &y
//! assert_eq!(product.item(), -6.0);
//! assert_eq!(Var::apply_op(Scale(0.5), [x.clone()]).item(), 1.5);           // x * 0.5
//! assert_eq!(Var::apply_op(Shift(0.5), [x.clone()]).item(), 3.5);           // x + 0.5
//! assert_eq!(Var::apply_op(Relu, [y.clone()]).item(), y.clone().relu().item());
//! assert_eq!(Var::apply_op(Erf, [y.clone()]).item(), y.clone().erf().item());
//! assert!(OPS.len() <= 40 && OPS.contains(&"Mul"));
//! let gradients = product.backward();
//! assert_eq!((gradients.wrt(&x).unwrap().item(), gradients.wrt(&y).unwrap().item()), (-2.0, 3.0));
//! ```
//!
//! A program calls the methods of [`Var`], where each has its own example; the types here are for who reads a tape
//! ([`Tape::recorded`](crate::Tape::recorded)), or writes a rule. x̄ stands for the gradient of x; a rule says how x̄
//! comes from z̄, the gradient of the result.
//!
//! At most 40 rules stand in the list at the end of this file; everything else is composed of them, in a few
//! lines that are its definition:
//!
//! | rules | composed of them |
//! |---|---|
//! | `elementwise`: arithmetic, powers, exp, ln, tanh, sigmoid, erf, ReLU | square, √; in `activation`: softplus, GELU, SiLU, leaky ReLU, dropout |
//! | `select`: choose | minimum, maximum, clamp, \|x\| |
//! | `reduce`: sum and broadcast | mean, variance, norm, largest and smallest over axes |
//! | `index`: gather and scatter-add | pick, embedding, one-hot |
//! | `layout`: reshape, permute, slice, pad, concatenate | flatten, transpose, stack, split |
//! | `matmul`: the product; `unfold`: unfold and fold | |
//!
//! Fused forms do what is hot in one pass, and tests hold each against its definition:
//!
//! | fused | definition |
//! |---|---|
//! | `conv`: convolution, its input gradient, its kernel gradient | unfold, then a product; transposed and 1-D convolution are composed of it |
//! | `reduce`: log-sum-exp; `activation`: eˣ⁻ʸ | m + ln Σ eˣ⁻ᵐ; softmax and cross-entropy in `activation` are composed of both |
//! | `pooling`: pick and put at a place of each window | the largest of each unfolded window |
//! | `pooling`: sum over windows, and its adjoint | the sum of each unfolded window |
//!
//! Conventions at kinks: the derivative of ReLU, of |x| and of a norm at 0 is 0, and that of a leaky ReLU its
//! slope; beyond a bound of `clamp`, and at it, the derivative is 0; where several numbers are the largest
//! (or smallest), the first one has the whole gradient: the first operand of `maximum`, the first place, in
//! row-major order, of axes or of a pooling window. A NaN is never hidden: ReLU passes it on, and it is the
//! largest and the smallest of all.
//!
//! In reading order: `elementwise` and `functions`, `select`, `reduce`, `index`, `layout`, `matmul`, `activation`,
//! `unfold`, `conv`, `pooling`.
//!
//! Deliberately absent: ops that write into an operand that somebody else still sees, views, complex numbers,
//! decompositions of matrices, and integers (indices are whole numbers of the element type).

mod activation;
mod conv;
mod elementwise;
mod functions;
mod index;
mod layout;
mod matmul;
mod pooling;
mod reduce;
mod select;
#[cfg(test)]
mod tests;
mod unfold;

use std::rc::Rc;

pub use activation::ExpSub;
pub use conv::{Conv, ConvInput, ConvKernel};
pub use elementwise::{Add, Div, Erf, Exp, Ln, Mul, Power, Relu, Scale, Shift, Sigmoid, Sub, Tanh};
pub use index::{Gather, ScatterAdd};
pub use layout::{Concat, Pad, Permute, Reshape, Slice};
pub use matmul::MatMul;
pub use pooling::{PoolPick, PoolPut, SumPool, SumUnpool, Window};
pub use reduce::{BroadcastTo, LogSumExp, SumTo};
pub use select::{Choose, IntoVar};
pub use unfold::{Fold, Unfold};

use crate::checkpoint::Checkpoint;
use crate::{Float, Needs, Op, Out, Rule, Saves, Shape, ShapeError, SlotId, Tensor, Var};

/// An op that another crate defines, as the tape holds it; made by [`Var::apply_op`]. [`Op`] has the example.
#[derive(Clone)]
pub struct Custom<T: Float>(pub(crate) Rc<dyn Op<T>>);

impl<T: Float> Op<T> for Custom<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.0.shape(x)
    }
    fn saves(&self, needs: Needs) -> Saves {
        self.0.saves(needs)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let mut z = self.0.forward(x, out);
        let (name, found) = (self.name(), z.shape());
        assert!(found == out.shape, "{name}: shape() gave {}, but forward() a result of shape {found}", out.shape);
        // A changed copy of a parameter is no parameter.
        z.mark(out.kind);
        z
    }
    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        self.0.vjp(rule, g);
    }
}

/// What a node holds of its op: a small one itself, of a large one the place among the tape's large ones. So
/// nodes stay small and can be copied.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum NodeOp {
    /// A parameter, or an input.
    Leaf(Option<SlotId>),
    /// An op of at most two words.
    Small(Small),
    /// The place of any other.
    Large(u32),
}

/// An op that a node can hold.
#[doc(hidden)]
pub trait Stored<T: Float>: Op<T> {
    /// Puts it into a node, or among the large ones.
    fn store(self, large: &mut Vec<Large<T>>) -> NodeOp;
}

/// Puts an op among the large ones.
pub(crate) fn store_large<T: Float>(op: Large<T>, large: &mut Vec<Large<T>>) -> NodeOp {
    large.push(op);
    NodeOp::Large(u32::try_from(large.len() - 1).expect("a tape has fewer than 2³² nodes"))
}

impl<T: Float> Stored<T> for Custom<T> {
    fn store(self, large: &mut Vec<Large<T>>) -> NodeOp {
        store_large(Large::Custom(self), large)
    }
}

/// Any op, wherever a node keeps it.
pub(crate) enum AnyOp<'a, T: Float> {
    /// A parameter, or an input.
    Leaf(Option<SlotId>),
    /// A small op.
    Small(Small),
    /// A large one.
    Large(&'a Large<T>),
}

/// The list of all ops. It makes the types that a tape holds, and the names that the table of
/// tests must cover.
macro_rules! ops {
    (small: $($small:ident),*; large: $($op:ident),*;) => {
        /// An op of at most two words, as it stands in a node.
        #[doc(hidden)]
        #[derive(Clone, Copy)]
        pub enum Small {
            $(#[doc = concat!("See [`", stringify!($small), "`].")] $small($small),)*
        }

        /// Any other op, as it stands in a list of the tape.
        #[doc(hidden)]
        #[derive(Clone)]
        pub enum Large<T: Float> {
            /// An op from another crate.
            Custom(Custom<T>),
            /// A segment that is computed again in the sweep.
            Checkpoint(Checkpoint<T>),
            $(#[doc = concat!("See [`", stringify!($op), "`].")] $op($op),)*
        }

        $(impl<T: Float> Stored<T> for $small {
            #[inline]
            fn store(self, _: &mut Vec<Large<T>>) -> NodeOp {
                NodeOp::Small(Small::$small(self))
            }
        })*

        $(impl<T: Float> Stored<T> for $op {
            fn store(self, large: &mut Vec<Large<T>>) -> NodeOp {
                store_large(Large::$op(self), large)
            }
        })*

        impl<T: Float> AnyOp<'_, T> {
            /// The name that messages and drawings show.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    AnyOp::Leaf(Some(_)) => "parameter",
                    AnyOp::Leaf(None) => "input",
                    $(AnyOp::Small(Small::$small(op)) => Op::<T>::name(op),)*
                    AnyOp::Large(Large::Custom(op)) => op.name(),
                    AnyOp::Large(Large::Checkpoint(_)) => "checkpoint",
                    $(AnyOp::Large(Large::$op(op)) => Op::<T>::name(op),)*
                }
            }

            /// The type's name, as it stands in [`OPS`].
            pub(crate) fn type_name(&self) -> &'static str {
                match self {
                    AnyOp::Leaf(_) => "Leaf",
                    $(AnyOp::Small(Small::$small(_)) => stringify!($small),)*
                    AnyOp::Large(Large::Custom(_)) => "Custom",
                    AnyOp::Large(Large::Checkpoint(_)) => "Checkpoint",
                    $(AnyOp::Large(Large::$op(_)) => stringify!($op),)*
                }
            }

            /// The result's shape, from the operands'; see [`Op::shape`]. A leaf's is given as its own operand.
            pub(crate) fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
                match self {
                    AnyOp::Leaf(_) => Ok(x[0]),
                    $(AnyOp::Small(Small::$small(op)) => Op::<T>::shape(op, x),)*
                    AnyOp::Large(Large::Custom(op)) => op.shape(x),
                    AnyOp::Large(Large::Checkpoint(op)) => Ok(op.out),
                    $(AnyOp::Large(Large::$op(op)) => Op::<T>::shape(op, x),)*
                }
            }

            #[inline(always)]
            pub(crate) fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
                match self {
                    AnyOp::Leaf(_) => {}
                    $(AnyOp::Small(Small::$small(op)) => op.vjp(rule, g),)*
                    AnyOp::Large(Large::Custom(op)) => op.vjp(rule, g),
                    AnyOp::Large(Large::Checkpoint(op)) => op.vjp(rule, g),
                    $(AnyOp::Large(Large::$op(op)) => op.vjp(rule, g),)*
                }
            }
        }

        /// The type names of all ops, in the order of the list: what [`Tape::recorded`](crate::Tape::recorded) gives.
        pub const OPS: &[&str] = &[$(stringify!($small),)* $(stringify!($op)),*];
    };
}

ops! {
    small:
        Add, Sub, Mul, Div, Scale, Shift, Power, Exp, Ln, Tanh, Sigmoid, Erf, Relu, ExpSub, Choose,
        Gather, Concat, MatMul;
    large:
        SumTo, BroadcastTo, LogSumExp, ScatterAdd,
        Reshape, Permute, Slice, Pad,
        Conv, ConvInput, ConvKernel, Unfold, Fold,
        PoolPick, PoolPut, SumPool, SumUnpool;
}
