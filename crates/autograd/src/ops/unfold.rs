//! Unfold and fold, each the other's adjoint: what convolution is by definition.
//!
//! A convolution is the unfolded images times the kernel: patches as rows of one matrix, the kernel as
//! the other. [`Var::conv`] computes the same without ever writing the patches out.

use super::Conv;
use super::pooling::sides;
use crate::kernels::layout::walk;
use crate::{Float, Op, Out, Rule, Shape, ShapeError, Tensor, Var};

/// The patch of an image under the kernel at every position: `[n, h, w, c]` to `[n, oh, ow, kh, kw, c]`,
///
/// z\[n, y, x, i, j, c\] = X\[n, y·s + i·d − p, x·s + j·d − p, c\], and 0 outside the image.
///
/// X̄ = z̄ [folded](Fold) back: a number's gradient is the sum over the patches in which it stands.
///
/// ```
/// use tandem_autograd::{Conv, Params, Tape, Tensor, Var, ops::Unfold};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let row = tape.input(Tensor::new([1, 1, 3, 1], vec![1., 2., 4.]));
/// let z = Var::apply_op(Unfold { conv: Conv::default(), kernel: [1, 2] }, [row.clone()]);
/// assert_eq!(z.value().data(), [1., 2., 2., 4.]);
/// assert_eq!(z.sum().backward().wrt(&row).unwrap().data(), [1., 2., 1.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Unfold {
    /// Stride, padding and dilation; the groups do not matter.
    pub conv: Conv,
    /// Rows and columns of a kernel.
    pub kernel: [usize; 2],
}

impl Unfold {
    fn patches(&self, image: Shape) -> Result<Shape, ShapeError> {
        ShapeError::unless(image.rank() == 4, || {
            format!("images have shape [n, height, width, channels], found {image}")
        })?;
        let mut out = [0; 2];
        for (axis, out) in out.iter_mut().enumerate() {
            *out = self.conv.positions_of(axis, image[1 + axis] as usize, self.kernel[axis])?;
        }
        let [n, c] = [image[0] as usize, image[3] as usize];
        Ok(Shape::from([n, out[0], out[1], self.kernel[0], self.kernel[1], c]))
    }

    /// Calls `visit(offset in the patches, offset in the images)` for every place of every patch that
    /// lies inside its image; offsets are to channel 0.
    fn each(&self, image: Shape, mut visit: impl FnMut(usize, usize)) {
        let patches = self.patches(image).expect("checked by shape()");
        let Conv { stride, pad, dilation, .. } = self.conv;
        let [rows, columns, c] = [1, 2, 3].map(|axis| image[axis] as usize);
        // By axis of the patches: steps in the patches, in image rows and in image columns; images count
        // as rows apart.
        let (to, row, column) =
            (patches.strides_in(&patches), [0, stride[0], 0, dilation[0], 0, 0], [0, 0, stride[1], 0, dilation[1], 0]);
        let of_image = [1, 0, 0, 0, 0, 0];
        walk(patches, 5, [to, of_image, row, column], |[to, n, y, x]| {
            let inside = (y.wrapping_sub(pad[0]), x.wrapping_sub(pad[1]));
            if inside.0 < rows && inside.1 < columns {
                visit(to, ((n * rows + inside.0) * columns + inside.1) * c);
            }
        });
    }
}

impl<T: Float> Op<T> for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        self.patches(x[0])
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (image, x, c) = (x[0].shape(), x[0].data(), x[0].shape()[3] as usize);
        out.build(|z| {
            z.fill(T::ZERO);
            self.each(image, |to, from| z[to..to + c].copy_from_slice(&x[from..from + c]));
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, Fold { unfold: *self, image: sides(r.shape(0)) }, |_| [g]);
    }
}

/// Adds every patch to the place in the image that it came from: the adjoint of [`Unfold`], which is its
/// rule in turn. Patches `[n, oh, ow, kh, kw, c]` to images `[n, h, w, c]`. The example is at [`Var::fold`].
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    /// How the images were unfolded.
    pub unfold: Unfold,
    /// Rows and columns of the images.
    pub image: [usize; 2],
}

impl<T: Float> Op<T> for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(x[0].rank() == 6, || {
            format!("patches have shape [n, rows, columns, kh, kw, channels], found {}", x[0])
        })?;
        let image = Shape::from([x[0][0] as usize, self.image[0], self.image[1], x[0][5] as usize]);
        let expected = self.unfold.patches(image)?;
        ShapeError::unless(expected == x[0], || format!("{} patches for images that have {expected}", x[0]))?;
        Ok(image)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (x, c) = (x[0].data(), out.shape[3] as usize);
        out.build(|z| {
            z.fill(T::ZERO);
            self.unfold.each(out.shape, |from, to| {
                z[to..to + c].iter_mut().zip(&x[from..from + c]).for_each(|(z, &x)| *z += x);
            });
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, self.unfold, |_| [g]);
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The patches of images `[n, h, w, c]` under a kernel of `[kh, kw]` at every position, as
    /// `[n, oh, ow, kh, kw, c]`: see [`Unfold`]. In PyTorch this is called `F.unfold`, with another layout.
    ///
    /// ```
    /// use tandem_autograd::{Conv, Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let row = tape.constant(Tensor::new([1, 1, 4, 1], vec![1., 2., 4., 7.]));
    /// let kernel = tape.constant(Tensor::new([1, 2, 1, 1], vec![-1., 1.]));
    /// let patches = row.clone().unfold(Conv::default(), [1, 2]);       // (1, 2), (2, 4), (4, 7)
    /// let product = patches.reshape([3, 2]).matmul(kernel.clone().reshape([2, 1]));
    /// assert_eq!(product.value().data(), row.conv(kernel, Conv::default()).value().data());
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn unfold(self, conv: Conv, kernel: [usize; 2]) -> Var<'t, T> {
        Var::apply(Unfold { conv, kernel }, [self])
    }

    /// The adjoint of [`unfold`](Var::unfold): patches `[n, oh, ow, kh, kw, c]` added to images of `image`
    /// rows and columns, `[n, h, w, c]`.
    ///
    /// ```
    /// use tandem_autograd::{Conv, Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let row = tape.constant(Tensor::new([1, 1, 3, 1], vec![1., 2., 4.]));
    /// let patches = row.unfold(Conv::default(), [1, 2]);                  // (1, 2), (2, 4)
    /// assert_eq!(patches.fold(Conv::default(), [1, 3]).value().data(), [1., 2. + 2., 4.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn fold(self, conv: Conv, image: [usize; 2]) -> Var<'t, T> {
        let shape = self.shape();
        let side = |axis: usize| shape.dims().get(axis).map_or(0, |&len| len as usize);
        Var::apply(Fold { unfold: Unfold { conv, kernel: [side(3), side(4)] }, image }, [self])
    }
}
