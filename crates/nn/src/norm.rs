//! Normalisation: over a batch, with running statistics, and over the numbers of each example.

use smallvec::{SmallVec, smallvec};
use tandem_autograd::{Float, Kind, ParamId, Params, Shape, ShapeError, StateId, Tape, Tensor, Var};

use crate::layer::{Layer, Use, fit};
use crate::layout::{Layout, Layouts};
use crate::mode::{Mode, Training};

/// Batch normalisation (Ioffe and Szegedy 2015): over the batch and all places, for each channel,
///
/// z = a · (x − μ) / √(σ² + ε) + b
///
/// x is `[n, …, channels]`; a and b are `[channels]`. In training μ and σ² are the mean and the variance
/// (over N, not N − 1) of the batch, and the next running statistics are noted:
/// r ← (1 − m) · r + m · (μ, or σ² over N − 1), to be [committed](Training::commit). In evaluation μ and σ²
/// are the running statistics. In PyTorch this is called `nn.BatchNorm1d` and `nn.BatchNorm2d`; ε = 1e-5 and
/// m = 0.1 are the same.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{BatchNorm, Generator, Layer, Mode, Training};
/// let mut params = Params::<f32>::new();
/// let norm = BatchNorm::new(&mut params, "norm", 8);
/// assert_eq!((params.numel(), params.states().count()), (8 + 8, 2));
/// let training = Training::new(Generator::seed_from_u64(0));
/// let tape = Tape::new(&params);
/// let y = norm.forward(&tape, tape.constant(Tensor::full([5, 4, 4, 8], 3.0)), Mode::Train(&training));
/// assert_eq!((y.shape(), y.value().data()[0]), ([5, 4, 4, 8].into(), 0.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// a, `[channels]`, ones at first.
    pub weight: ParamId,
    /// b, `[channels]`, zeros at first.
    pub bias: ParamId,
    /// The running mean, `[channels]`, zeros at first.
    pub mean: StateId,
    /// The running variance, `[channels]`, ones at first.
    pub variance: StateId,
    /// ε.
    pub epsilon: f64,
    /// m, the weight of a batch in the running statistics.
    pub momentum: f64,
}

impl BatchNorm {
    /// A layer whose parameters are named `path.weight` and `path.bias`, its states `path.running_mean` and
    /// `path.running_var`.
    ///
    /// ```
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::BatchNorm;
    /// # let mut params = Params::<f32>::new();
    /// let norm = BatchNorm::new(&mut params, "norm", 2);
    /// let [ones, zeros] = [norm.weight, norm.bias].map(|id| params.get(id).data());
    /// assert_eq!((ones, zeros), (&[1.0, 1.0][..], &[0.0, 0.0][..]));
    /// let [mean, variance] = [norm.mean, norm.variance].map(|id| params.state(id).data());
    /// assert_eq!((mean, variance), (zeros, ones));
    /// ```
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, channels: usize) -> BatchNorm {
        let (zeros, ones) = (Tensor::zeros([channels]), Tensor::full([channels], T::ONE));
        BatchNorm {
            weight: params.add(&format!("{path}.weight"), ones.clone()),
            bias: params.add(&format!("{path}.bias"), zeros.clone()),
            mean: params.add_state(&format!("{path}.running_mean"), zeros),
            variance: params.add_state(&format!("{path}.running_var"), ones),
            epsilon: 1e-5,
            momentum: 0.1,
        }
    }

    /// (1 − m) · r + m · new, noted for the next commit.
    #[track_caller]
    fn note<T: Float>(&self, params: &Params<T>, training: &Training<T>, id: StateId, new: &Tensor<T>, scale: f64) {
        let (keep, take) = (T::from_f64(1.0 - self.momentum), T::from_f64(self.momentum * scale));
        let old = training.state(params, id);
        let running = Tensor::build(old.shape(), Kind::Activation, |running| {
            for (running, (&old, &new)) in running.iter_mut().zip(old.data().iter().zip(new.data())) {
                *running = keep * old + take * new;
            }
        });
        training.note(id, running);
    }
}

/// The layout of numbers beside rows, which may be flattened maps.
fn of_rows(rows: Shape, to: &Layouts) -> Layout {
    to.flattened().map_or_else(|| Layout::same(rows), |maps| Layout::flattened(rows, maps))
}

