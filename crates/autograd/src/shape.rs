//! Shapes of at most six axes, broadcasting, and what is said when shapes do not fit.

use std::fmt;
use std::ops::Index;

/// The most axes a tensor can have: an unshared convolution's kernel has six
/// (output row, output column, kernel row, kernel column, input channel, output channel).
///
/// ```
/// use tandem_autograd::{MAX_RANK, Shape};
/// assert_eq!(Shape::new(&[1; MAX_RANK]).rank(), 6);
/// assert!(std::panic::catch_unwind(|| Shape::new(&[1; MAX_RANK + 1])).is_err());
/// ```
pub const MAX_RANK: usize = 6;

/// The lengths of a tensor's axes, outermost first. `Copy`, 32 bytes, never on the heap.
///
/// ```
/// use tandem_autograd::Shape;
/// let s = Shape::from([2, 3]);
/// assert_eq!((s.rank(), s.len(), s[1]), (2, 6, 3));
/// assert_eq!(s.to_string(), "[2, 3]");
/// assert_eq!(s.broadcast(&Shape::from([3])), Some(s));
/// ```
#[derive(Clone, Copy, Eq, Default)]
pub struct Shape {
    // Two whole registers: a copy of 28 bytes, made of overlapping moves, costs a stall at each read.
    dims: [u32; MAX_RANK],
    rank: u64,
}

impl Shape {
    /// The shape of a single number: no axes.
    pub const SCALAR: Shape = Shape { dims: [0; MAX_RANK], rank: 0 };

    /// A shape with the given axis lengths.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// assert_eq!(Shape::new(&[2, 3]), Shape::from([2, 3]));
    /// assert_eq!(Shape::new(&[]), Shape::SCALAR);
    /// ```
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`] axes, or one does not fit in 32 bits.
    #[track_caller]
    pub fn new(dims: &[usize]) -> Shape {
        assert!(dims.len() <= MAX_RANK, "a shape has at most {MAX_RANK} axes, found {}: {dims:?}", dims.len());
        let mut shape = Shape { dims: [0; MAX_RANK], rank: dims.len() as u64 };
        for (to, &from) in shape.dims.iter_mut().zip(dims) {
            *to = length(from);
        }
        shape
    }

    /// How many axes there are.
    #[inline]
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// How many numbers a tensor of this shape holds: the product of the axes, 1 for a scalar.
    #[inline]
    pub fn len(&self) -> usize {
        self.dims().iter().map(|&d| d as usize).product()
    }

    /// Whether some axis has length 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The axis lengths.
    #[inline]
    pub fn dims(&self) -> &[u32] {
        &self.dims[..self.rank as usize]
    }

    /// The axis lengths as `usize`.
    pub fn to_vec(&self) -> Vec<usize> {
        self.dims().iter().map(|&d| d as usize).collect()
    }

    /// The same shape with axis `axis` of length `len`.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// assert_eq!(Shape::from([2, 3]).with(1, 7), Shape::from([2, 7]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn with(mut self, axis: usize, len: usize) -> Shape {
        assert!(axis < self.rank(), "axis {axis} of a shape with {} axes", self.rank());
        self.dims[axis] = length(len);
        self
    }

    /// `before` axes of this shape, then the axes of `tail`.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// assert_eq!(Shape::from([5, 8, 9]).join(1, &[4, 2]), Shape::from([5, 4, 2]));
    /// ```
    ///
    /// # Panics
    /// If this has fewer than `before` axes, or the result more than [`MAX_RANK`].
    #[track_caller]
    pub fn join(&self, before: usize, tail: &[usize]) -> Shape {
        let rank = before + tail.len();
        assert!(before <= self.rank(), "{before} axes of {self}, which has {}", self.rank());
        assert!(rank <= MAX_RANK, "a shape has at most {MAX_RANK} axes, found {rank}: {self}, then {tail:?}");
        let mut shape = Shape { dims: [0; MAX_RANK], rank: rank as u64 };
        shape.dims[..before].copy_from_slice(&self.dims[..before]);
        tail.iter().enumerate().fold(shape, |shape, (i, &len)| shape.with(before + i, len))
    }

    /// The shape of a batch of `n` examples of this shape: one more axis in front.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// let image = Shape::from([8, 8, 1]);
    /// assert_eq!(image.batched(32), Shape::from([32, 8, 8, 1]));
    /// assert_eq!(image.batched(32).example(), image);
    /// ```
    ///
    /// # Panics
    /// If there are [`MAX_RANK`] axes already.
    #[track_caller]
    pub fn batched(&self, n: usize) -> Shape {
        let mut shape = Shape::from([n]);
        assert!(self.rank() < MAX_RANK, "a batch of {self} would have more than {MAX_RANK} axes");
        shape.dims[1..=self.rank()].copy_from_slice(self.dims());
        shape.rank += self.rank;
        shape
    }

    /// The shape of one example of a batch of this shape: without the axis in front. The reverse of
    /// [`batched`](Shape::batched).
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn example(&self) -> Shape {
        assert!(self.rank() > 0, "a number has no axis for a batch");
        let mut shape = Shape { dims: [0; MAX_RANK], rank: self.rank - 1 };
        shape.dims[..self.rank() - 1].copy_from_slice(&self.dims()[1..]);
        shape
    }

