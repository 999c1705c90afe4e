//! Each layer alone, forward and backward, in training.

mod support;

use criterion::{Criterion, Throughput};
use rand::SeedableRng;
use support::ops::classes;
use tandem::autograd::{Params, Shape, Tape, Tensor, Window};
use tandem::nn::{
    Activation, AvgPool2d, BatchNorm, Conv2d, ConvTranspose2d, Dropout, Embedding, Generator, GlobalAvgPool2d, Init,
    Kernel, Layer, LayerNorm, Linear, MaxPool2d, Mode, Rnn, Training,
};

/// Makes a layer of which the parameters are in a store.
type Make = fn(&mut Params) -> Box<dyn Layer<f32>>;

fn main() {
    let mut criterion = support::criterion();
    let image = [32, 16, 16, 16];
    let layers: [(&str, Make, &[usize]); 12] = [
        ("linear", |p| Box::new(Linear::new(p, "l", [256, 256], Init::He, &mut support::rng())), &[64, 256]),
        ("conv", |p| Box::new(Conv2d::new(p, "l", kernel(), Init::He, &mut support::rng())), &image),
        ("conv-transpose", |p| Box::new(ConvTranspose2d::new(p, "l", kernel(), Init::He, &mut support::rng())), &image),
        ("max-pool", |_| Box::new(MaxPool2d(Window::square(2))), &image),
        ("avg-pool", |_| Box::new(AvgPool2d(Window::square(2))), &image),
        ("global-avg-pool", |_| Box::new(GlobalAvgPool2d), &image),
        ("batch-norm", |p| Box::new(BatchNorm::new(p, "l", 16)), &image),
        ("layer-norm", |p| Box::new(LayerNorm::new(p, "l", [256])), &[512, 256]),
        ("relu", |_| Box::new(Activation::Relu), &image),
        ("dropout", |_| Box::new(Dropout(0.5)), &image),
        ("rnn", |p| Box::new(Rnn::new(p, "l", [64, 128], &mut support::rng())), &[32, 32, 64]),
        ("embedding", |p| Box::new(Embedding::new(p, "l", [WORDS, 64], Init::He, &mut support::rng())), &[64, 32]),
    ];
    for (name, make, shape) in layers {
        let x = match name {
            "embedding" => classes(shape, WORDS as u16),
            _ => support::numbers(Shape::from(shape), &mut support::rng()),
        };
        layer(&mut criterion, name, make, &x);
    }
    criterion.final_summary();
}

/// Words that an embedding knows.
const WORDS: usize = 10_000;

fn kernel() -> Kernel {
    Kernel::new([3, 3], [16, 16]).pad([1, 1])
}

/// The gradients of the parameters and of the input; an element is an example.
fn layer(criterion: &mut Criterion, name: &str, make: Make, x: &Tensor) {
    let mut params = Params::new();
    let layer = make(&mut params);
    let mut training = Training::new(Generator::seed_from_u64(0));
    let mut group = criterion.benchmark_group("layers");
    group.throughput(Throughput::Elements(u64::from(x.shape()[0])));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(&params);
            // Indices have no gradient.
            let x = if name == "embedding" { tape.constant(x.clone()) } else { tape.input(x.clone()) };
            drop(layer.forward(&tape, x, Mode::Train(&training)).sum().backward());
            training.commit(&mut params);
        });
    });
}
