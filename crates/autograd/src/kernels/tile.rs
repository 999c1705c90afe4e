//! The register tile: the innermost loops of every product, written once for all instruction sets.
//!
//! A tile keeps R rows × W registers of sums in registers. For each step of the sum it loads W
//! registers of B, and for each row one number of A, which it multiplies with all of them:
//! R · W multiply-adds for W + R loads. R and W are as large as the registers of the processor
//! allow.

use std::array;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::{AddAssign, Mul};
use std::slice;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m256d, __m512, __m512d, _mm256_add_pd, _mm256_add_ps, _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_set1_pd, _mm256_set1_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm512_add_pd, _mm512_add_ps,
    _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_set1_pd, _mm512_set1_ps,
    _mm512_storeu_pd, _mm512_storeu_ps,
};

#[cfg(target_arch = "x86_64")]
use super::transpose::{transpose_f32, transpose_f64};

/// A set of instructions for which there are tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// What every processor has. Products are rounded before they are added.
    Portable,
    /// AVX2 and FMA: 16 registers of 32 bytes.
    Avx2,
    /// AVX-512, with the instructions for shorter registers: 32 registers of 64 bytes.
    Avx512,
}

/// Bytes of the widest tile there is.
pub(super) const WIDEST: usize = 256;

/// Bytes of the narrowest tile that every instruction set has.
pub(super) const NARROWEST: usize = 32;

thread_local! {
    /// What [`with_instructions`] has set for this thread.
    static CHOSEN: Cell<Option<Instructions>> = const { Cell::new(None) };
}

impl Instructions {
    /// All sets, the slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Whether this processor has them.
    pub fn available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Those that products started by this thread use: the best that there are, unless
    /// [`with_instructions`] says otherwise.
    pub fn current() -> Self {
        let best = || Self::ALL.into_iter().rev().find(|set| set.available());
        CHOSEN.get().or_else(best).unwrap_or(Self::Portable)
    }

    /// The widths of the tiles in bytes, the widest first.
    pub(super) fn widths(self) -> &'static [usize] {
        match self {
            Self::Portable => &[NARROWEST],
            Self::Avx2 => &[64, NARROWEST],
            Self::Avx512 => &[WIDEST, 192, 128, 64, NARROWEST],
        }
    }
}

/// Calls `f`; products that it starts on this thread use these instructions. For tests, which hold
/// the sets against each other.
///
/// # Panics
/// If the processor does not have them.
pub fn with_instructions<R>(instructions: Instructions, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Instructions>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CHOSEN.set(self.0);
        }
    }
    assert!(instructions.available(), "this processor does not have {instructions:?}");
    let _restore = Restore(CHOSEN.replace(Some(instructions)));
    f()
}

/// A number that products are made of: `f32` or `f64`.
pub trait Element: Copy + Send + Sync + Default + Mul<Output = Self> + AddAssign + 'static {
    /// C\[i, j\] (+)= Σₖ A\[i, k\] · B\[k, j\] over one block, with tiles `width` numbers wide.
    ///
    /// # Safety
    /// The processor has the instructions, `width` is one of the widths of their tiles, and the
    /// block is as its fields say.
    #[doc(hidden)]
    unsafe fn multiply(instructions: Instructions, width: usize, block: &Block<'_, Self>);

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
    /// The columns of C are neighbours, and there are as many as the tile is wide.
    pub(super) direct: bool,
    /// Add to C instead of overwriting it.
    pub(super) add: bool,
}

