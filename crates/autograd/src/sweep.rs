//! The two backward sweeps: one on numbers, which frees what the tape has kept, and one that records.

use smallvec::SmallVec;

use crate::arena::{Arena, NONE};
use crate::core::Core;
use crate::float::Float;
use crate::gradients::Gradients;
use crate::op::Saves;
use crate::ops::{AnyOp, NodeOp};
use crate::params::SlotId;
use crate::rule::{Rule, Targets};
use crate::shape::Shape;
use crate::tape::{Entered, Tape};
use crate::tensor::Tensor;
use crate::trace::Range;
use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// The gradients of this number with respect to every parameter and input on its tape: one sweep over the nodes
    /// from the last to the first, whose work is a small multiple of the forward pass's, however many parameters
    /// there are (Deep Learning, section 6.5; Griewank and Walther 2008). In PyTorch this is called `backward`.
    ///
    /// The sweep frees what the tape had kept as it passes: the tape is spent, and recording on it
    /// or sweeping it again panics. For derivatives of derivatives use [`Tape::grad`].
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(3.0));
    /// let tape = Tape::new(&params);
    /// let gradients = (tape.param(w).square() + 5.0 * tape.param(w)).backward();
    /// assert_eq!(gradients.of(&params, w).unwrap().item(), 2.0 * 3.0 + 5.0);
    /// ```
    ///
    /// # Panics
    /// If this is not a single number, or the tape is spent.
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        let shape = self.shape();
        assert!(
            shape.len() == 1,
            "backward() starts from a single number, found shape {shape}: sum it, or give a seed with backward_with()"
        );
        let seed = Tensor::full(shape, T::ONE);
        self.backward_with(seed)
    }

    /// As [`backward`](Var::backward), from a cotangent of this variable's shape: the gradients of
    /// Σ seed · self.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![3.0, 4.0]));
    /// let gradients = x.clone().square().backward_with(Tensor::new([2], vec![1.0, 10.0]));
    /// assert_eq!(gradients.wrt(&x).unwrap().data(), [6.0, 80.0]);           // seed · 2x
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, or the tape is spent.
    #[track_caller]
    pub fn backward_with(self, seed: Tensor<T>) -> Gradients<T> {
        assert!(
            seed.shape() == self.shape(),
            "backward_with(): a seed of shape {} for a variable of shape {}",
            seed.shape(),
            self.shape()
        );
        let Var { value, core, node } = self;
        core.check_can_sweep("backward()");
        core.spent.set(true);
        drop(value);
        // Out of its cell, so that rules may run ops on the same tape: they are all constants.
        let mut arena = core.arena.take();
        let mut gradients = Gradients::new(core.stamp);
        if node != NONE {
            let mut cotangents = std::mem::take(&mut arena.cotangents);
            cotangents.resize(arena.nodes.len(), None);
            cotangents[node as usize] = Some(seed);
            sweep_eager(core, &mut arena, &mut cotangents, |leaf, slot, g| gradients.put(leaf, slot, g));
            cotangents.clear();
            arena.cotangents = cotangents;
        }
        core.arena.replace(arena);
        core.forget_snapshot();
        gradients.settle();
        gradients
    }
}

/// Runs rules from the last node to the first, frees what each had kept, and hands the gradients of
/// leaves over.
pub(crate) fn sweep_eager<T: Float>(
    core: &Core<T>,
    arena: &mut Arena<T>,
    cotangents: &mut [Option<Tensor<T>>],
    mut found: impl FnMut(u32, Option<SlotId>, Tensor<T>),
) {
    for i in (0..arena.nodes.len()).rev() {
        if let Some(g) = cotangents[i].take() {
            match arena.nodes[i].op {
                NodeOp::Leaf(slot) => found(i as u32, slot, g),
                _ => run_rule(core, arena, i, None, g, cotangents),
            }
        }
        let residuals = arena.nodes[i].residuals as usize;
        arena.residuals.truncate(residuals);
    }
}

/// Runs the rule of node `i` on numbers; for its own operands, or for those of `edges` that are not
/// [`NONE`].
#[inline(always)]
pub(crate) fn run_rule<T: Float>(
    core: &Core<T>,
    arena: &Arena<T>,
    i: usize,
    edges: Option<&[u32]>,
    g: Tensor<T>,
    cotangents: &mut [Option<Tensor<T>>],
) {
    let (node, (own, residuals, shapes)) = (&arena.nodes[i], arena.lists(i));
    let edges = edges.unwrap_or(own);
    if core.trace.is_on() {
        return run_traced(core, arena, i, edges, g, cotangents);
    }
    let targets = Targets::Eager(&arena.nodes);
    let mut rule = Rule { core, edges, residuals, shapes, saves: node.saves, node: NONE, cotangents, targets };
    arena.op(i).vjp(&mut rule, core.constant(g));
}

