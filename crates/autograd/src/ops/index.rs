//! Picking by index, and adding by index: each is the other's adjoint.
//!
//! Indices are whole numbers in a tensor of the same element type, exact up to 2²⁴ in `f32`; no gradient
//! passes to them.

use super::Stored;
use crate::kernels::index::{Picks, is_place};
use crate::pool::is_dry;
use crate::shape::{fit, list};
use crate::{Float, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// z = x at the index along `axis`: z\[…, k, …\] = x\[…, index\[…, k, …\], …\].
///
/// Operands x and index, with as many axes; along axes other than `axis` the index is as long as x, or
/// has length 1 and is repeated.  x̄ = z̄ added at the index.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, ops::Gather};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([3], vec![5., 6., 7.]));
/// let index = tape.constant(Tensor::new([2], vec![2., 0.]));
/// assert_eq!(Var::apply_op(Gather(0), [x, index]).value().data(), [7., 5.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gather(pub usize);

impl<T: Float> Op<T> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        unless_index(self.0, x[0], x[1])?;
        Ok(x[0].with(self.0, x[1][self.0] as usize))
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let [x, index] = x else { unreachable!("gather has two operands") };
        let picks = Picks { from: x.shape(), picked: out.shape, index: index.shape(), axis: self.0 };
        out.build(|z| {
            picks.each(index.data(), |to, from, run| z[to..to + run].copy_from_slice(&x.data()[from..from + run]));
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let len = r.shape(0)[self.0] as usize;
        r.add_op(0, ScatterAdd { axis: self.0, len }, |r| [g, r.x(1)]);
    }
}

/// z = zeros, with x added at the index along `axis`: z\[…, index\[…, k, …\], …\] += x\[…, k, …\].
///
/// Operands x and index, as in [`Gather`]; z has `len` places along the axis.  x̄ = z̄ at the index.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, ops::ScatterAdd};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([3], vec![5., 6., 7.]));
/// let index = tape.constant(Tensor::new([3], vec![2., 0., 2.]));
/// assert_eq!(Var::apply_op(ScatterAdd { axis: 0, len: 4 }, [x, index]).value().data(), [6., 0., 12., 0.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScatterAdd {
    /// The axis along which the index says where.
    pub axis: usize,
    /// How long it is in the result.
    pub len: usize,
}

impl<T: Float> Op<T> for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let (shape, index, axis) = (x[0], x[1], self.axis);
        unless_index(axis, shape, index)?;
        ShapeError::unless(index[axis] == shape[axis], || {
            format!("axis {axis} has {} numbers, but the index {}", shape[axis], index[axis])
        })?;
        ShapeError::unless_long(shape, axis, self.len)
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(1)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let [x, index] = x else { unreachable!("scatter_add has two operands") };
        let picks = Picks { from: out.shape, picked: x.shape(), index: index.shape(), axis: self.axis };
        out.build(|z| {
            z.fill(T::ZERO);
            picks.each(index.data(), |from, to, run| {
                z[to..to + run].iter_mut().zip(&x.data()[from..from + run]).for_each(|(z, &x)| *z += x);
            });
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, Gather(self.axis), |r| [g, r.x(1)]);
    }
}

/// `Err` unless an index of this shape can pick along this axis.
fn unless_index(axis: usize, shape: Shape, index: Shape) -> Result<(), ShapeError> {
    ShapeError::unless_axis(axis, shape)?;
    let fits =
        index.rank() == shape.rank() && (0..shape.rank()).all(|i| i == axis || index[i] == 1 || index[i] == shape[i]);
    ShapeError::unless(fits, || {
        format!("along axes other than {axis}, the index is as long as {shape}, or has length 1, found {index}")
    })
}

/// Applies an op of numbers and indices that lie in 0..width. What is wrong panics at the caller's line,
/// which a kernel could not name.
#[track_caller]
fn apply<'t, T: Float, O: Stored<T>>(op: O, x: Var<'t, T>, index: Var<'t, T>, width: usize) -> Var<'t, T> {
    let shapes = [x.shape(), index.shape()];
    fit(op.name(), &shapes, op.shape(&shapes));
    check_places(op.name(), &shapes, index.value(), width);
    Var::apply(op, [x, index])
}

/// Panics unless all indices lie in 0..width; `method` was handed operands of these shapes.
#[track_caller]
fn check_places<T: Float>(method: &str, shapes: &[Shape], index: &Tensor<T>, width: usize) {
    if is_dry::<T>() {
        return;
    }
    for (i, &k) in index.data().iter().enumerate() {
        assert!(
            is_place(k, width),
            "{method}({}): index {k}, at place {i}, is not in 0..{width}, the range of the axis",
            list(shapes)
        );
    }
}

