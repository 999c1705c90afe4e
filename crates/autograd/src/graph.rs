//! The recorded graph as data, and as text for a terminal.

mod text;

use std::panic::Location;

use crate::arena::{Arena, NONE};
use crate::ops::NodeOp;
use crate::{Float, Shape, Tape};

/// What a tape has recorded, as data: made by [`Tape::graph`], shown by `{}`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f32>::new();
/// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::zeros([3, 2])));
/// params.tie(b, a)?;
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::zeros([5, 3]));
/// let _loss = (x.clone().matmul(tape.param(a)) * x.matmul(tape.param(b))).sum();
///
/// let graph = tape.graph();
/// assert_eq!(graph.nodes[0].names, ["a.w", "b.w"]);       // a shared parameter is one node,
/// assert_eq!(graph.uses()[0].len(), 2);                   // with an edge for each use
/// assert_eq!(graph.label(graph.nodes[0].shape), "[3, 2] 24 B");
/// let text = graph.to_string();
/// assert!(text.starts_with("0  parameter a.w = b.w, 2 uses"), "{text}");
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    /// In the order in which they were recorded: operands stand before the ops that use them.
    pub nodes: Vec<GraphNode>,
    /// The parts of the model, outer ones before those that lie in them.
    pub parts: Vec<GraphPart>,
    /// Bytes of one number.
    pub number: usize,
}

/// A parameter, an input or an op; the example is at [`Graph`].
#[derive(Clone, Debug)]
pub struct GraphNode {
    /// What it is.
    pub kind: NodeKind,
    /// The op's name; `parameter` or `input` for a leaf.
    pub op: &'static str,
    /// A parameter's names: several, where it is tied.
    pub names: Vec<String>,
    /// The shape of the value.
    pub shape: Shape,
    /// The operands in order; a leaf has none.
    pub operands: Vec<GraphEdge>,
    /// Bytes of what is kept for the rule. A value that several nodes keep is counted in each.
    pub kept: usize,
    /// The innermost part of the model in which it was recorded. Leaves belong to none.
    pub part: Option<usize>,
    /// The line that recorded it.
    pub at: &'static Location<'static>,
}

/// The three kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A leaf that stands for a slot of the store.
    Parameter,
    /// Any other leaf; see [`Tape::input`].
    Input,
    /// The result of an op.
    Op,
}

/// An operand of an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphEdge {
    /// The node whose value it is; `None` for a constant.
    pub from: Option<usize>,
    /// The value's shape.
    pub shape: Shape,
}

/// A part of the model; see [`Tape::enter`].
#[derive(Clone, Debug)]
pub struct GraphPart {
    /// Its name.
    pub name: String,
    /// The part that it lies in.
    pub parent: Option<usize>,
}

impl GraphNode {
    /// Whether it is a parameter that is shared: tied names, or more than one use.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let [w, v] = ["w", "v"].map(|name| params.add(name, Tensor::scalar(3.0)));
    /// let tape = Tape::new(&params);
    /// let _z = tape.param(w) * tape.param(v) + tape.param(w);
    /// let graph = tape.graph();
    /// let uses = graph.uses();
    /// assert_eq!([0, 1].map(|i| graph.nodes[i].is_shared(uses[i].len())), [true, false]);
    /// ```
    pub fn is_shared(&self, uses: usize) -> bool {
        self.kind == NodeKind::Parameter && (self.names.len() > 1 || uses > 1)
    }
}

impl Graph {
    /// For each node, the ops that use its value, in order: an op that uses it twice stands there twice.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(3.0);
    /// let _z = (&x * &x).exp();
    /// assert_eq!(tape.graph().uses(), [vec![1, 1], vec![2], vec![]]);
    /// ```
    pub fn uses(&self) -> Vec<Vec<usize>> {
        let mut uses = vec![Vec::new(); self.nodes.len()];
        for (user, node) in self.nodes.iter().enumerate() {
            node.operands.iter().filter_map(|edge| edge.from).for_each(|from| uses[from].push(user));
        }
        uses
    }

    /// A part and those that it lies in, outermost first.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let _encoder = tape.enter("encoder");
    /// let _layer = tape.enter("layer1");
    /// let _z = tape.input(3.0).exp();
    /// let graph = tape.graph();
    /// let names: Vec<_> = graph.path(graph.nodes[1].part).into_iter().map(|part| &graph.parts[part].name).collect();
    /// assert_eq!(names, ["encoder", "layer1"]);
    /// ```
    pub fn path(&self, part: Option<usize>) -> Vec<usize> {
        let mut path: Vec<usize> = std::iter::successors(part, |&part| self.parts[part].parent).collect();
        path.reverse();
        path
    }

    /// Shape and bytes of a value, as drawings show them: `[64, 24, 24, 6] 864 KiB`.
    pub fn label(&self, shape: Shape) -> String {
        format!("{shape} {}", text::bytes(shape.len() * self.number))
    }
}

impl<T: Float> Tape<'_, T> {
    /// What has been recorded so far, to be drawn. A backward sweep empties the tape: ask before.
    ///
    /// ```
    /// use tandem_autograd::{NodeKind, Params, Tape};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let _z = tape.input(3.0).square() * 2.0;
    /// let graph = tape.graph();
    /// assert_eq!(graph.nodes.iter().map(|node| node.op).collect::<Vec<_>>(), ["input", "power", "scale"]);
    /// assert_eq!((graph.nodes[0].kind, graph.nodes[2].operands[0].from), (NodeKind::Input, Some(1)));
    /// ```
    pub fn graph(&self) -> Graph {
        let arena = self.core.arena.borrow();
        Graph {
            nodes: (0..arena.nodes.len()).map(|i| self.graph_node(&arena, i)).collect(),
            parts: arena
                .scopes
                .iter()
                .map(|&scope| GraphPart { name: arena.label(scope).into(), parent: some(scope.parent) })
                .collect(),
            number: size_of::<T>(),
        }
    }

    fn graph_node(&self, arena: &Arena<T>, i: usize) -> GraphNode {
        let (node, (edges, residuals, shapes)) = (&arena.nodes[i], arena.lists(i));
        // The tape keeps no shapes where all are single numbers. A leaf has one, and no edges.
        let scalars = vec![Shape::SCALAR; edges.len().max(1)];
        let shapes = if shapes.is_empty() { &scalars } else { shapes };
        let (kind, names) = match node.op {
            NodeOp::Leaf(Some(slot)) => {
                (NodeKind::Parameter, self.params().names_of(slot).map(|(_, name)| name.into()).collect())
            }
            NodeOp::Leaf(None) => (NodeKind::Input, Vec::new()),
            _ => (NodeKind::Op, Vec::new()),
        };
        GraphNode {
            kind,
            op: arena.op(i).name(),
            names,
            shape: arena.op(i).shape(shapes).expect("the op was recorded with these shapes"),
            operands: edges.iter().zip(shapes).map(|(&id, &shape)| GraphEdge { from: some(id), shape }).collect(),
            kept: residuals.iter().map(|kept| kept.len() * size_of::<T>()).sum(),
            part: some(node.scope),
            at: node.at,
        }
    }
}

/// An index of the tape's lists, unless it stands for nothing.
fn some(id: u32) -> Option<usize> {
    (id != NONE).then_some(id as usize)
}

#[cfg(test)]
mod tests;
