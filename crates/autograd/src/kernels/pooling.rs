//! Loops over the windows of images laid out as N×H×W×C.

use std::ops::Range;

use super::quads::{PLANE, Quads};
use crate::float::Float;

/// Where the windows of a pooling lie: images of `height`×`width`×`channels`, windows of `size`
/// every `stride` places, after `pad` places of padding, `out` windows along each axis.
///
/// ```
/// use tandem_autograd::kernels::pooling::Windows;
/// let windows = Windows { image: [2, 4], channels: 1, size: [2; 2], stride: [2; 2], pad: [0; 2], out: [1, 2] };
/// let (x, mut places, mut z) = ([1., 2., 3., 4., 8., 7., 6., 5.], [0; 2], [0.0; 2]);
/// windows.first_max(&x, &mut places);
/// assert_eq!(places, [2, 2]);                              // in both windows the lower left
/// windows.pick(&x, &places, &mut z);
/// assert_eq!(z, [8., 6.]);
/// windows.sum(&x, &mut z);
/// assert_eq!(z, [18., 18.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Rows and columns of an image.
    pub image: [usize; 2],
    /// Numbers at each place.
    pub channels: usize,
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns of padding on each side.
    pub pad: [usize; 2],
    /// How many windows stand along each axis.
    pub out: [usize; 2],
}

/// Whether x takes the place of the largest number so far: if it is larger, or the first NaN, which
/// wins so that it is seen. Without branches, so that many are compared at once.
#[inline(always)]
#[expect(clippy::eq_op, clippy::neg_cmp_op_on_partial_ord, reason = "only a NaN differs from itself")]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy `&&` is a branch")]
pub(super) fn replaces<T: Copy + PartialOrd>(x: T, largest: T) -> bool {
    !(x <= largest) & (largest == largest)
}

/// How many channels are compared at once.
const LANES: usize = 8;

/// The numbers from `at` on; behind the last of all, it over and over.
#[inline(always)]
fn lanes<T: Copy>(x: &[T], at: usize) -> [T; LANES] {
    match x[at..].first_chunk() {
        Some(lanes) => *lanes,
        None => std::array::from_fn(|i| x[(at + i).min(x.len() - 1)]),
    }
}

impl Windows {
    /// The part of window `o` along `axis` that lies inside the image.
    fn span(&self, axis: usize, o: usize) -> Range<usize> {
        let start = o * self.stride[axis];
        let low = start.saturating_sub(self.pad[axis]);
        let high = (start + self.size[axis]).saturating_sub(self.pad[axis]).min(self.image[axis]);
        low.min(high)..high
    }

    /// Calls `visit(offset of the window's result, offset of the image, rows, columns, corner)` for every
    /// window of every image; offsets are to channel 0, rows and columns those inside the image, and the
    /// first of them is the window's place `corner`.
    fn each(&self, images: usize, mut visit: impl FnMut(usize, usize, Range<usize>, Range<usize>, u32)) {
        let mut result = 0;
        let hidden = |axis: usize, o: usize| self.pad[axis].saturating_sub(o * self.stride[axis]);
        for n in 0..images {
            let image = n * self.image[0] * self.image[1] * self.channels;
            for oy in 0..self.out[0] {
                for ox in 0..self.out[1] {
                    let corner = (hidden(0, oy) * self.size[1] + hidden(1, ox)) as u32;
                    visit(result, image, self.span(0, oy), self.span(1, ox), corner);
                    result += self.channels;
                }
            }
        }
    }

    fn images<T>(&self, x: &[T]) -> usize {
        let size = self.image[0] * self.image[1] * self.channels;
        x.len().checked_div(size).unwrap_or(0)
    }

    /// How many bytes [`first_max`](Windows::first_max) writes for each result: one, where a window has
    /// at most 256 places.
    pub fn place_bytes(&self) -> usize {
        if self.size[0] * self.size[1] <= 256 { 1 } else { 4 }
    }

    /// The same windows, if they are 2×2 places side by side, of not too many channels.
    fn quads(&self) -> Option<Quads> {
        let usual = self.size == [2, 2] && self.stride == [2, 2] && self.pad == [0, 0] && self.channels <= PLANE;
        usual.then_some(Quads { image: self.image, channels: self.channels })
    }

