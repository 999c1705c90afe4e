//! Registers of every instruction set behind one trait, so that a loop over them is written once.

use std::slice;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m256d, __m256i, __m512, __m512d, _mm256_add_pd, _mm256_add_ps, _mm256_fmadd_pd, _mm256_fmadd_ps,
    _mm256_loadu_pd, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_maskload_pd, _mm256_maskload_ps, _mm256_maskstore_pd,
    _mm256_maskstore_ps, _mm256_set1_pd, _mm256_set1_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm512_add_pd,
    _mm512_add_ps, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_mask_storeu_pd,
    _mm512_mask_storeu_ps, _mm512_maskz_loadu_pd, _mm512_maskz_loadu_ps, _mm512_set1_pd, _mm512_set1_ps,
    _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::tile::Element;

/// A register: `LEN` numbers side by side.
///
/// # Safety of the methods
/// The processor has the register's instructions, and pointers point to `LEN` numbers.
pub trait Lane: Copy {
    type Number: Element;
    const LEN: usize;
    /// x in every place.
    unsafe fn splat(x: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// The first `count` numbers, at most `LEN`, and zeros. Only they have to be there.
    unsafe fn load_first(from: *const Self::Number, count: usize) -> Self;
    /// Stores the first `count` numbers, at most `LEN`.
    unsafe fn store_first(self, to: *mut Self::Number, count: usize);
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
    unsafe fn load_first(from: *const T, count: usize) -> Self {
        let mut numbers = [T::default(); N];
        // SAFETY: the caller vouches for `count` numbers.
        numbers[..count].copy_from_slice(unsafe { slice::from_raw_parts(from, count) });
        numbers
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, count: usize) {
        // SAFETY: the caller vouches for `count` numbers.
        unsafe { slice::from_raw_parts_mut(to, count) }.copy_from_slice(&self[..count]);
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
    ($lane:ident, $number:ident, $len:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $multiply_add:ident,
     $mask:ident, $load_first:ident, $store_first:ident) => {
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
            unsafe fn load_first(from: *const $number, count: usize) -> Self {
                // SAFETY: the caller vouches for the instructions and `count` numbers.
                unsafe { $load_first(from, $mask(count)) }
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $number, count: usize) {
                // SAFETY: the caller vouches for the instructions and `count` numbers.
                unsafe { $store_first(to, $mask(count), self) }
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

/// The masks of AVX-512: one bit a number.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask_16(count: usize) -> u16 {
    ((1_u32 << count) - 1) as u16
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask_8(count: usize) -> u8 {
    ((1_u32 << count) - 1) as u8
}

/// The masks of AVX: the sign of each number, read from a table that changes sign in its middle.
///
/// # Safety
/// The processor has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn signs_8(count: usize) -> __m256i {
    const SIGNS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: slicing has made sure of 8 numbers; the caller vouches for the instructions.
    unsafe { _mm256_loadu_si256(SIGNS[8 - count..][..8].as_ptr().cast()) }
}

/// [`signs_8`] for 4 numbers twice as long.
///
/// # Safety
/// The processor has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn signs_4(count: usize) -> __m256i {
    // SAFETY: as the caller vouches.
    unsafe { signs_8(2 * count) }
}

/// `_mm512_maskz_loadu_ps` with its arguments in the order of `_mm256_maskload_ps`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_first_ps(from: *const f32, mask: u16) -> __m512 {
    // SAFETY: as for the instruction.
    unsafe { _mm512_maskz_loadu_ps(mask, from) }
}

/// `_mm512_maskz_loadu_pd` with its arguments in the order of `_mm256_maskload_pd`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_first_pd(from: *const f64, mask: u8) -> __m512d {
    // SAFETY: as for the instruction.
    unsafe { _mm512_maskz_loadu_pd(mask, from) }
}

#[cfg(target_arch = "x86_64")]
lane!(
    __m256,
    f32,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_fmadd_ps,
    signs_8,
    _mm256_maskload_ps,
    _mm256_maskstore_ps
);
#[cfg(target_arch = "x86_64")]
lane!(
    __m256d,
    f64,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_fmadd_pd,
    signs_4,
    _mm256_maskload_pd,
    _mm256_maskstore_pd
);
#[cfg(target_arch = "x86_64")]
lane!(
    __m512,
    f32,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_fmadd_ps,
    mask_16,
    load_first_ps,
    _mm512_mask_storeu_ps
);
#[cfg(target_arch = "x86_64")]
lane!(
    __m512d,
    f64,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_fmadd_pd,
    mask_8,
    load_first_pd,
    _mm512_mask_storeu_pd
);

/// A loop over registers.
pub trait LaneLoop<T> {
    /// Runs it with registers of this kind.
    ///
    /// # Safety
    /// The processor has them, and what the loop itself demands.
    unsafe fn run<L: Lane<Number = T>>(self);
}

/// A loop, compiled for AVX-512.
///
/// # Safety
/// As for [`LaneLoop::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn avx512<L: Lane, F: LaneLoop<L::Number>>(body: F) {
    // SAFETY: as the caller vouches.
    unsafe { body.run::<L>() }
}

/// A loop, compiled for AVX2 and FMA.
///
/// # Safety
/// As for [`LaneLoop::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn avx2<L: Lane, F: LaneLoop<L::Number>>(body: F) {
    // SAFETY: as the caller vouches.
    unsafe { body.run::<L>() }
}
