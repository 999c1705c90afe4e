//! Chapter 7.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{ParamId, Params, Tape, Tensor};

use super::{expect, expect_all_close, expect_close, expect_within};
use crate::ch07::{accuracy, cross_entropy_gradient, descend, he, softmax};

#[test]
fn softmax_makes_probabilities() {
    let received = softmax(&[0.0, 2_f64.ln(), 3_f64.ln(), 4_f64.ln()]);
    let why = "e^ln 2 is 2: the four are 1, 2, 3 and 4 over their sum.";
    expect_all_close("ch07::softmax", "(0, ln 2, ln 3, ln 4)", &received, &[0.1, 0.2, 0.3, 0.4], why);
}

#[test]
fn softmax_survives_large_logits() {
    let received = softmax(&[1000.0, 1000.0 + 3_f64.ln(), -1000.0]);
    let why = "e^1000 is infinite. Subtract the largest logit first: the quotient stays the same.";
    expect_all_close("ch07::softmax", "(1000, 1000 + ln 3, −1000)", &received, &[0.25, 0.75, 0.0], why);
    let received = softmax(&[-1000.0, -1000.0]);
    let why = "e^−1000 is 0, and 0 / 0 is NaN. Subtract the largest logit, not one that happens to be large.";
    expect_all_close("ch07::softmax", "(−1000, −1000)", &received, &[0.5, 0.5], why);
}

#[test]
fn cross_entropy_gradient_is_that_of_the_library() {
    for logits in [[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [800.0, -3.0, 799.0]] {
        for class in 0..3 {
            let params = Params::new();
            let tape = Tape::new(&params);
            let x = tape.input(Tensor::new([1, 3], logits.to_vec()));
            let loss = x.clone().cross_entropy(tape.constant(Tensor::new([1], vec![class as f64])));
            let gradients = loss.backward();
            let expected = gradients.wrt(&x).expect("the loss depends on the logits").data();
            let received = cross_entropy_gradient(&logits, class);
            let why = "p − y: softmax, less 1 at the class.";
            let input = format!("logits {logits:?}, class {class}");
            expect_all_close("ch07::cross_entropy_gradient", input, &received, expected, why);
        }
    }
}

/// Σ of the squares of these parameters' numbers, and a step of 0.1 on it.
fn step(params: &mut Params<f64>, ids: &[ParamId]) {
    let tape = Tape::new(params);
    let terms = ids.iter().map(|&id| tape.param(id).square().sum());
    let gradients = terms.reduce(|sum, term| sum + term).expect("there are parameters").backward();
    descend(params, &gradients, 0.1);
}

#[test]
fn descend_steps_down_and_leaves_alone_what_has_no_gradient() {
    let mut params = Params::new();
    let [a, b] = [("a", 3.0), ("b", 5.0)].map(|(name, w)| params.add(name, Tensor::full([2], w)));
    step(&mut params, &[a]);
    let why = "The loss is Σ a²: a goes by −0.1 · 2a. It does not depend on b, which has no gradient and stays.";
    for (name, id, expected) in [("a", a, [2.4; 2]), ("b", b, [5.0; 2])] {
        let input = format!("a = (3, 3), b = (5, 5), loss Σ a²; {name} after the step");
        expect_all_close("ch07::descend", input, params.get(id).data(), &expected, why);
    }
}

#[test]
fn descend_steps_what_is_shared_once() {
    let mut params = Params::new();
    let [a, b] = [("a", 3.0), ("b", 3.0)].map(|(name, w)| params.add(name, Tensor::full([2], w)));
    params.tie(b, a).expect("the shapes are equal");
    step(&mut params, &[a, b]);
    let why = "Both names have one slot, whose gradient is 2 · 2 · 3 = 12. One step of −0.1 · 12; a loop over names \
               makes two.";
    let input = "a and b tied, both 3, loss Σ a² + Σ b²";
    expect_all_close("ch07::descend", input, params.get(a).data(), &[1.8; 2], why);
}

#[test]
fn he_draws_with_mean_0_and_variance_2_over_inputs() {
    for inputs in [10, 200] {
        let weights = he(inputs, 20_000 / inputs, &mut StdRng::seed_from_u64(7));
        expect("ch07::he", format!("{inputs} inputs; how many weights"), weights.len(), 20_000, "inputs · outputs.");
        let n = weights.len() as f64;
        let mean = weights.iter().sum::<f64>() / n;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
        let input = format!("{inputs} inputs; the variance, times inputs");
        let why = "A uniform number in ±b has variance b²/3, a normal one the square of its deviation.";
        expect_within(0.05, "ch07::he", input, variance * inputs as f64, 2.0, why);
        let input = format!("{inputs} inputs; the mean, in deviations");
        expect_within(0.05, "ch07::he", input, mean / variance.sqrt(), 0.0, "As many below 0 as above.");
    }
}

#[test]
fn he_draws_from_the_generator() {
    let [first, again, other] = [1, 1, 2].map(|seed| he(5, 4, &mut StdRng::seed_from_u64(seed)));
    let why =
        "Same seed, same numbers; another seed, others. Draw from the generator that is passed, each number anew.";
    let distinct = first.iter().enumerate().all(|(i, w)| !first[..i].contains(w));
    let received = (first == again, first == other, distinct);
    let input = "seeds 1, 1 and 2: equal for one seed, equal for two, all numbers different";
    expect("ch07::he", input, received, (true, false, true), why);
}

#[test]
fn accuracy_is_a_share() {
    let logits = [1.0, 0.0, 0.0, 1.0, -3.0, -2.0, 5.0, 4.0];
    let received = accuracy(&logits, 2, &[0, 0, 1, 0]);
    let why = "The largest logits are those of 0, 1, 1, 0: three of four are right, also among negative ones.";
    expect_close("ch07::accuracy", "rows (1 0) (0 1) (−3 −2) (5 4), labels 0 0 1 0", received, 0.75, why);
}

#[test]
fn accuracy_of_lost_numbers_is_zero() {
    let received = accuracy(&[f64::NAN, 1.0, 0.0, f64::NAN, f64::NAN, f64::NAN], 2, &[0, 0, 0]);
    let why = "A comparison with NaN is false: a loop that looks for something larger stays at class 0, which is right \
               for one digit in ten.";
    expect_close("ch07::accuracy", "rows (NaN 1) (0 NaN) (NaN NaN), labels 0 0 0", received, 0.0, why);
}
