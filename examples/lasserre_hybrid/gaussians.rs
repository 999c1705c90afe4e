//! Two classes of long Gaussians, and a model that takes them for round ones.

use rand::{RngExt, SeedableRng};
use tandem::autograd::{ParamId, Params, Tape, Tensor, Var};
use tandem::nn::{Generator, Init};
use tandem::tying::{Coupling, Pairing, Strength};

use crate::support::experiment::Failure;
use crate::support::minimize::{Effort, minimize};

/// Points without a label.
pub const UNLABELLED: usize = 200;

/// The standard deviation of the prior on each number: wide beside the data, whose spread is about 1, so that it
/// matters only where the data leave a number open. Chosen for this, not by results.
pub const PRIOR: f64 = 2.0;

/// Lengths of a step. The first is right for the curvature of a sum over some 200 points of spread 1; a draw whose
/// labelled points ask for a narrow model has more, and needs a shorter one.
const RATES: [f64; 3] = [1.0 / 400.0, 1.0 / 1600.0, 1.0 / 6400.0];
/// Number of steps × their length, after which a shorter length is tried.
const STEPS: f64 = 8.0;

/// Where the points come from: classes at −mean and +mean, equally frequent, with these standard deviations along
/// the two axes.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub mean: [f64; 2],
    pub deviation: [f64; 2],
    /// Labels of each class.
    pub labels: usize,
}

/// The points of one draw: those with labels first.
struct Points {
    /// `[points, 2]`
    x: Tensor<f64>,
    /// ‖x‖², `[points, 1]`
    squares: Tensor<f64>,
    /// `[labelled points]`
    labels: Tensor<f64>,
}

impl Setting {
    fn draw(&self, seed: u64) -> Points {
        let mut rng = Generator::seed_from_u64(seed);
        let labels: Vec<f64> = (0..2 * self.labels).map(|i| (i % 2) as f64).collect();
        let noise = Init::Normal(1.0).draw::<f64>([labels.len() + UNLABELLED, 2], 0, 0, &mut rng);
        let mut x = noise.data().to_vec();
        for (i, x) in x.chunks_exact_mut(2).enumerate() {
            let class = labels.get(i).copied().unwrap_or_else(|| f64::from(u8::from(rng.random_bool(0.5))));
            for (axis, x) in x.iter_mut().enumerate() {
                *x = (2.0 * class - 1.0) * self.mean[axis] + self.deviation[axis] * *x;
            }
        }
        let squares: Vec<f64> = x.chunks_exact(2).map(|x| x[0] * x[0] + x[1] * x[1]).collect();
        Points {
            squares: Tensor::new([squares.len(), 1], squares),
            x: Tensor::new([x.len() / 2, 2], x),
            labels: Tensor::new([labels.len()], labels),
        }
    }
}

/// p(x, c) = π_c N(x; μ_c, s² I): the parameters of one model.
#[derive(Clone, Copy)]
pub struct Model {
    /// μ, `[class, 2]`
    means: ParamId,
    /// ln s², one for both classes
    log_variance: ParamId,
    /// π = softmax of these
    logits: ParamId,
}

impl Model {
    /// Starts from the class means of the labelled points, the variance of all points and equal classes.
    fn new(params: &mut Params<f64>, path: &str, points: &Points) -> Model {
        let (x, labels) = (points.x.data(), points.labels.data());
        let mut means = [0.0; 4];
        for (x, label) in x.chunks_exact(2).zip(labels) {
            for (axis, x) in x.iter().enumerate() {
                means[2 * *label as usize + axis] += 2.0 * x / labels.len() as f64;
            }
        }
        let variance = points.squares.data().iter().sum::<f64>() / x.len() as f64;
        let mut add = |name: &str, value| params.add(&format!("{path}.{name}"), value);
        Model {
            means: add("means", Tensor::new([2, 2], means.to_vec())),
            log_variance: add("log_variance", Tensor::scalar(variance.ln())),
            logits: add("logits", Tensor::zeros([2])),
        }
    }

    /// ln p(x, c) = ln π_c − ln 2π − ln s² − ‖x − μ_c‖² / 2s² of the first `count` points, `[points, class]`.
    fn joint<'t>(&self, tape: &'t Tape<'_, f64>, points: &Points, count: usize) -> Var<'t, f64> {
        let means = tape.param(self.means);
        let rows = |all: &Tensor<f64>| tape.constant(all.clone()).slice(0, 0, count);
        let products = rows(&points.x).matmul_transposed(means.clone());
        let squares = rows(&points.squares) - 2.0 * products + means.square().sum_axes(&[1]).reshape([2]);
        let log_variance = tape.param(self.log_variance);
        let half = 0.5 * (-1.0 * log_variance.clone()).exp();
        let priors = tape.param(self.logits).log_softmax() - log_variance - std::f64::consts::TAU.ln();
        priors - squares * half
    }

    /// Σ −ln p(c|x) over the labelled points.
    fn discriminative<'t>(&self, tape: &'t Tape<'_, f64>, points: &Points) -> Var<'t, f64> {
        let count = points.labels.len();
        self.joint(tape, points, count).cross_entropy(tape.constant(points.labels.clone())) * count as f64
    }

    /// Σ −ln p(x) over all points, p(x) = Σ_c p(x, c).
    fn generative<'t>(&self, tape: &'t Tape<'_, f64>, points: &Points) -> Var<'t, f64> {
        -1.0 * self.joint(tape, points, points.squares.len()).log_sum_exp(&[1]).sum()
    }

