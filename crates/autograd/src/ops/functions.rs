//! The functions of each number, as methods: powers, eˣ and ln, and those that bend.

use super::{Erf, Exp, Ln, Power, Relu, Sigmoid, Tanh};
use crate::float::Float;
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// xᵖ of each number, x̄ = z̄ · p · xᵖ⁻¹. For a p that is not a whole number, x must not be negative: the
    /// result is NaN there. With p = 0 the gradient is 0, also at x = 0.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![2.0, 4.0]));
    /// let z = x.clone().powf(1.5);
    /// assert_eq!(z.value().data()[1], 8.0);                                   // 4 · √4
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data()[1], 3.0);         // 1.5 · √4
    /// ```
    #[track_caller]
    pub fn powf(self, p: f64) -> Var<'t, T> {
        Var::apply(Power(p), [self])
    }

    /// x² of each number, x̄ = 2x · z̄. Of a sum of squares the gradient is right at 0 too, where that of a norm
    /// would be 0/0: penalties are made of this.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(-3.0);
    /// let z = x.clone().square();
    /// assert_eq!((z.item(), z.backward().wrt(&x).unwrap().item()), (9.0, -6.0));
    /// ```
    #[track_caller]
    pub fn square(self) -> Var<'t, T> {
        self.powf(2.0)
    }

    /// √x of each number, x̄ = z̄ / (2√x). The gradient at 0 is infinite;
    /// [`norm_axes`](Var::norm_axes) avoids that.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Var};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(4.0);
    /// let z = x.clone().sqrt();
    /// assert_eq!((z.item(), z.backward().wrt(&x).unwrap().item()), (2.0, 0.25));
    /// ```
    #[track_caller]
    pub fn sqrt(self) -> Var<'t, T> {
        self.powf(0.5)
    }

    /// eˣ of each number, x̄ = z̄ · z: the result is its own derivative.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(1.0);
    /// let z = x.clone().exp();
    /// assert_eq!(z.item(), std::f64::consts::E);
    /// assert_eq!(z.item(), z.backward().wrt(&x).unwrap().item());
    /// ```
    #[track_caller]
    pub fn exp(self) -> Var<'t, T> {
        Var::apply(Exp, [self])
    }

    /// ln x of each number, x̄ = z̄ / x. −∞ at 0, NaN below it.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(4.0);
    /// let z = x.clone().ln();
    /// assert_eq!((z.item(), z.backward().wrt(&x).unwrap().item()), (4f64.ln(), 0.25));
    /// ```
    #[track_caller]
    pub fn ln(self) -> Var<'t, T> {
        Var::apply(Ln, [self])
    }

    /// tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) of each number, x̄ = z̄ · (1 − z²).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(0.5);
    /// let z = x.clone().tanh();
    /// let slope = 1.0 - z.item() * z.item();
    /// assert_eq!((z.item(), z.backward().wrt(&x).unwrap().item()), (0.5f64.tanh(), slope));
    /// ```
    #[track_caller]
    pub fn tanh(self) -> Var<'t, T> {
        Var::apply(Tanh, [self])
    }

    /// 1 / (1 + e⁻ˣ) of each number, the logistic function, x̄ = z̄ · z · (1 − z). Nothing overflows, whatever
    /// the size of x.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([2], vec![0.0, -1000.0]));
    /// let z = x.clone().sigmoid();
    /// assert_eq!(z.value().data(), [0.5, 0.0]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0.25, 0.0]);
    /// ```
    #[track_caller]
    pub fn sigmoid(self) -> Var<'t, T> {
        Var::apply(Sigmoid, [self])
    }

    /// The error function of each number: erf x = 2/√π ∫₀ˣ e^(−t²) dt, x̄ = z̄ · 2/√π · e^(−x²). What
    /// [`gelu`](Var::gelu) is made of.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Var};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(0.0);
    /// let z = x.clone().erf();
    /// let slope = std::f64::consts::FRAC_2_SQRT_PI;
    /// assert_eq!((z.item(), z.backward().wrt(&x).unwrap().item()), (0.0, slope));
    /// ```
    #[track_caller]
    pub fn erf(self) -> Var<'t, T> {
        Var::apply(Erf, [self])
    }

    /// max(x, 0) of each number, x̄ = z̄ where x > 0, else 0: the derivative at 0 is 0. A NaN passes and is seen.
    /// See Deep Learning, section 6.3.1.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([3], vec![-2.0, 0.0, 3.0]));
    /// let z = x.clone().relu();
    /// assert_eq!(z.value().data(), [0.0, 0.0, 3.0]);
    /// assert_eq!(z.sum().backward().wrt(&x).unwrap().data(), [0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn relu(self) -> Var<'t, T> {
        Var::apply(Relu, [self])
    }
}
