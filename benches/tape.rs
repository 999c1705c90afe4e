//! What the tape itself costs: a node for one number, and one more use of a parameter.

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tandem::autograd::{ParamId, Params, Tape, Tensor, Var};

fn main() {
    let mut criterion = support::criterion();
    chain(&mut criterion);
    uses(&mut criterion);
    criterion.final_summary();
}

/// x ← x·w + b over and over, with one w and one b: next to no arithmetic, so the time is that of
/// recording a node and of sweeping over it. 40 Melem/s are 25 ns a node.
fn chain(criterion: &mut Criterion) {
    let mut params = Params::new();
    // So close to 1 that neither x nor the gradients leave the normal numbers on the longest chain.
    let w = params.add("w", Tensor::scalar(0.999_999));
    let b = params.add("b", Tensor::scalar(1e-6));
    let mut group = criterion.benchmark_group("tape/chain");
    // The longest chain takes a third of a second.
    group.sampling_mode(SamplingMode::Flat).sample_size(10).measurement_time(Duration::from_secs(4));
    for nodes in [1_000, 10_000, 100_000, 1_000_000] {
        group.throughput(Throughput::Elements(nodes));
        group.bench_function(BenchmarkId::new("forward", nodes), |bencher| {
            bencher.iter(|| record(&Tape::new(&params), nodes, w, b).item());
        });
        group.bench_function(BenchmarkId::new("forward+backward", nodes), |bencher| {
            bencher.iter(|| black_box(record(&Tape::new(&params), nodes, w, b).backward()));
        });
    }
}

/// A chain of so many nodes, two a round.
fn record<'t>(tape: &'t Tape<'_>, nodes: u64, w: ParamId, b: ParamId) -> Var<'t> {
    let (w, b) = (tape.param(w), tape.param(b));
    (0..nodes / 2).fold(tape.input(0.5), |x, _| x * &w + &b)
}

/// A 64×64 matrix w used k times in x ← x + w: k edges into one leaf, k contributions added into one
/// gradient. An element is a use; its price should not depend on k.
fn uses(criterion: &mut Criterion) {
    let (mut params, mut rng) = (Params::new(), support::rng());
    let w = params.add("w", support::numbers([64, 64], &mut rng));
    let x = support::numbers([64, 64], &mut rng);
    let mut group = criterion.benchmark_group("tape/uses");
    // So many uses take a tenth of a second and more.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for uses in [1, 10, 100, 1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(uses));
        group.bench_function(BenchmarkId::new("forward+backward", uses), |bencher| {
            bencher.iter(|| {
                let tape = Tape::new(&params);
                let sum = (0..uses).fold(tape.constant(x.clone()), |x, _| x + tape.param(w));
                black_box(sum.sum().backward())
            });
        });
    }
}
