//! From images to rows of numbers, and back.

use tandem_autograd::{Float, Params, Shape, ShapeError, Tape, Var};

use crate::layer::Layer;
use crate::layout::Layouts;
use crate::mode::Mode;

/// All axes but the batch made one: `[n, …]` becomes `[n, everything else]`, in row-major order. Images are laid out as
/// rows × columns × channels: number c of the pixel in row y and column x becomes number (y · width + x) · channels +
/// c. PyTorch's order is another one, since channels come first there; [`Layer::layouts`] knows of it. In PyTorch this
/// is called `nn.Flatten`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Flatten, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let y = Flatten.forward(&tape, tape.constant(Tensor::zeros([5, 4, 4, 8])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 4 * 4 * 8]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl<T: Float> Layer<T> for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::from([input.len()]))
    }
    fn layouts(&self, _: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.flatten(input);
        Ok(Shape::from([input.len()]))
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        x.flatten()
    }
}

/// The inverse of [`Flatten`]: `[n, …]` becomes `[n, shape]`, examples of this shape again, of as many numbers. In
/// PyTorch this is called `nn.Unflatten`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Layer, Mode, Unflatten};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let y = Unflatten([4, 4, 8].into()).forward(&tape, tape.constant(Tensor::zeros([5, 128])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 4, 4, 8]);
/// ```
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
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.unflatten(self.0)?;
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let shape = x.shape();
        assert!(shape.rank() > 0, "unflatten: a number has no axis for a batch");
        x.reshape(self.0.batched(shape[0] as usize))
    }
}
