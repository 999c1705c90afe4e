//! Sums, largest numbers and ln Σ eˣ: what undoes repetition.
//!
//! Long sums of short rows are shared between threads, all else is done by the calling thread. The order of additions
//! follows from the lengths alone.

use std::array::from_fn;
use std::ops::AddAssign;

use super::elementwise::{CHUNKS, TILE, last_run, runs, task_len};
use super::functions::{exp_all, ln_all};
use super::threads::for_each_chunk;
use super::wide::wide;
use crate::float::Float;
use crate::shape::Shape;

/// How many sums are added to at once.
const LANES: usize = 32;

/// After so many rows a sum begins anew, and the sums are added up: a long one would lose digits.
const ROWS: usize = 64;

/// out, of shape `narrow`, = x, of shape `wide`, summed over the axes along which `narrow` would be repeated.
///
/// ```
/// use tandem_autograd::{Shape, kernels::reduce::sum_into};
/// let mut out = [0.0; 2];
/// sum_into(&mut out, Shape::from([2, 1]), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Shape::from([2, 3]));
/// assert_eq!(out, [6.0, 15.0]);
/// ```
pub fn sum_into<T: Copy + Default + AddAssign + Send + Sync>(out: &mut [T], narrow: Shape, x: &[T], wide: Shape) {
    out.fill(T::default());
    let (_, run, step) = last_run(narrow, wide);
    if step == 1 && run == narrow.len() && (1..=TILE / 2).contains(&run) {
        return sum_short_rows(out, x);
    }
    runs(narrow, wide, |to, from, run, step| match step {
        0 => out[to] += sum(&x[from..from + run]),
        _ => add_rows(&mut out[to..to + run], &x[from..from + run]),
    });
}

/// Adds the rows of x, which are as long as out.
fn sum_short_rows<T: Copy + Default + AddAssign + Send + Sync>(out: &mut [T], x: &[T]) {
    let len = TILE / out.len() * out.len();
    let chunk = task_len(x.len(), size_of::<T>(), ROWS * len);
    let mut total = [T::default(); TILE];
    if x.len() <= chunk {
        add_blocks(&mut total[..len], x);
    } else {
        let mut parts = [[T::default(); TILE]; CHUNKS];
        let parts = &mut parts[..x.len().div_ceil(chunk)];
        for_each_chunk([&mut *parts], 1, |i, [part]| {
            let x = &x[i * chunk..];
            add_blocks(&mut part[0][..len], &x[..chunk.min(x.len())]);
        });
        for part in parts {
            add_rows(&mut total[..len], &part[..len]);
        }
    }
    add_rows(out, &total[..len]);
}

/// Adds the rows of x, which are as long as `total`, a block of them at a time.
fn add_blocks<T: Copy + Default + AddAssign>(total: &mut [T], x: &[T]) {
    for rows in x.chunks(ROWS * total.len()) {
        let mut block = [T::default(); TILE];
        let block = &mut block[..total.len()];
        add_rows(block, rows);
        add_rows(total, block);
    }
}

wide! {
    /// Adds each row of x, which is as long as out; the last may be shorter.
    fn add_rows[T: Copy + AddAssign](out: &mut [T], x: &[T]) {
        for row in x.chunks(out.len()) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out += x;
            }
        }
    }
}

/// Σ x, by halves: the rounding error grows with the logarithm of the length.
///
/// ```
/// use tandem_autograd::kernels::reduce::sum;
/// // One after another, a sum of ones stands still at 2²⁴ in `f32`.
/// let ones = vec![1.0_f32; (1 << 24) + 1024];
/// assert_eq!(sum(&ones) as usize, ones.len());
/// assert_eq!(ones.iter().fold(0.0, |sum, x| sum + x) as usize, 1 << 24);
/// ```
pub fn sum<T: Copy + Default + AddAssign>(x: &[T]) -> T {
    if x.len() <= ROWS * LANES {
        return sum_in_lanes(x);
    }
    let (a, b) = x.split_at(x.len() / 2 / LANES * LANES);
    let mut total = sum(a);
    total += sum(b);
    total
}

wide! {
    fn sum_in_lanes[T: Copy + Default + AddAssign](x: &[T]) -> T {
        let mut lanes = [T::default(); LANES];
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            for i in 0..LANES {
                lanes[i] += row[i];
            }
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x);
        fold(lanes)
    }
}

wide! {
    /// Σ x², added up in `f64`.
    ///
    /// ```
    /// use tandem_autograd::kernels::reduce::sum_of_squares;
    /// assert_eq!(sum_of_squares(&[1e30_f32, 0.0]), f64::from(1e30_f32).powi(2));       // beyond what `f32` holds
    /// ```
    pub fn sum_of_squares[T: Float](x: &[T]) -> f64 {
        let mut lanes = [0.0; LANES];
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            for i in 0..LANES {
                lanes[i] += row[i].to_f64() * row[i].to_f64();
            }
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x.to_f64() * x.to_f64());
        fold(lanes)
    }
}

