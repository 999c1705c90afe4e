//! Convolution with 3 × 3 kernels in a quarter of the multiplications (Winograd 1980; Lavin and Gray 2015).
//!
//! Convolving polynomials is multiplying them, and polynomials can be multiplied at points: evaluate
//! both, multiply value by value, interpolate. A tile of 6 numbers of an image and a kernel of 3 make 4
//! results. Over the six points 0, ±P, ±Q, ∞ they take 6 products, not 12; in two dimensions 36, not
//! 144:
//!
//! Y = Aᵀ \[(G g Gᵀ) ⊙ (Bᵀ d B)\] A
//!
//! for a tile d of 6 × 6, a kernel g and 4 × 4 results Y. Summed over channels, ⊙ is a product of
//! matrices, tiles × channels by channels × results, for each of the 36 points. The gradient of the
//! kernels is the adjoint, ḡ = Gᵀ \[Σ (Bᵀ d B) ⊙ (A Ȳ Aᵀ)\] G, and that of the images is the convolution of
//! the cotangent with kernels read backwards.
//!
//! Values at points are larger than the results they make, so some digits are lost: about one
//! in `f32`, compared to the sum as it is written.

mod transform;

use std::marker::PhantomData;
use std::ops::Range;

use self::transform::{Matrix, OfImages, OfKernels, OfResults, Sandwich, Square, ToKernels, ToResults};
use super::convolution::Geometry;
use super::instructions::{Instructions, with_instructions};
use super::plan::MANY;
use super::product::{Contraction, Digits, contract};
use super::threads::{for_each_chunk_with, for_each_on, for_each_with, threads};
use super::tile::Element;

/// Rows and columns of results that a tile makes, of the image that it reads, and of points.
const TILE: usize = 4;
const REACH: usize = 6;
const POINTS: usize = REACH * REACH;

/// An address that tasks share.
#[derive(Clone, Copy)]
struct Shared<T>(*mut T);
// SAFETY: each task writes to its own part, as is explained where it is used.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// A convolution by tiles.
pub(super) struct Winograd {
    images: usize,
    /// Rows and columns of the images and of the results.
    image: [usize; 2],
    out: [usize; 2],
    pad: [usize; 2],
    /// Channels of the images and of the results.
    channels: [usize; 2],
    /// Tiles along rows and columns of an image.
    tiles: [usize; 2],
    /// Tiles of a task: so many that what belongs to them stays in the cache.
    group: usize,
    instructions: Instructions,
}

impl Winograd {
    /// The convolution by tiles, if there is one and it pays.
    pub(super) fn new(g: &Geometry) -> Option<Self> {
        let winograd = Self::of(g)?;
        // Tiles that reach beyond the results, and transforms that few tiles share, cost what is won.
        let [rows, columns] = winograd.tiles;
        let dense = 8 * POINTS * rows * columns <= 5 * 9 * g.out[0] * g.out[1];
        // Where little is convolved, the workspace would be more than images, kernels and results together.
        let [c, o] = g.channels;
        let workspace = POINTS * (c * o + winograd.group * (c + o));
        let numbers = g.images * g.lens().iter().sum::<usize>() + g.kernel_len();
        (dense && winograd.count() >= 32 && workspace <= numbers).then_some(winograd)
    }

    /// The convolution by tiles, if there is one: with 3 × 3 kernels, one for all positions, and
    /// channels in whole registers.
    fn of(g: &Geometry) -> Option<Self> {
        let plain = [g.stride, g.dilation, g.tile] == [[1; 2]; 3] && g.kernel == [3; 2] && g.groups == 1;
        let whole = g.channels.iter().all(|&len| len > 0 && len.is_multiple_of(16));
        let [c, o] = g.channels;
        (plain && whole).then(|| Self {
            images: g.images,
            image: g.image,
            out: g.out,
            pad: g.pad,
            channels: g.channels,
            tiles: g.out.map(|len| len.div_ceil(TILE)),
            group: ((1 << 18) / (POINTS * (c + o)) / 8 * 8).clamp(8, 64),
            instructions: Instructions::current(),
        })
    }

    /// How many tiles there are.
    fn count(&self) -> usize {
        self.images * self.tiles[0] * self.tiles[1]
    }

    /// How many threads may work on it.
    fn team(&self) -> usize {
        let [c, o] = self.channels;
        if self.count() * POINTS * c * o < MANY { 1 } else { threads() }
    }

    /// The image of a tile, and the row and column of its first result.
    fn place(&self, tile: usize) -> (usize, [usize; 2]) {
        let [rows, columns] = self.tiles;
        (tile / columns / rows, [tile / columns % rows * TILE, tile % columns * TILE])
    }

