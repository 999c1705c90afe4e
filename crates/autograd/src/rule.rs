//! What a rule sees, and the one place where contributions to a gradient meet.

use crate::arena::{NONE, Node};
use crate::core::Core;
use crate::float::Float;
use crate::op::Saves;
use crate::ops::{NodeOp, Stored, SumTo};
use crate::pool::Kind;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;

/// What an op's rule sees of its node, and where it leaves its contributions: handed to [`Op::vjp`](crate::Op::vjp),
/// where a whole op stands.
///
/// | the rule asks | and gets |
/// |---|---|
/// | [`needs(i)`](Rule::needs) | whether operand i wants a gradient at all |
/// | [`x(i)`](Rule::x), [`result()`](Rule::result) | what the op has saved |
/// | [`shape(i)`](Rule::shape), [`operands()`](Rule::operands) | what is known without saving |
/// | [`add(i, …)`](Rule::add) | this contribution added to operand i's gradient |
///
/// A rule may [`add`](Rule::add) more than once, and to one operand twice: contributions add.
///
/// ```
/// use tandem_autograd::{Float, Op, Out, Params, Rule, Shape, ShapeError, Tape, Tensor, Var};
/// /// z = 2x + 3x, as two uses of x.
/// struct Twice;
/// impl<T: Float> Op<T> for Twice {
///     fn name(&self) -> &'static str { "twice" }
///     fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> { Ok(x[0]) }
///     fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
///         out.build(|z| z.iter_mut().zip(x[0].data()).for_each(|(z, &x)| *z = T::from_f64(5.0) * x))
///     }
///     fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
///         rule.add(0, 2.0 * &g);
///         rule.add(0, 3.0 * g);
///     }
/// }
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(7.0);
/// assert_eq!(Var::apply_op(Twice, [x.clone()]).backward().wrt(&x).unwrap().item(), 5.0);
/// ```
pub struct Rule<'a, 't, T: Float> {
    pub(crate) core: &'t Core<T>,
    pub(crate) edges: &'a [u32],
    pub(crate) residuals: &'a [Tensor<T>],
    pub(crate) shapes: &'a [Shape],
    pub(crate) saves: Saves,
    /// The node itself, [`NONE`] in an eager sweep, whose rules are not recorded.
    pub(crate) node: u32,
    /// By node, the gradient that has been gathered so far.
    pub(crate) cotangents: &'a mut [Option<Tensor<T>>],
    pub(crate) targets: Targets<'a>,
}

/// What differs between the sweeps when a contribution arrives.
pub(crate) enum Targets<'a> {
    /// Numbers are added; the nodes tell which targets are parameters.
    Eager(&'a [Node]),
    /// Variables are added: by node, the node of the cotangent, and whether it is wanted.
    Recorded { nodes: &'a mut [u32], wanted: &'a [bool] },
}

impl<'t, T: Float> Rule<'_, 't, T> {
    /// Whether the sweep records what rules compute.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self.targets, Targets::Recorded { .. })
    }

    /// Whether operand `i` needs its gradient. What a rule computes for one that does not is dropped: it asks first
    /// where that is work.
    #[inline]
    pub fn needs(&self, i: usize) -> bool {
        let edge = self.edges[i];
        edge != NONE
            && match &self.targets {
                Targets::Eager(_) => true,
                Targets::Recorded { wanted, .. } => wanted[edge as usize],
            }
    }

    /// Operand `i`, as it was saved: recorded if the sweep is, so that the rule can be differentiated.
    ///
    /// # Panics
    /// If the op has not saved it.
    #[track_caller]
    #[inline]
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
    #[inline]
    pub fn result(&self) -> Var<'t, T> {
        assert!(self.saves.has_result(), "the result was not saved");
        Var { value: self.residuals[self.saves.place_of_result()].clone(), core: self.core, node: self.node }
    }

    /// The shape of operand `i`.
    pub fn shape(&self, i: usize) -> Shape {
        self.shapes.get(i).copied().unwrap_or(Shape::SCALAR)
    }

    /// How many operands there are: for ops such as [`Concat`](crate::ops::Concat), which take any number.
    pub fn operands(&self) -> usize {
        self.edges.len()
    }

    /// Adds a contribution to the gradient of operand `i`; where the operand had been broadcast,
    /// the contribution is summed back to its shape.
    ///
    /// This is the one place where contributions meet. Only a product may be let to add while it computes, and that is
    /// decided in this file too, in `add_op`.
    ///
    /// # Panics
    /// If the operand's shape does not broadcast to the contribution's.
    #[track_caller]
    #[inline(always)]
    pub fn add(&mut self, i: usize, contribution: Var<'t, T>) {
        if !self.needs(i) {
            return;
        }
        let target = self.edges[i] as usize;
        // Where all are single numbers there is no shape to come back to, and no memory to account for.
        if let (Targets::Eager(_), [], Some(x)) = (&self.targets, self.shapes, contribution.value.number()) {
            let cotangent = &mut self.cotangents[target];
            let gathered = cotangent.as_ref().and_then(Tensor::number);
            *cotangent = Some(Tensor::scalar(gathered.map_or(x, |gathered| gathered + x)));
            return;
        }
        self.add_tensor(i, contribution);
    }

    #[track_caller]
    fn add_tensor(&mut self, i: usize, contribution: Var<'t, T>) {
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

    /// Adds what this op computes to the gradient of operand `i`, of whose shape it is. The result is allocated as
    /// the gradient that it becomes part of, where [`add`](Rule::add) is handed a finished tensor; what has been
    /// gathered already may be handed to the op, to add to it as it computes. Where no gradient is needed, its operands
    /// are not asked for.
    #[track_caller]
    pub(crate) fn add_op<const N: usize, O: Stored<T>>(
        &mut self,
        i: usize,
        op: O,
        x: impl FnOnce(&Self) -> [Var<'t, T>; N],
    ) {
        if !self.needs(i) {
            return;
        }
        let x = x(self);
        if let (Targets::Eager(_), Some(sum)) = (&self.targets, &mut self.cotangents[self.edges[i] as usize])
            && sum.is_unique()
            && op.add_to(&x.each_ref().map(|x| &x.value), sum)
        {
            return;
        }
        let contribution = Var::apply_for(self.kind(i), op, x);
        self.add(i, contribution);
    }

    /// What memory for a contribution to operand `i` is for: the first one to a parameter becomes its
    /// gradient, later ones are added to it and pass.
    fn kind(&self, i: usize) -> Kind {
        let target = self.edges[i] as usize;
        match &self.targets {
            Targets::Eager(nodes)
                if matches!(nodes[target].op, NodeOp::Leaf(Some(_))) && self.cotangents[target].is_none() =>
            {
                Kind::Gradient
            }
            _ => Kind::Activation,
        }
    }
}
