//! Loops over numbers one by one, with repetition.
//!
//! [`each`] is the one home of all functions that act on numbers by themselves, be they an op's, an optimizer's or a
//! penalty's: it has the loop compiled for the processor's best instructions, and shares it between
//! threads when it is long.

use std::array::from_fn;

use super::layout::walk;
use super::threads::for_each_chunk;
use super::wide::wide;
use crate::shape::Shape;

/// A loop that reads and writes fewer bytes stays on the calling thread: waking another would take longer.
const MANY: usize = 1 << 18;

/// At most so many chunks are made of a loop that threads share.
pub(super) const CHUNKS: usize = 16;

/// Short rows are repeated to about this length, so that wide registers are filled.
pub(super) const TILE: usize = 256;

/// How many of `len` numbers, for each of which `bytes` are moved, are one task: a multiple of `step`, or all. It
/// follows from the lengths alone.
pub(super) fn task_len(len: usize, bytes: usize, step: usize) -> usize {
    if len * bytes < MANY { len.max(1) } else { len.div_ceil(CHUNKS).next_multiple_of(step) }
}

/// Overwrites N slices, number by number: `writes = f(writes, reads)`, where all slices are of one length.
///
/// ```
/// use tandem_autograd::kernels::elementwise::each;
/// let (mut w, mut v, g) = ([1.0, 2.0], [0.0, 1.0], [3.0, 4.0]);
/// each([&mut w, &mut v], [&g], |[w, v], [g]| [w - 0.5 * (v + g), v + g]);      // a step with momentum
/// assert_eq!((w, v), ([-0.5, -0.5], [3.0, 5.0]));
/// ```
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn each<T: Copy + Send + Sync, const N: usize, const M: usize>(
    writes: [&mut [T]; N],
    reads: [&[T]; M],
    f: impl Fn([T; N], [T; M]) -> [T; N] + Copy + Sync,
) {
    let len = writes.first().map_or(0, |slice| slice.len());
    let one_length = writes.iter().all(|slice| slice.len() == len) && reads.iter().all(|slice| slice.len() == len);
    assert!(one_length, "numbers are taken from slices of one length");
    let chunk = task_len(len, (2 * N + M) * size_of::<T>(), 1024);
    if chunk == len {
        return each_of(len, writes, reads, f);
    }
    for_each_chunk(writes, chunk, |i, writes| {
        let len = writes.first().map_or(0, |slice| slice.len());
        each_of(len, writes, reads.map(|slice| &slice[i * chunk..][..len]), f);
    });
}

wide! {
    fn each_of[T: Copy, const N: usize, const M: usize, F: Fn([T; N], [T; M]) -> [T; N] + Copy](
        len: usize,
        writes: [&mut [T]; N],
        reads: [&[T]; M],
        f: F,
    ) {
        let writes = writes.map(|slice| &mut slice[..len]);
        let reads = reads.map(|slice| &slice[..len]);
        for i in 0..len {
            let results = f(from_fn(|k| writes[k][i]), from_fn(|k| reads[k][i]));
            for k in 0..N {
                writes[k][i] = results[k];
            }
        }
    }
}

/// Has `f` write `out`, a stretch at a time, from the same stretch of `x` or in place, over threads when it is long. What
/// it makes of a number must not depend on the stretch that it stands in.
///
/// ```
/// use tandem_autograd::kernels::elementwise::stretches;
/// let mut z = [0.0; 3];
/// stretches(&mut z, Some(&[1.0, 2.0, 4.0]), |z, x| z.copy_from_slice(x.unwrap()));
/// stretches(&mut z, None, |z, _| z.iter_mut().for_each(|z| *z *= 10.0));
/// assert_eq!(z, [10.0, 20.0, 40.0]);
/// ```
///
/// # Panics
/// If `x` is shorter than `out`.
pub fn stretches<T: Copy + Send + Sync>(out: &mut [T], x: Option<&[T]>, f: impl Fn(&mut [T], Option<&[T]>) + Sync) {
    let chunk = task_len(out.len(), 2 * size_of::<T>(), 1024);
    for_each_chunk([out], chunk, |i, [out]| {
        let len = out.len();
        f(out, x.map(|x| &x[i * chunk..][..len]));
    });
}

/// a = f(a, b), number by number, where b, of shape `narrow`, is repeated to a's shape, `wide`.
///
/// ```
/// use tandem_autograd::{Shape, kernels::elementwise::zip_into};
/// let mut a = [1.0, 2.0, 3.0, 4.0];
/// zip_into(&mut a, Shape::from([2, 2]), &[10.0, 20.0], Shape::from([2, 1]), |a, b| a + b);
/// assert_eq!(a, [11.0, 12.0, 23.0, 24.0]);
/// ```
pub fn zip_into<T: Copy + Send + Sync>(a: &mut [T], wide: Shape, b: &[T], narrow: Shape, f: impl Fn(T, T) -> T + Sync) {
    if let [b] = *b {
        return each([a], [], |[a], []| [f(a, b)]);
    }
    if b.len() == a.len() {
        return each([a], [b], |[a], [b]| [f(a, b)]);
    }
    if narrow.is_suffix_of(&wide) {
        return zip_rows(a, b, &f);
    }
    runs(narrow, wide, |from, to, run, step| {
        let a = &mut a[to..to + run];
        match step {
            0 => each([a], [], |[a], []| [f(a, b[from])]),
            _ => each([a], [&b[from..from + run]], |[a], [b]| [f(a, b)]),
        }
    });
}

