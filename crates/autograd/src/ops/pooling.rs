//! Pooling over windows of images laid out as N×H×W×C.

use crate::kernels::bytes::{bytes, bytes_mut, numbers};
use crate::kernels::pooling::Windows;
use crate::shape::fit;
use crate::{Float, Kind, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// The windows of a pooling: size, stride and zero (or −∞) padding along rows and columns.
///
/// ```
/// use tandem_autograd::{Shape, Window};
/// let window = Window { size: [3, 3], stride: [2, 2], pad: [1, 1] };
/// assert_eq!(window.output(Shape::from([5, 8, 8, 16]))?, Shape::from([5, 4, 4, 16]));
/// assert!(Window::square(9).output(Shape::from([5, 8, 8, 16])).is_err());
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns of padding on each side, at most half of `size`.
    pub pad: [usize; 2],
}

impl Window {
    /// Square windows side by side, without padding: size and stride are `size`.
    pub const fn square(size: usize) -> Window {
        Window { size: [size; 2], stride: [size; 2], pad: [0; 2] }
    }

    /// The result's shape: ⌊(length + 2·pad − size) / stride⌋ + 1 along rows and columns.
    ///
    /// # Errors
    /// If the operand has not four axes, or a window does not fit.
    pub fn output(&self, x: Shape) -> Result<Shape, ShapeError> {
        ShapeError::unless(x.rank() == 4, || {
            format!("pooling takes images of shape [n, height, width, channels], found {x}")
        })?;
        let mut out = x;
        for i in 0..2 {
            let padded = x[1 + i] as usize + 2 * self.pad[i];
            let (size, stride, pad) = (self.size[i], self.stride[i], self.pad[i]);
            ShapeError::unless(size > 0 && stride > 0 && 2 * pad <= size, || {
                format!(
                    "a window of size {size}, stride {stride} and padding {pad}: size and stride are at least 1, padding is at most half the size"
                )
            })?;
            ShapeError::unless(padded >= size, || {
                format!("axis {}: a window of {size} does not fit in {padded} places, padding included", 1 + i)
            })?;
            ShapeError::unless(x[1 + i] > 0, || format!("axis {}: a window would have nothing but padding", 1 + i))?;
            out = out.with(1 + i, (padded - size) / stride + 1);
        }
        Ok(out)
    }

    /// The shape of images with these rows and columns whose windows have this shape.
    fn images(&self, windows: Shape, [rows, columns]: [usize; 2]) -> Result<Shape, ShapeError> {
        ShapeError::unless(windows.rank() == 4, || {
            format!("numbers for windows have shape [n, rows, columns, channels], found {windows}")
        })?;
        let images = windows.with(1, rows).with(2, columns);
        let expected = self.output(images)?;
        ShapeError::unless(expected == windows, || format!("{windows} numbers for windows of shape {expected}"))?;
        Ok(images)
    }

    fn over(&self, x: Shape) -> Windows {
        let out = self.output(x).expect("checked when the op was applied");
        Windows {
            image: sides(x),
            channels: x[3] as usize,
            size: self.size,
            stride: self.stride,
            pad: self.pad,
            out: sides(out),
        }
    }
}

/// Rows and columns of images.
pub(super) fn sides(images: Shape) -> [usize; 2] {
    [images[1] as usize, images[2] as usize]
}

/// z = x at a place of each window, `[n, h, w, c] → [n, oh, ow, c]`. Operands x and the places, packed as
/// [`Var::max_pool`] does.
///
/// x̄ = z̄ at the place. With the places of the first maxima this is max pooling, and what it keeps for its
/// rule is a byte a window instead of the images: four bytes, if a window has more than 256 places.
#[derive(Clone, Copy, Debug)]
pub struct PoolPick(pub Window);

impl<T: Float> Op<T> for PoolPick {
    fn name(&self) -> &'static str {
        "pool_pick"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let out = self.0.output(x[0])?;
        unless_places::<T>(self.0.over(x[0]), out, x[1])?;
        Ok(out)
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (x, places) = (&x[0], bytes(x[1].data()));
        let windows = self.0.over(x.shape());
        let used = out.shape.len() * windows.place_bytes();
        out.build(|z| windows.pick(x.data(), &places[..used], z))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, PoolPut { window: self.0, image: sides(r.shape(0)) }, |r| [g, r.x(1)]);
    }
}

/// Adds each window's number to a place of it: the adjoint of [`PoolPick`], which is its rule in turn.
/// Operands g, a number a window, `[n, oh, ow, c]`, and the places. The result: `[n, h, w, c]`.
#[derive(Clone, Copy, Debug)]
pub struct PoolPut {
    /// The windows.
    pub window: Window,
    /// Rows and columns of the images.
    pub image: [usize; 2],
}

impl<T: Float> Op<T> for PoolPut {
    fn name(&self) -> &'static str {
        "pool_put"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let image = self.window.images(x[0], self.image)?;
        unless_places::<T>(self.window.over(image), x[0], x[1])?;
        Ok(image)
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (g, places) = (&x[0], bytes(x[1].data()));
        let windows = self.window.over(out.shape);
        let used = g.len() * windows.place_bytes();
        out.build(|z| windows.put(g.data(), &places[..used], z))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, PoolPick(self.window), |r| [g, r.x(1)]);
    }
}