    /// The shape that both broadcast to, with NumPy's rule: axes are aligned at the end, and an
    /// axis of length 1 (or a missing one) is repeated. `None` if they do not fit.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// let column = Shape::from([4, 1]);
    /// assert_eq!(column.broadcast(&Shape::from([3])), Some(Shape::from([4, 3])));
    /// assert_eq!(column.broadcast(&Shape::from([3, 2])), None);
    /// ```
    #[inline]
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        if self == other {
            return Some(*self);
        }
        self.broadcast_axes(other)
    }

    fn broadcast_axes(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let mut out = Shape { dims: [0; MAX_RANK], rank: rank as u64 };
        for i in 0..rank {
            out.dims[i] = match (self.aligned(i, rank), other.aligned(i, rank)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(out)
    }

    /// The length of axis `i` of `rank` axes aligned at the end; 1 where this shape has none.
    pub(crate) fn aligned(&self, i: usize, rank: usize) -> u32 {
        let missing = rank - self.rank();
        if i < missing { 1 } else { self.dims[i - missing] }
    }

    /// For each axis of `out`, how far a step along it moves in a dense tensor of this shape:
    /// 0 where this shape is repeated.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// let out = Shape::from([5, 2, 3]);
    /// assert_eq!(out.strides_in(&out)[..3], [6, 3, 1]);
    /// assert_eq!(Shape::from([2, 1]).strides_in(&out)[..3], [0, 1, 0]);
    /// ```
    pub fn strides_in(&self, out: &Shape) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for i in (0..out.rank()).rev() {
            let len = self.aligned(i, out.rank()) as usize;
            strides[i] = if len == 1 { 0 } else { step };
            step *= len;
        }
        strides
    }

    /// Whether `out` is this shape with further axes in front: then broadcasting repeats the
    /// whole block, which is how a bias meets a batch.
    ///
    /// ```
    /// use tandem_autograd::Shape;
    /// let [batch, bias, column] = [Shape::from([32, 10]), Shape::from([10]), Shape::from([32, 1])];
    /// assert!(bias.is_suffix_of(&batch) && !column.is_suffix_of(&batch));
    /// ```
    pub fn is_suffix_of(&self, out: &Shape) -> bool {
        self.rank() <= out.rank() && out.dims().ends_with(self.dims())
    }
}

/// An axis of this length.
#[track_caller]
fn length(len: usize) -> u32 {
    let Ok(fits) = u32::try_from(len) else { panic!("an axis has at most {} places, found {len}", u32::MAX) };
    fits
}

impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Shape) -> bool {
        // Unused axes are 0, and numbers without axes are compared most.
        self.rank == other.rank && (self.rank == 0 || self.dims == other.dims)
    }
}

impl Index<usize> for Shape {
    type Output = u32;
    #[track_caller]
    fn index(&self, axis: usize) -> &u32 {
        &self.dims()[axis]
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(dims: [usize; N]) -> Shape {
        Shape::new(&dims)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(dims: &[usize]) -> Shape {
        Shape::new(dims)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an op cannot take operands of these shapes. The tape adds the op's name and the shapes
/// and panics at the caller's line.
///
/// ```
/// use tandem_autograd::{Op, Shape, ops::MatMul};
/// let plain = MatMul { tx: false, ty: false };
/// let error = Op::<f32>::shape(&plain, &[Shape::from([2, 3]), Shape::from([4, 5])]).unwrap_err();
/// assert!(error.to_string().contains("has length 3"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError(pub String);

impl ShapeError {
    /// An error with this reason.
    pub fn new(reason: impl Into<String>) -> ShapeError {
        ShapeError(reason.into())
    }

    /// `Err` with the reason unless `holds`; the reason is only built when it is needed.
    ///
    /// ```
    /// use tandem_autograd::ShapeError;
    /// assert!(ShapeError::unless(2 + 2 == 4, || unreachable!()).is_ok());
    /// assert_eq!(ShapeError::unless(false, || "odd".into()), Err(ShapeError::new("odd")));
    /// ```
    ///
    /// # Errors
    /// If `holds` is false.
    pub fn unless(holds: bool, reason: impl FnOnce() -> String) -> Result<(), ShapeError> {
        if holds { Ok(()) } else { Err(ShapeError(reason())) }
    }

    /// `Err` unless a tensor of this shape has this axis.
    pub(crate) fn unless_axis(axis: usize, shape: Shape) -> Result<(), ShapeError> {
        let rank = shape.rank();
        ShapeError::unless(axis < rank, || format!("axis {axis} is out of range for {rank} axes"))
    }

    /// The shape with axis `axis` of length `len`, or `Err` if no axis can be so long.
    pub(crate) fn unless_long(shape: Shape, axis: usize, len: usize) -> Result<Shape, ShapeError> {
        ShapeError::unless(u32::try_from(len).is_ok(), || {
            format!("axis {axis} would have {len} places, of at most {}", u32::MAX)
        })?;
        Ok(shape.with(axis, len))
    }
}

/// What `found` holds, or a panic at the caller's line that names the method which was called and the shapes
/// which it was handed.
#[track_caller]
#[inline]
pub(crate) fn fit<R>(method: &str, shapes: &[Shape], found: Result<R, ShapeError>) -> R {
    // Not in a closure, which would not know the caller's line.
    match found {
        Ok(found) => found,
        Err(error) => panic!("{method}({}): {error}", list(shapes)),
    }
}

/// The shapes of operands for a message.
pub(crate) fn list(shapes: &[Shape]) -> String {
    shapes.iter().map(Shape::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ShapeError {}
