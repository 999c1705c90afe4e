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
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Params, Tensor, kernels};
use tandem::memory::{CountingAllocator, live_bytes, requested_bytes};
use tandem::nn::{Activation, Flatten, Init, Layer, Mlp, Sequential};
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
    nested_descriptions_count_what_they_hold();
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

/// A network in a network, and a perceptron of more layers than stand in its description itself: what
/// they say that their lists take is what the allocator saw.
fn nested_descriptions_count_what_they_hold() {
    for widths in [&[3; 3][..], &[3; 9]] {
        let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(0));
        // Made first: the numbers are the store's, and the lists that are counted are a copy's.
        let mlp = Mlp::new(&mut params, "mlp", widths, Activation::Tanh, Init::He, &mut rng);
        let before = live_bytes();
        let mut inner = Sequential::<f32>::new();
        inner.push("flatten", Flatten);
        inner.push("mlp", mlp.clone());
        let mut net = Sequential::new();
        net.push("inner", inner);
        assert_eq!(net.bookkeeping_bytes(), live_bytes() - before, "{widths:?}");
    }
}
