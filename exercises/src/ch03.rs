//! Chapter 3: used twice.
//!
//! All ops here are additions: what is left of differentiation is the question of who adds what when.

/// A node of a graph of additions: a leaf, or the sum of two other nodes. A node is known by its place in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    Leaf,
    Add(usize, usize),
}

/// The gradient of node `end` with respect to every node, and how many nodes were visited on the way.
///
/// This one is wrong: it is the recursion of the chapter, which visits a shared node once for each path to it. Make it visit
/// each node once. In `nodes` operands stand before the nodes that use them.
pub fn naive(nodes: &[Node], end: usize) -> (Vec<f64>, usize) {
    fn visit(nodes: &[Node], i: usize, g: f64, gradient: &mut [f64], visits: &mut usize) {
        *visits += 1;
        gradient[i] += g;
        if let Node::Add(x, y) = nodes[i] {
            visit(nodes, x, g, gradient, visits);
            visit(nodes, y, g, gradient, visits);
        }
    }
    let (mut gradient, mut visits) = (vec![0.0; nodes.len()], 0);
    visit(nodes, end, 1.0, &mut gradient, &mut visits);
    (gradient, visits)
}

/// An order of all nodes in which a sweep is right: every node after all nodes that use it. `nodes` stand in any order.
///
/// One way: count the uses of each node. A node with none left is next; it takes one use from each of its operands. Do it
/// without recursion, for a chain may be long.
pub fn order(nodes: &[Node]) -> Vec<usize> {
    todo!("ch03::order")
}

/// The gradient of the last node with respect to every node. Operands stand before the nodes that use them.
///
/// This one is wrong: it is right as long as nothing is used twice. Mend it.
pub fn overwrite(nodes: &[Node]) -> Vec<f64> {
    let mut gradient = vec![0.0; nodes.len()];
    let Some(end) = gradient.last_mut() else { return gradient };
    *end = 1.0;
    for i in (0..nodes.len()).rev() {
        if let Node::Add(x, y) = nodes[i] {
            gradient[x] = gradient[i];
            gradient[y] = gradient[i];
        }
    }
    gradient
}

/// The derivative of f(w, w, …, w) with respect to w, given the gradient of f with respect to `copies` numbers that may
/// differ.
pub fn gradient_of_shared(gradient_of_copies: impl Fn(&[f64]) -> Vec<f64>, copies: usize, w: f64) -> f64 {
    todo!("ch03::gradient_of_shared")
}
