//! A convolutional network of any depth, with and without checkpoints.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Gradients, Params, Tape, Tensor, Window};
use tandem::nn::{Activation, Conv2d, Flatten, Init, Kernel, Layer, Linear, MaxPool2d, Mode, Sequential, TiledConv2d};

/// Convolutions of one width, every third one the first again, with an activation after each; then a
/// classifier. Images of 8 × 8.
pub fn network(params: &mut Params<f32>, depth: usize, checkpointed: bool) -> Sequential<f32> {
    let (mut net, mut rng) = (Sequential::new(), StdRng::seed_from_u64(3));
    let kernel = |from: usize| Kernel::new([3, 3], [from, 4]).pad([1, 1]);
    net.push("widen", Conv2d::new(params, "widen", kernel(1), Init::Glorot, &mut rng));
    let shared = Conv2d::new(params, "shared", kernel(4), Init::Glorot, &mut rng);
    for i in 0..depth {
        let path = format!("conv{i}");
        match i % 3 {
            0 => net.push(&path, shared),
            1 => net.push(&path, Conv2d::new(params, &path, kernel(4), Init::Glorot, &mut rng)),
            _ => net.push(&path, TiledConv2d::new(params, &path, (2, 2), kernel(4), Init::Glorot, &mut rng)),
        }
        net.push(&format!("tanh{i}"), Activation::Tanh);
    }
    net.push("pool", MaxPool2d(Window::square(2)));
    net.push("flatten", Flatten);
    net.push("out", Linear::new(params, "out", [4 * 4 * 4, 10], Init::Glorot, &mut rng));
    if checkpointed { net.checkpointed() } else { net }
}

/// The gradients of the cross-entropy of a batch.
pub fn gradients(params: &Params<f32>, net: &Sequential<f32>, batch: usize) -> Gradients<f32> {
    let tape = Tape::new(params);
    let mut images = Tensor::zeros([batch, 8, 8, 1]);
    images.update(|x| x.iter_mut().enumerate().for_each(|(i, x)| *x = (i * i % 17) as f32 / 17.0));
    let labels = tape.constant(Tensor::full([batch], 3.0));
    net.forward(&tape, tape.constant(images), Mode::Eval).cross_entropy(labels).backward()
}
