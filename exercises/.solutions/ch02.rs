//! Chapter 2: the tape.
//!
//! The tape of the chapter, with four more ops. A test writes the nodes down by hand, so that each function can be filled in
//! by itself.

/// An op of the tape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// A value that was given.
    Leaf,
    /// z = x + y
    Add,
    /// z = x · y
    Mul,
    /// z = x − y
    Sub,
    /// z = x / y
    Div,
    /// z = eˣ
    Exp,
    /// z = ln x
    Ln,
}

/// A line of the tape. An op of one operand names it in both places.
#[derive(Clone, Debug)]
pub struct Node {
    pub op: Op,
    pub operands: [usize; 2],
    pub value: f64,
    /// What the sweep has gathered here.
    pub cotangent: f64,
}

impl Op {
    /// The rule: what each operand gets, given the operands x and y, the result z and its cotangent g. What is not used
    /// is 0: the second number of an op of one operand, both of a leaf.
    pub fn rule(self, [x, y]: [f64; 2], z: f64, g: f64) -> [f64; 2] {
        match self {
            Op::Leaf => [0.0, 0.0],
            Op::Add => [g, g],
            Op::Mul => [g * y, g * x],
            Op::Sub => [g, -g],
            Op::Div => [g / y, -g * z / y],
            Op::Exp => [g * z, 0.0],
            Op::Ln => [g / x, 0.0],
        }
    }
}

/// The walk forward: how fast the last node changes with node `leaf`.
///
/// Each node gets a tangent: 1 for the leaf itself, 0 for other leaves, for every other node the sum over its operands of
/// the operand's tangent times the derivative of the node's op with respect to it, which is what [`Op::rule`] gives for
/// g = 1.
pub fn tangent(nodes: &[Node], leaf: usize) -> f64 {
    let mut tangents: Vec<f64> = Vec::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        let x = node.operands.map(|operand| nodes[operand].value);
        let slopes = if node.op == Op::Leaf { [0.0; 2] } else { node.op.rule(x, node.value, 1.0) };
        let from_operands: f64 = node
            .operands
            .iter()
            .zip(slopes)
            .map(|(&x, slope)| if slope == 0.0 { 0.0 } else { tangents[x] * slope })
            .sum();
        tangents.push(if i == leaf { 1.0 } else { from_operands });
    }
    tangents.last().copied().unwrap_or(0.0)
}

/// The derivatives of the last node with respect to all nodes, which it leaves in their cotangents.
pub fn backward(nodes: &mut [Node]) {
    nodes.iter_mut().for_each(|node| node.cotangent = 0.0);
    let Some(last) = nodes.last_mut() else { return };
    last.cotangent += 1.0;
    for i in (0..nodes.len()).rev() {
        let Node { op, operands, value, cotangent } = nodes[i].clone();
        if op == Op::Leaf {
            continue;
        }
        let x = operands.map(|operand| nodes[operand].value);
        for (operand, contribution) in operands.into_iter().zip(op.rule(x, value, cotangent)) {
            nodes[operand].cotangent += contribution;
        }
    }
}
