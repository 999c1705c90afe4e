//! What the benches share: how long criterion measures, synthetic data, two networks, and single ops.
//!
//! Not a bench itself. A program of this folder takes it in with `mod support;`.

// Every bench compiles its own copy and uses a part of it.
#![allow(dead_code)]

pub mod ops;

use std::time::Duration;

use criterion::Criterion;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::autograd::{Params, Shape, Tape, Tensor, Var, Window, kernels};
use tandem::nn::{Activation, Conv2d, Flatten, Init, Kernel, Layer, Linear, MaxPool2d, Mlp, Mode, Sequential};

/// Examples in a batch.
pub const BATCH: usize = 64;

/// Settings under which all benches together take some five minutes. The command line may change
/// them. Kernels run on one thread unless a bench says otherwise.
pub fn criterion() -> Criterion {
    kernels::set_threads(1);
    let settings = Criterion::default().warm_up_time(Duration::from_millis(500));
    settings.measurement_time(Duration::from_secs(2)).sample_size(30).configure_from_args()
}

/// The generator of everything random, always from the same seed.
pub fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
}

/// Numbers drawn from the standard normal distribution.
pub fn numbers(shape: impl Into<Shape>, rng: &mut StdRng) -> Tensor {
    // A He draw has variance 2 / fan_in.
    Init::He.draw(shape, 2, 2, rng)
}

/// Examples and their classes, 0 to 9, all at random.
pub struct Batch {
    x: Tensor,
    labels: Tensor,
}

impl Batch {
    /// [`BATCH`] examples of this shape.
    pub fn new(example: impl Into<Shape>, rng: &mut StdRng) -> Batch {
        let labels = (0..BATCH).map(|_| rng.random_range(0..10_u8).into()).collect();
        Batch { x: numbers(example.into().batched(BATCH), rng), labels: Tensor::new([BATCH], labels) }
    }

    /// The mean cross-entropy of the network's logits.
    pub fn loss<'t>(&self, tape: &'t Tape<'_>, net: &dyn Layer<f32>) -> Var<'t> {
        let logits = net.forward(tape, tape.constant(self.x.clone()), Mode::Eval);
        logits.cross_entropy(tape.constant(self.labels.clone()))
    }
}

/// A perceptron 784-256-128-10 with ReLU: 235,146 parameters.
pub fn mlp(params: &mut Params, path: &str, rng: &mut StdRng) -> Mlp {
    Mlp::new(params, path, &[784, 256, 128, 10], Activation::Relu, Init::He, rng)
}

/// LeNet with ReLU and max pooling, for images of 28×28: 61,706 parameters.
pub fn lenet(params: &mut Params, rng: &mut StdRng) -> Sequential {
    let (relu, pool) = (Activation::Relu, MaxPool2d(Window::square(2)));
    let mut net = Sequential::new();
    net.push("conv1", Conv2d::new(params, "conv1", Kernel::new([5, 5], [1, 6]).pad([2, 2]), Init::He, rng));
    net.push("relu1", relu);
    net.push("pool1", pool);
    net.push("conv2", Conv2d::new(params, "conv2", Kernel::new([5, 5], [6, 16]), Init::He, rng));
    net.push("relu2", relu);
    net.push("pool2", pool);
    net.push("flatten", Flatten);
    net.push("fc1", Linear::new(params, "fc1", [400, 120], Init::He, rng));
    net.push("relu3", relu);
    net.push("fc2", Linear::new(params, "fc2", [120, 84], Init::He, rng));
    net.push("relu4", relu);
    net.push("fc3", Linear::new(params, "fc3", [84, 10], Init::He, rng));
    net
}