wide! {
    /// Replaces each x by the second number of f(x, others), and returns the sum of the first ones. The others are as
    /// many as x. A long sum loses digits: x should be a block of some hundred numbers.
    ///
    /// ```
    /// use tandem_autograd::kernels::reduce::replace_and_sum;
    /// let mut difference = [3.0, 5.0];
    /// // d = x − y, and Σ d².
    /// let sum = replace_and_sum(&mut difference, [&[1.0, 1.0]], &|x, [y]| ((x - y) * (x - y), x - y));
    /// assert_eq!((sum, difference), (20.0, [2.0, 4.0]));
    /// ```
    ///
    /// # Panics
    /// If others are shorter than x.
    pub fn replace_and_sum[T: Float, const M: usize, F: Fn(T, [T; M]) -> (T, T)](
        x: &mut [T],
        others: [&[T]; M],
        f: &F,
    ) -> T {
        let len = x.len();
        let others = others.map(|slice| &slice[..len]);
        let mut lanes = [T::ZERO; LANES];
        let (rows, rest) = x.as_chunks_mut::<LANES>();
        for (k, row) in rows.iter_mut().enumerate() {
            let others = others.map(|slice| &slice[k * LANES..][..LANES]);
            for i in 0..LANES {
                let (term, new) = f(row[i], from_fn(|m| others[m][i]));
                lanes[i] += term;
                row[i] = new;
            }
        }
        let done = len - rest.len();
        for (i, x) in rest.iter_mut().enumerate() {
            let (term, new) = f(*x, from_fn(|m| others[m][done + i]));
            lanes[i] += term;
            *x = new;
        }
        fold(lanes)
    }
}

/// The sum of the lanes, by halves.
#[inline(always)]
fn fold<T: Copy + AddAssign>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            let other = lanes[i + half];
            lanes[i] += other;
        }
        half /= 2;
    }
    lanes[0]
}

/// out = the largest of the numbers of x over the axes along which `narrow` would be repeated; −∞ where
/// there are none. A NaN is the largest, so that it is seen.
///
/// ```
/// use tandem_autograd::{Shape, kernels::reduce::max_into};
/// let mut out = [0.0; 2];
/// max_into(&mut out, Shape::from([2]), &[1.0, 6.0, 3.0, 4.0], Shape::from([2, 2]));
/// assert_eq!(out, [3.0, 6.0]);
/// ```
pub fn max_into<T: Float>(out: &mut [T], narrow: Shape, x: &[T], wide: Shape) {
    out.fill(T::NEG_INFINITY);
    let larger = |a: T, b: T| if a >= b || a.is_nan() { a } else { b };
    runs(narrow, wide, |to, from, run, step| match step {
        0 => out[to] = x[from..from + run].iter().copied().fold(out[to], larger),
        _ => out[to..to + run].iter_mut().zip(&x[from..from + run]).for_each(|(out, &x)| *out = larger(*out, x)),
    });
}

/// out = ln Σ eˣ over the axes along which `narrow` would be repeated, computed as m + ln Σ eˣ⁻ᵐ with
/// m = max x, so that no exponential overflows. `work` is as long as out.
///
/// ```
/// use tandem_autograd::{Shape, kernels::reduce::log_sum_exp_into};
/// let (mut out, mut work) = ([0.0_f64], [0.0]);
/// log_sum_exp_into(&mut out, Shape::SCALAR, &[1000.0, 1000.0], Shape::from([2]), &mut work);
/// assert_eq!(out, [1000.0 + 2f64.ln()]);
/// ```
pub fn log_sum_exp_into<T: Float>(out: &mut [T], narrow: Shape, x: &[T], wide: Shape, work: &mut [T]) {
    max_into(out, narrow, x, wide);
    work.fill(T::ZERO);
    let (outer, width, step) = last_run(narrow, wide);
    let rows: usize = wide.dims()[..outer].iter().map(|&len| len as usize).product();
    if step == 0 && out.len() == rows && (1..=TILE).contains(&width) {
        sum_terms_of_rows(work, x, width, out);
    } else {
        let mut tile = [T::ZERO; TILE];
        runs(narrow, wide, |to, from, run, step| {
            for start in (0..run).step_by(TILE) {
                let (at, x) = (to + start * step, &x[from + start..from + run.min(start + TILE)]);
                let terms = &mut tile[..x.len()];
                for (i, (term, &x)) in terms.iter_mut().zip(x).enumerate() {
                    *term = exponent(x, out[at + i * step]);
                }
                exp_all(terms);
                let sums = if step == 0 { &mut [sum(terms)] } else { terms };
                work[at..].iter_mut().zip(sums).for_each(|(total, sum)| *total += *sum);
            }
        });
    }
    ln_all(work);
    for (out, &ln) in out.iter_mut().zip(&*work) {
        *out = if out.is_finite() { *out + ln } else { *out };
    }
}