/// The numbers at these indices along the last axis, for this method.
#[track_caller]
pub(super) fn pick<'t, T: Float>(method: &str, x: Var<'t, T>, index: Var<'t, T>) -> Var<'t, T> {
    let (shape, of) = (x.shape(), index.shape());
    index.check_tape(x.core, method, 1);
    let fits = shape.rank() == of.rank() + 1 && shape.dims().starts_with(of.dims());
    assert!(fits, "{method}({shape}, {of}): an index of shape {of} does not pick from the last axis of {shape}");
    check_places(method, &[shape, of], index.value(), shape[of.rank()] as usize);
    let index = index.reshape(of.join(of.rank(), &[1]));
    Var::apply(Gather(of.rank()), [x, index]).reshape(of)
}

impl<'t, T: Float> Var<'t, T> {
    /// The numbers at these indices along `axis`: z\[…, k, …\] = x\[…, index\[…, k, …\], …\]. Along other
    /// axes the index is as long as this, or has length 1 and serves all places. In NumPy this is called
    /// `take_along_axis`, in PyTorch `take_along_dim`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([3, 2], vec![1., 2., 3., 4., 5., 6.]));
    /// let rows = tape.constant(Tensor::new([2, 1], vec![2., 2.]));      // the last row, twice
    /// let z = x.clone().gather(0, rows);
    /// assert_eq!(z.value().data(), [5., 6., 5., 6.]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0., 0., 0., 0., 2., 2.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, or an index is out of range.
    #[track_caller]
    pub fn gather(self, axis: usize, index: Var<'t, T>) -> Var<'t, T> {
        let width = self.shape().dims().get(axis).map_or(0, |&len| len as usize);
        apply(Gather(axis), self, index, width)
    }

    /// Zeros, `len` along `axis`, with this added at these indices: the adjoint of
    /// [`gather`](Var::gather). Where an index stands twice, both are added.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([3], vec![5., 6., 7.]));
    /// let index = tape.constant(Tensor::new([3], vec![1., 0., 1.]));
    /// assert_eq!(x.scatter_add(0, index, 2).value().data(), [6., 12.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, or an index is out of range.
    #[track_caller]
    pub fn scatter_add(self, axis: usize, index: Var<'t, T>, len: usize) -> Var<'t, T> {
        apply(ScatterAdd { axis, len }, self, index, len)
    }

    /// The rows of this table, `[rows, …]`, at these indices of any shape: `[…indices, …]`. A row that is
    /// looked up twice gets both gradients. In PyTorch this is called `F.embedding`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let table = tape.input(Tensor::new([3, 2], vec![1., 2., 3., 4., 5., 6.]));
    /// let words = tape.constant(Tensor::new([3], vec![2., 0., 2.]));
    /// let z = table.clone().embedding(words);                                // one use, three positions
    /// assert_eq!(z.value().data(), [5., 6., 1., 2., 5., 6.]);
    /// assert_eq!(z.sum().backward().wrt(&table).unwrap().data(), [1., 1., 0., 0., 2., 2.]);
    /// ```
    ///
    /// # Panics
    /// If this has no axis, or an index is out of range.
    #[track_caller]
    pub fn embedding(self, indices: Var<'t, T>) -> Var<'t, T> {
        let (table, of) = (self.shape(), indices.shape());
        indices.check_tape(self.core, "embedding", 1);
        assert!(table.rank() > 0, "embedding: a number has no rows");
        check_places("embedding", &[table, of], indices.value(), table[0] as usize);
        let row = table.example().to_vec();
        let flat = [&[of.len()][..], &vec![1; row.len()]].concat();
        Var::apply(Gather(0), [self, indices.reshape(&flat[..])]).reshape(of.join(of.rank(), &row))
    }

    /// 1 at each index, else 0, along a new last axis of this length, `[…] → […, classes]`: a constant. This holds
    /// the indices.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let labels = tape.constant(Tensor::new([2], vec![2., 0.]));
    /// assert_eq!(labels.one_hot(3).value().data(), [0., 0., 1., 1., 0., 0.]);
    /// ```
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn one_hot(self, classes: usize) -> Var<'t, T> {
        let of = self.shape();
        check_places("one_hot", &[of], self.value(), classes);
        let index = self.detach().reshape(of.join(of.rank(), &[1]));
        let ones = index.constant(Tensor::full(index.shape(), T::ONE));
        Var::apply(ScatterAdd { axis: of.rank(), len: classes }, [ones, index])
    }

    /// The numbers at these indices along the last axis: zᵢ = xᵢ,ₖ with k = indexᵢ. The index has the shape
    /// of all axes but the last, and so has the result.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// let labels = tape.constant(Tensor::new([2], vec![2., 0.]));
    /// assert_eq!(x.pick(labels).value().data(), [3., 4.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, or an index is out of range.
    #[track_caller]
    pub fn pick(self, index: Var<'t, T>) -> Var<'t, T> {
        pick("pick", self, index)
    }
}
