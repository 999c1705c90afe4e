//! Where a value came from, and what its gradient is made of.

use std::fmt;
use std::panic::Location;

use crate::arena::{Arena, NONE};
use crate::ops::NodeOp;
use crate::sweep::run_rule;
use crate::{Float, Tape, Tensor, Var};

/// A node of a tape, for a reader: what, where in the model, where in the program. Part of an [`Explanation`].
///
/// ```
/// use tandem_autograd::{Params, Tape};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let _layer = tape.enter("layer1");
/// let z = tape.input(1.0).exp();
/// let origin = tape.explain(&z).origin.unwrap();
/// assert_eq!((&*origin.what, &*origin.path), ("exp", "layer1"));
/// assert!(origin.to_string().starts_with("exp in `layer1` at "));
/// ```
#[derive(Clone, Debug)]
pub struct Origin {
    /// The op's name, or what kind of leaf it is; a parameter with its names.
    pub what: String,
    /// The line that recorded it.
    pub at: &'static Location<'static>,
    /// The part of the model in which it was recorded; see [`Tape::enter`].
    pub path: String,
}

/// What one use adds to a gradient. Part of an [`Explanation`].
///
/// ```
/// use tandem_autograd::{Params, Tape};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(3.0);
/// let _z = x.constant(5.0) * &x;
/// let part = &tape.explain(&x).contributions[0];
/// assert_eq!((&*part.by.what, part.operand, part.value.item()), ("mul", 1, 5.0));
/// ```
#[derive(Clone, Debug)]
pub struct Contribution<T: Float> {
    /// The op that uses the variable.
    pub by: Origin,
    /// As which operand.
    pub operand: usize,
    /// What its rule adds.
    pub value: Tensor<T>,
}

/// Where a variable came from, and what its gradient is made of: made by [`Tape::explain`]. Printed, it is
/// a few lines of text.
///
/// ```
/// use tandem_autograd::{Params, Tape};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(3.0);
/// let _loss = x.clone().square();
/// let text = tape.explain(&x).to_string();
/// assert!(text.starts_with("input at ") && text.contains("  gradient  6 of power at "), "{text}");
/// ```
#[derive(Clone, Debug)]
pub struct Explanation<T: Float> {
    /// The value.
    pub value: Tensor<T>,
    /// Where it came from; `None` for a constant.
    pub origin: Option<Origin>,
    /// What it was computed from; `None` for a constant.
    pub operands: Vec<Option<Origin>>,
    /// What the gradient was taken of.
    pub output: Origin,
    /// The gradient: the sum of the contributions, or `None` if the output does not depend on it.
    pub gradient: Option<Tensor<T>>,
    /// One for each use on the way to the output, in the order in which the sweep adds them.
    pub contributions: Vec<Contribution<T>>,
}

