//! Rows of a table by index, and the projection that is tied to them.

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::{Float, MAX_RANK, ParamId, Params, Shape, ShapeError, Tape, Var};

use crate::init::Init;
use crate::layer::{Layer, Use, at_positions, fit};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// z\[…, d\] = W\[x\[…\], d\]: the row of each index, for a vocabulary of `words`.
///
/// Indices are whole numbers in the element type of the tape, `[n, …]`; W is `[words, dim]`, the result `[n, …, dim]`.
/// A row that is looked up twice gets both gradients. It is the product of W with one-hot rows, so each number of W has
/// a position for each index (Bengio et al. 2003; Deep Learning, section 12.4.2). In PyTorch this is called
/// `nn.Embedding`, whose weights are drawn from [`Init::Normal(1.0)`](Init::Normal).
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Embedding, Init, Layer, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let embedding = Embedding::new(&mut params, "embedding", [10, 4], Init::Normal(0.02), &mut rng);
/// let tape = Tape::new(&params);
/// let words = tape.constant(Tensor::new([2, 3], vec![7., 0., 7., 9., 1., 2.]));
/// let x = embedding.forward(&tape, words, Mode::Eval);
/// assert_eq!(x.shape().to_vec(), [2, 3, 4]);
/// // One matrix, read in both directions: logits of words from what a network made of them.
/// let logits = embedding.projection().forward(&tape, x, Mode::Eval);
/// assert_eq!((logits.shape().to_vec(), params.numel()), (vec![2, 3, 10], 10 * 4));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// `[words, dim]`.
    pub weight: ParamId,
}

impl Embedding {
    /// A table of `[words, dim]`, named `path.weight`. The number of inputs that `init` may ask for is `dim`, as the
    /// [projection](Embedding::projection) has it.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Embedding, Generator, Init};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let embedding = Embedding::new(&mut params, "words", [10, 4], Init::Normal(1.0), &mut rng);
    /// assert_eq!((params.name(embedding.weight), params.numel()), ("words.weight", 10 * 4));
    /// ```
    ///
    /// # Panics
    /// If the name is taken.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        [words, dim]: [usize; 2],
        init: Init,
        rng: &mut impl Rng,
    ) -> Embedding {
        let weight = init.draw([words, dim], dim, words, rng);
        Embedding { weight: params.add(&format!("{path}.weight"), weight) }
    }

    /// The output projection that is tied to this table: the same parameter under the same name, so that nothing can
    /// part the two.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Embedding, Generator, Init};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let embedding = Embedding::new(&mut params, "words", [10, 4], Init::Normal(1.0), &mut rng);
    /// assert_eq!(embedding.projection().weight, embedding.weight);
    /// ```
    pub fn projection(&self) -> Projection {
        Projection { weight: self.weight }
    }
}

/// y = x · Wᵀ, with the W of an [`Embedding`]: from `[n, …, dim]` to a number for each word, `[n, …, words]` (Press and
/// Wolf 2017; Inan, Khosravi and Socher 2017). It has no bias. Made by [`Embedding::projection`]; in PyTorch it is an
/// `nn.Linear` whose weight is set to the embedding's.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Embedding, Generator, Init, Layer, Mode};
/// let mut params = Params::<f32>::new();
/// let rng = &mut Generator::seed_from_u64(0);
/// let projection = Embedding::new(&mut params, "words", [10, 4], Init::Normal(1.0), rng).projection();
/// let tape = Tape::new(&params);
/// let logits = projection.forward(&tape, tape.constant(Tensor::zeros([5, 4])), Mode::Eval);
/// assert_eq!(logits.shape().to_vec(), [5, 10]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    /// `[words, dim]`.
    pub weight: ParamId,
}

impl<T: Float> Layer<T> for Embedding {
    fn kind(&self) -> &'static str {
        "embedding"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        ShapeError::unless(input.rank() + 2 <= MAX_RANK, || {
            format!("a batch of rows for indices {input} would have more than {MAX_RANK} axes")
        })?;
        Ok(input.join(input.rank(), &[params.get(self.weight).shape()[1] as usize]))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        Layer::<T>::output(self, params, input)?;
        Ok(at_positions(params, input.len(), [self.weight]))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.end_rows();
        to.put(self.weight, Layout::same(params.get(self.weight).shape()))?;
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        fit(self, tape.params(), x.shape());
        tape.param(self.weight).embedding(x)
    }
}

impl<T: Float> Layer<T> for Projection {
    fn kind(&self) -> &'static str {
        "projection"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let weight = params.get(self.weight).shape();
        ShapeError::unless(input.dims().last() == Some(&weight[1]), || {
            format!(
                "the projection of an embedding of shape {weight} takes examples with {} numbers along the last axis, found shape {input}",
                weight[1]
            )
        })?;
        Ok(input.with(input.rank() - 1, weight[0] as usize))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        let out = self.output(params, input)?;
        Ok(at_positions(params, out.with(out.rank() - 1, 1).len(), [self.weight]))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        let (weight, maps) = (params.get(self.weight).shape(), to.flattened());
        to.end_rows();
        to.put(self.weight, maps.map_or_else(|| Layout::same(weight), |maps| Layout::flattened(weight, maps)))?;
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        fit(self, tape.params(), x.shape());
        x.matmul_transposed(tape.param(self.weight))
    }
}
