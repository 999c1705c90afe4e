//! Chapter 7: a network, written out.

use rand::RngExt;
use rand::rngs::StdRng;
use tandem::autograd::{Gradients, Params};

pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|x| (x - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

pub fn cross_entropy_gradient(logits: &[f64], class: usize) -> Vec<f64> {
    let mut gradient = softmax(logits);
    gradient[class] -= 1.0;
    gradient
}

pub fn descend(params: &mut Params<f64>, gradients: &Gradients<f64>, rate: f64) {
    for (slot, gradient) in gradients.iter() {
        params.update(slot, |w| w.iter_mut().zip(gradient.data()).for_each(|(w, g)| *w -= rate * g));
    }
}

pub fn he(inputs: usize, outputs: usize, rng: &mut StdRng) -> Vec<f64> {
    // A uniform number in ±b has variance b²/3.
    let bound = (6.0 / inputs as f64).sqrt();
    (0..inputs * outputs).map(|_| rng.random_range(-bound..bound)).collect()
}

pub fn accuracy(logits: &[f64], classes: usize, labels: &[usize]) -> f64 {
    // Larger than all before and at least as large as all after: a NaN is neither, and neither is anything beside it.
    let right = |row: &[f64], label: usize| {
        row[..label].iter().all(|&x| row[label] > x) && row[label..].iter().all(|&x| row[label] >= x)
    };
    let rows = logits.chunks(classes).zip(labels);
    rows.filter(|&(row, &label)| right(row, label)).count() as f64 / labels.len() as f64
}
