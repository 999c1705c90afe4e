//! What an op is: a shape check, what it saves, a forward computation and a rule.

use crate::float::Float;
use crate::pool::Kind;
use crate::rule::Rule;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;
use crate::var::Var;

/// How many operands an op can choose between when it says what it saves. It may have more, but
/// none beyond these is saved.
pub(crate) const SAVABLE: usize = 31;

/// Which operands of a node are recorded, so that a gradient may be asked for: what an op is told when it says
/// what it [saves](Op::saves).
///
/// ```
/// use tandem_autograd::{Params, Tape};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let (x, y, c) = (tape.input(2.0), tape.input(3.0), tape.constant(5.0));
/// let _z = [&x * &y, &x * &c];
/// // z = x · y keeps y for x̄ and x for ȳ, 8 bytes each; x · c keeps c alone.
/// let kept: Vec<usize> = tape.graph().nodes[2..].iter().map(|node| node.kept).collect();
/// assert_eq!(kept, [16, 8]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs(u32);

impl Needs {
    pub(crate) fn new(recorded: impl Iterator<Item = bool>) -> Needs {
        Needs(recorded.take(SAVABLE).enumerate().fold(0, |bits, (i, recorded)| bits | u32::from(recorded) << i))
    }

    /// Whether the gradient of operand `i` is needed.
    ///
    /// # Panics
    /// If `i` is more than 30.
    #[inline]
    #[track_caller]
    pub fn of(self, i: usize) -> bool {
        assert!(i < SAVABLE, "what an op saves can depend on its first {SAVABLE} operands, not on operand {i}");
        self.0 >> i & 1 == 1
    }
}

/// What a node keeps for its rule: some operands, perhaps the result. These are its residuals: memory from the
/// forward pass to the sweep.
///
/// ```
/// use tandem_autograd::Saves;
/// let both = Saves::operand(0).and(Saves::RESULT);
/// assert_eq!(both.when(false), Saves::NOTHING);
/// assert_eq!(Saves::NOTHING.and(both), both.when(true));
/// assert_ne!(Saves::operand(0), Saves::operand(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saves(u32);

impl Saves {
    /// Nothing: the rule needs only the cotangent.
    pub const NOTHING: Saves = Saves(0);
    /// The result.
    pub const RESULT: Saves = Saves(1 << 31);

    /// Operand `i`.
    ///
    /// # Panics
    /// If `i` is more than 30.
    #[track_caller]
    pub const fn operand(i: usize) -> Saves {
        assert!(i < SAVABLE, "an op can save any of its first 31 operands");
        Saves(1 << i)
    }

    /// This and that.
    #[must_use]
    pub const fn and(self, other: Saves) -> Saves {
        Saves(self.0 | other.0)
    }

    /// This if `wanted`, else nothing.
    #[must_use]
    pub const fn when(self, wanted: bool) -> Saves {
        if wanted { self } else { Saves::NOTHING }
    }

    /// What a product of two operands keeps: each for the other's gradient.
    #[inline]
    pub(crate) fn factors(needs: Needs) -> Saves {
        Saves::operand(1).when(needs.of(0)).and(Saves::operand(0).when(needs.of(1)))
    }

    #[inline]
    pub(crate) fn has_operand(self, i: usize) -> bool {
        i < SAVABLE && self.0 >> i & 1 == 1
    }

    #[inline]
    pub(crate) fn has_result(self) -> bool {
        self.0 >> 31 == 1
    }

    /// Where operand `i` stands among the residuals.
    #[inline]
    pub(crate) fn place(self, i: usize) -> usize {
        (self.0 & ((1 << i) - 1)).count_ones() as usize
    }

    /// Where the result stands among the residuals: behind the operands.
    #[inline]
    pub(crate) fn place_of_result(self) -> usize {
        self.place(SAVABLE)
    }
}

/// A result that is still to be computed: its shape, and what its memory is for.
///
/// ```
/// use tandem_autograd::{Kind, Out, Shape};
/// let out = Out { shape: Shape::from([3]), kind: Kind::Activation };
/// assert_eq!(out.build(|z| z.copy_from_slice(&[1.0, 2.0, 4.0])).data(), [1.0, 2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    /// The shape that [`Op::shape`] gave.
    pub shape: Shape,
    /// What the memory is for: a gradient, if the op computes a contribution to one.
    pub kind: Kind,
}

impl Out {
    /// The result, whose numbers `write` fills in; see [`Tensor::build`].
    pub fn build<T: Float>(self, write: impl FnOnce(&mut [T])) -> Tensor<T> {
        Tensor::build(self.shape, self.kind, write)
    }
}

/// A differentiable operation. In PyTorch this is called `autograd.Function`.
///
/// ```
/// use tandem_autograd::{Float, Needs, Op, Out, Params, Rule, Saves, Shape, ShapeError, Tape, Tensor, Var};
///
/// /// z = x³,  x̄ = z̄ · 3x²
/// #[derive(Clone)]
/// struct Cube;
///
/// impl<T: Float> Op<T> for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
///         Ok(x[0])
///     }
///     fn saves(&self, _: Needs) -> Saves {
///         Saves::operand(0)
///     }
///     fn forward(&self, x: &mut [Tensor<T>], _: Out) -> Tensor<T> {
///         let mut z = x[0].clone();
///         z.update(|z| z.iter_mut().for_each(|z| *z = *z * *z * *z));
///         z
///     }
///     fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
///         rule.add(0, g * rule.x(0).square() * 3.0);
///     }
/// }
///
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::scalar(2.0));
/// let z = Var::apply_op(Cube, [x.clone()]);
/// let [dx] = tape.grad(&z, [&x]);                // 3x² = 12
/// let [ddx] = tape.grad(&dx, [&x]);              // 6x = 12, from the same rule
/// assert_eq!((z.item(), dx.item(), ddx.item()), (8.0, 12.0, 12.0));
/// ```
pub trait Op<T: Float> {
    /// The name that messages and drawings show.
    fn name(&self) -> &'static str;

    /// The result's shape, from the operands'.
    ///
    /// # Errors
    /// If they do not fit; the tape turns this into a panic at the caller's line.
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError>;

    /// What the rule will want, given which operands are recorded. As little as possible: it is
    /// memory from here to the backward sweep. By default nothing.
    fn saves(&self, needs: Needs) -> Saves {
        let _ = needs;
        Saves::NOTHING
    }

    /// Computes the result, of the shape that [`shape`](Op::shape) gave. The operands are the op's
    /// own: where nothing else refers to one, its buffer may become the result.
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T>;

    /// The result for operands that are all single numbers without axes, if the op has it without a look at
    /// shapes: the short way of [`shape`](Op::shape) and [`forward`](Op::forward), which must give the same.
    #[inline]
    fn on_numbers(&self, x: &[T]) -> Option<T> {
        let _ = x;
        None
    }

    /// Adds the result to `sum`, if the op can do so without making it first, and says whether it did. `sum` has
    /// the result's shape and is nobody else's. By default it cannot.
    fn add_to(&self, x: &[&Tensor<T>], sum: &mut Tensor<T>) -> bool {
        let _ = (x, sum);
        false
    }

    /// The rule: given the cotangent of the result, adds each operand's contribution.
    ///
    /// Written in [`Var`]s: handed constants it computes, handed recorded variables it records
    /// itself, and so the derivative can be differentiated again.
    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>);
}
