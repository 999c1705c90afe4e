//! Chapter 1: a derivative, twice.

pub fn one_sided(f: impl Fn(f64) -> f64, w: f64, h: f64) -> f64 {
    (f(w + h) - f(w)) / h
}

pub fn central(f: impl Fn(f64) -> f64, w: f64, h: f64) -> f64 {
    (f(w + h) - f(w - h)) / (2.0 * h)
}

pub fn by_hand(w: f64) -> f64 {
    let z = 1.0 / (1.0 + (-w * w).exp());
    z * (1.0 - z) * 2.0 * w
}

pub fn gradient(f: impl Fn(&[f64]) -> f64, w: &[f64], h: f64) -> Vec<f64> {
    let mut moved = w.to_vec();
    let mut partial = |i: usize| {
        let mut at = |x: f64| {
            moved[i] = x;
            f(&moved)
        };
        let slope = (at(w[i] + h) - at(w[i] - h)) / (2.0 * h);
        moved[i] = w[i];
        slope
    };
    (0..w.len()).map(|i| partial(i)).collect()
}
