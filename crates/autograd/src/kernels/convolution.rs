//! Convolution as products with overlapping strides: no image is ever unfolded.
//!
//! In a padded image laid out as rows × columns × channels the number under place (i, j, c) of a
//! kernel at position (y, x) lies at y·s·W·C + x·s·C + i·d·W·C + j·d·C + c. Position and place add
//! up, so "positions × places" is a matrix with overlapping rows, and a convolution is its product
//! with the kernel; the kernel gradient is a product over the positions instead of the places.
//!
//! Convolutions with 3 × 3 kernels and many channels are computed by tiles instead, see `winograd`.

use std::cell::Cell;

use super::product::{Contraction, Digits, Element, contract, scratch_len};
use super::winograd::Winograd;

/// Where everything lies. Pairs are rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How many images.
    pub images: usize,
    /// Rows and columns of an image.
    pub image: [usize; 2],
    /// Channels of the images and of the results.
    pub channels: [usize; 2],
    /// Rows and columns of a kernel.
    pub kernel: [usize; 2],
    /// From one position to the next.
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub pad: [usize; 2],
    /// From one number of the kernel to the next.
    pub dilation: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
    /// How many kernels take turns along rows and columns.
    pub tile: [usize; 2],
    /// Positions along rows and columns.
    pub out: [usize; 2],
}

/// Kernels `first..first + kernels` of one axis, each with `positions` positions.
#[derive(Clone, Copy)]
struct Phases {
    first: usize,
    kernels: usize,
    positions: usize,
}

/// The kernels of an axis with `out` positions, split so that each part has one number of
/// positions a kernel: when the tile does not divide the positions, the first kernels have one
/// more.
fn phases(out: usize, tile: usize) -> impl Iterator<Item = Phases> + Clone {
    let more = out % tile;
    let parts = [(0, more, out / tile + 1), (more, tile - more, out / tile)];
    parts.into_iter().filter(|part| part.1 > 0).map(|(first, kernels, positions)| Phases { first, kernels, positions })
}

/// One digit's step in the padded images, the results and the kernels.
#[derive(Clone, Copy)]
struct Step {
    len: usize,
    image: isize,
    result: isize,
    kernel: isize,
}

/// All digits of a convolution over one part of the kernels, and where it starts.
struct Part {
    /// Kernel row, kernel column, group.
    batch: [Step; 3],
    /// Image, row and column of the position.
    positions: [Step; 3],
    /// Row and column in the kernel.
    taps: [Step; 2],
    start: Step,
}

impl Geometry {
    /// Rows and columns of a padded image.
    fn padded(&self) -> [usize; 2] {
        [self.image[0] + 2 * self.pad[0], self.image[1] + 2 * self.pad[1]]
    }

    /// How many numbers the padded images hold.
    fn padded_len(&self) -> usize {
        let [rows, columns] = self.padded();
        self.images * rows * columns * self.channels[0]
    }

    /// Channels of one group of the images and of the results.
    fn group(&self) -> [usize; 2] {
        [self.channels[0] / self.groups, self.channels[1] / self.groups]
    }

    /// Writes the images with their padding.
    fn pad_into<T: Element>(&self, x: &[T], out: &mut [T]) {
        let mut done = 0;
        self.rows(|padded, image, len| {
            out[done..padded].fill(T::default());
            done = padded + len;
            out[padded..done].copy_from_slice(&x[image..image + len]);
        });
        out[done..].fill(T::default());
    }

    /// Takes the images out of their padding.
    fn crop_into<T: Element>(&self, padded: &[T], out: &mut [T]) {
        self.rows(|from, to, len| out[to..to + len].copy_from_slice(&padded[from..from + len]));
    }

    /// Calls `visit(offset in the padded images, offset in the images, length)` for every row.
    fn rows(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let ([rows, columns], c) = (self.padded(), self.channels[0]);
        let len = self.image[1] * c;
        for n in 0..self.images {
            for y in 0..self.image[0] {
                let padded = ((n * rows + y + self.pad[0]) * columns + self.pad[1]) * c;
                visit(padded, (n * self.image[0] + y) * len, len);
            }
        }
    }

    /// The parts of the kernels that have one number of positions each: at most four.
    fn parts(&self) -> impl Iterator<Item = Part> {
        let (rows, columns) = (phases(self.out[0], self.tile[0]), phases(self.out[1], self.tile[1]));
        rows.flat_map(move |row| columns.clone().map(move |column| (row, column)))
            .map(|(row, column)| self.part(row, column))
    }

