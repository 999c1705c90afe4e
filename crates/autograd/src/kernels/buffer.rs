//! Numbers in memory that begins at a line of the cache, which a `Vec` does not promise: a register of 64 bytes
//! that lies across two lines is loaded at half the speed.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;

use super::Element;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// A fixed number of numbers, from the start of a line of the cache on. It asks the system for no byte more.
pub struct Buffer<T: Element> {
    start: NonNull<T>,
    len: usize,
    numbers: PhantomData<T>,
}

// SAFETY: a buffer owns its numbers as a `Vec` does, and numbers may go between threads.
unsafe impl<T: Element> Send for Buffer<T> {}
// SAFETY: a shared reference only reads.
unsafe impl<T: Element> Sync for Buffer<T> {}

impl<T: Element> Buffer<T> {
    /// No numbers, and no memory.
    pub const fn empty() -> Buffer<T> {
        Buffer { start: NonNull::dangling(), len: 0, numbers: PhantomData }
    }

    /// So many zeros.
    pub fn zeros(len: usize) -> Buffer<T> {
        let layout = Buffer::<T>::layout(len);
        if layout.size() == 0 {
            return Buffer::empty();
        }
        // SAFETY: the layout is not empty. Bytes of zeros are the number 0 in every floating-point type.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start.cast()) else { handle_alloc_error(layout) };
        Buffer { start, len, numbers: PhantomData }
    }

    fn layout(len: usize) -> Layout {
        let numbers = Layout::array::<T>(len).expect("the numbers fit into memory");
        numbers.align_to(LINE).expect("64 is a power of two")
    }
}

impl<T: Element> From<&[T]> for Buffer<T> {
    fn from(numbers: &[T]) -> Buffer<T> {
        let mut buffer = Buffer::zeros(numbers.len());
        buffer.copy_from_slice(numbers);
        buffer
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` numbers begin at `start`, all of them set; none if it dangles.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the buffer is borrowed for whoever writes.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        let layout = Buffer::<T>::layout(self.len);
        if layout.size() > 0 {
            // SAFETY: it was allocated with the same layout, as `len` never changes.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_line_and_hold_their_numbers() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let numbers: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let mut buffer = Buffer::from(&numbers[..]);
            assert_eq!((&buffer[..], len == 0 || buffer.as_ptr().addr() % LINE == 0), (&numbers[..], true));
            buffer.iter_mut().for_each(|x| *x += 1.0);
            assert!(buffer.iter().zip(&numbers).all(|(x, y)| *x == y + 1.0));
            assert!(Buffer::<f64>::zeros(len).iter().all(|&x| x == 0.0));
        }
    }
}
