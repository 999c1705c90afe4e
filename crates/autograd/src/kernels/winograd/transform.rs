//! The matrices of the method, and how a tile is multiplied with one from both sides.

use std::marker::PhantomData;
use std::ops::Range;

use crate::kernels::lane::{Lane, LaneLoop};
use crate::kernels::tile::Element;

/// The points, besides 0 and ∞.
const P: f64 = 0.75;
const Q: f64 = 1.5;

/// A matrix that is multiplied with tiles from both sides.
pub(super) trait Matrix<const IN: usize, const OUT: usize> {
    const ROWS: [[f64; IN]; OUT];
}

const fn transposed<const N: usize, const M: usize>(m: [[f64; N]; M]) -> [[f64; M]; N] {
    let (mut out, mut i) = ([[0.0; M]; N], 0);
    while i < N * M {
        out[i % N][i / N] = m[i / N][i % N];
        i += 1;
    }
    out
}

/// Bᵀ: row by row, the coefficients of Π (x − q) over the points q other than the row's own.
pub(super) struct OfImages;
impl Matrix<6, 6> for OfImages {
    const ROWS: [[f64; 6]; 6] = {
        let (pp, qq) = (P * P, Q * Q);
        [
            [pp * qq, 0.0, -pp - qq, 0.0, 1.0, 0.0],
            [0.0, -P * qq, -qq, P, 1.0, 0.0],
            [0.0, P * qq, -qq, -P, 1.0, 0.0],
            [0.0, -Q * pp, -pp, Q, 1.0, 0.0],
            [0.0, Q * pp, -pp, -Q, 1.0, 0.0],
            [0.0, pp * qq, 0.0, -pp - qq, 0.0, 1.0],
        ]
    };
}

/// G: the kernel's values at the points, divided by Π (point − q) over the other points q.
pub(super) struct OfKernels;
impl Matrix<3, 6> for OfKernels {
    const ROWS: [[f64; 3]; 6] = {
        let (pp, qq) = (P * P, Q * Q);
        let (at_0, at_p, at_q) = (1.0 / (pp * qq), 0.5 / (pp * (pp - qq)), 0.5 / (qq * (qq - pp)));
        [
            [at_0, 0.0, 0.0],
            [at_p, at_p * P, at_p * pp],
            [at_p, -at_p * P, at_p * pp],
            [at_q, at_q * Q, at_q * qq],
            [at_q, -at_q * Q, at_q * qq],
            [0.0, 0.0, 1.0],
        ]
    };
}

/// Aᵀ: powers of the points.
pub(super) struct ToResults;
impl Matrix<6, 4> for ToResults {
    const ROWS: [[f64; 6]; 4] = [
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        [0.0, P, -P, Q, -Q, 0.0],
        [0.0, P * P, P * P, Q * Q, Q * Q, 0.0],
        [0.0, P * P * P, -P * P * P, Q * Q * Q, -Q * Q * Q, 1.0],
    ];
}

/// A.
pub(super) struct OfResults;
impl Matrix<4, 6> for OfResults {
    const ROWS: [[f64; 4]; 6] = transposed(ToResults::ROWS);
}

/// Gᵀ.
pub(super) struct ToKernels;
impl Matrix<6, 3> for ToKernels {
    const ROWS: [[f64; 6]; 3] = transposed(OfKernels::ROWS);
}

/// Squares of registers: the number in row i and column j of channel c lies at
/// `start + i · row + j · column + c`.
#[derive(Clone, Copy)]
pub(super) struct Square<P> {
    pub(super) start: P,
    pub(super) row: isize,
    pub(super) column: isize,
}

/// M · X · Mᵀ, ALL of it or some rows, for each of `len` channels, a multiple of 16.
pub(super) struct Sandwich<T, M, const IN: usize, const OUT: usize, const ALL: bool> {
    pub(super) matrix: PhantomData<M>,
    /// The rows; `to` is where the first of them goes.
    pub(super) rows: Range<usize>,
    pub(super) from: Square<*const T>,
    pub(super) to: Square<*mut T>,
    pub(super) len: usize,
}

impl<T: Element, M: Matrix<IN, OUT>, const IN: usize, const OUT: usize, const ALL: bool> LaneLoop<T>
    for Sandwich<T, M, IN, OUT, ALL>
{
    #[inline(always)]
    unsafe fn run<L: Lane<Number = T>>(self) {
        let Self { matrix: _, rows, from, to, len } = self;
        for c in (0..len as isize).step_by(L::LEN) {
            // SAFETY: the caller vouches for the instructions and for both squares.
            unsafe {
                let mut half = [[L::splat(T::default()); IN]; OUT];
                for j in 0..IN {
                    let at = |i: usize| from.start.offset(i as isize * from.row + j as isize * from.column + c);
                    let column = std::array::from_fn(|i| L::load(at(i)));
                    for (i, half) in half.iter_mut().enumerate() {
                        if ALL || rows.contains(&i) {
                            half[j] = combine(&M::ROWS[i], &column);
                        }
                    }
                }
                for (i, half) in half.iter().enumerate() {
                    if ALL || rows.contains(&i) {
                        let line = to.start.offset((i - rows.start) as isize * to.row + c);
                        for j in 0..OUT {
                            combine(&M::ROWS[j], half).store(line.offset(j as isize * to.column));
                        }
                    }
                }
            }
        }
    }
}

/// Σ coefficient · x. The coefficients are constants, so those that are 0 or 1 cost nothing.
///
/// # Safety
/// The processor has the registers' instructions.
#[inline(always)]
unsafe fn combine<L: Lane, const N: usize>(coefficients: &[f64; N], x: &[L; N]) -> L {
    // SAFETY: as the caller vouches.
    unsafe {
        let mut sum = L::splat(L::Number::default());
        for i in 0..N {
            if coefficients[i] == 1.0 {
                sum = sum.add(x[i]);
            } else if coefficients[i] != 0.0 {
                sum = x[i].multiply_add(L::splat(L::Number::rounded(coefficients[i])), sum);
            }
        }
        sum
    }
}
