//! Shapes that do not fit, axes and indices out of range.

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Kind, Params, Shape, Tape, Tensor, Var};

use crate::said;

#[test]
fn numbers_by_numbers() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let mut rng = StdRng::seed_from_u64(0);
    assert_snapshot!(said(|| x(&[2, 3]) + x(&[2, 4])), @"add([2, 3], [2, 4]): axis 1 has lengths 3 and 4, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]) - &x(&[3, 3])), @"sub([2, 3], [3, 3]): axis 0 has lengths 2 and 3, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| &x(&[2, 3]) * x(&[2])), @"mul([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| &x(&[5, 2, 3]) / &x(&[4, 1, 3])), @"div([5, 2, 3], [4, 1, 3]): axis 0 has lengths 5 and 4, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).greater(x(&[2]))), @"greater([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).less(x(&[2]))), @"less([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).equal(x(&[2]))), @"equal([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).maximum(x(&[2]))), @"maximum([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).minimum(x(&[2]))), @"minimum([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2]).choose(x(&[3]), x(&[4]))), @"choose([2], [3], [4]): axis 0 has lengths 3 and 4, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).choose(x(&[2]), 0.0)), @"choose([2, 3], [2], []): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).dropout(1.0, &mut rng)), @"dropout: a probability of 1 is not in 0 ≤ p < 1");
    assert_snapshot!(said(|| x(&[2, 3]).item()), @"item() takes a tensor of one number, found shape [2, 3]");
}

#[test]
fn layouts() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[2, 3]).reshape([4, 2])), @"reshape([2, 3]): [2, 3] holds 6 numbers, [4, 2] holds 8");
    assert_snapshot!(said(|| x(&[2, 3]).reshape([6, 1, 1, 1, 1, 1, 1])), @"a shape has at most 6 axes, found 7: [6, 1, 1, 1, 1, 1, 1]");
    assert_snapshot!(said(|| x(&[]).flatten()), @"flatten: a number has no axis to keep");
    assert_snapshot!(said(|| x(&[3]).transpose()), @"transpose: needs two axes, found shape [3]");
    assert_snapshot!(said(|| x(&[2, 3]).permute(&[0, 0])), @"permute([2, 3]): the order [0, 0] is not a permutation of 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).permute(&[1, 2])), @"permute([2, 3]): the order [1, 2] is not a permutation of 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).slice(2, 0, 1)), @"slice([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).slice(1, 2, 2)), @"slice([2, 3]): places 2..4 of axis 1, which has 3");
    assert_snapshot!(said(|| x(&[2, 3]).slice(1, 2, usize::MAX)), @"slice([2, 3]): places 2..18446744073709551615 of axis 1, which has 3");
    assert_snapshot!(said(|| x(&[2, 3]).pad(2, 0, 1)), @"pad([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).pad(1, 1, usize::MAX)), @"pad([2, 3]): axis 1 would have 18446744073709551615 places, of at most 4294967295");
    assert_snapshot!(said(|| Var::concat(1, [x(&[2, 3]), x(&[3, 3])])), @"concat([2, 3], [3, 3]): [3, 3] and [2, 3] differ in an axis other than 1");
    assert_snapshot!(said(|| Var::concat(2, [x(&[2, 3]), x(&[2, 3])])), @"concat([2, 3], [2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| Var::<f64>::concat(0, [])), @"concat: no operands");
    assert_snapshot!(said(|| Var::stack(1, [x(&[2, 3]), x(&[3, 3])])), @"stack([2, 3], [3, 3]): operand 1 has another shape than operand 0");
    assert_snapshot!(said(|| Var::stack(3, [x(&[2, 3]), x(&[2, 3])])), @"stack([2, 3]): axis 3 is out of range for 3 axes");
    assert_snapshot!(said(|| Var::<f64>::stack(0, [])), @"stack: no operands");
    assert_snapshot!(said(|| x(&[2, 3]).split(2, [1, 1])), @"split([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).split(1, [1, 1])), @"split([2, 3]): lengths [1, 1] make 2, axis 1 has 3");
    assert_snapshot!(said(|| x(&[2, 3]).split(1, [4, usize::MAX])), @"split([2, 3]): lengths [4, 18446744073709551615] make 18446744073709551615, axis 1 has 3");
}

#[test]
fn products() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[2, 3]).matmul(x(&[4, 5]))), @"matmul([2, 3], [4, 5]): axis 1 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| x(&[7, 2, 3]).matmul(x(&[6, 3, 5]))), @"matmul([7, 2, 3], [6, 3, 5]): axis 0 of the batch has lengths 7 and 6");
    assert_snapshot!(said(|| x(&[7, 2, 3]).matmul(x(&[4, 5]))), @"matmul([7, 2, 3], [4, 5]): axis 2 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| x(&[7, 2, 3]).matmul_transposed(x(&[5, 4]))), @"matmul([7, 2, 3], [5, 4]): axis 2 of the left has length 3, axis 1 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| x(&[3]).matmul(x(&[3, 5]))), @"matmul([3], [3, 5]): both need the same number of axes, at least 2, found 1 and 2");
}

