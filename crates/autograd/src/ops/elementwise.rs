//! Ops that act on each number by itself, with broadcasting.

use super::reduce::broadcast;
use crate::kernels::elementwise::{each, stretches, zip_into};
use crate::kernels::wide::wide;
use crate::shape::fit;
use crate::{Float, Kind, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// A function of each number, in place where the operand is the op's alone: `f` of one number, or `all` of a stretch.
#[inline]
fn unary<T: Float>(
    x: &mut Tensor<T>,
    out: Out,
    f: impl Fn(T) -> T,
    all: impl Fn(&mut [T], Option<&[T]>) + Sync,
) -> Tensor<T> {
    if let Some(number) = x.number() {
        return Tensor::scalar(f(number));
    }
    if x.is_unique() {
        let mut x = std::mem::replace(x, Tensor::scalar(T::ZERO));
        x.update(|z| stretches(z, None, all));
        return x;
    }
    out.build(|z| stretches(z, Some(x.data()), all))
}

/// f of each pair of numbers of the two operands, broadcast to the result's shape.
#[inline]
pub(super) fn binary<T: Float>(x: &mut [Tensor<T>], out: Out, f: impl Fn(T, T) -> T + Sync) -> Tensor<T> {
    let [a, b] = x else { unreachable!("a binary op has two operands") };
    if a.shape() == out.shape {
        combine(a, b, out, f)
    } else if b.shape() == out.shape {
        combine(b, a, out, |b, a| f(a, b))
    } else {
        let mut wide = broadcast(a, out);
        combine(&mut wide, b, out, f)
    }
}

/// `a` has the result's shape; `b` is repeated.
fn combine<T: Float>(a: &mut Tensor<T>, b: &mut Tensor<T>, out: Out, f: impl Fn(T, T) -> T + Sync) -> Tensor<T> {
    if a.is_unique() {
        let mut a = std::mem::replace(a, Tensor::scalar(T::ZERO));
        a.update(|a| zip_into(a, out.shape, b.data(), b.shape(), f));
        return a;
    }
    if b.shape() != out.shape {
        return out.build(|z| {
            z.copy_from_slice(a.data());
            zip_into(z, out.shape, b.data(), b.shape(), f);
        });
    }
    if b.is_unique() {
        let mut b = std::mem::replace(b, Tensor::scalar(T::ZERO));
        b.update(|b| each([b], [a.data()], |[b], [a]| [f(a, b)]));
        return b;
    }
    out.build(|z| each([z], [a.data(), b.data()], |_, [a, b]| [f(a, b)]))
}

/// The shape that both broadcast to.
#[inline]
pub(super) fn broadcast_shapes(x: Shape, y: Shape) -> Result<Shape, ShapeError> {
    match x.broadcast(&y) {
        Some(shape) => Ok(shape),
        None => Err(misfit(x, y)),
    }
}

/// Says in which axis two shapes do not broadcast.
#[cold]
fn misfit(x: Shape, y: Shape) -> ShapeError {
    let rank = x.rank().max(y.rank());
    let lengths = |i: usize| (x.aligned(i, rank), y.aligned(i, rank));
    let differ = |i: &usize| matches!(lengths(*i), (x, y) if x != y && x != 1 && y != 1);
    let axis = (0..rank).rev().find(differ).expect("shapes that do not broadcast differ in some axis");
    let (x, y) = lengths(axis);
    ShapeError::new(format!("axis {axis} has lengths {x} and {y}, which do not broadcast (aligned at the end)"))
}

/// f of each pair of numbers, as a constant: for functions whose derivative is 0 or is not asked for.
#[track_caller]
pub(super) fn constant<'t, T: Float>(
    op: &str,
    x: &Var<'t, T>,
    y: &Var<'t, T>,
    f: impl Fn(T, T) -> T + Sync,
) -> Var<'t, T> {
    y.check_tape(x.core, op, 1);
    let shape = fit(op, &[x.shape(), y.shape()], broadcast_shapes(x.shape(), y.shape()));
    x.constant(binary(&mut [x.value.clone(), y.value.clone()], Out { shape, kind: Kind::Activation }, f))
}

