//! Whole training steps, as programs would write them: the eight workloads on which systems are compared.

mod support;
#[path = "support/workloads.rs"]
mod workloads;

use std::hint::black_box;

use criterion::{BenchmarkId, SamplingMode};
use tandem::autograd::kernels;

fn main() {
    let mut criterion = support::criterion();
    let mut group = criterion.benchmark_group("steps");
    group.sampling_mode(SamplingMode::Flat);
    for name in workloads::NAMES {
        // The last two do less than would be worth a second thread.
        let most = if matches!(name, "W7" | "W8") { 1 } else { 2 };
        for threads in 1..=most {
            kernels::set_threads(threads);
            let mut workload = workloads::build(name);
            group.bench_function(BenchmarkId::new(name, format!("threads={threads}")), |bencher| {
                bencher.iter(|| black_box(workload.step()));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
