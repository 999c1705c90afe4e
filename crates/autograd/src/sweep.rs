//! The two backward sweeps, and the one place where contributions to a gradient are added.

use smallvec::SmallVec;

use crate::arena::{Arena, NONE, Node};
use crate::float::Float;
use crate::gradients::Gradients;
use crate::op::{Op, Saves};
use crate::ops::{AnyOp, SumTo};
use crate::params::SlotId;
use crate::pool::Kind;
use crate::shape::Shape;
use crate::tape::{Core, Entered, Tape};
use crate::tensor::Tensor;
use crate::trace::Range;
use crate::var::Var;

/// What an op's rule sees of its node, and where it leaves its contributions.
pub struct Rule<'a, 't, T: Float> {
    core: &'t Core<T>,
    edges: &'a [u32],
    residuals: &'a [Tensor<T>],
    shapes: &'a [Shape],
    saves: Saves,
    /// The node itself, [`NONE`] in an eager sweep, whose rules are not recorded.
    node: u32,
    cotangents: &'a mut [Option<Tensor<T>>],
    targets: Targets<'a, T>,
}

/// What differs between the sweeps when a contribution arrives.
enum Targets<'a, T: Float> {
    /// Numbers are added; the nodes tell which targets are parameters.
    Eager(&'a [Node<T>]),
    /// Variables are added: by node, the node of the cotangent, and whether it is wanted.
    Recorded { nodes: &'a mut [u32], wanted: &'a [bool] },
}

