//! A checkpointed network has the same gradients to the bit, and what it keeps grows with the root of its
//! depth. (What it takes by the allocator's count: `footprint.rs`.)

#[path = "checkpoint/network.rs"]
mod network;

use network::{gradients, network};
use rand::{Rng, SeedableRng};
use tandem::autograd::{Params, Tape, Tensor, dry_run, kernels};
use tandem::nn::{
    Activation, BatchNorm, Checkpointed, Conv2d, Dropout, Flatten, Generator, Init, Kernel, Layer, Linear, Mode,
    Sequential, Training,
};

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

/// A network that draws at random and remembers: one norm and one convolution stand in it twice, with dropout
/// after each.
fn forgetful(params: &mut Params<f32>, p: f64) -> Sequential<f32> {
    let (mut net, mut rng) = (Sequential::new(), Generator::seed_from_u64(3));
    let kernel = |from: usize| Kernel::new([3, 3], [from, 4]).pad([1, 1]);
    net.push("widen", Conv2d::new(params, "widen", kernel(1), Init::Glorot, &mut rng));
    let conv = Conv2d::new(params, "conv", kernel(4), Init::Glorot, &mut rng);
    let norm = BatchNorm::new(params, "norm", 4);
    for time in 0..2 {
        net.push(&format!("conv{time}"), conv);
        net.push(&format!("norm{time}"), norm);
        net.push(&format!("tanh{time}"), Activation::Tanh);
        if p > 0.0 {
            net.push(&format!("dropout{time}"), Dropout(p));
        }
    }
    net.push("flatten", Flatten);
    net.push("out", Linear::new(params, "out", [8 * 8 * 4, 10], Init::Glorot, &mut rng));
    net
}

/// Result, gradients, and the states once they are committed, of a pass that draws from this generator.
fn pass(params: &Params<f32>, net: &dyn Layer<f32>, generator: Generator) -> [Vec<Tensor<f32>>; 3] {
    let (mut params, mut training) = (params.clone(), Training::new(generator));
    let images = (0..5 * 64).map(|i| (i * i % 17) as f32 / 17.0).collect();
    let tape = Tape::new(&params);
    let y = net.forward(&tape, tape.constant(Tensor::new([5, 8, 8, 1], images)), Mode::Train(&training));
    let value = y.value().clone();
    let gradients = y.square().mean().backward();
    let gradients = params.slots().map(|slot| gradients.get(slot).unwrap().clone()).collect();
    training.commit(&mut params);
    [vec![value], gradients, params.states().map(|(id, _)| params.state(id).clone()).collect()]
}

#[test]
fn what_is_drawn_is_drawn_again_and_what_is_remembered_is_remembered_once() {
    type Wrap = fn(Sequential<f32>) -> Box<dyn Layer<f32>>;
    // A segment draws from a generator of its own, which one word of the training's seeds.
    let segment = |mut outer: Generator| Generator::seed_from_u64(outer.next_u64());
    for p in [0.0, 0.4] {
        let run = |wrap: Wrap, generator: Generator| {
            let mut params = Params::new();
            let net = wrap(forgetful(&mut params, p));
            pass(&params, &*net, generator)
        };
        let plain: Wrap = |net| Box::new(net);
        let (lean, lean_twice): (Wrap, Wrap) =
            (|net| Box::new(Checkpointed::new(net)), |net| Box::new(Checkpointed::new(Checkpointed::new(net))));
        let generator = || Generator::seed_from_u64(11);
        let expected = run(plain, segment(generator()));
        assert!(run(lean, generator()) == expected, "p = {p}");
        assert!(run(lean_twice, generator()) == run(plain, segment(segment(generator()))), "p = {p}");
        // Other draws make another pass, unless there are none.
        assert_eq!(run(plain, generator()) == expected, p == 0.0);
        let [mean, variance] = &expected[2][..] else { panic!("the norm has two states") };
        assert!(mean.data().iter().all(|&mean| mean != 0.0) && variance.data().iter().all(|&variance| variance != 1.0));
    }
}

#[test]
fn a_norm_that_is_used_twice_in_a_pass_remembers_both_batches_in_order() {
    let mut params = Params::<f64>::new();
    let norm = BatchNorm::new(&mut params, "norm", 2);
    let batches = [1.0, -3.0].map(|shift| {
        let x = (0..8).map(|i| shift + f64::from(i * i % 5)).collect();
        Tensor::new([4, 2], x)
    });
    let states = |params: &Params<f64>| [norm.mean, norm.variance].map(|id| params.state(id).clone());
    // The batches of one list in one pass, and then a commit.
    let after = |passes: &[&[usize]]| {
        let (mut params, mut training) = (params.clone(), Training::new(Generator::seed_from_u64(0)));
        for pass in passes {
            let tape = Tape::new(&params);
            for &i in *pass {
                norm.forward(&tape, tape.constant(batches[i].clone()), Mode::Train(&training));
            }
            training.commit(&mut params);
        }
        states(&params)
    };
    assert_eq!(after(&[&[0, 1]]), after(&[&[0], &[1]]));
    assert_ne!(after(&[&[0, 1]]), after(&[&[1, 0]]));
    // (1 − m)² · 0 + (1 − m) · m · μ₀ + m · μ₁
    let means = batches.each_ref().map(|x| x.data().iter().step_by(2).sum::<f64>() / 4.0);
    let mean = after(&[&[0, 1]])[0].data()[0];
    assert!((mean - (0.9 * 0.1 * means[0] + 0.1 * means[1])).abs() < 1e-15, "{mean}");
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