    /// Some rows of matrix · tile · matrixᵀ, for squares of `len` channels.
    ///
    /// # Safety
    /// All of both squares may be read or written.
    unsafe fn sandwich<T: Element, M: Matrix<IN, OUT>, const IN: usize, const OUT: usize>(
        &self,
        _matrix: M,
        rows: Range<usize>,
        from: Square<*const T>,
        to: Square<*mut T>,
        len: usize,
    ) {
        // SAFETY: `Instructions::current` are those that the processor has; the rest as the caller vouches.
        unsafe {
            let matrix = PhantomData::<M>;
            if rows == (0..OUT) {
                T::run(self.instructions, Sandwich::<_, _, _, _, true> { matrix, rows, from, to, len });
            } else {
                T::run(self.instructions, Sandwich::<_, _, _, _, false> { matrix, rows, from, to, len });
            }
        }
    }

    /// Brings the N × N part of an image of `size` rows and columns that begins at `start` to some rows of
    /// the points. It may be outside, where there are zeros; if it is not all inside, it is copied to `patch`
    /// first.
    ///
    /// # Safety
    /// All of `to` may be written.
    unsafe fn read<T: Element, M: Matrix<N, REACH>, const N: usize>(
        &self,
        matrix: M,
        points: Range<usize>,
        (image, size, channels): (&[T], [usize; 2], usize),
        start: [isize; 2],
        patch: &mut [T],
        to: Square<*mut T>,
    ) {
        let inside = |axis: usize| start[axis] >= 0 && start[axis] as usize + N <= size[axis];
        let row = size[1] * channels;
        let from = if inside(0) && inside(1) {
            let first = start[0] as usize * row + start[1] as usize * channels;
            Square { start: image[first..].as_ptr(), row: row as isize, column: channels as isize }
        } else {
            let clip = |axis: usize| {
                let end = (start[axis] + N as isize).clamp(0, size[axis] as isize);
                (start[axis].clamp(0, end) as usize, end as usize)
            };
            let ((top, bottom), (left, right)) = (clip(0), clip(1));
            let patch = &mut patch[..N * N * channels];
            patch.fill(T::default());
            let rows = if left < right { top..bottom } else { 0..0 };
            for y in rows {
                let to = ((y as isize - start[0]) as usize * N + (left as isize - start[1]) as usize) * channels;
                let from = &image[y * row..][left * channels..right * channels];
                patch[to..to + from.len()].copy_from_slice(from);
            }
            Square { start: patch.as_ptr(), row: (N * channels) as isize, column: channels as isize }
        };
        // SAFETY: the square is inside of the image or of the patch; as the caller vouches for `to`.
        unsafe { self.sandwich(matrix, points, from, to, channels) };
    }

    /// For each point, tiles × results = tiles × channels · channels × results, for `n` tiles.
    fn forward_product(&self, n: usize) -> Contraction {
        let ([c, o], group) = (self.channels.map(|len| len as isize), self.group as isize);
        Contraction {
            batch: Digits::new(&[(POINTS, [group * c, c * o, group * o])]),
            rows: Digits::new(&[(n, [c, o])]),
            cols: Digits::new(&[(self.channels[1], [1, 1])]),
            sums: Digits::new(&[(self.channels[0], [1, o])]),
            base: [0; 3],
        }
    }

    /// For each point of some rows, channels × results = channels × tiles · tiles × results, for `n` tiles.
    fn kernel_product(&self, points: Range<usize>, n: usize) -> Contraction {
        let ([c, o], group) = (self.channels.map(|len| len as isize), self.group as isize);
        Contraction {
            batch: Digits::new(&[(REACH * points.len(), [group * c, group * o, c * o])]),
            rows: Digits::new(&[(self.channels[0], [1, o])]),
            cols: Digits::new(&[(self.channels[1], [1, 1])]),
            sums: Digits::new(&[(n, [c, o])]),
            base: [0; 3],
        }
    }

    /// Where tile `t` of a group lies among the values at the points.
    fn values<T>(&self, values: *mut T, t: usize, channels: usize) -> Square<*mut T> {
        let column = (self.group * channels) as isize;
        Square { start: values.wrapping_add(t * channels), row: REACH as isize * column, column }
    }

    /// How many numbers tiles at the points, a patch and the product take in one task.
    fn task_len<T: Element>(&self) -> [usize; 4] {
        let [c, o] = self.channels.map(|len| POINTS * len);
        [self.group * c, self.group * o, c.max(o), self.forward_product(self.group).panel_len::<T>()]
    }

