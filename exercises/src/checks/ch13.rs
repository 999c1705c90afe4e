//! Chapter 13.

use super::{expect, expect_all_close};
use crate::ch13::{best_tile, multiply, shares, strides, tile, winograd};

#[test]
fn strides_let_a_product_read_what_was_not_unfolded() {
    let why =
        "A row of the image has columns · channels numbers, a pixel has channels; a position is `step` pixels on.";
    expect("ch13::strides", "5 columns, 3 channels, step 1", strides(5, 3, 1), ([15, 3], [15, 3, 1]), why);
    expect("ch13::strides", "8 columns, 2 channels, step 2", strides(8, 2, 2), ([32, 4], [16, 2, 1]), why);
}

#[test]
fn multiply_reads_neighbours_with_the_same_bits() {
    let (sizes, [rows, sums, columns]) = ([4, 50, 8], [4, 50, 8]);
    let a: Vec<f32> = (0..rows * sums).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
    let b: Vec<f32> = (0..sums * columns).map(|i| (i * 53 % 97) as f32 / 97.0).collect();
    let (mut c, mut calls, mut neighbours, mut last) = (vec![0.0; rows * columns], 0, 0, usize::MAX - 1);
    multiply(sizes, |i, j, k| {
        c[i * columns + j] += a[i * sums + k] * b[k * columns + j];
        calls += 1;
        neighbours += usize::from(k * columns + j == last + 1);
        last = k * columns + j;
    });
    let input = "a product of 4 × 50 by 50 × 8";
    expect("ch13::multiply", input, calls, 1600, "Each multiplication once.");
    let why =
        "Counted is how often b is read one further than before; only the first number of a row may be elsewhere.";
    expect("ch13::multiply", input, neighbours >= 1600 - rows * sums, true, why);
    let sum = |at: usize| (0..sums).fold(0.0, |s, k| s + a[at / columns * sums + k] * b[k * columns + at % columns]);
    let expected: Vec<f32> = (0..rows * columns).map(sum).collect();
    let why = "Each sum adds its terms in the order of k, so that the bits are the same.";
    expect("ch13::multiply", input, c, expected, why);
}

#[test]
fn tile_multiplies_all_with_all() {
    let (rows, panel) = ([[1.0, 10.0], [2.0, 20.0]], [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]);
    let expected = [[11.0, 14.0, 17.0, 20.0], [110.0, 140.0, 170.0, 200.0]];
    let why = "At each step two numbers and four weights make eight products, each added to a sum of its own.";
    expect("ch13::tile", "two steps", tile(&rows, &panel), expected, why);
}

#[test]
fn best_tile_uses_the_registers_and_no_more() {
    for (registers, expected) in [(3, (1, 1)), (16, (4, 3)), (32, (5, 5))] {
        let why = "high · wide + wide + 1 registers, and most multiplications for each load.";
        expect("ch13::best_tile", format!("{registers} registers"), best_tile(registers), expected, why);
    }
}

#[test]
fn winograd_takes_four_multiplications() {
    let mut count = 0;
    let found = winograd([1.0, 2.0, -3.0, 4.0], [0.5, -1.0, 2.0], |x, y| {
        count += 1;
        x * y
    });
    let input = "d = (1, 2, −3, 4), g = (0.5, −1, 2)";
    let why = "m₂ and m₃ have what both results need: their sum is in the first, their difference in the second.";
    expect_all_close("ch13::winograd", input, &found, &[-7.5, 12.0], why);
    expect("ch13::winograd", input, count, 4, "Counted are the calls of `multiply`: m₁ to m₄, each once.");
}

#[test]
fn shares_cut_the_same_way_for_any_number_of_threads() {
    for len in [1024, 10_000, 100_000] {
        let expected: Vec<_> = (0..len).step_by(1024).map(|start| start..len.min(start + 1024)).collect();
        for threads in 1..=5 {
            let shares = shares(len, threads);
            let input = format!("{len} numbers, {threads} threads");
            expect("ch13::shares", &input, shares.len(), threads, "A list of ranges for each thread.");
            let counts = shares.iter().map(Vec::len);
            let (most, least) = (counts.clone().max().unwrap_or(0), counts.min().unwrap_or(0));
            let mut ranges: Vec<_> = shares.into_iter().flatten().collect();
            ranges.sort_by_key(|range| range.start);
            let why = "Ranges follow from the length alone; threads only decide who takes which.";
            expect("ch13::shares", &input, ranges, expected.clone(), why);
            expect("ch13::shares", &input, most - least <= 1, true, "No thread has more than one range more.");
        }
    }
}
