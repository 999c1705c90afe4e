//! The three convolutions: shared, tiled and unshared, one family with one body.

use std::cmp::Ordering;

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::{Conv, Float, Op, ParamId, Params, Shape, ShapeError, Tape, Var};

use crate::init::Init;
use crate::layer::{Layer, Use};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// Convolution: one kernel for all positions (Deep Learning, chapter 9; LeCun et al. 1989). In PyTorch this is called
/// `nn.Conv2d`.
///
/// z\[y, x, o\] = b\[o\] + Σ over i, j, c of x\[y·s + i·d − p, x·s + j·d − p, c\] · W\[i, j, c, o\]
///
/// Images are `[n, height, width, channels]`, W is `[kh, kw, c/groups, o]`, b is `[o]`; s is the stride, d the
/// dilation, p the padding, and what lies in the padding is 0. The kernel is not flipped: in other books this is
/// cross-correlation. W has one use on the tape and as many positions as the result has places, [`Kernel::positions`].
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Conv2d, Init, Kernel, Layer, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let kernel = Kernel::new([3, 3], [1, 8]).pad([1, 1]);
/// let layer = Conv2d::new(&mut params, "conv1", kernel, Init::He, &mut rng);
/// assert_eq!(params.numel(), 3 * 3 * 8 + 8);
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::zeros([5, 28, 28, 1])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 28, 28, 8]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    /// `[kh, kw, c/groups, o]`.
    pub weight: ParamId,
    /// `[o]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
    /// Stride, padding, dilation, groups.
    pub conv: Conv,
}

/// Tiled convolution: th·tw kernels in rotation. Position (y, x) uses kernel (y mod th, x mod tw)
/// and its bias. A tile of (1, 1) is [`Conv2d`], a tile as large as the result is
/// [`LocallyConnected2d`] (Deep Learning, section 9.5; Gregor and LeCun 2010).
///
/// z\[y, x, o\] = b\[u, v, o\] + Σ over i, j, c of x\[y·s + i·d − p, x·s + j·d − p, c\] · W\[u, v, i, j, c, o\],
/// u = y mod th, v = x mod tw
///
/// Images are `[n, height, width, channels]`, W is `[th, tw, kh, kw, c/groups, o]`, b is `[th, tw, o]`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Init, Kernel, Layer, Mode, TiledConv2d};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let kernel = Kernel::new([3, 3], [1, 8]);
/// let layer = TiledConv2d::new(&mut params, "conv1", (2, 2), kernel, Init::He, &mut rng);
/// assert_eq!(params.numel(), 2 * 2 * (3 * 3 * 8 + 8));
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::zeros([5, 9, 9, 1])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 7, 7, 8]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TiledConv2d {
    /// `[th, tw, kh, kw, c/groups, o]`.
    pub weight: ParamId,
    /// `[th, tw, o]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
    /// Stride, padding, dilation, groups.
    pub conv: Conv,
}

/// Unshared convolution: every position has a kernel and a bias of its own (Deep Learning, section 9.5). In Keras 2
/// this was called `LocallyConnected2D`.
///
/// z\[y, x, o\] = b\[y, x, o\] + Σ over i, j, c of x\[y·s + i·d − p, x·s + j·d − p, c\] · W\[y, x, i, j, c, o\]
///
/// W is `[oh, ow, kh, kw, c/groups, o]`, b is `[oh, ow, o]`, for results of oh × ow places, which
/// the size of the images decides. Each number of W has one position.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Init, Kernel, Layer, LocallyConnected2d, Mode};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let kernel = Kernel::new([3, 3], [1, 8]);
/// let layer = LocallyConnected2d::new(&mut params, "conv1", [9, 9], kernel, Init::He, &mut rng);
/// assert_eq!(params.numel(), 7 * 7 * (3 * 3 * 8 + 8));
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::zeros([5, 9, 9, 1])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [5, 7, 7, 8]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LocallyConnected2d {
    /// `[oh, ow, kh, kw, c/groups, o]`.
    pub weight: ParamId,
    /// `[oh, ow, o]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
    /// Stride, padding, dilation, groups.
    pub conv: Conv,
}

