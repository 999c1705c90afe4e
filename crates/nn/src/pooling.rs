//! Pooling without parameters; [`Subsample2d`](crate::Subsample2d) is the kind with some.

use tandem_autograd::{Float, Params, Shape, ShapeError, Tape, Var, Window};

use crate::layer::{Layer, fit};
use crate::layout::Layouts;
use crate::mode::Mode;

/// The largest number of each window:
///
/// z\[y, x, c\] = max over i, j of x\[y·s + i − p, x·s + j − p, c\]
///
/// Images are `[n, height, width, channels]`; i and j run over the rows and columns of the window, s is
/// its stride, and padding p never holds the maximum (Deep Learning, section 9.3). The results have
/// ⌊(height + 2p − kh)/s⌋ + 1 rows, and columns likewise. In PyTorch this is called `nn.MaxPool2d`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Window};
/// use tandem_nn::{AvgPool2d, Layer, MaxPool2d, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 4, 1], vec![1., 2., 3., 4., 5., 6., 7., 8.]));
/// let largest = MaxPool2d(Window::square(2)).forward(&tape, x.clone(), Mode::Eval);
/// assert_eq!((largest.shape(), largest.value().data()), ([1, 1, 2, 1].into(), &[6., 8.][..]));
/// let mean = AvgPool2d(Window::square(2)).forward(&tape, x, Mode::Eval);
/// assert_eq!(mean.value().data(), [3.5, 5.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(pub Window);

/// The mean of each window of kh rows and kw columns, as [`MaxPool2d`] has them, padding counting as zeros:
///
/// z\[y, x, c\] = 1/(kh·kw) Σ over i, j of x\[y·s + i − p, x·s + j − p, c\]
///
/// In PyTorch this is called `nn.AvgPool2d`, whose default also counts the padding.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Window};
/// use tandem_nn::{AvgPool2d, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 2, 1], vec![1.0, 2.0, 3.0, 6.0]));
/// assert_eq!(AvgPool2d(Window::square(2)).forward(&tape, x, Mode::Eval).value().data(), [3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(pub Window);

/// The mean of each channel over all places: `[n, height, width, channels]` to `[n, channels]`.
///
/// z\[c\] = 1/(h·w) Σ over y, x of X\[y, x, c\]
///
/// (Lin, Chen and Yan 2014, section 3.2.) In PyTorch this is called `nn.AdaptiveAvgPool2d(1)`, which keeps the two axes
/// with length 1.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{GlobalAvgPool2d, GlobalMaxPool2d, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 2, 2], vec![1., 8., 2., 7., 3., 6., 6., 3.]));
/// assert_eq!(GlobalAvgPool2d.forward(&tape, x.clone(), Mode::Eval).value().data(), [3., 6.]);
/// assert_eq!(GlobalMaxPool2d.forward(&tape, x, Mode::Eval).value().data(), [6., 8.]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool2d;

/// The largest number of each channel over all places: `[n, height, width, channels]` to `[n, channels]`. In PyTorch
/// this is called `nn.AdaptiveMaxPool2d(1)`, which keeps the two axes with length 1.
///
/// z\[c\] = max over y, x of X\[y, x, c\]
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{GlobalMaxPool2d, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 2, 1], vec![1.0, 2.0, 3.0, 6.0]));
/// let y = GlobalMaxPool2d.forward(&tape, x, Mode::Eval);
/// assert_eq!((y.shape(), y.value().data()), ([1, 1].into(), &[6.0][..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalMaxPool2d;

/// The shape of the result for one example.
pub(crate) fn pooled(window: Window, input: Shape) -> Result<Shape, ShapeError> {
    Ok(window.output(input.batched(1))?.example())
}

impl<T: Float> Layer<T> for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max pool"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        pooled(self.0, input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        x.max_pool(self.0)
    }
}

impl<T: Float> Layer<T> for AvgPool2d {
    fn kind(&self) -> &'static str {
        "avg pool"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        pooled(self.0, input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        x.avg_pool(self.0)
    }
}

/// The two differ in what is done over rows and columns.
macro_rules! global {
    ($layer:ident, $kind:literal, $over:ident) => {
        impl<T: Float> Layer<T> for $layer {
            fn kind(&self) -> &'static str {
                $kind
            }
            fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
                ShapeError::unless(input.rank() == 3 && input[0] > 0 && input[1] > 0, || {
                    format!("takes examples of shape [height, width, channels] with a place, found {input}")
                })?;
                Ok(Shape::from([input[2] as usize]))
            }
            fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
                to.end_rows();
                self.output(params, input)
            }
            #[track_caller]
            fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
                let shape = x.shape();
                fit(self, tape.params(), shape);
                x.$over(&[1, 2]).reshape([shape[0] as usize, shape[3] as usize])
            }
        }
    };
}

global!(GlobalAvgPool2d, "global avg pool", mean_axes);
global!(GlobalMaxPool2d, "global max pool", max_axes);
