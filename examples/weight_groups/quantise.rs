//! Values for weights without a prior: k-means, and how many bytes values take.

use tandem::autograd::{Gradients, Params, Tensor};

use crate::network::slots;

/// Some values, and which of them each weight has.
pub struct Values {
    /// By rising size.
    pub values: Vec<f32>,
    pub of: Vec<usize>,
}

/// Lloyd's algorithm on a line: each weight goes to the nearest value, each value to the mean of its weights, until
/// nothing moves. It starts at the quantiles of ranks (k + ½)/count. A value that loses all weights stays where it is.
pub fn k_means(weights: &[f32], count: usize) -> Values {
    let mut sorted = weights.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut values: Vec<f32> = (0..count).map(|k| sorted[(2 * k + 1) * sorted.len() / (2 * count)]).collect();
    loop {
        let of: Vec<usize> = weights.iter().map(|&w| nearest(&values, w)).collect();
        let mut sums = vec![(0.0, 0usize); count];
        for (&w, &k) in weights.iter().zip(&of) {
            sums[k] = (sums[k].0 + f64::from(w), sums[k].1 + 1);
        }
        let mean = |(&(sum, number), &value): (&(f64, usize), &f32)| match number {
            0 => value,
            _ => (sum / number as f64) as f32,
        };
        let moved: Vec<f32> = sums.iter().zip(&values).map(mean).collect();
        if moved == values {
            return Values { values, of };
        }
        values = moved;
    }
}

/// The place of the nearest of some sorted values.
fn nearest(values: &[f32], w: f32) -> usize {
    let above = values.partition_point(|&value| value < w);
    match above {
        0 => 0,
        _ if above == values.len() => above - 1,
        _ if w - values[above - 1] <= values[above] - w => above - 1,
        _ => above,
    }
}

/// Gives all weights of a value the sum of their gradients, which is the gradient of the value: weights that start equal
/// stay equal.
pub fn pool(values: &Values, params: &Params, gradients: &mut Gradients) {
    let slots = slots(params);
    let mut sums = vec![0.0; values.values.len()];
    let all = slots.iter().filter_map(|&slot| gradients.get(slot)).flat_map(|gradient| gradient.data());
    for (&g, &k) in all.zip(&values.of) {
        sums[k] += g;
    }
    let mut of = values.of.iter();
    for slot in slots {
        let shape = params.value(slot).shape();
        let pooled = of.by_ref().take(shape.len()).map(|&k| sums[k]).collect();
        gradients.insert(slot, Tensor::new(shape, pooled));
    }
}

/// Makes means equal that are next to each other.
pub fn merge(sharing: &tandem::tying::SoftSharing, params: &mut Params, within: f64) {
    let components = sharing.mixture(params).components;
    let mut order: Vec<usize> = (0..components.len()).collect();
    order.sort_by(|&a, &b| components[a].mean.total_cmp(&components[b].mean));
    let slot = params.slot(params.find("groups.means").unwrap());
    let mut i = 0;
    while i < order.len() {
        let mut j = i + 1;
        while j < order.len() && components[order[j]].mean - components[order[j - 1]].mean < within { j += 1; }
        let share: f64 = order[i..j].iter().map(|&k| components[k].share).sum();
        let mean = order[i..j].iter().map(|&k| components[k].share * components[k].mean).sum::<f64>() / share;
        params.update(slot, |m| order[i..j].iter().for_each(|&k| m[k] = mean as f32));
        i = j;
    }
}
