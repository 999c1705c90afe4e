//! Variables of another tape, sweeps that cannot be, tapes that are spent.

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Conv, Params, Segment, Tape, Tensor, Var};
use tandem::nn::{Init, Layer, Linear, Mode, Sequential};

use crate::{panic_of, said};

#[test]
fn variables_of_another_tape() {
    let mut params = Params::<f64>::new();
    let linear = Linear::new(&mut params, "linear", [3, 2], Init::He, &mut StdRng::seed_from_u64(0));
    let mut net = Sequential::new();
    net.push("linear", linear);
    let segment = Segment::new(|_, x| x.exp());
    let (tape, other) = (Tape::new(&params), Tape::new(&params));
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let y = |shape: &[usize]| other.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[2]) + y(&[2])), @"add: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2]).greater(y(&[2]))), @"greater: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2]).maximum(y(&[2]))), @"maximum: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2]).choose(0.0, y(&[2]))), @"choose: operand 2, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[7, 2, 2]).matmul(y(&[2, 2]))), @"matmul: operand 1, of shape [2, 2], is a variable of another tape");
    assert_snapshot!(said(|| Var::concat(0, [x(&[2]), y(&[2])])), @"concat: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| Var::stack(0, [x(&[2]), y(&[2])])), @"stack: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2, 3]).gather(0, y(&[1, 1]))), @"gather: operand 1, of shape [1, 1], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2, 3]).scatter_add(1, y(&[1, 3]), 1)), @"scatter_add: operand 1, of shape [1, 3], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2, 3]).embedding(y(&[2]))), @"embedding: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2, 3]).pick(y(&[2]))), @"pick: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(y(&[2]))), @"cross_entropy: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| x(&[1, 3, 3, 1]).conv(y(&[2, 2, 1, 1]), Conv::default())), @"conv: operand 1, of shape [2, 2, 1, 1], is a variable of another tape");
    assert_snapshot!(said(|| x(&[1, 2, 2, 1]).conv_transpose(y(&[2, 2, 1, 1]), Conv::default(), [3, 3])), @"conv_transpose: operand 1, of shape [2, 2, 1, 1], is a variable of another tape");
    assert_snapshot!(said(|| x(&[1, 3, 1]).conv1d(y(&[2, 1, 1]), Conv::default())), @"conv1d: operand 1, of shape [2, 1, 1], is a variable of another tape");
    assert_snapshot!(said(|| tape.grad(&y(&[]), [&x(&[])])), @"grad(): output 0 is a variable of another tape");
    assert_snapshot!(said(|| tape.grad(&x(&[]), [&y(&[])])), @"grad(): input 0 is a variable of another tape");
    assert_snapshot!(said(|| tape.grad_with(&[(&x(&[]), &y(&[]))], &[&x(&[])])), @"grad(): cotangent 0 is a variable of another tape");
    assert_snapshot!(said(|| tape.explain(&y(&[]))), @"explain(): the variable is of another tape");
    assert_snapshot!(said(|| tape.explain_in(&x(&[]), &y(&[]))), @"explain(): the output is a variable of another tape");
    assert_snapshot!(said(|| tape.path(&y(&[]))), @"path(): the variable is of another tape");
    assert_snapshot!(said(|| tape.checkpoint(&segment, y(&[2]))), @"checkpoint(): the input is a variable of another tape");
    assert_snapshot!(said(|| linear.forward(&tape, y(&[2, 3]), Mode::Eval)), @"matmul: operand 1, of shape [3, 2], is a variable of another tape");
    assert_snapshot!(said(|| net.forward(&tape, y(&[2, 3]), Mode::Eval)), @"forward(): x is a variable of another tape");
    let foreign = y(&[]);
    assert_snapshot!(said(|| x(&[]).backward().wrt(&foreign).is_some()), @"wrt(): the variable is of another tape than these gradients");
}

#[test]
fn sweeps_that_cannot_be() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    assert_snapshot!(said(|| tape.explain(&tape.constant(1.0))), @"explain(): nothing has been recorded");
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let one = tape.constant(1.0);
    assert_snapshot!(said(|| x(&[2]).backward()), @"backward() starts from a single number, found shape [2]: sum it, or give a seed with backward_with()");
    assert_snapshot!(said(|| x(&[2]).backward_with(Tensor::zeros([3]))), @"backward_with(): a seed of shape [3] for a variable of shape [2]");
    assert_snapshot!(said(|| tape.grad(&x(&[]), [&x(&[]), &one])), @"grad(): input 1 is a constant; make it with Tape::input or Tape::param");
    assert_snapshot!(said(|| tape.grad_with(&[(&x(&[]), &one), (&x(&[2]), &one)], &[&x(&[])])), @"grad(): a cotangent of shape [] for output 1, of shape [2]");
    assert_snapshot!(said(|| tape.explain_in(&x(&[]), &one)), @"explain(): the output is a constant");
    // In a segment, the line is the segment's.
    let wrong = Segment::new(|_, x| x.reshape([7]));
    let (message, (file, line)) = panic_of(|| tape.checkpoint(&wrong, x(&[2])));
    assert_eq!((&*message, &*file, line), ("reshape([2]): [2] holds 2 numbers, [7] holds 7", file!(), line!() - 2));
}

#[test]
fn tapes_that_are_spent() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", Tensor::zeros([2, 3]));
    let linear = Linear::new(&mut params, "linear", [3, 2], Init::He, &mut StdRng::seed_from_u64(0));
    let mut net = Sequential::new();
    net.push("linear", linear);
    let segment = Segment::new(|_, x| x.exp());
    let tape = Tape::new(&params);
    let x = tape.param(w) * 2.0;
    x.clone().sum().backward();
    assert_snapshot!(said(|| x.clone() * 2.0), @"scale: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.param(w)), @"param: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.input(1.0)), @"input: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| x.clone().backward_with(Tensor::zeros([2, 3]))), @"backward(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.grad(&x, [&x])), @"grad(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.explain(&x)), @"explain(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.explain_in(&x, &x)), @"explain(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.checkpoint(&segment, x.clone())), @"checkpoint(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| net.forward(&tape, x.clone(), Mode::Eval)), @"forward(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
}
