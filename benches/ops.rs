//! Each op alone, forward and backward: from elementwise functions to products of matrices.

mod support;

use criterion::{SamplingMode, Throughput};

fn main() {
    let mut criterion = support::criterion();
    let mut group = criterion.benchmark_group("ops");
    // The largest product takes tens of milliseconds.
    group.sampling_mode(SamplingMode::Flat);
    for name in support::ops::names() {
        let case = support::ops::Case::new(name).expect("it has a name");
        group.throughput(Throughput::Elements(case.elements() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| case.step()));
    }
    group.finish();
    criterion.final_summary();
}
