//! Chapter 1.

use super::{expect, expect_all_close, expect_close};
use crate::ch01::{by_hand, central, gradient, one_sided};

#[test]
fn one_sided_takes_a_value_at_w_and_one_beside_it() {
    let received = one_sided(|w| w * w, 3.0, 0.5);
    expect("ch01::one_sided", "f(w) = w², w = 3, h = 0.5", received, 6.5, "(12.25 − 9) / 0.5: the error is h itself.");
}

#[test]
fn central_takes_one_value_on_each_side() {
    let received = central(|w| w * w, 3.0, 0.5);
    expect(
        "ch01::central",
        "f(w) = w², w = 3, h = 0.5",
        received,
        6.0,
        "On a parabola the errors of both sides cancel.",
    );
}

#[test]
fn central_is_exact_to_the_square_of_h() {
    for h in [0.1, 0.01] {
        let received = central(|w| w * w * w, 1.0, h);
        let input = format!("f(w) = w³, w = 1, h = {h}");
        expect_close("ch01::central", input, received, 3.0 + h * h, "The two points are 2h apart, not h.");
    }
}

#[test]
fn by_hand_agrees_with_a_difference() {
    for w in [-1.3, 0.0, 0.7, 2.0] {
        let f = |w: f64| 1.0 / (1.0 + (-w * w).exp());
        let h = 1e-5;
        let difference = (f(w + h) - f(w - h)) / (2.0 * h);
        let why = "With z = f(w): dz/d(w²) = z(1 − z). What is left is the derivative of w².";
        super::expect_within(1e-8, "ch01::by_hand", format!("w = {w}"), by_hand(w), difference, why);
    }
}

#[test]
fn gradient_moves_one_number_at_a_time() {
    let received = gradient(|w| w[0] * w[1] + w[2], &[2.0, 5.0, -1.0], 0.5);
    let why = "Move one number, and put it back before the next one moves.";
    expect_all_close("ch01::gradient", "f(w) = w₀w₁ + w₂ at (2, 5, −1)", &received, &[5.0, 2.0, 1.0], why);
}

#[test]
fn gradient_calls_f_twice_for_each_number() {
    let calls = std::cell::Cell::new(0);
    let f = |w: &[f64]| {
        calls.set(calls.get() + 1);
        w.iter().sum()
    };
    gradient(f, &[0.0; 10], 0.5);
    expect("ch01::gradient", "10 numbers; counted are the calls of f", calls.get(), 20, "Two calls for each number.");
}
