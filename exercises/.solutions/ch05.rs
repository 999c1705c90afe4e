//! Chapter 5: rules written once.

use tandem::autograd::{Float, Needs, Op, Out, Params, Rule, Saves, Shape, ShapeError, Tape, Tensor, Var};

pub struct LogPlus;

/// z = ln(1 + x²),  x̄ = z̄ · 2x / (1 + x²)
impl<T: Float> Op<T> for LogPlus {
    fn name(&self) -> &'static str {
        "log_plus"
    }

    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0])
    }

    fn saves(&self, _: Needs) -> Saves {
        Saves::operand(0)
    }

    fn forward(&self, x: &mut [Tensor<T>], _: Out) -> Tensor<T> {
        let mut z = x[0].clone();
        z.update(|z| z.iter_mut().for_each(|z| *z = (T::ONE + *z * *z).ln()));
        z
    }

    fn vjp<'t>(&self, rule: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let x = rule.x(0);
        rule.add(0, g * 2.0 * &x / (1.0 + x.square()));
    }
}

pub fn hessian_vector(f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>, w: &[f64], v: &[f64]) -> Vec<f64> {
    let params = Params::new();
    let tape = Tape::new(&params);
    let w = tape.input(Tensor::new([w.len()], w.to_vec()));
    let v = tape.constant(Tensor::new([v.len()], v.to_vec()));
    let [gradient] = tape.grad(&f(&w), [&w]);
    let [product] = tape.grad(&(gradient * v).sum(), [&w]);
    product.value().data().to_vec()
}

pub fn newton(f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>, w: f64) -> f64 {
    let params = Params::new();
    let tape = Tape::new(&params);
    let x = tape.input(w);
    let [slope] = tape.grad(&f(&x), [&x]);
    let [curvature] = tape.grad(&slope, [&x]);
    w - slope.item() / curvature.item()
}

pub fn largest_curvature(
    f: impl for<'t> Fn(&Var<'t, f64>) -> Var<'t, f64>,
    w: &[f64],
    v: &[f64],
    rounds: usize,
) -> f64 {
    let (mut v, mut length) = (v.to_vec(), 0.0);
    for _ in 0..rounds {
        v = hessian_vector(&f, w, &v);
        length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= length);
    }
    length
}

pub struct Cube;

/// z = x³,  x̄ = z̄ · 3x²
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
        rule.add(0, g * 3.0 * rule.x(0).square());
    }
}
