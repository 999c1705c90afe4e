//! Chapter 9: where the bytes go.

/// The bytes of a training step in `f32` that are per parameter or per example.
///
/// Each of `parameters` stored numbers has a gradient, and the optimizer keeps `moments` numbers for it: 0, 1 or 2. For
/// the sweep `kept` numbers are kept for each of `batch` examples.
pub fn step_bytes(parameters: usize, moments: usize, kept: usize, batch: usize) -> usize {
    todo!("ch09::step_bytes")
}

/// An op with one operand x and the result z, each number by itself but for `Sum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// z = −x
    Neg,
    /// z = eˣ
    Exp,
    /// z = ln x
    Ln,
    /// z = √x
    Sqrt,
    /// z = x²
    Square,
    /// z = 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// z = Σ x
    Sum,
    /// z = |x|
    Abs,
}

/// What a node keeps for its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The cotangent z̄ is enough.
    Nothing,
    /// x is needed.
    Operand,
    /// z is needed.
    Result,
}

/// What a node of this op keeps: nothing if that is enough; the result where x̄ follows from it and z̄ by arithmetic
/// alone, without a logarithm or a root; else the operand.
pub fn keeps(op: Op) -> Keeps {
    todo!("ch09::keeps")
}

/// The tensors at the peak of a step through a chain of n layers in segments of `each`, the last one perhaps shorter: the
/// inputs of all segments, and the inside of the longest one.
pub fn peak(n: usize, each: usize) -> usize {
    todo!("ch09::peak")
}

/// The length of a segment, from 1 to n, with the lowest [`peak`]; of several, the shortest.
pub fn best_segment(n: usize) -> usize {
    todo!("ch09::best_segment")
}

/// A node of a tape, with the results of others named by their places in the list.
#[derive(Clone, Debug)]
pub struct Node {
    /// Bytes of its result.
    pub bytes: usize,
    /// The nodes whose results it reads, all before it.
    pub operands: Vec<usize>,
    /// The nodes whose results it keeps for its rule: some operands, perhaps itself.
    pub keeps: Vec<usize>,
}

/// Bytes of results that are live: first after each op of the forward pass, in order, then after each rule of the sweep,
/// from the last node to the first.
///
/// In the forward pass a result is live from its op on, while an op that is still to come reads it, or an op that has
/// run keeps it; the last node's result is live to the end of the forward pass. A rule, once it has run, keeps nothing
/// any more. Cotangents are not counted, and a result that two nodes keep counts once.
pub fn live_bytes(nodes: &[Node]) -> Vec<usize> {
    todo!("ch09::live_bytes")
}
