//! Transposed convolution: what makes maps larger.

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::ops::ConvInput;
use tandem_autograd::{Conv, Float, Op, ParamId, Params, Shape, ShapeError, Tape, Var};

use crate::convolution::{Kernel, add_bias};
use crate::init::Init;
use crate::layer::{Layer, Use, fit};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// Transposed convolution: the input gradient of [`Conv2d`](crate::Conv2d), as a layer (Zeiler et al. 2010; Dumoulin
/// and Visin 2016, chapter 4). In PyTorch this is called `nn.ConvTranspose2d`.
///
/// z\[y·s + i·d − p, x·s + j·d − p, o\] = b\[o\] + Σ of X\[y, x, c\] · W\[i, j, o, c\] over what lands there
///
/// Images are `[n, height, width, channels]`, W is `[kh, kw, o/groups, c]`, b is `[o]`. The results have
///
/// (height − 1)·s − 2p + d·(kh − 1) + 1 + output padding
///
/// rows, and columns likewise: with strides, a convolution takes several sizes to one, and the output padding says which
/// of them comes back. W has as many positions as the images have places.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{ConvTranspose2d, Init, Kernel, Layer, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let kernel = Kernel::new([3, 3], [8, 1]).stride([2, 2]).pad([1, 1]);
/// let layer = ConvTranspose2d::new(&mut params, "up", kernel, Init::Uniform, &mut rng).output_padding([1, 1]);
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::zeros([5, 14, 14, 8])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 28, 28, 1]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose2d {
    /// `[kh, kw, o/groups, c]`.
    pub weight: ParamId,
    /// `[o]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
    /// Stride, padding, dilation and groups of the convolution whose input gradient this is.
    pub conv: Conv,
    /// Further rows and columns of the result, at its end.
    pub output_padding: [usize; 2],
}

impl ConvTranspose2d {
    /// A layer whose parameters are named `path.weight` and `path.bias`, without output padding. The number of inputs
    /// that `init` asks for is kh·kw·o/groups, as in PyTorch.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{ConvTranspose2d, Generator, Init, Kernel};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = ConvTranspose2d::new(&mut params, "up", Kernel::new([3, 3], [8, 2]), Init::Uniform, &mut rng);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [3, 3, 2, 8]);
    /// assert_eq!((params.get(layer.bias.unwrap()).len(), layer.output_padding), (2, [0, 0]));
    /// ```
    ///
    /// # Panics
    /// If a name is taken, or the channels do not split into the groups.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        kernel: Kernel,
        init: Init,
        rng: &mut impl Rng,
    ) -> ConvTranspose2d {
        let [c, o] = kernel.channels;
        // The convolution goes the other way.
        let back = Kernel { channels: [o, c], bias: false, ..kernel };
        let (weight, _) = back.draw(params, path, &[], init, rng);
        let bias = kernel.bias.then(|| {
            let bias = init.of_bias().draw([o], back.fan_in(), back.fan_out(), rng);
            params.add(&format!("{path}.bias"), bias)
        });
        ConvTranspose2d { weight, bias, conv: kernel.conv, output_padding: [0; 2] }
    }

    /// With further rows and columns at the end of the result, fewer than the stride.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{ConvTranspose2d, Generator, Init, Kernel, Layer};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let kernel = Kernel::new([3, 3], [8, 1]).stride([2, 2]).pad([1, 1]);
    /// let layer = ConvTranspose2d::new(&mut params, "up", kernel, Init::Uniform, &mut rng);
    /// assert_eq!(layer.output(&params, [14, 14, 8].into())?.to_vec(), [27, 27, 1]);
    /// assert_eq!(layer.output_padding([1, 0]).output(&params, [14, 14, 8].into())?.to_vec(), [28, 27, 1]);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Panics
    /// If they are not fewer than the stride: the convolution would have another position.
    #[track_caller]
    pub fn output_padding(mut self, rows_columns: [usize; 2]) -> ConvTranspose2d {
        let stride = self.conv.stride;
        assert!(
            rows_columns[0] < stride[0] && rows_columns[1] < stride[1],
            "an output padding of {rows_columns:?} is not smaller than the stride, {stride:?}"
        );
        self.output_padding = rows_columns;
        self
    }

    /// Rows and columns of the result for an example of this shape.
    fn image(&self, input: Shape, weight: Shape) -> Result<[usize; 2], ShapeError> {
        ShapeError::unless(input.rank() == 3 && input[2] == weight[3], || {
            format!("kernels {weight} take examples of shape [height, width, {}], found {input}", weight[3])
        })?;
        let mut image = [0; 2];
        for (axis, out) in image.iter_mut().enumerate() {
            let (places, size) = (input[axis] as usize, weight[axis] as usize);
            let reach = self.conv.dilation[axis] * size.saturating_sub(1) + 1;
            let length = places.checked_sub(1).map(|last| last * self.conv.stride[axis] + reach);
            let length = length.map(|length| length + self.output_padding[axis]);
            let (pad, found) =
                (self.conv.pad[axis], length.and_then(|length| length.checked_sub(2 * self.conv.pad[axis])));
            *out = found.filter(|&found| found > 0).ok_or_else(|| {
                ShapeError::new(format!(
                    "axis {axis}: a padding of {pad} leaves nothing of the {} places",
                    length.unwrap_or(0)
                ))
            })?;
        }
        Ok(image)
    }
}

impl<T: Float> Layer<T> for ConvTranspose2d {
    fn kind(&self) -> &'static str {
        "transposed conv"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        let weight = params.get(self.weight).shape();
        let [h, w] = self.image(input, weight)?;
        let image = Shape::from([1, h, w, weight[2] as usize * self.conv.groups]);
        Ok(Op::<T>::shape(&ConvInput { conv: self.conv, image }, &[input.batched(1), weight])?.example())
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        let out = self.output(params, input)?;
        let places = |shape: Shape| shape[0] as usize * shape[1] as usize;
        let weight = Use { id: self.weight, connections: params.get(self.weight).len() * places(input) };
        let bias = self.bias.map(|id| Use { id, connections: params.get(id).len() * places(out) });
        Ok([Some(weight), bias].into_iter().flatten().collect())
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.end_rows();
        to.put(self.weight, Layout::kernel(params.get(self.weight).shape()))?;
        self.output(params, input)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let shape = x.shape();
        fit(self, tape.params(), shape);
        let weight = tape.param(self.weight);
        let image = self.image(shape.example(), weight.shape()).expect("checked above");
        add_bias(x.conv_transpose(weight, self.conv, image), tape, self.bias)
    }
}
