//! The register tile: the innermost loops of every product, written once for all instruction sets.
//!
//! A tile keeps R rows × W registers of sums in registers. For each step of the sum it loads W
//! registers of B, and for each row one number of A, which it multiplies with all of them:
//! R · W multiply-adds for W + R loads. R and W are as large as the registers of the processor
//! allow.

use std::array;
use std::mem::MaybeUninit;
use std::ops::{AddAssign, Mul};
use std::slice;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

use super::instructions::{Instructions, NARROWEST, WIDEST};
use super::lane::{Lane, LaneLoop, avx2, avx512};

#[cfg(target_arch = "x86_64")]
use super::transpose::{transpose_f32, transpose_f64};

/// A number that products are made of: `f32` or `f64`. What it has beside arithmetic is the tiles' own; a program
/// needs no more than the bound.
///
/// ```
/// use tandem_autograd::kernels::{Element, Matrices};
/// fn dot<T: Element>(a: &[T], b: &[T]) -> T {
///     let mut c = [T::default()];
///     Matrices { sides: [1, 1, a.len()], transposed: [false; 2] }.multiply(a, b, &mut c);
///     c[0]
/// }
/// assert_eq!(dot(&[1.0_f32, 2.0], &[10.0, 20.0]), 50.0);
/// ```
pub trait Element: Copy + Send + Sync + Default + Mul<Output = Self> + AddAssign + 'static {
    /// C\[i, j\] (+)= Σₖ A\[i, k\] · B\[k, j\] over one block, with tiles `width` numbers wide.
    ///
    /// # Safety
    /// The processor has the instructions, `width` is one of the widths of their tiles, and the
    /// block is as its fields say.
    #[doc(hidden)]
    unsafe fn multiply(instructions: Instructions, width: usize, block: &Block<'_, Self>);

    /// Runs a loop with the widest registers of these instructions.
    ///
    /// # Safety
    /// The processor has them, and what the loop itself demands.
    #[doc(hidden)]
    unsafe fn run(instructions: Instructions, body: impl LaneLoop<Self>);

    /// The nearest number of this type.
    #[doc(hidden)]
    fn rounded(x: f64) -> Self;

    /// How many columns [`transpose`](Element::transpose) takes at once.
    #[doc(hidden)]
    const SQUARE: usize;

    /// to\[k · width + j\] = from\[cols\[j\] + k\] for `SQUARE` columns and k below `len`, a multiple of
    /// `SQUARE`.
    ///
    /// # Safety
    /// The processor has AVX, and everything lies inside of what the pointers belong to.
    #[doc(hidden)]
    unsafe fn transpose(from: *const Self, cols: &[isize], len: usize, to: *mut Self, width: usize);
}

/// One block of a product: some rows of A, one panel of B, one stretch of the sum.
///
/// A\[i, k\] lies at `a + a_rows[i] + a_sums[k]`, for all i and k in the tables. B\[k, j\] lies at
/// `b + k · b_step + j`, for as many j as the tile is wide. C\[i, j\] lies at
/// `c + c_rows[i] + c_cols[j]`, belongs to this block alone, and there are at most as many j as the
/// tile is wide.
pub struct Block<'a, T> {
    pub(super) a: *const T,
    pub(super) a_rows: &'a [isize],
    pub(super) a_sums: &'a [isize],
    pub(super) b: *const T,
    pub(super) b_step: isize,
    pub(super) c: *mut T,
    pub(super) c_rows: &'a [isize],
    pub(super) c_cols: &'a [isize],
    /// The columns of C are neighbours.
    pub(super) neighbours: bool,
    /// Add to C instead of overwriting it.
    pub(super) add: bool,
}

/// The sums of R rows from `row` on, over the whole stretch of the sum.
///
/// # Safety
/// As for [`Element::multiply`]; the block has R rows from `row` on.
#[inline(always)]
unsafe fn tile<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>, row: usize) {
    let mut rows = [block.a; R];
    for (at, &offset) in rows.iter_mut().zip(&block.a_rows[row..row + R]) {
        *at = at.wrapping_offset(offset);
    }
    let mut b = block.b;
    // SAFETY: the caller vouches for the instructions, and the block for the addresses.
    unsafe {
        let zero = L::splat(L::Number::default());
        let mut sums = [[zero; W]; R];
        for &k in block.a_sums {
            let mut line = [zero; W];
            for (w, lane) in line.iter_mut().enumerate() {
                *lane = L::load(b.wrapping_add(w * L::LEN));
            }
            for (row, sums) in rows.iter().zip(&mut sums) {
                let x = L::splat(*row.wrapping_offset(k));
                for (sum, &lane) in sums.iter_mut().zip(&line) {
                    *sum = x.multiply_add(lane, *sum);
                }
            }
            b = b.wrapping_offset(block.b_step);
        }
        if block.neighbours {
            write(block, row, sums);
        } else {
            // Through memory of its own: were it the sums' own, they could not stay in registers.
            let mut copy = MaybeUninit::<[[L; W]; R]>::uninit();
            copy.write(sums);
            scatter(block, row, slice::from_raw_parts(copy.as_ptr().cast(), R * W * L::LEN), W * L::LEN);
        }
    }
}

