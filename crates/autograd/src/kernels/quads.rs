//! Max pooling over windows of 2×2 places side by side, the usual ones: a fast form of what `pooling` defines.
//!
//! A row of windows lies in two rows of the image, where left and right places take turns. They are copied apart, into
//! four [planes](Planes), one for each place of a window. Then all loops are over numbers side by side, however few
//! channels there are.

use super::elementwise::task_len;
use super::pooling::replaces;
use super::threads::for_each_chunk;
use super::wide::wide;

/// The most numbers of a plane that are used: four planes stay in the nearest cache.
pub(super) const PLANE: usize = 512;

/// How many numbers are copied at once where there are at most so many channels.
const LANES: usize = 16;

/// What stands at each of the four places of some windows.
type Planes<T> = [[T; PLANE + LANES]; 4];

/// Images of `height`×`width`×`channels` in windows of 2×2. A row or a column that is left over is in no window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quads {
    pub(super) image: [usize; 2],
    /// At most [`PLANE`].
    pub(super) channels: usize,
}

impl Quads {
    /// How many numbers a row of an image has, and how many a row of windows.
    fn rows(self) -> [usize; 2] {
        [self.image[1] * self.channels, self.image[1] / 2 * self.channels]
    }

    /// How many numbers an image has, and how many its windows.
    fn images(self) -> [usize; 2] {
        let [row, windows] = self.rows();
        [self.image[0] * row, self.image[0] / 2 * windows]
    }

    /// For each window and channel, which of its places, 0 to 3, has the first largest number.
    pub(super) fn first_max<T: Copy + Default + PartialOrd + Sync>(self, x: &[T], places: &mut [u8]) {
        self.each_row(x, places, |_, rows, places, planes| first_max_of_row(rows, places, self.channels, planes));
    }

    /// z = x at a place of each window.
    pub(super) fn pick<T: Copy + Default + Send + Sync>(self, x: &[T], places: &[u8], z: &mut [T]) {
        self.each_row(x, z, |at, rows, z, planes| {
            pick_row(rows, &places[at..at + z.len()], z, self.channels, planes);
        });
    }

    /// Calls `f(place of the first result, two rows of the image, results, planes)` for every row of windows.
    fn each_row<T: Copy + Default + Sync, R: Send>(
        self,
        x: &[T],
        results: &mut [R],
        f: impl Fn(usize, [&[T]; 2], &mut [R], &mut Planes<T>) + Sync,
    ) {
        let ([row, windows], [image, images]) = (self.rows(), self.images());
        if results.is_empty() {
            return;
        }
        // A result is made of four numbers.
        let chunk = task_len(results.len(), 5 * size_of::<T>(), images);
        for_each_chunk([results], chunk, |i, [results]| {
            let mut planes = [[T::default(); PLANE + LANES]; 4];
            for (k, results) in results.chunks_exact_mut(windows).enumerate() {
                let at = i * chunk + k * windows;
                let from = at / images * image + at % images / windows * 2 * row;
                let (top, bottom) = x[from..from + 2 * row].split_at(row);
                f(at, [top, bottom], results, &mut planes);
            }
        });
    }

    /// z = each window's number at its place, and zeros.
    pub(super) fn put<T: Copy + Default + Send + Sync>(self, g: &[T], places: &[u8], z: &mut [T]) {
        let ([row, windows], [image, images]) = (self.rows(), self.images());
        if g.is_empty() {
            return z.fill(T::default());
        }
        let chunk = task_len(z.len(), 2 * size_of::<T>(), image);
        for_each_chunk([z], chunk, |i, [z]| {
            let mut planes = [[T::default(); PLANE + LANES]; 4];
            let mut from = i * chunk / image * images;
            for z in z.chunks_exact_mut(image) {
                let mut pairs = z.chunks_exact_mut(2 * row);
                for pair in &mut pairs {
                    let (top, bottom) = pair.split_at_mut(row);
                    let here = from..from + windows;
                    put_row(&g[here.clone()], &places[here], [top, bottom], self.channels, &mut planes);
                    from += windows;
                }
                pairs.into_remainder().fill(T::default());
            }
        });
    }
}

