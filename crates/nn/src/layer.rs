//! What a layer is, and layers one after another.

use std::panic::Location;

use smallvec::SmallVec;
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, SlotId, Tape, Var};

use crate::checkpointed::Checkpointed;
use crate::layout::Layouts;
use crate::mode::Mode;

/// One use of a parameter by a layer.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::Params;
/// use tandem_nn::{Conv2d, Generator, Init, Kernel, Layer};
/// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
/// let conv = Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 8]), Init::He, &mut rng);
/// let uses = conv.uses(&params, [8, 8, 1].into())?;              // 6 × 6 positions
/// assert_eq!((uses[0].id, uses[0].connections), (conv.weight, 3 * 3 * 8 * 36));
/// assert_eq!(uses[1].connections, 8 * 36);                       // the bias
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The parameter.
    pub id: ParamId,
    /// How many numbers it would take if nothing were shared: its size times the positions of the
    /// input at which it is applied. A linear layer applies each number once; a convolution applies
    /// a kernel at every place of the result.
    pub connections: usize,
}

/// A description of a computation with parameters. It holds names ([`ParamId`]s) and sizes, no
/// numbers: copying a layer shares its parameters.
///
/// In PyTorch this is called `nn.Module`, which also holds the numbers and the mode. A layer of one's own says what it
/// makes of a shape, what it uses, and what it computes:
///
/// ```
/// use smallvec::{SmallVec, smallvec};
/// use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, Tape, Tensor, Var};
/// use tandem_nn::{Layer, Mode, Sequential, Use};
///
/// /// y = a · x, with one number a for everything.
/// struct Scale(ParamId);
///
/// impl<T: Float> Layer<T> for Scale {
///     fn kind(&self) -> &'static str {
///         "scale"
///     }
///     fn output(&self, _: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
///         Ok(input)
///     }
///     fn uses(&self, _: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
///         Ok(smallvec![Use { id: self.0, connections: input.len() }])
///     }
///     fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
///         x * tape.param(self.0)
///     }
/// }
///
/// let (mut params, mut net) = (Params::<f64>::new(), Sequential::new());
/// let a = params.add("scale.a", Tensor::scalar(2.0));
/// net.push("once", Scale(a));
/// net.push("twice", Scale(a));                       // the same parameter: it is shared
/// let tape = Tape::new(&params);
/// let y = net.forward(&tape, tape.constant(Tensor::full([1, 3], 1.0)), Mode::Eval);
/// assert_eq!(y.sum().backward().of(&params, a).unwrap().item(), 3.0 * 2.0 * 2.0);    // of 3a²
/// assert_eq!((params.numel(), net.connections(&params, [3].into())?), (1, 6));
/// # Ok::<(), ShapeError>(())
/// ```
pub trait Layer<T: Float> {
    /// What kind of layer this is, for reports: `conv`, `linear`, …
    fn kind(&self) -> &'static str;

    /// The shape of the result for one example of this shape; the batch axis is left out of both.
    ///
    /// # Errors
    /// If an example of this shape does not fit.
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError>;

    /// The parameters, each with its connections for such an example: size × positions. None by default.
    ///
    /// # Errors
    /// If an example of this shape does not fit.
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        self.output(params, input).map(|_| SmallVec::new())
    }

    /// Notes how PyTorch lays out parameters and states, for examples of this shape; [`Layouts::add`] asks for it.
    /// What has several axes has to be noted; what has one and is not noted stands there as it does here. The
    /// shape of the result.
    ///
    /// # Errors
    /// As [`Layouts::add`].
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        let _ = to;
        self.output(params, input)
    }

    /// Bytes of the lists that the description holds beside itself, as they have grown.
    fn bookkeeping_bytes(&self) -> usize {
        0
    }

    /// The result for a batch, in training or in evaluation: from `[n, …]`, n examples of a shape that fits, to n of
    /// the shape that [`output`](Layer::output) says.
    ///
    /// # Panics
    /// If the batch does not fit, or is of another tape.
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T>;
}

/// Checks that a layer can take this batch, and panics at the caller's line if it can't: a closure around the
/// panic would not know that line.
#[track_caller]
pub(crate) fn fit<T: Float>(layer: &impl Layer<T>, params: &Params<T>, batch: Shape) {
    if let Err(error) = layer.output(params, batch.example()) {
        panic!("{}, for a batch of shape {batch}: {error}", layer.kind());
    }
}

/// Parameters of which each number is applied `positions` times to an example.
pub(crate) fn at_positions<T: Float>(
    params: &Params<T>,
    positions: usize,
    ids: impl IntoIterator<Item = ParamId>,
) -> SmallVec<[Use; 2]> {
    ids.into_iter().map(|id| Use { id, connections: params.get(id).len() * positions }).collect()
}

