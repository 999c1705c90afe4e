//! Chapter 3.

use super::{expect, expect_close};
use crate::ch03::{Node, Node::Add, Node::Leaf, gradient_of_shared, naive, order, overwrite};

/// b = a + a, c = b + b, … `times` times.
fn doubled(times: usize) -> Vec<Node> {
    [Leaf].into_iter().chain((0..times).map(|i| Add(i, i))).collect()
}

#[test]
fn naive_visits_each_node_once() {
    let (gradient, visits) = naive(&doubled(2), 2);
    let why = "Three nodes, three visits: pass a node when all of its uses have been passed.";
    expect("ch03::naive", "b = a + a, c = b + b: gradients, visits", (gradient, visits), (vec![4.0, 2.0, 1.0], 3), why);
}

#[test]
fn naive_visits_no_node_that_is_not_used() {
    let nodes = [Leaf, Leaf, Add(0, 0), Add(2, 2), Add(1, 1)];
    let why = "From node 3 the ways lead to nodes 2 and 0; the others are of another graph.";
    let expected = (vec![4.0, 0.0, 2.0, 1.0, 0.0], 3);
    expect("ch03::naive", format!("{nodes:?}, from node 3: gradients, visits"), naive(&nodes, 3), expected, why);
}

#[test]
fn naive_is_fast_where_paths_are_many() {
    let (gradient, visits) = naive(&doubled(16), 16);
    let why = "There are 2¹⁶ paths from the end to the leaf, but only 17 nodes.";
    expect("ch03::naive", "sixteen doublings: gradient of the leaf, visits", (gradient[0], visits), (65536.0, 17), why);
}

#[test]
fn order_puts_each_node_after_its_uses() {
    // Not in the order of a tape: the end is node 0.
    let nodes = [Add(2, 3), Leaf, Add(1, 1), Add(2, 1)];
    let found = order(&nodes);
    let mut all = found.clone();
    all.sort_unstable();
    expect("ch03::order", format!("{nodes:?}, sorted"), all, vec![0, 1, 2, 3], "Each node stands in it once.");
    let place = |i: usize| found.iter().position(|&j| j == i).unwrap_or(usize::MAX);
    for (user, node) in nodes.iter().enumerate() {
        let Add(x, y) = *node else { continue };
        let before = [x, y].into_iter().filter(|&operand| place(operand) <= place(user)).collect::<Vec<_>>();
        let why = format!("Node {user} uses {x} and {y}, and has to stand before them. In {found:?} it does not.");
        expect("ch03::order", format!("{nodes:?}; operands of {user} that stand before it"), before, vec![], &why);
    }
}

#[test]
fn order_does_not_recurse() {
    let nodes: Vec<Node> = doubled(200_000);
    let why = "Every node once, the last one first.";
    let found = order(&nodes);
    expect("ch03::order", "200,000 doublings: length, first", (found.len(), found[0]), (200_001, 200_000), why);
}

#[test]
fn overwrite_adds() {
    let nodes = [Leaf, Leaf, Add(0, 1), Add(2, 0), Add(3, 3)];
    let why = "A node that is used twice has two contributions.";
    expect("ch03::overwrite", format!("{nodes:?}"), overwrite(&nodes), vec![4.0, 2.0, 2.0, 2.0, 1.0], why);
}

#[test]
fn gradient_of_shared_is_the_sum() {
    // f = x · y · z.
    let gradient = |x: &[f64]| vec![x[1] * x[2], x[0] * x[2], x[0] * x[1]];
    let received = gradient_of_shared(gradient, 3, 2.0);
    expect_close(
        "ch03::gradient_of_shared",
        "f(x, y, z) = xyz with w = 2 in all places",
        received,
        12.0,
        "d w³/dw = 3w².",
    );
}
