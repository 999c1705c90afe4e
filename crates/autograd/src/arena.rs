//! The tape's memory: nodes in the order in which they were made, and the flat lists they refer to.

use std::panic::Location;

use smallvec::{SmallVec, smallvec};

use crate::float::Float;
use crate::local::list_bytes;
use crate::op::Saves;
use crate::ops::{AnyOp, Large, NodeOp, Stored, store_large};
use crate::params::SlotId;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The index of "no node": a constant.
pub(crate) const NONE: u32 = u32::MAX;

/// One recorded op. Where its lists begin; they end where the next node's begin.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub(crate) op: NodeOp,
    pub(crate) at: &'static Location<'static>,
    pub(crate) saves: Saves,
    pub(crate) edges: u32,
    pub(crate) residuals: u32,
    pub(crate) shapes: u32,
    /// The part of the model in which it was recorded, [`NONE`] outside of all.
    pub(crate) scope: u32,
}

/// A part of a model, as [`Tape::enter`](crate::Tape::enter) names it.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    /// The part that this one lies in.
    pub(crate) parent: u32,
    /// Where its name begins in the list of labels, and where it ends.
    label: [u32; 2],
}

/// The tape's memory: flat lists, kept from one tape to the next.
#[derive(Default)]
pub(crate) struct Arena<T: Float> {
    pub(crate) nodes: Vec<Node>,
    /// The ops that are too large for a node.
    pub(crate) large: Vec<Large<T>>,
    /// The operands of each node, as indices of nodes.
    pub(crate) edges: Vec<u32>,
    /// What each node keeps for its rule.
    pub(crate) residuals: Vec<Tensor<T>>,
    /// The operands' shapes, of a leaf its own; none where all are single numbers.
    pub(crate) shapes: Vec<Shape>,
    /// By slot, the leaf that stands for it.
    pub(crate) leaves: Vec<u32>,
    pub(crate) scopes: Vec<Scope>,
    /// The names of all scopes, one after another.
    labels: String,
    /// The parameters that the segment has used which runs now.
    pub(crate) noted: Vec<u32>,
    /// By node, the cotangent that has been gathered so far in a sweep.
    pub(crate) cotangents: Vec<Option<Tensor<T>>>,
}

impl<T: Float> Arena<T> {
    /// The ends of the lists of node `i`.
    #[inline(always)]
    fn ends(&self, i: usize) -> (usize, usize, usize) {
        match self.nodes.get(i + 1) {
            Some(next) => (next.edges as usize, next.residuals as usize, next.shapes as usize),
            None => (self.edges.len(), self.residuals.len(), self.shapes.len()),
        }
    }

