//! The recorded graph as data, to be drawn.

use std::panic::Location;

use crate::arena::NONE;
use crate::float::Float;
use crate::ops::AnyOp;
use crate::shape::Shape;
use crate::tape::Tape;

/// What a tape has recorded, as data: made by [`Tape::graph`].
#[derive(Clone, Debug)]
pub struct Graph {
    /// In the order in which they were recorded: operands stand before the ops that use them.
    pub nodes: Vec<GraphNode>,
    /// The parts of the model, outer ones before those that lie in them.
    pub parts: Vec<GraphPart>,
    /// Bytes of one number.
    pub number: usize,
}

/// A parameter, an input or an op.
#[derive(Clone, Debug)]
pub struct GraphNode {
    /// The op's name; `parameter` or `input` for a leaf.
    pub op: &'static str,
    /// A parameter's names: several, where it is shared.
    pub names: Vec<String>,
    /// The shape of the value.
    pub shape: Shape,
    /// The nodes of the operands; `None` for a constant.
    pub operands: Vec<Option<usize>>,
    /// Bytes of what is kept for the rule. A value that several nodes keep is counted in each.
    pub kept: usize,
    /// The innermost part of the model in which it was recorded.
    pub part: Option<usize>,
    /// The line that recorded it.
    pub at: &'static Location<'static>,
}

/// A part of the model; see [`Tape::enter`].
#[derive(Clone, Debug)]
pub struct GraphPart {
    /// Its name.
    pub name: String,
    /// The part that it lies in.
    pub parent: Option<usize>,
}

impl<T: Float> Tape<'_, T> {
    /// What has been recorded so far, to be drawn.
    pub fn graph(&self) -> Graph {
        let arena = self.core.arena.borrow();
        let some = |id: u32| (id != NONE).then_some(id as usize);
        let node = |(i, node): (usize, &crate::arena::Node<T>)| {
            let (edges, residuals, shapes) = arena.lists(i);
            let scalars = [Shape::SCALAR; 2];
            let shape = node.op.shape(if shapes.is_empty() { &scalars } else { shapes });
            let names = match node.op {
                AnyOp::Leaf(Some(slot)) => self.params().names_of(slot).map(|(_, name)| name.to_string()).collect(),
                _ => Vec::new(),
            };
            GraphNode {
                op: node.op.name(),
                names,
                shape: shape.expect("the op was recorded with these shapes"),
                operands: edges.iter().map(|&edge| some(edge)).collect(),
                kept: residuals.iter().map(|kept| kept.len() * size_of::<T>()).sum(),
                part: some(node.scope),
                at: node.at,
            }
        };
        Graph {
            nodes: arena.nodes.iter().enumerate().map(node).collect(),
            parts: arena
                .scopes
                .iter()
                .map(|&scope| GraphPart { name: arena.label(scope).into(), parent: some(scope.parent) })
                .collect(),
            number: size_of::<T>(),
        }
    }
}