    /// Scratch for [`forward`](Self::forward).
    pub(super) fn forward_scratch<T: Element>(&self) -> usize {
        let [c, o] = self.channels;
        (POINTS + 9) * c * o + self.team() * self.task_len::<T>().iter().sum::<usize>()
    }

    /// The convolution of images that are not padded. A kernel that is read `backwards` has its axes of
    /// channels exchanged as well.
    pub(super) fn forward<T: Element>(&self, x: &[T], kernel: &[T], backwards: bool, z: &mut [T], scratch: &mut [T]) {
        let [c, o] = self.channels;
        assert_eq!((kernel.len(), z.len()), (9 * c * o, self.images * self.out[0] * self.out[1] * o));
        let (points, rest) = scratch.split_at_mut(POINTS * c * o);
        let (turned, rest) = rest.split_at_mut(9 * c * o);
        if backwards {
            for (from, to) in kernel.chunks_exact(c * o).rev().zip(turned.chunks_exact_mut(c * o)) {
                for (i, line) in to.chunks_exact_mut(o).enumerate() {
                    for (to, from) in line.iter_mut().zip(from[i..].iter().step_by(c)) {
                        *to = *from;
                    }
                }
            }
        }
        self.kernel_at_points(if backwards { turned } else { kernel }, points);
        let (each, out) = (self.task_len::<T>().iter().sum(), Shared(z.as_mut_ptr()));
        for_each_with(rest, each, self.count().div_ceil(self.group), |task, space| {
            let tiles = task * self.group..self.count().min((task + 1) * self.group);
            with_instructions(self.instructions, || self.forward_task(tiles, x, points, &out, space));
        });
    }

    /// The values of kernels at the points.
    fn kernel_at_points<T: Element>(&self, kernel: &[T], points: &mut [T]) {
        let ([c, o], points) = (self.channels, Shared(points.as_mut_ptr()));
        let step = (c * o) as isize;
        for_each_on(self.team(), c, |_, i| {
            let from = Square { start: kernel[i * o..].as_ptr(), row: 3 * step, column: step };
            let to = Square { start: points.at(i * o), row: REACH as isize * step, column: step };
            // SAFETY: there are 9 kernels of c · o numbers and 36 values of each; row `i` is this task's.
            unsafe { self.sandwich(OfKernels, 0..REACH, from, to, o) };
        });
    }

    /// The results of some tiles.
    fn forward_task<T: Element>(&self, tiles: Range<usize>, x: &[T], points: &[T], out: &Shared<T>, space: &mut [T]) {
        let ([c, o], lens) = (self.channels, self.task_len::<T>());
        let (images, space) = space.split_at_mut(lens[0]);
        let (results, space) = space.split_at_mut(lens[1]);
        let (patch, work) = space.split_at_mut(lens[2]);
        for (t, tile) in tiles.clone().enumerate() {
            let to = self.values(images.as_mut_ptr(), t, c);
            // SAFETY: there are numbers for all tiles of a group.
            unsafe { self.read_image(0..REACH, x, tile, patch, to) };
        }
        contract(&self.forward_product(tiles.len()), images, points, results, false, work);
        for (t, tile) in tiles.enumerate() {
            let Square { start, row, column } = self.values(results.as_mut_ptr(), t, o);
            let from = Square { start: start.cast_const(), row, column };
            // SAFETY: each tile is one task's, and no two have a result in common.
            unsafe { self.write(from, tile, patch, out) };
        }
    }

    /// A tile of the images at some rows of the points.
    ///
    /// # Safety
    /// All of `to` may be written.
    unsafe fn read_image<T: Element>(
        &self,
        points: Range<usize>,
        x: &[T],
        tile: usize,
        patch: &mut [T],
        to: Square<*mut T>,
    ) {
        let (image, [row, column]) = self.place(tile);
        let len = self.image[0] * self.image[1] * self.channels[0];
        let x = (&x[image * len..][..len], self.image, self.channels[0]);
        let start = [row as isize - self.pad[0] as isize, column as isize - self.pad[1] as isize];
        // SAFETY: as the caller vouches.
        unsafe { self.read(OfImages, points, x, start, patch, to) };
    }

