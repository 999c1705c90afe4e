//! One matrix used twice: an autoencoder whose decoder is the transposed encoder, against one with a decoder of its own.
//! `cargo run --release --example tied_autoencoder`

use std::process::ExitCode;

use rand::SeedableRng;
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::{eigen, fit, fit::Effort, rows::draw, size::Size, versus::Versus};
use tandem::autograd::{ParamId, Params, Tape, Tensor, Var};
use tandem::nn::data::{DataError, Images};
use tandem::nn::{Generator, Init, RateSchedule};

#[path = "support/mod.rs"]
mod support;

const ABOUT: About =
    About { name: "tied_autoencoder", help: "The decoder is the transposed encoder, or not", seeds: 15, quick: 2 };
/// Hidden units.
const WIDTHS: [usize; 4] = [4, 8, 16, 32];
/// Training images, drawn at random, and whether the hidden units are linear; else they are tanh.
const CASES: [(usize, bool); 4] = [(100, true), (1000, true), (100, false), (1000, false)];
const NAMES: [&str; 4] = ["100 images (linear)", "1,000 images (linear)", "100 images (tanh)", "1,000 images (tanh)"];
/// The best tried, of 0.003 to 0.1 and 1,000 to 3,000, on a held-out quarter of the training rows (seeds 1000 to 1003).
/// Slower, or with fewer steps, some are stuck on the way; at 0.06 decoders of their own fail with tanh.
const RATE: f64 = 0.03;
const STEPS: usize = 3000;
const BATCH: usize = 50;

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let rows: [Images; 2] = shipped_digits()?.into();
    let with_widths = |case| WIDTHS.into_iter().flat_map(move |width| [true, false].map(|tied| (case, width, tied)));
    let settings: Vec<_> = CASES.into_iter().flat_map(with_widths).collect();
    let runs = experiment.over_seeds("autoencoders", &settings, |&setting, seed| run(setting, seed, &rows))?;
    let (names, x, y) = (["tied", "a decoder of its own"], "hidden units", "what the test loses, %");
    let versus = Versus { names, x, y, less: true, decimals: 2, cases: Vec::new() };
    let versus = versus.fill(&NAMES, &WIDTHS, &runs, |run| run.lost);
    let linear = settings.iter().zip(&runs).filter(|((case, ..), _)| case.1).flat_map(|(_, runs)| runs);
    let above = 100.0 * linear.map(|run| run.of_best - 1.0).fold(0.0, f64::max);
    let error =
        format!("Means of {}; whiskers and ± are standard errors, of paired differences too", experiment.count());
    let picture = versus.picture_of_differences("How much more a tied decoder loses than one of its own", &error);
    let [tied, own] = [2, 1].map(|back| runs[2 * WIDTHS.len() - back][0].size);
    let [few, many, few_tanh, many_tanh] = [0, 1, 2, 3].map(|case| versus.words(case));
    Ok(Report {
        title: "An autoencoder whose decoder is its encoder".into(),
        claim: "Where two matrices tend to be each other's transposes, one can be stored once for both.".into(),
        shows: format!(
            "At the largest width the tied one takes {tied}, the other {own}; how much more the tied one loses, in points: \
             {few}; {many}."
        ),
        limits: format!("With tanh, where a transpose is no longer the best decoder: {few_tanh}; {many_tanh}."),
        setting: format!(
            "x̂ = h Vᵀ + c, h = f(x W + b), V = W where tied; lost is the mean square of x − x̂, per cent of the variance \
             in training. {STEPS} steps of Adam ({RATE}, cosine), {BATCH} images each. In training the linear ones come \
             within {above:.1} % of the least possible loss, that of principal components. {error}."
        ),
        tables: vec![("What is lost of the test images, per cent".into(), versus.table())],
        pictures: vec![("tied_autoencoder.svg".into(), picture)],
        figures: versus.figures(),
    })
}

/// Images and whether linear, width, whether tied.
type Setting = ((usize, bool), usize, bool);

/// What is lost in the test, per cent; what in training, over what principal components lose; what is stored.
struct Run {
    lost: f64,
    of_best: f64,
    size: Size,
}

/// Trains an autoencoder.
fn run(((n, linear), width, tied): Setting, seed: u64, rows: &[Images; 2]) -> Result<Run, DataError> {
    let (mut params, mut rng, train) = (Params::new(), Generator::seed_from_u64(seed), draw(&rows[0], n, seed)?);
    let pixels = train.size();
    let mut matrix = |name| params.add(name, Init::Glorot.draw([pixels, width], pixels, width, &mut rng));
    let w = matrix("encoder");
    let v = if tied { w } else { matrix("decoder") };
    let biases = [("hidden", width), ("output", pixels)].map(|(name, len)| params.add(name, Tensor::zeros([len])));
    let effort = Effort { rate: RateSchedule::cosine(RATE, STEPS as u64), steps: STEPS, batch: BATCH };
    let size = fit::fit(&mut params, &train, effort, seed, |tape, images| error(tape, images, [w, v], biases, linear))?;
    let (tape, variances) = (Tape::without_gradients(&params), eigen::principal(&train.pixels, pixels));
    let of = |images| f64::from(error(&tape, images, [w, v], biases, linear).item()) * pixels as f64;
    let (all, best): (f64, f64) = (variances.iter().sum(), variances[width..].iter().sum());
    Ok(Run { lost: 100.0 * of(&rows[1]) / all, of_best: of(&train) / best, size })
}

/// The mean square of x − x̂, where x̂ = h Vᵀ + c is read from h = f(x W + b).
fn error<'t>(tape: &'t Tape<'_>, images: &Images, [w, v]: [ParamId; 2], [b, c]: [ParamId; 2], linear: bool) -> Var<'t> {
    let x = tape.constant(Tensor::new([images.len(), images.size()], images.pixels.clone()));
    let h = x.clone().matmul(tape.param(w)) + tape.param(b);
    let h = if linear { h } else { h.tanh() };
    (h.matmul_transposed(tape.param(v)) + tape.param(c) - x).square().mean()
}

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}
