//! Two shapes that were to be one.

use std::fmt;

use crate::shape::Shape;

/// Two values that were to become one have different shapes: the error of [`tie`](super::Params::tie),
/// [`set`](super::Params::set) and [`set_state`](super::Params::set_state).
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// let mut params = Params::<f32>::new();
/// let [a, b] = [("a", 2), ("b", 3)].map(|(name, len)| params.add(name, Tensor::zeros([len])));
/// let error = params.tie(b, a).unwrap_err();
/// assert_eq!(error.to_string(), "`b` has shape [3], but a has shape [2]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The name that was to change.
    pub name: Box<str>,
    /// Its shape.
    pub shape: Shape,
    /// What it was to share with or be set to.
    pub other: Box<str>,
    /// The shape of that.
    pub other_shape: Shape,
}

impl ShapeMismatch {
    /// `Err` unless both are of one shape.
    pub(crate) fn unless_same(name: &str, shape: Shape, other: &str, other_shape: Shape) -> Result<(), ShapeMismatch> {
        if shape == other_shape {
            return Ok(());
        }
        Err(ShapeMismatch { name: name.into(), shape, other: other.into(), other_shape })
    }
}

impl fmt::Display for ShapeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has shape {}, but {} has shape {}", self.name, self.shape, self.other, self.other_shape)
    }
}

impl std::error::Error for ShapeMismatch {}
