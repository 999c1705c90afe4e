//! Up to which λ steps of one length are sound: predicted by curvatures, and measured.

use serde::Serialize;
use tandem::autograd::{ParamId, Tape, Tensor};
use tandem::nn::{Optimizer, Sgd};
use tandem::tying::{SquaredL2, Strength};

use crate::support::experiment::Failure;
use crate::support::pair::Pair;
use crate::support::tasks::Draw;
use crate::{DECAY, MOMENTUM, RATE, STEPS, TOLERANCE};

/// How a step is taken.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Gradient,
    Momentum,
    Proximal,
}

impl Way {
    /// The bound on η times the largest curvature is twice this.
    fn factor(self) -> f64 {
        if self == Way::Momentum { 1.0 + MOMENTUM } else { 1.0 }
    }

    /// ‖wA − wB‖ after all steps from zero.
    fn descend(self, draw: &Draw, lambda: f64) -> Result<f64, Failure> {
        let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
        pair.coupling.set_strength(&mut pair.params, Strength::Coupled(lambda))?;
        // PyTorch's momentum and the heavy ball are the same recursion.
        let mut sgd = Sgd::new(RATE).momentum(if self == Way::Momentum { MOMENTUM } else { 0.0 });
        for _ in 0..STEPS {
            let mut gradients = pair.models.losses(&Tape::new(&pair.params)).backward();
            if self != Way::Proximal {
                pair.coupling.add_gradients(&pair.params, &mut gradients);
            }
            sgd.step(&mut pair.params, &gradients);
            if self == Way::Proximal {
                pair.coupling.proximal_step(&mut pair.params, RATE)?;
            }
            let distance = pair.coupling.distance(&pair.params);
            // Far enough: what grows goes on growing.
            if distance.is_nan() || distance > 1e6 {
                return Ok(f64::INFINITY);
            }
        }
        Ok(pair.coupling.distance(&pair.params))
    }
}

/// Up to which λ a way is sound.
#[derive(Clone, Copy, Serialize)]
pub struct Bound {
    /// η(h + 4λ) = 2(1 + β), with a bound h on the curvature of the data terms: sound below it, whatever the data.
    pub sufficient: f64,
    /// η μ = 2(1 + β), with the largest curvature μ at the minimum (of the data terms: at that of the sufficient λ).
    pub predicted: f64,
    /// Where descents begin to miss the minimum.
    pub measured: f64,
    /// ηλ = (1 + β)/2: the penalty alone diverges above it, whatever the data.
    pub alone: f64,
}

/// The bounds on one draw.
#[derive(Serialize)]
pub struct Bounds {
    pub gradient: Bound,
    pub momentum: Bound,
    /// λ of a thousand times the bound of the penalty alone, and by what part of the minimum's distance the proximal
    /// step ends beside it.
    pub proximal: [f64; 2],
}

impl Bounds {
    pub fn of(draw: &Draw) -> Result<Bounds, Failure> {
        let [gradient, momentum] = [bound(draw, Way::Gradient)?, bound(draw, Way::Momentum)?];
        let lambda = 1000.0 * gradient.alone;
        let (reached, least) = (Way::Proximal.descend(draw, lambda)?, distance_at(draw, lambda)?);
        Ok(Bounds { gradient, momentum, proximal: [lambda, (reached / least - 1.0).abs()] })
    }
}

fn bound(draw: &Draw, way: Way) -> Result<Bound, Failure> {
    let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
    let of_data = pair.models.curvatures.into_iter().fold(0.0, f64::max);
    let at = |curvature: f64| (2.0 * way.factor() / RATE - curvature) / 4.0;
    let (sufficient, alone) = (at(of_data), at(0.0));
    pair.fit(Strength::Coupled(sufficient))?;
    let predicted = at(largest_eigenvalue(&pair) - 4.0 * sufficient);
    let [mut sound, mut diverges] = [0.95 * sufficient, 1.05 * alone];
    for _ in 0..10 {
        let middle = f64::midpoint(sound, diverges);
        // Just above the bound a descent may also end in a cycle about the minimum, where the softmax is less curved.
        let close = way.descend(draw, middle)? <= 1.1 * distance_at(draw, middle)?;
        *(if close { &mut sound } else { &mut diverges }) = middle;
    }
    Ok(Bound { sufficient, predicted, measured: f64::midpoint(sound, diverges), alone })
}

/// The largest eigenvalue of the Hessian of all that is minimised, by power iteration: v ← Hv/‖Hv‖, where Hv is the gradient
/// of ∇f·v: the tape differentiates its own derivative.
fn largest_eigenvalue(pair: &Pair<f64>) -> f64 {
    let ids: Vec<ParamId> = pair.params.names().map(|(id, _)| id).collect();
    let mut v: Vec<Tensor<f64>> = ids.iter().map(|&id| start(pair.params.get(id))).collect();
    let mut eigenvalue = 0.0;
    for _ in 0..100 {
        let tape = Tape::new(&pair.params);
        let f = pair.models.losses(&tape) + pair.coupling.penalty(&tape);
        let leaves: Vec<_> = ids.iter().map(|&id| tape.param(id)).collect();
        let leaves: Vec<_> = leaves.iter().collect();
        let gradients = tape.grad_with(&[(&f, &tape.constant(1.0))], &leaves);
        let along =
            gradients.into_iter().zip(&v).map(|(g, v)| (g * tape.constant(v.clone())).sum()).reduce(|a, b| a + b);
        let product = tape.grad_with(&[(&along.expect("there are parameters"), &tape.constant(1.0))], &leaves);
        let square: f64 = product.iter().flat_map(|p| p.value().data()).map(|x| x * x).sum();
        eigenvalue = square.sqrt();
        v = product.into_iter().map(|p| (p / eigenvalue).into_value()).collect();
    }
    eigenvalue
}

/// Some direction that no symmetry makes orthogonal to another.
fn start(like: &Tensor<f64>) -> Tensor<f64> {
    let numbers = (0..like.len()).map(|i| 1.0 + (i as f64).sin());
    Tensor::new(like.shape(), numbers.collect())
}

fn distance_at(draw: &Draw, lambda: f64) -> Result<f64, Failure> {
    let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
    pair.fit(Strength::Coupled(lambda))?;
    Ok(pair.coupling.distance(&pair.params))
}

/// Where the three ways end at one λ, as multiples of the minimum's distance.
#[derive(Serialize)]
pub struct Ends {
    pub multiple: f64,
    pub of_minimum: [f64; 3],
}

impl Ends {
    /// At a multiple of each way's predicted bound; the proximal step at that of gradient descent.
    pub fn at(draw: &Draw, multiple: f64, bounds: &Bounds) -> Result<Ends, Failure> {
        let mut of_minimum = [0.0; 3];
        let ways = [Way::Gradient, Way::Momentum, Way::Proximal];
        for ((way, bound), end) in
            ways.into_iter().zip([bounds.gradient, bounds.momentum, bounds.gradient]).zip(&mut of_minimum)
        {
            let lambda = multiple * bound.predicted;
            *end = way.descend(draw, lambda)? / distance_at(draw, lambda)?;
        }
        Ok(Ends { multiple, of_minimum })
    }
}
