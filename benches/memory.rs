//! Time against memory: a deep network whose insides are kept, or computed again in the backward sweep.

mod support;

use std::hint::black_box;

use criterion::Throughput;
use tandem::autograd::{Params, Tape, Tensor, dry_run};
use tandem::nn::{Activation, Checkpointed, Conv2d, GlobalAvgPool2d, Init, Kernel, Layer, Mode, Sequential};

const BATCH: usize = 16;
/// Convolutions, each with an activation.
const DEPTH: usize = 24;

fn main() {
    let mut criterion = support::criterion();
    let mut group = criterion.benchmark_group("rematerialisation");
    group.throughput(Throughput::Elements(BATCH as u64));
    // All in one segment saves nothing: everything is there at once when it is computed again.
    for each in [None, Some(1), Some(5), Some(DEPTH)] {
        let name = each.map_or("plain".to_string(), |each| format!("segments-of-{each}"));
        let peak = dry_run::<f32, _>(|probe| {
            let (params, net) = network(each);
            (0..2).for_each(|_| step(&params, &net));
            probe.footprint(params.bookkeeping_bytes() + net.bookkeeping_bytes()).total()
        });
        println!("rematerialisation/{name}: {peak} bytes at the peak");
        let (params, net) = network(each);
        group.bench_function(name, |bencher| bencher.iter(|| step(&params, &net)));
    }
    group.finish();
    criterion.final_summary();
}

/// Convolutions of 16 channels; perhaps as many in a segment of which only the input is kept.
fn network(each: Option<usize>) -> (Params, Sequential) {
    let (mut params, mut rng, mut net) = (Params::new(), support::rng(), Sequential::new());
    for first in (0..DEPTH).step_by(each.unwrap_or(DEPTH)) {
        let mut part = Sequential::new();
        for i in first..DEPTH.min(first + each.unwrap_or(DEPTH)) {
            let name = format!("conv{i}");
            let kernel = Kernel::new([3, 3], [16, 16]).pad([1, 1]);
            part.push(&name, Conv2d::new(&mut params, &name, kernel, Init::He, &mut rng));
            part.push(&format!("relu{i}"), Activation::Relu);
        }
        match each {
            Some(_) => net.push(&format!("part{first}"), Checkpointed::new(part)),
            None => net.push("all", part),
        }
    }
    net.push("pool", GlobalAvgPool2d);
    (params, net)
}

fn step(params: &Params, net: &Sequential) {
    let tape = Tape::new(params);
    let x = tape.constant(Tensor::full([BATCH, 16, 16, 16], 0.5));
    black_box(net.forward(&tape, x, Mode::Eval).sum().backward());
}