/// As [`run_rule`], and then looks at what the operands have gathered.
#[cold]
fn run_traced<T: Float>(
    core: &Core<T>,
    arena: &Arena<T>,
    i: usize,
    edges: &[u32],
    g: Tensor<T>,
    cotangents: &mut [Option<Tensor<T>>],
) {
    let range = Range::of(&g);
    let paused = core.trace.pause();
    run_rule(core, arena, i, Some(edges), g, cotangents);
    drop(paused);
    core.trace.look_back(arena, i, range, edges.iter().filter_map(|&edge| cotangents.get(edge as usize)?.as_ref()));
}

impl<T: Float> Tape<'_, T> {
    /// The gradients of `output` with respect to `inputs` as variables on the same tape, which can
    /// be differentiated again. In PyTorch this is called `autograd.grad(…, create_graph=True)`.
    ///
    /// Nothing is freed. Only what lies between the inputs and the output is swept. An input on
    /// which the output does not depend has a gradient of zeros. An output that is not a single
    /// number is summed: the gradient of Σ output. Each gradient has the shape of its input.
    ///
    /// A Hessian times a vector is the gradient of (gradient · vector): the Hessian itself is never made (Pearlmutter
    /// 1994).
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![1.0, 2.0]));
    /// let f = (&x * &x * &x).sum();                   // f = Σ x³
    /// let [gradient] = tape.grad(&f, [&x]);           // 3x², an interior variable like any other
    /// let v = tape.constant(Tensor::new([2], vec![1.0, -1.0]));
    /// let [product] = tape.grad(&(&gradient * v).sum(), [&x]);
    /// assert_eq!(gradient.value().data(), [3.0, 12.0]);
    /// assert_eq!(product.value().data(), [6.0, -12.0]); // the Hessian diag(6x), times v
    /// ```
    ///
    /// # Panics
    /// If an input or the output is of another tape, an input is a constant, or the tape is spent.
    #[track_caller]
    pub fn grad<'t, const N: usize>(&'t self, output: &Var<'t, T>, inputs: [&Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let ones = self.core.constant(Tensor::full(output.shape(), T::ONE));
        let mut gradients = self.grad_with(&[(output, &ones)], &inputs).into_iter();
        inputs.map(|_| gradients.next().expect("a gradient for each input"))
    }

    /// As [`grad`](Tape::grad), for several outputs, each with a cotangent of its shape, and any number of
    /// inputs: the gradients of Σ cotangent · output. The cotangents count as constants, but may be
    /// recorded: then the gradients can be differentiated with respect to what they were computed from.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let (x, v) = (tape.input(3.0), tape.input(1.0));
    /// let (y, z) = (x.clone().square(), x.clone().exp());
    /// let gradients = tape.grad_with(&[(&y, &v), (&z, &tape.constant(0.0))], &[&x]);
    /// assert_eq!(gradients[0].item(), 6.0);                       // v · 2x
    /// assert_eq!(tape.grad(&gradients[0], [&v])[0].item(), 6.0);  // linear in v
    /// ```
    ///
    /// # Panics
    /// As [`grad`](Tape::grad), or if a cotangent has not its output's shape.
    #[track_caller]
    pub fn grad_with<'t>(&'t self, outputs: &[(&Var<'t, T>, &Var<'t, T>)], inputs: &[&Var<'t, T>]) -> Vec<Var<'t, T>> {
        let core = &*self.core;
        core.check_can_sweep("grad()");
        for (i, (output, seed)) in outputs.iter().enumerate() {
            assert!(self.has(output), "grad(): output {i} is a variable of another tape");
            assert!(self.has(seed), "grad(): cotangent {i} is a variable of another tape");
            let (shape, of) = (seed.shape(), output.shape());
            assert!(shape == of, "grad(): a cotangent of shape {shape} for output {i}, of shape {of}");
        }
        for (i, x) in inputs.iter().enumerate() {
            assert!(self.has(x), "grad(): input {i} is a variable of another tape");
            assert!(x.node != NONE, "grad(): input {i} is a constant; make it with Tape::input or Tape::param");
        }
        let outputs: SmallVec<[_; 2]> = outputs.iter().map(|&(output, seed)| (output.clone(), seed.clone())).collect();
        let ids: SmallVec<[u32; 8]> = inputs.iter().map(|x| x.node).collect();
        let found = sweep_recorded(core, &outputs, &ids, 0).into_iter().zip(inputs);
        found.map(|(g, x)| g.unwrap_or_else(|| core.constant(Tensor::zeros(x.shape())))).collect()
    }
}

