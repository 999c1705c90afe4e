//! Two multinomial logistic regressions of [two tasks](super::tasks), brought to their minimum at every strength.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use tandem::autograd::{Float, Params, Tape, Tensor, Var};
use tandem::nn::data::Images;
use tandem::nn::{Init, Layer, Linear, Mode, accuracy};
use tandem::tying::{Coupling, Pairing, Penalty, Strength};

use super::experiment::Failure;
use super::minimize::{Effort, minimize, softmax_curvature};
use super::tasks::{Draw, tensors};

/// No learned relation is expected to be steeper than this.
const SCALE: f64 = 10.0;
/// The most steps to a minimum; with a relation, after which it is given up.
const STEPS: usize = 10_000;
const RELATED_STEPS: usize = 2000;

/// Both models and what they learn from. The numbers are in a store.
pub struct Models<T: Float> {
    layers: [Linear; 2],
    /// Images and labels of A and of B.
    data: [(Tensor<T>, Tensor<T>); 2],
    /// Of the sum of the squares of a model's weights.
    decay: f64,
    /// Bounds on the curvature of the losses of A and of B.
    pub curvatures: [f64; 2],
}

/// Both models, from free to shared in one store.
pub struct Pair<T: Float> {
    pub params: Params<T>,
    pub coupling: Coupling<T>,
    pub models: Models<T>,
    tolerance: f64,
    related: bool,
}

impl<T: Float> Models<T> {
    /// Cross-entropy of A on its images, that of B on its own, and the decay of both, used by both where they are one.
    pub fn losses<'t>(&self, tape: &'t Tape<'_, T>) -> Var<'t, T> {
        let of_one = |(layer, (x, labels)): (&Linear, &(Tensor<T>, Tensor<T>))| {
            let logits = layer.forward(tape, tape.constant(x.clone()), Mode::Eval);
            let squares = |id| tape.param(id).square().sum();
            let decay = self.decay * (squares(layer.weight) + layer.bias.map_or(tape.constant(T::ZERO), squares));
            logits.cross_entropy(tape.constant(labels.clone())) + decay
        };
        let [a, b] = [0, 1].map(|i| of_one((&self.layers[i], &self.data[i])));
        a + b
    }
}

impl<T: Float> Pair<T> {
    /// Both models at zero, free. Minimised is their cross-entropy + `decay` · the squares of their weights + the coupling,
    /// until its gradient is smaller than the tolerance.
    ///
    /// # Errors
    /// None for two models of one kind.
    pub fn new(
        draw: &Draw,
        penalty: impl Penalty<T> + 'static,
        decay: f64,
        tolerance: f64,
    ) -> Result<Pair<T>, Failure> {
        let (mut params, size) = (Params::new(), draw.a.size());
        // They start from zero, so nothing is drawn.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let layers =
            ["a", "b"].map(|path| Linear::new(&mut params, path, [size, draw.a.classes], Init::Glorot, &mut rng));
        for slot in params.slots().collect::<Vec<_>>() {
            params.update(slot, |w| w.fill(T::ZERO));
        }
        let pairing = Pairing::by_path(&params, "a", "b")?;
        let coupling = Coupling::with(&mut params, pairing, penalty, Strength::Free)?;
        let data = [&draw.a, &draw.b].map(|images| tensors(images, &[size]));
        let curvatures = [&draw.a, &draw.b].map(|images| softmax_curvature(images) + 2.0 * decay);
        let models = Models { layers, data, decay, curvatures };
        Ok(Pair { params, coupling, models, tolerance, related: false })
    }

    /// With wB drawn to s·wA + t instead of to wA, for learned numbers s and t of each pair.
    ///
    /// # Errors
    /// None for models that are not shared.
    pub fn related(mut self) -> Result<Pair<T>, Failure> {
        self.coupling = self.coupling.affine(&mut self.params, "relation")?;
        // They are not stepped to, but solved for.
        let relation = self.params.names().filter(|(_, name)| name.starts_with("relation"));
        for id in relation.map(|(id, _)| id).collect::<Vec<_>>() {
            self.params.set_trainable(id, false);
        }
        self.related = true;
        Ok(self)
    }

