//! Choosing between numbers, and what is composed of that at kinks.

use super::elementwise::{broadcast_shapes, constant};
use super::reduce::broadcast;
use crate::kernels::elementwise::each;
use crate::{Float, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// z = x where c is not 0, else y. Operands c, x, y, broadcast to one shape.
///
/// x̄ = z̄ where c is not 0, else 0;  ȳ = 0 where c is not 0, else z̄;  no gradient passes to c.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, ops::Choose};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let [c, x, y] = [[1.0, 0.0], [2.0, 3.0], [5.0, 7.0]].map(|row| tape.input(Tensor::new([2], row.to_vec())));
/// let z = Var::apply_op(Choose, [c, x.clone(), y]);
/// assert_eq!(z.value().data(), [2.0, 7.0]);
/// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [1.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Choose;

impl<T: Float> Op<T> for Choose {
    fn name(&self) -> &'static str {
        "choose"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        broadcast_shapes(x[1], x[2]).and_then(|chosen| broadcast_shapes(x[0], chosen))
    }
    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(0)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let [c, x, y] = x else { unreachable!("choose has three operands") };
        if out.shape.rank() == 0 {
            return if c.item() == T::ZERO { y.clone() } else { x.clone() };
        }
        let wide = |t: &Tensor<T>| if t.shape() == out.shape { t.clone() } else { broadcast(t, out) };
        let c = wide(c);
        // Into x itself, where nothing else refers to it.
        let mut z =
            if x.shape() == out.shape { std::mem::replace(x, Tensor::scalar(T::ZERO)) } else { broadcast(x, out) };
        if let Some(y) = y.number() {
            z.update(|z| each([z], [c.data()], move |[z], [c]| [if c == T::ZERO { y } else { z }]));
        } else {
            let y = wide(y);
            z.update(|z| each([z], [c.data(), y.data()], |[z], [c, y]| [if c == T::ZERO { y } else { z }]));
        }
        z.mark(out.kind);
        z
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        if r.needs(1) {
            r.add(1, r.x(0).choose(g.clone(), 0.0));
        }
        if r.needs(2) {
            let zero = g.constant(T::ZERO);
            r.add(2, Var::apply(Choose, [r.x(0), zero, g]));
        }
    }
}

/// A variable, by value or by reference, or one number for all places: what methods such as
/// [`maximum`](Var::maximum) take beside their own.
///
/// ```
/// # use tandem_autograd::{Params, Tape, Tensor, Var};
/// # let params = Params::<f64>::new();
/// # let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([2], vec![1.0, 4.0]));
/// let zeros = tape.constant(Tensor::new([2], vec![0.0; 2]));
/// assert_eq!(x.greater(&zeros).value(), x.greater(0.0).value());
/// ```
pub trait IntoVar<'t, T: Float> {
    /// As a variable of the tape that `of` is on.
    fn into_var(self, of: &Var<'t, T>) -> Var<'t, T>;
}

impl<'t, T: Float, V: Into<Var<'t, T>>> IntoVar<'t, T> for V {
    fn into_var(self, _: &Var<'t, T>) -> Var<'t, T> {
        self.into()
    }
}

impl<'t, T: Float> IntoVar<'t, T> for f64 {
    fn into_var(self, of: &Var<'t, T>) -> Var<'t, T> {
        of.constant(T::from_f64(self))
    }
}

/// 1 where it holds, else 0.
fn truth<T: Float>(holds: bool) -> T {
    if holds { T::ONE } else { T::ZERO }
}

/// Comparisons have no derivative: their results are constants, 1 where they hold and 0 where not.
/// What they compare with is another variable, or a number.
impl<'t, T: Float> Var<'t, T> {
    /// 1 where this is greater, else 0, broadcast as in arithmetic: a constant. A NaN is not greater.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([3], vec![-1.0, 0.0, 2.0]));
    /// assert_eq!(x.greater(0.0).value().data(), [0.0, 0.0, 1.0]);
    /// assert_eq!(x.less(0.0).value().data(), [1.0, 0.0, 0.0]);
    /// assert_eq!(x.equal(0.0).value().data(), [0.0, 1.0, 0.0]);
    /// assert_eq!(x.sign().value().data(), [-1.0, 0.0, 1.0]);
    /// assert!(!x.greater(0.0).is_recorded());
    /// ```
    #[track_caller]
    pub fn greater(&self, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        constant("greater", self, &y.into_var(self), |x, y| truth(x > y))
    }

