//! Soft weight sharing learns which weights may be equal (Nowlan and Hinton 1992): how few bytes are left, and at what
//! accuracy, beside values that k-means takes from a network which knew of no prior.
//!
//! ```text
//! cargo run --release --example weight_groups
//! cargo run --release --example weight_groups -- --help
//! ```
//!
//! A network for digits is trained in three parts. The first one is plain. In the second one a mixture of Gaussians,
//! learned with the weights, is their prior; for the rivals it is plain, too. Then every weight becomes the mean of its
//! group (for the rivals: the nearest of as many values of k-means, or the mean of the group in a mixture that is fitted
//! to the weights as they are). In the third part weights of one value are equal, and the values are trained on.

mod network;
mod pictures;
mod prior;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod values;

use std::process::ExitCode;

use serde::Serialize;
use tandem::autograd::{Gradients, Params};
use tandem::nn::data::{DataError, Images};

use network::{Course, Net};
use prior::Moment;
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use values::{Values, k_means, within};

const ABOUT: About = About {
    name: "weight_groups",
    help: "Weights that find their groups themselves: bytes and accuracy beside k-means",
    seeds: 24,
    quick: 2,
};

// What is not a matter of course was chosen on the last quarter of the training rows, with the seeds 1000 to 1007.

/// The hidden layer: so small that each weight matters.
const HIDDEN: usize = 16;
/// Rows a step.
const BATCH: usize = 32;
/// The first part: as long as the accuracy rises quickly.
const PLAIN: Course = Course { first: 0, epochs: 30, rate: 2e-3, falls: false };
/// The second part: with steps that are long enough for weights to change their group.
const PRIOR: Course = Course { first: 30, epochs: 40, rate: 5e-3, falls: true };
/// The third part.
const EQUAL: Course = Course { first: 70, epochs: 20, rate: 5e-3, falls: true };
/// The mixture's steps are so many times as long as the network's, of 1, 2, 5 and 10 times: with short ones its widths
/// lag behind the weights, with long ones it leaves more values.
const MIXTURE_RATE: f64 = 5.0;
/// The least width: of 0.01, 0.03 and 0.05 the one with the best accuracy at about 200 coded bytes.
const FLOOR: f64 = 0.05;
/// The strength rises over this part of the steps: with 0.8, accuracies at as many bytes are much the same.
const RAMP: f64 = 0.3;
/// To fit a mixture to weights that stay, in as many steps as the second part has.
const FIT_RATE: f64 = 0.02;
/// How much of the steps under the prior are past where the pictures show the weights.
const WATCHED: [f64; 3] = [0.0, 0.1, 0.3];

/// A prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// How many Gaussians.
    pub components: usize,
    /// λ, for a loss that is a mean over rows.
    pub strength: f64,
}

const fn with(components: usize, strength: f64) -> Setting {
    Setting { components, strength }
}

/// By λ, then by the number of components.
const SETTINGS: [Setting; 7] =
    [with(16, 0.0003), with(16, 0.001), with(16, 0.003), with(16, 0.01), with(16, 0.03), with(8, 0.01), with(32, 0.01)];
/// The one that sentences and pictures of weights are about.
const SHOWN: Setting = with(16, 0.01);
/// How many values k-means takes, beside as many as the prior leaves.
const COUNTS: [usize; 8] = [2, 3, 4, 5, 6, 8, 12, 16];
/// As many values k-means starts from where it pays for bits.
const MOST_VALUES: usize = 16;

/// A network whose weights have a few values.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Outcome {
    /// How many.
    pub values: usize,
    /// What tells them apart.
    pub bits: u32,
    /// Of the values and of so many bits for each weight.
    pub bytes: usize,
    /// A weight takes so many in a code in which frequent values are short.
    pub coded_bits: f64,
    /// Of the values, the code, and the weights in it.
    pub coded_bytes: usize,
    /// Accuracy in per cent of the test rows, with the weights that were trained.
    pub before: f64,
    /// With the values in their place.
    pub after: f64,
    /// With the values trained on.
    pub equal: f64,
}

/// What came of a prior, and of its rivals on the same seed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// The prior.
    pub soft: Outcome,
    /// A mixture of as many components, fitted to weights that knew of no prior.
    pub fitted: Outcome,
    /// k-means with as many values.
    pub as_many: Outcome,
    /// k-means that pays for bits, so that it takes no more coded bytes.
    pub as_small: Outcome,
}