impl<T: Float> Layer<T> for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch norm"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let channels = params.get(self.weight).shape()[0];
        ShapeError::unless(input.dims().last() == Some(&channels), || {
            format!(
                "a batch norm of {channels} channels takes examples with them on the last axis, found shape {input}"
            )
        })?;
        Ok(input)
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input)?;
        let each = |id| Use { id, connections: input.len() };
        Ok(smallvec![each(self.weight), each(self.bias)])
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        if input.rank() == 1 {
            let layout = of_rows(input, to);
            for id in [self.weight, self.bias] {
                to.put(id, layout.clone())?;
            }
            for id in [self.mean, self.variance] {
                to.put_state(id, layout.clone())?;
            }
        }
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T> {
        let (params, shape) = (tape.params(), x.shape());
        fit(self, params, shape);
        let (last, channels) = (shape.rank() - 1, shape[shape.rank() - 1] as usize);
        let (weight, bias) = (tape.param(self.weight), tape.param(self.bias));
        let Mode::Train(training) = mode else {
            let [mean, variance] = [self.mean, self.variance].map(|id| tape.constant(params.state(id).clone()));
            return (x - mean) * ((variance + self.epsilon).powf(-0.5) * weight) + bias;
        };
        let places = shape.len() / channels.max(1);
        assert!(places > 1, "batch norm, for a batch of shape {shape}: training takes more than one number a channel");
        let axes: SmallVec<[usize; 6]> = (0..last).collect();
        let mean = x.clone().mean_axes(&axes);
        self.note(params, training, self.mean, mean.value(), 1.0);
        let centred = x - mean;
        let variance = centred.clone().square().mean_axes(&axes);
        self.note(params, training, self.variance, variance.value(), places as f64 / (places - 1) as f64);
        centred * ((variance + self.epsilon).powf(-0.5) * weight) + bias
    }
}

/// Layer normalisation (Ba, Kiros and Hinton 2016): over the last axes, of this shape, for each example and each
/// place on the axes before them,
///
/// z = a · (x − μ) / √(σ² + ε) + b
///
/// x is `[n, …, shape]`; a and b have the shape; σ² is over N. Training and evaluation are the same. In PyTorch this
/// is called `nn.LayerNorm`; ε = 1e-5 is the same.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Layer, LayerNorm, Mode};
/// let mut params = Params::<f64>::new();
/// let norm = LayerNorm::new(&mut params, "norm", [3]);
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 10., 10., 10.]));
/// let y = norm.forward(&tape, x, Mode::Eval);
/// assert!((y.value().data()[2] - 1.5_f64.sqrt()).abs() < 1e-4);
/// assert_eq!(y.value().data()[3..], [0.0; 3]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// a, of the shape, ones at first.
    pub weight: ParamId,
    /// b, of the shape, zeros at first.
    pub bias: ParamId,
    /// ε.
    pub epsilon: f64,
}

impl LayerNorm {
    /// A layer over last axes of this shape, whose parameters are named `path.weight` and `path.bias`.
    ///
    /// ```
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::LayerNorm;
    /// # let mut params = Params::<f32>::new();
    /// let norm = LayerNorm::new(&mut params, "norm", [4, 4, 8]);
    /// assert_eq!(params.get(norm.weight).shape().to_vec(), [4, 4, 8]);
    /// assert_eq!((params.name(norm.bias), params.numel()), ("norm.bias", 2 * 4 * 4 * 8));
    /// ```
    ///
    /// # Panics
    /// If the shape holds no number, or has no axis, or a name is taken.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, shape: impl Into<Shape>) -> LayerNorm {
        let shape = shape.into();
        assert!(shape.rank() > 0 && !shape.is_empty(), "`{path}`: a layer norm over {shape} has nothing to normalise");
        LayerNorm {
            weight: params.add(&format!("{path}.weight"), Tensor::full(shape, T::ONE)),
            bias: params.add(&format!("{path}.bias"), Tensor::zeros(shape)),
            epsilon: 1e-5,
        }
    }
}

impl<T: Float> Layer<T> for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer norm"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let shape = params.get(self.weight).shape();
        ShapeError::unless(shape.is_suffix_of(&input), || {
            format!("a layer norm over {shape} takes examples whose last axes these are, found shape {input}")
        })?;
        Ok(input)
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input)?;
        let each = |id| Use { id, connections: input.len() };
        Ok(smallvec![each(self.weight), each(self.bias)])
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        let shape = params.get(self.weight).shape();
        let layout = match shape.rank() {
            3 => Layout::maps(shape),
            1 if input.rank() == 1 => of_rows(input, to),
            _ => Layout::same(shape),
        };
        for id in [self.weight, self.bias] {
            to.put(id, layout.clone())?;
        }
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let shape = x.shape();
        fit(self, tape.params(), shape);
        let weight = tape.param(self.weight);
        let axes: SmallVec<[usize; 6]> = (shape.rank() - weight.shape().rank()..shape.rank()).collect();
        let centred = &x - x.clone().mean_axes(&axes);
        let variance = centred.clone().square().mean_axes(&axes);
        centred * (variance + self.epsilon).powf(-0.5) * weight + tape.param(self.bias)
    }
}