/// x − m. Where m is infinite, that would be ∞ − ∞; the sum of exponentials is then e^∞, or has no terms but e^−∞.
#[inline(always)]
fn exponent<T: Float>(x: T, max: T) -> T {
    if max.is_finite() { x - max } else { T::ZERO }
}

/// sums\[row\] = Σ eˣ⁻ᵐ over the row's `width` numbers, of which the largest is m. As many rows at a time as fit into
/// a tile, so that short ones fill wide registers, too.
fn sum_terms_of_rows<T: Float>(sums: &mut [T], x: &[T], width: usize, max: &[T]) {
    let rows = TILE / width.max(1);
    let mut tile = [T::ZERO; TILE];
    for ((sums, max), x) in sums.chunks_mut(rows).zip(max.chunks(rows)).zip(x.chunks(rows * width)) {
        let tile = &mut tile[..x.len()];
        for ((terms, x), &max) in tile.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(max) {
            terms.iter_mut().zip(x).for_each(|(term, &x)| *term = exponent(x, max));
        }
        exp_all(tile);
        for (total, terms) in sums.iter_mut().zip(tile.chunks_exact(width)) {
            *total = sum(terms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::elementwise::broadcast_into;
    use crate::kernels::{Instructions, with_instructions};

    #[test]
    fn sums_undo_broadcasts_over_any_axes() {
        let wide = Shape::from([2, 3, 1, 4]);
        for narrow in
            [Shape::SCALAR, [4].into(), [1].into(), [3, 1, 1].into(), [2, 1, 1, 4].into(), [2, 3, 1, 1].into(), wide]
        {
            let x: Vec<f64> = (0..narrow.len()).map(|i| i as f64 + 1.0).collect();
            let mut spread = vec![f64::NAN; wide.len()];
            broadcast_into(&mut spread, wide, &x, narrow);
            let mut back = vec![f64::NAN; x.len()];
            sum_into(&mut back, narrow, &spread, wide);
            let times = (wide.len() / narrow.len()) as f64;
            assert_eq!(back, x.iter().map(|x| x * times).collect::<Vec<_>>(), "{narrow}");
        }
    }

    /// Whole numbers, whose sums are exact in any order.
    fn whole(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7) % 23) as f32 - 11.0).collect()
    }

    #[test]
    fn sums_of_any_length_by_all_instructions() {
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            with_instructions(set, || {
                for len in [0, 1, 31, 33, 2047, 2048, 2049, 5003] {
                    let x = whole(len);
                    assert_eq!(sum(&x), x.iter().fold(0.0, |sum, x| sum + x), "{len}");
                }
                for (rows, width) in [(0, 5), (1, 1), (3, 127), (700, 6), (129, 128), (70, 129), (40, 257), (20_011, 6)]
                {
                    let (x, mut found) = (whole(rows * width), vec![f32::NAN; width]);
                    sum_into(&mut found, [width].into(), &x, [rows, width].into());
                    let expected: Vec<f32> =
                        (0..width).map(|i| x.iter().skip(i).step_by(width).sum::<f32>() + 0.0).collect();
                    assert_eq!(found, expected, "{rows} rows of {width}");
                }
            });
        }
    }

    #[test]
    fn sums_of_squares_and_of_terms_by_all_instructions() {
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            with_instructions(set, || {
                for len in [0, 1, 31, 32, 33, 64, 100] {
                    let (x, y) = (whole(len), whole(len + 5)[5..].to_vec());
                    let squares: f64 = x.iter().map(|&x| f64::from(x * x)).sum();
                    assert_eq!(sum_of_squares(&x), squares, "{len}");
                    let mut found = x.clone();
                    let total = replace_and_sum(&mut found, [&y], &|x, [y]| (x * y, x - y));
                    assert_eq!(total, x.iter().zip(&y).fold(0.0, |sum, (x, y)| sum + x * y), "{len}");
                    assert!(found.iter().zip(x.iter().zip(&y)).all(|(&found, (x, y))| found == x - y), "{len}");
                }
            });
        }
    }

    #[test]
    fn a_long_sum_keeps_its_digits() {
        let x = vec![0.1_f32; 1 << 20];
        let exact = f64::from(0.1_f32) * f64::from(1 << 20);
        assert!((f64::from(sum(&x)) - exact).abs() / exact < 1e-6);
        let mut columns = [0.0; 4];
        sum_into(&mut columns, [4].into(), &x, [1 << 18, 4].into());
        assert!(columns.iter().all(|&sum| (f64::from(sum) - exact / 4.0).abs() / exact < 1e-6));
    }
}
