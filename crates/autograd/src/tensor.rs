//! Dense, row-major tensors: a number, or one shared block, copied on write.

use std::fmt;

use crate::float::Float;
use crate::pool::{Handle, Kind, is_dry};
use crate::shape::Shape;

/// A dense, row-major array of numbers.
///
/// Sixteen bytes: a tensor without axes is the number itself, any other one refers to a shared
/// block. `clone` copies the reference; a block is copied when someone writes to it while another
/// tensor still refers to it, so that a tensor behaves like a value at the cost of a reference.
///
/// ```
/// use tandem_autograd::Tensor;
/// let a = Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 4.0]);
/// let mut b = a.clone();
/// b.update(|x| x[0] = 9.0);
/// assert_eq!((a.data()[0], b.data()[0]), (1.0, 9.0));
/// ```
#[derive(Clone)]
pub struct Tensor<T: Float = f32> {
    /// The number itself, of a tensor without axes. Two plain fields, not an enum, so that a tensor travels in two
    /// registers.
    number: T,
    /// The numbers of any other.
    handle: Handle<T>,
}

impl<T: Float> Tensor<T> {
    /// A tensor of this shape with these numbers, row-major.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let x = Tensor::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    /// assert_eq!((x.shape()[1], x.data()[3]), (3, 4.0));                // the second row begins at 3
    /// ```
    ///
    /// # Panics
    /// If the numbers are not as many as the shape holds.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, data: Vec<T>) -> Tensor<T> {
        let shape = shape.into();
        assert!(
            shape.len() == data.len(),
            "a tensor of shape {shape} holds {} numbers, found {}",
            shape.len(),
            data.len()
        );
        if shape.rank() == 0 { Tensor::scalar(data[0]) } else { Tensor::block(Handle::adopt(shape, &data)) }
    }

    /// A single number, with no axes and no memory on the heap.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let x = Tensor::scalar(2.5);
    /// assert_eq!((x.shape().rank(), x.len(), x.item()), (0, 1, 2.5));
    /// ```
    #[inline]
    pub fn scalar(x: T) -> Tensor<T> {
        Tensor { number: x, handle: Handle::NONE }
    }

    fn block(handle: Handle<T>) -> Tensor<T> {
        Tensor { number: T::ZERO, handle }
    }

    /// A tensor in which every number is `x`. [`zeros`](Tensor::zeros) is this with 0.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// assert_eq!(Tensor::full([2, 2], 7.0).data(), [7.0; 4]);
    /// ```
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, x: T) -> Tensor<T> {
        Tensor::build(shape, Kind::Activation, |out| out.fill(x))
    }

    /// A tensor of zeros: [`full`](Tensor::full) with 0.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Tensor<T> {
        Tensor::full(shape, T::ZERO)
    }

    /// A tensor whose numbers `write` fills in, in a buffer from the pool.
    ///
    /// The buffer holds stale numbers: `write` must set every one. In a dry run `write` is not
    /// called. This and [`update`](Tensor::update) are the only doors through which numbers are
    /// written.
    ///
    /// ```
    /// use tandem_autograd::{Kind, Tensor};
    /// let squares = Tensor::<f64>::build([4], Kind::Activation, |out| {
    ///     out.iter_mut().enumerate().for_each(|(i, x)| *x = (i * i) as f64);
    /// });
    /// assert_eq!(squares.data(), [0.0, 1.0, 4.0, 9.0]);
    /// ```
    #[track_caller]
    pub fn build(shape: impl Into<Shape>, kind: Kind, write: impl FnOnce(&mut [T])) -> Tensor<T> {
        let shape = shape.into();
        if shape.rank() == 0 {
            let mut x = [T::NAN];
            if !is_dry::<T>() {
                write(&mut x);
            }
            return Tensor::scalar(x[0]);
        }
        Tensor::block(Handle::build(shape, kind, write))
    }

    /// Changes the numbers in place, or in a copy if another tensor shares them. In a dry run `write` is called for a
    /// single number alone.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let mut x = Tensor::new([3], vec![1.0, 2.0, 4.0]);
    /// x.update(|x| x.reverse());
    /// assert_eq!(x.data(), [4.0, 2.0, 1.0]);
    /// ```
    pub fn update(&mut self, write: impl FnOnce(&mut [T])) {
        self.make_unique();
        match self.handle.unique() {
            None => write(std::slice::from_mut(&mut self.number)),
            Some(block) if !is_dry::<T>() => write(&mut block.data),
            Some(_) => {}
        }
    }

    fn make_unique(&mut self) {
        if !self.handle.is_unique()
            && let Some(block) = self.handle.block()
        {
            *self = Tensor::build(block.shape, block.kind, |out| out.copy_from_slice(self.data()));
        }
    }

    /// Whether no other tensor shares the numbers, so that they may be overwritten.
    pub(crate) fn is_unique(&self) -> bool {
        self.handle.is_unique()
    }

    /// The shape.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.handle.block().map_or(Shape::SCALAR, |block| block.shape)
    }

    /// How many numbers there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.handle.block().map_or(1, |block| block.shape.len())
    }

    /// Whether there are no numbers: some axis has length 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, row-major. Empty in a dry run, unless the tensor is a single number.
    #[inline]
    pub fn data(&self) -> &[T] {
        match self.handle.block() {
            None => std::slice::from_ref(&self.number),
            Some(block) => &block.data,
        }
    }

    /// The number in a tensor that holds just one. NaN in a dry run.
    ///
    /// # Panics
    /// If there are more or fewer.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(self.len() == 1, "item() takes a tensor of one number, found shape {}", self.shape());
        self.data().first().copied().unwrap_or(T::NAN)
    }

    /// The number itself, if the tensor has no axes.
    #[inline]
    pub(crate) fn number(&self) -> Option<T> {
        if self.handle.block().is_none() { Some(self.number) } else { None }
    }

    /// The same numbers under another shape, without a copy if nobody shares them.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let x = Tensor::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).reshape([3, 2]);
    /// assert_eq!(x, Tensor::new([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    /// ```
    ///
    /// # Panics
    /// If the new shape holds more or fewer numbers.
    #[track_caller]
    pub fn reshape(mut self, shape: impl Into<Shape>) -> Tensor<T> {
        let shape = shape.into();
        assert!(
            shape.len() == self.len(),
            "reshape from {} to {shape}: {} numbers against {}",
            self.shape(),
            self.len(),
            shape.len()
        );
        if shape == self.shape() {
            return self;
        }
        if shape.rank() > 0
            && let Some(block) = self.handle.unique()
        {
            block.shape = shape;
            return self;
        }
        let kind = self.handle.block().map_or(Kind::Activation, |block| block.kind);
        Tensor::build(shape, kind, |out| out.copy_from_slice(self.data()))
    }

    /// Says what the memory of this tensor is for, if nobody shares it; otherwise nothing changes. The example of
    /// what this counts for is at [`bytes_of`](Tensor::bytes_of).
    pub fn mark(&mut self, kind: Kind) {
        self.handle.mark(kind);
    }

    /// Bytes of the block, if it is for this. A tensor without axes has no block.
    ///
    /// ```
    /// use tandem_autograd::{Kind, Tensor};
    /// let matrix = Tensor::<f32>::build([2, 3], Kind::Optimizer, |numbers| numbers.fill(0.0));
    /// assert_eq!((matrix.bytes_of(Kind::Optimizer), matrix.bytes_of(Kind::Parameter)), (24, 0));
    /// ```
    pub fn bytes_of(&self, kind: Kind) -> usize {
        self.handle.block().filter(|block| block.kind == kind).map_or(0, |block| block.bytes())
    }

    /// Whether both refer to the same block. Tensors without axes have none.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let x = Tensor::<f32>::zeros([3]);
    /// let mut y = x.clone();
    /// assert!(x.shares_memory_with(&y));
    /// y.update(|y| y[0] = 1.0);
    /// assert!(!x.shares_memory_with(&y));
    /// ```
    pub fn shares_memory_with(&self, other: &Tensor<T>) -> bool {
        match (self.handle.block(), other.handle.block()) {
            (Some(a), Some(b)) => std::sync::Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The same numbers as another element type, each rounded to the nearest.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let x = Tensor::<f64>::scalar(0.1).cast::<f32>();
    /// assert_eq!(x.item(), 0.1_f32);
    /// ```
    pub fn cast<U: Float>(&self) -> Tensor<U> {
        self.cast_for(Kind::Activation)
    }

    pub(crate) fn cast_for<U: Float>(&self, kind: Kind) -> Tensor<U> {
        Tensor::build(self.shape(), kind, |out| {
            for (to, from) in out.iter_mut().zip(self.data()) {
                *to = U::from_f64(from.to_f64());
            }
        })
    }
}

/// Scratch numbers for one kernel call, from the pool and back to it.
pub(crate) fn scratch<T: Float>(len: usize) -> Tensor<T> {
    Tensor::build([len], Kind::Workspace, |_| {})
}

impl<T: Float> From<T> for Tensor<T> {
    fn from(x: T) -> Tensor<T> {
        Tensor::scalar(x)
    }
}

impl<T: Float> PartialEq for Tensor<T> {
    fn eq(&self, other: &Tensor<T>) -> bool {
        self.shape() == other.shape() && self.data() == other.data()
    }
}

impl<T: Float> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if let Some(x) = self.number() {
            return write!(f, "{x}");
        }
        write!(f, "{} ", self.shape())?;
        let mut list = f.debug_list();
        list.entries(self.data().iter().take(SHOWN));
        if self.len() > SHOWN { list.finish_non_exhaustive() } else { list.finish() }
    }
}
