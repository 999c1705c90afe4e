//! The tape: a recording of ops in the order in which they ran, which is a topological order.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use crate::arena::NONE;
use crate::core::Core;
use crate::float::Float;
use crate::params::{ParamId, Params};
use crate::tensor::Tensor;
use crate::var::Var;

/// A tape's core: its own, or that of the tape on which it records too.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for every tape")]
pub(crate) enum Held<'p, T: Float> {
    Own(Core<T>),
    Of(&'p Core<T>),
}

impl<T: Float> Deref for Held<'_, T> {
    type Target = Core<T>;
    #[inline]
    fn deref(&self) -> &Core<T> {
        match self {
            Held::Own(core) => core,
            Held::Of(core) => core,
        }
    }
}

/// A recording of a computation on the values of a store, to be differentiated.
///
/// A tape borrows the [`Params`], so a program that changes parameters while the tape still needs
/// them does not compile:
///
/// ```compile_fail,E0502
/// # use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::new();
/// let w = params.add("w", Tensor::scalar(3.0_f32));
/// let tape = Tape::new(&params);
/// let loss = tape.param(w).square();
/// params.update(params.slot(w), |w| w[0] -= 0.1);   // the tape is still needed …
/// let gradients = loss.backward();                  // … here
/// ```
///
/// The same program with the two steps in order compiles, and nothing has to be dropped by hand:
///
/// ```
/// # use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::new();
/// let w = params.add("w", Tensor::scalar(3.0_f32));
/// let tape = Tape::new(&params);
/// let gradients = tape.param(w).square().backward();
/// let slot = params.slot(w);
/// params.update(slot, |w| w[0] -= 0.1 * gradients.get(slot).unwrap().item());
/// assert_eq!(params.get(w).item(), 2.4);
/// ```
pub struct Tape<'p, T: Float = f32> {
    params: &'p Params<T>,
    recording: bool,
    pub(crate) core: Held<'p, T>,
}

impl<'p, T: Float> Tape<'p, T> {
    /// An empty tape over this store. Everything that is made of its parameters and inputs is recorded.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// assert!(tape.is_empty());
    /// let _z = tape.input(2.0).exp();
    /// assert_eq!(tape.recorded(), ["Leaf", "Exp"]);
    /// ```
    pub fn new(params: &'p Params<T>) -> Tape<'p, T> {
        Tape { params, recording: true, core: Held::Own(Core::new()) }
    }

    /// A tape over this store that records where another one records.
    pub(crate) fn on(core: &'p Core<T>, params: &'p Params<T>) -> Tape<'p, T> {
        Tape { params, recording: true, core: Held::Of(core) }
    }

