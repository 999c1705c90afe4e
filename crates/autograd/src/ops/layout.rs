//! Ops that move numbers without changing them.

use crate::kernels::layout::{copy_slab, permute_into};
use crate::shape::fit;
use crate::{Float, MAX_RANK, Op, Out, Rule, Shape, ShapeError, Tensor, Var};

/// z = the numbers of x under another shape,  x̄ = z̄ under x's shape.
///
/// The example is at [`Var::reshape`].
#[derive(Clone, Copy, Debug)]
pub struct Reshape(pub Shape);

impl<T: Float> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless(x[0].len() == self.0.len(), || {
            format!("{} holds {} numbers, {} holds {}", x[0], x[0].len(), self.0, self.0.len())
        })?;
        Ok(self.0)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let mut z = std::mem::replace(&mut x[0], Tensor::scalar(T::ZERO)).reshape(out.shape);
        // A parameter's numbers had to be copied, and the copy is not the parameter.
        z.mark(out.kind);
        z
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, Reshape(r.shape(0)), |_| [g]);
    }
}

/// z = x with its axes in another order: axis i of z is axis `order[i]` of x.
///
/// x̄ = z̄ with the axes put back.
///
/// The example is at [`Var::permute`].
#[derive(Clone, Copy, Debug)]
pub struct Permute {
    order: [u8; MAX_RANK],
    rank: u8,
}

impl Permute {
    /// The permutation with this order; `shape` reports one that is not a permutation.
    pub fn new(order: &[usize]) -> Permute {
        let mut p = Permute { order: [0; MAX_RANK], rank: order.len().min(255) as u8 };
        for (to, &from) in p.order.iter_mut().zip(order) {
            *to = from.min(255) as u8;
        }
        p
    }

    fn order(&self) -> &[u8] {
        &self.order[..self.rank as usize]
    }

    fn inverse(self) -> Permute {
        let mut inverse = self;
        for (i, &from) in self.order().iter().enumerate() {
            inverse.order[from as usize] = i as u8;
        }
        inverse
    }
}

impl<T: Float> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let rank = x[0].rank();
        let covers = self.rank as usize == rank && (0..rank).all(|i| self.order().contains(&(i as u8)));
        ShapeError::unless(covers, || {
            format!(
                "the order {:?} is not a permutation of {rank} axes",
                &self.order[..(self.rank as usize).min(MAX_RANK)]
            )
        })?;
        Ok(self.order().iter().enumerate().fold(x[0], |shape, (i, &from)| shape.with(i, x[0][from as usize] as usize)))
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        out.build(|z| permute_into(z, out.shape, x.data(), x.shape(), self.order()))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add_op(0, self.inverse(), |_| [g]);
    }
}

/// z = `len` places of x from `start` along `axis`,  x̄ = z̄ padded with zeros.
///
/// The example is at [`Var::slice`].
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The axis that is cut.
    pub axis: usize,
    /// The first place kept.
    pub start: usize,
    /// How many places are kept.
    pub len: usize,
}

impl<T: Float> Op<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless_axis(self.axis, x[0])?;
        let total = x[0][self.axis] as usize;
        let end = self.start.saturating_add(self.len);
        ShapeError::unless(end <= total, || {
            format!("places {}..{end} of axis {}, which has {total}", self.start, self.axis)
        })?;
        Ok(x[0].with(self.axis, self.len))
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        out.build(|z| copy_slab(z, out.shape, 0, x.data(), x.shape(), self.start, self.axis, self.len))
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let total = r.shape(0)[self.axis] as usize;
        r.add_op(0, Pad { axis: self.axis, before: self.start, total }, |_| [g]);
    }
}

/// z = x with zeros before and after it along `axis`,  x̄ = z̄ cut back.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, ops::Pad};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([2], vec![1., 2.]));
/// assert_eq!(Var::apply_op(Pad { axis: 0, before: 1, total: 4 }, [x]).value().data(), [0., 1., 2., 0.]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pad {
    /// The axis that grows.
    pub axis: usize,
    /// How many zeros stand before.
    pub before: usize,
    /// The new length of the axis.
    pub total: usize,
}

