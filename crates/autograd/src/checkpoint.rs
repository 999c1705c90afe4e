//! Rematerialisation: segments whose insides are computed again in the backward sweep instead of kept.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::arena::NONE;
use crate::core::{Core, Meanwhile};
use crate::float::Float;
use crate::ops::{Large, NodeOp};
use crate::rule::{Rule, Targets};
use crate::shape::Shape;
use crate::sweep::{sweep_eager, sweep_recorded};
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;

/// What a segment computes.
type Body<T> = dyn for<'t> Fn(&'t Tape<'_, T>, Var<'t, T>, u64) -> Var<'t, T>;

/// A piece of a computation of which [`Tape::checkpoint`] keeps the input alone.
///
/// It owns what it needs: layers are descriptions that can be copied; parameters it asks of the tape that
/// it is handed. It runs twice, and must compute the same both times: what it draws at random, it draws
/// from a generator that a word seeds ([`with_word`](Segment::with_word)).
///
/// The example is at [`Tape::checkpoint`].
#[derive(Clone)]
pub struct Segment<T: Float = f32>(Rc<Body<T>>);

impl<T: Float> Segment<T> {
    /// A segment that computes this. It must make of the same x the same result, both times that it runs. The
    /// example is at [`Tape::checkpoint`].
    pub fn new(body: impl for<'t> Fn(&'t Tape<'_, T>, Var<'t, T>) -> Var<'t, T> + 'static) -> Segment<T> {
        Segment(Rc::new(move |tape, x, _| body(tape, x)))
    }

    /// A segment that also depends on the word with which it is [run](Tape::checkpoint_with): it gets the
    /// same one when it is computed again.
    ///
    /// ```
    /// use tandem_autograd::{Params, Segment, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let segment = Segment::with_word(|_, x, word| x.square() * word as f64);
    /// let x = tape.input(3.0);
    /// let y = tape.checkpoint_with(&segment, x.clone(), 2) + tape.checkpoint_with(&segment, x.clone(), 5);
    /// assert_eq!(y.backward().wrt(&x).unwrap().item(), 2.0 * 6.0 + 5.0 * 6.0);
    /// ```
    pub fn with_word(body: impl for<'t> Fn(&'t Tape<'_, T>, Var<'t, T>, u64) -> Var<'t, T> + 'static) -> Segment<T> {
        Segment(Rc::new(body))
    }

    /// Computes it, as any other part of a program, with the word 0: nothing is computed again.
    #[track_caller]
    pub fn run<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        (self.0)(tape, x, 0)
    }

    /// Bytes of the description on the heap, what it owns there not counted.
    pub fn bookkeeping_bytes(&self) -> usize {
        size_of::<[usize; 2]>() + size_of_val(&*self.0)
    }

    /// n segments, to be run one after another, as about √n longer ones. Checkpointed, they keep √n inputs,
    /// and within the sweep the insides of √n short segments: memory grows with √n instead of n, for one
    /// more forward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
    ///
    /// ```
    /// use tandem_autograd::{Params, Segment, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let long = Segment::group(vec![Segment::new(|_, x| x.tanh()); 9]);
    /// let x = tape.input(0.5);
    /// let y = long.iter().fold(x.clone(), |x, segment| tape.checkpoint(segment, x));
    /// assert_eq!((long.len(), tape.len()), (3, 4));                         // x and three nodes, not nine
    /// let plain = (0..9).fold(x, |x, _| x.tanh());
    /// assert_eq!(y.item(), plain.item());
    /// ```
    pub fn group(segments: Vec<Segment<T>>) -> Vec<Segment<T>> {
        let each = (segments.len() as f64).sqrt().round().max(1.0) as usize;
        let chain = |part: &[Segment<T>]| {
            let part = part.to_vec();
            Segment::with_word(move |tape, x, word| part.iter().fold(x, |x, segment| (segment.0)(tape, x, word)))
        };
        segments.chunks(each).map(chain).collect()
    }
}

/// A segment as a node: its first operand is the segment's input, the others are the parameters that it
/// used.
#[derive(Clone)]
pub struct Checkpoint<T: Float> {
    segment: Segment<T>,
    word: u64,
    pub(crate) out: Shape,
}

impl<T: Float> Checkpoint<T> {
    /// Computes the segment again and sweeps through it. Contributions are added in the same order as
    /// without a checkpoint, so that gradients are the same to the bit.
    pub(crate) fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let core = r.core;
        let snapshot = core.snapshot.borrow();
        let params = snapshot.as_ref().expect("a checkpoint took a snapshot of the store");
        if r.is_recorded() {
            let first = core.arena.borrow().nodes.len();
            let tape = Tape::on(core, params);
            let z = (self.segment.0)(&tape, r.x(0), self.word);
            let z = Var { value: z.value, core, node: z.node };
            r.add_through(first, z, g);
        } else {
            let tape = Tape::new(params);
            let x = r.x(0).into_value();
            let x = if r.needs(0) { tape.input(x) } else { tape.constant(x) };
            let z = (self.segment.0)(&tape, x.clone(), self.word);
            r.sweep_through(&tape.core, x.node, z.node, g.into_value());
        }
    }
}

