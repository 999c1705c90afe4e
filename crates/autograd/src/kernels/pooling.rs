//! Loops over the windows of images laid out as N×H×W×C.

/// Where the windows of a pooling lie: images of `height`×`width`×`channels`, windows of `size`
/// every `stride` places, after `pad` places of padding, `out` windows along each axis.
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
fn replaces<T: Copy + PartialOrd>(x: T, largest: T) -> bool {
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
    fn span(&self, axis: usize, o: usize) -> std::ops::Range<usize> {
        let start = o * self.stride[axis];
        let low = start.saturating_sub(self.pad[axis]);
        let high = (start + self.size[axis]).saturating_sub(self.pad[axis]).min(self.image[axis]);
        low.min(high)..high
    }

    /// Calls `visit(offset of the window's result, offsets inside the image as rows and columns)`
    /// for every window of every image; offsets are to channel 0.
    fn each(&self, images: usize, mut visit: impl FnMut(usize, usize, std::ops::Range<usize>, std::ops::Range<usize>)) {
        let mut result = 0;
        for n in 0..images {
            let image = n * self.image[0] * self.image[1] * self.channels;
            for oy in 0..self.out[0] {
                for ox in 0..self.out[1] {
                    visit(result, image, self.span(0, oy), self.span(1, ox));
                    result += self.channels;
                }
            }
        }
    }

    fn images<T>(&self, x: &[T]) -> usize {
        let size = self.image[0] * self.image[1] * self.channels;
        x.len().checked_div(size).unwrap_or(0)
    }

    /// out = the largest number in each window.
    pub fn max<T: Copy + PartialOrd>(&self, x: &[T], lowest: T, out: &mut [T]) {
        let (c, width) = (self.channels, self.image[1]);
        self.each(self.images(x), |result, image, rows, columns| {
            let out = &mut out[result..result + c];
            out.fill(lowest);
            for y in rows {
                for column in columns.clone() {
                    let at = image + (y * width + column) * c;
                    for (out, &x) in out.iter_mut().zip(&x[at..at + c]) {
                        *out = if replaces(x, *out) { x } else { *out };
                    }
                }
            }
        });
    }

    /// For each window and channel, the place of the first largest number: `visit(result, place)`.
    pub fn first_max<T: Copy + PartialOrd>(&self, x: &[T], mut visit: impl FnMut(usize, usize)) {
        let (c, width) = (self.channels, self.image[1]);
        self.each(self.images(x), |result, image, rows, columns| {
            if rows.is_empty() || columns.is_empty() {
                return;
            }
            // Where there are fewer channels than lanes, the other lanes' places are not used.
            for channel in (0..c).step_by(LANES) {
                let first = image + (rows.start * width + columns.start) * c + channel;
                let (mut largest, mut distances) = (lanes(x, first), [0_u32; LANES]);
                for y in rows.clone() {
                    for column in columns.clone() {
                        let at = image + (y * width + column) * c + channel;
                        let (x, distance) = (lanes(x, at), (at - first) as u32);
                        for i in 0..LANES {
                            let better = replaces(x[i], largest[i]);
                            largest[i] = if better { x[i] } else { largest[i] };
                            distances[i] = if better { distance } else { distances[i] };
                        }
                    }
                }
                for (i, &distance) in distances.iter().enumerate().take(c - channel) {
                    visit(result + channel + i, first + distance as usize + i);
                }
            }
        });
    }

    /// out = the sum of each window.
    pub fn sum<T: Copy + Default + std::ops::AddAssign>(&self, x: &[T], out: &mut [T]) {
        let (c, width) = (self.channels, self.image[1]);
        self.each(self.images(x), |result, image, rows, columns| {
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

    /// The adjoint of [`sum`](Windows::sum): adds each window's number to all of its places.
    pub fn spread<T: Copy + Default + std::ops::AddAssign>(&self, g: &[T], out: &mut [T]) {
        let (c, width) = (self.channels, self.image[1]);
        out.fill(T::default());
        self.each(self.images(out), |result, image, rows, columns| {
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
