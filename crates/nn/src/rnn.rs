//! The recurrent layer: one cell, used at every time.

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, Tape, Tensor, Var};

use crate::activation::Activation;
use crate::init::Init;
use crate::layer::{Layer, Use, at_positions, fit};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// One step of a recurrent network (Elman 1990; Deep Learning, section 10.2):
///
/// h′ = tanh(x · W_ih + b_ih + h · W_hh + b_hh)
///
/// x is `[n, features]`, h and h′ are `[n, hidden]`, W_ih is `[features, hidden]`, W_hh is `[hidden, hidden]`, the
/// biases are `[hidden]`. The cell is a description: used at several times, it is shared between them. In PyTorch this
/// is called `nn.RNNCell`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::RnnCell;
/// let (mut params, mut rng) = (Params::<f64>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let cell = RnnCell::new(&mut params, "cell", [3, 4], &mut rng);
/// let tape = Tape::new(&params);
/// let mut h = tape.constant(Tensor::zeros([5, 4]));
/// for time in 0..10 {
///     h = cell.step(&tape, tape.constant(Tensor::full([5, 3], time as f64)), h);
/// }
/// let gradients = h.sum().backward();               // of ten uses, added up
/// assert_eq!(gradients.of(&params, cell.weight_hh).unwrap().shape().to_vec(), [4, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RnnCell {
    /// `[features, hidden]`.
    pub weight_ih: ParamId,
    /// `[hidden, hidden]`.
    pub weight_hh: ParamId,
    /// `[hidden]`.
    pub bias_ih: ParamId,
    /// `[hidden]`.
    pub bias_hh: ParamId,
    /// In place of tanh; PyTorch also has ReLU.
    pub activation: Activation,
}

impl RnnCell {
    /// A cell for \[features, hidden\], whose parameters are named `path.weight_ih`, `path.weight_hh`, `path.bias_ih`
    /// and `path.bias_hh`, and drawn uniformly from ±1/√hidden, as PyTorch's.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, RnnCell};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let cell = RnnCell::new(&mut params, "cell", [3, 4], &mut rng);
    /// assert_eq!((params.name(cell.bias_ih), params.numel()), ("cell.bias_ih", 3 * 4 + 4 * 4 + 2 * 4));
    /// ```
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, sizes: [usize; 2], rng: &mut impl Rng) -> RnnCell {
        RnnCell::named(params, path, "", sizes, rng)
    }

    #[track_caller]
    fn named<T: Float>(
        params: &mut Params<T>,
        path: &str,
        suffix: &str,
        [features, hidden]: [usize; 2],
        rng: &mut impl Rng,
    ) -> RnnCell {
        // The bound follows from the width alone.
        let [ih, hh] = [features, hidden].map(|rows| Init::Uniform.draw([rows, hidden], hidden, hidden, rng));
        let [b_ih, b_hh] = [(); 2].map(|()| Init::Uniform.draw([hidden], hidden, hidden, rng));
        RnnCell {
            weight_ih: params.add(&format!("{path}.weight_ih{suffix}"), ih),
            weight_hh: params.add(&format!("{path}.weight_hh{suffix}"), hh),
            bias_ih: params.add(&format!("{path}.bias_ih{suffix}"), b_ih),
            bias_hh: params.add(&format!("{path}.bias_hh{suffix}"), b_hh),
            activation: Activation::Tanh,
        }
    }

    /// Notes the layouts of its weights in PyTorch: for a network that is no layer, but uses a cell by itself.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Layouts, RnnCell};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let (cell, mut layouts) = (RnnCell::new(&mut params, "cell", [3, 4], &mut rng), Layouts::default());
    /// cell.layouts(&params, &mut layouts)?;
    /// assert_eq!(layouts.of(cell.weight_ih).unwrap().theirs.to_vec(), [4, 3]);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If another layout was noted.
    pub fn layouts<T: Float>(&self, params: &Params<T>, to: &mut Layouts) -> Result<(), ShapeError> {
        to.end_rows();
        [self.weight_ih, self.weight_hh].iter().try_for_each(|&id| to.put(id, Layout::linear(params.get(id).shape())))
    }

    /// The next hidden state, `[n, hidden]`, from the input at this time, `[n, features]`, and the last one.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Generator, RnnCell};
    /// # let (mut params, mut rng) = (Params::<f64>::new(), Generator::seed_from_u64(0));
    /// let cell = RnnCell::new(&mut params, "cell", [1, 1], &mut rng);
    /// let ids = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh];
    /// let [w, u, b, c] = ids.map(|id| params.get(id).data()[0]);
    /// let tape = Tape::new(&params);
    /// let [x, h] = [0.5, -0.25].map(|x| tape.constant(Tensor::full([1, 1], x)));
    /// let next = cell.step(&tape, x, h).value().data()[0];
    /// assert!((next - (0.5 * w + b - 0.25 * u + c).tanh()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn step<'t, T: Float>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, h: Var<'t, T>) -> Var<'t, T> {
        let of_input = x.matmul(tape.param(self.weight_ih)) + tape.param(self.bias_ih);
        let of_hidden = h.matmul(tape.param(self.weight_hh)) + tape.param(self.bias_hh);
        self.activation.apply(of_input + of_hidden)
    }
}

