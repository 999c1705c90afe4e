//! Layers whose insides are computed again in the backward sweep instead of kept.

use std::cell::RefCell;
use std::rc::Rc;

use smallvec::SmallVec;
use tandem_autograd::{Float, Params, Segment, Shape, ShapeError, Tape, Var};

use crate::layer::{Layer, Use};
use crate::layout::Layouts;
use crate::mode::{Mode, Noted, Training};

/// A layer of which a forward pass keeps the input alone; the rest is computed again in the backward sweep.
/// See [`Tape::checkpoint`]. It costs one more forward pass of the layer (Chen et al. 2016). In PyTorch this is called
/// `torch.utils.checkpoint`.
///
/// What is drawn at random is drawn again in the same way, and states are noted once.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Activation, Checkpointed, Init, Layer, Mlp, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let mlp = Mlp::new(&mut params, "mlp", &[4, 16, 16, 3], Activation::Tanh, Init::Glorot, &mut rng);
/// let lean = Checkpointed::new(mlp.clone());
/// let gradients = |layer: &dyn Layer<f32>| {
///     let tape = Tape::new(&params);
///     let y = layer.forward(&tape, tape.constant(Tensor::full([5, 4], 0.1)), Mode::Eval);
///     let nodes = tape.len();
///     (nodes, y.square().sum().backward().of(&params, mlp.layers[0].weight).cloned())
/// };
/// let ((few, again), (many, kept)) = (gradients(&lean), gradients(&mlp));
/// assert!(few < many && again == kept);
/// ```
pub struct Checkpointed<T: Float = f32> {
    layer: Rc<dyn Layer<T>>,
    evaluation: Segment<T>,
    training: Segment<T>,
    lent: Rc<Lent<T>>,
}

/// What a training had noted, lent to the first run of a segment; a run in the backward sweep finds nothing.
type Lent<T> = RefCell<Option<Noted<T>>>;

impl<T: Float> Checkpointed<T> {
    /// This layer, computed again.
    pub fn new(layer: impl Layer<T> + 'static) -> Checkpointed<T> {
        let (layer, lent): (Rc<dyn Layer<T>>, Rc<Lent<T>>) = (Rc::new(layer), Rc::default());
        let (inner, again, noted) = (Rc::clone(&layer), Rc::clone(&layer), Rc::clone(&lent));
        let evaluation = Segment::new(move |tape, x| inner.forward(tape, x, Mode::Eval));
        let training = Segment::with_word(move |tape, x, seed| {
            let Some(lent) = noted.take() else { return again.forward(tape, x, Mode::Train(&Training::again(seed))) };
            let training = Training::going_on(seed, lent);
            let y = again.forward(tape, x, Mode::Train(&training));
            noted.replace(Some(training.take()));
            y
        });
        Checkpointed { layer, evaluation, training, lent }
    }
}

impl<T: Float> Layer<T> for Checkpointed<T> {
    fn kind(&self) -> &'static str {
        self.layer.kind()
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        self.layer.output(params, input)
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.layer.uses(params, input)
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        self.layer.layouts(params, input, to)
    }
    fn bookkeeping_bytes(&self) -> usize {
        let counts = size_of::<[usize; 2]>();
        let segments = self.evaluation.bookkeeping_bytes() + self.training.bookkeeping_bytes();
        let lent = counts + size_of::<Lent<T>>();
        counts + size_of_val(&*self.layer) + self.layer.bookkeeping_bytes() + segments + lent
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T> {
        // The caller's line gets lost on the way through the segment, so shapes are checked here.
        let batch = x.shape();
        if let Err(error) = self.layer.output(tape.params(), batch.example()) {
            panic!("a checkpointed layer, for a batch of shape {batch}: {error}");
        }
        let Mode::Train(training) = mode else { return tape.checkpoint(&self.evaluation, x) };
        self.lent.replace(Some(training.take()));
        let y = tape.checkpoint_with(&self.training, x, training.word());
        training.give(self.lent.take().unwrap_or_default());
        y
    }
}
