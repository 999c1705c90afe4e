//! Predicted memory equals measured memory, to the byte, for the networks of `convnet_memory`.
//!
//! A program of its own without a harness: the allocator counts for the whole process.

#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/networks.rs"]
mod networks;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/training.rs"]
mod training;

use networks::{Plan, Sharing};
use tandem::autograd::{Tensor, kernels};
use tandem::memory::{CountingAllocator, requested_bytes};
use training::{OptimizerKind, Phase, Setting, Trainer, measure, predict};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    let mut settings = 0;
    for threads in [1, 2] {
        kernels::set_threads(threads);
        for (image, batch) in [([8, 8], 32), ([8, 8], 1), ([28, 28], 5)] {
            let plan = Plan::new(image, 1, 10).unwrap();
            for sharing in Sharing::ALL {
                for optimizer in [OptimizerKind::Sgd, OptimizerKind::Momentum, OptimizerKind::Adam] {
                    let setting = Setting { plan, optimizer, lr: 0.01, batch };
                    let context = format!("{sharing:?}, {setting:?}, {threads} threads");
                    for phase in [Phase::Training, Phase::Inference] {
                        let predicted = predict(&setting, sharing, phase);
                        let measured = measure(&setting, sharing, phase);
                        assert_eq!(predicted.total(), measured, "{phase:?}: {context}: {predicted:?}");
                    }
                    let footprint = predict(&setting, sharing, Phase::Training);
                    assert_eq!(footprint.gradients, footprint.parameters, "{context}");
                    steady(&setting, sharing, &context);
                    settings += 1;
                }
            }
        }
    }
    println!("prediction exact and a warm step without allocation in {settings} settings ... ok");
}

/// From the third step on, nothing is asked of the system.
fn steady(setting: &Setting, sharing: Sharing, context: &str) {
    let mut trainer = Trainer::new(setting, sharing, 0);
    let mut step = || {
        let x = Tensor::zeros(setting.plan.input().batched(setting.batch));
        trainer.step(x, Tensor::zeros([setting.batch]))
    };
    step();
    step();
    let before = requested_bytes();
    for _ in 0..5 {
        step();
    }
    assert_eq!(requested_bytes(), before, "{context}");
}
