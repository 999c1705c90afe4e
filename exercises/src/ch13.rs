//! Chapter 13: making it fast.

use std::ops::Range;

/// The strides with which a convolution reads a padded image that is laid out as rows × columns × channels.
///
/// The number under place (i, j, c) of the kernel at position (y, x) lies at
/// y·p₀ + x·p₁ + i·q₀ + j·q₁ + c·q₂; the answer is \[p₀, p₁\] and \[q₀, q₁, q₂\]. The kernel steps `step` pixels from a
/// position to the next.
pub fn strides(columns: usize, channels: usize, step: usize) -> ([usize; 2], [usize; 3]) {
    todo!("ch13::strides")
}

/// Calls `add(i, j, k)` for each multiplication c\[i, j\] += a\[i, k\] · b\[k, j\] of a product of rows × sums by sums ×
/// columns.
///
/// Slow on purpose: from one call to the next k moves on, so that b is read across its rows. Let the innermost loop run
/// along rows of b and c, and each sum be added in the same order as here.
pub fn multiply([rows, sums, columns]: [usize; 3], mut add: impl FnMut(usize, usize, usize)) {
    for i in 0..rows {
        for j in 0..columns {
            for k in 0..sums {
                add(i, j, k);
            }
        }
    }
}

/// The sums of a tile of 2 × 4: tile\[r\]\[w\] = Σₖ rows\[k\]\[r\] · panel\[k\]\[w\], in the order of k.
pub fn tile(rows: &[[f64; 2]], panel: &[[f64; 4]]) -> [[f64; 4]; 2] {
    todo!("ch13::tile")
}

/// The tile of high × wide registers of sums that is best for so many registers.
///
/// It needs high · wide registers for sums, wide for a line of weights and one for a number. The best has most
/// multiplications, high · wide, for each load, high + wide; of equals the lower.
pub fn best_tile(registers: usize) -> (usize, usize) {
    todo!("ch13::best_tile")
}

/// Two results of a kernel of three: \[d₀g₀ + d₁g₁ + d₂g₂, d₁g₀ + d₂g₁ + d₃g₂\], with four multiplications instead of six.
///
/// Every multiplication of something made of d with something made of g goes through `multiply`. With
///
/// m₁ = (d₀ − d₂) · g₀, m₂ = (d₁ + d₂) · (g₀ + g₁ + g₂)/2, m₃ = (d₂ − d₁) · (g₀ − g₁ + g₂)/2, m₄ = (d₁ − d₃) · g₂
///
/// the first result is m₁ + m₂ + m₃. Find the second.
pub fn winograd(d: [f64; 4], g: [f64; 3], mut multiply: impl FnMut(f64, f64) -> f64) -> [f64; 2] {
    todo!("ch13::winograd")
}

/// Who adds up which parts of a sum of `len` numbers: for each thread the ranges that it adds up. At the end the sums of
/// all ranges are added, in the order of the ranges.
///
/// Wrong on purpose: with another number of threads there are other ranges, and the sum has other bits. Cut into ranges
/// of 1024 numbers, the last one perhaps shorter, and hand these out so that no thread has more than one more than
/// another.
pub fn shares(len: usize, threads: usize) -> Vec<Vec<Range<usize>>> {
    let each = len.div_ceil(threads);
    (0..threads).map(|thread| std::iter::once(thread * each..len.min((thread + 1) * each)).collect()).collect()
}
