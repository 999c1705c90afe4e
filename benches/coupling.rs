//! What it costs to hold two models together: two perceptrons 784-256-128-10, each with a batch of
//! its own, that are free, coupled by λ‖wA − wB‖², or shared.

mod support;

use std::error::Error;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use support::{BATCH, Batch};
use tandem::autograd::{Params, Tape};
use tandem::nn::{Mlp, Optimizer, Sgd};
use tandem::tying::{Coupling, Pairing, Strength};

const COUPLED: Strength = Strength::Coupled(0.01);

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = support::criterion();
    penalty(&mut criterion)?;
    for (name, strength) in [("free", Strength::Free), ("coupled", COUPLED), ("shared", Strength::Shared)] {
        steps(&mut criterion, name, strength)?;
    }
    criterion.final_summary();
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

/// The penalty alone and its gradients; an element is a pair of numbers.
fn penalty(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let TwoModels { params, coupling, .. } = TwoModels::new(COUPLED)?;
    let mut group = criterion.benchmark_group("coupling/penalty");
    group.throughput(Throughput::Elements(params.numel() as u64 / 2));
    group.bench_function("forward+backward", |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(&params);
            black_box(coupling.penalty(&tape).backward())
        });
    });
    Ok(())
}

/// One step of both models; an element is an example of either.
fn steps(criterion: &mut Criterion, name: &str, strength: Strength) -> Result<(), Box<dyn Error>> {
    let TwoModels { mut params, models: [a, b], batches: [of_a, of_b], coupling } = TwoModels::new(strength)?;
    let mut optimizer = Sgd::new(0.01);
    let mut group = criterion.benchmark_group("coupling/step");
    group.throughput(Throughput::Elements(2 * BATCH as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let tape = Tape::new(&params);
            let loss = of_a.loss(&tape, &a) + of_b.loss(&tape, &b) + coupling.penalty(&tape);
            let value = loss.item();
            let gradients = loss.backward();
            optimizer.step(&mut params, &gradients);
            value
        });
    });
    Ok(())
}
