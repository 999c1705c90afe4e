//! Chapter 5.

use tandem::autograd::{Params, Tape, Tensor, Var, check_gradients};

use super::{expect, expect_all_close, expect_close, expect_within};
use crate::ch05::{Cube, LogPlus, hessian_vector, largest_curvature, newton};

fn rosenbrock<'t>(w: &Var<'t, f64>) -> Var<'t, f64> {
    let [x, y] = w.clone().split(0, [1, 1]);
    ((1.0 - x.clone()).square() + 100.0 * (y - x.square()).square()).sum()
}

/// x² + 3xy + 5y²: its Hessian is (2, 3; 3, 10).
fn form<'t>(w: &Var<'t, f64>) -> Var<'t, f64> {
    let [x, y] = w.clone().split(0, [1, 1]);
    (&x * &x + 3.0 * &x * &y + 5.0 * &y * &y).sum()
}

#[test]
fn log_plus_computes() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let z = Var::apply_op(LogPlus, [tape.constant(Tensor::new([2, 2], vec![0.0, 1.0, -1.0, 3.0]))]);
    let expected = [0.0, 2_f64.ln(), 2_f64.ln(), 10_f64.ln()];
    let input = "0, 1, −1, 3 of shape [2, 2]";
    expect("ch05::LogPlus, shape", input, z.shape().to_vec(), vec![2, 2], "The result has the operand's shape.");
    expect_all_close("ch05::LogPlus, forward", input, z.value().data(), &expected, "ln(1 + x²) of each number.");
}

#[test]
fn log_plus_has_derivatives_of_both_orders() {
    let x = Tensor::new([4], vec![-2.0, -0.3, 0.0, 1.5]);
    let found = check_gradients(0, &[x], |x| Var::apply_op(LogPlus, [x[0].clone()]));
    let why = "x̄ = z̄ · 2x / (1 + x²), written in variables: with rule.x(0), which `saves` has to keep.";
    expect("ch05::LogPlus, vjp", "−2, −0.3, 0, 1.5", found, Ok(()), why);
}

#[test]
fn hessian_vector_of_a_quadratic_form() {
    let received = hessian_vector(form, &[4.0, -7.0], &[1.0, 2.0]);
    expect_all_close(
        "ch05::hessian_vector",
        "x² + 3xy + 5y², v = (1, 2)",
        &received,
        &[8.0, 23.0],
        "The Hessian is (2, 3; 3, 10).",
    );
}

#[test]
fn hessian_vector_in_the_valley() {
    let received = hessian_vector(rosenbrock, &[1.0, 1.0], &[1.0, 2.0]);
    let why = "The gradient of ⟨∇f, v⟩ with respect to w: v is a constant, ∇f is not.";
    expect_all_close(
        "ch05::hessian_vector",
        "Rosenbrock's function at (1, 1), v = (1, 2)",
        &received,
        &[2.0, 0.0],
        why,
    );
}

#[test]
fn newton_is_done_with_a_parabola_in_one_step() {
    let received = newton(|w| 3.0 * (w.clone() - 5.0).square(), -40.0);
    expect_close("ch05::newton", "3 (w − 5)², w = −40", received, 5.0, "w − f′/f″: the slope, then its slope.");
}

#[test]
fn newton_doubles_the_digits() {
    // f = eʷ − 2w has its minimum at ln 2.
    let f = |w: f64| newton(|w| w.clone().exp() - 2.0 * w.clone(), w);
    let received = f(f(f(f(1.0))));
    expect_within(1e-12, "ch05::newton, four times", "eʷ − 2w, w = 1", received, 2_f64.ln(), "The minimum is at ln 2.");
}

#[test]
fn largest_curvature_of_the_valley() {
    let received = largest_curvature(rosenbrock, &[1.0, 1.0], &[1.0, 0.0], 8);
    let expected = f64::midpoint(1002.0, (1002.0_f64 * 1002.0 - 1600.0).sqrt());
    let why = "The larger eigenvalue of (802, −400; −400, 200). Bring v to length 1 before the next product.";
    expect_close("ch05::largest_curvature", "Rosenbrock's function at (1, 1), v = (1, 0)", received, expected, why);
}

#[test]
fn cube_has_a_second_derivative() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = tape.input(2.0);
    let [first] = tape.grad(&Var::apply_op(Cube, [x.clone()]), [&x]);
    let received = first.is_recorded().then(|| tape.grad(&first, [&x])[0].item());
    let why = "6x. The slope 3x² depends on x; a rule that takes it for a constant loses that.";
    expect("ch05::Cube", "the second derivative of x³ at 2", received, Some(12.0), why);
}

#[test]
fn cube_is_right_to_second_order() {
    let x = Tensor::new([3], vec![-1.0, 0.5, 2.0]);
    let found = check_gradients(0, &[x], |x| Var::apply_op(Cube, [x[0].clone()]));
    expect("ch05::Cube", "check_gradients at −1, 0.5, 2", found, Ok(()), "Write the rule in variables throughout.");
}