impl<'t, T: Float> Rule<'_, 't, T> {
    /// Sweeps through a segment that was computed again on a tape of its own, from its result's node z,
    /// and adds what it finds. Operand 0 is there the input x, the others are parameters; what they have
    /// gathered so far goes along, so that the order of all contributions is the same as without a
    /// checkpoint.
    #[track_caller]
    fn sweep_through(&mut self, segment: &Core<T>, x: u32, z: u32, seed: Tensor<T>) {
        let Targets::Eager(outer) = self.targets else { unreachable!("the sweep is eager") };
        let mut arena = segment.arena.take();
        segment.spent.set(true);
        // By operand, its node in the segment: in a list of that tape's, which has memory already.
        let mut inner = std::mem::take(&mut arena.noted);
        inner.clear();
        let edges = self.edges;
        inner.extend(edges.iter().enumerate().map(|(i, &edge)| match outer.get(edge as usize).map(|node| &node.op) {
            None => NONE,
            Some(NodeOp::Leaf(Some(slot))) if i > 0 => arena.leaves.get(slot.index()).copied().unwrap_or(NONE),
            Some(_) => x,
        }));
        if let Some(i) = inner.iter().position(|&node| node == z && z != NONE) {
            self.add(i, self.core.constant(seed));
        } else if z != NONE {
            let mut cotangents = std::mem::take(&mut arena.cotangents);
            cotangents.resize(arena.nodes.len(), None);
            cotangents[z as usize] = Some(seed);
            for (&node, &edge) in inner.iter().zip(edges).filter(|(node, _)| **node != NONE) {
                cotangents[node as usize] = self.cotangents[edge as usize].take();
            }
            sweep_eager(segment, &mut arena, &mut cotangents, |leaf, _, g| {
                if let Some(i) = inner.iter().position(|&node| node == leaf) {
                    self.add(i, self.core.constant(g));
                }
            });
            cotangents.clear();
            arena.cotangents = cotangents;
        }
        arena.noted = inner;
        segment.arena.replace(arena);
    }

    /// As [`sweep_through`](Rule::sweep_through), recorded: the segment's nodes stand on the same tape, from
    /// `first` on.
    #[track_caller]
    fn add_through(&mut self, first: usize, z: Var<'t, T>, g: Var<'t, T>) {
        let wanted: SmallVec<[u32; 8]> =
            (0..self.edges.len()).filter(|&i| self.needs(i)).map(|i| self.edges[i]).collect();
        let found = sweep_recorded(self.core, &[(z, g)], &wanted, first);
        for (i, &edge) in self.edges.iter().enumerate() {
            if !self.edges[..i].contains(&edge)
                && let Some(at) = wanted.iter().position(|&id| id == edge)
                && let Some(g) = &found[at]
            {
                self.add(i, g.clone());
            }
        }
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
        self.checkpoint_with(segment, x, 0)
    }

    /// As [`checkpoint`](Tape::checkpoint), with a word for the segment: a seed, say. The example is at
    /// [`Segment::with_word`].
    ///
    /// # Panics
    /// If the segment does, x is of another tape, or the tape is spent.
    #[track_caller]
    pub fn checkpoint_with<'t>(&'t self, segment: &Segment<T>, x: Var<'t, T>, word: u64) -> Var<'t, T> {
        let core = &*self.core;
        assert!(self.has(&x), "checkpoint(): the input is a variable of another tape");
        if !self.is_recording() {
            return (segment.0)(self, x, word);
        }
        core.check_not_spent("checkpoint()");
        let noting = Meanwhile::set(&core.noting, true);
        core.arena.borrow_mut().noted.clear();
        let value = (segment.0)(self, x.clone().detach(), word).into_value();
        drop(noting);
        if x.node == NONE && core.arena.borrow().noted.is_empty() {
            return core.constant(value);
        }
        core.take_snapshot(self.params());
        let op = Checkpoint { segment: segment.clone(), word, out: value.shape() };
        let node =
            core.arena.borrow_mut().push_kept(Large::Checkpoint(op), (x.node, x.value), core.line(), core.scope.get());
        Var { value, core, node }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParamId, Params, Tensor, dry_run};

    type Build = for<'t> fn(&'t Tape<'_, f64>, Var<'t, f64>, [ParamId; 2], bool) -> Var<'t, f64>;

    fn part<'t>(
        checkpointed: bool,
        tape: &'t Tape<'_, f64>,
        x: Var<'t, f64>,
        body: impl for<'s> Fn(&'s Tape<'_, f64>, Var<'s, f64>) -> Var<'s, f64> + 'static,
    ) -> Var<'t, f64> {
        let segment = Segment::new(body);
        if checkpointed { tape.checkpoint(&segment, x) } else { segment.run(tape, x) }
    }

    /// Programs of two parameters and an input, with and without checkpoints.
    const PROGRAMS: [(&str, Build); 8] = [
        ("one use", |tape, x, [w, _], on| part(on, tape, x, move |tape, x| (tape.param(w) * x).tanh())),
        ("used inside and outside", |tape, x, [w, v], on| {
            let x = (tape.param(w) * x).exp();
            let y =
                part(on, tape, x.clone(), move |tape, x| (tape.param(w) * x * tape.param(v)).tanh() * tape.param(w));
            y * tape.param(w) + x
        }),
        ("two segments, one parameter", |tape, x, [w, v], on| {
            let x = part(on, tape, x, move |tape, x| (tape.param(w) * x).tanh() + tape.param(v));
            part(on, tape, x, move |tape, x| (tape.param(w) * x).tanh() * tape.param(v))
        }),
        ("nested", |tape, x, [w, v], on| {
            part(on, tape, x, move |tape, x| {
                let x = part(true, tape, x, move |tape, x| (tape.param(w) * x).tanh());
                part(true, tape, x * tape.param(v), move |tape, x| (tape.param(w) * x).sigmoid())
            })
        }),
        ("of a parameter", |tape, x, [w, _], on| {
            part(on, tape, tape.param(w), move |tape, y| tape.param(w) * y.exp()) * x
        }),
        ("identity", |tape, x, [w, _], on| part(on, tape, x.exp() * tape.param(w), |_, x| x)),
        ("a parameter alone", |tape, x, [w, _], on| part(on, tape, x, move |tape, _| tape.param(w)).square()),
        ("nothing to differentiate", |tape, x, [w, _], on| part(on, tape, x.detach(), |_, x| x.exp()) * tape.param(w)),
    ];

    fn numbers(x: f64, len: usize) -> Tensor<f64> {
        Tensor::new([len], (0..len).map(|i| x * (1.0 + 0.1 * i as f64)).collect())
    }

    /// Two parameters of as many numbers.
    fn store(len: usize) -> (Params<f64>, [ParamId; 2]) {
        let mut params = Params::new();
        let ids = [("w", 0.7), ("v", -0.3)].map(|(name, x)| params.add(name, numbers(x, len)));
        (params, ids)
    }

    #[test]
    fn gradients_are_the_same_to_the_bit() {
        // Enough numbers that sums in another order would differ somewhere in the last bit.
        let (params, ids) = store(50);
        for (name, program) in PROGRAMS {
            let [kept, again] = [false, true].map(|on| {
                let tape = Tape::new(&params);
                let x = tape.input(numbers(-0.2, 50));
                let loss = program(&tape, x.clone(), ids, on).sum();
                let value = loss.item();
                let gradients = loss.backward();
                let of = |id: ParamId| gradients.of(&params, id).cloned();
                (value, ids.map(of), gradients.wrt(&x).cloned())
            });
            assert_eq!(kept, again, "{name}");
        }
    }

    #[test]
    fn second_derivatives_pass_through() {
        let (params, ids) = store(2);
        for (name, program) in PROGRAMS {
            let [kept, again] = [false, true].map(|on| {
                let tape = Tape::new(&params);
                let x = tape.input(Tensor::new([2], vec![0.9, -1.3]));
                let loss = program(&tape, x.clone(), ids, on).sum();
                let leaves = [x, tape.param(ids[0]), tape.param(ids[1])];
                let leaves = leaves.each_ref();
                let squares = tape.grad(&loss, leaves).map(|g| g.square().sum());
                let penalty = squares.into_iter().reduce(|a, b| a + b).unwrap();
                tape.grad(&penalty, leaves).map(|g| g.value().data().to_vec())
            });
            let pairs = kept.iter().flatten().zip(again.iter().flatten());
            assert!(
                pairs.clone().count() == 6 && pairs.clone().all(|(a, b)| (a - b).abs() < 1e-14),
                "{name}: {kept:?} {again:?}"
            );
        }
    }

    #[test]
    fn memory_grows_with_the_root_of_the_depth() {
        // Bytes of activations at the peak of a step through n layers that keep their results.
        let peak = |n: usize, grouped: bool| {
            let layers: Vec<Segment<f32>> = (0..n).map(|_| Segment::new(|_, x| x.tanh())).collect();
            let groups = if grouped { Segment::group(layers.clone()) } else { Vec::new() };
            let footprint = dry_run::<f32, _>(|probe| {
                let params = Params::<f32>::new();
                let tape = Tape::new(&params);
                let mut x = tape.input(Tensor::zeros([256]));
                for segment in &layers[..if grouped { 0 } else { n }] {
                    x = segment.run(&tape, x);
                }
                for segment in &groups {
                    x = tape.checkpoint(segment, x);
                }
                drop(x.sum().backward());
                probe.footprint(0)
            });
            footprint.activations / 1024
        };
        for n in [16, 64, 256, 1024] {
            let root = (n as f64).sqrt() as usize;
            assert!(peak(n, false) >= n);
            assert!((2 * root..2 * root + 4).contains(&peak(n, true)), "{n}: {}", peak(n, true));
        }
    }
}
