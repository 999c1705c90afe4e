//! Chapter 9: where the bytes go.

pub fn step_bytes(parameters: usize, moments: usize, kept: usize, batch: usize) -> usize {
    4 * (parameters * (2 + moments) + kept * batch)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Neg,
    Exp,
    Ln,
    Sqrt,
    Square,
    Sigmoid,
    Sum,
    Abs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    Nothing,
    Operand,
    Result,
}

pub fn keeps(op: Op) -> Keeps {
    match op {
        // x̄ = −z̄, and x̄ = z̄ everywhere.
        Op::Neg | Op::Sum => Keeps::Nothing,
        // x̄ = z̄ · z, z̄ / (2z), z̄ · z · (1 − z).
        Op::Exp | Op::Sqrt | Op::Sigmoid => Keeps::Result,
        // x̄ = z̄ / x, z̄ · 2x, z̄ · sign x: of the last two, z has lost the sign.
        Op::Ln | Op::Square | Op::Abs => Keeps::Operand,
    }
}

pub fn peak(n: usize, each: usize) -> usize {
    n.div_ceil(each) + each.min(n)
}

pub fn best_segment(n: usize) -> usize {
    (1..=n).min_by_key(|&each| peak(n, each)).expect("a chain has a layer")
}

#[derive(Clone, Debug)]
pub struct Node {
    pub bytes: usize,
    pub operands: Vec<usize>,
    pub keeps: Vec<usize>,
}

pub fn live_bytes(nodes: &[Node]) -> Vec<usize> {
    let n = nodes.len();
    // With the first `run` ops done, and the rules of nodes from `holding` on.
    let live = |run: usize, holding: usize, in_sweep: bool| {
        let alive = |i: usize| {
            let kept = nodes[..holding].iter().any(|node| node.keeps.contains(&i));
            let read = nodes[run..].iter().any(|node| node.operands.contains(&i));
            i < run && (kept || read || (!in_sweep && i + 1 == n))
        };
        (0..n).filter(|&i| alive(i)).map(|i| nodes[i].bytes).sum()
    };
    let forward = (1..=n).map(|run| live(run, run, false));
    forward.chain((0..n).rev().map(|holding| live(n, holding, true))).collect()
}