    /// −ln p(θ) but for a constant.
    fn prior<'t>(&self, tape: &'t Tape<'_, f64>) -> Var<'t, f64> {
        let squares = [self.means, self.log_variance, self.logits].map(|id| tape.param(id).square().sum());
        let [a, b, c] = squares;
        (a + b + c) * (0.5 / (PRIOR * PRIOR))
    }

    fn fit(&self, params: &Params<f64>, setting: &Setting, distance: f64) -> Fit {
        let numbers = [self.means, self.log_variance, self.logits].map(|id| params.get(id).data().to_vec());
        Fit { accuracy: self.accuracy(params, setting), distance, theta: numbers.concat() }
    }

    /// The share of all points that this model's p(c|x) puts into their class, exactly: its boundary is a straight
    /// line, w·x + b = 0.
    fn accuracy(&self, params: &Params<f64>, setting: &Setting) -> f64 {
        let (means, logits) = (params.get(self.means).data(), params.get(self.logits).data());
        let precision = (-params.get(self.log_variance).item()).exp();
        let w = [means[2] - means[0], means[3] - means[1]].map(|w| precision * w);
        let length = |k: usize| means[2 * k].powi(2) + means[2 * k + 1].powi(2);
        let b = logits[1] - logits[0] - 0.5 * precision * (length(1) - length(0));
        linear_accuracy(setting, w, b)
    }
}

/// ½ Φ((w·m + b)/s) + ½ Φ((w·m − b)/s), s² = Σ w²·deviation²: how often w·x + b has the sign of the class.
fn linear_accuracy(setting: &Setting, w: [f64; 2], b: f64) -> f64 {
    let inner = w[0] * setting.mean[0] + w[1] * setting.mean[1];
    let s = (w[0] * setting.deviation[0]).hypot(w[1] * setting.deviation[1]);
    let ends = Tensor::new([2], [inner + b, inner - b].map(|x| x / (s * std::f64::consts::SQRT_2)).to_vec());
    let params = Params::new();
    let erf = Tape::without_gradients(&params).constant(ends).erf().mean().item();
    f64::midpoint(1.0, erf)
}

/// The accuracy of the best rule there is, w = mean / deviation².
pub fn best(setting: &Setting) -> f64 {
    linear_accuracy(setting, [0, 1].map(|i| setting.mean[i] / setting.deviation[i].powi(2)), 0.0)
}

/// λ = 1/2σ² with σ = (α/(1 − α))²: from one set of parameters (α = 0) to two that do not know of each other (1).
pub fn strength(alpha: f64) -> Strength {
    match alpha {
        0.0 => Strength::Shared,
        1.0 => Strength::Free,
        _ => Strength::Coupled(0.5 * ((1.0 - alpha) / alpha).powi(4)),
    }
}

/// What training came to.
pub struct Fit {
    /// Of p(c|x, θ), from 0 to 1.
    pub accuracy: f64,
    /// ‖θ − θ̃‖
    pub distance: f64,
    /// θ
    pub theta: Vec<f64>,
}

/// Two sets of parameters, θ for p(c|x, θ) and θ̃ for p(x|θ̃), and the coupling between them.
///
/// # Errors
/// If training does not come to rest.
pub fn hybrid(setting: &Setting, alpha: f64, draw: u64, tolerance: f64) -> Result<Fit, Failure> {
    let points = setting.draw(draw);
    at_rest(tolerance, |effort| {
        let mut params = Params::new();
        let [theta, tilde] = ["theta", "tilde"].map(|path| Model::new(&mut params, path, &points));
        let pairing = Pairing::by_path(&params, "theta", "tilde")?;
        let coupling = Coupling::new(&mut params, pairing, strength(alpha))?;
        let objective = |params: &Params<f64>| {
            let tape = Tape::new(params);
            let losses = theta.discriminative(&tape, &points) + tilde.generative(&tape, &points);
            (losses + theta.prior(&tape) + tilde.prior(&tape)).backward()
        };
        let mut failed = None;
        let steps = minimize(&mut params, effort, objective, |params, rate| {
            failed = coupling.proximal_step(params, rate).err();
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok((steps, theta.fit(&params, setting, coupling.distance(&params)))),
        }
    })
}

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// One θ for p(c|x, θ) and p(x|θ), with both priors.
    Generative,
    /// θ for p(c|x, θ) alone.
    Discriminative,
}

/// One set of parameters, trained without any coupling: what an end has to equal.
///
/// # Errors
/// If training does not come to rest.
pub fn alone(setting: &Setting, end: End, draw: u64, tolerance: f64) -> Result<Fit, Failure> {
    let points = setting.draw(draw);
    at_rest(tolerance, |effort| {
        let mut params = Params::new();
        let model = Model::new(&mut params, "model", &points);
        let objective = |params: &Params<f64>| {
            let tape = Tape::new(params);
            let classifier = model.discriminative(&tape, &points) + model.prior(&tape);
            match end {
                End::Discriminative => classifier.backward(),
                End::Generative => (classifier + model.generative(&tape, &points) + model.prior(&tape)).backward(),
            }
        };
        let steps = minimize(&mut params, effort, objective, |_, _| ());
        Ok((steps, model.fit(&params, setting, 0.0)))
    })
}

/// Trains with the longest of the [`RATES`] at which it comes to rest.
fn at_rest(tolerance: f64, train: impl Fn(Effort) -> Result<(usize, Fit), Failure>) -> Result<Fit, Failure> {
    for rate in RATES {
        let effort = Effort { rate, tolerance, steps: (STEPS / rate) as usize };
        let (steps, fit) = train(effort)?;
        if steps < effort.steps {
            return Ok(fit);
        }
    }
    Err("training did not come to rest".into())
}