    /// From the points to the results of a tile, as far as there are results.
    ///
    /// # Safety
    /// All of `from` may be read, and this tile's results written.
    unsafe fn write<T: Element>(&self, from: Square<*const T>, tile: usize, patch: &mut [T], out: &Shared<T>) {
        let (image, [top, left]) = self.place(tile);
        let ([rows, columns], o) = (self.out, self.channels[1]);
        let start = ((image * rows + top) * columns + left) * o;
        if top + TILE <= rows && left + TILE <= columns {
            let to = Square { start: out.at(start), row: (columns * o) as isize, column: o as isize };
            // SAFETY: all of the tile's results are there; the rest as the caller vouches.
            return unsafe { self.sandwich(ToResults, 0..TILE, from, to, o) };
        }
        let to = Square { start: patch.as_mut_ptr(), row: (TILE * o) as isize, column: o as isize };
        // SAFETY: the patch is larger than a tile of results.
        unsafe { self.sandwich(ToResults, 0..TILE, from, to, o) };
        let len = TILE.min(columns - left) * o;
        for (y, from) in patch.chunks_exact(TILE * o).take(TILE.min(rows - top)).enumerate() {
            // SAFETY: the row has `len` numbers in the results, which are this tile's.
            let to = unsafe { std::slice::from_raw_parts_mut(out.at(start + y * columns * o), len) };
            to.copy_from_slice(&from[..len]);
        }
    }

    /// How many rows of points a task of [`kernel_gradient`](Self::kernel_gradient) has.
    fn rows_a_task(&self) -> usize {
        REACH.div_ceil(self.team())
    }

    /// How many numbers some rows of tiles at the points, a patch and the product take in such a task.
    fn kernel_task_len<T: Element>(&self) -> [usize; 4] {
        let ([c, o], [_, _, patch, _]) = (self.channels, self.task_len::<T>());
        let values = self.rows_a_task() * REACH * self.group;
        [values * c, values * o, patch, self.kernel_product(0..1, self.group).panel_len::<T>()]
    }

    /// Scratch for [`kernel_gradient`](Self::kernel_gradient).
    pub(super) fn kernel_gradient_scratch<T: Element>(&self) -> usize {
        let [c, o] = self.channels;
        POINTS * c * o + self.team() * self.kernel_task_len::<T>().iter().sum::<usize>()
    }

    /// The gradient of the kernels, from images that are not padded and the cotangent.
    ///
    /// A task takes some rows of the points and goes through all tiles, so that tasks share nothing that they
    /// write. Into how many tasks the rows are divided cannot be seen in a sum.
    pub(super) fn kernel_gradient<T: Element>(&self, x: &[T], cotangent: &[T], z: &mut [T], scratch: &mut [T]) {
        let ([c, o], rows) = (self.channels, self.rows_a_task());
        assert_eq!(z.len(), 9 * c * o);
        let (points, rest) = scratch.split_at_mut(POINTS * c * o);
        let each = self.kernel_task_len::<T>().iter().sum();
        for_each_chunk_with(rest, each, [&mut *points], rows * REACH * c * o, |task, [sums], space| {
            let rows = task * rows..REACH.min((task + 1) * rows);
            with_instructions(self.instructions, || self.kernel_task(rows, [x, cotangent], sums, space));
        });
        let (z, step) = (Shared(z.as_mut_ptr()), (c * o) as isize);
        for_each_on(self.team(), c, |_, i| {
            let from = Square { start: points[i * o..].as_ptr(), row: REACH as isize * step, column: step };
            let to = Square { start: z.at(i * o), row: 3 * step, column: step };
            // SAFETY: there are 36 values of c · o numbers and 9 kernels of them; row `i` is this task's.
            unsafe { self.sandwich(ToKernels, 0..3, from, to, o) };
        });
    }

    /// The sums over all tiles at some rows of the points.
    fn kernel_task<T: Element>(&self, rows: Range<usize>, [x, cotangent]: [&[T]; 2], sums: &mut [T], space: &mut [T]) {
        let ([c, o], lens) = (self.channels, self.kernel_task_len::<T>());
        let (images, space) = space.split_at_mut(lens[0]);
        let (results, space) = space.split_at_mut(lens[1]);
        let (patch, work) = space.split_at_mut(lens[2]);
        for start in (0..self.count()).step_by(self.group) {
            let n = self.group.min(self.count() - start);
            for t in 0..n {
                let (image, place) = self.place(start + t);
                let len = self.out[0] * self.out[1] * o;
                let cotangent = (&cotangent[image * len..][..len], self.out, o);
                let of_results = self.values(results.as_mut_ptr(), t, o);
                let of_images = self.values(images.as_mut_ptr(), t, c);
                // SAFETY: there are numbers for these rows of all tiles of a group.
                unsafe {
                    self.read_image(rows.clone(), x, start + t, patch, of_images);
                    let place = place.map(|at| at as isize);
                    self.read(OfResults, rows.clone(), cotangent, place, patch, of_results);
                }
            }
            contract(&self.kernel_product(rows.clone(), n), images, results, sums, start > 0, work);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
