//! What it costs to hold two models together.
//!
//! A step of two perceptrons 784-256-128-10, each with a batch of its own, that are free, coupled by λ‖wA − wB‖²
//! (on the tape, fused, or by proximal steps), or shared; and the coupling of two models of 10⁷ parameters alone,
//! beside the plainest loop over as much memory.

mod support;

use std::error::Error;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use support::{BATCH, Batch};
use tandem::autograd::kernels::threads::for_each_chunk;
use tandem::autograd::{Params, Tape, Tensor, kernels};
use tandem::nn::{Mlp, Optimizer, Sgd};
use tandem::tying::{Coupling, Pairing, Strength};

const COUPLED: Strength = Strength::Coupled(0.01);
const RATE: f64 = 0.01;

/// How the coupling comes into a step.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Tape,
    Fused,
    Proximal,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = support::criterion();
    for threads in [1, 2] {
        kernels::set_threads(threads);
        bandwidth(&mut criterion, threads);
        large_models(&mut criterion, threads)?;
    }
    kernels::set_threads(1);
    for (name, strength, way) in [
        ("free", Strength::Free, Way::Tape),
        ("tape", COUPLED, Way::Tape),
        ("fused", COUPLED, Way::Fused),
        ("proximal", COUPLED, Way::Proximal),
        ("shared", Strength::Shared, Way::Tape),
    ] {
        steps(&mut criterion, name, strength, way)?;
    }
    criterion.final_summary();
    Ok(())
}

/// y ← y + ηx over 2·10⁷ numbers: two numbers are read and one is written.
fn bandwidth(criterion: &mut Criterion, threads: usize) {
    const LENGTH: usize = 20_000_000;
    let (x, mut y) = (vec![1.0_f32; LENGTH], vec![0.0_f32; LENGTH]);
    let mut group = criterion.benchmark_group("coupling/memory");
    group.throughput(Throughput::Bytes(3 * 4 * LENGTH as u64)).sample_size(20);
    group.bench_function(BenchmarkId::new("axpy", threads), |bencher| {
        const CHUNK: usize = 1 << 18;
        bencher.iter(|| {
            for_each_chunk([&mut y[..]], CHUNK, |i, [y]| {
                y.iter_mut().zip(&x[i * CHUNK..]).for_each(|(y, &x)| *y += 0.01 * x);
            });
            black_box(&mut y);
        });
    });
}

/// The coupling of two models of 10⁷ parameters each, and nothing else. Of every pair, the fused way reads both
/// numbers and both gradients and writes the gradients; a proximal step reads and writes both numbers.
fn large_models(criterion: &mut Criterion, threads: usize) -> Result<(), Box<dyn Error>> {
    const LENGTH: usize = 10_000_000;
    let mut params = Params::<f32>::new();
    for (path, x) in [("a.w", 1.0), ("b.w", 2.0)] {
        params.add(path, Tensor::full([LENGTH / 1000, 1000], x));
    }
    let pairing = Pairing::by_path(&params, "a", "b")?;
    let coupling = Coupling::new(&mut params, pairing, COUPLED)?;
    let on_tape = |params: &Params| coupling.penalty(&Tape::new(params)).backward();
    let mut group = criterion.benchmark_group("coupling/large");
    group.throughput(Throughput::Bytes(6 * 4 * LENGTH as u64)).sample_size(20);
    let mut gradients = on_tape(&params);
    group.bench_function(BenchmarkId::new("fused", threads), |bencher| {
        bencher.iter(|| coupling.add_gradients(&params, &mut gradients));
    });
    drop(gradients);
    group.bench_function(BenchmarkId::new("tape", threads), |bencher| bencher.iter(|| black_box(on_tape(&params))));
    group.throughput(Throughput::Bytes(4 * 4 * LENGTH as u64));
    group.bench_function(BenchmarkId::new("proximal", threads), |bencher| {
        bencher.iter(|| coupling.proximal_step(&mut params, RATE));
    });
    Ok(())
}

struct TwoModels {
    params: Params,
    models: [Mlp; 2],
    batches: [Batch; 2],
    coupling: Coupling,
}

impl TwoModels {
    fn new(strength: Strength) -> Result<TwoModels, Box<dyn Error>> {
        let (mut params, mut rng) = (Params::new(), support::rng());
        let models = ["a", "b"].map(|path| support::mlp(&mut params, path, &mut rng));
        let batches = [(); 2].map(|()| Batch::new([784], &mut rng));
        let pairing = Pairing::by_path(&params, "a", "b")?;
        let coupling = Coupling::new(&mut params, pairing, strength)?;
        Ok(TwoModels { params, models, batches, coupling })
    }
}

/// One step of both models; an element is an example of either.
fn steps(criterion: &mut Criterion, name: &str, strength: Strength, way: Way) -> Result<(), Box<dyn Error>> {
    let TwoModels { mut params, models: [a, b], batches: [of_a, of_b], coupling } = TwoModels::new(strength)?;
    let mut optimizer = Sgd::new(RATE);
    let mut group = criterion.benchmark_group("coupling/step");
    group.throughput(Throughput::Elements(2 * BATCH as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(&params);
            let losses = of_a.loss(&tape, &a) + of_b.loss(&tape, &b);
            let loss = if way == Way::Tape { losses + coupling.penalty(&tape) } else { losses };
            let mut value = loss.item();
            let mut gradients = loss.backward();
            if way == Way::Fused {
                value += coupling.add_gradients(&params, &mut gradients) as f32;
            }
            optimizer.step(&mut params, &gradients);
            if way == Way::Proximal {
                coupling.proximal_step(&mut params, RATE).expect("squared L2 has a proximal step");
            }
            value
        });
    });
    Ok(())
}
