//! Small integers in the memory of numbers, so that they come from the same pool.

use super::Element;

/// How many numbers take this many bytes.
pub fn numbers<T>(bytes: usize) -> usize {
    bytes.div_ceil(size_of::<T>())
}

/// The memory of numbers as bytes.
pub fn bytes<T: Element>(x: &[T]) -> &[u8] {
    // SAFETY: `Element` is implemented for `f32` and `f64` alone, which have no padding; every byte of
    // theirs is initialised, bytes need no alignment, and the length in bytes is the same memory's.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), size_of_val(x)) }
}

/// The memory of numbers as bytes, to be written.
pub fn bytes_mut<T: Element>(x: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes`; and any bytes make an `f32` or `f64`.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), size_of_val(x)) }
}