/// What the kernels of a convolution are like: everything but how many of them take turns.
///
/// ```
/// use tandem_nn::Kernel;
/// let kernel = Kernel::new([5, 5], [3, 8]).stride([2, 2]).pad([2, 2]);
/// assert_eq!(kernel.positions([28, 32]), Some([14, 16]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Channels of the images and of the results.
    pub channels: [usize; 2],
    /// Stride, padding, dilation, groups.
    pub conv: Conv,
    /// Whether a bias is added to each result.
    pub bias: bool,
}

impl Kernel {
    /// Kernels of `size` = \[rows, columns\] from `channels` = \[in, out\], with stride 1, no padding,
    /// dilation 1, one group and a bias.
    ///
    /// ```
    /// let kernel = tandem_nn::Kernel::new([3, 3], [1, 8]);
    /// assert_eq!((kernel.conv.stride, kernel.conv.pad, kernel.conv.dilation), ([1, 1], [0, 0], [1, 1]));
    /// assert_eq!((kernel.conv.groups, kernel.bias), (1, true));
    /// ```
    pub fn new(size: [usize; 2], channels: [usize; 2]) -> Kernel {
        Kernel { size, channels, conv: Conv::default(), bias: true }
    }

    /// With this many rows and columns from one position to the next.
    ///
    /// ```
    /// let kernel = tandem_nn::Kernel::new([3, 3], [1, 8]).stride([2, 3]);
    /// assert_eq!(kernel.positions([9, 9]), Some([4, 3]));
    /// ```
    pub fn stride(mut self, stride: [usize; 2]) -> Kernel {
        self.conv.stride = stride;
        self
    }

    /// With rows and columns of zeros on each side of the images.
    ///
    /// ```
    /// let kernel = tandem_nn::Kernel::new([3, 3], [1, 8]).pad([1, 0]);
    /// assert_eq!(kernel.positions([9, 9]), Some([9, 7]));
    /// ```
    pub fn pad(mut self, pad: [usize; 2]) -> Kernel {
        self.conv.pad = pad;
        self
    }

    /// With this many rows and columns from one number of the kernel to the next.
    ///
    /// ```
    /// let kernel = tandem_nn::Kernel::new([3, 3], [1, 8]).dilation([2, 1]);      // over 5 rows, 3 columns
    /// assert_eq!(kernel.positions([9, 9]), Some([5, 7]));
    /// ```
    pub fn dilation(mut self, dilation: [usize; 2]) -> Kernel {
        self.conv.dilation = dilation;
        self
    }

    /// With the channels in this many groups, each of which sees only its own.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Conv2d, Generator, Init, Kernel};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let kernel = Kernel::new([3, 3], [4, 8]).groups(2);
    /// let layer = Conv2d::new(&mut params, "conv", kernel, Init::He, &mut rng);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [3, 3, 4 / 2, 8]);
    /// ```
    pub fn groups(mut self, groups: usize) -> Kernel {
        self.conv.groups = groups;
        self
    }

    /// Without a bias.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Conv2d, Generator, Init, Kernel};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 8]).without_bias(), Init::He, &mut rng);
    /// assert_eq!((layer.bias, params.numel()), (None, 3 * 3 * 8));
    /// ```
    pub fn without_bias(mut self) -> Kernel {
        self.bias = false;
        self
    }

    /// Rows and columns of the result for images of `image` = \[rows, columns\], which are the positions
    /// of the kernel; see [`Conv::positions`]. `None` if it does not fit.
    ///
    /// ⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1 for n rows, k rows of the kernel, padding p, dilation d and stride s, and
    /// columns likewise (Dumoulin and Visin 2016, chapter 5).
    ///
    /// ```
    /// let kernel = tandem_nn::Kernel::new([5, 5], [3, 8]).stride([2, 2]).pad([2, 2]);
    /// assert_eq!(kernel.positions([28, 32]), Some([14, 16]));
    /// assert_eq!(kernel.pad([0, 0]).positions([4, 32]), None);       // 5 rows on an image of 4
    /// ```
    pub fn positions(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| self.conv.positions(axis, image[axis], self.size[axis]);
        Some([along(0)?, along(1)?])
    }

