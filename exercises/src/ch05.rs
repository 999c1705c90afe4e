//! Chapter 5: rules written once.

use tandem::autograd::{Float, Needs, Op, Out, Params, Rule, Saves, Shape, ShapeError, Tape, Tensor, Var};

/// z = ln(1 + x²), number by number: a penalty that grows ever more slowly. An op of your own.
///
/// `T::ONE` is 1, and a `Float` has `ln`. A rule is written in `Var`s, which have `square` and operators with numbers.
pub struct LogPlus;

impl<T: Float> Op<T> for LogPlus {
    fn name(&self) -> &'static str {
        "log_plus"
    }

    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        todo!("ch05::LogPlus, shape")
    }

    fn saves(&self, needs: Needs) -> Saves {
        todo!("ch05::LogPlus, saves")
    }

    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        todo!("ch05::LogPlus, forward")
    }

    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        todo!("ch05::LogPlus, vjp")
    }
}

/// The Hessian of f at w, times v: the gradient of ⟨∇f, v⟩. f gives a single number.
pub fn hessian_vector(f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>, w: &[f64], v: &[f64]) -> Vec<f64> {
    todo!("ch05::hessian_vector")
}

/// One step of Newton's method towards an extremum of f: w − f′(w) / f″(w).
pub fn newton(f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>, w: f64) -> f64 {
    todo!("ch05::newton")
}

/// The largest curvature of f at w, by `rounds` products with the Hessian, beginning with v, and each result brought to
/// length 1 for the next: the length of the last product.
pub fn largest_curvature(
    f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>,
    w: &[f64],
    v: &[f64],
    rounds: usize,
) -> f64 {
    todo!("ch05::largest_curvature")
}

/// z = x³, number by number.
///
/// Its rule is wrong on purpose. It is right to first order.
pub struct Cube;

impl<T: Float> Op<T> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0])
    }

    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(0)
    }

    fn forward(&self, x: &mut [Tensor<T>], _: Out) -> Tensor<T> {
        let mut z = x[0].clone();
        z.update(|z| z.iter_mut().for_each(|z| *z = *z * *z * *z));
        z
    }

    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let mut slope = rule.x(0).into_value();
        slope.update(|x| x.iter_mut().for_each(|x| *x = T::from_f64(3.0) * *x * *x));
        let slope = g.constant(slope);
        rule.add(0, g * slope);
    }
}
