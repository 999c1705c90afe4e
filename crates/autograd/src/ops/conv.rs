//! Convolution, its input gradient and its kernel gradient: a closed trio. Shared, tiled and
//! unshared kernels are one family.

use super::pooling::sides;
use crate::kernels::convolution::{self, Geometry};
use crate::shape::fit;
use crate::tensor::scratch;
use crate::{Float, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// Convolution of images `[n, h, w, c]` with kernels `[kh, kw, c/groups, o]` (one for all
/// positions) or `[th, tw, kh, kw, c/groups, o]` (th·tw of them in rotation), to `[n, oh, ow, o]`:
///
/// z\[n, y, x, o\] = Σ over i, j, c of X\[n, y·s + i·d − p, x·s + j·d − p, c\] · K\[y mod th, x mod tw, i, j, c, o\]
///
/// with stride s, dilation d, and zeros outside the image. With th = tw = 1 this is convolution
/// (strictly, cross-correlation, as in every such library); with (th, tw) = (oh, ow) every
/// position has a kernel of its own, and nothing is shared; between them lies tiled convolution
/// (Deep Learning, section 9.5).
///
/// ```
/// use tandem_autograd::{Conv, Params, Tape, Tensor};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let row = || tape.constant(Tensor::new([1, 1, 3, 1], vec![1., 2., 4.]));
/// let kernels = |numbers: [f64; 3]| tape.constant(Tensor::new([1, 3, 1, 1, 1, 1], numbers.to_vec()));
/// // Three kernels of one number: one for each position. If they are equal, it is convolution.
/// assert_eq!(row().conv(kernels([1., 10., 100.]), Conv::default()).value().data(), [1., 20., 400.]);
/// let one = tape.constant(Tensor::new([1, 1, 1, 1], vec![5.]));
/// let [unshared, shared] = [kernels([5.; 3]), one].map(|kernel| row().conv(kernel, Conv::default()));
/// assert_eq!(unshared.value(), shared.value());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Rows and columns from one position to the next.
    pub stride: [usize; 2],
    /// Rows and columns of zeros on each side.
    pub pad: [usize; 2],
    /// Rows and columns from one number of the kernel to the next.
    pub dilation: [usize; 2],
    /// Into how many groups the channels are split; each sees only its own.
    pub groups: usize,
}

impl Default for Conv {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv { stride: [1; 2], pad: [0; 2], dilation: [1; 2], groups: 1 }
    }
}

impl Conv {
    /// How many positions there are along `axis` (0: rows, 1: columns) of an image:
    /// ⌊(length + 2·pad − dilation·(kernel − 1) − 1) / stride⌋ + 1, or `None` if none fits.
    ///
    /// ```
    /// use tandem_autograd::Conv;
    /// let conv = Conv { stride: [2, 2], pad: [1, 1], ..Conv::default() };
    /// assert_eq!((conv.positions(0, 8, 3), conv.positions(0, 1, 5)), (Some(4), None));
    /// ```
    pub fn positions(&self, axis: usize, length: usize, kernel: usize) -> Option<usize> {
        let reach = self.dilation[axis] * kernel.checked_sub(1)? + 1;
        let room = (length + 2 * self.pad[axis]).checked_sub(reach)?;
        Some(room / self.stride[axis].max(1) + 1)
    }

    /// As [`positions`](Conv::positions), with the reason where none fits.
    pub(super) fn positions_of(&self, axis: usize, length: usize, kernel: usize) -> Result<usize, ShapeError> {
        let (stride, dilation) = (self.stride[axis], self.dilation[axis]);
        ShapeError::unless(stride > 0 && dilation > 0, || {
            format!("axis {}: stride {stride} and dilation {dilation} are at least 1", 1 + axis)
        })?;
        self.positions(axis, length, kernel).ok_or_else(|| {
            let (axis, pad) = (1 + axis, self.pad[axis]);
            ShapeError::new(format!(
                "axis {axis}: a kernel of {kernel} with dilation {dilation} does not fit in {length} places and padding {pad}"
            ))
        })
    }