    /// 1 where this is less, else 0: a constant; the example is at [`greater`](Var::greater).
    #[track_caller]
    pub fn less(&self, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        constant("less", self, &y.into_var(self), |x, y| truth(x < y))
    }

    /// 1 where both are equal, else 0: a constant; the example is at [`greater`](Var::greater). A NaN equals
    /// nothing.
    #[track_caller]
    pub fn equal(&self, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        constant("equal", self, &y.into_var(self), |x, y| truth(x == y))
    }

    /// −1, 0 or 1, as each number is negative, zero or positive: a constant; the example is at
    /// [`greater`](Var::greater). NaN for a NaN.
    #[track_caller]
    pub fn sign(&self) -> Var<'t, T> {
        let of = |x: T| if x > T::ZERO { T::ONE } else { -T::ONE };
        constant("sign", self, &self.constant(T::ZERO), |x, zero| if x == zero || x.is_nan() { x } else { of(x) })
    }

    /// x where this is not 0, else y; no gradient passes to this. In PyTorch this is called `torch.where`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let params = Params::<f64>::new();
    /// let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([3], vec![-2.0, 1.0, 5.0]));
    /// let z = x.greater(0.0).choose(&x, &x * 0.1);               // a leaky ReLU
    /// assert_eq!(z.value().data(), [-0.2, 1.0, 5.0]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0.1, 1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn choose(self, x: impl IntoVar<'t, T>, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        let (x, y) = (x.into_var(&self), y.into_var(&self));
        Var::apply(Choose, [self, x, y])
    }

    /// The larger of both; where they are equal, this one, and the gradient is this one's alone. A NaN
    /// is the larger.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let (x, y) = (tape.input(2.0), tape.input(2.0));
    /// let z = x.clone().maximum(&y);
    /// let gradients = z.backward();
    /// assert_eq!((gradients.wrt(&x).unwrap().item(), gradients.wrt(&y).unwrap().item()), (1.0, 0.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(self, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        let y = y.into_var(&self);
        constant("maximum", &self, &y, |x, y| truth(x >= y || x.is_nan())).choose(self, y)
    }

    /// The smaller of both; where they are equal, this one, and the gradient is this one's alone. A NaN
    /// is the smaller.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([3], vec![-2.0, 1.0, 5.0]));
    /// assert_eq!(x.minimum(2.0).value().data(), [-2.0, 1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(self, y: impl IntoVar<'t, T>) -> Var<'t, T> {
        let y = y.into_var(&self);
        constant("minimum", &self, &y, |x, y| truth(x <= y || x.is_nan())).choose(self, y)
    }

    /// min(max(x, low), high) of each number. At a bound, as beyond it, the gradient is 0. A NaN stays one.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([4], vec![-2.0, 0.5, 1.0, 5.0]));
    /// let z = x.clone().clamp(0.0, 1.0);
    /// assert_eq!(z.value().data(), [0.0, 0.5, 1.0, 1.0]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0.0, 1.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Var<'t, T> {
        let [low, high] = [low, high].map(|bound| self.constant(T::from_f64(bound)));
        high.minimum(low.maximum(self))
    }

    /// |x| of each number: x · sign x,  x̄ = z̄ · sign x. The derivative at 0 is 0.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([3], vec![-2.0, 0.0, 3.0]));
    /// let z = x.clone().abs();
    /// assert_eq!(z.value().data(), [2.0, 0.0, 3.0]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [-1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn abs(self) -> Var<'t, T> {
        let sign = self.sign();
        self * sign
    }
}
