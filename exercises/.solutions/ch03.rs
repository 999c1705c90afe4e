//! Chapter 3: used twice.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    Leaf,
    Add(usize, usize),
}

/// Operands stand before their uses, so that the list, read backwards, passes each node after all of them.
pub fn naive(nodes: &[Node], end: usize) -> (Vec<f64>, usize) {
    let (mut gradient, mut visits) = (vec![0.0; nodes.len()], 0);
    gradient[end] = 1.0;
    for i in (0..=end).rev().filter(|&i| i == end || nodes[i..=end].iter().any(|node| uses(*node, i))) {
        visits += 1;
        if let Node::Add(x, y) = nodes[i] {
            gradient[x] += gradient[i];
            gradient[y] += gradient[i];
        }
    }
    (gradient, visits)
}

fn uses(node: Node, i: usize) -> bool {
    matches!(node, Node::Add(x, y) if x == i || y == i)
}

pub fn order(nodes: &[Node]) -> Vec<usize> {
    let mut uses = vec![0; nodes.len()];
    for node in nodes {
        if let Node::Add(x, y) = *node {
            uses[x] += 1;
            uses[y] += 1;
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|&i| uses[i] == 0).collect();
    let mut order = Vec::new();
    while let Some(i) = ready.pop() {
        order.push(i);
        if let Node::Add(x, y) = nodes[i] {
            for operand in [x, y] {
                uses[operand] -= 1;
                if uses[operand] == 0 {
                    ready.push(operand);
                }
            }
        }
    }
    order
}

pub fn overwrite(nodes: &[Node]) -> Vec<f64> {
    let mut gradient = vec![0.0; nodes.len()];
    let Some(end) = gradient.last_mut() else { return gradient };
    *end = 1.0;
    for i in (0..nodes.len()).rev() {
        if let Node::Add(x, y) = nodes[i] {
            gradient[x] += gradient[i];
            gradient[y] += gradient[i];
        }
    }
    gradient
}

pub fn gradient_of_shared(gradient_of_copies: impl Fn(&[f64]) -> Vec<f64>, copies: usize, w: f64) -> f64 {
    gradient_of_copies(&vec![w; copies]).iter().sum()
}
