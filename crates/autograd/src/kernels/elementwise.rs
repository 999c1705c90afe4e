//! Loops over numbers one by one, with repetition, and sums that undo the repetition.

use std::ops::AddAssign;

use super::layout::walk;
use crate::float::Float;
use crate::shape::Shape;

/// out = f(x).
#[inline]
pub fn map<T: Copy>(out: &mut [T], x: &[T], f: impl Fn(T) -> T) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// out = f(a, b), where b is as long as a, or is repeated to its length.
#[inline]
pub fn zip<T: Copy>(out: &mut [T], a: &[T], b: &[T], f: impl Fn(T, T) -> T) {
    if let [b] = *b {
        return map(out, a, |a| f(a, b));
    }
    if out.is_empty() {
        return;
    }
    for (out, a) in out.chunks_exact_mut(b.len()).zip(a.chunks_exact(b.len())) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
    }
}

/// a = f(a, b), where b is as long as a, or is repeated to its length.
#[inline]
pub fn zip_into<T: Copy>(a: &mut [T], b: &[T], f: impl Fn(T, T) -> T) {
    if let [b] = *b {
        return a.iter_mut().for_each(|a| *a = f(*a, b));
    }
    if a.is_empty() {
        return;
    }
    for a in a.chunks_exact_mut(b.len()) {
        for (a, &b) in a.iter_mut().zip(b) {
            *a = f(*a, b);
        }
    }
}

/// Calls `visit(narrow offset, wide offset, run, step)` for every run of the wide shape's last
/// axes along which the narrow one either moves too (`step` 1) or stands still (`step` 0).
fn runs(narrow: Shape, wide: Shape, mut visit: impl FnMut(usize, usize, usize, usize)) {
    if wide.is_empty() {
        return;
    }
    let strides = narrow.strides_in(&wide);
    // Trailing axes of one kind make one run.
    let (mut outer, mut run) = (wide.rank(), 1);
    let mut step = None;
    while outer > 0 {
        let (len, stride) = (wide[outer - 1] as usize, strides[outer - 1]);
        let kind = usize::from(stride != 0);
        if len > 1 && *step.get_or_insert(kind) != kind {
            break;
        }
        run *= len;
        outer -= 1;
    }
    let mut start = 0;
    walk(wide, outer, [strides], |[at]| {
        visit(at, start, run, step.unwrap_or(0));
        start += run;
    });
}

/// out = x with every repetition written out.
pub fn broadcast_into<T: Copy>(out: &mut [T], wide: Shape, x: &[T], narrow: Shape) {
    runs(narrow, wide, |from, to, run, step| match step {
        0 => out[to..to + run].fill(x[from]),
        _ => out[to..to + run].copy_from_slice(&x[from..from + run]),
    });
}

/// out = x summed over the axes along which `narrow` would be repeated.
pub fn sum_into<T: Copy + Default + AddAssign>(out: &mut [T], narrow: Shape, x: &[T], wide: Shape) {
    out.fill(T::default());
    runs(narrow, wide, |to, from, run, step| match step {
        0 => out[to] += sum(&x[from..from + run]),
        _ => out[to..to + run].iter_mut().zip(&x[from..from + run]).for_each(|(out, &x)| *out += x),
    });
}

/// out = the largest of the numbers of x over the axes along which `narrow` would be repeated; −∞ where
/// there are none. A NaN is the largest, so that it is seen.
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
pub fn log_sum_exp_into<T: Float>(out: &mut [T], narrow: Shape, x: &[T], wide: Shape, work: &mut [T]) {
    max_into(out, narrow, x, wide);
    work.fill(T::ZERO);
    // Where m is infinite, x − m would be ∞ − ∞. The sum is e^∞, or has no terms but e^−∞ = 0.
    let term = |x: T, max: T| if max.is_finite() { (x - max).exp() } else { T::ONE };
    runs(narrow, wide, |to, from, run, step| {
        let x = &x[from..from + run];
        match step {
            0 => x.iter().for_each(|&x| work[to] += term(x, out[to])),
            _ => x.iter().zip(&out[to..to + run]).zip(&mut work[to..]).for_each(|((&x, &m), sum)| *sum += term(x, m)),
        }
    });
    for (out, &sum) in out.iter_mut().zip(&*work) {
        *out = if out.is_finite() { *out + sum.ln() } else { *out };
    }
}

/// Σ x, by halves: the rounding error grows with the logarithm of the length.
pub fn sum<T: Copy + Default + AddAssign>(x: &[T]) -> T {
    const LANES: usize = 8;
    if x.len() > 256 {
        let (a, b) = x.split_at(x.len() / 2 / LANES * LANES);
        let mut total = sum(a);
        total += sum(b);
        return total;
    }
    let mut lanes = [T::default(); LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x);
    }
    let mut total = T::default();
    lanes.iter().chain(rest).for_each(|&x| total += x);
    total
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_long_sum_keeps_its_digits() {
        let x = vec![0.1_f32; 1 << 20];
        let exact = f64::from(0.1_f32) * f64::from(1 << 20);
        assert!((f64::from(sum(&x)) - exact).abs() / exact < 1e-6);
    }
}