impl<T: Float> Op<T> for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::unless_axis(self.axis, x[0])?;
        let len = x[0][self.axis] as usize;
        ShapeError::unless(self.before + len <= self.total, || {
            format!("{len} places after {} zeros do not fit in {}", self.before, self.total)
        })?;
        ShapeError::unless_long(x[0], self.axis, self.total)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let x = &x[0];
        let len = x.shape()[self.axis] as usize;
        out.build(|z| {
            z.fill(T::ZERO);
            copy_slab(z, out.shape, self.before, x.data(), x.shape(), 0, self.axis, len);
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let len = r.shape(0)[self.axis] as usize;
        r.add_op(0, Slice { axis: self.axis, start: self.before, len }, |_| [g]);
    }
}

/// z = the operands one after another along `axis`,  x̄ᵢ = the slice of z̄ that came from xᵢ.
///
/// The example is at [`Var::concat`].
#[derive(Clone, Copy, Debug)]
pub struct Concat(pub usize);

impl<T: Float> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let axis = self.0;
        ShapeError::unless_axis(axis, x[0])?;
        for other in x {
            let fits = other.rank() == x[0].rank() && other.with(axis, 1) == x[0].with(axis, 1);
            ShapeError::unless(fits, || format!("{other} and {} differ in an axis other than {axis}", x[0]))?;
        }
        Ok(x[0].with(axis, x.iter().map(|s| s[axis] as usize).sum()))
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        out.build(|z| {
            let mut at = 0;
            for part in x.iter() {
                let len = part.shape()[self.0] as usize;
                copy_slab(z, out.shape, at, part.data(), part.shape(), 0, self.0, len);
                at += len;
            }
        })
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let mut at = 0;
        for i in 0..r.operands() {
            let len = r.shape(i)[self.0] as usize;
            r.add_op(i, Slice { axis: self.0, start: at, len }, |_| [g.clone()]);
            at += len;
        }
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The same numbers under another shape.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.reshape([3, 2]).value(), &Tensor::new([3, 2], vec![1., 2., 3., 4., 5., 6.]));
    /// ```
    ///
    /// # Panics
    /// If it holds more or fewer.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<'t, T> {
        let shape = shape.into();
        if self.shape() == shape { self } else { Var::apply(Reshape(shape), [self]) }
    }

    /// All axes but the first made one: `[n, …] → [n, everything else]`. In PyTorch this is called `nn.Flatten`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let images = tape.constant(Tensor::zeros([5, 8, 8, 3]));
    /// assert_eq!(images.flatten().shape().to_string(), "[5, 192]");
    /// ```
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn flatten(self) -> Var<'t, T> {
        let shape = self.shape();
        assert!(shape.rank() > 0, "flatten: a number has no axis to keep");
        let rows = shape[0] as usize;
        let rest = shape.dims()[1..].iter().map(|&d| d as usize).product();
        self.reshape([rows, rest])
    }

    /// Axis i of the result is axis `order[i]` of this.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.permute(&[1, 0]).value(), &Tensor::new([3, 2], vec![1., 4., 2., 5., 3., 6.]));
    /// ```
    ///
    /// # Panics
    /// If `order` is not a permutation of the axes.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Var<'t, T> {
        // As it is already: nothing to do.
        if order.iter().copied().eq(0..self.shape().rank()) {
            return self;
        }
        Var::apply(Permute::new(order), [self])
    }

    /// `len` places from `start` along `axis`. In PyTorch this is called `narrow`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.slice(1, 0, 2).value().data(), [1., 2., 4., 5.]);
    /// ```
    ///
    /// # Panics
    /// If they are out of range.
    #[track_caller]
    pub fn slice(self, axis: usize, start: usize, len: usize) -> Var<'t, T> {
        Var::apply(Slice { axis, start, len }, [self])
    }

    /// `before` and `after` zeros along `axis`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2], vec![1., 2.]));
    /// assert_eq!(x.pad(0, 2, 1).value().data(), [0., 0., 1., 2., 0.]);
    /// ```
    ///
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn pad(self, axis: usize, before: usize, after: usize) -> Var<'t, T> {
        let len = self.shape().dims().get(axis).map_or(0, |&d| d as usize);
        Var::apply(Pad { axis, before, total: before.saturating_add(len).saturating_add(after) }, [self])
    }

    /// The variables one after another along `axis`. In PyTorch this is called `cat`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor, Var};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let [x, y] = [[1., 2.], [3., 4.]].map(|row| tape.constant(Tensor::new([2, 1], row.to_vec())));
    /// assert_eq!(Var::concat(1, [x, y]).value().data(), [1., 3., 2., 4.]);
    /// ```
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    #[track_caller]
    pub fn concat(axis: usize, parts: impl IntoIterator<Item = Var<'t, T>>) -> Var<'t, T> {
        Var::apply_many(Concat(axis), parts)
    }

    /// The variables, all of one shape, along a new axis. In NumPy and PyTorch this is called `stack`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor, Var};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let [x, y] = [[1., 2.], [3., 4.]].map(|row| tape.constant(Tensor::new([2], row.to_vec())));
    /// let z = Var::stack(0, [x, y]);
    /// assert_eq!(z.value(), &Tensor::new([2, 2], vec![1., 2., 3., 4.]));
    /// ```
    ///
    /// # Panics
    /// If there are none, they differ in shape, or the axis is out of range.
    #[track_caller]
    pub fn stack(axis: usize, parts: impl IntoIterator<Item = Var<'t, T>>) -> Var<'t, T> {
        // Loops, because a closure would not know the caller's line.
        let mut first = None;
        let mut rows = smallvec::SmallVec::<[Var<'t, T>; 4]>::new();
        for (i, part) in parts.into_iter().enumerate() {
            let (core, shape) = *first.get_or_insert((part.core, part.shape()));
            part.check_tape(core, "stack", i);
            let (rank, found) = (shape.rank() + 1, part.shape());
            assert!(axis < rank, "stack({shape}): axis {axis} is out of range for {rank} axes");
            assert!(found == shape, "stack({shape}, {found}): operand {i} has another shape than operand 0");
            let mut dims = shape.to_vec();
            dims.insert(axis, 1);
            rows.push(part.reshape(&dims[..]));
        }
        assert!(!rows.is_empty(), "stack: no operands");
        Var::concat(axis, rows)
    }

    /// Parts of these lengths along `axis`, in order.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([4], vec![1., 2., 3., 4.]));
    /// let [head, tail] = x.split(0, [1, 3]);
    /// assert_eq!((head.value().data(), tail.value().data()), (&[1.][..], &[2., 3., 4.][..]));
    /// ```
    ///
    /// # Panics
    /// If the axis is out of range, or the lengths do not add up to its length.
    #[track_caller]
    pub fn split<const N: usize>(self, axis: usize, lengths: [usize; N]) -> [Var<'t, T>; N] {
        let shape = self.shape();
        fit("split", &[shape], ShapeError::unless_axis(axis, shape));
        let total = lengths.iter().fold(0_usize, |total, &len| total.saturating_add(len));
        assert!(
            total == shape[axis] as usize,
            "split({shape}): lengths {lengths:?} make {total}, axis {axis} has {}",
            shape[axis]
        );
        let mut start = 0;
        let mut parts = lengths.map(|_| self.clone());
        // A loop, because a closure would not know the caller's line.
        for (part, len) in parts.iter_mut().zip(lengths) {
            *part = self.clone().slice(axis, start, len);
            start += len;
        }
        parts
    }
}
