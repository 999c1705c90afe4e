//! Snapshots of a small tied model, and what a graph must say of any tape.

use insta::assert_snapshot;

use super::text::bytes;
use crate::{Needs, Op, Out, Params, Rule, Saves, Shape, ShapeError, Tape, Tensor, Var};

/// Two models with a layer each, of which the weights are tied; parts that nest, an input, constants.
fn tied_model() -> Params<f32> {
    let mut params = Params::new();
    let [a, b] = ["a.weight", "b.weight"].map(|name| params.add(name, Tensor::zeros([3, 2])));
    params.tie(b, a).unwrap();
    params.add("b.\"bias\"\\\n", Tensor::zeros([2]));
    params
}

fn record<'t>(tape: &'t Tape<'_, f32>) -> Var<'t, f32> {
    let id = |name: &str| tape.params().find(name).unwrap();
    let x = tape.input(Tensor::zeros([5, 3]));
    let a = {
        let _part = tape.enter("a");
        let _layer = tape.enter("layer");
        x.matmul(tape.param(id("a.weight"))).tanh()
    };
    let b = {
        let _part = tape.enter("b \"quoted\"");
        let x = tape.constant(Tensor::zeros([5, 3]));
        x.matmul(tape.param(id("b.weight"))) + tape.param(id("b.\"bias\"\\\n"))
    };
    (a * b).sum()
}

/// The text without the numbers of lines, which change with every edit.
fn without_lines(text: &str) -> String {
    let cut = |line: &str| line.rsplit_once(".rs:").map_or(line.to_string(), |(head, _)| format!("{head}.rs"));
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_text_of_a_tied_model() {
    let params = tied_model();
    let tape = Tape::new(&params);
    let _loss = record(&tape);
    assert_snapshot!(without_lines(&tape.graph().to_string()), @r##"
    0  input, 1 use                           [5, 3] 60 B              crates/autograd/src/graph/tests.rs
    1  parameter a.weight = b.weight, 2 uses  [3, 2] 24 B              crates/autograd/src/graph/tests.rs
       ╭ a
       │ ╭ layer
    2  │ │ matmul(0, 1)                       [5, 2] 40 B  keeps 84 B  crates/autograd/src/graph/tests.rs
    3  │ │ tanh(2)                            [5, 2] 40 B  keeps 40 B  crates/autograd/src/graph/tests.rs
       │ ╰
       ╰
       ╭ b "quoted"
    4  │ matmul(constant, 1)                  [5, 2] 40 B  keeps 60 B  crates/autograd/src/graph/tests.rs
    5  │ parameter b."bias"\\n, 1 use             [2] 8 B              crates/autograd/src/graph/tests.rs
    6  │ add(4, 5)                            [5, 2] 40 B              crates/autograd/src/graph/tests.rs
       ╰
    7  mul(3, 6)                              [5, 2] 40 B  keeps 80 B  crates/autograd/src/graph/tests.rs
    8  sum_to(7)                                   [] 4 B              crates/autograd/src/graph/tests.rs
    "##);
}

#[test]
fn the_line_is_that_of_the_program() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let _z = tape.input(1.0).exp();
    let expected = format!("{}:{}", file!(), line!() - 1);
    let text = tape.graph().to_string();
    assert_eq!(text.lines().filter(|line| line.ends_with(&expected)).count(), 2, "{text}");
}

/// The sum of three numbers: more operands than any op of this crate takes as single numbers.
struct Three;

impl Op<f64> for Three {
    fn name(&self) -> &'static str {
        "three"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Ok([x[0], x[1], x[2]][2])
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::NOTHING
    }
    fn forward(&self, x: &mut [Tensor<f64>], _: Out) -> Tensor<f64> {
        Tensor::scalar(x.iter().map(Tensor::item).sum())
    }
    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, f64>, g: Var<'t, f64>) {
        (0..3).for_each(|i| rule.add(i, g.clone()));
    }
}

#[test]
fn an_op_may_take_any_number_of_single_numbers() {
    let params = Params::new();
    let tape = Tape::new(&params);
    let x = tape.input(1.0);
    let _z = Var::apply_op(Three, [x.clone(), x.clone(), x]);
    let graph = tape.graph();
    assert_eq!(graph.nodes[1].operands.len(), 3);
    assert_eq!(graph.uses(), [vec![1, 1, 1], vec![]]);
}

#[test]
fn bytes_have_three_digits() {
    let table = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10_240, "10.0 KiB"),
        (102_400, "100 KiB"),
        (1_023_487, "999 KiB"),
        (1_023_488, "0.976 MiB"),
        (usize::MAX, "16.0 EiB"),
    ];
    for (n, text) in table {
        assert_eq!(bytes(n), text);
    }
}