/// An op of two operands: its formula, what it saves, its function, its rule.
macro_rules! binary_op {
    ($(#[$doc:meta])* $name:ident, $label:literal, |$needs:ident| $saves:expr, |$a:ident, $b:ident| $f:expr, |$r:ident, $g:ident| $rule:block) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<T: Float> Op<T> for $name {
            fn name(&self) -> &'static str {
                $label
            }
            #[inline]
            fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
                broadcast_shapes(x[0], x[1])
            }
            #[inline]
            fn saves(&self, $needs: Needs) -> Saves {
                $saves
            }
            #[inline]
            fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
                binary(x, out, |$a, $b| $f)
            }
            #[inline]
            fn on_numbers(&self, x: &[T]) -> Option<T> {
                let ($a, $b) = (x[0], x[1]);
                Some($f)
            }
            #[inline]
            fn vjp<'t>(&self, $r: &mut Rule<'_, 't, T>, $g: Var<'t, T>) $rule
        }
    };
}

/// An op of one operand, perhaps with a constant.
macro_rules! unary_op {
    ($(#[$doc:meta])* $name:ident $(($c:ident))?, $label:literal, $saves:expr, |$x:ident| $f:expr, |$r:ident, $g:ident| $rule:block) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name $((#[doc = concat!("The constant ", stringify!($c), ".")] pub f64))?;

        impl<T: Float> Op<T> for $name {
            fn name(&self) -> &'static str {
                $label
            }
            fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
                Ok(x[0])
            }
            fn saves(&self, _: Needs) -> Saves {
                $saves
            }
            fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
                wide! {
                    fn all[T: Float](z: &mut [T], x: Option<&[T]>, c: T) {
                        let _ = c;
                        $(let $c = c;)?
                        match x {
                            None => for z in z {
                                let $x = *z;
                                *z = $f;
                            },
                            Some(x) => for (z, &$x) in z.iter_mut().zip(x) {
                                *z = $f;
                            },
                        }
                    }
                }
                let c = T::ZERO $(+ { let $c = T::from_f64(self.0); $c })?;
                $(let $c = c;)?
                unary(&mut x[0], out, |$x| $f, |z, x| all(z, x, c))
            }
            #[inline]
            fn on_numbers(&self, x: &[T]) -> Option<T> {
                $(let $c = T::from_f64(self.0);)?
                let $x = x[0];
                Some($f)
            }
            #[inline]
            fn vjp<'t>(&self, $r: &mut Rule<'_, 't, T>, $g: Var<'t, T>) {
                $(let $c = self.0;)?
                $rule
            }
        }
    };
}

binary_op!(
    /// z = x + y, broadcast to one shape,  x̄ = z̄,  ȳ = z̄; the operators' example is at [`Var`].
    Add, "add", |_needs| Saves::NOTHING, |x, y| x + y, |r, g| {
        r.add(0, g.clone());
        r.add(1, g);
    }
);

binary_op!(
    /// z = x − y, broadcast to one shape,  x̄ = z̄,  ȳ = −z̄
    Sub, "sub", |_needs| Saves::NOTHING, |x, y| x - y, |r, g| {
        r.add(0, g.clone());
        if r.needs(1) {
            r.add(1, -g);
        }
    }
);

binary_op!(
    /// z = x · y, broadcast to one shape,  x̄ = z̄ · y,  ȳ = z̄ · x
    Mul, "mul", |needs| Saves::factors(needs), |x, y| x * y, |r, g| {
        if r.needs(0) {
            r.add(0, &g * r.x(1));
        }
        if r.needs(1) {
            r.add(1, g * r.x(0));
        }
    }
);

binary_op!(
    /// z = x / y, broadcast to one shape,  x̄ = z̄ / y,  ȳ = −z̄ · z / y
    Div, "div", |needs| Saves::operand(1).and(Saves::RESULT.when(needs.of(1))), |x, y| x / y, |r, g| {
        let quotient = g / r.x(1);
        if r.needs(1) {
            r.add(1, -(&quotient * r.result()));
        }
        r.add(0, quotient);
    }
);

