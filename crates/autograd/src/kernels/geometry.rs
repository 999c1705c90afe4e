//! The geometry of a convolution: how images, kernels and results lie, with and without padding.

use super::tile::Element;

/// Where everything lies: images `[n, h, w, c]`, kernels `[th, tw, kh, kw, c/groups, o]`, results `[n, oh, ow, o]`.
/// Pairs are rows and columns. `out` is ⌊(image + 2·pad − dilation·(kernel − 1) − 1) / stride⌋ + 1;
/// [`Conv`](crate::Conv) computes it and checks all else.
///
/// ```
/// use tandem_autograd::kernels::convolution::{Geometry, forward, forward_space};
/// let geometry = Geometry {
///     images: 1,
///     image: [1, 4],
///     channels: [1, 1],
///     kernel: [1, 2],
///     stride: [1, 1],
///     pad: [0, 0],
///     dilation: [1, 1],
///     groups: 1,
///     tile: [1, 1],
///     out: [1, 3],
/// };
/// let mut space = vec![0.0; forward_space::<f64>(&geometry)];
/// let mut z = [0.0; 3];
/// forward(&geometry, &[1., 2., 4., 7.], &[-1., 1.], &mut z, &mut space);
/// assert_eq!(z, [1., 2., 3.]);
/// ```
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
pub(super) struct Step {
    pub(super) len: usize,
    pub(super) image: isize,
    pub(super) result: isize,
    pub(super) kernel: isize,
}

impl Step {
    /// So many steps as one.
    pub(super) fn times(self, n: usize) -> Step {
        let n = n as isize;
        Step { len: self.len, image: n * self.image, result: n * self.result, kernel: n * self.kernel }
    }
}

/// All digits of a convolution over one part of the kernels, and where it starts.
pub(super) struct Part {
    /// Kernel row, kernel column, group.
    pub(super) batch: [Step; 3],
    /// Image, row and column of the position.
    pub(super) positions: [Step; 3],
    /// Row and column in the kernel.
    pub(super) taps: [Step; 2],
    pub(super) start: Step,
}

impl Geometry {
    /// Rows and columns of a padded image.
    fn padded(&self) -> [usize; 2] {
        [self.image[0] + 2 * self.pad[0], self.image[1] + 2 * self.pad[1]]
    }

    /// How many numbers an image has, and how many its results.
    pub(super) fn lens(&self) -> [usize; 2] {
        let len = |[rows, columns]: [usize; 2], channels| rows * columns * channels;
        [len(self.image, self.channels[0]), len(self.out, self.channels[1])]
    }

    /// How many numbers all kernels have.
    pub(super) fn kernel_len(&self) -> usize {
        let positions = self.tile.iter().chain(&self.kernel).product::<usize>();
        positions * self.group()[0] * self.channels[1]
    }

    /// How many numbers padding takes: none, if there is none.
    pub(super) fn pad_len(&self) -> usize {
        if self.pad == [0; 2] { 0 } else { self.padded_len() }
    }

    /// How many numbers the padded images hold.
    pub(super) fn padded_len(&self) -> usize {
        let [rows, columns] = self.padded();
        self.images * rows * columns * self.channels[0]
    }

    /// Channels of one group of the images and of the results.
    pub(super) fn group(&self) -> [usize; 2] {
        [self.channels[0] / self.groups, self.channels[1] / self.groups]
    }

    /// Writes the images with their padding.
    pub(super) fn pad_into<T: Element>(&self, x: &[T], out: &mut [T]) {
        let mut done = 0;
        self.rows(|padded, image, len| {
            out[done..padded].fill(T::default());
            done = padded + len;
            out[padded..done].copy_from_slice(&x[image..image + len]);
        });
        out[done..].fill(T::default());
    }

    /// Takes the images out of their padding.
    pub(super) fn crop_into<T: Element>(&self, padded: &[T], out: &mut [T]) {
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
    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        let (rows, columns) = (phases(self.out[0], self.tile[0]), phases(self.out[1], self.tile[1]));
        rows.flat_map(move |row| columns.clone().map(move |column| (row, column)))
            .map(move |(row, column)| self.part(row, column))
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
}
