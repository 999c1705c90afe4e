//! A whole training step, as a program would write it: forward, backward, gradient descent.

mod support;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use support::{BATCH, Batch};
use tandem::autograd::{Params, Tape, kernels};
use tandem::nn::{Layer, Optimizer, Sgd};

fn main() {
    let mut criterion = support::criterion();
    for threads in [1, 2] {
        kernels::set_threads(threads);
        let (mut params, mut rng) = (Params::new(), support::rng());
        let net = support::mlp(&mut params, "mlp", &mut rng);
        step(&mut criterion, "mlp", params, &net, &Batch::new([784], &mut rng));
        let (mut params, mut rng) = (Params::new(), support::rng());
        let net = support::lenet(&mut params, &mut rng);
        step(&mut criterion, "lenet", params, &net, &Batch::new([28, 28, 1], &mut rng));
    }
    criterion.final_summary();
}

/// One step on a batch of 64; an element is an example.
fn step(criterion: &mut Criterion, name: &str, mut params: Params, net: &dyn Layer<f32>, batch: &Batch) {
    let mut optimizer = Sgd::new(0.01);
    let mut group = criterion.benchmark_group("step");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new(name, format!("threads={}", kernels::threads())), |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(&params);
            let loss = batch.loss(&tape, net);
            let value = loss.item();
            let gradients = loss.backward();
            optimizer.step(&mut params, &gradients);
            value
        });
    });
}
