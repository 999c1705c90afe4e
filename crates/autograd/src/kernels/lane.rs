//! Registers of every instruction set behind one trait, so that a loop over them is written once.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m256d, __m512, __m512d, _mm256_add_pd, _mm256_add_ps, _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_set1_pd, _mm256_set1_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm512_add_pd, _mm512_add_ps,
    _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_set1_pd, _mm512_set1_ps,
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