/// Runs rules, recorded, from the outputs, each with its cotangent, down to node `first`, where a path to
/// an input leads. Gives each input's cotangent; all others are dropped on the way.
pub(crate) fn sweep_recorded<'t, T: Float>(
    core: &'t Core<T>,
    outputs: &[(Var<'t, T>, Var<'t, T>)],
    inputs: &[u32],
    first: usize,
) -> Vec<Option<Var<'t, T>>> {
    let wanted = wanted(&core.arena.borrow(), inputs);
    let mut values: Vec<Option<Tensor<T>>> = vec![None; wanted.len()];
    let mut nodes = vec![NONE; wanted.len()];
    let mut last = 0;
    for (output, seed) in outputs.iter().filter(|(output, _)| output.node != NONE) {
        let edges = [output.node];
        let targets = Targets::Recorded { nodes: &mut nodes, wanted: &wanted };
        let cotangents = &mut values[..];
        let (residuals, saves, shapes) = (&[][..], Saves::NOTHING, [output.shape()]);
        Rule { core, edges: &edges, residuals, shapes: &shapes, saves, node: NONE, cotangents, targets }
            .add(0, seed.clone());
        last = last.max(output.node as usize + 1);
    }
    let (paused, _scope) = (core.trace.pause(), Entered::here(core));
    for i in (first..last).rev() {
        if !wanted[i] || values[i].is_none() {
            continue;
        }
        // Copied out, because the rule pushes new nodes.
        let (op, saves, edges, residuals, shapes) = {
            let arena = core.arena.borrow();
            let (edges, residuals, shapes) = arena.lists(i);
            let edges: SmallVec<[u32; 3]> = edges.into();
            let residuals: SmallVec<[Tensor<T>; 3]> = residuals.into();
            let shapes: SmallVec<[Shape; 3]> = shapes.into();
            // What a rule records counts as recorded where its op was.
            core.scope.set(arena.nodes[i].scope);
            core.at.set(Some(arena.nodes[i].at));
            (arena.nodes[i].op, arena.nodes[i].saves, edges, residuals, shapes)
        };
        let large;
        let op = match op {
            NodeOp::Leaf(_) => continue,
            NodeOp::Small(op) => AnyOp::Small(op),
            NodeOp::Large(place) => {
                large = core.arena.borrow().large[place as usize].clone();
                AnyOp::Large(&large)
            }
        };
        let value = if inputs.contains(&(i as u32)) { values[i].clone() } else { values[i].take() };
        let g = Var { value: value.expect("there is one"), core, node: nodes[i] };
        let before = paused.before.then(|| Range::of(&g.value));
        let targets = Targets::Recorded { nodes: &mut nodes, wanted: &wanted };
        let cotangents = &mut values[..];
        let (edges, residuals, shapes) = (&edges[..], &residuals[..], &shapes[..]);
        op.vjp(&mut Rule { core, edges, residuals, shapes, saves, node: i as u32, cotangents, targets }, g);
        if let Some(g) = before {
            let made = edges.iter().filter_map(|&edge| values.get(edge as usize)?.as_ref());
            core.trace.look_back(&core.arena.borrow(), i, g, made);
        }
    }
    let found = |&id: &u32| values[id as usize].clone().map(|value| Var { value, core, node: nodes[id as usize] });
    inputs.iter().map(found).collect()
}

/// By node, whether it is an input or computed from one.
fn wanted<T: Float>(arena: &Arena<T>, inputs: &[u32]) -> Vec<bool> {
    let mut wanted = vec![false; arena.nodes.len()];
    for &id in inputs {
        wanted[id as usize] = true;
    }
    for i in 0..wanted.len() {
        wanted[i] |= arena.lists(i).0.iter().any(|&edge| edge != NONE && wanted[edge as usize]);
    }
    wanted
}