/// Brings sums into C, a register at a time.
///
/// # Safety
/// As for [`tile`]; the columns of C are neighbours.
#[inline(always)]
unsafe fn write<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>, row: usize, sums: [[L; W]; R]) {
    let cols = block.c_cols.len();
    for (sums, &offset) in sums.iter().zip(&block.c_rows[row..row + R]) {
        let to = block.c.wrapping_offset(offset + block.c_cols[0]);
        for (w, &sum) in sums.iter().enumerate() {
            let (to, count) = (to.wrapping_add(w * L::LEN), cols.saturating_sub(w * L::LEN));
            // SAFETY: each row of C has `cols` numbers in a row, of which `count` are left here.
            unsafe {
                if count >= L::LEN {
                    let sum = if block.add { L::load(to).add(sum) } else { sum };
                    sum.store(to);
                } else {
                    let sum = if block.add { L::load_first(to, count).add(sum) } else { sum };
                    sum.store_first(to, count);
                }
            }
        }
    }
}

/// Brings sums into C, number by number. Each row has `width` of them, of which C takes the first.
///
/// # Safety
/// As for [`tile`].
#[inline(never)]
unsafe fn scatter<T: Element>(block: &Block<'_, T>, row: usize, sums: &[T], width: usize) {
    for (sums, &offset) in sums.chunks_exact(width).zip(&block.c_rows[row..]) {
        for (&sum, &column) in sums.iter().zip(block.c_cols) {
            // SAFETY: the block vouches for the address, and that it is nobody else's.
            unsafe {
                let to = &mut *block.c.wrapping_offset(offset + column);
                if block.add {
                    *to += sum;
                } else {
                    *to = sum;
                }
            }
        }
    }
}

/// All rows of a block in tiles of at most R rows, at most 8. Their heights differ by one at most,
/// because a low tile has too few sums to keep the processor busy.
///
/// # Safety
/// As for [`Element::multiply`].
#[inline(always)]
unsafe fn sweep<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>) {
    let rows = block.a_rows.len();
    let tiles = rows.div_ceil(R);
    let mut row = 0;
    for left in (1..=tiles).rev() {
        let height = (rows - row).div_ceil(left);
        // SAFETY: the block has `height` rows more; the rest is the caller's to vouch for.
        unsafe {
            match height {
                1 => tile::<L, 1, W>(block, row),
                2 => tile::<L, 2, W>(block, row),
                3 => tile::<L, 3, W>(block, row),
                4 => tile::<L, 4, W>(block, row),
                5 if R > 4 => tile::<L, 5, W>(block, row),
                6 if R > 4 => tile::<L, 6, W>(block, row),
                7 if R > 6 => tile::<L, 7, W>(block, row),
                8 if R > 6 => tile::<L, 8, W>(block, row),
                _ => unreachable!("a tile of {height} rows"),
            }
        }
        row += height;
    }
}

/// [`sweep`] over a block, for any registers.
struct Sweep<'a, T, const R: usize, const W: usize>(&'a Block<'a, T>);

impl<T: Element, const R: usize, const W: usize> LaneLoop<T> for Sweep<'_, T, R, W> {
    #[inline(always)]
    unsafe fn run<L: Lane<Number = T>>(self) {
        // SAFETY: as the caller vouches.
        unsafe { sweep::<L, R, W>(self.0) }
    }
}

macro_rules! element {
    ($number:ident, $half:ident, $full:ident, $transpose:ident) => {
        impl Element for $number {
            const SQUARE: usize = NARROWEST / size_of::<$number>();

            #[cfg(target_arch = "x86_64")]
            unsafe fn transpose(from: *const Self, cols: &[isize], len: usize, to: *mut Self, width: usize) {
                // SAFETY: as the caller vouches.
                unsafe { $transpose(array::from_fn(|j| from.wrapping_offset(cols[j])), len, to, width) };
            }

            #[cfg(not(target_arch = "x86_64"))]
            unsafe fn transpose(_: *const Self, _: &[isize], _: usize, _: *mut Self, _: usize) {
                unreachable!("there are instructions for it on x86-64 alone")
            }

            unsafe fn multiply(instructions: Instructions, width: usize, block: &Block<'_, Self>) {
                // SAFETY: as the caller vouches. For few columns half a register does.
                unsafe {
                    match (instructions, width * size_of::<Self>()) {
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, WIDEST) => avx512::<$full, _>(Sweep::<_, 6, 4>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 192) => avx512::<$full, _>(Sweep::<_, 6, 3>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 128) => avx512::<$full, _>(Sweep::<_, 8, 2>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 64) => avx512::<$full, _>(Sweep::<_, 8, 1>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, _) => avx512::<$half, _>(Sweep::<_, 8, 1>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx2, 64) => avx2::<$half, _>(Sweep::<_, 6, 2>(block)),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx2, _) => avx2::<$half, _>(Sweep::<_, 8, 1>(block)),
                        _ => Sweep::<_, 4, 1>(block).run::<[$number; NARROWEST / size_of::<$number>()]>(),
                    }
                }
            }

            unsafe fn run(instructions: Instructions, body: impl LaneLoop<Self>) {
                // SAFETY: as the caller vouches.
                unsafe {
                    match instructions {
                        #[cfg(target_arch = "x86_64")]
                        Instructions::Avx512 => avx512::<$full, _>(body),
                        #[cfg(target_arch = "x86_64")]
                        Instructions::Avx2 => avx2::<$half, _>(body),
                        _ => body.run::<[$number; NARROWEST / size_of::<$number>()]>(),
                    }
                }
            }

            fn rounded(x: f64) -> Self {
                x as Self
            }
        }
    };
}

element!(f32, __m256, __m512, transpose_f32);
element!(f64, __m256d, __m512d, transpose_f64);