    /// From how many numbers one number of the result is made.
    pub(crate) fn fan_in(&self) -> usize {
        self.size[0] * self.size[1] * self.channels[0] / self.conv.groups
    }

    /// Into how many numbers of the result one number of the images goes.
    pub(crate) fn fan_out(&self) -> usize {
        self.size[0] * self.size[1] * self.channels[1] / self.conv.groups
    }

    /// Draws `tile` kernels, named `path.weight`, and their biases, named `path.bias`.
    #[track_caller]
    pub(crate) fn draw<T: Float>(
        self,
        params: &mut Params<T>,
        path: &str,
        tile: &[usize],
        init: Init,
        rng: &mut impl Rng,
    ) -> (ParamId, Option<ParamId>) {
        let ([kh, kw], [c, o], groups) = (self.size, self.channels, self.conv.groups);
        assert!(
            groups > 0 && c.is_multiple_of(groups) && o.is_multiple_of(groups),
            "`{path}`: {c} and {o} channels do not split into {groups} groups"
        );
        let (fan_in, fan_out) = (self.fan_in(), self.fan_out());
        let weight = init.draw(&*[tile, &[kh, kw, c / groups, o]].concat(), fan_in, fan_out, rng);
        let weight = params.add(&format!("{path}.weight"), weight);
        let bias = self.bias.then(|| {
            let bias = init.of_bias().draw(&*[tile, &[o]].concat(), fan_in, fan_out, rng);
            params.add(&format!("{path}.bias"), bias)
        });
        (weight, bias)
    }
}

impl Conv2d {
    /// A layer whose parameters are named `path.weight` and `path.bias`.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Conv2d, Generator, Init, Kernel};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 8]), Init::He, &mut rng);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [3, 3, 1, 8]);
    /// assert_eq!(params.get(layer.bias.unwrap()).data(), [0.0; 8]);
    /// ```
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Init, Kernel, TiledConv2d};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let kernel = Kernel::new([3, 3], [1, 8]);
    /// let layer = TiledConv2d::new(&mut params, "conv", (2, 3), kernel, Init::He, &mut rng);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [2, 3, 3, 3, 1, 8]);
    /// assert_eq!(params.get(layer.bias.unwrap()).shape().to_vec(), [2, 3, 8]);
    /// ```
    ///
    /// # Panics
    /// If a name is taken, or the channels do not split into the groups.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, kernel: Kernel, init: Init, rng: &mut impl Rng) -> Conv2d {
        let (weight, bias) = kernel.draw(params, path, &[], init, rng);
        Conv2d { weight, bias, conv: kernel.conv }
    }
}

impl TiledConv2d {
    /// A layer with `tile` = (th, tw) kernels, whose parameters are named `path.weight` and
    /// `path.bias`.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Init, Kernel, LocallyConnected2d};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let kernel = Kernel::new([3, 3], [1, 8]);
    /// let layer = LocallyConnected2d::new(&mut params, "conv", [8, 9], kernel, Init::He, &mut rng);
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [6, 7, 3, 3, 1, 8]);
    /// assert_eq!(params.get(layer.bias.unwrap()).shape().to_vec(), [6, 7, 8]);
    /// ```
    ///
    /// # Panics
    /// As for [`Conv2d::new`].
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        tile: (usize, usize),
        kernel: Kernel,
        init: Init,
        rng: &mut impl Rng,
    ) -> TiledConv2d {
        let (weight, bias) = kernel.draw(params, path, &[tile.0, tile.1], init, rng);
        TiledConv2d { weight, bias, conv: kernel.conv }
    }
}

