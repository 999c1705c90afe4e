//! eˣ, ln, tanh and erf of `f32`, without branches and tables, so that a loop over them fills wide registers.
//!
//! Each is at most 2 units in the last place from the exact value, over all numbers; the test below holds them against
//! `f64`. The polynomials for eˣ, ln and tanh are those of the Cephes library (Moshier 1984 to 2000), those for erf are
//! N. Juffa's.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

use super::wide::wide;
use crate::float::Float;

/// ln 2 in two parts. The first has few enough bits that its product with a whole exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// 1.5 · 2²³: added to a small number and taken away again, it leaves the nearest whole number. Between the two, the
/// whole number stands in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// A polynomial with these coefficients, that of the highest power first.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    coefficients.into_iter().reduce(|sum, c| sum * x + c).unwrap_or(0.0)
}

/// 2ⁿ for −127 < n < 128.
#[inline(always)]
fn power_of_2(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// eˣ = 2ⁿ · eʳ with whole n and |r| ≤ ½ ln 2.
///
/// ```
/// use tandem_autograd::kernels::functions::exp;
/// assert_eq!((exp(0.0), exp(100.0), exp(-110.0)), (1.0, f32::INFINITY, 0.0));
/// assert!((exp(1.0) - std::f32::consts::E).abs() <= 2.0 * f32::EPSILON);
/// ```
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result is ∞ or 0. A NaN passes.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x * LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = polynomial([1.987_569_2e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5, 1.0], r);
    let e_r = p * r + 1.0;
    // In two steps, because 2ⁿ itself may be out of range where the result is not.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let half = n >> 1;
    e_r * power_of_2(half) * power_of_2(n - half)
}

/// ln x = n ln 2 + ln m with whole n and √½ ≤ m < √2.
///
/// ```
/// use tandem_autograd::kernels::functions::ln;
/// assert_eq!((ln(1.0), ln(0.0)), (0.0, f32::NEG_INFINITY));
/// assert!(ln(-1.0).is_nan());
/// ```
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let small = x < f32::MIN_POSITIVE;
    let bits = (if small { x * 8_388_608.0 } else { x }).to_bits();
    let n = (bits.wrapping_sub(FRAC_1_SQRT_2.to_bits()) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((n << 23) as u32)) - 1.0;
    let n = (if small { n - 23 } else { n }) as f32;
    let square = m * m;
    let p = polynomial(
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
        m,
    );
    let y = p * m * square + n * LN_2[1] - 0.5 * square;
    let y = m + y + n * LN_2[0];
    // What is left are 0, ∞, and what has no logarithm.
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f32::NAN }
}

/// tanh x: near 0 a polynomial, farther away 1 − 2 / (e²ˣ + 1).
///
/// ```
/// use tandem_autograd::kernels::functions::tanh;
/// assert_eq!((tanh(0.0), tanh(20.0)), (0.0, 1.0));
/// assert!((f64::from(tanh(0.5)) - 0.5f64.tanh()).abs() < 1e-7);
/// ```
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let (size, square) = (x.abs(), x * x);
    let p = polynomial([-5.704_988_7e-3, 2.063_908_8e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1], square);
    let near = p * square * size + size;
    let far = 1.0 - 2.0 / (exp(size + size) + 1.0);
    (if size < 0.625 { near } else { far }).copysign(x)
}

/// erf x: near 0 a polynomial, farther away 1 − e⁻ᵖ, p another one.
///
/// ```
/// use tandem_autograd::kernels::functions::erf;
/// assert_eq!((erf(0.0), erf(-5.0)), (0.0, -1.0));
/// assert_eq!(erf(0.3), -erf(-0.3));
/// ```
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let (size, square) = (x.abs(), x * x);
    let p = polynomial(
        [-5.967_617e-4, 4.991_194e-3, -2.676_813_5e-2, 1.128_199_3e-1, -3.761_253_4e-1, 1.283_791_7e-1],
        square,
    );
    let near = p * size + size;
    // erf 4 is nearer to 1 than to any other number.
    let size = if size > 4.0 { 4.0 } else { size };
    let p = polynomial(
        [
            -1.728_534_7e-5,
            3.831_971_3e-4,
            -3.883_964_4e-3,
            2.425_462_2e-2,
            -1.067_778_8e-1,
            -6.348_468_7e-1,
            -1.287_175_1e-1,
        ],
        size,
    );
    let far = 1.0 - exp(p * size - size);
    (if size <= 0.927_734_4 { near } else { far }).copysign(x)
}

