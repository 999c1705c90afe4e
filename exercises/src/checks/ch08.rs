//! Chapter 8.

use tandem::autograd::{Conv, Params, Tape, Tensor};

use super::{expect, expect_all_close, expect_close};
use crate::ch08::{Sharing, convolve, counts, kernel_gradient, tiled, transposed};

type Rows = Vec<Vec<f64>>;

/// Whole numbers that show no pattern.
fn rows(height: usize, width: usize, from: usize) -> Rows {
    let number = |i: usize| (((i + from) * 7919) % 13) as f64 - 6.0;
    (0..height).map(|y| (0..width).map(|x| number(y * width + x)).collect()).collect()
}

fn flat(rows: &[Vec<f64>]) -> Vec<f64> {
    rows.concat()
}

/// ⟨a, b⟩: the sum of the products of numbers in the same place.
fn inner(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    flat(a).iter().zip(flat(b)).map(|(a, b)| a * b).sum()
}

/// Image gradient and kernel gradient, by the library.
fn by_tape(image: &Rows, kernel: &Rows, cotangent: &Rows) -> [Vec<f64>; 2] {
    let params = Params::new();
    let tape = Tape::new(&params);
    let tensor = |rows: &Rows| Tensor::new([rows.len(), rows[0].len()], flat(rows));
    let x = tape.input(tensor(image).reshape([1, image.len(), image[0].len(), 1]));
    let k = tape.input(tensor(kernel).reshape([kernel.len(), kernel[0].len(), 1, 1]));
    let seed = tensor(cotangent).reshape([1, cotangent.len(), cotangent[0].len(), 1]);
    let gradients = x.clone().conv(k.clone(), Conv::default()).backward_with(seed);
    [x, k].map(|leaf| gradients.wrt(&leaf).expect("the result depends on both").data().to_vec())
}

#[test]
fn convolve_finds_an_edge() {
    let image = vec![vec![0.0, 0.0, 5.0, 5.0], vec![0.0, 3.0, 3.0, 3.0]];
    let received = convolve(&image, &[vec![-1.0, 1.0]]);
    let expected = vec![vec![0.0, 5.0, 0.0], vec![3.0, 0.0, 0.0]];
    let why = "Each result is a number minus its left neighbour; there is one column fewer than in the image.";
    expect("ch08::convolve", "image (0 0 5 5; 0 3 3 3), kernel (−1 1)", received, expected, why);
}

#[test]
fn convolve_does_not_turn_the_kernel_round() {
    let mut image = vec![vec![0.0; 5]; 4];
    image[2][2] = 1.0;
    let received = convolve(&image, &[vec![1.0, 2.0], vec![3.0, 4.0]]);
    let expected = vec![vec![0.0; 4], vec![0.0, 4.0, 3.0, 0.0], vec![0.0, 2.0, 1.0, 0.0]];
    let why = "image[y + i][x + j] meets kernel[i][j]: so a single 1 shows the kernel turned round in the result.";
    expect("ch08::convolve", "4 × 5 zeros but for a 1 at (2, 2), kernel (1 2; 3 4)", received, expected, why);
}

#[test]
fn kernel_gradient_sums_over_positions() {
    let image = vec![vec![1.0, 2.0, 4.0, 7.0, 11.0]];
    let received = kernel_gradient(&image, &[vec![1.0, 2.0, 3.0, 4.0]], [1, 2]);
    let why = "Position y contributes z̄[y] · (x[y], x[y + 1]): (1, 2) + (4, 8) + (12, 21) + (28, 44).";
    expect("ch08::kernel_gradient", "x = (1 2 4 7 11), z̄ = (1 2 3 4)", received, vec![vec![45.0, 75.0]], why);
}

#[test]
fn kernel_gradient_is_the_librarys() {
    for [kh, kw] in [[1, 1], [2, 3], [5, 6]] {
        let (image, kernel, cotangent) = (rows(5, 6, 0), rows(kh, kw, 3), rows(6 - kh, 7 - kw, 5));
        let received = flat(&kernel_gradient(&image, &cotangent, [kh, kw]));
        let expected = &by_tape(&image, &kernel, &cotangent)[1];
        let input = format!("an image of 5 × 6, a kernel of {kh} × {kw}");
        let why = "k̄[i][j] = Σ over y, x of z̄[y][x] · image[y + i][x + j].";
        expect_all_close("ch08::kernel_gradient", input, &received, expected, why);
    }
}