    /// Whether what is made of parameters is recorded now.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording && !self.core.noting.get()
    }

    /// A tape on which parameters are constants: nothing is recorded, and a value lives no longer
    /// than the program needs it. In PyTorch this is called `torch.no_grad`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(2.0));
    /// let tape = Tape::without_gradients(&params);
    /// assert_eq!(tape.param(w).exp().item(), 2f64.exp());
    /// assert_eq!(tape.len(), 0);
    /// ```
    pub fn without_gradients(params: &'p Params<T>) -> Tape<'p, T> {
        Tape { params, recording: false, core: Held::Own(Core::new()) }
    }

    /// The store that the tape differentiates.
    pub fn params(&self) -> &'p Params<T> {
        self.params
    }

    /// The value of a parameter as a variable.
    ///
    /// Asking again, or for another name of the same slot, gives the same leaf: a parameter that
    /// is used k times is one leaf with k edges to it, and its gradient is one buffer to which k
    /// contributions are added. A frozen parameter is a constant.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(3.0)));
    /// params.tie(b, a)?;
    /// let tape = Tape::new(&params);
    /// let z = tape.param(a) * tape.param(b);
    /// assert_eq!(tape.recorded(), ["Leaf", "Mul"]);          // one leaf for both names
    /// assert_eq!(z.backward().of(&params, a).unwrap().item(), 6.0);
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    ///
    /// # Panics
    /// If the id is of another store, or the tape is spent and the parameter is not frozen.
    #[track_caller]
    pub fn param(&self, id: ParamId) -> Var<'_, T> {
        let slot = self.params.slot(id);
        let value = self.params.value(slot).clone();
        if !(self.recording && self.params.is_trainable(id)) {
            return self.core.constant(value);
        }
        self.core.check_not_spent("param");
        let mut arena = self.core.arena.borrow_mut();
        if arena.leaves.len() <= slot.index() {
            arena.leaves.resize(self.params.slot_capacity(), NONE);
        }
        let mut node = arena.leaves[slot.index()];
        if node == NONE {
            node = arena.push_leaf(Some(slot), value.shape(), self.core.line());
            arena.leaves[slot.index()] = node;
        }
        if self.core.noting.get() {
            arena.note(node);
            node = NONE;
        }
        Var { value, core: &self.core, node }
    }

    /// A value that no gradient is computed for: data, labels, a mask.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let c = tape.constant(Tensor::new([2], vec![1.0, 2.0]));
    /// assert!(!c.is_recorded() && tape.is_empty());
    /// ```
    pub fn constant(&self, value: impl Into<Tensor<T>>) -> Var<'_, T> {
        self.core.constant(value.into())
    }

    /// A value that is not in the store but whose gradient can be asked for; a constant on a tape
    /// [without gradients](Tape::without_gradients).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![1.0, 2.0]));
    /// let gradients = x.clone().square().sum().backward();
    /// assert_eq!(gradients.wrt(&x).unwrap().data(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the tape is spent.
    #[track_caller]
    pub fn input(&self, value: impl Into<Tensor<T>>) -> Var<'_, T> {
        if !self.is_recording() {
            return self.core.constant(value.into());
        }
        self.core.check_not_spent("input");
        let value = value.into();
        let node = self.core.arena.borrow_mut().push_leaf(None, value.shape(), self.core.line());
        Var { value, core: &self.core, node }
    }

    /// Whether x is a variable of this tape.
    pub(crate) fn has(&self, x: &Var<'_, T>) -> bool {
        let core: &Core<T> = &self.core;
        std::ptr::eq(core, x.core)
    }

    /// Panics at the caller's line unless x is a variable of this tape, which is not spent. What hands x on to
    /// others of whom it does not know the type asks this first: on the way through `dyn` the line gets lost.
    ///
    /// ```should_panic
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let (tape, other) = (Tape::new(&params), Tape::new(&params));
    /// tape.check("layer", &other.input(1.0));                // layer: x is a variable of another tape
    /// ```
    #[track_caller]
    pub fn check(&self, method: &str, x: &Var<'_, T>) {
        self.core.check_not_spent(method);
        assert!(self.has(x), "{method}: x is a variable of another tape");
    }

    /// Until the result is dropped, what is recorded belongs to this part of the model: drawings show
    /// it as a box, reports name it. Parts nest.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(1.0);
    /// let _encoder = tape.enter("encoder");
    /// let y = {
    ///     let _layer = tape.enter("layer1");
    ///     x.tanh()
    /// };
    /// assert_eq!(tape.path(&y), "encoder.layer1");
    /// ```
    #[must_use = "the part ends when this is dropped"]
    pub fn enter(&self, name: &str) -> Entered<'_, T> {
        let entered = Entered::here(&self.core);
        self.core.scope.set(self.core.arena.borrow_mut().push_scope(entered.outer, name));
        entered
    }

    /// As [`enter`](Tape::enter), for who calls layers through `dyn`, on which way the line of the caller gets
    /// lost: until the result is dropped, what is recorded counts as recorded at `line`, unless an outer
    /// part said so of another line already.
    ///
    /// ```
    /// use std::panic::Location;
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(1.0);
    /// let line = Location::caller();
    /// let y = {
    ///     let _layer = tape.enter_at("layer", line);
    ///     x.tanh()
    /// };
    /// assert_eq!(tape.explain(&y).origin.unwrap().at, line);
    /// ```
    #[must_use = "the part ends when this is dropped"]
    pub fn enter_at(&self, name: &str, line: &'static Location<'static>) -> Entered<'_, T> {
        let entered = self.enter(name);
        self.core.at.set(entered.at.or(Some(line)));
        entered
    }

    /// The part of the model in which a variable was recorded, its names joined by points; empty for what belongs to
    /// none, and for a constant. The example is at [`enter`](Tape::enter).
    ///
    /// # Panics
    /// If the variable is of another tape.
    #[track_caller]
    pub fn path(&self, x: &Var<'_, T>) -> String {
        assert!(self.has(x), "path(): the variable is of another tape");
        let arena = self.core.arena.borrow();
        arena.nodes.get(x.node as usize).map_or_else(String::new, |node| arena.path(node.scope))
    }

    /// How many nodes have been recorded, leaves and ops: a measure of what a sweep will have to do.
    pub fn len(&self) -> usize {
        self.core.arena.borrow().nodes.len()
    }

    /// The recorded ops in order, by the names of their types as in [`OPS`](crate::ops::OPS); parameters and inputs
    /// are `Leaf`. The example is at [`Tape::new`].
    pub fn recorded(&self) -> Vec<&'static str> {
        let arena = self.core.arena.borrow();
        (0..arena.nodes.len()).map(|i| arena.op(i).type_name()).collect()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A part of the model that is being recorded; made by [`Tape::enter`], where the example is. It ends when this
