//! Chapter 10: close, not equal.

pub fn penalty_gradient(a: &[f64], b: &[f64], lambda: f64) -> [Vec<f64>; 2] {
    let at_a: Vec<f64> = a.iter().zip(b).map(|(a, b)| 2.0 * lambda * (a - b)).collect();
    let at_b = at_a.iter().map(|g| -g).collect();
    [at_a, at_b]
}

pub fn soft_threshold([a, b]: [f64; 2], rate: f64, lambda: f64) -> [f64; 2] {
    let (mean, d, t) = (f64::midpoint(a, b), a - b, 2.0 * rate * lambda);
    let d = d.signum() * (d.abs() - t).max(0.0);
    [mean + d / 2.0, mean - d / 2.0]
}

pub fn descend(target: [f64; 2], lambda: f64, rate: f64, steps: usize) -> [f64; 2] {
    let [mut w, mut w2] = [0.0, 0.0];
    for _ in 0..steps {
        let [a, b] = [w - rate * (w - target[0]), w2 - rate * (w2 - target[1])];
        let (mean, d) = (f64::midpoint(a, b), (a - b) / (1.0 + 4.0 * rate * lambda));
        [w, w2] = [mean + d / 2.0, mean - d / 2.0];
    }
    [w, w2]
}

pub fn tied_step(w: f64, contributions: [f64; 2], rate: f64) -> f64 {
    w - rate * (contributions[0] + contributions[1])
}

pub fn best_strength(_s2: f64, _n: f64, tau2: f64) -> f64 {
    1.0 / (2.0 * tau2)
}