/// What came of a seed.
#[derive(Serialize)]
pub struct Seed {
    /// Accuracy of the network with weights of their own, trained as long as the others.
    pub plain: f64,
    /// By setting.
    pub runs: Vec<Run>,
    /// By the number of values.
    pub k_means: Vec<Outcome>,
    /// How the weights of the shown setting went, if asked.
    #[serde(skip)]
    pub moments: Vec<Moment>,
}

type Fallible<T> = Result<T, Failure>;

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}

fn study(experiment: &Experiment) -> Fallible<Report> {
    let (train, test) = shipped_digits()?;
    let wanted = |setting: &Setting| !experiment.quick || setting.components == SHOWN.components;
    let settings: Vec<Setting> = SETTINGS.into_iter().filter(wanted).collect();
    let seeds: Vec<u64> = experiment.seeds.clone().collect();
    let first = experiment.seeds.start;
    let seeds = experiment.map("seeds", &seeds, |&seed| one_seed(&train, &test, &settings, seed, seed == first))?;
    Ok(report::report(experiment, [train.len(), test.len()], &settings, &seeds))
}

/// All networks of a seed: they are one until the second part.
fn one_seed(train: &Images, test: &Images, settings: &[Setting], seed: u64, watch: bool) -> Fallible<Seed> {
    let mut start = Net::new(train.size(), seed);
    let mut moments = vec![Moment::now("first weights", &start.params, None)];
    start.train(train, PLAIN, seed, nothing)?;
    let mut plain = start.clone();
    plain.train(train, PRIOR, seed, nothing)?;
    let bench = Bench { train, test, seed };
    let (weights, before) = (plain.weights(), plain.accuracy(test));
    let with = |weights: Vec<f32>| bench.quantised(plain.with_weights(&weights), before);
    let mut runs = Vec::new();
    for setting in settings {
        let mut soft = start.clone();
        let watched = (watch && *setting == SHOWN).then_some(&mut moments);
        let shown = watched.is_some();
        let sharing = prior::train(&mut soft, setting, train, PRIOR, seed, watched)?;
        let accuracy = soft.accuracy(test);
        let codebook = prior::consolidate(&mut soft, &sharing);
        if shown {
            moments.push(Moment::now("equal", &soft.params, Some(&sharing)));
        }
        let soft = bench.quantised(soft, accuracy)?;
        assert_eq!(
            (soft.values, soft.bytes),
            (codebook.distinct, codebook.bytes_after),
            "rivals are counted otherwise"
        );
        // It knows of no λ: one does for all.
        let earlier = settings.iter().zip(&runs).find(|(earlier, _)| earlier.components == setting.components);
        let fitted = match earlier.map(|(_, run): (_, &Run)| run.fitted) {
            Some(fitted) => fitted,
            None => bench.quantised(prior::fitted(&plain, setting.components, PRIOR.steps(train.len()))?, before)?,
        };
        let as_many = with(k_means(&weights, soft.values, 0.0))?;
        let as_small = with(within(&weights, MOST_VALUES, soft.coded_bytes))?;
        runs.push(Run { soft, fitted, as_many, as_small });
    }
    let k_means = COUNTS.map(|count| with(k_means(&weights, count, 0.0))).into_iter().collect::<Result<_, _>>()?;
    plain.train(train, EQUAL, seed, nothing)?;
    Ok(Seed { plain: plain.accuracy(test), runs, k_means, moments })
}

/// Plain training adds nothing to the gradients.
fn nothing(_: u64, _: &Params, _: &mut Gradients) {}

/// What the third part is trained and tested on.
struct Bench<'a> {
    train: &'a Images,
    test: &'a Images,
    seed: u64,
}

impl Bench<'_> {
    /// The third part, and what the values cost.
    fn quantised(&self, mut net: Net, before: f64) -> Result<Outcome, DataError> {
        let values = Values::of(&net.weights());
        let after = net.accuracy(self.test);
        net.train(self.train, EQUAL, self.seed, |_, params, gradients| values.pool(params, gradients))?;
        Ok(Outcome {
            values: values.values.len(),
            bits: values.bits(),
            bytes: values.bytes(),
            coded_bits: values.coded_bits(),
            coded_bytes: values.coded_bytes(),
            before,
            after,
            equal: net.accuracy(self.test),
        })
    }
}