#[test]
fn reductions() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[2, 3]).sum_to([2, 2])), @"sum_to([2, 3]): [2, 2] does not broadcast to [2, 3], so it cannot be summed back");
    assert_snapshot!(said(|| x(&[2, 3]).broadcast_to([3, 2])), @"broadcast_to([2, 3]): [2, 3] does not broadcast to [3, 2]");
    assert_snapshot!(said(|| x(&[2, 3]).sum_axes(&[2])), @"sum_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).mean_axes(&[0, 2])), @"mean_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).variance_axes(&[2])), @"variance_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).norm_axes(&[2])), @"norm_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).max_axes(&[2])), @"max_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 0]).max_axes(&[1])), @"max_axes([2, 0]): axes [1] have no place to choose from");
    assert_snapshot!(said(|| x(&[2, 3]).min_axes(&[2])), @"min_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 0]).min_axes(&[0, 1])), @"min_axes([2, 0]): axes [0, 1] have no place to choose from");
    assert_snapshot!(said(|| x(&[2, 0]).arg_max()), @"arg_max([2, 0]): there is no last axis with a place");
    assert_snapshot!(said(|| x(&[]).log_sum_exp(&[0])), @"log_sum_exp([]): axis 0 is out of range for 0 axes");
    assert_snapshot!(said(|| x(&[2, 3]).log_sum_exp_composed(&[2])), @"log_sum_exp_composed([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[]).softmax()), @"softmax: a number has no last axis");
    assert_snapshot!(said(|| x(&[]).log_softmax()), @"log_softmax: a number has no last axis");
}

#[test]
fn indices() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let row = |index: &[f64]| tape.constant(Tensor::new([index.len()], index.to_vec()));
    let column = |index: &[f64]| row(index).reshape([index.len(), 1]);
    assert_snapshot!(said(|| x(&[2, 3]).gather(2, column(&[0.0]))), @"gather([2, 3], [1, 1]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).gather(0, row(&[0.0]))), @"gather([2, 3], [1]): along axes other than 0, the index is as long as [2, 3], or has length 1, found [1]");
    assert_snapshot!(said(|| x(&[2, 3]).gather(1, column(&[0.0, 0.0, 1.0]))), @"gather([2, 3], [3, 1]): along axes other than 1, the index is as long as [2, 3], or has length 1, found [3, 1]");
    assert_snapshot!(said(|| x(&[2, 3]).gather(0, column(&[0.0, 2.0]))), @"gather([2, 3], [2, 1]): index 2, at place 1, is not in 0..2, the range of the axis");
    assert_snapshot!(said(|| x(&[2, 3]).scatter_add(2, column(&[0.0]), 4)), @"scatter_add([2, 3], [1, 1]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).scatter_add(0, column(&[0.0]), 4)), @"scatter_add([2, 3], [1, 1]): axis 0 has 2 numbers, but the index 1");
    assert_snapshot!(said(|| x(&[2, 3]).scatter_add(0, column(&[f64::NAN, 1.0]), 4)), @"scatter_add([2, 3], [2, 1]): index NaN, at place 0, is not in 0..4, the range of the axis");
    assert_snapshot!(said(|| x(&[2, 3]).scatter_add(0, column(&[0.0, 1.0]), usize::MAX)), @"scatter_add([2, 3], [2, 1]): axis 0 would have 18446744073709551615 places, of at most 4294967295");
    assert_snapshot!(said(|| x(&[]).embedding(row(&[0.0]))), @"embedding: a number has no rows");
    assert_snapshot!(said(|| x(&[2, 3]).embedding(row(&[0.0, 2.0]))), @"embedding([2, 3], [2]): index 2, at place 1, is not in 0..2, the range of the axis");
    assert_snapshot!(said(|| x(&[2, 1, 1, 1, 3]).embedding(x(&[7, 1, 1]))), @"a shape has at most 6 axes, found 7: [7, 1, 1], then [1, 1, 1, 3]");
    assert_snapshot!(said(|| row(&[0.0, 3.0]).one_hot(3)), @"one_hot([2]): index 3, at place 1, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| x(&[1; 6]).one_hot(3)), @"a shape has at most 6 axes, found 7: [1, 1, 1, 1, 1, 1], then [1]");
    assert_snapshot!(said(|| x(&[2, 3]).pick(row(&[0.0]))), @"pick([2, 3], [1]): an index of shape [1] does not pick from the last axis of [2, 3]");
    assert_snapshot!(said(|| x(&[2, 3]).pick(row(&[0.0, -1.0]))), @"pick([2, 3], [2]): index -1, at place 1, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| x(&[]).cross_entropy(row(&[0.0]))), @"cross_entropy: a number has no last axis");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(row(&[0.0]))), @"cross_entropy([2, 3], [1]): an index of shape [1] does not pick from the last axis of [2, 3]");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(row(&[0.5, 1.0]))), @"cross_entropy([2, 3], [2]): index 0.5, at place 0, is not in 0..3, the range of the axis");
}

#[test]
fn shapes_and_tensors() {
    assert_snapshot!(said(|| Shape::from([1; 7])), @"a shape has at most 6 axes, found 7: [1, 1, 1, 1, 1, 1, 1]");
    assert_snapshot!(said(|| Shape::from([usize::MAX])), @"an axis has at most 4294967295 places, found 18446744073709551615");
    assert_snapshot!(said(|| Shape::from([2, 3])[2]), @"index out of bounds: the len is 2 but the index is 2");
    assert_snapshot!(said(|| Shape::from([2, 3]).with(2, 1)), @"axis 2 of a shape with 2 axes");
    assert_snapshot!(said(|| Shape::from([2, 3]).with(1, usize::MAX)), @"an axis has at most 4294967295 places, found 18446744073709551615");
    assert_snapshot!(said(|| Shape::from([2, 3]).join(3, &[1])), @"3 axes of [2, 3], which has 2");
    assert_snapshot!(said(|| Shape::from([2, 3]).join(2, &[1; 5])), @"a shape has at most 6 axes, found 7: [2, 3], then [1, 1, 1, 1, 1]");
    assert_snapshot!(said(|| Shape::from([1; 6]).batched(2)), @"a batch of [1, 1, 1, 1, 1, 1] would have more than 6 axes");
    assert_snapshot!(said(|| Shape::SCALAR.example()), @"a number has no axis for a batch");
    assert_snapshot!(said(|| Tensor::new([2], vec![1.0])), @"a tensor of shape [2] holds 2 numbers, found 1");
    assert_snapshot!(said(|| Tensor::new([2], vec![1.0; 2]).reshape([3])), @"reshape from [2] to [3]: 2 numbers against 3");
    assert_snapshot!(said(|| Tensor::new([2], vec![1.0; 2]).item()), @"item() takes a tensor of one number, found shape [2]");
    assert_snapshot!(said(|| Tensor::<f64>::zeros([1; 7])), @"a shape has at most 6 axes, found 7: [1, 1, 1, 1, 1, 1, 1]");
    assert_snapshot!(said(|| Tensor::full([usize::MAX], 1.0)), @"an axis has at most 4294967295 places, found 18446744073709551615");
    assert_snapshot!(said(|| Tensor::<f64>::build([1; 7], Kind::Activation, |_| ())), @"a shape has at most 6 axes, found 7: [1, 1, 1, 1, 1, 1, 1]");
}