unary_op!(
    /// z = c · x,  x̄ = c · z̄
    Scale(c), "scale", Saves::NOTHING, |x| c * x, |r, g| {
        r.add(0, g.scale(c));
    }
);

unary_op!(
    /// z = x + c,  x̄ = z̄
    Shift(c), "shift", Saves::NOTHING, |x| x + c, |r, g| {
        let _ = c;
        r.add(0, g);
    }
);

unary_op!(
    /// z = xᵖ,  x̄ = z̄ · p · xᵖ⁻¹; see [`Var::powf`].
    Power(p), "power", Saves::operand(0), |x| power(x, p), |r, g| {
        if p != 0.0 {
            r.add(0, g * r.x(0).powf(p - 1.0) * p);
        }
    }
);

/// xᵖ, with the exponents that matter done exactly and fast.
fn power<T: Float>(x: T, p: T) -> T {
    match p.to_f64() {
        0.0 => T::ONE,
        1.0 => x,
        2.0 => x * x,
        3.0 => x * x * x,
        0.5 => x.sqrt(),
        -1.0 => T::ONE / x,
        _ => x.powf(p),
    }
}

unary_op!(
    /// z = eˣ,  x̄ = z̄ · z; see [`Var::exp`].
    Exp, "exp", Saves::RESULT, |x| x.exp(), |r, g| {
        r.add(0, g * r.result());
    }
);

unary_op!(
    /// z = ln x,  x̄ = z̄ / x; see [`Var::ln`].
    Ln, "ln", Saves::operand(0), |x| x.ln(), |r, g| {
        r.add(0, g / r.x(0));
    }
);

unary_op!(
    /// z = tanh x,  x̄ = z̄ · (1 − z²); see [`Var::tanh`].
    Tanh, "tanh", Saves::RESULT, |x| x.tanh(), |r, g| {
        r.add(0, g * (1.0 - r.result().square()));
    }
);

unary_op!(
    /// z = 1 / (1 + e⁻ˣ),  x̄ = z̄ · z · (1 − z); see [`Var::sigmoid`].
    Sigmoid, "sigmoid", Saves::RESULT, |x| sigmoid(x), |r, g| {
        let z = r.result();
        r.add(0, g * &z * (1.0 - z));
    }
);

/// The logistic function, without overflow: e is only raised to a negative power.
fn sigmoid<T: Float>(x: T) -> T {
    let e = (-x.abs()).exp();
    if x < T::ZERO { e / (T::ONE + e) } else { T::ONE / (T::ONE + e) }
}

unary_op!(
    /// z = max(x, 0),  x̄ = z̄ · \[z > 0\]. A NaN passes and is seen; see [`Var::relu`].
    Relu, "relu", Saves::RESULT, |x| if x <= T::ZERO { T::ZERO } else { x }, |r, g| {
        r.add(0, r.result().choose(g, 0.0));
    }
);

unary_op!(
    /// z = erf x = 2/√π ∫₀ˣ e^(−t²) dt,  x̄ = z̄ · 2/√π · e^(−x²); see [`Var::erf`].
    Erf, "erf", Saves::operand(0), |x| x.erf(), |r, g| {
        r.add(0, g * (-r.x(0).square()).exp() * std::f64::consts::FRAC_2_SQRT_PI);
    }
);

impl<'t, T: Float> Var<'t, T> {
    /// c · x.
    #[track_caller]
    pub(crate) fn scale(self, c: f64) -> Var<'t, T> {
        Var::apply(Scale(c), [self])
    }

    /// x + c.
    #[track_caller]
    pub(crate) fn shift(self, c: f64) -> Var<'t, T> {
        Var::apply(Shift(c), [self])
    }

    /// x / c, which is not always x · (1/c).
    #[track_caller]
    pub(crate) fn over(self, c: f64) -> Var<'t, T> {
        let c = self.constant(T::from_f64(c));
        Var::apply(Div, [self, c])
    }
}
