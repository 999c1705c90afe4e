//! Two small convolutional nets, of which all parameters are paired, or the first layers alone.

use rand::SeedableRng;
use tandem::autograd::{Params, Tape, Window};
use tandem::nn::data::{Batches, Images, Last};
use tandem::nn::{Activation, Adam, Conv2d, Flatten, Generator, Init, Kernel, Layer, Linear, MaxPool2d, Mode};
use tandem::nn::{Optimizer, Sequential, Training, accuracy};
use tandem::tying::{Coupling, Pairing, Strength};

use crate::support::experiment::Failure;
use crate::support::tasks::{Draw, tensors};

// Chosen on draws of the same rows from 1000 on, as are the strengths.
const STEPS: u64 = 400;
const BATCH: usize = 64;
const RATE: f64 = 3e-3;
/// The images have one channel, the layers of maps have these.
const MAPS: [usize; 2] = [8, 16];

/// Which parameters of the two nets belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paired {
    /// All.
    All,
    /// The convolutions: both see strokes, what they make of them may differ.
    FirstLayers,
}

/// 8×8 pixels, convolution, pooling, convolution, pooling, ten logits.
fn net(params: &mut Params, path: &str, rng: &mut Generator) -> Sequential {
    let mut net = Sequential::new();
    let mut channels = 1;
    for (i, maps) in MAPS.into_iter().enumerate() {
        let kernel = Kernel::new([3, 3], [channels, maps]).pad([1, 1]);
        net.push(&format!("conv{i}"), Conv2d::new(params, &format!("{path}.conv{i}"), kernel, Init::He, rng));
        net.push(&format!("relu{i}"), Activation::Relu);
        net.push(&format!("pool{i}"), MaxPool2d(Window::square(2)));
        channels = maps;
    }
    net.push("flatten", Flatten);
    net.push("out", Linear::new(params, &format!("{path}.out"), [2 * 2 * channels, 10], Init::He, rng));
    net
}

/// Trains A and B together; how many test images B recognises, in per cent. Both start from the same weights:
/// nets that start apart name their maps differently, and what has different meanings should not be close.
///
/// # Errors
/// If the strength makes no sense.
pub fn accuracy_of_b(draw: &Draw, strength: Strength, paired: Paired, seed: u64) -> Result<f64, Failure> {
    let mut params = Params::new();
    let [a, b] = ["a", "b"].map(|path| net(&mut params, path, &mut Generator::seed_from_u64(seed)));
    let pairing = match paired {
        Paired::All => Pairing::by_path(&params, "a", "b"),
        Paired::FirstLayers => Pairing::by_glob(&params, "a", "b", "conv*.*"),
    }?;
    let coupling = Coupling::new(&mut params, pairing, strength)?;
    let (mut optimizer, training) = (Adam::new(RATE), Training::new(Generator::seed_from_u64(seed)));
    let shape = [draw.a.height, draw.a.width, 1];
    let (xb, yb) = tensors(&draw.b, &shape);
    let mut batches = Batches::new(draw.a.len(), BATCH, seed, Last::Drop)?;
    let per_epoch = batches.count() as u64;
    for epoch in 0..STEPS.div_ceil(per_epoch) {
        for rows in batches.epoch(epoch) {
            let (xa, ya) = tensors(&draw.a.subset(rows.iter().copied()), &shape);
            let tape = Tape::new(&params);
            let loss = |net: &Sequential, x, labels| {
                net.forward(&tape, tape.constant(x), Mode::Train(&training)).cross_entropy(tape.constant(labels))
            };
            let mut gradients = (loss(&a, xa, ya) + loss(&b, xb.clone(), yb.clone())).backward();
            coupling.add_gradients(&params, &mut gradients);
            optimizer.step(&mut params, &gradients);
        }
    }
    Ok(of_b(&b, &params, &draw.test))
}

fn of_b(b: &Sequential, params: &Params, images: &Images) -> f64 {
    let tape = Tape::without_gradients(params);
    let (x, _) = tensors(images, &[images.height, images.width, 1]);
    100.0 * accuracy(b.forward(&tape, tape.constant(x), Mode::Eval).value(), &images.labels)
}