    /// Where everything lies, for images and kernels of these shapes.
    fn geometry(&self, image: Shape, kernel: Shape) -> Result<Geometry, ShapeError> {
        let rank = kernel.rank();
        ShapeError::unless(image.rank() == 4, || {
            format!("images have shape [n, height, width, channels], found {image}")
        })?;
        ShapeError::unless(rank == 4 || rank == 6, || {
            format!("kernels have shape [kh, kw, c/groups, o], or six axes with the tile in front, found {kernel}")
        })?;
        let size = |i: usize| kernel[rank - 4 + i] as usize;
        let tile = if rank == 6 { [kernel[0] as usize, kernel[1] as usize] } else { [1; 2] };
        let channels = image[3] as usize;
        let (stride, dilation, groups) = (self.stride, self.dilation, self.groups);
        ShapeError::unless(groups > 0 && [stride, dilation, tile].as_flattened().iter().all(|&v| v > 0), || {
            format!("stride {stride:?}, dilation {dilation:?}, tile {tile:?} and groups {groups} are at least 1")
        })?;
        ShapeError::unless(size(2) * groups == channels, || {
            format!(
                "axis 3 of the images has {channels} channels; axis {} of the kernels has {}, which in {groups} groups makes {}",
                rank - 2,
                size(2),
                size(2) * groups
            )
        })?;
        ShapeError::unless(size(3).is_multiple_of(groups), || {
            format!(
                "axis {} of the kernels has {} channels, which do not split into {groups} groups",
                rank - 1,
                size(3)
            )
        })?;
        let mut out = [0; 2];
        for (axis, out) in out.iter_mut().enumerate() {
            let length = image[1 + axis] as usize;
            *out = self.positions_of(axis, length, size(axis))?;
            ShapeError::unless(tile[axis] <= *out, || {
                format!(
                    "axis {axis} of the kernels: a tile of {} for {out} positions; the surplus would never be used",
                    tile[axis]
                )
            })?;
        }
        Ok(Geometry {
            images: image[0] as usize,
            image: sides(image),
            channels: [channels, size(3)],
            kernel: [size(0), size(1)],
            stride,
            pad: self.pad,
            dilation,
            groups,
            tile,
            out,
        })
    }
}

impl Geometry {
    fn output_shape(&self) -> Shape {
        Shape::from([self.images, self.out[0], self.out[1], self.channels[1]])
    }

    fn check_output(&self, found: Shape) -> Result<(), ShapeError> {
        let expected = self.output_shape();
        ShapeError::unless(found == expected, || {
            format!("results of shape {expected} belong to these images and kernels, found {found}")
        })
    }
}

impl<T: Float> Op<T> for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(self.geometry(x[0], x[1])?.output_shape())
    }
    fn saves(&self, needs: Needs) -> Saves {
        Saves::factors(needs)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let geometry = self.geometry(x[0].shape(), x[1].shape()).expect("checked by shape()");
        run(out, convolution::forward_space::<T>(&geometry), |z, space| {
            convolution::forward(&geometry, x[0].data(), x[1].data(), z, space);
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, ConvInput { conv: *self, image: r.shape(0) }, |r| [g.clone(), r.x(1)]);
        r.add_op(1, ConvKernel { conv: *self, kernel: r.shape(1) }, |r| [r.x(0), g]);
    }
}

/// The input gradient of [`Conv`], which is transposed convolution. Operands: the cotangent
/// `[n, oh, ow, o]` and the kernels.
///
/// X̄\[n, y·s + i·d − p, x·s + j·d − p, c\] += z̄\[n, y, x, o\] · K\[y mod th, x mod tw, i, j, c, o\]
///
/// ```
/// use tandem_autograd::{Conv, Params, Shape, Tape, Tensor, Var, ops::ConvInput};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let op = ConvInput { conv: Conv::default(), image: Shape::from([1, 1, 3, 1]) };
/// let cotangent = tape.constant(Tensor::new([1, 1, 2, 1], vec![1., 10.]));
/// let kernel = tape.constant(Tensor::new([1, 2, 1, 1], vec![2., 3.]));
/// assert_eq!(Var::apply_op(op, [cotangent, kernel]).value().data(), [2., 3. + 20., 30.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConvInput {
    /// The convolution.
    pub conv: Conv,
    /// The shape of its images.
    pub image: Shape,
}

