//! Chapter 13: making it fast.

use std::ops::Range;

pub fn strides(columns: usize, channels: usize, step: usize) -> ([usize; 2], [usize; 3]) {
    let row = columns * channels;
    ([step * row, step * channels], [row, channels, 1])
}

pub fn multiply([rows, sums, columns]: [usize; 3], mut add: impl FnMut(usize, usize, usize)) {
    for i in 0..rows {
        for k in 0..sums {
            for j in 0..columns {
                add(i, j, k);
            }
        }
    }
}

pub fn tile(rows: &[[f64; 2]], panel: &[[f64; 4]]) -> [[f64; 4]; 2] {
    let mut tile = [[0.0; 4]; 2];
    for (numbers, weights) in rows.iter().zip(panel) {
        for (sums, number) in tile.iter_mut().zip(numbers) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += number * weight;
            }
        }
    }
    tile
}

pub fn best_tile(registers: usize) -> (usize, usize) {
    let mut best = (1, 1);
    for high in 1..registers {
        for wide in (1..registers).take_while(|wide| high * wide + wide < registers) {
            // high · wide / (high + wide), compared without division.
            if high * wide * (best.0 + best.1) > best.0 * best.1 * (high + wide) {
                best = (high, wide);
            }
        }
    }
    best
}

pub fn winograd(d: [f64; 4], g: [f64; 3], mut multiply: impl FnMut(f64, f64) -> f64) -> [f64; 2] {
    let first = multiply(d[0] - d[2], g[0]);
    let second = multiply(d[1] + d[2], 0.5 * (g[0] + g[1] + g[2]));
    let third = multiply(d[2] - d[1], 0.5 * (g[0] - g[1] + g[2]));
    let fourth = multiply(d[1] - d[3], g[2]);
    [first + second + third, second - third - fourth]
}

pub fn shares(len: usize, threads: usize) -> Vec<Vec<Range<usize>>> {
    const PART: usize = 1024;
    let ranges = |thread: usize| (thread..len.div_ceil(PART)).step_by(threads);
    let range = |part: usize| part * PART..len.min((part + 1) * PART);
    (0..threads).map(|thread| ranges(thread).map(range).collect()).collect()
}
