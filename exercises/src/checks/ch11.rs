//! Chapter 11.

use tandem::autograd::{Params, Tensor};
use tandem::tying::{Pairing, Strength};

use super::{expect, expect_all_close, expect_close};
use crate::ch11::{joint_objective, pair_up, relative_distances, strength};

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn pair_up_finds_what_has_one_name_behind_the_prefix() {
    let names = ["b.bias", "a.weight", "c.weight", "a.bias", "b.weight"];
    let pairs = [("a.weight", "b.weight"), ("a.bias", "b.bias")].map(|(a, b)| (a.to_string(), b.to_string()));
    let why = "In the order of the first ones; what is under neither prefix is left alone.";
    expect("ch11::pair_up", format!("{names:?}, a, b"), pair_up(&names, "a", "b"), Ok(pairs.to_vec()), why);
}

#[test]
fn pair_up_takes_whole_segments() {
    let names = ["a.weight", "ab.weight", "b.weight"];
    let pairs = vec![("a.weight".to_string(), "b.weight".to_string())];
    let why = "`a` is no prefix of `ab.weight`: what follows a prefix is a dot.";
    expect("ch11::pair_up", format!("{names:?}, a, b"), pair_up(&names, "a", "b"), Ok(pairs), why);
}

#[test]
fn pair_up_lists_all_that_has_no_partner() {
    let names = ["a.weight", "b.norm", "b.weight", "a.head", "b.bias"];
    let why = "One error for all of them, on both sides, so that a user fixes the program once.";
    let expected = Err(strings(&["b.norm", "a.head", "b.bias"]));
    expect("ch11::pair_up", format!("{names:?}, a, b"), pair_up(&names, "a", "b"), expected, why);
}

#[test]
fn joint_objective_of_one_labelled_point() {
    // Both classes are as probable: ln 2. Both densities are e^(−½): −ln(2e^(−½)).
    let received = joint_objective([-1.0, 1.0], [-1.0, 1.0], &[(0.0, 1)], &[], 1.0);
    let why = "ln 2 of the label, ½ − ln 2 of the input: a labelled point is an input too, and stands in both sums.";
    expect_close("ch11::joint_objective", "θ = θ̃ = (−1, 1), x = 0 of class 1", received, 0.5, why);
}

#[test]
fn joint_objective_takes_each_sum_with_its_own_parameters() {
    let received = joint_objective([0.0, 2.0], [-1.0, 1.0], &[(0.0, 0)], &[0.0], 0.5);
    // −ln p(c=0|x) = ln(1 + e^(−2)); twice ½ − ln 2; and (1 + 1)/(2 · ¼).
    let expected = (1.0 + (-2.0_f64).exp()).ln() + 2.0 * (0.5 - 2.0_f64.ln()) + 4.0;
    let input = "θ = (0, 2), θ̃ = (−1, 1), x = 0 of class 0 and x = 0 without a label, σ = ½";
    let why = "θ for the labels, θ̃ for the inputs, and ‖θ − θ̃‖²/2σ² = 4 between them.";
    expect_close("ch11::joint_objective", input, received, expected, why);
}

#[test]
fn strength_has_two_ends() {
    for (alpha, expected) in [(0.0, Strength::Shared), (1.0, Strength::Free)] {
        let why = "σ = 0 is one set of parameters, σ = ∞ none that is coupled: say so, and divide by nothing.";
        expect("ch11::strength", format!("α = {alpha}"), strength(alpha), expected, why);
    }
}

#[test]
fn strength_falls_with_the_fourth_power() {
    for (alpha, expected) in [(0.5, 0.5), (0.2, 128.0)] {
        let Strength::Coupled(lambda) = strength(alpha) else {
            panic!("ch11::strength of α = {alpha}: expected Strength::Coupled, received {}", strength(alpha));
        };
        let why = "λ = ½σ⁻² with σ = (α/(1 − α))².";
        expect_close("ch11::strength", format!("α = {alpha}"), lambda, expected, why);
    }
}

#[test]
fn relative_distances_are_held_against_the_larger_side() {
    let mut params = Params::new();
    let pairs = [("u", [0.0, 0.0], [3.0, 4.0]), ("v", [3.0, 0.0], [0.0, 4.0]), ("z", [0.0, 0.0], [0.0, 0.0])];
    for (leaf, a, b) in pairs {
        for (model, numbers) in [("a", a), ("b", b)] {
            params.add(&format!("{model}.{leaf}"), Tensor::new([2], numbers.to_vec()));
        }
    }
    let pairing = Pairing::by_path(&params, "a", "b").expect("the names pair");
    let received = relative_distances(&params, &pairing);
    let why = "Divide by the larger of ‖wA‖ and ‖wB‖; two zeros are 0 apart, not NaN.";
    expect_all_close("ch11::relative_distances", format!("{pairs:?}"), &received, &[1.0, 1.25, 0.0], why);
}
