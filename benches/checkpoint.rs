//! How fast a training is saved, and loaded again: 4·10⁶ parameters and Adam's two moments of each.

mod support;

use std::error::Error;

use criterion::{SamplingMode, Throughput};
use tandem::autograd::{Params, Tape};
use tandem::nn::checkpoint::Checkpoint;
use tandem::nn::{Adam, Optimizer};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut params, mut adam) = (Params::new(), Adam::new(0.001));
    for i in 0..4 {
        params.add(&format!("w{i}"), support::numbers([1000, 1000], &mut support::rng()));
    }
    let gradients = {
        let tape = Tape::new(&params);
        let sums = params.names().map(|(id, _)| tape.param(id).square().sum());
        sums.reduce(|sum, next| sum + next).expect("there are four").backward()
    };
    adam.step(&mut params, &gradients);

    let directory = tempfile::tempdir()?;
    let file = directory.path().join("training.safetensors");
    let mut criterion = support::criterion();
    let mut group = criterion.benchmark_group("checkpoint");
    // Both times include the disk's: a save returns when the file is safe there.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    let mut checkpoint = Checkpoint::of(&mut params).slots("adam", &mut adam);
    checkpoint.save(&file)?;
    group.throughput(Throughput::Bytes(file.metadata()?.len()));
    group.bench_function("save", |bencher| bencher.iter(|| checkpoint.save(&file).expect("the disk has room")));
    group.bench_function("load", |bencher| bencher.iter(|| checkpoint.load(&file).expect("it was just saved")));
    group.finish();
    criterion.final_summary();
    Ok(())
}