/// Copies `n` numbers.
#[inline(always)]
fn copy<T: Copy>(to: &mut [T], from: &[T], n: usize) {
    if n == LANES {
        to[..LANES].copy_from_slice(&from[..LANES]);
    } else {
        to[..n].copy_from_slice(&from[..n]);
    }
}

/// Copies the places of windows apart, `n` numbers for each place, from number `at` of each on.
#[inline(always)]
fn part<T: Copy>(rows: [&[T]; 2], channels: usize, at: usize, n: usize, planes: &mut Planes<T>) {
    let [a, b, c, d] = planes;
    for (row, left, right) in [(rows[0], a, b), (rows[1], c, d)] {
        for window in (0..n).step_by(channels) {
            let from = &row[2 * (at + window)..];
            // A few more are copied, which are overwritten by the next window's: a length that is known is faster.
            let n = if channels <= LANES && from.len() >= channels + LANES { LANES } else { channels };
            copy(&mut left[window..], from, n);
            copy(&mut right[window..], &from[channels..], n);
        }
    }
}

/// Undoes [`part`].
#[inline(always)]
fn join<T: Copy>(planes: &Planes<T>, channels: usize, at: usize, n: usize, rows: [&mut [T]; 2]) {
    let [a, b, c, d] = planes;
    let [top, bottom] = rows;
    for (row, left, right) in [(top, a, b), (bottom, c, d)] {
        for window in (0..n).step_by(channels) {
            let to = &mut row[2 * (at + window)..];
            let n = if channels <= LANES && to.len() >= channels + LANES { LANES } else { channels };
            copy(to, &left[window..], n);
            copy(&mut to[channels..], &right[window..], n);
        }
    }
}

wide! {
    fn first_max_of_row[T: Copy + PartialOrd](
        rows: [&[T]; 2],
        places: &mut [u8],
        channels: usize,
        planes: &mut Planes<T>,
    ) {
        let step = PLANE / channels * channels;
        for (k, places) in places.chunks_mut(step).enumerate() {
            part(rows, channels, k * step, places.len(), planes);
            let [a, b, c, d] = planes;
            for (i, to) in places.iter_mut().enumerate().take(PLANE) {
                let (mut largest, mut best) = (a[i], 0);
                for (place, x) in [(1, b[i]), (2, c[i]), (3, d[i])] {
                    let better = replaces(x, largest);
                    largest = if better { x } else { largest };
                    best = if better { place } else { best };
                }
                *to = best;
            }
        }
    }
}

wide! {
    fn pick_row[T: Copy](
        rows: [&[T]; 2],
        places: &[u8],
        z: &mut [T],
        channels: usize,
        planes: &mut Planes<T>,
    ) {
        let step = PLANE / channels * channels;
        for (k, (z, places)) in z.chunks_mut(step).zip(places.chunks(step)).enumerate() {
            part(rows, channels, k * step, z.len(), planes);
            let [a, b, c, d] = planes;
            for (i, (z, &place)) in z.iter_mut().zip(places).enumerate().take(PLANE) {
                let x = if place == 1 { b[i] } else { a[i] };
                let x = if place == 2 { c[i] } else { x };
                *z = if place == 3 { d[i] } else { x };
            }
        }
    }
}

wide! {
    fn put_row[T: Copy + Default](
        g: &[T],
        places: &[u8],
        rows: [&mut [T]; 2],
        channels: usize,
        planes: &mut Planes<T>,
    ) {
        let step = PLANE / channels * channels;
        let [top, bottom] = rows;
        for (k, (g, places)) in g.chunks(step).zip(places.chunks(step)).enumerate() {
            for (i, (&g, &place)) in g.iter().zip(places).enumerate().take(PLANE) {
                for (at, plane) in (0..).zip(&mut *planes) {
                    plane[i] = if place == at { g } else { T::default() };
                }
            }
            join(planes, channels, k * step, g.len(), [&mut *top, &mut *bottom]);
        }
        // A column that is left over, and what was copied beyond the last window.
        top[2 * g.len()..].fill(T::default());
        bottom[2 * g.len()..].fill(T::default());
    }
}
