//! Chapter 9.

use super::expect;
use crate::ch09::{Keeps, Node, Op, best_segment, keeps, live_bytes, peak, step_bytes};

#[test]
fn step_bytes_counts_value_gradient_and_moments() {
    for (moments, expected) in [(0, 8_000), (1, 12_000), (2, 16_000)] {
        let input = format!("1000 parameters, {moments} moments, nothing kept");
        let why = "A number of f32 has 4 bytes: the value, its gradient, and one for each moment.";
        expect("ch09::step_bytes", input, step_bytes(1000, moments, 0, 32), expected, why);
    }
}

#[test]
fn step_bytes_grows_with_the_batch_by_what_is_kept() {
    let input = "31000 parameters, 2 moments, 400 numbers kept for each of 32 examples";
    let why = "Parameters are there once, whatever the batch; what is kept is there for each example.";
    expect("ch09::step_bytes", input, step_bytes(31_000, 2, 400, 32), 547_200, why);
}

#[track_caller]
fn expect_keeps(op: Op, expected: Keeps, rule: &str) {
    expect("ch09::keeps", format!("{op:?}"), keeps(op), expected, &format!("The rule is {rule}."));
}

#[test]
fn keeps_nothing_where_the_cotangent_is_enough() {
    expect_keeps(Op::Neg, Keeps::Nothing, "x̄ = −z̄");
    expect_keeps(Op::Sum, Keeps::Nothing, "x̄ = z̄ at each place: it takes the shape of x, not its numbers");
}

#[test]
fn keeps_the_result_where_it_says_the_slope() {
    expect_keeps(Op::Exp, Keeps::Result, "x̄ = z̄ · z");
    expect_keeps(Op::Sqrt, Keeps::Result, "x̄ = z̄ / (2z)");
    expect_keeps(Op::Sigmoid, Keeps::Result, "x̄ = z̄ · z · (1 − z)");
}

#[test]
fn keeps_the_operand_where_the_result_does_not_say_it() {
    expect_keeps(Op::Ln, Keeps::Operand, "x̄ = z̄ / x; from the result it would take an exponential");
    expect_keeps(Op::Square, Keeps::Operand, "x̄ = z̄ · 2x, and x² has lost the sign of x");
    expect_keeps(Op::Abs, Keeps::Operand, "x̄ = z̄ · sign x, and |x| has lost the sign");
}

#[test]
fn peak_is_inputs_and_one_inside() {
    for (each, expected) in [(1, 65), (8, 16), (64, 65)] {
        let why = "64 / each inputs, and the inside of one segment.";
        expect("ch09::peak", format!("n = 64, each = {each}"), peak(64, each), expected, why);
    }
    expect("ch09::peak", "n = 10, each = 4", peak(10, 4), 7, "4 + 4 + 2 layers: three segments, the longest of 4.");
}

#[test]
fn best_segment_lies_at_the_root() {
    for (n, expected) in [(1, 1), (16, 4), (360, 18), (1000, 28), (1024, 32)] {
        let why = "Among the lengths from 1 to n, the shortest with the lowest peak.";
        expect("ch09::best_segment", format!("n = {n}"), best_segment(n), expected, why);
    }
}

fn node(bytes: usize, operands: &[usize], keeps: &[usize]) -> Node {
    Node { bytes, operands: operands.to_vec(), keeps: keeps.to_vec() }
}

#[test]
fn live_bytes_of_a_chain_that_keeps_nothing() {
    let nodes = [node(100, &[], &[]), node(100, &[0], &[]), node(4, &[1], &[])];
    let why = "A result goes when the last op that reads it has run, if nobody keeps it.";
    let input = "100 bytes → 100 bytes → a number, nothing kept";
    expect("ch09::live_bytes", input, live_bytes(&nodes), vec![100, 100, 4, 0, 0, 0], why);
}

#[test]
fn live_bytes_of_a_chain_that_keeps_results() {
    let nodes = [node(100, &[], &[]), node(100, &[0], &[1]), node(100, &[1], &[2]), node(4, &[2], &[])];
    let why = "What a node keeps is there until its rule has run; the last result is gone when the sweep begins.";
    let input = "a leaf, tanh, tanh, sum; tanh keeps its result";
    expect("ch09::live_bytes", input, live_bytes(&nodes), vec![100, 100, 200, 204, 200, 100, 0, 0], why);
}

#[test]
fn live_bytes_counts_what_two_nodes_keep_once() {
    let nodes = [node(10, &[], &[]), node(10, &[0], &[1]), node(10, &[], &[]), node(10, &[1, 2], &[1, 2])];
    let why = "relu keeps its result, and the product keeps it too: a result that two nodes keep is still one tensor.";
    let input = "x, z = relu x, y, z · y";
    expect("ch09::live_bytes", input, live_bytes(&nodes), vec![10, 10, 20, 30, 10, 10, 0, 0], why);
}