    /// For each window and channel, which of its places has the first largest number, counted row by row:
    /// the lowest bytes of all of them in `places`, then the next higher ones, if there are any.
    pub fn first_max<T: Float>(&self, x: &[T], places: &mut [u8]) {
        match self.quads() {
            Some(quads) => quads.first_max(x, places),
            None => self.first_max_of_any(x, places),
        }
    }

    fn first_max_of_any<T: Copy + PartialOrd>(&self, x: &[T], places: &mut [u8]) {
        let (c, width) = (self.channels, self.image[1]);
        let results = places.len() / self.place_bytes();
        self.each(self.images(x), |result, image, rows, columns, corner| {
            // Where there are fewer channels than lanes, the other lanes' places are not used.
            for channel in (0..c).step_by(LANES) {
                let at = |y: usize, column: usize| image + (y * width + column) * c + channel;
                let mut largest = lanes(x, at(rows.start, columns.start));
                let mut best = [corner; LANES];
                for y in rows.clone() {
                    let row = corner + ((y - rows.start) * self.size[1]) as u32;
                    for (column, place) in columns.clone().zip(row..) {
                        let x = lanes(x, at(y, column));
                        for i in 0..LANES {
                            let better = replaces(x[i], largest[i]);
                            largest[i] = if better { x[i] } else { largest[i] };
                            best[i] = if better { place } else { best[i] };
                        }
                    }
                }
                for (byte, places) in places.chunks_exact_mut(results).enumerate() {
                    let places = &mut places[result + channel..result + c.min(channel + LANES)];
                    places.iter_mut().zip(best).for_each(|(to, best)| *to = (best >> (8 * byte)) as u8);
                }
            }
        });
    }

    /// z = x at the places of windows that [`first_max`](Windows::first_max) wrote.
    ///
    /// z is one number a window and channel, `[images, rows, columns, channels]` of `out`. The example is at
    /// [`Windows`].
    pub fn pick<T: Float>(&self, x: &[T], places: &[u8], z: &mut [T]) {
        match self.quads() {
            Some(quads) => quads.pick(x, places, z),
            None => self.each_place(places, |window, place| z[window] = x[place]),
        }
    }

    /// The adjoint of [`pick`](Windows::pick): z = zeros, with each window's number added at its place.
    ///
    /// ```
    /// use tandem_autograd::kernels::pooling::Windows;
    /// let windows = Windows { image: [2, 4], channels: 1, size: [2; 2], stride: [2; 2], pad: [0; 2], out: [1, 2] };
    /// let mut z = [0.0; 8];
    /// windows.put(&[10., 20.], &[2, 1], &mut z);
    /// assert_eq!(z, [0., 0., 0., 20., 10., 0., 0., 0.]);
    /// windows.spread(&[1., 5.], &mut z);
    /// assert_eq!(z, [1., 1., 5., 5., 1., 1., 5., 5.]);
    /// ```
    pub fn put<T: Float>(&self, g: &[T], places: &[u8], z: &mut [T]) {
        if let Some(quads) = self.quads() {
            return quads.put(g, places, z);
        }
        z.fill(T::ZERO);
        self.each_place(places, |window, place| z[place] += g[window]);
    }

    /// Calls `visit(result, place in the images)` for every result.
    fn each_place(&self, places: &[u8], mut visit: impl FnMut(usize, usize)) {
        let ([rows, columns], c) = (self.size, self.channels);
        let results = places.len() / self.place_bytes();
        let images = results.checked_div(self.out[0] * self.out[1] * c).unwrap_or(0);
        let offset = |place: usize| (place / columns * self.image[1] + place % columns) * c;
        // A division for every result would take longer than all the rest.
        let mut offsets = [0; 256];
        (0..(rows * columns).min(256)).for_each(|place| offsets[place] = offset(place));
        self.each(images, |result, image, rows, columns, corner| {
            // Where the window's first place would lie, were none hidden by the edge. It may be before the
            // image's start, so only sums with offsets mean something.
            let first =
                (image + (rows.start * self.image[1] + columns.start) * c).wrapping_sub(offset(corner as usize));
            if self.place_bytes() == 1 {
                for (channel, &place) in places[result..result + c].iter().enumerate() {
                    visit(result + channel, first.wrapping_add(offsets[place as usize] + channel));
                }
            } else {
                for at in result..result + c {
                    let place = (0..4).map(|byte| (places[byte * results + at] as usize) << (8 * byte)).sum();
                    visit(at, first.wrapping_add(offset(place) + at - result));
                }
            }
        });
    }

