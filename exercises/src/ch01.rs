//! Chapter 1: a derivative, twice.

/// The slope of the line through (w, f(w)) and (w + h, f(w + h)), with one value of f at w and one beside it:
/// (f(w + h) − f(w)) / h.
pub fn one_sided(f: impl Fn(f64) -> f64, w: f64, h: f64) -> f64 {
    todo!("ch01::one_sided")
}

/// The slope of the line through (w − h, f(w − h)) and (w + h, f(w + h)).
pub fn central(f: impl Fn(f64) -> f64, w: f64, h: f64) -> f64 {
    todo!("ch01::central")
}

/// The derivative of f(w) = 1 / (1 + e^(−w²)) at w, by hand: by the chain rule, not by a difference.
pub fn by_hand(w: f64) -> f64 {
    todo!("ch01::by_hand")
}

/// All partial derivatives of f at w, by central differences with step h.
///
/// Each number of w is moved in turn, and put back. f is called 2n times for n numbers: the reason for the rest of the
/// book.
pub fn gradient(f: impl Fn(&[f64]) -> f64, w: &[f64], h: f64) -> Vec<f64> {
    todo!("ch01::gradient")
}
