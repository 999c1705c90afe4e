//! Digits: a classifier of few labels, and an autoencoder of all images, whose encoders are close.

use rand::SeedableRng;
use serde_json::{Value, json};
use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::nn::data::{Batches, Images, Last};
use tandem::nn::{Activation, Adam, Generator, Init, Layer, Linear, Mlp, Mode, Optimizer, Training, accuracy, mse};
use tandem::tying::{Coupling, Pairing, Strength};

use crate::line::{Draws, Line, Purpose, Verdict, lines};
use crate::support::experiment::{Experiment, Failure, shipped_digits};
use crate::support::format::Table;

/// An encoder, and how many labels the classifier has.
#[derive(Clone, Copy)]
pub struct Setting {
    /// The number of pixels, then the units of each layer, tanh after each.
    pub encoder: &'static [usize],
    /// In all.
    pub labels: usize,
}

const ONE_LAYER: &[usize] = &[64, 64];
const TWO_LAYERS: &[usize] = &[64, 64, 32];
/// Each encoder with few labels to many.
pub const SETTINGS: [Setting; 6] = [
    Setting { encoder: ONE_LAYER, labels: 20 },
    Setting { encoder: ONE_LAYER, labels: 50 },
    Setting { encoder: ONE_LAYER, labels: 100 },
    Setting { encoder: TWO_LAYERS, labels: 20 },
    Setting { encoder: TWO_LAYERS, labels: 50 },
    Setting { encoder: TWO_LAYERS, labels: 100 },
];
/// λ, from free to shared.
const LAMBDAS: [f64; 7] = [0.0, 0.001, 0.01, 0.1, 1.0, 10.0, f64::INFINITY];
const LAMBDAS_QUICK: [f64; 4] = [0.0, 0.01, 1.0, f64::INFINITY];
/// Draws for each seed: those on which λ is chosen, and those on which it is measured.
const DRAWS: [u64; 2] = [1, 1];

// All that follows was chosen on the last quarter of the training rows, as one choice for all λ: widths of 16 to 128,
// noise of 0 to 0.5, weights of 0.1 to 10, 300 to 1,500 steps.

/// The standard deviation of the noise on pixels between 0 and 1. The autoencoder has to take it away, by which it
/// learns what digits look like; the classifier has to see through it, which does a free one good as well: without it,
/// sharing would gain more, by a weaker rival.
pub const NOISE: f64 = 0.3;
/// The weight of the squared error of an image beside the cross-entropy of a label.
pub const WEIGHT: f64 = 1.0;
/// Steps of Adam, and their rate.
pub const STEPS: usize = 1200;
const STEPS_QUICK: usize = 300;
pub const RATE: f64 = 0.005;
/// Images for a step of the autoencoder; the classifier sees all its labels in each.
pub const BATCH: usize = 128;

/// What the digits came to.
pub struct Digits {
    pub lambdas: &'static [f64],
    pub lines: Vec<Line>,
    pub draws: [usize; 2],
    pub steps: usize,
}

/// Trains all settings at all places.
///
/// # Errors
/// If the digits can't be read.
pub fn digits(experiment: &Experiment) -> Result<Digits, Failure> {
    let (lambdas, steps) = if experiment.quick { (&LAMBDAS_QUICK[..], STEPS_QUICK) } else { (&LAMBDAS[..], STEPS) };
    let (train, test) = shipped_digits()?;
    // λ is chosen without the test rows: on the last quarter of the training rows, mostly by writers of their own.
    let most = 3 * train.len() / 4;
    let [first, held_out] = [train.subset(0..most), train.subset(most..train.len())];
    let draws = Draws::new(experiment, DRAWS[0], DRAWS[1]);
    let lines = lines(experiment, "digits", &SETTINGS, lambdas, &draws, |setting, lambda, draw, purpose| {
        let (train, test) = match purpose {
            Purpose::Choose => (&first, &held_out),
            Purpose::Measure => (&train, &test),
        };
        fit(*setting, strength(lambda), draw, steps, train, test)
    })?;
    Ok(Digits { lambdas, lines, draws: draws.counts(), steps })
}

fn strength(lambda: f64) -> Strength {
    match lambda {
        0.0 => Strength::Free,
        f64::INFINITY => Strength::Shared,
        lambda => Strength::Coupled(lambda),
    }
}

/// How an end or a λ is called.
pub fn name(lambda: f64) -> String {
    match strength(lambda) {
        Strength::Coupled(lambda) => lambda.to_string(),
        end => end.to_string(),
    }
}

/// The two models in one store, and what holds their encoders together.
struct Models {
    /// Of the classifier, and of the autoencoder.
    encoders: [Mlp; 2],
    head: Linear,
    decoder: Mlp,
    coupling: Coupling,
}

impl Models {
    fn new(params: &mut Params, setting: Setting, strength: Strength, rng: &mut Generator) -> Result<Models, Failure> {
        let widths = setting.encoder;
        let back: Vec<usize> = widths.iter().rev().copied().collect();
        let mut mlp = |params: &mut Params, path: &str, widths: &[usize]| {
            Mlp::new(params, path, widths, Activation::Tanh, Init::Glorot, rng)
        };
        let encoders = ["classifier.encoder", "autoencoder.encoder"].map(|path| mlp(params, path, widths));
        let decoder = mlp(params, "autoencoder.decoder", &back);
        let head = Linear::new(params, "classifier.head", [back[0], 10], Init::Glorot, rng);
        let pairing = Pairing::by_path(params, "classifier.encoder", "autoencoder.encoder")?;
        // Both encoders start from the same weights: what was shared and comes apart.
        let mut coupling = Coupling::new(params, pairing, Strength::Shared)?;
        coupling.set_strength(params, strength)?;
        Ok(Models { encoders, head, decoder, coupling })
    }