    fn part(&self, row: Phases, column: Phases) -> Part {
        let ([c, o], [group_c, group_o], [_, width]) = (self.channels, self.group(), self.padded());
        let kernel = self.kernel[0] * self.kernel[1] * group_c * o;
        let step = |len: usize, image: usize, result: usize, kernel: usize| Step {
            len,
            image: image as isize,
            result: result as isize,
            kernel: kernel as isize,
        };
        // One position down, one to the right.
        let down = step(0, self.stride[0] * width * c, self.out[1] * o, self.tile[1] * kernel);
        let right = step(0, self.stride[1] * c, o, kernel);
        let every = |s: Step, tile: usize, len: usize| Step {
            len,
            image: s.image * tile as isize,
            result: s.result * tile as isize,
            kernel: 0,
        };
        let (image, result) = (self.padded_len() / self.images.max(1), self.out[0] * self.out[1] * o);
        Part {
            batch: [
                Step { len: row.kernels, ..down },
                Step { len: column.kernels, ..right },
                step(self.groups, group_c, group_o, group_o),
            ],
            positions: [
                step(self.images, image, result, 0),
                every(down, self.tile[0], row.positions),
                every(right, self.tile[1], column.positions),
            ],
            taps: [
                step(self.kernel[0], self.dilation[0] * width * c, 0, self.kernel[1] * group_c * o),
                step(self.kernel[1], self.dilation[1] * c, 0, group_c * o),
            ],
            start: Step {
                len: 0,
                image: row.first as isize * down.image + column.first as isize * right.image,
                result: row.first as isize * down.result + column.first as isize * right.result,
                kernel: row.first as isize * down.kernel + column.first as isize * right.kernel,
            },
        }
    }

    /// result\[position, o\] = Σ over places of image\[position + place\] · kernel\[place, o\].
    fn forward_product(&self, part: &Part) -> Contraction {
        let ([c, o], [i, j]) = (self.group(), part.taps);
        let channels = self.channels[1] as isize;
        Contraction {
            batch: Digits::new(&part.batch.map(|s| (s.len, [s.image, s.kernel, s.result]))),
            rows: Digits::new(&part.positions.map(|s| (s.len, [s.image, s.result]))),
            cols: Digits::new(&[(o, [1, 1])]),
            sums: Digits::new(&[(i.len, [i.image, i.kernel]), (j.len, [j.image, j.kernel]), (c, [1, channels])]),
            base: [part.start.image as usize, part.start.kernel as usize, part.start.result as usize],
        }
    }

    /// kernel\[place, o\] = Σ over positions of image\[position + place\] · result\[position, o\].
    fn kernel_product(&self, part: &Part) -> Contraction {
        let ([c, o], [i, j]) = (self.group(), part.taps);
        let channels = self.channels[1] as isize;
        Contraction {
            batch: Digits::new(&part.batch.map(|s| (s.len, [s.image, s.result, s.kernel]))),
            rows: Digits::new(&[(i.len, [i.image, i.kernel]), (j.len, [j.image, j.kernel]), (c, [1, channels])]),
            cols: Digits::new(&[(o, [1, 1])]),
            sums: Digits::new(&part.positions.map(|s| (s.len, [s.image, s.result]))),
            base: [part.start.image as usize, part.start.result as usize, part.start.kernel as usize],
        }
    }

    /// image\[position + place\] += Σ over o of result\[position, o\] · kernel\[place, o\], for one
    /// place (i, j): within it no two positions meet.
    fn tap_product(&self, part: &Part, i: usize, j: usize) -> Contraction {
        let ([c, o], [down, right]) = (self.group(), part.taps);
        let channels = self.channels[1] as isize;
        let place = |down: isize, right: isize| (i as isize * down + j as isize * right) as usize;
        Contraction {
            batch: Digits::new(&part.batch.map(|s| (s.len, [s.result, s.kernel, s.image]))),
            rows: Digits::new(&part.positions.map(|s| (s.len, [s.result, s.image]))),
            cols: Digits::new(&[(c, [channels, 1])]),
            sums: Digits::new(&[(o, [1, 1])]),
            base: [
                part.start.result as usize,
                part.start.kernel as usize + place(down.kernel, right.kernel),
                part.start.image as usize + place(down.image, right.image),
            ],
        }
    }

    /// With stride 1 and one kernel, the input gradient is the convolution of the padded cotangent
    /// with the kernel read backwards. This is that convolution's geometry.
    fn backwards(&self) -> Option<Geometry> {
        let reach = |axis: usize| (self.dilation[axis] * (self.kernel[axis] - 1)).checked_sub(self.pad[axis]);
        if self.stride != [1; 2] || self.tile != [1; 2] || self.kernel.contains(&0) {
            return None;
        }
        let pad = [reach(0)?, reach(1)?];
        Some(Geometry {
            image: self.out,
            channels: [self.channels[1], self.channels[0]],
            pad,
            out: self.image,
            ..*self
        })
    }

    /// image\[y, x, c\] = Σ over places and o of padded result\[…\] · kernel read backwards.
    fn backwards_product(&self, back: &Geometry) -> Contraction {
        let ([c, o], channels) = (self.group(), self.channels);
        let part = back.parts().next().expect("one kernel makes one part");
        let (i, j) = (part.taps[0], part.taps[1]);
        let (row, column) = ((self.kernel[1] * c * channels[1]) as isize, (c * channels[1]) as isize);
        let last = (self.kernel[0] - 1) as isize * row + (self.kernel[1] - 1) as isize * column;
        Contraction {
            batch: Digits::new(&[(self.groups, [o as isize, o as isize, c as isize])]),
            rows: Digits::new(&part.positions.map(|s| (s.len, [s.image, s.result]))),
            cols: Digits::new(&[(c, [channels[1] as isize, 1])]),
            sums: Digits::new(&[(i.len, [i.image, -row]), (j.len, [j.image, -column]), (o, [1, 1])]),
            base: [0, last as usize, 0],
        }
    }
}