    /// The op of node `i`.
    #[inline(always)]
    pub(crate) fn op(&self, i: usize) -> AnyOp<'_, T> {
        match self.nodes[i].op {
            NodeOp::Leaf(slot) => AnyOp::Leaf(slot),
            NodeOp::Small(op) => AnyOp::Small(op),
            NodeOp::Large(place) => AnyOp::Large(&self.large[place as usize]),
        }
    }

    /// Records an op, but for its lists.
    #[inline]
    pub(crate) fn push_op(
        &mut self,
        op: impl Stored<T>,
        at: &'static Location<'static>,
        saves: Saves,
        residuals: u32,
        scope: u32,
    ) -> u32 {
        let op = op.store(&mut self.large);
        self.push(op, at, saves, residuals, scope)
    }

    /// A parameter or an input.
    pub(crate) fn push_leaf(&mut self, slot: Option<SlotId>, shape: Shape, at: &'static Location<'static>) -> u32 {
        let residuals = self.residuals.len() as u32;
        let leaf = self.push(NodeOp::Leaf(slot), at, Saves::NOTHING, residuals, NONE);
        self.push_shapes(&[shape]);
        leaf
    }

    #[inline]
    pub(crate) fn push_shapes(&mut self, shapes: &[Shape]) {
        if shapes.iter().any(|shape| shape.rank() > 0) {
            self.shapes.extend_from_slice(shapes);
        }
    }

    /// Remembers that a segment uses this parameter.
    pub(crate) fn note(&mut self, leaf: u32) {
        if !self.noted.contains(&leaf) {
            self.noted.push(leaf);
        }
    }

    pub(crate) fn push_scope(&mut self, parent: u32, name: &str) -> u32 {
        let start = self.labels.len() as u32;
        self.labels.push_str(name);
        self.scopes.push(Scope { parent, label: [start, self.labels.len() as u32] });
        self.scopes.len() as u32 - 1
    }

    pub(crate) fn label(&self, scope: Scope) -> &str {
        &self.labels[scope.label[0] as usize..scope.label[1] as usize]
    }

    /// The names of a scope and of those that it lies in, outermost first, with dots between.
    pub(crate) fn path(&self, scope: u32) -> String {
        let Some(&found) = self.scopes.get(scope as usize) else { return String::new() };
        let outer = self.path(found.parent);
        if outer.is_empty() { self.label(found).into() } else { format!("{outer}.{}", self.label(found)) }
    }

    /// Edges, residuals and shapes of node `i`.
    #[inline(always)]
    pub(crate) fn lists(&self, i: usize) -> (&[u32], &[Tensor<T>], &[Shape]) {
        let (node, ends) = (&self.nodes[i], self.ends(i));
        // A sweep shortens the list of residuals as it passes, so the end is not beyond it.
        let residuals = self.residuals.len().min(ends.1);
        (
            &self.edges[node.edges as usize..ends.0],
            &self.residuals[node.residuals as usize..residuals],
            &self.shapes[node.shapes as usize..ends.2],
        )
    }

    /// The shape of the result of node `i`.
    pub(crate) fn shape(&self, i: usize) -> Shape {
        let (edges, _, shapes) = self.lists(i);
        let scalars: SmallVec<[Shape; 3]> = smallvec![Shape::SCALAR; edges.len().max(1)];
        let shape = self.op(i).shape(if shapes.is_empty() { &scalars } else { shapes });
        shape.expect("the op was recorded with these shapes")
    }

    /// Keeps the operands that a rule asked for, and says where they begin.
    #[inline]
    pub(crate) fn save_operands(&mut self, saves: Saves, x: &[Tensor<T>]) -> u32 {
        let start = self.residuals.len() as u32;
        for (i, operand) in x.iter().enumerate() {
            if saves.has_operand(i) {
                self.residuals.push(operand.clone());
            }
        }
        start
    }

    pub(crate) fn push(
        &mut self,
        op: NodeOp,
        at: &'static Location<'static>,
        saves: Saves,
        residuals: u32,
        scope: u32,
    ) -> u32 {
        let id = u32::try_from(self.nodes.len()).expect("a tape has fewer than 2³² nodes");
        let (edges, shapes) = (self.edges.len() as u32, self.shapes.len() as u32);
        self.nodes.push(Node { op, at, saves, edges, residuals, shapes, scope });
        id
    }

    /// A node whose operands are x, which it keeps, and the parameters that have been noted.
    pub(crate) fn push_kept(
        &mut self,
        op: Large<T>,
        x: (u32, Tensor<T>),
        at: &'static Location<'static>,
        scope: u32,
    ) -> u32 {
        let (id, value) = x;
        let residuals = self.residuals.len() as u32;
        let op = store_large(op, &mut self.large);
        let node = self.push(op, at, Saves::operand(0), residuals, scope);
        self.shapes.push(value.shape());
        self.residuals.push(value);
        self.edges.push(id);
        for i in 0..self.noted.len() {
            let leaf = self.noted[i];
            let shape = self.lists(leaf as usize).2.first().copied().unwrap_or(Shape::SCALAR);
            self.edges.push(leaf);
            self.shapes.push(shape);
        }
        node
    }

    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.large.clear();
        self.edges.clear();
        self.residuals.clear();
        self.shapes.clear();
        self.leaves.clear();
        self.scopes.clear();
        self.labels.clear();
        self.noted.clear();
        self.cotangents.clear();
    }

    /// Bytes of the lists, as they have grown.
    pub(crate) fn bytes(&self) -> usize {
        let indices: usize = [&self.edges, &self.leaves, &self.noted].map(list_bytes).into_iter().sum();
        let tensors = list_bytes(&self.residuals) + list_bytes(&self.cotangents);
        let of_nodes = list_bytes(&self.nodes) + list_bytes(&self.large) + list_bytes(&self.shapes);
        indices + tensors + of_nodes + list_bytes(&self.scopes) + self.labels.capacity()
    }
}