/// A recurrent layer: h₀ = 0, and at each time one [step](RnnCell::step) of the cell, with the same parameters:
///
/// `[n, time, features]` to all hidden states, `[n, time, hidden]`; [`LastStep`] picks the last one.
///
/// Each parameter is one leaf of the tape with a use for each time. In PyTorch this is called `nn.RNN`, with
/// `batch_first=True`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{LastStep, Layer, Mode, Rnn};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let rnn = Rnn::new(&mut params, "rnn", [3, 4], &mut rng);
/// let tape = Tape::new(&params);
/// let h = rnn.forward(&tape, tape.constant(Tensor::zeros([5, 7, 3])), Mode::Eval);
/// assert_eq!(h.shape().to_vec(), [5, 7, 4]);
/// assert_eq!(LastStep.forward(&tape, h, Mode::Eval).shape().to_vec(), [5, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rnn {
    /// What is done at each time.
    pub cell: RnnCell,
}

impl Rnn {
    /// A layer for \[features, hidden\], whose parameters have the names of PyTorch's: `path.weight_ih_l0`,
    /// `path.weight_hh_l0`, `path.bias_ih_l0` and `path.bias_hh_l0`, drawn as [those of a cell](RnnCell::new).
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Rnn};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let rnn = Rnn::new(&mut params, "rnn", [3, 4], &mut rng);
    /// assert_eq!(params.name(rnn.cell.weight_hh), "rnn.weight_hh_l0");
    /// assert!(params.get(rnn.cell.weight_hh).data().iter().all(|w| w.abs() <= 0.5));     // 1/√4
    /// ```
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, sizes: [usize; 2], rng: &mut impl Rng) -> Rnn {
        Rnn { cell: RnnCell::named(params, path, "_l0", sizes, rng) }
    }
}

impl<T: Float> Layer<T> for Rnn {
    fn kind(&self) -> &'static str {
        "rnn"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let weight = params.get(self.cell.weight_ih).shape();
        ShapeError::unless(input.rank() == 2 && input[0] > 0 && input[1] == weight[0], || {
            format!("takes examples of shape [time, {}] with a time, found {input}", weight[0])
        })?;
        Ok(input.with(1, weight[1] as usize))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input)?;
        let RnnCell { weight_ih, weight_hh, bias_ih, bias_hh, .. } = self.cell;
        Ok(at_positions(params, input[0] as usize, [weight_ih, weight_hh, bias_ih, bias_hh]))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        self.cell.layouts(params, to)?;
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let shape = x.shape();
        fit(self, tape.params(), shape);
        let [n, times, features] = [0, 1, 2].map(|axis| shape[axis] as usize);
        let hidden = tape.params().get(self.cell.bias_hh).len();
        let mut h = tape.constant(Tensor::zeros([n, hidden]));
        let mut states = SmallVec::<[Var<'t, T>; 8]>::new();
        for time in 0..times {
            let x = x.clone().slice(1, time, 1).reshape([n, features]);
            h = self.cell.step(tape, x, h);
            states.push(h.clone());
        }
        Var::stack(1, states)
    }
}

/// The last place along the first axis of each example, z = x\[T − 1\] of T times: `[n, time, …]` to `[n, …]`. After an
/// [`Rnn`], the last hidden state.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{LastStep, Layer, Mode};
/// let params = Params::<f32>::new();
/// let tape = Tape::new(&params);
/// let y = LastStep.forward(&tape, tape.constant(Tensor::new([1, 3, 1], vec![1.0, 2.0, 3.0])), Mode::Eval);
/// assert_eq!((y.shape(), y.value().data()), ([1, 1].into(), &[3.0][..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastStep;

impl<T: Float> Layer<T> for LastStep {
    fn kind(&self) -> &'static str {
        "last"
    }
    fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        ShapeError::unless(input.rank() > 0 && input[0] > 0, || {
            format!("takes examples of shape [time, …] with a time, found {input}")
        })?;
        Ok(input.example())
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.end_rows();
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let shape = x.shape();
        fit(self, tape.params(), shape);
        let example = shape.example();
        x.slice(1, example[0] as usize - 1, 1).reshape(example.example().batched(shape[0] as usize))
    }
}
