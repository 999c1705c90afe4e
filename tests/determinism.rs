//! Same seed, same bits: on one thread or two, and twice.
//!
//! One test function only: the number of threads is set for the whole process.

#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/networks.rs"]
mod networks;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/training.rs"]
mod training;

use networks::{Plan, Sharing};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::autograd::{Tensor, kernels};
use training::{OptimizerKind, Phase, Setting, Trainer, predict};

/// The bits of the losses of some steps on random images, and of all parameters after them.
fn train(setting: &Setting, sharing: Sharing, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut trainer = Trainer::new(setting, sharing, seed);
    let shape = setting.plan.input().batched(setting.batch);
    let step = |_| {
        let x = Tensor::new(shape, (0..shape.len()).map(|_| rng.random()).collect());
        let labels = (0..setting.batch).map(|_| f32::from(rng.random_range(0..10_u8))).collect();
        trainer.step(x, Tensor::new([setting.batch], labels)).to_bits()
    };
    let losses = (0..4).map(step).collect();
    let numbers = trainer.params.slots().flat_map(|slot| trainer.params.value(slot).data());
    (losses, numbers.map(|w| w.to_bits()).collect())
}

#[test]
fn the_seed_decides_every_bit() {
    let plan = Plan::new([28, 28], 1, 10).unwrap();
    let setting = Setting { plan, optimizer: OptimizerKind::Adam, lr: 0.01, batch: 64 };
    for sharing in Sharing::ALL {
        // Work is shared between threads if many of them have more space in all.
        let [alone, many] = [1, 8].map(|threads| {
            kernels::set_threads(threads);
            predict(&setting, sharing, Phase::Training).workspace
        });
        assert!(alone < many, "{sharing:?}: nothing here is worth two threads");
        let [one, two, again, three] = [1, 2, 2, 3].map(|threads| {
            kernels::set_threads(threads);
            train(&setting, sharing, 5)
        });
        assert!(one == two && one == three, "{sharing:?}: one thread and more differ");
        assert!(two == again, "{sharing:?}: two runs differ");
        assert!(train(&setting, sharing, 6).0 != two.0, "{sharing:?}: the seed does not matter");
    }
}
