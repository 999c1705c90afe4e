//! Layers without parameters.

use tandem_autograd::{Float, Params, Shape, ShapeError, Tape, Var, Window};

use crate::layer::Layer;

/// A function of each number by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// tanh x
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
}

impl Activation {
    /// The function of each number.
    #[track_caller]
    pub fn apply<T: Float>(self, x: Var<'_, T>) -> Var<'_, T> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
        }
    }
}

impl<T: Float> Layer<T> for Activation {
    fn kind(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
        }
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        self.apply(x)
    }
}

/// All axes but the batch made one. Images are laid out as rows × columns × channels, so the order
/// differs from PyTorch's, where channels come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl<T: Float> Layer<T> for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::from([input.len()]))
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        x.flatten()
    }
}

/// The inverse of [`Flatten`]: examples of this shape again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unflatten(pub Shape);

impl<T: Float> Layer<T> for Unflatten {
    fn kind(&self) -> &'static str {
        "unflatten"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        ShapeError::unless(input.len() == self.0.len(), || {
            format!("{input} holds {} numbers, {} holds {}", input.len(), self.0, self.0.len())
        })?;
        Ok(self.0)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        let rows = x.shape()[0] as usize;
        x.reshape(self.0.batched(rows))
    }
}

/// The largest number of each window: `[n, h, w, c] → [n, oh, ow, c]`, with
/// oh = ⌊(h + 2·pad − size) / stride⌋ + 1 and ow likewise. Padding never wins. In PyTorch this is
/// called `nn.MaxPool2d`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Window};
/// use tandem_nn::{Layer, MaxPool2d};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 4, 1], vec![1., 2., 3., 4., 5., 6., 7., 0.]));
/// assert_eq!(MaxPool2d(Window::square(2)).forward(&tape, x).value().data(), [6., 7.]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(pub Window);

/// The mean of each window, padding counting as zeros: `[n, h, w, c] → [n, oh, ow, c]`, with oh and ow
/// as for [`MaxPool2d`]. In PyTorch this is called `nn.AvgPool2d`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Window};
/// use tandem_nn::{AvgPool2d, Layer};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([1, 2, 4, 1], vec![1., 2., 3., 4., 5., 6., 7., 0.]));
/// assert_eq!(AvgPool2d(Window::square(2)).forward(&tape, x).value().data(), [3.5, 3.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(pub Window);

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
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
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
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        x.avg_pool(self.0)
    }
}
