//! The two backward sweeps, and the one place where contributions to a gradient are added.

use smallvec::SmallVec;

use crate::arena::{Arena, NONE, Node};
use crate::float::Float;
use crate::gradients::Gradients;
use crate::op::{Op, Saves};
use crate::ops::{AnyOp, SumTo};
use crate::pool::Kind;
use crate::shape::Shape;
use crate::tape::{Core, Tape};
use crate::tensor::Tensor;
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
        core.check_not_spent("backward()");
        core.spent.set(true);
        drop(value);
        // Out of its cell, so that rules may run ops on the same tape: they are all constants.
        let mut arena = core.arena.take();
        let mut gradients = Gradients::new(core.stamp);
        if node != NONE {
            sweep_eager(core, &mut arena, node, seed, &mut gradients);
        }
        core.arena.replace(arena);
        gradients
    }
}

fn sweep_eager<T: Float>(
    core: &Core<T>,
    arena: &mut Arena<T>,
    root: u32,
    seed: Tensor<T>,
    gradients: &mut Gradients<T>,
) {
    let mut cotangents = std::mem::take(&mut arena.cotangents);
    cotangents.resize(arena.nodes.len(), None);
    cotangents[root as usize] = Some(seed);
    for i in (0..arena.nodes.len()).rev() {
        if let Some(g) = cotangents[i].take() {
            let node = &arena.nodes[i];
            if let AnyOp::Leaf(slot) = node.op {
                gradients.put(i as u32, slot, g);
            } else {
                let (edges, residuals, shapes) = arena.lists(i);
                let targets = Targets::Eager(&arena.nodes);
                let mut rule = Rule {
                    core,
                    edges,
                    residuals,
                    shapes,
                    saves: node.saves,
                    node: NONE,
                    cotangents: &mut cotangents,
                    targets,
                };
                node.op.vjp(&mut rule, core.constant(g));
            }
        }
        let residuals = arena.nodes[i].residuals as usize;
        arena.residuals.truncate(residuals);
    }
    cotangents.clear();
    arena.cotangents = cotangents;
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
        let core = &self.core;
        core.check_not_spent("grad()");
        assert!(std::ptr::eq(core, output.core), "grad(): the output is a variable of another tape");
        for (i, x) in inputs.iter().enumerate() {
            assert!(std::ptr::eq(core, x.core), "grad(): input {i} is a variable of another tape");
            assert!(x.node != NONE, "grad(): input {i} is a constant; make it with Tape::input or Tape::param");
        }
        let ids = inputs.map(|x| x.node);
        let (values, nodes) = sweep_recorded(core, output, &ids);
        inputs.map(|x| match &values[x.node as usize] {
            Some(value) => Var { value: value.clone(), core, node: nodes[x.node as usize] },
            None => core.constant(Tensor::zeros(x.shape())),
        })
    }
}

/// By node, the cotangents' values and nodes.
type Cotangents<T> = (Vec<Option<Tensor<T>>>, Vec<u32>);

fn sweep_recorded<T: Float>(core: &Core<T>, output: &Var<'_, T>, inputs: &[u32]) -> Cotangents<T> {
    if output.node == NONE {
        let len = core.arena.borrow().nodes.len();
        return (vec![None; len], vec![NONE; len]);
    }
    let len = output.node as usize + 1;
    let wanted = wanted(&core.arena.borrow(), inputs);
    let mut values = vec![None; wanted.len()];
    let mut nodes = vec![NONE; wanted.len()];
    values[len - 1] = Some(Tensor::full(output.shape(), T::ONE));
    for i in (0..len).rev() {
        let (Some(g), true) = (values[i].clone(), wanted[i]) else { continue };
        // Copied out, because the rule pushes new nodes.
        let (op, saves, edges, residuals, shapes) = {
            let arena = core.arena.borrow();
            let (edges, residuals, shapes) = arena.lists(i);
            let edges: SmallVec<[u32; 3]> = edges.into();
            let residuals: SmallVec<[Tensor<T>; 3]> = residuals.into();
            let shapes: SmallVec<[Shape; 3]> = shapes.into();
            (arena.nodes[i].op.clone(), arena.nodes[i].saves, edges, residuals, shapes)
        };
        if matches!(op, AnyOp::Leaf(_)) {
            continue;
        }
        let g = Var { value: g, core, node: nodes[i] };
        let targets = Targets::Recorded { nodes: &mut nodes, wanted: &wanted };
        let mut rule = Rule {
            core,
            edges: &edges,
            residuals: &residuals,
            shapes: &shapes,
            saves,
            node: i as u32,
            cotangents: &mut values,
            targets,
        };
        op.vjp(&mut rule, g);
    }
    (values, nodes)
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
