//! How large things are: boxes of nodes, ops with the leaves beside them, labels.

use super::element::text_width;
use super::outline::{Home, Look, Node, Outline};
use super::rows::Extent;

/// Size of most text, and of labels.
pub const TEXT: f64 = 12.0;
pub const SMALL: f64 = 10.5;
/// Height of a box with one line, and of each further line.
const BOX: f64 = 18.0;
pub const LINE: f64 = 13.0;
/// Height of the box of an op that is only bookkeeping.
const LOW: f64 = 14.0;
/// Between what stands side by side.
pub const BETWEEN: f64 = 16.0;
/// From an arrow to its label.
pub const ASIDE: f64 = 6.0;
/// Between arrows that come into an op from above, and from the side, where each has its label.
pub const PORT: f64 = 16.0;
const STRIP: f64 = 15.0;
/// Between leaves that stand one below the other beside an op.
const APART: f64 = 6.0;

/// The sides of an op on which leaves stand.
pub const SIDES: [Home; 2] = [Home::Left, Home::Right];

/// A node's box, and how far it reaches with the leaves beside it, from the middle of the box.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block {
    pub width: f64,
    pub height: f64,
    pub extent: Extent,
}

/// A leaf beside an op.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    pub leaf: usize,
    /// How many operands of the op it is: each has an arrow.
    pub arrows: usize,
    /// Top and height of its box, from the op's upper edge.
    pub top: f64,
    pub height: f64,
}

impl Beside {
    /// Where an arrow leaves, from the op's upper edge: in the middle, or each below its label.
    pub fn arrow(&self, which: usize) -> f64 {
        let middle = self.top + self.height / 2.0;
        let last = self.arrows as f64 - 1.0;
        middle + if self.arrows > 1 { (which as f64 - last / 2.0) * STRIP + 4.0 } else { 0.0 }
    }
}

/// The sizes of all nodes.
#[derive(Clone, Debug)]
pub struct Sizes {
    pub blocks: Vec<Block>,
    /// By side of an op: the width of leaves, and the length of arrows from them.
    pub sides: [[f64; 2]; 2],
}

/// How wide a label is.
pub fn label_width(node: &Node) -> f64 {
    text_width(&node.label, SMALL)
}

fn box_width(node: &Node) -> f64 {
    let widest = node.lines.iter().map(|line| text_width(line, TEXT)).fold(0.0, f64::max);
    match node.look {
        Look::Bookkeeping => (widest * SMALL / TEXT + 12.0).max(60.0),
        _ => (widest + 16.0).max(36.0),
    }
}

fn box_height(node: &Node) -> f64 {
    match node.look {
        Look::Bookkeeping => LOW,
        _ => BOX + LINE * (node.lines.len() as f64 - 1.0),
    }
}

impl Sizes {
    pub fn new(outline: &Outline) -> Sizes {
        let nodes = &outline.nodes;
        // Beside ops, all leaves are equally wide and all arrows equally long, so that they line up.
        let side = |home: Home| {
            let leaves = || nodes.iter().filter(|node| node.home == home);
            let label = leaves().map(label_width).fold(0.0, f64::max);
            [leaves().map(box_width).fold(0.0, f64::max), label + 2.0 * ASIDE + 6.0]
        };
        let mut sizes = Sizes { blocks: Vec::new(), sides: SIDES.map(side) };
        // So are most ops.
        let widths = nodes.iter().filter(|node| node.look == Look::Op).map(box_width);
        let usual = widths.filter(|width| *width <= 96.0).fold(60.0, f64::max);
        sizes.blocks = (0..nodes.len()).map(|node| sizes.block(outline, node, usual)).collect();
        sizes
    }

    fn block(&self, outline: &Outline, index: usize, usual: f64) -> Block {
        let node = &outline.nodes[index];
        let [mut width, mut height] = [box_width(node), box_height(node)];
        let mut beside = [0.0; 2];
        if node.look == Look::Op {
            width = width.max(usual);
        }
        if !node.is_leaf() {
            let arrivals = node.operands.iter().filter(|&&operand| outline.home(operand).is_some()).count();
            width = width.max(PORT * (arrivals as f64 + 1.0));
        }
        for (side, home) in SIDES.into_iter().enumerate() {
            if let Some(last) = stack(outline, index, home).last() {
                beside[side] = self.sides[side].iter().sum();
                height = height.max(last.top + last.height);
            }
        }
        let left = width / 2.0 + beside[0];
        // The value's label stands below the box, to the right of the middle.
        let right = (width / 2.0 + beside[1]).max(ASIDE + label_width(node));
        Block { width, height, extent: Extent { left, right } }
    }

    /// The leaves on one side of an op, from top to bottom, in the middle of its height.
    pub fn beside(&self, outline: &Outline, op: usize, home: Home) -> Vec<Beside> {
        let mut stack = stack(outline, op, home);
        let height = stack.last().map_or(0.0, |last| last.top + last.height);
        for each in &mut stack {
            each.top += (self.blocks[op].height - height) / 2.0;
        }
        stack
    }
}

/// The leaves on one side of an op, the first at 0.
fn stack(outline: &Outline, op: usize, home: Home) -> Vec<Beside> {
    let mut stack: Vec<Beside> = Vec::new();
    for &leaf in &outline.nodes[op].operands {
        if outline.nodes[leaf].home != home {
            continue;
        }
        match stack.iter_mut().find(|each| each.leaf == leaf) {
            Some(each) => each.arrows += 1,
            None => stack.push(Beside { leaf, arrows: 1, top: 0.0, height: 0.0 }),
        }
    }
    let mut top = 0.0;
    for each in &mut stack {
        each.top = top;
        let strips = if each.arrows > 1 { STRIP * each.arrows as f64 + 3.0 } else { 0.0 };
        each.height = box_height(&outline.nodes[each.leaf]).max(strips);
        top += each.height + APART;
    }
    stack
}
