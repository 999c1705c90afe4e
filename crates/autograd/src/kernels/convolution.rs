//! Convolution as products with overlapping strides: no image is ever unfolded.
//!
//! In a padded image laid out as rows × columns × channels the number under place (i, j, c) of a
//! kernel at position (y, x) lies at y·s·W·C + x·s·C + i·d·W·C + j·d·C + c. Position and place add
//! up, so "positions × places" is a matrix with overlapping rows, and a convolution is its product
//! with the kernel; the kernel gradient is a product over the positions instead of the places.
//!
//! Convolutions with 3 × 3 kernels and many channels are computed by tiles instead, see `winograd`.

use std::cell::Cell;

pub use super::geometry::Geometry;
use super::geometry::Part;
use super::plan::MANY;
use super::product::{Contraction, Digits, Element, Instructions, contract, scratch_len, with_instructions};
use super::threads::{for_each_chunk_with, threads};
use super::winograd::Winograd;

/// Into about so many tasks images are divided where each is worked on by itself.
const TASKS: usize = 8;

impl Geometry {
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

    /// With few channels, a tap's product would have too few columns for the widest tiles. If positions
    /// take turns along a row, so that two of one turn are a kernel apart, a row of the kernel has
    /// whole windows for columns, in which no two positions meet. This is the geometry in which they
    /// take turns, with as many images as are one task.
    fn in_turns<T: Element>(&self) -> Option<Geometry> {
        let narrow = self.channels[0] * size_of::<T>() < 64 && self.kernel[1] > 1;
        let reach = self.dilation[1] * self.kernel[1].saturating_sub(1) + 1;
        let turns = reach.div_ceil(self.stride[1]).min(self.out[1]);
        let results = self.images * self.out[0] * self.out[1] * self.channels[1];
        let large = results * self.kernel[0] * self.kernel[1] * self.channels[0] >= MANY;
        let images = if large { self.images.div_ceil(TASKS) } else { self.images };
        let turns = Geometry { tile: [1, turns], images: images.max(1), ..*self };
        (narrow && self.groups == 1 && self.tile == [1; 2]).then_some(turns)
    }

    /// How many numbers padded images and the product take in a task by turns.
    fn turns_len<T: Element>(&self) -> [usize; 2] {
        let panel = |part: Part| self.turn_product(&part, 0, 0).panel_len::<T>();
        [self.padded_len(), self.parts().map(panel).max().unwrap_or(0)]
    }

    /// The gradient of any number of images, by turns, a task's at a time: so few stay in the cache while
    /// all turns are added to them.
    fn input_gradient_by_turns<T: Element>(&self, cotangent: &[T], kernel: &[T], out: &mut [T], scratch: &mut [T]) {
        let image = self.image[0] * self.image[1] * self.channels[0];
        let result = self.out[0] * self.out[1] * self.channels[1];
        if image == 0 {
            return;
        }
        let (each, instructions) = (self.turns_len::<T>().iter().sum(), Instructions::current());
        for_each_chunk_with(scratch, each, [out], self.images * image, |task, [out], space| {
            let part = Geometry { images: out.len() / image, ..*self };
            let cotangent = &cotangent[task * self.images * result..];
            let (padded, panel) = space.split_at_mut(part.padded_len());
            with_instructions(instructions, || part.add_turns(cotangent, kernel, padded, panel));
            part.crop_into(padded, out);
        });
    }

    /// The gradient of padded images, all turns one after another.
    fn add_turns<T: Element>(&self, cotangent: &[T], kernel: &[T], padded: &mut [T], scratch: &mut [T]) {
        padded.fill(T::default());
        for part in self.parts() {
            for turn in 0..part.batch[1].len {
                for i in 0..self.kernel[0] {
                    contract(&self.turn_product(&part, i, turn), cotangent, kernel, padded, true, scratch);
                }
            }
        }
    }

    /// image\[position + place\] += Σ over o of result\[position, o\] · kernel\[place, o\], for row `i` of
    /// the kernel and the positions of one turn of a part.
    fn turn_product(&self, part: &Part, i: usize, turn: usize) -> Contraction {
        let ([c, o], [down, right], step) = (self.channels, part.taps, part.batch[1]);
        let (i, turn) = (i as isize, turn as isize);
        Contraction {
            batch: Digits::new(&[]),
            rows: Digits::new(&part.positions.map(|s| (s.len, [s.result, s.image]))),
            cols: Digits::new(&[(right.len, [right.kernel, right.image]), (c, [o as isize, 1])]),
            sums: Digits::new(&[(o, [1, 1])]),
            base: [
                (part.start.result + turn * step.result) as usize,
                (i * down.kernel) as usize,
                (part.start.image + turn * step.image + i * down.image) as usize,
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
    if let Some(turns) = g.in_turns::<T>() {
        let tasks = g.images.div_ceil(turns.images);
        return Space { padded: 0, scratch: threads().min(tasks) * turns.turns_len::<T>().iter().sum::<usize>() };
    }
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
    if let Some(turns) = g.in_turns::<T>() {
        return turns.input_gradient_by_turns(cotangent, kernel, out, scratch);
    }
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

#[cfg(test)]
#[path = "convolution_tests.rs"]
mod tests;
