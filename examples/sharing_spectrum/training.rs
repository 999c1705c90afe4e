//! Networks that share their kernels more or less, the images they see, and how they are trained and tested.

use rand::{RngExt, SeedableRng};
use tandem::autograd::{Params, Tape, Tensor, Window};
use tandem::nn::data::Images;
use tandem::nn::{
    Activation, Conv2d, Flatten, Generator, Init, Kernel, Layer, Linear, LocallyConnected2d, MaxPool2d, Mode,
    RateSchedule, Sequential, TiledConv2d, Training, accuracy,
};

use crate::support::experiment::Failure;
use crate::support::fit::{self, Effort};
use crate::support::rows::draw;
use crate::support::size::Size;
use crate::support::tasks::tensors;
use crate::{BATCH, CHANNELS, RATE, SIDE, STEPS};

/// How many kernels take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One for all positions.
    Shared,
    /// In tiles of t × t; where the maps are not larger than a tile, as [`Unshared`](Sharing::Unshared).
    Tiled(usize),
    /// One for each position.
    Unshared,
}

impl Sharing {
    /// The name in tables.
    pub fn name(self) -> String {
        match self {
            Sharing::Shared => "shared".into(),
            Sharing::Tiled(t) => format!("tiled {t}×{t}"),
            Sharing::Unshared => "unshared".into(),
        }
    }
}

/// Where the digits stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// As they ship: in the middle, 8×8 pixels.
    Centred,
    /// At a random place of a canvas that is so many pixels wider and higher, in training and in the test.
    Wandering(usize),
}

impl Scene {
    /// Rows and columns of its images.
    pub fn side(self) -> usize {
        match self {
            Scene::Centred => SIDE,
            Scene::Wandering(room) => SIDE + room,
        }
    }
}

/// What one network reached.
pub struct Run {
    /// In per cent, on each set of test images.
    pub accuracy: Vec<f64>,
    /// What is stored for the network.
    pub size: Size,
    /// How many parameters there would be if nothing were shared: the multiplications and additions of an image.
    pub connections: usize,
}

/// The first so many of the training images in a random order, and sets of test images: those of the scene, and if
/// that is the centred one also each shifted by a pixel in one of eight directions.
pub fn images(scene: Scene, count: usize, all: &[Images; 2], seed: u64) -> Result<(Images, Vec<Images>), Failure> {
    let [train, test] = all;
    let drawn = draw(train, count, seed)?;
    let mut rng = Generator::seed_from_u64(seed);
    Ok(match scene {
        Scene::Centred => {
            let steps = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];
            let shifted = placed(test, SIDE, || steps[rng.random_range(0..steps.len())]);
            (drawn, vec![test.clone(), shifted])
        }
        Scene::Wandering(room) => {
            let mut wander =
                |images: &Images| placed(images, SIDE + room, || [(); 2].map(|()| rng.random_range(0..=room) as isize));
            let test = wander(test);
            (wander(&drawn), vec![test])
        }
    })
}

/// Each image on an empty square canvas, at the place that is drawn for it: \[down, right\]. What does not fit is cut off.
fn placed(images: &Images, side: usize, mut place: impl FnMut() -> [isize; 2]) -> Images {
    let mut pixels = vec![0.0; images.len() * side * side];
    for (row, canvas) in pixels.chunks_mut(side * side).enumerate() {
        let [down, right] = place();
        for (i, &pixel) in images.image(row).iter().enumerate() {
            let to =
                [(i / images.width, down), (i % images.width, right)].map(|(from, by)| from.checked_add_signed(by));
            if let [Some(y), Some(x)] = to
                && y < side
                && x < side
            {
                canvas[y * side + x] = pixel;
            }
        }
    }
    Images { height: side, width: side, pixels, labels: images.labels.clone(), ..*images }
}

/// Two layers of maps, each followed by max pooling, and a linear layer. How the kernels are shared is all that differs.
fn network(sharing: Sharing, side: usize, classes: usize, params: &mut Params, rng: &mut Generator) -> Sequential {
    let mut net = Sequential::new();
    for (path, side, channels) in [("maps1", side, [1, CHANNELS[0]]), ("maps2", side / 2, CHANNELS)] {
        let kernel = Kernel::new([3, 3], channels).pad([1, 1]);
        match sharing {
            Sharing::Shared => net.push(path, Conv2d::new(params, path, kernel, Init::He, rng)),
            Sharing::Tiled(t) => {
                net.push(path, TiledConv2d::new(params, path, (t.min(side), t.min(side)), kernel, Init::He, rng));
            }
            Sharing::Unshared => {
                net.push(path, LocallyConnected2d::new(params, path, [side; 2], kernel, Init::He, rng));
            }
        }
        net.push("relu", Activation::Relu);
        net.push("pool", MaxPool2d(Window::square(2)));
    }
    net.push("flatten", Flatten);
    let features = (side / 4).pow(2) * CHANNELS[1];
    net.push("logits", Linear::new(params, "logits", [features, classes], Init::He, rng));
    net
}

/// Trains a network on these images, for as many steps whatever their number, and tests it.
pub fn run(sharing: Sharing, (train, tests): &(Images, Vec<Images>), seed: u64) -> Result<Run, Failure> {
    let (side, mut params, mut rng) = (train.height, Params::<f32>::new(), Generator::seed_from_u64(seed));
    let net = network(sharing, side, train.classes, &mut params, &mut rng);
    let training = Training::new(rng);
    let effort = Effort { rate: RateSchedule::constant(RATE), steps: STEPS, batch: BATCH };
    let size = fit::fit(&mut params, train, effort, seed, |tape, images| {
        let (x, labels) = tensors(images, &[side, side, 1]);
        net.forward(tape, tape.constant(x), Mode::Train(&training)).cross_entropy(tape.constant(labels))
    })?;
    let of = |images: &Images| {
        let tape = Tape::without_gradients(&params);
        let x = tape.constant(Tensor::new([images.len(), side, side, 1], images.pixels.clone()));
        100.0 * accuracy(net.forward(&tape, x, Mode::Eval).value(), &images.labels)
    };
    let connections = net.connections(&params, [side, side, 1].into())?;
    Ok(Run { accuracy: tests.iter().map(of).collect(), size, connections })
}
