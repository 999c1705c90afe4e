//! The network that grows, and what one step of it takes.

use std::time::Instant;

use rand::SeedableRng;
use serde::Serialize;
use tandem::autograd::{Params, Tape, Tensor, dry_run, release_memory};
use tandem::memory::{live_bytes, peak_bytes, reset_peak};
use tandem::nn::{Activation, Conv2d, Generator, GlobalAvgPool2d, Init, Kernel, Layer, Linear};
use tandem::nn::{Mode, Optimizer, PerSlot, Sequential, Sgd};

/// All sizes of the network and its batch.
#[derive(Clone, Copy)]
pub struct Size {
    /// Images in a batch.
    pub batch: usize,
    /// Channels of every convolution.
    pub width: usize,
    /// Convolutions.
    pub depth: usize,
    /// Pixels along an image's side.
    pub side: usize,
}

/// What a step takes at one size.
#[derive(Serialize)]
pub struct Point {
    /// That which changes.
    pub size: usize,
    /// The lowest of several steps: what else runs on the machine only adds.
    pub milliseconds: f64,
    /// The peak of training, as a dry run has it.
    pub predicted_bytes: usize,
    /// The peak of training, as the allocator saw it.
    pub measured_bytes: usize,
}

impl Point {
    /// Predicts and measures; `quick` takes three steps, else as many as fill a second, 5 to 51.
    pub fn measure(size: usize, sizes: Size, quick: bool) -> Point {
        let predicted_bytes = dry_run::<f32, _>(|probe| {
            let mut trainer = Trainer::new(sizes);
            (0..2).for_each(|_| trainer.step());
            probe.footprint(trainer.bookkeeping_bytes()).total()
        });
        release_memory::<f32>();
        let before = live_bytes();
        reset_peak();
        let mut trainer = Trainer::new(sizes);
        let mut time = || {
            let start = Instant::now();
            trainer.step();
            start.elapsed().as_secs_f64()
        };
        time();
        let steps = if quick { 3 } else { (1.0 / time()).clamp(5.0, 51.0) as usize };
        let measured_bytes = peak_bytes() - before;
        let lowest = (0..steps).map(|_| time()).fold(f64::INFINITY, f64::min);
        let milliseconds = 1000.0 * lowest;
        Point { size, milliseconds, predicted_bytes, measured_bytes }
    }
}

/// Convolutions of 3×3 with ReLU, an average over the pixels, ten classes.
struct Trainer {
    params: Params,
    net: Sequential,
    sgd: Sgd,
    images: [usize; 4],
}

impl Trainer {
    fn new(Size { batch, width, depth, side }: Size) -> Trainer {
        let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(0));
        let mut net = Sequential::new();
        for i in 0..depth {
            let name = format!("conv{i}");
            let kernel = Kernel::new([3, 3], [width, width]).pad([1, 1]);
            net.push(&name, Conv2d::new(&mut params, &name, kernel, Init::He, &mut rng));
            net.push(&format!("relu{i}"), Activation::Relu);
        }
        net.push("pool", GlobalAvgPool2d);
        net.push("out", Linear::new(&mut params, "out", [width, 10], Init::He, &mut rng));
        Trainer { params, net, sgd: Sgd::new(0.01), images: [batch, side, side, width] }
    }

    fn step(&mut self) {
        let tape = Tape::new(&self.params);
        let logits = self.net.forward(&tape, tape.constant(Tensor::full(self.images, 0.5)), Mode::Eval);
        let labels = tape.constant(Tensor::zeros([self.images[0]]));
        let gradients = logits.cross_entropy(labels).backward();
        drop(tape);
        self.sgd.step(&mut self.params, &gradients);
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.params.bookkeeping_bytes() + self.net.bookkeeping_bytes() + self.sgd.bookkeeping_bytes()
    }
}