    /// out = the sum of each window, padding counting as zeros; the example is at [`Windows`].
    pub fn sum<T: Copy + Default + std::ops::AddAssign>(&self, x: &[T], out: &mut [T]) {
        let (c, width) = (self.channels, self.image[1]);
        self.each(self.images(x), |result, image, rows, columns, _| {
            let out = &mut out[result..result + c];
            out.fill(T::default());
            for y in rows {
                for column in columns.clone() {
                    let at = image + (y * width + column) * c;
                    out.iter_mut().zip(&x[at..at + c]).for_each(|(out, &x)| *out += x);
                }
            }
        });
    }

    /// The adjoint of [`sum`](Windows::sum): out = zeros, with each window's number added to all of its places. The
    /// example is at [`put`](Windows::put).
    pub fn spread<T: Copy + Default + std::ops::AddAssign>(&self, g: &[T], out: &mut [T]) {
        let (c, width) = (self.channels, self.image[1]);
        out.fill(T::default());
        self.each(self.images(out), |result, image, rows, columns, _| {
            let g = &g[result..result + c];
            for y in rows {
                for column in columns.clone() {
                    let at = image + (y * width + column) * c;
                    out[at..at + c].iter_mut().zip(g).for_each(|(out, &g)| *out += g);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Instructions, set_threads, with_instructions};

    fn windows(image: [usize; 2], channels: usize) -> Windows {
        let out = image.map(|len| len / 2);
        Windows { image, channels, size: [2, 2], stride: [2, 2], pad: [0, 0], out }
    }

    /// Few different numbers, so that many are equal, and NaNs.
    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| if i % 29 == 3 { f32::NAN } else { ((i * i + i / 7) % 11) as f32 }).collect()
    }

    #[test]
    fn windows_of_two_by_two_are_as_any() {
        let shapes = [
            (1, [2, 2], 1),
            (3, [5, 7], 6),
            (2, [4, 6], 16),
            (1, [3, 4], 17),
            (2, [2, 9], 33),
            (2, [1, 4], 3),
            (1, [2, 4], 512),
        ];
        let large = (40, [30, 31], 6);
        let sets = Instructions::ALL.into_iter().filter(|set| set.available());
        for (set, threads) in sets.flat_map(|set| [(set, 1), (set, 2)]) {
            set_threads(threads);
            for (images, image, channels) in shapes.into_iter().chain([large]) {
                with_instructions(set, || check(windows(image, channels), images));
            }
        }
    }

    fn check(windows: Windows, images: usize) {
        let x = numbers(images * windows.image[0] * windows.image[1] * windows.channels);
        let results = images * windows.out[0] * windows.out[1] * windows.channels;
        let (mut places, mut expected) = (vec![9; results], vec![9; results]);
        windows.first_max(&x, &mut places);
        windows.first_max_of_any(&x, &mut expected);
        assert_eq!(places, expected, "{windows:?}");

        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let (mut z, mut expected) = (vec![-1.0; results], vec![-1.0; results]);
        windows.pick(&x, &places, &mut z);
        windows.each_place(&places, |window, place| expected[window] = x[place]);
        assert_eq!(bits(&z), bits(&expected), "{windows:?}");

        let (mut back, mut expected) = (vec![-1.0; x.len()], vec![0.0; x.len()]);
        windows.put(&z, &places, &mut back);
        windows.each_place(&places, |window, place| expected[place] += z[window]);
        assert_eq!(bits(&back), bits(&expected), "{windows:?}");
    }
}
