//! Rematerialisation: segments whose insides are computed again in the backward sweep instead of kept.

use std::rc::Rc;

use crate::arena::NONE;
use crate::float::Float;
use crate::ops::AnyOp;
use crate::shape::Shape;
use crate::sweep::Rule;
use crate::tape::{Core, Tape};
use crate::var::Var;

/// What a segment computes.
type Body<T> = dyn for<'t> Fn(&'t Tape<'_, T>, Var<'t, T>) -> Var<'t, T>;

/// A piece of a computation of which [`Tape::checkpoint`] keeps the input alone.
///
/// It owns what it needs: layers are descriptions that can be copied; parameters it asks of the tape that
/// it is handed. It runs twice, and must compute the same both times.
pub struct Segment<T: Float = f32>(Rc<Body<T>>);

impl<T: Float> Clone for Segment<T> {
    fn clone(&self) -> Self {
        Segment(Rc::clone(&self.0))
    }
}

impl<T: Float> Segment<T> {
    /// A segment that computes this.
    pub fn new(body: impl for<'t> Fn(&'t Tape<'_, T>, Var<'t, T>) -> Var<'t, T> + 'static) -> Segment<T> {
        Segment(Rc::new(body))
    }

    /// Computes it, as any other part of a program.
    #[track_caller]
    pub fn run<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        (self.0)(tape, x)
    }

    /// n segments, to be run one after another, as about √n longer ones. Checkpointed, they keep √n inputs,
    /// and within the sweep the insides of √n short segments: memory grows with √n instead of n, for one
    /// more forward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
    pub fn group(segments: Vec<Segment<T>>) -> Vec<Segment<T>> {
        let each = (segments.len() as f64).sqrt().round().max(1.0) as usize;
        let chain = |part: &[Segment<T>]| {
            let part = part.to_vec();
            Segment::new(move |tape, x| part.iter().fold(x, |x, segment| segment.run(tape, x)))
        };
        segments.chunks(each).map(chain).collect()
    }
}

/// A segment as a node: its first operand is the segment's input, the others are the parameters that it
/// used.
pub struct Checkpoint<T: Float> {
    segment: Segment<T>,
    pub(crate) out: Shape,
}

impl<T: Float> Clone for Checkpoint<T> {
    fn clone(&self) -> Self {
        Checkpoint { segment: self.segment.clone(), out: self.out }
    }
}

impl<T: Float> Checkpoint<T> {
    /// Computes the segment again and sweeps through it. Contributions are added in the same order as
    /// without a checkpoint, so that gradients are the same to the bit.
    pub(crate) fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let core = r.core();
        let snapshot = core.snapshot.borrow();
        let params = snapshot.as_ref().expect("a checkpoint took a snapshot of the store");
        if r.is_recorded() {
            let first = core.arena.borrow().nodes.len();
            let tape = Tape::on(core, params);
            let z = self.segment.run(&tape, r.x(0));
            let z = Var { value: z.value, core, node: z.node };
            r.add_through(first, z, g);
        } else {
            let tape = Tape::new(params);
            let x = r.x(0).into_value();
            let x = if r.needs(0) { tape.input(x) } else { tape.constant(x) };
            let z = self.segment.run(&tape, x.clone());
            r.sweep_through(&tape.core, x.node, z.node, g.into_value());
        }
    }
}

/// Notes the parameters that are used, until it is dropped.
struct Noting<'t, T: Float>(&'t Core<T>);

impl<'t, T: Float> Noting<'t, T> {
    fn start(core: &'t Core<T>) -> Noting<'t, T> {
        core.noting.set(true);
        core.arena.borrow_mut().noted.clear();
        Noting(core)
    }
}

impl<T: Float> Drop for Noting<'_, T> {
    fn drop(&mut self) {
        self.0.noting.set(false);
    }
}

impl<T: Float> Tape<'_, T> {
    /// What the segment makes of x. Of all that it computes on the way nothing is kept but x: the backward
    /// sweep computes it again. The gradients are the same to the bit. In PyTorch this is called
    /// `torch.utils.checkpoint`, in JAX `jax.checkpoint`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Segment, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(0.5));
    /// let segment = Segment::new(move |tape, x| (tape.param(w) * x).tanh().square());
    /// let gradient = |checkpointed: bool| {
    ///     let tape = Tape::new(&params);
    ///     let x = tape.constant(3.0);
    ///     let y = if checkpointed { tape.checkpoint(&segment, x) } else { segment.run(&tape, x) };
    ///     (tape.len(), y.backward().of(&params, w).unwrap().item())
    /// };
    /// let ((few, again), (many, kept)) = (gradient(true), gradient(false));
    /// assert_eq!((few, many, again), (2, 4, kept));
    /// ```
    ///
    /// # Panics
    /// If the segment does, or the tape is spent.
    #[track_caller]
    pub fn checkpoint<'t>(&'t self, segment: &Segment<T>, x: Var<'t, T>) -> Var<'t, T> {
        let core = &*self.core;
        assert!(std::ptr::eq(core, x.core), "checkpoint(): the input is a variable of another tape");
        if !self.is_recording() {
            return segment.run(self, x);
        }
        core.check_not_spent("checkpoint()");
        let noting = Noting::start(core);
        let value = segment.run(self, x.clone().detach()).into_value();
        drop(noting);
        if x.node == NONE && core.arena.borrow().noted.is_empty() {
            return core.constant(value);
        }
        core.take_snapshot(self.params());
        let op = Checkpoint { segment: segment.clone(), out: value.shape() };
        let node = core.arena.borrow_mut().push_kept(AnyOp::Checkpoint(op), (x.node, x.value), core.scope.get());
        Var { value, core, node }
    }
}
