//! Every optimizer on the quadratic a/2 · (w − u)², against what its formula gives by hand.

use tandem_autograd::{Params, Tape, Tensor};
use tandem_nn::{Adam, Optimizer, Sgd};

const A: f64 = 3.0;
const U: f64 = -0.7;
const START: f64 = 1.9;
const LR: f64 = 0.05;
const STEPS: usize = 5;

/// Where the optimizer is after each step.
fn path(mut optimizer: impl Optimizer<f64>) -> Vec<f64> {
    let mut params = Params::new();
    let w = params.add("w", Tensor::scalar(START));
    let step = |_| {
        let tape = Tape::new(&params);
        let gradients = (0.5 * A * (tape.param(w) - U).square()).backward();
        optimizer.step(&mut params, &gradients);
        params.get(w).item()
    };
    (0..STEPS).map(step).collect()
}

/// Gradient descent shrinks the distance by 1 − ηa: wₜ − u = (1 − ηa)ᵗ · (w₀ − u).
fn descent() -> Vec<f64> {
    (1..=STEPS as i32).map(|t| U + (1.0 - LR * A).powi(t) * (START - U)).collect()
}

/// With momentum the distances e obey eₜ₊₁ = (1 + μ − ηa) · eₜ − μ · eₜ₋₁, from e₋₁ = e₀.
fn heavy_ball(momentum: f64) -> Vec<f64> {
    let [mut before, mut now] = [START - U; 2];
    let step = |_| {
        (before, now) = (now, (1.0 + momentum - LR * A) * now - momentum * before);
        U + now
    };
    (0..STEPS).map(step).collect()
}

/// Algorithm 1 of Kingma and Ba (2015), line by line.
fn adam(b1: f64, b2: f64) -> Vec<f64> {
    let (mut w, mut m, mut v) = (START, 0.0, 0.0);
    let step = |t| {
        let g = A * (w - U);
        m = b1 * m + (1.0 - b1) * g;
        v = b2 * v + (1.0 - b2) * g * g;
        let (m_hat, v_hat) = (m / (1.0 - b1.powi(t)), v / (1.0 - b2.powi(t)));
        w -= LR * m_hat / (v_hat.sqrt() + 1e-8);
        w
    };
    (1..=STEPS as i32).map(step).collect()
}

#[test]
fn five_steps_are_those_by_hand() {
    let table = [
        ("sgd", path(Sgd::new(LR)), descent()),
        ("sgd, momentum 0", path(Sgd::new(LR).momentum(0.0)), descent()),
        ("momentum 0.9", path(Sgd::new(LR).momentum(0.9)), heavy_ball(0.9)),
        ("momentum 0.5", path(Sgd::new(LR).momentum(0.5)), heavy_ball(0.5)),
        ("adam", path(Adam::new(LR)), adam(0.9, 0.999)),
        ("adam, other betas", path(Adam::new(LR).betas([0.5, 0.8])), adam(0.5, 0.8)),
    ];
    for (name, found, expected) in table {
        for (t, (found, expected)) in found.iter().zip(&expected).enumerate() {
            // The same arithmetic in another order: some roundings of numbers of size 1 a step.
            let bound = 8.0 * (t + 1) as f64 * f64::EPSILON;
            assert!((found - expected).abs() <= bound, "{name}, step {}: {found} for {expected}", t + 1);
        }
    }
}
