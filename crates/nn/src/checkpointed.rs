//! Layers whose insides are computed again in the backward sweep instead of kept.

use std::rc::Rc;

use smallvec::SmallVec;
use tandem_autograd::{Float, Params, Segment, Shape, ShapeError, Tape, Var};

use crate::layer::{Layer, Use};

/// A layer of which a forward pass keeps the input alone; the rest is computed again in the backward sweep.
/// See [`Tape::checkpoint`]. In PyTorch this is called `torch.utils.checkpoint`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Activation, Checkpointed, Init, Layer, Mlp};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let mlp = Mlp::new(&mut params, "mlp", &[4, 16, 16, 3], Activation::Tanh, Init::Glorot, &mut rng);
/// let lean = Checkpointed::new(mlp.clone());
/// let gradients = |layer: &dyn Layer<f32>| {
///     let tape = Tape::new(&params);
///     let y = layer.forward(&tape, tape.constant(Tensor::full([5, 4], 0.1)));
///     let nodes = tape.len();
///     (nodes, y.square().sum().backward().of(&params, mlp.layers[0].weight).cloned())
/// };
/// let ((few, again), (many, kept)) = (gradients(&lean), gradients(&mlp));
/// assert!(few < many && again == kept);
/// ```
pub struct Checkpointed<T: Float = f32> {
    layer: Rc<dyn Layer<T>>,
    segment: Segment<T>,
}

impl<T: Float> Checkpointed<T> {
    /// This layer, computed again.
    pub fn new(layer: impl Layer<T> + 'static) -> Checkpointed<T> {
        let layer: Rc<dyn Layer<T>> = Rc::new(layer);
        let inner = Rc::clone(&layer);
        Checkpointed { layer, segment: Segment::new(move |tape, x| inner.forward(tape, x)) }
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
    fn bookkeeping_bytes(&self) -> usize {
        let counts = size_of::<[usize; 2]>();
        counts + size_of_val(&*self.layer) + self.layer.bookkeeping_bytes() + self.segment.bookkeeping_bytes()
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>) -> Var<'t, T> {
        // The caller's line gets lost on the way through `dyn`, so shapes are checked here.
        let batch = x.shape();
        if let Err(error) = self.layer.output(tape.params(), batch.example()) {
            panic!("a checkpointed layer, for a batch of shape {batch}: {error}");
        }
        tape.checkpoint(&self.segment, x)
    }
}