impl LocallyConnected2d {
    /// A layer for images of `image` = \[rows, columns\], whose parameters are named `path.weight`
    /// and `path.bias`.
    ///
    /// # Panics
    /// If the kernel does not fit into the image; else as for [`Conv2d::new`].
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        image: [usize; 2],
        kernel: Kernel,
        init: Init,
        rng: &mut impl Rng,
    ) -> LocallyConnected2d {
        let Some(out) = kernel.positions(image) else {
            panic!("`{path}`: {kernel:?} does not fit into images of {image:?}");
        };
        let (weight, bias) = kernel.draw(params, path, &out, init, rng);
        LocallyConnected2d { weight, bias, conv: kernel.conv }
    }
}

/// How many kernels take turns, from the shape of the weights.
fn kernels(weight: Shape) -> usize {
    if weight.rank() == 6 { weight[0] as usize * weight[1] as usize } else { 1 }
}

/// The shape of the result for one example.
pub(crate) fn output(conv: &Conv, input: Shape, weight: Shape) -> Result<Shape, ShapeError> {
    Ok(Op::<f32>::shape(conv, &[input.batched(1), weight])?.example())
}

/// Weights and biases of which `kernels` take turns: however they do, at each place of a result of
/// shape `out` one is applied.
pub(crate) fn uses<T: Float>(
    params: &Params<T>,
    (weight, bias): (ParamId, Option<ParamId>),
    kernels: usize,
    out: Shape,
) -> SmallVec<[Use; 2]> {
    let places = out[0] as usize * out[1] as usize;
    let connections = |id| Use { id, connections: params.get(id).len() / kernels * places };
    [Some(weight), bias].into_iter().flatten().map(connections).collect()
}

/// z + b if there is a bias. Biases take turns like their kernels: b has shape `[o]` or `[th, tw, o]`.
#[track_caller]
pub(crate) fn add_bias<'t, T: Float>(z: Var<'t, T>, tape: &'t Tape<'_, T>, bias: Option<ParamId>) -> Var<'t, T> {
    let Some(bias) = bias else { return z };
    let (shape, b) = (z.shape(), tape.param(bias));
    if b.shape().rank() == 1 {
        return z + b;
    }
    let rows = repeated(b, 0, shape[1] as usize);
    z + repeated(rows, 1, shape[2] as usize)
}

/// x over and over along `axis`, `len` places in all.
#[track_caller]
fn repeated<T: Float>(x: Var<'_, T>, axis: usize, len: usize) -> Var<'_, T> {
    let places = x.shape()[axis] as usize;
    match places.cmp(&len) {
        Ordering::Equal => x,
        Ordering::Greater => x.slice(axis, 0, len),
        Ordering::Less => repeated(Var::concat(axis, [x.clone(), x]), axis, len),
    }
}

/// The three types differ in how their parameters are made. From then on the weights' shape says
/// how many kernels take turns.
macro_rules! layer {
    ($layer:ident, $kind:literal) => {
        impl<T: Float> Layer<T> for $layer {
            fn kind(&self) -> &'static str {
                $kind
            }
            fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
                output(&self.conv, input, params.get(self.weight).shape())
            }
            fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
                let weight = params.get(self.weight).shape();
                let out = output(&self.conv, input, weight)?;
                Ok(uses(params, (self.weight, self.bias), kernels(weight), out))
            }
            fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
                let weight = params.get(self.weight).shape();
                to.end_rows();
                // Tiled and unshared kernels have no counterpart in PyTorch.
                to.put(self.weight, if weight.rank() == 4 { Layout::kernel(weight) } else { Layout::same(weight) })?;
                output(&self.conv, input, weight)
            }
            #[track_caller]
            fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
                add_bias(x.conv(tape.param(self.weight), self.conv), tape, self.bias)
            }
        }
    };
}

layer!(Conv2d, "conv");
layer!(TiledConv2d, "tiled");
layer!(LocallyConnected2d, "unshared");