/// Layers one after another, x ↦ lₖ(… l₂(l₁(x))), each with a name. In PyTorch this is called `nn.Sequential`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Activation, Init, Layer, Linear, Mode, Sequential};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let mut net = Sequential::new();
/// net.push("hidden", Linear::new(&mut params, "hidden", [4, 8], Init::He, &mut rng));
/// net.push("relu", Activation::Relu);
/// net.push("out", Linear::new(&mut params, "out", [8, 3], Init::He, &mut rng));
/// let tape = Tape::new(&params);
/// let y = net.forward(&tape, tape.constant(Tensor::zeros([5, 4])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 3]);
/// let rows = net.rows(&params, [4].into())?;          // what each layer is and has
/// assert_eq!((&*rows[0].name, rows[0].kind, rows[0].parameters), ("hidden", "linear", 4 * 8 + 8));
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
pub struct Sequential<T: Float = f32> {
    layers: Vec<Named<T>>,
}

/// A layer and its name.
type Named<T> = (Box<str>, Box<dyn Layer<T>>);

impl<T: Float> Default for Sequential<T> {
    fn default() -> Self {
        Sequential { layers: Vec::new() }
    }
}

/// What one layer of a network is and has.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::Params;
/// use tandem_nn::{Generator, Init, Kernel, Layer, Sequential, TiledConv2d};
/// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
/// let mut net = Sequential::new();
/// let kernel = Kernel::new([3, 3], [1, 8]);
/// net.push("conv1", TiledConv2d::new(&mut params, "conv1", (2, 2), kernel, Init::He, &mut rng));
/// let row = &net.rows(&params, [8, 8, 1].into())?[0];
/// assert_eq!((row.kind, row.output.to_vec()), ("tiled", vec![6, 6, 8]));
/// assert_eq!((row.parameters, row.connections()), (4 * 80, 36 * 80));        // 4 kernels at 36 places
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerRow {
    /// The layer's name.
    pub name: String,
    /// What kind it is.
    pub kind: &'static str,
    /// The shape of its result for one example.
    pub output: Shape,
    /// Its parameters with their connections.
    pub uses: SmallVec<[Use; 2]>,
    /// How many numbers the store holds for it: what two of its names share counts once.
    pub parameters: usize,
}

impl LayerRow {
    /// How many numbers there would be if nothing were shared.
    pub fn connections(&self) -> usize {
        self.uses.iter().map(|each| each.connections).sum()
    }
}

impl<T: Float> Sequential<T> {
    /// No layers: the identity.
    pub fn new() -> Sequential<T> {
        Sequential::default()
    }

    /// Appends a layer.
    ///
    /// ```
    /// use tandem_autograd::Params;
    /// use tandem_nn::{Activation, Sequential};
    /// let mut net = Sequential::<f32>::new();
    /// net.push("relu", Activation::Relu);
    /// assert_eq!(net.rows(&Params::new(), [5].into())?[0].name, "relu");
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    pub fn push(&mut self, name: &str, layer: impl Layer<T> + 'static) {
        self.layers.push((name.into(), Box::new(layer)));
    }