impl<T: Float> Op<T> for ConvInput {
    fn name(&self) -> &'static str {
        "conv_input"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.conv.geometry(self.image, x[1])?.check_output(x[0])?;
        Ok(self.image)
    }
    fn saves(&self, needs: Needs) -> Saves {
        Saves::factors(needs)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let geometry = self.conv.geometry(out.shape, x[1].shape()).expect("checked by shape()");
        run(out, convolution::input_gradient_space::<T>(&geometry), |z, space| {
            convolution::input_gradient(&geometry, x[0].data(), x[1].data(), z, space);
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, self.conv, |r| [g.clone(), r.x(1)]);
        r.add_op(1, ConvKernel { conv: self.conv, kernel: r.shape(1) }, |r| [g, r.x(0)]);
    }
}

/// The kernel gradient of [`Conv`]. Operands: the images and the cotangent `[n, oh, ow, o]`.
///
/// K̄\[a, b, i, j, c, o\] = Σ X\[n, y·s + i·d − p, x·s + j·d − p, c\] · z̄\[n, y, x, o\], summed over all
/// images n and all positions with y mod th = a and x mod tw = b: one kernel's gradient is the
/// sum over the positions at which it is applied.
///
/// ```
/// use tandem_autograd::{Conv, Params, Shape, Tape, Tensor, Var, ops::ConvKernel};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let op = ConvKernel { conv: Conv::default(), kernel: Shape::from([1, 2, 1, 1]) };
/// let image = tape.constant(Tensor::new([1, 1, 3, 1], vec![1., 2., 4.]));
/// let cotangent = tape.constant(Tensor::new([1, 1, 2, 1], vec![1., 10.]));
/// assert_eq!(Var::apply_op(op, [image, cotangent]).value().data(), [1. + 20., 2. + 40.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConvKernel {
    /// The convolution.
    pub conv: Conv,
    /// The shape of its kernels.
    pub kernel: Shape,
}

impl<T: Float> Op<T> for ConvKernel {
    fn name(&self) -> &'static str {
        "conv_kernel"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.conv.geometry(x[0], self.kernel)?.check_output(x[1])?;
        Ok(self.kernel)
    }
    fn saves(&self, needs: Needs) -> Saves {
        Saves::factors(needs)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let geometry = self.conv.geometry(x[0].shape(), out.shape).expect("checked by shape()");
        run(out, convolution::kernel_gradient_space::<T>(&geometry), |z, space| {
            convolution::kernel_gradient(&geometry, x[0].data(), x[1].data(), z, space);
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, ConvInput { conv: self.conv, image: r.shape(0) }, |r| [r.x(1), g.clone()]);
        r.add_op(1, self.conv, |r| [r.x(0), g]);
    }
}

/// A new tensor from a kernel that needs some space. It is asked for outside `build`, so that a dry run
/// sees it.
fn run<T: Float>(out: Out, space: usize, kernel: impl FnOnce(&mut [T], &mut [T])) -> Tensor<T> {
    let mut space = scratch::<T>(space);
    out.build(|z| space.update(|space| kernel(z, space)))
}