    /// Moves to this strength and to the minimum there, from where it was; whether it is reached. With a relation it may not
    /// be: what is least over s and t is not convex in the weights, and steps may go around it.
    ///
    /// # Errors
    /// If the strength makes no sense, or a minimum is not reached where there is no relation.
    pub fn fit(&mut self, strength: Strength) -> Result<bool, Failure> {
        self.coupling.set_strength(&mut self.params, strength)?;
        let Pair { params, coupling, models, tolerance, related } = self;
        let ([of_a, of_b], related) = (models.curvatures, *related);
        // Weights that are used by both losses have the curvature of both. A relation has no proximal step: it is
        // part of what is smooth, with curvature 2λ(1 + s²).
        let of_data = if strength == Strength::Shared { of_a + of_b } else { of_a.max(of_b) };
        let curvature = of_data + if related { 2.0 * coupling.lambda() * (1.0 + SCALE.powi(2)) } else { 0.0 };
        let steps = if related { RELATED_STEPS } else { STEPS };
        let effort = Effort { rate: 1.0 / curvature, tolerance: *tolerance, steps };
        let gradient = |params: &Params<T>| {
            let mut gradients = models.losses(&Tape::new(params)).backward();
            if related {
                // The gradient where s and t are the best for these weights: of what is least over s and t.
                let mut params = params.clone();
                relate(&mut params);
                coupling.add_gradients(&params, &mut gradients);
            }
            gradients
        };
        let proximal = |params: &mut Params<T>, rate: f64| {
            if !related {
                coupling.proximal_step(params, rate).expect("these penalties have one");
            }
        };
        let reached = minimize(params, effort, gradient, proximal) < steps;
        if !reached && !related {
            return Err(format!("{strength}: expected a gradient below {tolerance}, not found in {STEPS} steps").into());
        }
        Ok(reached)
    }

    /// What is minimised, the coupling included.
    pub fn objective(&self) -> f64 {
        let tape = Tape::without_gradients(&self.params);
        (self.models.losses(&tape) + self.coupling.penalty(&tape)).item().to_f64()
    }

    /// How many of these images B recognises, in per cent.
    pub fn accuracy(&self, images: &Images) -> f64 {
        let tape = Tape::without_gradients(&self.params);
        let (x, _) = tensors(images, &[images.size()]);
        let logits = self.models.layers[1].forward(&tape, tape.constant(x), Mode::Eval);
        100.0 * accuracy(logits.value(), &images.labels)
    }
}

/// The s and t that minimise ‖s·wA + t − wB‖², for each pair: a regression of wB on wA.
fn relate<T: Float>(params: &mut Params<T>) {
    for of in ["weight", "bias"] {
        let name = |end: &str| format!("relation.a.{of}.b.{of}.{end}");
        let [a, b] = ["a", "b"].map(|model| params.find(&format!("{model}.{of}")).expect("a layer's name"));
        let numbers = |id| params.get(id).data().iter().map(|w| w.to_f64()).collect::<Vec<f64>>();
        let (a, b) = (numbers(a), numbers(b));
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (a_mean, b_mean) = (mean(&a), mean(&b));
        let product =
            |x: &[f64], x_mean: f64| -> f64 { a.iter().zip(x).map(|(a, x)| (a - a_mean) * (x - x_mean)).sum() };
        let variance = product(&a, a_mean);
        let scale = if variance > 0.0 { product(&b, b_mean) / variance } else { 1.0 };
        for (end, value) in [("scale", scale), ("shift", b_mean - scale * a_mean)] {
            let id = params.find(&name(end)).expect("what the relation has added");
            params.update(params.slot(id), |x| x[0] = T::from_f64(value));
        }
    }
}
