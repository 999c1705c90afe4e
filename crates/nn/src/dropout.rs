//! Dropout.

use tandem_autograd::{Float, Params, Shape, ShapeError, Tape, Var};

use crate::layer::Layer;
use crate::mode::Mode;

/// In training, 0 in place of each number with this probability p, else x / (1 − p), so that the mean stays
/// (Srivastava et al. 2014). In evaluation, x itself. In PyTorch this is called `nn.Dropout`, where p = 0.5 by default.
///
/// The shape stays. Draws are from the generator of the [`Training`](crate::Training).
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Dropout, Generator, Layer, Mode, Training};
/// let params = Params::<f32>::new();
/// let training = Training::new(Generator::seed_from_u64(0));
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::full([1000], 3.0));
/// let y = Dropout(0.25).forward(&tape, x.clone(), Mode::Train(&training));
/// assert!(y.value().data().iter().all(|&y| y == 0.0 || y == 4.0));
/// assert!((2.8..3.2).contains(&y.mean().item()));
/// assert_eq!(Dropout(0.25).forward(&tape, x, Mode::Eval).value().data(), [3.0; 1000]);
/// ```
///
/// # Panics
/// In training, if p is not in 0 ≤ p < 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout(pub f64);

impl<T: Float> Layer<T> for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T> {
        let Mode::Train(training) = mode else { return x };
        x.dropout(self.0, &mut *training.rng())
    }
}
