//! Activations as layers.

use tandem_autograd::{Float, Params, Shape, ShapeError, Tape, Var};

use crate::layer::Layer;
use crate::mode::Mode;

/// A function of each number by itself, of tensors of any shape (Deep Learning, section 6.3). In PyTorch these are
/// called `nn.ReLU`, `nn.Tanh`, `nn.Sigmoid`, `nn.GELU`, `nn.SiLU`, `nn.LeakyReLU` and `nn.Softplus`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Activation, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let y = Activation::Relu.forward(&tape, tape.constant(Tensor::new([3], vec![-1.0, 0.0, 2.0])), Mode::Eval);
/// assert_eq!(y.value().data(), [0.0, 0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0), with the derivative 0 at 0 (Nair and Hinton 2010).
    Relu,
    /// tanh x.
    Tanh,
    /// σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016): see [`Var::gelu`].
    Gelu,
    /// x · σ(x) = x / (1 + e⁻ˣ) (Elfwing, Uchibe and Doya 2018).
    Silu,
    /// x where it is positive, else this slope times x (Maas, Hannun and Ng 2013); PyTorch's default is 0.01.
    LeakyRelu(f64),
    /// ln(1 + eˣ) (Dugas et al. 2001).
    Softplus,
}

impl Activation {
    /// The function of each number, as a step on the tape; the shape stays.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape};
    /// use tandem_nn::Activation::{Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let e = 1f64.exp();
    /// let table = [
    ///     (Relu, 1.0, 0.0),
    ///     (Tanh, 1f64.tanh(), -1f64.tanh()),
    ///     (Sigmoid, e / (1.0 + e), 1.0 / (1.0 + e)),
    ///     (Gelu, 0.841344746068543, -0.158655253931457),             // Φ(1) and −Φ(−1)
    ///     (Silu, e / (1.0 + e), -1.0 / (1.0 + e)),
    ///     (LeakyRelu(0.01), 1.0, -0.01),
    ///     (Softplus, (1.0 + e).ln(), (1.0 + 1.0 / e).ln()),
    /// ];
    /// for (activation, at_one, at_minus_one) in table {
    ///     let [y, z] = [1.0, -1.0].map(|x| activation.apply(tape.constant(x)).item());
    ///     assert!((y - at_one).abs() < 1e-14 && (z - at_minus_one).abs() < 1e-14, "{activation:?}: {y}, {z}");
    /// }
    /// ```
    #[track_caller]
    pub fn apply<T: Float>(self, x: Var<'_, T>) -> Var<'_, T> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Gelu => x.gelu(),
            Activation::Silu => x.silu(),
            Activation::LeakyRelu(slope) => x.leaky_relu(slope),
            Activation::Softplus => x.softplus(),
        }
    }
}

impl<T: Float> Layer<T> for Activation {
    fn kind(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::LeakyRelu(_) => "leaky relu",
            Activation::Softplus => "softplus",
        }
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }
    #[track_caller]
    fn forward<'t>(&self, _: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        self.apply(x)
    }
}
