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
use super::geometry::{Part, Step};
use super::image_tasks::Tasks;
use super::product::{Contraction, Digits, Element, contract};
use super::winograd::Winograd;

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
    /// whole windows for columns, in which no two positions meet. This is how many turns they take, if there
    /// is one kernel, or one for each position.
    fn turns<T: Element>(&self) -> Option<usize> {
        let bytes = self.channels[0] * size_of::<T>();
        let narrow = (self.tile == [1; 2] && bytes < 64) || (self.tile == self.out && bytes <= 64);
        let reach = self.dilation[1] * self.kernel[1].saturating_sub(1) + 1;
        let turns = reach.div_ceil(self.stride[1]).min(self.out[1]);
        (narrow && self.groups == 1 && self.kernel[1] > 1).then_some(turns)
    }

    /// image\[position + place\] += Σ over o of result\[position, o\] · kernel\[place, o\], for row `i` of
    /// the kernel and the positions of one turn of a part. One kernel, or a batch of one for each position.
    fn turn_product(&self, part: &Part, i: usize, turn: usize, turns: usize) -> Contraction {
        let ([c, o], [down, right], i) = (self.channels, part.taps, i as isize);
        let (mut batch, mut positions) = (part.batch, part.positions);
        let column = if self.tile == [1; 2] { &mut positions[2] } else { &mut batch[1] };
        let first = column.times(turn);
        *column = Step { len: (column.len - turn).div_ceil(turns), ..column.times(turns) };
        Contraction {
            batch: Digits::new(&batch.map(|s| (s.len, [s.result, s.kernel, s.image]))),
            rows: Digits::new(&positions.map(|s| (s.len, [s.result, s.image]))),
            cols: Digits::new(&[(right.len, [right.kernel, right.image]), (c, [o as isize, 1])]),
            sums: Digits::new(&[(o, [1, 1])]),
            base: [
                (part.start.result + first.result) as usize,
                (part.start.kernel + first.kernel + i * down.kernel) as usize,
                (part.start.image + first.image + i * down.image) as usize,
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
/// those that would be computed by tiles, with a quarter of the multiplications and a digit less (Lavin and Gray 2015).
///
/// ```
/// use tandem_autograd::{Conv, Params, Tape, Tensor, kernels::with_direct_convolution};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let [x, k] = [[1, 16, 16, 32], [3, 3, 32, 32]].map(|shape| {
///     let numbers = |out: &mut [f32]| (0..).zip(out).for_each(|(i, x)| *x = ((i * 37) % 101) as f32 / 101.0);
///     tape.constant(Tensor::build(shape, tandem_autograd::Kind::Activation, numbers))
/// });
/// let z = || x.clone().conv(k.clone(), Conv::default()).sum().item();
/// assert!((z() / with_direct_convolution(z) - 1.0).abs() < 1e-5);
/// ```
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

impl Geometry {
    /// The images from `first` on with their padding, at the beginning of the space, and what is left of it.
    fn pad<'a, T: Element>(&self, x: &'a [T], first: usize, space: &'a mut [T]) -> (&'a [T], &'a mut [T]) {
        let image = self.lens()[0];
        let x = &x[first * image..][..self.images * image];
        let (padded, rest) = space.split_at_mut(self.pad_len());
        if padded.is_empty() {
            return (x, rest);
        }
        self.pad_into(x, padded);
        (padded, rest)
    }

    fn forward_products(self) -> impl Iterator<Item = Contraction> {
        self.parts().map(move |part| self.forward_product(&part))
    }

    fn kernel_products(self) -> impl Iterator<Item = Contraction> {
        self.parts().map(move |part| self.kernel_product(&part))
    }

    /// The products that, added up, make the gradient of padded images.
    fn image_products<T: Element>(self) -> impl Iterator<Item = Contraction> {
        let turns = self.turns::<T>();
        self.parts().flat_map(move |part| {
            (0..self.kernel[0] * turns.unwrap_or(self.kernel[1])).map(move |k| {
                let (i, column) = (k % self.kernel[0], k / self.kernel[0]);
                match turns {
                    Some(turns) => self.turn_product(&part, i, column, turns),
                    None => self.tap_product(&part, i, column),
                }
            })
        })
    }
}

fn forward_tasks<T: Element>(g: &Geometry) -> Tasks {
    Tasks::new(g).with_space::<T, _>(Geometry::pad_len, |one| one.forward_products())
}

/// How many numbers of space [`forward`] needs. It follows from the geometry, the type and the number of threads.
pub fn forward_space<T: Element>(g: &Geometry) -> usize {
    by_tiles::<T>(g).map_or_else(|| forward_tasks::<T>(g).space(), |tiles| tiles.forward_scratch::<T>())
}

/// The convolution of images; the formula is at [`Conv`](crate::Conv), the shapes and an example at
/// [`Geometry`]. `space` holds at least [`forward_space`] numbers, which may be anything.
///
/// # Panics
/// If a slice is shorter than the geometry says.
pub fn forward<T: Element>(g: &Geometry, x: &[T], kernel: &[T], out: &mut [T], space: &mut [T]) {
    if let Some(tiles) = by_tiles::<T>(g) {
        return tiles.forward(x, kernel, false, out, space);
    }
    forward_tasks::<T>(g).run((out, g.lens()[1]), space, |one, first, out, space| {
        let (x, space) = one.pad(x, first, space);
        one.forward_products().for_each(|product| contract(&product, x, kernel, out, false, space));
    });
}

fn kernel_tasks<T: Element>(g: &Geometry) -> Tasks {
    Tasks::with_kernels(g).with_space::<T, _>(Geometry::pad_len, |one| one.kernel_products())
}

/// How many numbers of space [`kernel_gradient`] needs.
pub fn kernel_gradient_space<T: Element>(g: &Geometry) -> usize {
    if let Some(tiles) = by_tiles::<T>(g) {
        return tiles.kernel_gradient_scratch::<T>();
    }
    let tasks = kernel_tasks::<T>(g);
    let sums = if tasks.count() > 1 { tasks.count() * g.kernel_len() } else { 0 };
    sums + tasks.space()
}

/// The gradient of the kernels, from images and the cotangent of the result: the sum of what each task finds. The
/// formula is at [`ConvKernel`](crate::ops::ConvKernel). `out` is as long as the kernels, and `space` at least
/// [`kernel_gradient_space`].
///
/// ```
/// use tandem_autograd::kernels::convolution::{Geometry, kernel_gradient, kernel_gradient_space};
/// # let ([image, kernel, out], one) = ([[1, 4], [1, 2], [1, 3]], [1; 2]);
/// # let (channels, stride, pad, dilation, tile) = (one, one, [0; 2], one, one);
/// # let geometry = Geometry { images: 1, image, channels, kernel, stride, pad, dilation, groups: 1, tile, out };
/// // The geometry of the example there: a kernel of two numbers at three positions.
/// let mut space = vec![0.0; kernel_gradient_space::<f64>(&geometry)];
/// let mut gradient = [0.0; 2];
/// kernel_gradient(&geometry, &[1., 2., 4., 7.], &[1., 1., 1.], &mut gradient, &mut space);
/// assert_eq!(gradient, [1. + 2. + 4., 2. + 4. + 7.]);
/// ```
///
/// # Panics
/// If a slice is shorter than the geometry says.
pub fn kernel_gradient<T: Element>(g: &Geometry, x: &[T], cotangent: &[T], out: &mut [T], space: &mut [T]) {
    if let Some(tiles) = by_tiles::<T>(g) {
        return tiles.kernel_gradient(x, cotangent, out, space);
    }
    let (tasks, [_, result]) = (kernel_tasks::<T>(g), g.lens());
    let add_up = |one: &Geometry, first: usize, out: &mut [T], space: &mut [T]| {
        let (x, space) = one.pad(x, first, space);
        let cotangent = &cotangent[first * result..][..one.images * result];
        one.kernel_products().for_each(|product| contract(&product, x, cotangent, out, false, space));
    };
    let len = out.len();
    if tasks.count() == 1 {
        return tasks.run_by((out, len), space, add_up);
    }
    let (sums, space) = space.split_at_mut(tasks.count() * len);
    tasks.run_by((sums, len), space, add_up);
    out.fill(T::default());
    for sum in sums.chunks_exact(len) {
        out.iter_mut().zip(sum).for_each(|(out, &x)| *out += x);
    }
}

/// What the gradient of the images is made of.
enum ImageGradient {
    /// The convolution of the cotangent, which has this geometry.
    Backwards(Geometry, Tasks),
    /// Products that are added up in padded images.
    Products(Tasks),
}

impl ImageGradient {
    fn new<T: Element>(g: &Geometry) -> Self {
        match g.backwards().filter(|_| g.turns::<T>().is_none()) {
            Some(back) => {
                let product = |one: &Geometry| std::iter::once(g.backwards_product(one));
                Self::Backwards(back, Tasks::new(&back).with_space::<T, _>(Geometry::pad_len, product))
            }
            None => {
                Self::Products(Tasks::new(g).with_space::<T, _>(Geometry::padded_len, |one| one.image_products::<T>()))
            }
        }
    }
}

/// How many numbers of space [`input_gradient`] needs.
pub fn input_gradient_space<T: Element>(g: &Geometry) -> usize {
    match ImageGradient::new::<T>(g) {
        ImageGradient::Backwards(back, tasks) => {
            by_tiles::<T>(&back).map_or_else(|| tasks.space(), |tiles| tiles.forward_scratch::<T>())
        }
        ImageGradient::Products(tasks) => tasks.space(),
    }
}

/// The gradient of the images, from the cotangent of the result and the kernels. The formula is at
/// [`ConvInput`](crate::ops::ConvInput). `out` is as long as the images, and `space` at least
/// [`input_gradient_space`].
///
/// ```
/// use tandem_autograd::kernels::convolution::{Geometry, input_gradient, input_gradient_space};
/// # let ([image, kernel, out], one) = ([[1, 4], [1, 2], [1, 3]], [1; 2]);
/// # let (channels, stride, pad, dilation, tile) = (one, one, [0; 2], one, one);
/// # let geometry = Geometry { images: 1, image, channels, kernel, stride, pad, dilation, groups: 1, tile, out };
/// let mut space = vec![0.0; input_gradient_space::<f64>(&geometry)];
/// let mut gradient = [0.0; 4];
/// input_gradient(&geometry, &[1., 10., 100.], &[2., 3.], &mut gradient, &mut space);
/// assert_eq!(gradient, [2., 3. + 20., 30. + 200., 300.]);
/// ```
///
/// # Panics
/// If a slice is shorter than the geometry says.
pub fn input_gradient<T: Element>(g: &Geometry, cotangent: &[T], kernel: &[T], out: &mut [T], space: &mut [T]) {
    let [image, result] = g.lens();
    match ImageGradient::new::<T>(g) {
        ImageGradient::Backwards(back, tasks) => match by_tiles::<T>(&back) {
            Some(tiles) => tiles.forward(cotangent, kernel, true, out, space),
            None => tasks.run((out, image), space, |one, first, out, space| {
                let (cotangent, space) = one.pad(cotangent, first, space);
                contract(&g.backwards_product(one), cotangent, kernel, out, false, space);
            }),
        },
        ImageGradient::Products(tasks) => tasks.run((out, image), space, |one, first, out, space| {
            let cotangent = &cotangent[first * result..][..one.images * result];
            let (padded, space) = space.split_at_mut(one.padded_len());
            padded.fill(T::default());
            one.image_products::<T>().for_each(|product| contract(&product, cotangent, kernel, padded, true, space));
            one.crop_into(padded, out);
        }),
    }
}

#[cfg(test)]
#[path = "convolution_tests.rs"]
mod tests;
