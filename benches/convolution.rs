//! The three convolutions side by side: one shape, as many multiply-adds, and 1, 4 or 256 kernels; and beside the last
//! of them the batched product of matrices that it amounts to, with every window copied already.

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use rand::rngs::StdRng;
use tandem::autograd::{Params, Tape, Tensor, dry_run};
use tandem::nn::{Conv2d, Init, Kernel, Layer, LocallyConnected2d, Mode, TiledConv2d};

const IMAGES: usize = 16;
const SIDE: usize = 16;
const CHANNELS: [usize; 2] = [16, 32];
/// Those over the padding included.
const MULTIPLY_ADDS: usize = IMAGES * SIDE * SIDE * 3 * 3 * CHANNELS[0] * CHANNELS[1];

/// Makes a layer of which the kernels are in a store.
type Make = fn(&mut Params) -> Box<dyn Layer<f32>>;

fn main() {
    let mut criterion = support::criterion();
    let makes: [(&str, Make); 3] = [
        ("shared", |p| Box::new(Conv2d::new(p, "shared", kernel(), Init::He, &mut support::rng()))),
        ("tiled", |p| Box::new(TiledConv2d::new(p, "tiled", (2, 2), kernel(), Init::He, &mut support::rng()))),
        ("unshared", |p| {
            Box::new(LocallyConnected2d::new(p, "unshared", [SIDE; 2], kernel(), Init::He, &mut support::rng()))
        }),
    ];
    for (name, make) in makes {
        print_bytes(name, make);
    }
    let mut params = Params::new();
    let layers = makes.map(|(name, make)| (name, make(&mut params)));
    let layers = layers.each_ref().map(|(name, layer)| (*name, &**layer));
    forward(&mut criterion, &params, layers);
    both_gradients(&mut criterion, &params, layers);
    criterion.final_summary();
}

fn kernel() -> Kernel {
    Kernel::new([3, 3], CHANNELS).pad([1, 1]).without_bias()
}

/// What the layer stores, and what forward and backward pass take at their peak.
fn print_bytes(name: &str, make: Make) {
    let footprint = dry_run::<f32, _>(|probe| {
        let mut params = Params::new();
        let layer = make(&mut params);
        for _ in 0..2 {
            let tape = Tape::new(&params);
            let x = tape.input(Tensor::zeros([IMAGES, SIDE, SIDE, CHANNELS[0]]));
            drop(layer.forward(&tape, x, Mode::Eval).sum().backward());
        }
        probe.footprint(params.bookkeeping_bytes())
    });
    println!("convolution/{name}: {} bytes of kernels, {} in all at the peak", footprint.parameters, footprint.total());
}

/// The results alone, on a tape that records nothing.
fn forward(criterion: &mut Criterion, params: &Params, layers: [(&str, &dyn Layer<f32>); 3]) {
    let x = support::numbers([IMAGES, SIDE, SIDE, CHANNELS[0]], &mut support::rng());
    let mut group = criterion.benchmark_group("convolution/forward");
    group.throughput(Throughput::Elements(MULTIPLY_ADDS as u64));
    for (name, layer) in layers {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let tape = Tape::without_gradients(params);
                black_box(layer.forward(&tape, tape.constant(x.clone()), Mode::Eval).into_value())
            });
        });
    }
    let operands = windows_and_kernels(&mut support::rng());
    group.bench_function("batched product", |bencher| {
        bencher.iter(|| {
            let tape = Tape::without_gradients(params);
            let [windows, kernels] = operands.each_ref().map(|x| tape.constant(x.clone()));
            black_box(windows.matmul(kernels).into_value())
        });
    });
}

/// All windows, position by position, and a kernel for each position, as matrices.
fn windows_and_kernels(rng: &mut StdRng) -> [Tensor; 2] {
    let (positions, places) = (SIDE * SIDE, 3 * 3 * CHANNELS[0]);
    [[positions, IMAGES, places], [positions, places, CHANNELS[1]]].map(|shape| support::numbers(shape, rng))
}

/// The results, the gradient of the images and that of the kernels: three products of one size.
fn both_gradients(criterion: &mut Criterion, params: &Params, layers: [(&str, &dyn Layer<f32>); 3]) {
    let mut rng = support::rng();
    let x = support::numbers([IMAGES, SIDE, SIDE, CHANNELS[0]], &mut rng);
    let cotangent = support::numbers([IMAGES, SIDE, SIDE, CHANNELS[1]], &mut rng);
    let mut group = criterion.benchmark_group("convolution/forward+backward");
    group.throughput(Throughput::Elements(3 * MULTIPLY_ADDS as u64));
    for (name, layer) in layers {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let tape = Tape::new(params);
                let y = layer.forward(&tape, tape.input(x.clone()), Mode::Eval);
                black_box(y.backward_with(cotangent.clone()))
            });
        });
    }
    let operands = windows_and_kernels(&mut rng);
    let cotangent = support::numbers([SIDE * SIDE, IMAGES, CHANNELS[1]], &mut rng);
    group.bench_function("batched product", |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(params);
            let [windows, kernels] = operands.each_ref().map(|x| tape.input(x.clone()));
            black_box(windows.matmul(kernels).backward_with(cotangent.clone()))
        });
    });
}
