//! The linear layer and the multi-layer perceptron.

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, Tape, Var};

use crate::activation::Activation;
use crate::init::Init;
use crate::layer::{Layer, Use, at_positions};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// y = x · W + b: y\[…, o\] = b\[o\] + Σ over i of x\[…, i\] · W\[i, o\].
///
/// x is `[n, …, inputs]`, y is `[n, …, outputs]`. W is stored as `[inputs, outputs]`, the way the product reads it. In
/// PyTorch this is called `nn.Linear`, which stores the transpose.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Init, Layer, Linear, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let layer = Linear::new(&mut params, "fc", [3, 2], Init::He, &mut rng);
/// assert_eq!(params.names().map(|(_, path)| path).collect::<Vec<_>>(), ["fc.weight", "fc.bias"]);
/// let tape = Tape::new(&params);
/// assert_eq!(layer.forward(&tape, tape.constant(Tensor::zeros([5, 3])), Mode::Eval).shape().to_vec(), [5, 2]);
/// // An example may have several rows; each number of W is then applied once for each of them.
/// assert_eq!(layer.forward(&tape, tape.constant(Tensor::zeros([5, 7, 3])), Mode::Eval).shape().to_vec(), [5, 7, 2]);
/// assert_eq!(layer.uses(&params, [7, 3].into())?[0].connections, 7 * 6);
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub weight: ParamId,
    /// `[outputs]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
}

impl Linear {
    /// A layer whose parameters are named `path.weight` and `path.bias`. The bias starts at zero,
    /// or, with [`Init::Uniform`], like the weights.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Init, Linear};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Linear::new(&mut params, "fc", [3, 2], Init::He, &mut rng);
    /// assert_eq!(params.get(layer.bias.unwrap()).data(), [0.0, 0.0]);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [3, 2]);
    /// ```
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        [inputs, outputs]: [usize; 2],
        init: Init,
        rng: &mut impl Rng,
    ) -> Linear {
        let linear = Linear::without_bias(params, path, [inputs, outputs], init, rng);
        let bias = init.of_bias().draw([outputs], inputs, outputs, rng);
        Linear { bias: Some(params.add(&format!("{path}.bias"), bias)), ..linear }
    }

    /// As [`new`](Linear::new), without a bias.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Init, Linear};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Linear::without_bias(&mut params, "fc", [3, 2], Init::He, &mut rng);
    /// assert_eq!((layer.bias, params.numel()), (None, 3 * 2));
    /// ```
    ///
    /// # Panics
    /// If the name is taken.
    #[track_caller]
    pub fn without_bias<T: Float>(
        params: &mut Params<T>,
        path: &str,
        [inputs, outputs]: [usize; 2],
        init: Init,
        rng: &mut impl Rng,
    ) -> Linear {
        let weight = init.draw([inputs, outputs], inputs, outputs, rng);
        Linear { weight: params.add(&format!("{path}.weight"), weight), bias: None }
    }

    /// Its parameters.
    fn ids(&self) -> impl Iterator<Item = ParamId> + use<> {
        [Some(self.weight), self.bias].into_iter().flatten()
    }
}

impl<T: Float> Layer<T> for Linear {
    fn kind(&self) -> &'static str {
        "linear"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let weight = params.get(self.weight).shape();
        let fits = input.dims().last() == Some(&weight[0]);
        ShapeError::unless(fits, || {
            format!(
                "a linear layer of shape {weight} takes examples with {} numbers along the last axis, found shape {input}",
                weight[0]
            )
        })?;
        Ok(input.with(input.rank() - 1, weight[1] as usize))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input)?;
        Ok(at_positions(params, rows(input), self.ids()))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        let weight = params.get(self.weight).shape();
        let layout = match to.flattened() {
            Some(maps) => Layout::linear_after_flatten(weight, maps),
            None => Layout::linear(weight),
        };
        // Examples of several rows are flattened otherwise than one.
        if input.rank() == 1 {
            to.begin_rows();
        } else {
            to.end_rows();
        }
        to.put(self.weight, layout)?;
        if let Some(bias) = self.bias {
            to.put(bias, Layout::same(params.get(bias).shape()))?;
        }
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let y = x.matmul(tape.param(self.weight));
        let Some(bias) = self.bias else { return y };
        y + tape.param(bias)
    }
}

/// How many rows an example has: a number of a weight is applied once for each of them.
fn rows(input: Shape) -> usize {
    input.with(input.rank() - 1, 1).len()
}

/// Linear layers with an activation φ between them, and none after the last (Deep Learning, chapter 6):
/// xₖ₊₁ = φ(xₖ · Wₖ + bₖ), from `[n, …, first width]` to `[n, …, last width]`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Activation, Init, Layer, Mlp, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let net = Mlp::new(&mut params, "net", &[4, 16, 16, 2], Activation::Tanh, Init::Glorot, &mut rng);
/// let tape = Tape::new(&params);
/// assert_eq!(net.forward(&tape, tape.constant(Tensor::zeros([5, 4])), Mode::Eval).shape().to_vec(), [5, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Mlp {
    /// The linear layers in order.
    pub layers: SmallVec<[Linear; 4]>,
    /// What stands between them.
    pub activation: Activation,
}

impl Mlp {
    /// A perceptron with these widths, inputs first; its layers are named `path.0`, `path.1`, ….
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Activation, Generator, Init, Mlp};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let net = Mlp::new(&mut params, "net", &[4, 16, 2], Activation::Relu, Init::He, &mut rng);
    /// assert_eq!((net.layers.len(), params.numel()), (2, (4 * 16 + 16) + (16 * 2 + 2)));
    /// assert_eq!(params.name(net.layers[1].weight), "net.1.weight");
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two widths, or a name is taken.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        widths: &[usize],
        activation: Activation,
        init: Init,
        rng: &mut impl Rng,
    ) -> Mlp {
        assert!(widths.len() >= 2, "a perceptron needs the widths of its input and its output, found {widths:?}");
        let mut layers = SmallVec::new();
        for (i, pair) in widths.windows(2).enumerate() {
            layers.push(Linear::new(params, &format!("{path}.{i}"), [pair[0], pair[1]], init, rng));
        }
        Mlp { layers, activation }
    }
}

impl<T: Float> Layer<T> for Mlp {
    fn kind(&self) -> &'static str {
        "mlp"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        self.layers.iter().try_fold(input, |shape, layer| layer.output(params, shape))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input)?;
        Ok(at_positions(params, rows(input), self.layers.iter().flat_map(Linear::ids)))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        self.layers.iter().try_fold(input, |shape, layer| layer.layouts(params, shape, to))
    }
    fn bookkeeping_bytes(&self) -> usize {
        // The first few stand in the description itself.
        if self.layers.spilled() { self.layers.capacity() * size_of::<Linear>() } else { 0 }
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T> {
        let (last, hidden) = self.layers.split_last().expect("a perceptron has a layer");
        // A loop, because a closure would not know the caller's line.
        let mut x = x;
        for layer in hidden {
            x = self.activation.apply(layer.forward(tape, x, mode));
        }
        last.forward(tape, x, mode)
    }
}