impl<'t, T: Float> Var<'t, T> {
    /// Convolution of images `[n, h, w, c]` with these kernels, to `[n, oh, ow, o]`; see [`Conv`]. In
    /// PyTorch this is called `F.conv2d`, with channels first.
    ///
    /// ```
    /// use tandem_autograd::{Conv, Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let row = tape.constant(Tensor::new([1, 1, 4, 1], vec![1., 2., 4., 7.]));
    /// let kernel = tape.input(Tensor::new([1, 2, 1, 1], vec![-1., 1.]));      // differences of neighbours
    /// let z = row.conv(kernel.clone(), Conv::default());
    /// assert_eq!(z.value().data(), [1., 2., 3.]);
    /// let gradients = z.sum().backward();                     // one kernel, three positions: sums over them
    /// assert_eq!(gradients.wrt(&kernel).unwrap().data(), [1. + 2. + 4., 2. + 4. + 7.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn conv(self, kernel: Var<'t, T>, conv: Conv) -> Var<'t, T> {
        Var::apply(conv, [self, kernel])
    }

    /// Transposed convolution: the input gradient of [`conv`](Var::conv), as an op of its own. Takes results
    /// `[n, oh, ow, o]` of a convolution with these kernels, `[kh, kw, c/groups, o]`, to images of `image`
    /// rows and columns, `[n, h, w, c]`. In PyTorch this is called `F.conv_transpose2d`, which chooses the
    /// smallest images and takes larger ones as `output_padding`.
    ///
    /// ```
    /// use tandem_autograd::{Conv, Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([1, 1, 2, 1], vec![1., 10.]));
    /// let kernel = tape.constant(Tensor::new([1, 2, 1, 1], vec![2., 3.]));
    /// let z = x.conv_transpose(kernel, Conv { stride: [1, 2], ..Conv::default() }, [1, 4]);
    /// assert_eq!(z.value().data(), [2., 3., 20., 30.]);          // each number spreads over a window
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit: the convolution must take images of this size to this one's.
    #[track_caller]
    pub fn conv_transpose(self, kernel: Var<'t, T>, conv: Conv, image: [usize; 2]) -> Var<'t, T> {
        let (shape, kernels) = (self.shape(), kernel.shape());
        let fits = shape.rank() == 4 && (kernels.rank() == 4 || kernels.rank() == 6);
        assert!(fits, "conv_transpose({shape}, {kernels}): takes [n, oh, ow, o] and kernels [kh, kw, c/groups, o]");
        let channels = kernels[kernels.rank() - 2] as usize * conv.groups;
        let image = Shape::from([shape[0] as usize, image[0], image[1], channels]);
        let op = ConvInput { conv, image };
        // By its own name, in an op that also is the rule of another.
        kernel.check_tape(self.core, "conv_transpose", 1);
        fit("conv_transpose", &[shape, kernels], Op::<T>::shape(&op, &[shape, kernels]));
        Var::apply(op, [self, kernel])
    }

    /// Convolution of rows `[n, l, c]` with kernels `[k, c/groups, o]`, to `[n, ol, o]`: as [`conv`](Var::conv)
    /// of images one row high, with the columns' stride, padding and dilation. In PyTorch this is called
    /// `F.conv1d`, with channels first.
    ///
    /// ```
    /// use tandem_autograd::{Conv, Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let row = tape.constant(Tensor::new([1, 4, 1], vec![1., 2., 4., 7.]));
    /// let kernel = tape.constant(Tensor::new([2, 1, 1], vec![-1., 1.]));
    /// assert_eq!(row.conv1d(kernel, Conv::default()).value().data(), [1., 2., 3.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn conv1d(self, kernel: Var<'t, T>, conv: Conv) -> Var<'t, T> {
        let (x, k) = (self.shape(), kernel.shape());
        assert!(x.rank() == 3 && k.rank() == 3, "conv1d({x}, {k}): takes rows [n, l, c] and kernels [k, c/groups, o]");
        let side = |s: Shape, axis: usize| s[axis] as usize;
        let image = Shape::from([side(x, 0), 1, side(x, 1), side(x, 2)]);
        let kernels = Shape::from([1, side(k, 0), side(k, 1), side(k, 2)]);
        let conv = Conv { stride: [1, conv.stride[1]], pad: [0, conv.pad[1]], dilation: [1, conv.dilation[1]], ..conv };
        kernel.check_tape(self.core, "conv1d", 1);
        let of_images =
            |error: ShapeError| ShapeError(format!("as images {image} one row high, with kernels {kernels}: {error}"));
        let out = fit("conv1d", &[x, k], Op::<T>::shape(&conv, &[image, kernels]).map_err(of_images));
        let z = self.reshape(image).conv(kernel.reshape(kernels), conv);
        z.reshape([side(out, 0), side(out, 2), side(out, 3)])
    }
}
