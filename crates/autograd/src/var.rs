//! A variable: a value, and perhaps the node of a tape that it came from.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;

use smallvec::SmallVec;

use crate::arena::NONE;
use crate::core::Core;
use crate::float::Float;
use crate::op::Op;
use crate::ops::{self, Stored};
use crate::pool::Kind;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A value and perhaps a node of a tape.
///
/// Ops consume their operands: an operand that nobody else refers to gives its buffer to the
/// result. To use a variable twice, borrow it in an operator (`&a * &a`) or clone it, which copies
/// a reference. An op records itself if and only if one of its operands is recorded.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([3], vec![1.0, 2.0, 3.0]));
/// let y = (&x * &x + 2.0 * &x).sum();
/// let gradients = y.backward();
/// assert_eq!(gradients.wrt(&x).unwrap().data(), [4.0, 6.0, 8.0]);
/// ```
#[derive(Clone)]
pub struct Var<'t, T: Float = f32> {
    pub(crate) value: Tensor<T>,
    pub(crate) core: &'t Core<T>,
    pub(crate) node: u32,
}

impl<'t, T: Float> Var<'t, T> {
    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, without the node.
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// The shape of the value.
    pub fn shape(&self) -> Shape {
        self.value.shape()
    }

    /// The number in a variable that holds just one.
    ///
    /// # Panics
    /// If it holds more or fewer.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// The same value as a constant: no gradient passes through it.
    pub fn detach(self) -> Var<'t, T> {
        Var { node: NONE, ..self }
    }

    /// Whether the variable is recorded, so that gradients pass through it.
    pub fn is_recorded(&self) -> bool {
        self.node != NONE
    }

    /// A constant on the same tape.
    pub fn constant(&self, value: impl Into<Tensor<T>>) -> Var<'t, T> {
        self.core.constant(value.into())
    }

    /// Applies an op that another crate defines, to any number of operands.
    ///
    /// # Panics
    /// If there is no operand, the shapes do not fit, or the operands are of different tapes.
    #[track_caller]
    pub fn apply_op(op: impl Op<T> + 'static, operands: impl IntoIterator<Item = Var<'t, T>>) -> Var<'t, T> {
        Var::apply_many(ops::Custom(Rc::new(op)), operands)
    }

    #[track_caller]
    #[inline(always)]
    pub(crate) fn apply<const N: usize, O: Stored<T>>(op: O, operands: [Var<'t, T>; N]) -> Var<'t, T> {
        Var::apply_for(Kind::Activation, op, operands)
    }

    /// As [`apply`](Var::apply), for a result whose memory is of this kind.
    #[track_caller]
    #[inline(always)]
    pub(crate) fn apply_for<const N: usize, O: Stored<T>>(kind: Kind, op: O, operands: [Var<'t, T>; N]) -> Var<'t, T> {
        let core = operands[0].core;
        let ids = operands.each_ref().map(|x| x.node);
        for (i, x) in operands.iter().enumerate() {
            x.check_tape(core, op.name(), i);
        }
        if let Some(x) = numbers(&operands)
            && !core.trace.is_on()
            && let Some(z) = op.on_numbers(&x)
        {
            let recorded = ids.iter().any(|&id| id != NONE);
            let node = if recorded { core.record_numbers(op, x, ids, z) } else { NONE };
            return Var { value: Tensor::scalar(z), core, node };
        }
        Var::apply_to_tensors(kind, op, operands, ids)
    }

    #[track_caller]
    #[inline(never)]
    fn apply_to_tensors<const N: usize>(
        kind: Kind,
        op: impl Stored<T>,
        operands: [Var<'t, T>; N],
        ids: [u32; N],
    ) -> Var<'t, T> {
        let core = operands[0].core;
        let shapes = operands.each_ref().map(Var::shape);
        core.run(op, &mut operands.map(|x| x.value), &shapes, &ids, kind)
    }

    /// Panics if this, operand `i` of a method, is of another tape than the operands before it.
    #[track_caller]
    #[inline]
    pub(crate) fn check_tape(&self, core: &Core<T>, method: &str, i: usize) {
        assert!(
            std::ptr::eq(core, self.core),
            "{method}: operand {i}, of shape {}, is a variable of another tape",
            self.shape()
        );
    }

    /// As [`apply`](Var::apply), for any number of operands.
    #[track_caller]
    pub(crate) fn apply_many<O: Stored<T>>(op: O, operands: impl IntoIterator<Item = Var<'t, T>>) -> Var<'t, T> {
        let mut core = None;
        let (mut values, mut ids) = (SmallVec::<[Tensor<T>; 8]>::new(), SmallVec::<[u32; 8]>::new());
        for (i, x) in operands.into_iter().enumerate() {
            x.check_tape(core.get_or_insert(x.core), op.name(), i);
            values.push(x.value);
            ids.push(x.node);
        }
        let Some(core) = core else { panic!("{}: no operands", op.name()) };
        let shapes: SmallVec<[Shape; 8]> = values.iter().map(Tensor::shape).collect();
        core.run(op, &mut values, &shapes, &ids, Kind::Activation)
    }
}

/// The values, if all of them are single numbers without axes.
#[inline]
fn numbers<T: Float, const N: usize>(x: &[Var<'_, T>; N]) -> Option<[T; N]> {
    let mut numbers = [T::ZERO; N];
    for (number, x) in numbers.iter_mut().zip(x) {
        *number = x.value.number()?;
    }
    Some(numbers)
}

impl<T: Float> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Implements an operator for values and references in all combinations, and with a number on
/// either side. Numbers are `f64` in the program and are rounded to the element type.
macro_rules! operator {
    ($trait:ident :: $method:ident, $op:expr, |$x:ident, $c:ident| $with:expr, |$d:ident, $y:ident| $from:expr) => {
        operator!(@pair $trait::$method, $op, Var<'t, T>, Var<'t, T>);
        operator!(@pair $trait::$method, $op, &Var<'t, T>, Var<'t, T>);
        operator!(@pair $trait::$method, $op, Var<'t, T>, &Var<'t, T>);
        operator!(@pair $trait::$method, $op, &Var<'t, T>, &Var<'t, T>);
        operator!(@number $trait::$method, Var<'t, T>, |$x, $c| $with, |$d, $y| $from);
        operator!(@number $trait::$method, &Var<'t, T>, |$x, $c| $with, |$d, $y| $from);
    };
    (@pair $trait:ident :: $method:ident, $op:expr, $left:ty, $right:ty) => {
        impl<'t, T: Float> $trait<$right> for $left {
            type Output = Var<'t, T>;
            #[track_caller]
            #[inline(always)]
            fn $method(self, other: $right) -> Var<'t, T> {
                Var::apply($op, [self.into(), other.into()])
            }
        }
    };
    (@number $trait:ident :: $method:ident, $var:ty, |$x:ident, $c:ident| $with:expr, |$d:ident, $y:ident| $from:expr) => {
        impl<'t, T: Float> $trait<f64> for $var {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, $c: f64) -> Var<'t, T> {
                let $x = Var::from(self);
                $with
            }
        }
        impl<'t, T: Float> $trait<$var> for f64 {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, y: $var) -> Var<'t, T> {
                let ($d, $y) = (self, Var::from(y));
                $from
            }
        }
    };
}

/// What takes a variable by value takes it by reference too.
impl<'t, T: Float> From<&Var<'t, T>> for Var<'t, T> {
    #[inline]
    fn from(x: &Var<'t, T>) -> Var<'t, T> {
        x.clone()
    }
}

operator!(Add::add, ops::Add, |x, c| x.shift(c), |c, x| x.shift(c));
operator!(Sub::sub, ops::Sub, |x, c| x.shift(-c), |c, x| x.scale(-1.0).shift(c));
operator!(Mul::mul, ops::Mul, |x, c| x.scale(c), |c, x| x.scale(c));
operator!(Div::div, ops::Div, |x, c| x.over(c), |c, x| x.powf(-1.0).scale(c));

impl<'t, T: Float> Neg for Var<'t, T> {
    type Output = Var<'t, T>;
    #[track_caller]
    fn neg(self) -> Var<'t, T> {
        self.scale(-1.0)
    }
}

impl<'t, T: Float> Neg for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[track_caller]
    fn neg(self) -> Var<'t, T> {
        self.clone().scale(-1.0)
    }
}
