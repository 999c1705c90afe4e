//! How an op is applied to variables: it runs on their values, and is recorded if one of them is.
//!
//! An operator or a method of [`Var`] calls [`Var::apply`]. Tensors go to [`Core::run`], which checks shapes, runs the op and
//! records it. Single numbers take a short way: the op has no shapes to check, and [`Core::record_numbers`] records it.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;

use smallvec::SmallVec;

use crate::arena::NONE;
use crate::core::Core;
use crate::float::Float;
use crate::op::{Needs, Op, Out};
use crate::ops::{self, Stored};
use crate::pool::Kind;
use crate::shape::{Shape, fit};
use crate::tensor::Tensor;
use crate::trace::Range;
use crate::var::Var;

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

impl<'t, T: Float> Var<'t, T> {
    /// Applies an op, mostly one that another crate defines, to any number of operands. The crate's own types of
    /// ops can be applied so too; [`Op`] has an example of a new one.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Var, ops};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let (x, y) = (tape.input(6.0), tape.input(2.0));
    /// assert_eq!(Var::apply_op(ops::Div, [x.clone(), y.clone()]).item(), (x / y).item());
    /// ```
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

impl<T: Float> Core<T> {
    /// Runs an op on operands with these values, shapes and nodes, and records it if one of them is
    /// recorded. The result's memory is of this kind.
    #[track_caller]
    #[inline]
    pub(crate) fn run<O: Stored<T>>(
        &self,
        op: O,
        x: &mut [Tensor<T>],
        shapes: &[Shape],
        ids: &[u32],
        kind: Kind,
    ) -> Var<'_, T> {
        if self.trace.is_on() {
            return self.run_traced(op, x, shapes, ids, kind);
        }
        let shape = fit(op.name(), shapes, op.shape(shapes));
        if ids.iter().all(|&id| id == NONE) {
            return self.constant(op.forward(x, Out { shape, kind }));
        }
        self.check_not_spent(op.name());
        let saves = op.saves(Needs::new(ids.iter().map(|&id| id != NONE)));
        // No borrow is held while the op runs. Should it panic, what it had saved stays behind its
        // predecessor's residuals, where nobody looks.
        let residuals = self.arena.borrow_mut().save_operands(saves, x);
        let value = op.forward(x, Out { shape, kind });
        let mut arena = self.arena.borrow_mut();
        if saves.has_result() {
            arena.residuals.push(value.clone());
        }
        let node = arena.push_op(op, self.line(), saves, residuals, self.scope.get());
        arena.edges.extend_from_slice(ids);
        arena.push_shapes(shapes);
        Var { value, core: self, node }
    }

    /// Records an op that has computed z of these numbers, of which one is recorded.
    ///
    /// A function of its own that takes and gives single words: so a program's loop over numbers keeps them in registers.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn record_numbers<const N: usize>(&self, op: impl Stored<T>, x: [T; N], ids: [u32; N], z: T) -> u32 {
        self.check_not_spent(op.name());
        let saves = op.saves(Needs::new(ids.iter().map(|&id| id != NONE)));
        let mut arena = self.arena.borrow_mut();
        let residuals = arena.save_operands(saves, &x.map(Tensor::scalar));
        if saves.has_result() {
            arena.residuals.push(Tensor::scalar(z));
        }
        let node = arena.push_op(op, self.line(), saves, residuals, self.scope.get());
        arena.edges.extend_from_slice(&ids);
        node
    }

    /// As [`run`](Core::run), and then looks at what the op made.
    #[cold]
    #[track_caller]
    fn run_traced<O: Stored<T>>(
        &self,
        op: O,
        x: &mut [Tensor<T>],
        shapes: &[Shape],
        ids: &[u32],
        kind: Kind,
    ) -> Var<'_, T> {
        // Before the op may write into them.
        let (from, name) = (x.iter().map(Range::of).collect(), op.name());
        let paused = self.trace.pause();
        let made = self.run(op, x, shapes, ids, kind);
        drop(paused);
        let path = || self.arena.borrow().path(self.scope.get());
        self.trace.look(from, name, false, &made.value, self.line(), path);
        made
    }
}
