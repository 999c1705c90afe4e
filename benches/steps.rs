//! Whole training steps, as programs would write them: the eight workloads on which systems are compared, and the
//! first of them by hand.

#[path = "support/by_hand.rs"]
mod by_hand;
mod support;
#[path = "support/workloads.rs"]
mod workloads;

use std::hint::black_box;

use criterion::{BenchmarkId, SamplingMode};
use tandem::autograd::kernels;

fn main() {
    let mut criterion = support::criterion();
    assert_by_hand_is_w1();
    let mut group = criterion.benchmark_group("steps");
    group.sampling_mode(SamplingMode::Flat);
    let mut by_hand = by_hand::ByHand::new();
    group.bench_function(BenchmarkId::new("W1 by hand", "threads=1"), |bencher| {
        bencher.iter(|| black_box(by_hand.step()));
    });
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

/// The same losses, to the rounding of a sum in another order.
fn assert_by_hand_is_w1() {
    let (mut by_hand, mut engine) = (by_hand::ByHand::new(), workloads::build("W1"));
    for step in 0..10 {
        let (found, expected) = (by_hand.step(), engine.step()[0]);
        assert!((found - expected).abs() < 1e-6 * expected, "step {step}: {found} by hand, {expected} by the engine");
    }
}
