//! Chapter 7: a network, written out.

use rand::rngs::StdRng;
use tandem::autograd::{Gradients, Params};

/// The probabilities e^(xⱼ) / Σ e^x of these logits, of whatever size they are.
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    todo!("ch07::softmax")
}

/// The gradient, with respect to the logits, of −ln of the probability of this class.
pub fn cross_entropy_gradient(logits: &[f64], class: usize) -> Vec<f64> {
    todo!("ch07::cross_entropy_gradient")
}

/// One step of gradient descent, w ← w − rate · gradient, on every parameter that has a gradient. What names share steps
/// once.
pub fn descend(params: &mut Params<f64>, gradients: &Gradients<f64>, rate: f64) {
    todo!("ch07::descend")
}

/// Initial weights of a layer with this many inputs and outputs, by He's rule: independent, of mean 0 and variance
/// 2 / inputs. Whether they are normal or uniform is yours to choose.
pub fn he(inputs: usize, outputs: usize, rng: &mut StdRng) -> Vec<f64> {
    todo!("ch07::he")
}

/// The share, from 0 to 1, of rows of logits whose largest is that of their label. The logits of a row stand together. A
/// row with a NaN is never right.
pub fn accuracy(logits: &[f64], classes: usize, labels: &[usize]) -> f64 {
    todo!("ch07::accuracy")
}