    /// The logits of the classifier.
    fn classify<'t>(&self, tape: &'t Tape<'_>, images: Var<'t>, mode: Mode<'_>) -> Var<'t> {
        let codes = self.encoders[0].forward(tape, images, mode);
        self.head.forward(tape, Activation::Tanh.apply(codes), mode)
    }

    /// The images as the autoencoder makes them of noisy ones.
    fn reconstruct<'t>(&self, tape: &'t Tape<'_>, noisy: Var<'t>, mode: Mode<'_>) -> Var<'t> {
        let codes = self.encoders[1].forward(tape, noisy, mode);
        self.decoder.forward(tape, Activation::Tanh.apply(codes), mode)
    }
}

/// Accuracy in per cent on the test images, after training with few labels and all images.
fn fit(
    setting: Setting,
    strength: Strength,
    draw: u64,
    steps: usize,
    train: &Images,
    test: &Images,
) -> Result<f64, Failure> {
    let drawn: Vec<usize> = Batches::new(train.len(), 1, draw, Last::Keep)?.iter().flatten().copied().collect();
    let (labelled, labels) = rows(train, &drawn[..setting.labels]);
    let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(draw));
    let models = Models::new(&mut params, setting, strength, &mut rng)?;
    let training = Training::new(Generator::seed_from_u64(draw));
    let mode = Mode::Train(&training);
    let mut optimizer = Adam::new(RATE);
    let mut batches = Batches::new(train.len(), BATCH, draw.wrapping_add(1), Last::Keep)?;
    for step in 0..steps {
        let (epoch, batch) = (step / batches.count(), step % batches.count());
        batches.epoch(epoch as u64);
        let (images, _) = rows(train, batches.iter().nth(batch).unwrap_or_default());
        let tape = Tape::new(&params);
        let mut noisy = |images: &Tensor| {
            let noise = Init::Normal(NOISE).draw(images.shape(), 0, 0, &mut rng);
            tape.constant(images.clone()) + tape.constant(noise)
        };
        let [seen, broken] = [&labelled, &images].map(&mut noisy);
        let guesses = models.classify(&tape, seen, mode).cross_entropy(tape.constant(labels.clone()));
        let made = mse(models.reconstruct(&tape, broken, mode), tape.constant(images));
        let mut gradients = (guesses + made * (train.size() as f64 * WEIGHT)).backward();
        models.coupling.add_gradients(&params, &mut gradients);
        optimizer.step(&mut params, &gradients);
    }
    let (images, labels) = rows(test, &(0..test.len()).collect::<Vec<_>>());
    let tape = Tape::without_gradients(&params);
    let logits = models.classify(&tape, tape.constant(images), Mode::Eval).into_value();
    Ok(100.0 * accuracy(&logits, &labels.data().iter().map(|&label| label as usize).collect::<Vec<_>>()))
}

/// Images and labels of these rows.
fn rows(images: &Images, rows: &[usize]) -> (Tensor, Tensor) {
    let (mut pixels, mut labels) = (vec![0.0; rows.len() * images.size()], vec![0.0; rows.len()]);
    images.gather(rows, &mut pixels, &mut labels);
    (Tensor::new([rows.len(), images.size()], pixels), Tensor::new([rows.len()], labels))
}

impl Setting {
    /// "64→64→32".
    pub fn layers(&self) -> String {
        self.encoder.iter().map(ToString::to_string).collect::<Vec<_>>().join("→")
    }
}

impl Digits {
    /// In how many settings the middle fares so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict() == verdict).count()
    }

    /// The settings: the ends, the chosen place between them, and what it is worth.
    pub fn table(&self) -> (String, Table) {
        let mut table = Table::new([
            "encoder",
            "labels",
            "free",
            "λ",
            "between",
            "shared",
            "over free",
            "over shared",
            "the middle",
            "shared − free",
        ]);
        for (setting, line) in SETTINGS.iter().zip(&self.lines) {
            let [free, shared] = line.leads().map(|lead| format!("{lead:+.1}"));
            table.row([
                setting.layers(),
                setting.labels.to_string(),
                line.at(0).to_string(),
                name(self.lambdas[line.chosen]),
                line.at(line.chosen).to_string(),
                line.at(self.lambdas.len() - 1).to_string(),
                free,
                shared,
                line.verdict().words().to_string(),
                format!("{:+.1}", line.last_over_first()),
            ]);
        }
        let [choose, measure] = self.draws;
        let caption = format!(
            "Digits, accuracy in per cent on the test rows over {measure} draws of labels and first weights, ± standard \
             error. λ was chosen on held-out training rows and {choose} other draws; differences are paired by draw"
        );
        (caption, table)
    }

    /// All of it, for programs.
    pub fn figures(&self) -> Value {
        let figures = |(setting, line): (&Setting, &Line)| json!({ "encoder": setting.encoder, "labels": setting.labels, "line": line.figures(self.lambdas) });
        json!(SETTINGS.iter().zip(&self.lines).map(figures).collect::<Vec<_>>())
    }
}