    /// The same layers, n of them in about √n groups, each [checkpointed](Checkpointed): for one more
    /// forward pass, the memory for what layers keep grows with √n instead of n (Chen et al. 2016,
    /// "Training Deep Nets with Sublinear Memory Cost"). The gradients are the same to the bit,
    /// but for what draws: a group's draws are from a generator of its own, so that they can be drawn again.
    ///
    /// ```
    /// use tandem_autograd::Params;
    /// use tandem_nn::{Activation, Sequential};
    /// let mut net = Sequential::<f32>::new();
    /// for name in ["a", "b", "c", "d"] {
    ///     net.push(name, Activation::Tanh);
    /// }
    /// let rows = net.checkpointed().rows(&Params::new(), [5].into())?;
    /// assert_eq!(rows.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["a..b", "c..d"]);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    pub fn checkpointed(self) -> Sequential<T> {
        let each = (self.layers.len() as f64).sqrt().round().max(1.0) as usize;
        let (mut layers, mut groups) = (self.layers, Sequential::new());
        while !layers.is_empty() {
            let rest = layers.split_off(each.min(layers.len()));
            let name = format!("{}..{}", layers[0].0, layers[layers.len() - 1].0);
            groups.push(&name, Checkpointed::new(Sequential { layers }));
            layers = rest;
        }
        groups
    }

    /// Every layer with its result's shape and its parameters, for one example of this shape.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_autograd::Params;
    /// use tandem_nn::{Flatten, Generator, Init, Linear, Sequential};
    /// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let mut net = Sequential::new();
    /// net.push("flatten", Flatten);
    /// net.push("out", Linear::new(&mut params, "out", [64, 10], Init::He, &mut rng));
    /// assert_eq!(net.rows(&params, [8, 8, 1].into())?[1].output.to_vec(), [10]);
    /// let error = net.rows(&params, [9, 9, 1].into()).unwrap_err().to_string();
    /// assert!(error.starts_with("layer `out`: ") && error.ends_with("found shape [81]"), "{error}");
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If a layer does not fit the one before it; the message names the layer.
    pub fn rows(&self, params: &Params<T>, input: Shape) -> Result<Vec<LayerRow>, ShapeError> {
        let mut shape = input;
        let mut rows = Vec::with_capacity(self.layers.len());
        for (name, layer) in &self.layers {
            let uses = layer.uses(params, shape).map_err(|error| of_layer(name, &error))?;
            shape = layer.output(params, shape).map_err(|error| of_layer(name, &error))?;
            let parameters = numel(params, &uses);
            rows.push(LayerRow { name: name.to_string(), kind: layer.kind(), output: shape, uses, parameters });
        }
        Ok(rows)
    }

    /// How many parameters there would be if nothing were shared: the sum over the uses of all
    /// layers of size × positions.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_autograd::Params;
    /// use tandem_nn::{Generator, Init, Linear, Sequential};
    /// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Linear::without_bias(&mut params, "w", [4, 4], Init::He, &mut rng);
    /// let mut net = Sequential::new();
    /// for name in ["first", "second", "third"] {
    ///     net.push(name, layer);                         // one matrix, three times
    /// }
    /// assert_eq!((params.numel(), net.connections(&params, [4].into())?), (16, 3 * 16));
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If a layer does not fit the one before it.
    pub fn connections(&self, params: &Params<T>, input: Shape) -> Result<usize, ShapeError> {
        Ok(self.uses(params, input)?.iter().map(|each| each.connections).sum())
    }
}

/// How many numbers the slots hold that are used, each slot once.
fn numel<T: Float>(params: &Params<T>, uses: &[Use]) -> usize {
    let mut slots: SmallVec<[SlotId; 2]> = uses.iter().map(|each| params.slot(each.id)).collect();
    slots.sort_unstable();
    slots.dedup();
    slots.iter().map(|&slot| params.value(slot).len()).sum()
}

/// The error with the layer's name.
fn of_layer(name: &str, error: &ShapeError) -> ShapeError {
    ShapeError(format!("layer `{name}`: {error}"))
}

impl<T: Float> Layer<T> for Sequential<T> {
    fn kind(&self) -> &'static str {
        "sequential"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        self.layers
            .iter()
            .try_fold(input, |shape, (name, layer)| layer.output(params, shape).map_err(|error| of_layer(name, &error)))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        Ok(self.rows(params, input)?.into_iter().flat_map(|row| row.uses).collect())
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        self.layers.iter().try_fold(input, |shape, (name, layer)| {
            layer.layouts(params, shape, to).map_err(|error| of_layer(name, &error))
        })
    }
    fn bookkeeping_bytes(&self) -> usize {
        let of_layer = |(name, layer): &Named<T>| name.len() + size_of_val(&**layer) + layer.bookkeeping_bytes();
        self.layers.capacity() * size_of::<Named<T>>() + self.layers.iter().map(of_layer).sum::<usize>()
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, mode: Mode<'_, T>) -> Var<'t, T> {
        tape.check("forward()", &x);
        let mut x = x;
        for (name, layer) in &self.layers {
            // So that the message names the layer.
            let batch = x.shape();
            if let Err(error) = layer.output(tape.params(), batch.example()) {
                panic!("layer `{name}`, for a batch of shape {batch}: {error}");
            }
            let _part = tape.enter_at(name, Location::caller());
            x = layer.forward(tape, x, mode);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::{Init, Linear};

    #[test]
    fn what_is_tied_within_a_row_is_counted_once_and_connected_twice() {
        let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(0));
        let [a, b] = ["a", "b"].map(|path| Linear::new(&mut params, path, [3, 3], Init::He, &mut rng));
        params.tie(b.weight, a.weight).unwrap();
        let (mut inner, mut net) = (Sequential::new(), Sequential::new());
        inner.push("a", a);
        inner.push("b", b);
        net.push("both", inner);
        let rows = net.rows(&params, [3].into()).unwrap();
        assert_eq!((rows[0].parameters, rows[0].connections()), (params.numel(), 2 * (9 + 3)));
        assert_eq!(params.numel(), 9 + 3 + 3);
    }
}