/// A register: `LEN` numbers side by side.
///
/// # Safety of the methods
/// The processor has the register's instructions, and pointers point to `LEN` numbers.
trait Lane: Copy {
    type Number: Element;
    const LEN: usize;
    /// x in every place.
    unsafe fn splat(x: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// self + x.
    unsafe fn add(self, x: Self) -> Self;
    /// self · x + sum.
    unsafe fn multiply_add(self, x: Self, sum: Self) -> Self;
}

impl<T: Element, const N: usize> Lane for [T; N] {
    type Number = T;
    const LEN: usize = N;
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        [x; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for N numbers.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for N numbers.
        unsafe { to.cast::<Self>().write(self) }
    }
    #[inline(always)]
    unsafe fn add(mut self, x: Self) -> Self {
        for i in 0..N {
            self[i] += x[i];
        }
        self
    }
    #[inline(always)]
    unsafe fn multiply_add(self, x: Self, mut sum: Self) -> Self {
        // Not `mul_add`: without an instruction for it, that is a slow call.
        for i in 0..N {
            sum[i] += self[i] * x[i];
        }
        sum
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! lane {
    ($lane:ident, $number:ident, $len:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $multiply_add:ident) => {
        impl Lane for $lane {
            type Number = $number;
            const LEN: usize = $len;
            #[inline(always)]
            unsafe fn splat(x: $number) -> Self {
                // SAFETY: the caller vouches for the instructions.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: the caller vouches for the instructions and the numbers.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: the caller vouches for the instructions and the numbers.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn add(self, x: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                unsafe { $add(self, x) }
            }
            #[inline(always)]
            unsafe fn multiply_add(self, x: Self, sum: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                unsafe { $multiply_add(self, x, sum) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
lane!(__m256, f32, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_fmadd_ps);
#[cfg(target_arch = "x86_64")]
lane!(__m256d, f64, 4, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_fmadd_pd);
#[cfg(target_arch = "x86_64")]
lane!(__m512, f32, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps);
#[cfg(target_arch = "x86_64")]
lane!(__m512d, f64, 8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_fmadd_pd);

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
        if block.direct {
            write(block, row, sums);
        } else {
            // Through memory of its own: were it the sums' own, they could not stay in registers.
            let mut copy = MaybeUninit::<[[L; W]; R]>::uninit();
            copy.write(sums);
            scatter(block, row, slice::from_raw_parts(copy.as_ptr().cast(), R * W * L::LEN), W * L::LEN);
        }
    }
}

/// Brings sums into C, whole registers at a time.
///
/// # Safety
/// As for [`tile`]; the block is `direct`.
#[inline(always)]
unsafe fn write<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>, row: usize, sums: [[L; W]; R]) {
    // SAFETY: the columns are neighbours, so each row of C is W registers of numbers in a row.
    unsafe {
        for (sums, &offset) in sums.iter().zip(&block.c_rows[row..row + R]) {
            let to = block.c.wrapping_offset(offset + block.c_cols[0]);
            for (w, &sum) in sums.iter().enumerate() {
                let to = to.wrapping_add(w * L::LEN);
                let sum = if block.add { L::load(to).add(sum) } else { sum };
                sum.store(to);
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

/// [`sweep`], compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
unsafe fn sweep_avx512<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>) {
    // SAFETY: as the caller vouches.
    unsafe { sweep::<L, R, W>(block) }
}

/// [`sweep`], compiled for AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn sweep_avx2<L: Lane, const R: usize, const W: usize>(block: &Block<'_, L::Number>) {
    // SAFETY: as the caller vouches.
    unsafe { sweep::<L, R, W>(block) }
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
                        (Instructions::Avx512, WIDEST) => sweep_avx512::<$full, 6, 4>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 192) => sweep_avx512::<$full, 8, 3>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 128) => sweep_avx512::<$full, 8, 2>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, 64) => sweep_avx512::<$full, 8, 1>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx2, 64) => sweep_avx2::<$half, 6, 2>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx512, _) => sweep_avx512::<$half, 8, 1>(block),
                        #[cfg(target_arch = "x86_64")]
                        (Instructions::Avx2, _) => sweep_avx2::<$half, 8, 1>(block),
                        _ => sweep::<[$number; NARROWEST / size_of::<$number>()], 4, 1>(block),
                    }
                }
            }
        }
    };
}

element!(f32, __m256, __m512, transpose_f32);
element!(f64, __m256d, __m512d, transpose_f64);
