//! Small integers in the memory of numbers, so that they come from the same pool.

use super::Element;

/// How many numbers take this many bytes.
///
/// ```
/// use tandem_autograd::kernels::bytes::numbers;
/// assert_eq!((numbers::<f32>(9), numbers::<f64>(9)), (3, 2));
/// ```
pub fn numbers<T>(bytes: usize) -> usize {
    bytes.div_ceil(size_of::<T>())
}

/// The memory of numbers as bytes.
///
/// ```
/// use tandem_autograd::kernels::bytes::{bytes, bytes_mut};
/// let mut x = [0.0_f32; 2];
/// bytes_mut(&mut x)[5] = 200;
/// assert_eq!(bytes(&x), [0, 0, 0, 0, 0, 200, 0, 0]);
/// ```
pub fn bytes<T: Element>(x: &[T]) -> &[u8] {
    // SAFETY: `Element` is implemented for `f32` and `f64` alone, which have no padding; every byte of
    // theirs is initialised, bytes need no alignment, and the length in bytes is the same memory's.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), size_of_val(x)) }
}

/// The memory of numbers as bytes, to be written; the example is at [`bytes`].
pub fn bytes_mut<T: Element>(x: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes`; and any bytes make an `f32` or `f64`.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), size_of_val(x)) }
}
