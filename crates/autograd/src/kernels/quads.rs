//! Max pooling over windows of 2×2 places side by side, the usual ones: a fast form of what `pooling` defines.
//!
//! A row of windows is read from two rows of the image. Channels are taken [`LANES`] at a time; where fewer are left,
//! some are taken twice. Where there are fewer at all, the other lanes are those of the next places, and what is
//! written for them is overwritten as the row goes on.

use super::elementwise::task_len;
use super::pooling::replaces;
use super::threads::for_each_chunk;
use super::wide::wide;

/// How many channels are worked on at once.
const LANES: usize = 16;

/// Images of `height`×`width`×`channels` in windows of 2×2. A row or a column that is left over is in no window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quads {
    pub(super) image: [usize; 2],
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
    pub(super) fn first_max<T: Copy + PartialOrd + Sync>(self, x: &[T], places: &mut [u8]) {
        self.each_row(x, places, |[top, bottom], places| first_max_of_row(top, bottom, places, self.channels));
    }

    /// z = x at a place of each window.
    pub(super) fn pick<T: Copy + Send + Sync>(self, x: &[T], places: &[u8], z: &mut [T]) {
        let [_, row] = self.rows();
        let places = |at: usize| &places[at..at + row];
        self.each_row_from(x, z, |at, [top, bottom], z| pick_row(top, bottom, places(at), z, self.channels));
    }

    /// z = each window's number at its place, and zeros.
    pub(super) fn put<T: Copy + Default + Send + Sync>(self, g: &[T], places: &[u8], z: &mut [T]) {
        let ([row, windows], [image, images]) = (self.rows(), self.images());
        if g.is_empty() {
            return z.fill(T::default());
        }
        let chunk = task_len(z.len(), 2 * size_of::<T>(), image);
        for_each_chunk([z], chunk, |i, [z]| {
            let mut from = i * chunk / image * images;
            for z in z.chunks_exact_mut(image) {
                let mut pairs = z.chunks_exact_mut(2 * row);
                for pair in &mut pairs {
                    let (top, bottom) = pair.split_at_mut(row);
                    let here = from..from + windows;
                    put_row(&g[here.clone()], &places[here], [top, bottom], self.channels);
                    from += windows;
                }
                pairs.into_remainder().fill(T::default());
            }
        });
    }

    /// Calls `f` with the two rows of the image and the results of every row of windows.
    fn each_row<T: Sync, R: Send>(self, x: &[T], results: &mut [R], f: impl Fn([&[T]; 2], &mut [R]) + Sync) {
        self.each_row_from(x, results, |_, x, results| f(x, results));
    }

    /// As [`each_row`](Quads::each_row), with the place of the first result.
    fn each_row_from<T: Sync, R: Send>(
        self,
        x: &[T],
        results: &mut [R],
        f: impl Fn(usize, [&[T]; 2], &mut [R]) + Sync,
    ) {
        let ([row, windows], [image, images]) = (self.rows(), self.images());
        if results.is_empty() {
            return;
        }
        // A result is made of four numbers.
        let chunk = task_len(results.len(), 5 * size_of::<T>(), images);
        for_each_chunk([results], chunk, |i, [results]| {
            let first = i * chunk;
            for (k, results) in results.chunks_exact_mut(windows).enumerate() {
                let at = first + k * windows;
                let from = at / images * image + at % images / windows * 2 * row;
                let (top, bottom) = x[from..from + 2 * row].split_at(row);
                f(at, [top, bottom], results);
            }
        });
    }
}

/// The numbers from `at` on; behind the last of all, it over and over.
#[inline(always)]
fn load<T: Copy>(x: &[T], at: usize) -> [T; LANES] {
    match x[at..].first_chunk() {
        Some(lanes) => *lanes,
        None => std::array::from_fn(|i| x[(at + i).min(x.len() - 1)]),
    }
}

/// Writes numbers from `at` on, as many as there is room for.
#[inline(always)]
fn store<T: Copy>(out: &mut [T], at: usize, numbers: [T; LANES]) {
    match out[at..].first_chunk_mut() {
        Some(lanes) => *lanes = numbers,
        None => out[at..].iter_mut().zip(numbers).for_each(|(out, x)| *out = x),
    }
}

/// Where the channels of a row of windows begin that are worked on at once: the offset of the result, and of the
/// window's left place. An iterator, because a closure would not be compiled for the instructions of who calls it.
struct Starts {
    results: usize,
    channels: usize,
    window: usize,
    channel: usize,
}

impl Starts {
    fn new(results: usize, channels: usize) -> Starts {
        Starts { results, channels, window: 0, channel: 0 }
    }
}

impl Iterator for Starts {
    type Item = (usize, usize);
    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        if self.window >= self.results {
            return None;
        }
        let channel = self.channel.min(self.channels.saturating_sub(LANES));
        let start = (self.window + channel, 2 * self.window + channel);
        self.channel += LANES;
        if self.channel >= self.channels {
            (self.window, self.channel) = (self.window + self.channels, 0);
        }
        Some(start)
    }
}

wide! {
    fn first_max_of_row[T: Copy + PartialOrd](top: &[T], bottom: &[T], places: &mut [u8], channels: usize) {
        for (to, from) in Starts::new(places.len(), channels) {
            let mut largest = load(top, from);
            let mut best = [0; LANES];
            let others = [load(top, from + channels), load(bottom, from), load(bottom, from + channels)];
            for (place, x) in (1..).zip(others) {
                for i in 0..LANES {
                    let better = replaces(x[i], largest[i]);
                    largest[i] = if better { x[i] } else { largest[i] };
                    best[i] = if better { place } else { best[i] };
                }
            }
            store(places, to, best);
        }
    }
}

wide! {
    fn pick_row[T: Copy](top: &[T], bottom: &[T], places: &[u8], z: &mut [T], channels: usize) {
        for (to, from) in Starts::new(z.len(), channels) {
            let place = load(places, to);
            let mut picked = load(top, from);
            let others = [load(top, from + channels), load(bottom, from), load(bottom, from + channels)];
            for (at, x) in (1..).zip(others) {
                for i in 0..LANES {
                    picked[i] = if place[i] == at { x[i] } else { picked[i] };
                }
            }
            store(z, to, picked);
        }
    }
}

wide! {
    fn put_row[T: Copy + Default](g: &[T], places: &[u8], rows: [&mut [T]; 2], channels: usize) {
        let [top, bottom] = rows;
        for (from, to) in Starts::new(g.len(), channels) {
            let (g, place) = (load(g, from), load(places, from));
            let mut at = [[T::default(); LANES]; 4];
            for (k, at) in (0..).zip(&mut at) {
                for i in 0..LANES {
                    at[i] = if place[i] == k { g[i] } else { T::default() };
                }
            }
            store(top, to, at[0]);
            store(top, to + channels, at[1]);
            store(bottom, to, at[2]);
            store(bottom, to + channels, at[3]);
        }
        // A column that is left over, and what was written beyond the last window.
        top[2 * g.len()..].fill(T::default());
        bottom[2 * g.len()..].fill(T::default());
    }
}
