//! Chapter 2.

use super::{expect, expect_all_close, expect_close};
use crate::ch02::{Node, Op, backward, tangent};

fn node(op: Op, operands: [usize; 2], value: f64) -> Node {
    Node { op, operands, value, cotangent: 0.0 }
}

/// (a − b) / b, with a = 3 and b = 2.
fn quotient() -> Vec<Node> {
    let leaf = |value| node(Op::Leaf, [0, 0], value);
    vec![leaf(3.0), leaf(2.0), node(Op::Sub, [0, 1], 1.0), node(Op::Div, [2, 1], 0.5)]
}

#[test]
fn rules_of_two_operands() {
    let why = "The derivative with respect to each operand, times g.";
    expect("ch02::Op::rule", "Sub, x = 3, y = 2, g = 10", Op::Sub.rule([3.0, 2.0], 1.0, 10.0), [10.0, -10.0], why);
    let why = "d(x/y)/dx = 1/y and d(x/y)/dy = −x/y², which is −z/y.";
    expect("ch02::Op::rule", "Div, x = 3, y = 2, g = 10", Op::Div.rule([3.0, 2.0], 1.5, 10.0), [5.0, -7.5], why);
}

#[test]
fn rules_of_one_operand() {
    let why = "The second number is not used: 0.";
    let z = 2.0_f64.exp();
    expect("ch02::Op::rule", "Exp, x = 2, g = 10", Op::Exp.rule([2.0, 2.0], z, 10.0), [10.0 * z, 0.0], why);
    expect("ch02::Op::rule", "Ln, x = 4, g = 10", Op::Ln.rule([4.0, 4.0], 4.0_f64.ln(), 10.0), [2.5, 0.0], why);
}

#[test]
fn the_walk_forward() {
    let why = "A node's tangent is the sum over its operands of the operand's tangent times its slope.";
    expect_close("ch02::tangent", "(a − b)/b at a = 3, b = 2; of a", tangent(&quotient(), 0), 0.5, why);
    expect_close("ch02::tangent", "(a − b)/b at a = 3, b = 2; of b", tangent(&quotient(), 1), -0.75, why);
}

#[test]
fn forward_and_backward_agree() {
    let mut nodes = quotient();
    backward(&mut nodes);
    let forward = [0, 1].map(|leaf| tangent(&nodes, leaf));
    let why = "Two ways to the same derivatives: forward once for each leaf, backward once for all.";
    expect_all_close("ch02::backward", "(a − b)/b", &[nodes[0].cotangent, nodes[1].cotangent], &forward, why);
}

#[test]
fn backward_twice_gives_the_same() {
    // w · w + w at w = 3.
    let mut nodes = vec![node(Op::Leaf, [0, 0], 3.0), node(Op::Mul, [0, 0], 9.0), node(Op::Add, [1, 0], 12.0)];
    backward(&mut nodes);
    let first = nodes[0].cotangent;
    backward(&mut nodes);
    let why = "A sweep starts from nothing: what an earlier one left behind is not a contribution.";
    expect("ch02::backward", "w · w + w at w = 3, called twice", (first, nodes[0].cotangent), (7.0, 7.0), why);
}
