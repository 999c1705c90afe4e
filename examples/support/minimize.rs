//! Minima of smooth losses with a coupling, to many digits: proximal gradient steps with momentum.

use tandem::autograd::{Float, Gradients, Params, SlotId, Tensor};
use tandem::nn::data::Images;

/// What [`minimize`] may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The length of a step: at most 1/L, where L is the largest curvature of the smooth part.
    pub rate: f64,
    /// Stops where a step is shorter than `rate` times this.
    pub tolerance: f64,
    /// The most steps.
    pub steps: usize,
}

/// Minimises f + g, where `gradient` tells ∇f and `proximal` takes the proximal step of g (of this length, in place);
/// returns the steps taken.
///
/// x⁺ = prox(y − η ∇f(y)),  y⁺ = x⁺ + β (x⁺ − x),  β = (t − 1)/t⁺,  t⁺ = (1 + √(1 + 4t²))/2
///
/// (Beck and Teboulle 2009). The momentum starts anew where it points uphill (O'Donoghue and Candès 2015): a rule of
/// thumb by which it need not be known how curved the function is at least.
pub fn minimize<T: Float>(
    params: &mut Params<T>,
    effort: Effort,
    mut gradient: impl FnMut(&Params<T>) -> Gradients<T>,
    mut proximal: impl FnMut(&mut Params<T>, f64),
) -> usize {
    let slots: Vec<SlotId> = params.slots().filter(|&slot| params.slot_is_trainable(slot)).collect();
    let copy =
        |params: &Params<T>| -> Vec<Tensor<T>> { slots.iter().map(|&slot| params.value(slot).clone()).collect() };
    let rate = T::from_f64(effort.rate);
    let (mut x, mut t) = (copy(params), 1.0f64);
    for step in 0..effort.steps {
        // The store holds y, then x⁺.
        let y = copy(params);
        let gradients = gradient(params);
        for &slot in &slots {
            let g = gradients.get(slot).expect("a smooth part that depends on all parameters").data();
            params.update(slot, |w| w.iter_mut().zip(g).for_each(|(w, &g)| *w = *w - rate * g));
        }
        proximal(params, effort.rate);
        let (mut uphill, mut length) = (0.0, 0.0);
        for ((&slot, x), y) in slots.iter().zip(&x).zip(&y) {
            for ((new, old), y) in params.value(slot).data().iter().zip(x.data()).zip(y.data()) {
                let (new, old, y) = (new.to_f64(), old.to_f64(), y.to_f64());
                uphill += (y - new) * (new - old);
                length += (new - y).powi(2);
            }
        }
        if length.sqrt() <= effort.rate * effort.tolerance {
            return step + 1;
        }
        let next = copy(params);
        let after = if uphill > 0.0 { 1.0 } else { f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt()) };
        let momentum = T::from_f64(if uphill > 0.0 { 0.0 } else { (t - 1.0) / after });
        for (&slot, old) in slots.iter().zip(&x) {
            params.update(slot, |w| w.iter_mut().zip(old.data()).for_each(|(w, &old)| *w = *w + momentum * (*w - old)));
        }
        (x, t) = (next, after);
    }
    for (&slot, best) in slots.iter().zip(&x) {
        params.update(slot, |w| w.copy_from_slice(best.data()));
    }
    effort.steps
}

/// A bound on the curvature of the cross-entropy in the weights: ½ λmax(XᵀX/n), X having a column of ones for the
/// bias (Böhning 1992). λmax by power iteration, which comes from below; hence a hundredth more.
pub fn softmax_curvature(images: &Images) -> f64 {
    let rows: Vec<Vec<f64>> = (0..images.len())
        .map(|row| images.image(row).iter().map(|&pixel| f64::from(pixel)).chain([1.0]).collect())
        .collect();
    let (mut v, mut eigenvalue) = (vec![1.0; images.size() + 1], 0.0);
    for _ in 0..50 {
        let mut next = vec![0.0; v.len()];
        for row in &rows {
            let along: f64 = row.iter().zip(&v).map(|(x, v)| x * v).sum();
            next.iter_mut().zip(row).for_each(|(next, x)| *next += along * x / rows.len() as f64);
        }
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        eigenvalue = norm(&next) / norm(&v);
        v = next;
    }
    1.01 * 0.5 * eigenvalue
}