thread_local! {
    /// What [`with_direct_convolution`] has set for this thread.
    static DIRECT: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`; convolutions that it starts on this thread add up every sum as it is written, also
/// those that would be computed by tiles, with a quarter of the multiplications and a digit less.
pub fn with_direct_convolution<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            DIRECT.set(self.0);
        }
    }
    let _restore = Restore(DIRECT.replace(true));
    f()
}

/// The convolution by tiles, where it is faster and digits are few anyway: in `f32`.
fn by_tiles<T: Element>(g: &Geometry) -> Option<Winograd> {
    if size_of::<T>() > 4 || DIRECT.get() { None } else { Winograd::new(g) }
}

/// How many numbers a convolution needs besides its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// For something padded.
    pub padded: usize,
    /// For everything else.
    pub scratch: usize,
}

/// Pads the images into `padded`, unless there is no padding.
fn pad<'a, T: Element>(g: &Geometry, x: &'a [T], padded: &'a mut [T]) -> &'a [T] {
    if g.pad == [0; 2] {
        return x;
    }
    g.pad_into(x, padded);
    padded
}

/// The space for an operation that takes padded images.
fn padded_space(g: &Geometry, scratch: impl Iterator<Item = usize>) -> Space {
    let padded = if g.pad == [0; 2] { 0 } else { g.padded_len() };
    Space { padded, scratch: scratch.max().unwrap_or(0) }
}

/// The space for [`forward`].
pub fn forward_space<T: Element>(g: &Geometry) -> Space {
    match by_tiles::<T>(g) {
        Some(tiles) => Space { padded: 0, scratch: tiles.forward_scratch::<T>() },
        None => padded_space(g, g.parts().map(|part| scratch_len::<T>(&g.forward_product(&part)))),
    }
}

/// The convolution of images.
pub fn forward<T: Element>(g: &Geometry, x: &[T], kernel: &[T], out: &mut [T], padded: &mut [T], scratch: &mut [T]) {
    if let Some(tiles) = by_tiles::<T>(g) {
        return tiles.forward(x, kernel, false, out, scratch);
    }
    let x = pad(g, x, padded);
    for part in g.parts() {
        contract(&g.forward_product(&part), x, kernel, out, false, scratch);
    }
}

/// The space for [`kernel_gradient`].
pub fn kernel_gradient_space<T: Element>(g: &Geometry) -> Space {
    match by_tiles::<T>(g) {
        Some(tiles) => Space { padded: 0, scratch: tiles.kernel_gradient_scratch::<T>() },
        None => padded_space(g, g.parts().map(|part| scratch_len::<T>(&g.kernel_product(&part)))),
    }
}

/// The gradient of the kernels, from images and the cotangent.
pub fn kernel_gradient<T: Element>(
    g: &Geometry,
    x: &[T],
    cotangent: &[T],
    out: &mut [T],
    padded: &mut [T],
    scratch: &mut [T],
) {
    if let Some(tiles) = by_tiles::<T>(g) {
        return tiles.kernel_gradient(x, cotangent, out, scratch);
    }
    let x = pad(g, x, padded);
    for part in g.parts() {
        contract(&g.kernel_product(&part), x, cotangent, out, false, scratch);
    }
}

/// The space for [`input_gradient`].
pub fn input_gradient_space<T: Element>(g: &Geometry) -> Space {
    let Some(back) = g.backwards() else {
        let scratch = g.parts().map(|part| scratch_len::<T>(&g.tap_product(&part, 0, 0))).max().unwrap_or(0);
        return Space { padded: g.padded_len(), scratch };
    };
    match by_tiles::<T>(&back) {
        Some(tiles) => Space { padded: 0, scratch: tiles.forward_scratch::<T>() },
        None => padded_space(&back, [scratch_len::<T>(&g.backwards_product(&back))].into_iter()),
    }
}

/// The gradient of the images, from the cotangent and the kernels.
pub fn input_gradient<T: Element>(
    g: &Geometry,
    cotangent: &[T],
    kernel: &[T],
    out: &mut [T],
    padded: &mut [T],
    scratch: &mut [T],
) {
    if let Some(back) = g.backwards() {
        if let Some(tiles) = by_tiles::<T>(&back) {
            return tiles.forward(cotangent, kernel, true, out, scratch);
        }
        let cotangent = pad(&back, cotangent, padded);
        return contract(&g.backwards_product(&back), cotangent, kernel, out, false, scratch);
    }
    padded.fill(T::default());
    for part in g.parts() {
        for i in 0..g.kernel[0] {
            for j in 0..g.kernel[1] {
                contract(&g.tap_product(&part, i, j), cotangent, kernel, padded, true, scratch);
            }
        }
    }
    g.crop_into(padded, out);
}
