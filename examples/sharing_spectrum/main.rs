//! From unshared over tiled to shared convolution: how many bytes does sharing save, and how much data is it worth?
//!
//! Networks of one shape, at equal compute, whose kernels take turns: one kernel for all positions is convolution,
//! as many as there are positions is the unshared layer, and tiles of t × t kernels lie between. They learn from 50 to
//! 1,000 digits and are tested on other writers' digits: as they ship, in the middle of the image; shifted by a pixel,
//! which training never showed; and, in training and test alike, at random places of a larger image. What a kernel
//! finds in one place is of use in another: that prior knowledge holds for the last, and hardly for the first.
//!
//! `cargo run --release --example sharing_spectrum`

use std::process::ExitCode;

mod report;
#[path = "../support/mod.rs"]
mod support;
mod training;
mod worth;

use tandem::nn::data::Images;

use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::size::Size;
use support::stats::Estimate;
use training::{Run, Scene, Sharing};
use worth::{Worth, worth};

const ABOUT: About = About {
    name: "sharing_spectrum",
    help: "From unshared over tiled to shared convolution: how many bytes does sharing save, and how much data is it worth?",
    seeds: 20,
    quick: 3,
};
/// Training images, drawn from all training rows at random, not stratified; the 50 are among the 100, and so on.
const IMAGES: [usize; 5] = [50, 100, 200, 400, 1000];
const QUICK_IMAGES: [usize; 3] = [50, 200, 1000];
/// From one end to the other. Tiles of 4×4 leave nothing to share in the second maps of the shipped digits.
const SHARINGS: [Sharing; 5] =
    [Sharing::Shared, Sharing::Tiled(2), Sharing::Tiled(3), Sharing::Tiled(4), Sharing::Unshared];
const QUICK_SHARINGS: [Sharing; 3] = [Sharing::Shared, Sharing::Tiled(2), Sharing::Unshared];
/// Rows and columns of the digits that ship.
const SIDE: usize = 8;
/// Random places are those of 8×8 pixels in 12×12.
const SCENES: [Scene; 2] = [Scene::Centred, Scene::Wandering(4)];
/// Maps of the two layers. Half as many as in `convnet_memory`, for time.
const CHANNELS: [usize; 2] = [8, 16];
/// Divides all numbers of images, so that all batches are full.
const BATCH: usize = 25;
/// The same for all. Chosen on quarters of the training rows, held out in turn (seeds 1000 to 1003), from rates of 0.003
/// to 0.02 and 300, 600 and 1,200 steps: this rate and those on both sides differ little, twice the steps change little,
/// half of them cost some points at random places.
const RATE: f64 = 0.01;
const STEPS: usize = 600;

/// What was measured: accuracy in per cent by view, number of images, sharing and seed.
struct Study {
    images: Vec<usize>,
    sharings: Vec<Sharing>,
    views: [View; 3],
    /// For each scene, the sizes of each sharing's network.
    sizes: Vec<Vec<Size>>,
    /// For each scene, the connections of each network.
    connections: Vec<usize>,
    /// How many training rows there are to draw from, and how many test rows.
    rows: [usize; 2],
}

/// A kind of test images.
struct View {
    /// As in "on digits …".
    name: &'static str,
    /// The scene that the network was trained on, by place in [`SCENES`].
    scene: usize,
    /// By number of images, by sharing, by seed.
    accuracy: Vec<Vec<Vec<f64>>>,
    /// By number of images: how many the unshared network needs to be as good as the shared one.
    worth: Vec<Worth>,
}

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let (train, test) = shipped_digits()?;
    let rows = [train, test];
    let images = if experiment.quick { QUICK_IMAGES.to_vec() } else { IMAGES.to_vec() };
    let sharings = if experiment.quick { QUICK_SHARINGS.to_vec() } else { SHARINGS.to_vec() };
    let mut settings = Vec::new();
    for scene in SCENES {
        for &count in &images {
            settings.extend(sharings.iter().map(|&sharing| (scene, count, sharing)));
        }
    }
    let run = |&(scene, count, sharing): &(Scene, usize, Sharing), seed| {
        training::run(sharing, &training::images(scene, count, &rows, seed)?, seed)
    };
    let runs = experiment.over_seeds("networks", &settings, run)?;
    check_ends(&runs, &settings, experiment.seeds.start, run)?;
    let of_scene = images.len() * sharings.len();
    let view = |name, scene: usize, set: usize| {
        let runs = &runs[scene * of_scene..][..of_scene];
        let of = |runs: &Vec<Run>| runs.iter().map(|run| run.accuracy[set]).collect::<Vec<f64>>();
        let accuracy: Vec<Vec<Vec<f64>>> =
            runs.chunks(sharings.len()).map(|runs| runs.iter().map(of).collect()).collect();
        let [shared, unshared] =
            [0, sharings.len() - 1].map(|end| accuracy.iter().map(|all| &*all[end]).collect::<Vec<_>>());
        let worth = worth(&images, &shared, &unshared);
        View { name, scene, accuracy, worth }
    };
    let views = [
        view("digits in the middle", 0, 0),
        view("digits shifted in the test", 0, 1),
        view("digits at random places", 1, 0),
    ];
    let sizes = runs.chunks(of_scene).map(|runs| runs[..sharings.len()].iter().map(|runs| runs[0].size).collect());
    let sizes: Vec<Vec<Size>> = sizes.collect();
    if runs.chunks(of_scene).any(|runs| runs.iter().any(|run| run[0].connections != runs[0][0].connections)) {
        return Err("the networks differ in what they compute".into());
    }
    let connections = runs.chunks(of_scene).map(|runs| runs[0][0].connections).collect();
    Ok(report::report(
        experiment,
        &Study { images, sharings, views, sizes, connections, rows: [&rows[0], &rows[1]].map(Images::len) },
    ))
}

/// Tiles of one kernel are convolution, and tiles as large as the maps are the unshared layer: the same size, and, as
/// they draw the same first weights, the same accuracy.
fn check_ends<E: std::fmt::Display>(
    runs: &[Vec<Run>],
    settings: &[(Scene, usize, Sharing)],
    seed: u64,
    fit: impl Fn(&(Scene, usize, Sharing), u64) -> Result<Run, E>,
) -> Result<(), Failure> {
    for (&(scene, count, sharing), runs) in settings.iter().zip(runs).filter(|((_, count, _), _)| *count == IMAGES[0]) {
        let as_tiles = match sharing {
            Sharing::Shared => Sharing::Tiled(1),
            Sharing::Unshared => Sharing::Tiled(usize::MAX),
            Sharing::Tiled(_) => continue,
        };
        let tiled = fit(&(scene, count, as_tiles), seed).map_err(|error| error.to_string())?;
        if tiled.size != runs[0].size || tiled.accuracy != runs[0].accuracy {
            return Err(format!("{}: as tiles it is another network", sharing.name()).into());
        }
    }
    Ok(())
}

impl View {
    /// By how many points the network of one sharing is ahead of that of another, at a number of images.
    fn lead(&self, images: usize, [of, over]: [usize; 2]) -> Estimate {
        Estimate::paired_difference(&self.accuracy[images][of], &self.accuracy[images][over])
    }
}

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}