wide! {
    /// x = eˣ, number by number; in `f32` as [`exp`], in `f64` as the standard library.
    ///
    /// ```
    /// use tandem_autograd::kernels::functions::{exp_all, ln_all};
    /// let mut x = [0.0_f64, 1.0];
    /// exp_all(&mut x);
    /// assert_eq!(x, [1.0, std::f64::consts::E]);
    /// ln_all(&mut x);
    /// assert_eq!(x, [0.0, 1.0]);
    /// ```
    pub fn exp_all[T: Float](x: &mut [T]) {
        for x in x {
            *x = x.exp();
        }
    }
}

wide! {
    /// x = ln x, number by number; the example is at [`exp_all`].
    pub fn ln_all[T: Float](x: &mut [T]) {
        for x in x {
            *x = x.ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Instructions, with_instructions};

    /// A function's name, itself, the exact one, and the same in a loop.
    type Row = (&'static str, fn(f32) -> f32, fn(f64) -> f64, fn(&mut [f32]));

    wide! {
        fn tanh_all[](x: &mut [f32]) {
            for x in x {
                *x = tanh(*x);
            }
        }
    }

    wide! {
        fn erf_all[](x: &mut [f32]) {
            for x in x {
                *x = erf(*x);
            }
        }
    }

    const TABLE: [Row; 4] = [
        ("exp", exp, f64::exp, exp_all),
        ("ln", ln, f64::ln, ln_all),
        ("tanh", tanh, f64::tanh, tanh_all),
        ("erf", erf, libm::erf, erf_all),
    ];

    /// Numbers of all sizes and both signs, the infinities and NaN.
    fn everywhere() -> Vec<f32> {
        (0..=u32::MAX).step_by(4093).map(f32::from_bits).chain([0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY]).collect()
    }

    /// From one number to the next, at the exact value.
    fn unit(exact: f64) -> f64 {
        let x = (exact.abs() as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
        f64::from(x) - f64::from(f32::from_bits(x.to_bits() - 1))
    }

    #[test]
    fn at_most_two_units_from_the_exact_value() {
        for (name, f, exact, _) in TABLE {
            for x in everywhere() {
                let (found, exact) = (f(x), exact(x.into()));
                let same = f64::from(found) == f64::from(exact as f32) || (found.is_nan() && exact.is_nan());
                let near = (f64::from(found) - exact).abs() <= 2.0 * unit(exact);
                assert!(same || near, "{name} {x:e} is {exact:e}, found {found:e}");
            }
        }
    }

    #[test]
    fn at_the_ends() {
        assert_eq!([exp(0.0), exp(-0.0), exp(89.0), exp(-104.0)], [1.0, 1.0, f32::INFINITY, 0.0]);
        assert_eq!([ln(1.0), ln(0.0), ln(-0.0)], [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
        for odd in [tanh, erf] {
            assert_eq!(odd(-0.0).to_bits(), (-0.0_f32).to_bits());
            assert_eq!([odd(0.0), odd(10.0), odd(-f32::INFINITY)], [0.0, 1.0, -1.0]);
            assert!(everywhere().iter().all(|&x| x.is_nan() || odd(x) == -odd(-x) && odd(x).abs() <= 1.0));
        }
    }

    #[test]
    fn the_same_bits_wherever_a_number_stands() {
        let x = everywhere();
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            for (name, f, _, all) in TABLE {
                with_instructions(set, || {
                    for (i, x) in x.chunks(1021).enumerate() {
                        // A shorter and shorter end of each chunk.
                        let mut found = x[i % x.len()..].to_vec();
                        all(&mut found);
                        for (&x, found) in x[i % x.len()..].iter().zip(found) {
                            let expected = f(x);
                            let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
                            assert!(same, "{name} {x:e} by {set:?}: {found:e} in a loop, {expected:e} alone");
                        }
                    }
                });
            }
        }
    }
}
