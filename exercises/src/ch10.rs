//! Chapter 10: close, not equal.

/// The gradients of λ‖wA − wB‖² at wA and at wB.
///
/// Wrong on purpose: it is only the gradient of one side, and the penalty is not symmetric any more.
pub fn penalty_gradient(a: &[f64], b: &[f64], lambda: f64) -> [Vec<f64>; 2] {
    let at_a = a.iter().zip(b).map(|(a, b)| 2.0 * lambda * (a - b)).collect();
    [at_a, vec![0.0; b.len()]]
}

/// A proximal step of the penalty λ|a − b|: the a′ and b′ at which ½(a′ − a)² + ½(b′ − b)² + ηλ|a′ − b′| is least.
///
/// The mean stays. The difference loses 2ηλ of its size, and is exactly 0 if it has no more than that; then both are
/// the mean.
pub fn soft_threshold([a, b]: [f64; 2], rate: f64, lambda: f64) -> [f64; 2] {
    todo!("ch10::soft_threshold")
}

/// Two weights, drawn to `target[0]` and `target[1]` by ½(w − target)², and to each other by λ(w − w′)²: where they
/// come to rest after `steps` steps of length `rate`, from 0 and 0.
///
/// Wrong on purpose: it diverges where the rate times λ is near ½ or above. Keep the rate and λ: take the gradient of
/// the data alone, and then a proximal step.
pub fn descend(target: [f64; 2], lambda: f64, rate: f64, steps: usize) -> [f64; 2] {
    let [mut w, mut w2] = [0.0, 0.0];
    for _ in 0..steps {
        let d = w - w2;
        let gradient = [(w - target[0]) + 2.0 * lambda * d, (w2 - target[1]) - 2.0 * lambda * d];
        w -= rate * gradient[0];
        w2 -= rate * gradient[1];
    }
    [w, w2]
}

/// One step of gradient descent on a parameter that is used in two places, whose contributions to its gradient are
/// `contributions`.
///
/// Wrong on purpose: it keeps a copy for each place, lets each take its own step, and averages them, so that they stay
/// equal. They do; but it is not the step of one parameter.
pub fn tied_step(w: f64, contributions: [f64; 2], rate: f64) -> f64 {
    let copies = contributions.map(|contribution| w - rate * contribution);
    f64::midpoint(copies[0], copies[1])
}

/// The best λ for clients that minimise Σ_k n/(2s²)·(w_k − x̄_k)² + λ Σ_k (w_k − w̄)², where the true means scatter
/// with variance `tau2` and each client has `n` samples of variance `s2`.
///
/// The chapter has it for a data term (w_k − x̄_k)². Multiply a whole loss by a number, and its minimum stays.
pub fn best_strength(s2: f64, n: f64, tau2: f64) -> f64 {
    todo!("ch10::best_strength")
}
