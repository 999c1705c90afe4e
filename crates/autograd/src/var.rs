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
#[derive(Clone)]
pub struct Var<'t, T: Float = f32> {
    pub(crate) value: Tensor<T>,
    pub(crate) core: &'t Core<T>,
    pub(crate) node: u32,
}

impl<'t, T: Float> Var<'t, T> {
    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, without the node.
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

    /// The same value as a constant: no gradient passes through it.
    pub fn detach(self) -> Var<'t, T> {
        Var { node: NONE, ..self }
    }

    /// Whether the variable is recorded, so that gradients pass through it.
    pub fn is_recorded(&self) -> bool {
        self.node != NONE
    }

    /// A constant on the same tape.
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
