//! Transposition of a few columns that are each stored together: 8 × 8 numbers of `f32`, or 4 × 4 of
//! `f64`, are read as rows of a square, exchanged in registers and written as its columns.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _MM_HINT_T1, _mm_loadu_pd, _mm_loadu_ps, _mm_prefetch, _mm256_castpd128_pd256, _mm256_castps128_ps256,
    _mm256_insertf128_pd, _mm256_insertf128_ps, _mm256_shuffle_ps, _mm256_storeu_pd, _mm256_storeu_ps,
    _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
};

/// to\[k · width + j\] = column j at k, for 8 columns and k below `len`, a multiple of 8.
///
/// # Safety
/// The processor has AVX. The columns have `len` numbers, and `to` has room for `len` lines.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
pub(super) unsafe fn transpose_f32(cols: [*const f32; 8], len: usize, to: *mut f32, width: usize) {
    for k in (0..len).step_by(4) {
        if k.is_multiple_of(16) {
            // The columns mostly go on, and are far apart: the next stretch of the sum should be near by then.
            for col in cols {
                _mm_prefetch::<_MM_HINT_T1>(col.wrapping_add(k + len).cast());
            }
        }
        // SAFETY: the caller vouches for k..k + 4 of each column and the lines k..k + 4.
        unsafe {
            let pair = |j: usize| {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(cols[j].add(k)));
                _mm256_insertf128_ps(low, _mm_loadu_ps(cols[j + 4].add(k)), 1)
            };
            let rows = [pair(0), pair(1), pair(2), pair(3)];
            let [a, b] = [_mm256_unpacklo_ps(rows[0], rows[1]), _mm256_unpacklo_ps(rows[2], rows[3])];
            let [c, d] = [_mm256_unpackhi_ps(rows[0], rows[1]), _mm256_unpackhi_ps(rows[2], rows[3])];
            _mm256_storeu_ps(to.add(k * width), _mm256_shuffle_ps(a, b, 0x44));
            _mm256_storeu_ps(to.add((k + 1) * width), _mm256_shuffle_ps(a, b, 0xee));
            _mm256_storeu_ps(to.add((k + 2) * width), _mm256_shuffle_ps(c, d, 0x44));
            _mm256_storeu_ps(to.add((k + 3) * width), _mm256_shuffle_ps(c, d, 0xee));
        }
    }
}

/// [`transpose_f32`] for 4 columns of `f64`; `len` is a multiple of 2.
///
/// # Safety
/// As for [`transpose_f32`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
pub(super) unsafe fn transpose_f64(cols: [*const f64; 4], len: usize, to: *mut f64, width: usize) {
    for k in (0..len).step_by(2) {
        // SAFETY: the caller vouches for k..k + 2 of each column and the lines k..k + 2.
        unsafe {
            let pair = |j: usize| {
                let low = _mm256_castpd128_pd256(_mm_loadu_pd(cols[j].add(k)));
                _mm256_insertf128_pd(low, _mm_loadu_pd(cols[j + 2].add(k)), 1)
            };
            let rows = [pair(0), pair(1)];
            _mm256_storeu_pd(to.add(k * width), _mm256_unpacklo_pd(rows[0], rows[1]));
            _mm256_storeu_pd(to.add((k + 1) * width), _mm256_unpackhi_pd(rows[0], rows[1]));
        }
    }
}