impl<'t, T: Float> Rule<'_, 't, T> {
    pub(crate) fn core(&self) -> &'t Core<T> {
        self.core
    }

    /// Whether the sweep records what rules compute.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self.targets, Targets::Recorded { .. })
    }

    /// Whether operand `i` needs its gradient.
    pub fn needs(&self, i: usize) -> bool {
        let edge = self.edges[i];
        edge != NONE
            && match &self.targets {
                Targets::Eager(_) => true,
                Targets::Recorded { wanted, .. } => wanted[edge as usize],
            }
    }

    /// Operand `i`.
    ///
    /// # Panics
    /// If the op has not saved it.
    #[track_caller]
    pub fn x(&self, i: usize) -> Var<'t, T> {
        assert!(self.saves.has_operand(i), "operand {i} was not saved");
        let node = if self.node == NONE { NONE } else { self.edges[i] };
        Var { value: self.residuals[self.saves.place(i)].clone(), core: self.core, node }
    }

    /// The result.
    ///
    /// # Panics
    /// If the op has not saved it.
    #[track_caller]
    pub fn result(&self) -> Var<'t, T> {
        assert!(self.saves.has_result(), "the result was not saved");
        Var { value: self.residuals[self.saves.place_of_result()].clone(), core: self.core, node: self.node }
    }

    /// The shape of operand `i`.
    pub fn shape(&self, i: usize) -> Shape {
        self.shapes.get(i).copied().unwrap_or(Shape::SCALAR)
    }

    /// How many operands there are.
    pub fn operands(&self) -> usize {
        self.edges.len()
    }

    /// Adds a contribution to the gradient of operand `i`; where the operand had been broadcast,
    /// the contribution is summed back to its shape.
    ///
    /// This is the only place in the crate where gradients accumulate.
    ///
    /// # Panics
    /// If the operand's shape does not broadcast to the contribution's.
    #[track_caller]
    pub fn add(&mut self, i: usize, contribution: Var<'t, T>) {
        if !self.needs(i) {
            return;
        }
        let (target, kind, shape) = (self.edges[i] as usize, self.kind(i), self.shape(i));
        let mut sum = contribution;
        if sum.shape() != shape {
            sum = Var::apply_for(kind, SumTo(shape), [sum]);
        }
        if let Some(value) = self.cotangents[target].take() {
            let node = match &self.targets {
                Targets::Eager(_) => NONE,
                Targets::Recorded { nodes, .. } => nodes[target],
            };
            sum = Var { value, core: self.core, node } + sum;
        }
        match &mut self.targets {
            Targets::Eager(_) if kind == Kind::Gradient => sum.value.mark(kind),
            Targets::Eager(_) => {}
            Targets::Recorded { nodes, .. } => nodes[target] = sum.node,
        }
        self.cotangents[target] = Some(sum.value);
    }

    /// Adds what this op computes to the gradient of operand `i`. The result is allocated as the
    /// gradient that it becomes part of, where [`add`](Rule::add) is handed a finished tensor.
    #[track_caller]
    pub(crate) fn add_op<const N: usize, O: Op<T> + Into<AnyOp<T>>>(&mut self, i: usize, op: O, x: [Var<'t, T>; N]) {
        if self.needs(i) {
            let contribution = Var::apply_for(self.kind(i), op, x);
            self.add(i, contribution);
        }
    }

    /// Sweeps through a segment that was computed again on a tape of its own, from its result's node z,
    /// and adds what it finds. Operand 0 is there the input x, the others are parameters; what they have
    /// gathered so far goes along, so that the order of all contributions is the same as without a
    /// checkpoint.
    #[track_caller]
    pub(crate) fn sweep_through(&mut self, segment: &Core<T>, x: u32, z: u32, seed: Tensor<T>) {
        let Targets::Eager(outer) = self.targets else { unreachable!("the sweep is eager") };
        let mut arena = segment.arena.take();
        segment.spent.set(true);
        // By operand, its node in the segment: in a list of that tape's, which has memory already.
        let mut inner = std::mem::take(&mut arena.noted);
        inner.clear();
        let edges = self.edges;
        inner.extend(edges.iter().enumerate().map(|(i, &edge)| match outer.get(edge as usize).map(|node| &node.op) {
            None => NONE,
            Some(AnyOp::Leaf(Some(slot))) if i > 0 => arena.leaves.get(slot.index()).copied().unwrap_or(NONE),
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
    pub(crate) fn add_through(&mut self, first: usize, z: Var<'t, T>, g: Var<'t, T>) {
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

    /// What memory for a contribution to operand `i` is for: the first one to a parameter becomes its
    /// gradient, later ones are added to it and pass.
    fn kind(&self, i: usize) -> Kind {
        let target = self.edges[i] as usize;
        match &self.targets {
            Targets::Eager(nodes)
                if matches!(nodes[target].op, AnyOp::Leaf(Some(_))) && self.cotangents[target].is_none() =>
            {
                Kind::Gradient
            }
            _ => Kind::Activation,
        }
    }
}

impl<T: Float> Var<'_, T> {
    /// The gradients of this number with respect to every parameter and input on its tape.
    ///
    /// The sweep frees what the tape had kept as it passes: the tape is spent, and recording on it
    /// or sweeping it again panics. For derivatives of derivatives use [`Tape::grad`].
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
        gradients
    }
}

/// Runs rules from the last node to the first, frees what each had kept, and hands the gradients of
/// leaves over.
fn sweep_eager<T: Float>(
    core: &Core<T>,
    arena: &mut Arena<T>,
    cotangents: &mut [Option<Tensor<T>>],
    mut found: impl FnMut(u32, Option<SlotId>, Tensor<T>),
) {
    for i in (0..arena.nodes.len()).rev() {
        if let Some(g) = cotangents[i].take() {
            match arena.nodes[i].op {
                AnyOp::Leaf(slot) => found(i as u32, slot, g),
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
    node.op.vjp(&mut rule, core.constant(g));
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
fn sweep_recorded<'t, T: Float>(
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
            core.scope.set(arena.nodes[i].scope);
            (arena.nodes[i].op.clone(), arena.nodes[i].saves, edges, residuals, shapes)
        };
        if matches!(op, AnyOp::Leaf(_)) {
            continue;
        }
        let value = if inputs.contains(&(i as u32)) { values[i].clone() } else { values[i].take() };
        let g = Var { value: value.expect("there is one"), core, node: nodes[i] };
        let before = paused.was_on.then(|| Range::of(&g.value));
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
