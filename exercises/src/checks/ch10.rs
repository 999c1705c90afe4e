//! Chapter 10.

use super::{expect, expect_all_close, expect_close};
use crate::ch10::{best_strength, descend, penalty_gradient, soft_threshold, tied_step};

#[test]
fn penalty_gradient_pulls_at_both_sides() {
    let [at_a, at_b] = penalty_gradient(&[1.0, 4.0], &[3.0, 3.5], 0.5);
    let input = "wA = (1, 4), wB = (3, 3.5), λ = 0.5";
    let why = "The derivative of (a − b)² at b is −2(a − b). With one side alone, A follows B and B does as it likes.";
    expect_all_close("ch10::penalty_gradient, at wB", input, &at_b, &[2.0, -0.5], why);
    expect_all_close("ch10::penalty_gradient, at wA", input, &at_a, &[-2.0, 0.5], "The derivative at a is 2λ(a − b).");
}

#[test]
fn penalty_gradient_leaves_the_sum_of_the_weights_alone() {
    let [at_a, at_b] = penalty_gradient(&[2.0], &[-1.0], 3.0);
    let why = "The two gradients are equal and opposite: where the pair is as a whole, the data decide.";
    expect_close("ch10::penalty_gradient", "2 and −1, λ = 3; both gradients added", at_a[0] + at_b[0], 0.0, why);
}

#[test]
fn soft_threshold_takes_a_fixed_amount_off() {
    for (pair, expected) in [([2.0, 1.0], [1.8, 1.2]), ([-1.0, 3.0], [-0.8, 2.8])] {
        let why = "|d| loses 2ηλ = 0.4, a half of it on each side; the mean and the sign of d stay.";
        let input = format!("{pair:?}, η = 0.1, λ = 2");
        expect_all_close("ch10::soft_threshold", input, &soft_threshold(pair, 0.1, 2.0), &expected, why);
    }
}

#[test]
fn soft_threshold_makes_small_differences_exactly_zero() {
    let received = soft_threshold([1.25, 1.5], 0.5, 2.0);
    let why = "|d| = 0.25 is less than 2ηλ = 2: both become the mean, and are equal to the bit.";
    expect("ch10::soft_threshold", "[1.25, 1.5], η = 0.5, λ = 2", received, [1.375, 1.375], why);
}

#[test]
fn descend_comes_to_rest_at_any_strength() {
    for lambda in [2.0, 100.0, 1e6] {
        let [w, w2] = descend([3.0, -1.0], lambda, 0.5, 2000);
        let d = 4.0 / (1.0 + 4.0 * lambda);
        let input = format!("targets 3 and −1, λ = {lambda}, η = 0.5, 2000 steps");
        let why = "After the data's step the mean m stays, and the difference is divided by 1 + 4ηλ.";
        expect_all_close("ch10::descend", input, &[w, w2], &[1.0 + d / 2.0, 1.0 - d / 2.0], why);
    }
}

#[test]
fn descend_meets_in_one_step_as_the_strength_grows() {
    let received = descend([3.0, -1.0], 1e12, 0.5, 1);
    let why = "From 0 the data lead to 1.5 and −0.5. A very strong proximal step puts both on their mean.";
    expect_all_close("ch10::descend", "targets 3 and −1, λ = 10¹², η = 0.5, 1 step", &received, &[0.5, 0.5], why);
}

#[test]
fn tied_step_follows_the_sum() {
    let received = tied_step(1.0, [0.5, 0.25], 0.1);
    let why =
        "A parameter's gradient is the sum of its contributions. An average halves the rate, and nobody asked for it.";
    expect_close("ch10::tied_step", "w = 1, contributions 0.5 and 0.25, η = 0.1", received, 0.925, why);
}

#[test]
fn tied_step_with_two_equal_uses_is_a_step_of_twice_the_gradient() {
    let received = tied_step(2.0, [1.0, 1.0], 0.25);
    let why = "w + w has the derivative 2, not 1.";
    expect_close("ch10::tied_step", "w = 2, contributions 1 and 1, η = 0.25", received, 1.5, why);
}

#[test]
fn best_strength_minimises_the_expected_error() {
    for (s2, n, tau2) in [(4.0, 8.0, 0.25), (1.0, 50.0, 2.0)] {
        let why =
            "Divided by n/(2s²) the loss is that of the chapter with λ·2s²/n in place of λ; that is to be s²/(nτ²).";
        let input = format!("s² = {s2}, n = {n}, τ² = {tau2}");
        expect_close("ch10::best_strength", input, best_strength(s2, n, tau2), 0.5 / tau2, why);
    }
}