/// `Err` unless a tensor of this shape is as large as the packed places for these windows.
fn unless_places<T>(windows: Windows, out: Shape, found: Shape) -> Result<(), ShapeError> {
    let expected = Shape::from([numbers::<T>(out.len() * windows.place_bytes())]);
    ShapeError::unless(found == expected, || {
        format!("packed places of shape {expected} for {out} windows, found {found}")
    })
}

/// For each window, which of its places has the first largest number: a byte (or four, in windows of
/// more than 256 places), packed into the memory of numbers. A NaN is the largest.
pub(super) fn places_of_max<T: Float>(x: &Tensor<T>, window: Window, out: Shape) -> Tensor<T> {
    let windows = window.over(x.shape());
    let used = out.len() * windows.place_bytes();
    Tensor::build([numbers::<T>(used)], Kind::Activation, |places| {
        windows.first_max(x.data(), &mut bytes_mut(places)[..used]);
    })
}

/// z = the sum of each window, padding counting as zeros, `[n, h, w, c] → [n, oh, ow, c]`,  x̄ = z̄ added to
/// all places of its window. The example is at [`Var::sum_pool`].
#[derive(Clone, Copy, Debug)]
pub struct SumPool(pub Window);

impl<T: Float> Op<T> for SumPool {
    fn name(&self) -> &'static str {
        "sum_pool"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.0.output(x[0])
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        out.build(|z| self.0.over(x.shape()).sum(x.data(), z))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, SumUnpool { window: self.0, image: sides(r.shape(0)) }, |_| [g]);
    }
}

/// Adds each window's number to all of its places, `[n, oh, ow, c] → [n, h, w, c]`: the adjoint of [`SumPool`].
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, Window, ops::SumUnpool};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let op = SumUnpool { window: Window::square(2), image: [2, 4] };
/// let g = tape.constant(Tensor::new([1, 1, 2, 1], vec![1., 5.]));
/// assert_eq!(Var::apply_op(op, [g]).value().data(), [1., 1., 5., 5., 1., 1., 5., 5.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SumUnpool {
    /// The windows.
    pub window: Window,
    /// Rows and columns of the images.
    pub image: [usize; 2],
}

impl<T: Float> Op<T> for SumUnpool {
    fn name(&self) -> &'static str {
        "sum_unpool"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.window.images(x[0], self.image)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let g = &x[0];
        out.build(|z| self.window.over(out.shape).spread(g.data(), z))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, SumPool(self.window), |_| [g]);
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The largest number of each window: `[n, h, w, c] → [n, oh, ow, c]`; see [`Window::output`]. Padding never
    /// wins. The first largest has the whole gradient (Deep Learning, section 9.3). In PyTorch this is called
    /// `F.max_pool2d`, with channels first.
    ///
    /// ```
    /// # use tandem_autograd::Window;
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([1, 2, 4, 1], vec![1., 2., 3., 4., 8., 7., 6., 5.]));
    /// let z = x.clone().max_pool(Window::square(2));
    /// assert_eq!(z.value().data(), [8., 6.]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0., 0., 0., 0., 1., 0., 1., 0.]);
    /// ```
    ///
    /// # Panics
    /// If this has not four axes, or a window does not fit.
    #[track_caller]
    pub fn max_pool(self, window: Window) -> Var<'t, T> {
        let out = fit("max_pool", &[self.shape()], window.output(self.shape()));
        let places = self.constant(places_of_max(self.value(), window, out));
        Var::apply(PoolPick(window), [self, places])
    }

    /// The sum of each window, padding counting as zeros: `[n, h, w, c] → [n, oh, ow, c]`.
    ///
    /// ```
    /// # use tandem_autograd::Window;
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([1, 2, 4, 1], vec![1., 2., 3., 4., 8., 7., 6., 5.]));
    /// assert_eq!(x.clone().sum_pool(Window::square(2)).value().data(), [18., 18.]);
    /// assert_eq!(x.avg_pool(Window::square(2)).value().data(), [4.5, 4.5]);
    /// ```
    ///
    /// # Panics
    /// If this has not four axes, or a window does not fit.
    #[track_caller]
    pub fn sum_pool(self, window: Window) -> Var<'t, T> {
        Var::apply(SumPool(window), [self])
    }

    /// The mean of each window, padding counting as zeros: [`sum_pool`](Var::sum_pool) over the size, where the
    /// example is. In PyTorch this is called `F.avg_pool2d`.
    ///
    /// # Panics
    /// If this has not four axes, or a window does not fit.
    #[track_caller]
    pub fn avg_pool(self, window: Window) -> Var<'t, T> {
        fit("avg_pool", &[self.shape()], window.output(self.shape()));
        let count = (window.size[0] * window.size[1]) as f64;
        self.sum_pool(window).scale(1.0 / count)
    }
}