#[test]
fn transposed_is_the_librarys_image_gradient() {
    for [kh, kw] in [[1, 1], [2, 3], [5, 6]] {
        let (image, kernel, cotangent) = (rows(5, 6, 0), rows(kh, kw, 3), rows(6 - kh, 7 - kw, 5));
        let received = flat(&transposed(&cotangent, &kernel));
        let expected = &by_tape(&image, &kernel, &cotangent)[0];
        let input = format!("an image of 5 × 6, a kernel of {kh} × {kw}");
        let why =
            "Each z̄[y][x] goes back to every pixel that made z[y][x]: z̄[y][x] · kernel[i][j] to image[y + i][x + j].";
        expect_all_close("ch08::transposed", input, &received, expected, why);
    }
}

#[test]
fn transposed_is_the_adjoint_of_convolve() {
    let (x, kernel, y) = (rows(6, 7, 1), rows(3, 2, 4), rows(4, 6, 2));
    let (forward, back) = (inner(&convolve(&x, &kernel), &y), inner(&x, &transposed(&y, &kernel)));
    let why = "⟨Kx, y⟩ = ⟨x, Kᵀy⟩ for every x and y: the same products, added in another order.";
    expect_close("ch08::transposed", "⟨x, Kᵀy⟩; expected is ⟨Kx, y⟩ by your convolve", back, forward, why);
}

#[test]
fn counts_of_the_chapters_five_pixels() {
    let of = |sharing| counts(sharing, [1, 5], [1, 2], 1);
    let received = [Sharing::Dense, Sharing::Unshared, Sharing::Tiled([1, 2]), Sharing::Shared].map(of);
    let why = "Dense has all 5 · 4 entries. The others have 4 · 2 connections, and fewer kernels than positions.";
    let expected = [[20, 20], [8, 8], [4, 8], [2, 8]];
    expect("ch08::counts", "5 pixels, a kernel of 2: dense, unshared, tiled by 2, shared", received, expected, why);
}

#[test]
fn counts_of_the_digits() {
    let of = |sharing| counts(sharing, [8, 8], [3, 3], 8);
    let received = [Sharing::Dense, Sharing::Unshared, Sharing::Tiled([2, 2]), Sharing::Shared].map(of);
    let why = "64 · 288 for dense; a kernel has 9 numbers for each of 8 maps, and there are 36 positions.";
    let expected = [[18_432, 18_432], [2_592, 2_592], [288, 2_592], [72, 2_592]];
    expect("ch08::counts", "8 × 8 pixels, 3 × 3 kernels, 8 maps, no bias", received, expected, why);
}

#[test]
fn tiled_kernels_take_turns() {
    let received = tiled(&[1.0, 2.0, 4.0, 7.0, 11.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]);
    let why = "The first kernel reads x[y] and is used at positions 0 and 2. The second reads x[y + 1], at positions 1 and 3.";
    let input = "x = (1 2 4 7 11), kernels (1 0) and (0 1)";
    expect("ch08::tiled", input, received, vec![1.0, 4.0, 4.0, 11.0], why);
}

#[test]
fn tiled_is_the_librarys() {
    for turns in [2, 3, 5] {
        let (row, kernels) = (rows(1, 11, 0).concat(), rows(turns, 3, 2));
        let params = Params::<f64>::new();
        let tape = Tape::new(&params);
        let x = tape.constant(Tensor::new([1, 1, 11, 1], row.clone()));
        let k = tape.constant(Tensor::new([1, turns, 1, 3, 1, 1], flat(&kernels)));
        let expected = x.conv(k, Conv::default());
        let input = format!("11 pixels, {turns} kernels of 3");
        let why = "At position y it is the turn of kernel y modulo the number of kernels.";
        expect_all_close("ch08::tiled", input, &tiled(&row, &kernels), expected.value().data(), why);
    }
}