/// a = f(a, b) for each row of a, a row being as long as b.
fn zip_rows<T: Copy + Send + Sync>(a: &mut [T], b: &[T], f: &(impl Fn(T, T) -> T + Sync)) {
    let Some(&first) = b.first() else { return };
    let mut tile = [first; TILE];
    let tiled = &mut tile[..TILE / b.len() * b.len()];
    tiled.chunks_exact_mut(b.len()).for_each(|row| row.copy_from_slice(b));
    let b = if tiled.is_empty() { b } else { tiled };
    let chunk = task_len(a.len(), 2 * size_of::<T>(), b.len());
    for_each_chunk([a], chunk, |_, [a]| rows_of(a, b, f));
}

wide! {
    fn rows_of[T: Copy, F: Fn(T, T) -> T](a: &mut [T], b: &[T], f: &F) {
        for a in a.chunks_mut(b.len()) {
            for (a, &b) in a.iter_mut().zip(b) {
                *a = f(*a, b);
            }
        }
    }
}

/// The last axes of the wide shape along which the narrow one either moves too or stands still: how many axes stand
/// before them, how many numbers a run along them has, and how far a step along it moves in the narrow one, 1 or 0.
pub(super) fn last_run(narrow: Shape, wide: Shape) -> (usize, usize, usize) {
    let strides = narrow.strides_in(&wide);
    let (mut outer, mut run) = (wide.rank(), 1);
    let mut step = None;
    while outer > 0 {
        let (len, stride) = (wide[outer - 1] as usize, strides[outer - 1]);
        let kind = usize::from(stride != 0);
        if len > 1 && *step.get_or_insert(kind) != kind {
            break;
        }
        run *= len;
        outer -= 1;
    }
    (outer, run, step.unwrap_or(0))
}

/// Calls `visit(narrow offset, wide offset, run, step)` for every [last run](last_run) of the wide shape.
pub(super) fn runs(narrow: Shape, wide: Shape, mut visit: impl FnMut(usize, usize, usize, usize)) {
    if wide.is_empty() {
        return;
    }
    let (outer, run, step) = last_run(narrow, wide);
    let mut start = 0;
    walk(wide, outer, [narrow.strides_in(&wide)], |[at]| {
        visit(at, start, run, step);
        start += run;
    });
}

/// out, of shape `wide`, = x, of shape `narrow`, with every repetition written out.
///
/// ```
/// use tandem_autograd::{Shape, kernels::elementwise::broadcast_into};
/// let mut out = [0.0; 4];
/// broadcast_into(&mut out, Shape::from([2, 2]), &[1.0, 2.0], Shape::from([2]));
/// assert_eq!(out, [1.0, 2.0, 1.0, 2.0]);
/// ```
pub fn broadcast_into<T: Copy>(out: &mut [T], wide: Shape, x: &[T], narrow: Shape) {
    runs(narrow, wide, |from, to, run, step| match step {
        0 => out[to..to + run].fill(x[from]),
        _ => out[to..to + run].copy_from_slice(&x[from..from + run]),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Instructions, set_threads, with_instructions};

    /// Lengths around those at which loops change.
    const LENGTHS: [usize; 12] = [0, 1, 2, 7, 15, 31, 64, 97, 255, 257, 1023, 100_003];

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 37 + seed * 11) % 101) as f32 - 50.0).collect()
    }

    #[test]
    fn the_same_bits_for_all_instructions_threads_and_lengths() {
        let f = |a: f32, b: f32| (a * 1.1 + b) / (b * b + 1.0);
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            for threads in [1, 2] {
                set_threads(threads);
                with_instructions(set, || {
                    for len in LENGTHS {
                        let (a, b) = (numbers(len, 1), numbers(len, 2));
                        let mut found = vec![f32::NAN; len];
                        each([&mut found], [&a, &b], |_, [a, b]| [f(a, b)]);
                        assert!(found.iter().zip(a.iter().zip(&b)).all(|(&found, (&a, &b))| found == f(a, b)), "{len}");
                    }
                });
            }
        }
    }

    #[test]
    fn numbers_are_repeated_along_any_axes() {
        for (narrow, wide) in [
            ([1, 1, 1], [3, 2, 5]),
            ([1, 1, 6], [701, 9, 6]),
            ([1, 1, 300], [9, 57, 300]),
            ([1, 2, 5], [3, 2, 5]),
            ([3, 1, 1], [3, 2, 5]),
            ([3, 1, 5], [3, 2, 5]),
            ([1, 2, 1], [3, 2, 5]),
            ([1, 1, 0], [3, 2, 0]),
        ] {
            let (narrow, wide) = (Shape::from(narrow), Shape::from(wide));
            let (b, a) = (numbers(narrow.len(), 3), numbers(wide.len(), 4));
            let mut spread = vec![f32::NAN; wide.len()];
            broadcast_into(&mut spread, wide, &b, narrow);
            let expected: Vec<f32> = a.iter().zip(&spread).map(|(a, b)| a - b).collect();
            let mut found = a;
            zip_into(&mut found, wide, &b, narrow, |a, b| a - b);
            assert_eq!(found, expected, "{narrow} in {wide}");
        }
    }
}
