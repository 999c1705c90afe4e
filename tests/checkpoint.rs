//! A checkpointed network has the same gradients to the bit, and what it keeps grows with the root of its
//! depth. (What it takes by the allocator's count: `footprint.rs`.)

#[path = "checkpoint/network.rs"]
mod network;

use network::{gradients, network};
use tandem::autograd::{Params, dry_run, kernels};
use tandem::nn::Layer;

#[test]
fn gradients_are_the_same_to_the_bit() {
    for (depth, threads) in [(1, 1), (7, 1), (7, 2), (20, 2)] {
        kernels::set_threads(threads);
        let [kept, again] = [false, true].map(|checkpointed| {
            let mut params = Params::new();
            let net = network(&mut params, depth, checkpointed);
            let gradients = gradients(&params, &net, 3);
            params.slots().map(|slot| gradients.get(slot).unwrap().clone()).collect::<Vec<_>>()
        });
        // Weight and bias of what is not the shared convolution, of that, and of both ends.
        assert_eq!(kept.len(), 2 * (depth - depth.div_ceil(3) + 3));
        assert_eq!(kept, again, "depth {depth}, {threads} threads");
        assert!(kept.iter().all(|g| g.data().iter().any(|&g| g != 0.0)));
    }
}

#[test]
fn activations_grow_with_the_root_of_the_depth() {
    // Bytes of buffers that are or were activations in a step: at its peak, late in the sweep, most are idle.
    let peak = |depth: usize, checkpointed: bool| {
        let footprint = dry_run::<f32, _>(|probe| {
            let mut params = Params::new();
            let net = network(&mut params, depth, checkpointed);
            drop(gradients(&params, &net, 16));
            probe.footprint(params.bookkeeping_bytes() + net.bookkeeping_bytes())
        });
        (footprint.activations + footprint.idle) as f64
    };
    // From 64 to 256 layers they grow by four times as much as from 16 to 64, or by twice.
    let growth = |checkpointed: bool| {
        let [few, more, most] = [16, 64, 256].map(|depth| peak(depth, checkpointed));
        (most - more) / (more - few)
    };
    assert!((3.9..4.1).contains(&growth(false)), "{}", growth(false));
    assert!((1.8..2.2).contains(&growth(true)), "{}", growth(true));
    assert!(peak(256, true) < peak(256, false) / 5.0, "{} of {}", peak(256, true), peak(256, false));
}