impl<T: Float> Tape<'_, T> {
    /// Where a variable came from, and what the gradient of the last variable recorded, mostly the loss, with
    /// respect to it is made of: one contribution for each use. The tape is as it was before.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(3.0));
    /// let tape = Tape::new(&params);
    /// let loss = tape.param(w) * 2.0 + tape.param(w).square();      // w is used twice …
    /// let why = tape.explain(&tape.param(w));
    /// let parts: Vec<f64> = why.contributions.iter().map(|part| part.value.item()).collect();
    /// assert_eq!(parts, [6.0, 2.0]);                                // … and each use adds its part
    /// assert_eq!(why.gradient.unwrap().item(), 8.0);
    /// # let _ = loss;
    /// ```
    ///
    /// # Panics
    /// If the variable is of another tape, nothing has been recorded, or the tape is spent.
    #[track_caller]
    pub fn explain(&self, x: &Var<'_, T>) -> Explanation<T> {
        let last = self.len().checked_sub(1);
        self.explained(x, last.expect("explain(): nothing has been recorded"))
    }

    /// As [`explain`](Tape::explain), for the gradient of this output; of Σ output, if it is not a single
    /// number.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(3.0);
    /// let (y, _z) = (x.clone().square(), x.clone().exp());
    /// assert_eq!(tape.explain_in(&x, &y).gradient.unwrap().item(), 6.0);     // of y, not of what came last
    /// ```
    ///
    /// # Panics
    /// If a variable is of another tape, the output is a constant, or the tape is spent.
    #[track_caller]
    pub fn explain_in(&self, x: &Var<'_, T>, output: &Var<'_, T>) -> Explanation<T> {
        assert!(self.has(output), "explain(): the output is a variable of another tape");
        assert!(output.node != NONE, "explain(): the output is a constant");
        self.explained(x, output.node as usize)
    }

    #[track_caller]
    fn explained(&self, x: &Var<'_, T>, output: usize) -> Explanation<T> {
        let core = &*self.core;
        assert!(self.has(x), "explain(): the variable is of another tape");
        core.check_can_sweep("explain()");
        // What it computes again is no news.
        let _paused = core.trace.pause();
        let arena = core.arena.borrow();
        let origin = |id: u32| (id != NONE).then(|| self.origin(&arena, id as usize));
        let operands = if x.node == NONE { &[] } else { arena.lists(x.node as usize).0 };
        let mut explanation = Explanation {
            value: x.value().clone(),
            origin: origin(x.node),
            operands: operands.iter().map(|&id| origin(id)).collect(),
            output: self.origin(&arena, output),
            gradient: None,
            contributions: Vec::new(),
        };
        let [mut cotangents, mut found] = [(); 2].map(|()| vec![None; arena.nodes.len()]);
        cotangents[output] = Some(Tensor::full(arena.shape(output), T::ONE));
        // Down to x: what lies before it does not use it.
        for i in (0..=output).rev().take_while(|&i| x.node != NONE && i >= x.node as usize) {
            let Some(g) = cotangents[i].take() else { continue };
            if i == x.node as usize {
                explanation.gradient = Some(g);
                break;
            }
            let edges = arena.lists(i).0;
            for operand in (0..edges.len()).filter(|&operand| edges[operand] == x.node) {
                // The rule again, for this operand alone.
                let mut alone = vec![NONE; edges.len()];
                alone[operand] = x.node;
                run_rule(core, &arena, i, Some(&alone), g.clone(), &mut found);
                if let Some(value) = found[x.node as usize].take() {
                    explanation.contributions.push(Contribution { by: self.origin(&arena, i), operand, value });
                }
            }
            if !matches!(arena.nodes[i].op, NodeOp::Leaf(_)) {
                run_rule(core, &arena, i, None, g, &mut cotangents);
            }
        }
        explanation
    }

    fn origin(&self, arena: &Arena<T>, i: usize) -> Origin {
        let node = &arena.nodes[i];
        let what = match node.op {
            NodeOp::Leaf(Some(slot)) => {
                let names: Vec<_> = self.params().names_of(slot).map(|(_, name)| format!("`{name}`")).collect();
                format!("parameter {}", names.join(" = "))
            }
            _ => arena.op(i).name().into(),
        };
        Origin { what, at: node.at, path: arena.path(node.scope) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.path.is_empty() {
            write!(f, " in `{}`", self.path)?;
        }
        write!(f, " at {}", self.at)
    }
}

impl<T: Float> fmt::Display for Explanation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(origin) = &self.origin else {
            return write!(f, "a constant, {:?}: no gradient passes to it", self.value);
        };
        writeln!(f, "{origin}")?;
        writeln!(f, "  value     {:?}", self.value)?;
        for (i, operand) in self.operands.iter().enumerate() {
            match operand {
                Some(operand) => writeln!(f, "  operand {i} {operand}")?,
                None => writeln!(f, "  operand {i} a constant")?,
            }
        }
        let Some(gradient) = &self.gradient else {
            return write!(f, "  gradient  none: {} does not depend on it", self.output);
        };
        write!(f, "  gradient  {gradient:?} of {}", self.output)?;
        if !self.contributions.is_empty() {
            let count = self.contributions.len();
            write!(f, ", the sum over {count} use{}", if count == 1 { "" } else { "s" })?;
        }
        for part in &self.contributions {
            write!(f, "\n    + {:?} as operand {} of {}", part.value, part.operand, part.by)?;
        }
        Ok(())
    }
}