/// is dropped.
pub struct Entered<'t, T: Float> {
    core: &'t Core<T>,
    outer: u32,
    at: Option<&'static Location<'static>>,
}

impl<'t, T: Float> Entered<'t, T> {
    /// Comes back to the part that is being recorded now.
    pub(crate) fn here(core: &'t Core<T>) -> Entered<'t, T> {
        Entered { core, outer: core.scope.get(), at: core.at.get() }
    }
}

impl<T: Float> Drop for Entered<'_, T> {
    fn drop(&mut self) {
        self.core.scope.set(self.outer);
        self.core.at.set(self.at);
    }
}

/// One line a node: its index, its op with the nodes of its operands, and where it was recorded.
impl<T: Float> fmt::Debug for Tape<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = self.core.arena.borrow();
        for (i, node) in arena.nodes.iter().enumerate() {
            write!(f, "{i}: {}", arena.op(i).name())?;
            let operands = arena.lists(i).0.iter();
            let operands = operands.map(|&edge| if edge == NONE { "constant".into() } else { edge.to_string() });
            writeln!(f, "({}) at {}", operands.collect::<Vec<String>>().join(", "), node.at)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_spent_tape_says_so_to_whoever_wants_to_record() {
        let mut params = Params::<f64>::new();
        let [w, frozen] = ["w", "frozen"].map(|name| params.add(name, Tensor::scalar(2.0)));
        params.set_trainable(frozen, false);
        let tape = Tape::new(&params);
        let x = tape.param(w) * 3.0;
        x.clone().square().backward();
        let attempts: [(&str, &dyn Fn()); 5] = [
            ("param", &|| drop(tape.param(w))),
            ("input", &|| drop(tape.input(1.0))),
            ("exp", &|| drop(x.clone().exp())),
            ("backward()", &|| drop(x.clone().backward())),
            ("grad()", &|| drop(tape.grad(&x, [&x]))),
        ];
        for (who, attempt) in attempts {
            let panic = catch_unwind(AssertUnwindSafe(attempt)).unwrap_err();
            let message = panic.downcast_ref::<String>().unwrap();
            assert!(message.starts_with(&format!("{who}: this tape is spent")), "{message}");
        }
        // What is not recorded is free.
        assert_eq!((tape.param(frozen) * x.detach()).item(), 12.0);
    }
}
