//! A variable: a value, and perhaps the node of a tape that it came from.

use std::fmt;

use crate::arena::NONE;
use crate::core::Core;
use crate::float::Float;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A value and perhaps a node of a tape.
///
/// Ops consume their operands: an operand that nobody else refers to gives its buffer to the
/// result. To use a variable twice, borrow it in an operator (`&a * &a`) or clone it, which copies
/// a reference. An op records itself if and only if one of its operands is recorded.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([3], vec![1.0, 2.0, 3.0]));
/// let y = (&x * &x + 2.0 * &x).sum();
/// let gradients = y.backward();
/// assert_eq!(gradients.wrt(&x).unwrap().data(), [4.0, 6.0, 8.0]);
/// ```
///
/// The operators `+`, `-`, `*`, `/` act number by number. Shapes are [broadcast](Shape::broadcast), and the gradient
/// of what was repeated is summed back. Either side may be a number, which is an `f64` in the program and is rounded to
/// the element type.
///
/// ```
/// # use tandem_autograd::{Params, Tape, Tensor};
/// # let params = Params::<f64>::new();
/// # let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([2, 1], vec![6.0, 8.0]));
/// let y = tape.input(Tensor::new([2], vec![1.0, 2.0]));
/// let z = &x / &y - 1.0;                                          // [2, 1] by [2] makes [2, 2]
/// assert_eq!(z.value(), &Tensor::new([2, 2], vec![5.0, 2.0, 7.0, 3.0]));
/// let gradients = z.sum().backward();
/// assert_eq!(gradients.wrt(&x).unwrap(), &Tensor::new([2, 1], vec![1.5, 1.5]));        // Σ 1/y
/// assert_eq!(gradients.wrt(&y).unwrap().data(), [-14.0, -3.5]);                        // −Σ x/y²
/// ```
#[derive(Clone)]
pub struct Var<'t, T: Float = f32> {
    pub(crate) value: Tensor<T>,
    pub(crate) core: &'t Core<T>,
    pub(crate) node: u32,
}

impl<'t, T: Float> Var<'t, T> {
    /// The value.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let z = tape.input(Tensor::new([2], vec![1.0, 2.0])) * 3.0;
    /// assert_eq!((z.value().data(), z.shape().to_string()), (&[3.0, 6.0][..], "[2]".into()));
    /// assert_eq!(z.sum().item(), 9.0);
    /// ```
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, without the node: it outlives the tape.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// let params = Params::<f64>::new();
    /// let kept = Tape::new(&params).input(3.0).square().into_value();
    /// assert_eq!(kept.item(), 9.0);
    /// ```
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// The shape of the value.
    pub fn shape(&self) -> Shape {
        self.value.shape()
    }

    /// The number in a variable that holds just one.
    ///
    /// # Panics
    /// If it holds more or fewer.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// The same value as a constant: no gradient passes through it. In PyTorch this is called `detach`, in JAX
    /// `stop_gradient`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(3.0);
    /// let z = &x * x.clone().detach();                       // x · 3: the second x counts as a number
    /// assert_eq!(z.backward().wrt(&x).unwrap().item(), 3.0);
    /// ```
    pub fn detach(self) -> Var<'t, T> {
        Var { node: NONE, ..self }
    }

    /// Whether the variable is recorded, so that gradients pass through it.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let (x, c) = (tape.input(3.0), tape.constant(2.0));
    /// assert_eq!([(&x * &c).is_recorded(), (&c * &c).is_recorded()], [true, false]);
    /// ```
    pub fn is_recorded(&self) -> bool {
        self.node != NONE
    }

    /// A constant on the same tape: as [`Tape::constant`](crate::Tape::constant), where the tape is not at hand.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![1.0, 2.0]));
    /// let weights = x.constant(Tensor::new([2], vec![10.0, 100.0]));
    /// assert_eq!((x * weights).sum().item(), 210.0);
    /// ```
    pub fn constant(&self, value: impl Into<Tensor<T>>) -> Var<'t, T> {
        self.core.constant(value.into())
    }
}

/// What takes a variable by value takes it by reference too.
impl<'t, T: Float> From<&Var<'t, T>> for Var<'t, T> {
    #[inline]
    fn from(x: &Var<'t, T>) -> Var<'t, T> {
        x.clone()
    }
}

impl<T: Float> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
