//! A few values in place of many weights: which ones k-means takes, what they cost, how they are trained.

use tandem::autograd::{Gradients, Params, Tensor};

use crate::network::slots;

/// Lloyd's algorithm is at an end long before.
const MOST_MOVES: usize = 200;
/// Prices of a bit, in squares of weights, between which those of interest are.
const PRICES: (f64, f64) = (1e-6, 10.0);
/// How often the range of prices is halved.
const HALVINGS: usize = 20;

/// The values that weights have, and which of them each has.
pub struct Values {
    /// By rising size.
    pub values: Vec<f32>,
    pub of: Vec<usize>,
}

impl Values {
    /// The values of these weights.
    pub fn of(weights: &[f32]) -> Values {
        let mut values = weights.to_vec();
        values.sort_by(f32::total_cmp);
        values.dedup();
        let of = weights.iter().map(|w| values.partition_point(|value| value < w)).collect();
        Values { values, of }
    }

    /// ⌈log₂ values⌉: what tells them apart.
    pub fn bits(&self) -> u32 {
        self.values.len().next_power_of_two().trailing_zeros()
    }

    /// Bytes of the values and of as many bits for each weight.
    pub fn bytes(&self) -> usize {
        4 * self.values.len() + (self.bits() as usize * self.of.len()).div_ceil(8)
    }

    /// H = −Σ p log₂ p, p being the share of a value: the bits that a weight takes in the best code, in which a value
    /// that is frequent is short.
    pub fn coded_bits(&self) -> f64 {
        let mut counts = vec![0usize; self.values.len()];
        self.of.iter().for_each(|&k| counts[k] += 1);
        let share = |count: &usize| *count as f64 / self.of.len() as f64;
        -counts.iter().map(share).map(|p| p * p.log2()).sum::<f64>()
    }

    /// Bytes of the values, of how often each is there, which decides the code, and of the weights in that code.
    pub fn coded_bytes(&self) -> usize {
        (4 + 2) * self.values.len() + (self.coded_bits() * self.of.len() as f64 / 8.0).ceil() as usize
    }

    /// Gives all weights of a value the sum of their gradients, which is the gradient of the value: what is equal stays
    /// equal.
    pub fn pool(&self, params: &Params, gradients: &mut Gradients) {
        let mut sums = vec![0.0; self.values.len()];
        let numbers = slots(params).filter_map(|slot| gradients.get(slot)).flat_map(Tensor::data);
        numbers.zip(&self.of).for_each(|(g, &k)| sums[k] += g);
        let mut of = self.of.iter();
        for slot in slots(params) {
            let shape = params.value(slot).shape();
            let pooled = of.by_ref().take(shape.len()).map(|&k| sums[k]).collect();
            gradients.insert(slot, Tensor::new(shape, pooled));
        }
    }
}

/// The weights with at most `count` values in their place, by Lloyd's algorithm on a line. Each weight w goes to the
/// value c of least
///
/// (w − c)² − price · log₂ p,
///
/// p being the share of the weights that have it; then each value becomes the mean of its weights; until nothing moves.
/// It starts at the quantiles of ranks (k + ½)/count. With price 0 this is k-means. With another one, a bit more must be
/// worth it, and frequent values get more weights than are next to them (Chou, Lookabaugh and Gray 1989).
pub fn k_means(weights: &[f32], count: usize, price: f64) -> Vec<f32> {
    let mut sorted = weights.to_vec();
    sorted.sort_by(f32::total_cmp);
    let quantile = |k: usize| f64::from(sorted[(2 * k + 1) * sorted.len() / (2 * count)]);
    // Each value, and what its bits cost.
    let mut values: Vec<(f64, f64)> = (0..count).map(|k| (quantile(k), 0.0)).collect();
    for _ in 0..MOST_MOVES {
        let mut sums = vec![(0.0, 0usize); values.len()];
        for &w in weights {
            let (sum, number) = &mut sums[cheapest(&values, w)];
            (*sum, *number) = (*sum + f64::from(w), *number + 1);
        }
        // A value that lost all its weights is gone.
        sums.retain(|(_, number)| *number > 0);
        let cost = |number: usize| price * (weights.len() as f64 / number as f64).log2();
        let moved: Vec<(f64, f64)> =
            sums.into_iter().map(|(sum, number)| (sum / number as f64, cost(number))).collect();
        if moved == values {
            break;
        }
        values = moved;
    }
    weights.iter().map(|&w| values[cheapest(&values, w)].0 as f32).collect()
}

/// The values of least distance that fit into so many coded bytes: of the least price at which they do.
pub fn within(weights: &[f32], count: usize, bytes: usize) -> Vec<f32> {
    let fits = |weights: &[f32]| Values::of(weights).coded_bytes() <= bytes;
    let free = k_means(weights, count, 0.0);
    if fits(&free) {
        return free;
    }
    // At the upper end one value is left. The middle is that of ratios.
    let (mut low, mut high) = PRICES;
    let mut best = k_means(weights, count, high);
    for _ in 0..HALVINGS {
        let price = (low * high).sqrt();
        let found = k_means(weights, count, price);
        if fits(&found) {
            (high, best) = (price, found);
        } else {
            low = price;
        }
    }
    best
}

/// The place of the value that costs least for this weight; of several, the first.
fn cheapest(values: &[(f64, f64)], w: f32) -> usize {
    let costs = values.iter().map(|(value, cost)| (f64::from(w) - value).powi(2) + cost).enumerate();
    costs.reduce(|best, next| if next.1 < best.1 { next } else { best }).map_or(0, |(place, _)| place)
}
