//! Chapter 4.

use tandem::autograd::{Params, Shape, Tape, Tensor};

use super::{expect, expect_all_close, expect_close};
use crate::ch04::{broadcast_shape, conv_transpose, conv1d, gather_adjoint, product_gradients, sum_to};

/// Numbers that are not in any order.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i * 5 % 7) as f64 - 2.0).collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Two shapes, and the one that they meet in.
type Case<'a> = (&'a [usize], &'a [usize], Option<&'a [usize]>);

#[test]
fn broadcast_shape_aligns_at_the_end() {
    let cases: [Case; 4] = [
        (&[4, 3], &[3], Some(&[4, 3])),
        (&[2], &[5, 1], Some(&[5, 2])),
        (&[], &[2, 2], Some(&[2, 2])),
        (&[6, 1, 3], &[2, 1], Some(&[6, 2, 3])),
    ];
    for (x, y, expected) in cases {
        let why = "Compare the last axes, then those before them; what one shape lacks counts as 1.";
        let input = format!("{x:?} and {y:?}");
        expect("ch04::broadcast_shape", input, broadcast_shape(x, y), expected.map(<[usize]>::to_vec), why);
    }
}

#[test]
fn broadcast_shape_refuses_what_does_not_meet() {
    for (x, y) in [(&[4, 3][..], &[4][..]), (&[2, 3], &[3, 3])] {
        let why = "Two lengths that differ, and neither is 1.";
        expect("ch04::broadcast_shape", format!("{x:?} and {y:?}"), broadcast_shape(x, y), None, why);
    }
}

#[test]
fn sum_to_sums_over_what_was_repeated() {
    let x = [1., 2., 3., 4., 5., 6.];
    let cases: [(&[usize], &[f64]); 4] =
        [(&[3], &[5., 7., 9.]), (&[2, 1], &[6., 15.]), (&[1, 3], &[5., 7., 9.]), (&[], &[21.])];
    for (to, expected) in cases {
        let input = format!("1 to 6 of shape [2, 3], to {to:?}");
        let why = "An axis that `to` lacks, or has with length 1, is summed over; the others stay.";
        expect_all_close("ch04::sum_to", input, &sum_to(&x, &[2, 3], to), expected, why);
    }
}

#[test]
fn sum_to_is_the_adjoint_of_broadcasting() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    for (to, from) in [(vec![3], vec![2, 4, 3]), (vec![4, 1], vec![2, 4, 3]), (vec![2, 1, 3], vec![2, 4, 3])] {
        let x = numbers(to.iter().product());
        let y: Vec<f64> = numbers(24).into_iter().rev().collect();
        let repeated = tape.constant(Tensor::new(Shape::new(&to), x.clone())).broadcast_to(Shape::new(&from));
        let expected = dot(repeated.value().data(), &y);
        let input = format!("y of shape {from:?}, to {to:?}; compared are ⟨x, sum_to(y)⟩ and ⟨broadcast x, y⟩");
        let received = dot(&x, &sum_to(&y, &from, &to));
        expect_close("ch04::sum_to", input, received, expected, "Each number goes to the place it was read from.");
    }
}

#[test]
fn product_gradients_agree_with_the_tape() {
    let (x, y, g) = (numbers(4 * 3), numbers(3 * 2), numbers(4 * 2));
    let (of_x, of_y) = product_gradients(&x, &y, &g, [4, 3, 2]);
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = tape.input(Tensor::new([4, 3], x));
    let y = tape.input(Tensor::new([3, 2], y));
    let found = tape.grad_with(&[(&x.clone().matmul(y.clone()), &tape.constant(Tensor::new([4, 2], g)))], &[&x, &y]);
    let input = "x of shape [4, 3], y of shape [3, 2]";
    let why = "x_ik goes into every z_ij of its row, with weight y_kj.";
    expect_all_close("ch04::product_gradients, that of x", input, &of_x, found[0].value().data(), why);
    let why = "y_kj goes into every z_ij of its column, with weight x_ik: the sum is over the rows.";
    expect_all_close("ch04::product_gradients, that of y", input, &of_y, found[1].value().data(), why);
}

#[test]
fn conv_transpose_adds_where_positions_overlap() {
    let why = "Position p has read x from p·stride on; what comes back is added there, times the kernel.";
    let received = conv_transpose(&[1., 10., 100.], &[1., 2., 3.], 2, 7);
    let expected = [1., 2., 13., 20., 130., 200., 300.];
    expect_all_close("ch04::conv_transpose", "g = 1, 10, 100, kernel 1, 2, 3, stride 2", &received, &expected, why);
}

#[test]
fn conv_transpose_is_the_adjoint_of_conv1d() {
    for (len, kernel, stride) in [(9, 3, 1), (9, 3, 2), (10, 3, 2), (11, 2, 4)] {
        let (x, kernel) = (numbers(len), numbers(kernel));
        let z = conv1d(&x, &kernel, stride);
        let y: Vec<f64> = numbers(z.len()).into_iter().rev().collect();
        let input = format!("{len} numbers, kernel {kernel:?}, stride {stride}; compared are ⟨x, Tᵀy⟩ and ⟨Tx, y⟩");
        let received = dot(&x, &conv_transpose(&y, &kernel, stride, len));
        let why = "The result has `len` numbers, also those behind the last position, which are 0.";
        expect("ch04::conv_transpose", &input, conv_transpose(&y, &kernel, stride, len).len(), len, why);
        expect_close("ch04::conv_transpose", &input, received, dot(&z, &y), why);
    }
}

#[test]
fn gather_adjoint_adds_what_was_read_twice() {
    let received = gather_adjoint(&[1., 5., 3.], &[2, 0, 2], 4);
    let why = "Place 2 was read twice: it has two uses, and its gradient is the sum of both contributions.";
    expect_all_close("ch04::gather_adjoint", "g = 1, 5, 3, index 2, 0, 2", &received, &[5., 0., 4., 0.], why);
}
