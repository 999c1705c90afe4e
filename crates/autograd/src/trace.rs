//! Where a value that is not finite was born: asked for with [`Tape::trace_non_finite`].

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;

use crate::arena::Arena;
use crate::core::Meanwhile;
use crate::pool::is_dry;
use crate::{Float, Shape, Tape, Tensor};

/// The numbers of a tensor, in short.
///
/// ```
/// use tandem_autograd::{Range, Tensor};
/// let range = Range::of(&Tensor::new([4], vec![2.0, f64::NAN, -1.0, f64::INFINITY]));
/// assert_eq!((range.finite, range.others), (Some((-1.0, 2.0)), 2));
/// assert_eq!(range.to_string(), "[4] from -1 to 2, 2 not finite, the first NaN at place 1");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Its shape.
    pub shape: Shape,
    /// The smallest and the largest of the finite numbers, if there are any.
    pub finite: Option<(f64, f64)>,
    /// How many numbers are ±∞ or NaN.
    pub others: usize,
    /// The first of them, and its place.
    pub first: Option<(usize, f64)>,
}

impl Range {
    /// The range of these numbers.
    pub fn of<T: Float>(x: &Tensor<T>) -> Range {
        let mut range = Range { shape: x.shape(), finite: None, others: 0, first: None };
        for (place, x) in x.data().iter().map(|x| x.to_f64()).enumerate() {
            if x.is_finite() {
                let (low, high) = range.finite.unwrap_or((x, x));
                range.finite = Some((low.min(x), high.max(x)));
            } else {
                range.others += 1;
                range.first.get_or_insert((place, x));
            }
        }
        range
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shape)?;
        if let Some((low, high)) = self.finite {
            // Five digits are enough.
            let short = |x: f64| format!("{x:.4e}").parse().unwrap_or(x);
            write!(f, " from {} to {}", short(low), short(high))?;
        }
        match self.first {
            Some((place, x)) => write!(f, ", {} not finite, the first {x} at place {place}", self.others),
            None => Ok(()),
        }
    }
}

/// The first op, forward or backward, whose result was not finite: found by
/// [`Tape::first_non_finite`]. Printed, it is a sentence.
///
/// ```
/// use tandem_autograd::{Params, Tape};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// tape.trace_non_finite();
/// let _z = tape.input(0.0).ln().exp();
/// let found = tape.first_non_finite().unwrap();
/// assert_eq!((found.op, found.backward, found.made.first), ("ln", false, Some((0, f64::NEG_INFINITY))));
/// assert!(found.to_string().contains(" made the first value that is not finite"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The op's name.
    pub op: &'static str,
    /// Whether its rule made the value, in a backward sweep.
    pub backward: bool,
    /// The line that applied the op.
    pub at: &'static Location<'static>,
    /// The part of the model in which it was applied; see [`Tape::enter`].
    pub path: String,
    /// What it was computed from: the operands; of a rule, the cotangent of the result and then what the
    /// rule had kept.
    pub from: Vec<Range>,
    /// The result; of a rule, the gradient of an operand so far.
    pub made: Range,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NonFinite { op, at, path, made, .. } = self;
        write!(f, "{op}{} at {at}", if self.backward { ", in the backward sweep," } else { "" })?;
        if !path.is_empty() {
            write!(f, " in `{path}`")?;
        }
        let verb = if self.from.iter().any(|range| range.others > 0) { "was handed" } else { "made" };
        write!(f, " {verb} the first value that is not finite: {made}; from")?;
        for (i, range) in self.from.iter().enumerate() {
            write!(f, "{} {range}", if i == 0 { "" } else { " and" })?;
        }
        Ok(())
    }
}

/// Looks at results where it is switched on.
#[derive(Default)]
pub(crate) struct Trace {
    on: Cell<bool>,
    found: RefCell<Option<NonFinite>>,
}

impl Trace {
    /// Pauses until the result is dropped: what rules compute within is theirs.
    pub(crate) fn pause(&self) -> Meanwhile<'_, bool> {
        Meanwhile::set(&self.on, false)
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    /// After the rule of node `i`: looks at what its operands have gathered.
    #[cold]
    pub(crate) fn look_back<'a, T: Float>(
        &self,
        arena: &Arena<T>,
        i: usize,
        g: Range,
        made: impl Iterator<Item = &'a Tensor<T>>,
    ) {
        let node = &arena.nodes[i];
        let from = || [g.clone()].into_iter().chain(arena.lists(i).1.iter().map(Range::of)).collect();
        for made in made {
            self.look(from(), arena.op(i).name(), true, made, node.at, || arena.path(node.scope));
        }
    }

    /// Keeps a report if this is the first value that is not finite.
    #[cold]
    pub(crate) fn look<T: Float>(
        &self,
        from: Vec<Range>,
        op: &'static str,
        backward: bool,
        made: &Tensor<T>,
        at: &'static Location<'static>,
        path: impl FnOnce() -> String,
    ) {
        let made = Range::of(made);
        if made.others > 0 && !is_dry::<T>() && self.found.borrow().is_none() {
            self.found.replace(Some(NonFinite { op, backward, at, path: path(), from, made }));
        }
    }
}

impl<T: Float> Tape<'_, T> {
    /// From here on looks at every result, forward and backward, until one is ±∞ or NaN; then
    /// [`first_non_finite`](Tape::first_non_finite) tells which op made it. Costs a pass over all operands and
    /// results. In PyTorch this is called `autograd.detect_anomaly`, in JAX `debug_nans`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// tape.trace_non_finite();
    /// let x = tape.input(Tensor::new([2], vec![4.0, 0.0]));
    /// let _decoder = tape.enter("decoder");
    /// let loss = x.sqrt().sum();                                // finite …
    /// assert!(tape.first_non_finite().is_none());
    /// loss.backward();                                          // … but √x has no slope at 0
    /// let found = tape.first_non_finite().unwrap();
    /// assert_eq!((found.op, found.backward, &*found.path), ("power", true, "decoder"));
    /// println!("{found}");       // … made the first value that is not finite: [2] from 0.25 to 0.25, …
    /// ```
    pub fn trace_non_finite(&self) {
        self.core.trace.on.set(true);
    }

    /// The first op whose result was not finite, since [`trace_non_finite`](Tape::trace_non_finite), where the
    /// example is. `None` if there is none yet. It can still be asked for after the sweep.
    pub fn first_non_finite(&self) -> Option<NonFinite> {
        self.core.trace.found.borrow().clone()
    }
}
