//! Predicted memory equals measured memory, to the byte, for every network of the examples: at the peak
//! of a step, at any moment within it, and name by name. A warm step asks the system for nothing.
//!
//! A program of its own without a harness: the allocator counts for the whole process.

#[path = "checkpoint/network.rs"]
mod checkpoint;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/known.rs"]
mod known;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/networks.rs"]
mod networks;
#[path = "../examples/support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/training.rs"]
mod training;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/two_models.rs"]
mod two_models;

use std::cell::{Cell, RefCell};

use known::{KnownNetwork, NETWORKS, OPTIMIZERS};
use networks::{Plan, Sharing};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Footprint, Params, Tape, Tensor, dry_run, kernels, release_memory};
use tandem::memory::{CountingAllocator, NameBytes, live_bytes, peak_bytes, requested_bytes, reset_peak};
use tandem::nn::data::{Images, digits};
use tandem::nn::{
    Activation, AdamW, BatchNorm, Checkpointed, Conv2d, Dropout, Ema, Flatten, Generator, GlobalAvgPool2d, Group, Init,
    Kernel, Layer, Linear, Mlp, Mode, Optimizer, PerSlot, RateSchedule, Sequential, Sgd, Training, clip_norm,
    clip_value,
};
use tandem::tying::{Coupling, GroupLasso, Groups, Huber, L1, Pairing, Penalty, SquaredL2, Strength};
use training::{OptimizerKind, Phase, Setting, Trainer, by_name, gather, measure, predict, zeros};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const OPTIMIZER_KINDS: [OptimizerKind; 3] = [OptimizerKind::Sgd, OptimizerKind::Momentum, OptimizerKind::Adam];

fn main() {
    let mut settings = 0;
    for threads in [1, 2] {
        kernels::set_threads(threads);
        for (image, batch) in [([8, 8], 32), ([8, 8], 1), ([28, 28], 5)] {
            let plan = Plan::new(image, 1, 10).unwrap();
            for optimizer in OPTIMIZER_KINDS {
                let setting = Setting { plan, optimizer, lr: 0.01, batch };
                for sharing in Sharing::ALL {
                    four_networks(&setting, sharing, &format!("{sharing:?}, {setting:?}, {threads} threads"));
                    settings += 1;
                }
                as_if_unshared(&setting);
            }
        }
        // Unshared, AlexNet would take gigabytes, as VGG-16 does in any case: those are predicted only.
        for net in NETWORKS.iter().filter(|net| net.name.starts_with("LeNet")) {
            net.variants.iter().for_each(|&sharing| known_network(net, sharing, &[1, 32]));
        }
    }
    let alexnet = NETWORKS.iter().find(|net| net.name == "AlexNet").expect("it is known");
    known_network(alexnet, known::Sharing::Shared, &[1]);
    let (train, test) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).unwrap();
    for threads in [1, 2] {
        kernels::set_threads(threads);
        for optimizer in [OptimizerKind::Momentum, OptimizerKind::Adam] {
            a_thousand_steps(&train, optimizer, &format!("{optimizer:?}, {threads} threads"));
        }
    }
    let images = [train, test];
    for strength in two_models::SPECTRUM {
        two_models(&images, strength);
    }
    for threads in [1, 2] {
        kernels::set_threads(threads);
        coupled(SquaredL2);
        coupled(L1);
        coupled(Huber::new(0.1));
        for groups in [Groups::Whole, Groups::Rows, Groups::Filters] {
            coupled(GroupLasso { groups });
        }
    }
    groups_and_an_average();
    for (depth, checkpointed) in [(5, false), (5, true), (20, false), (20, true)] {
        checkpoints(depth, checkpointed);
    }
    for checkpointed in [false, true] {
        drawing_and_remembering(checkpointed);
    }
    nested_descriptions_count_what_they_hold();
    println!(
        "prediction exact, as a whole and by name, and a warm step without allocation in {settings} settings ... ok"
    );
}

/// One of the four networks of `convnet_memory`, in every way.
fn four_networks(setting: &Setting, sharing: Sharing, context: &str) {
    for phase in [Phase::Training, Phase::Inference] {
        let predicted = predict(setting, sharing, phase);
        let measured = measure(setting, sharing, phase);
        assert_eq!(predicted.total(), measured, "{phase:?}: {context}: {predicted:?}");
    }
    let footprint = predict(setting, sharing, Phase::Training);
    assert_eq!(footprint.gradients, footprint.parameters, "{context}");
    at_every_moment(setting, sharing, context);
    name_by_name(setting, sharing, &footprint, context);
    let mut trainer = Trainer::new(setting, sharing, 0);
    let mut step = || {
        let (x, labels) = zeros(setting);
        trainer.step(x, labels)
    };
    step();
    step();
    let before = requested_bytes();
    for _ in 0..5 {
        step();
    }
    assert_eq!(requested_bytes(), before, "{context}");
}

/// Before, within and after each of three steps there are as many bytes as the probe says.
fn at_every_moment(setting: &Setting, sharing: Sharing, context: &str) {
    const MOMENTS: usize = 1 + 3 * 5;
    let predicted: [Footprint; MOMENTS] = dry_run::<f32, _>(|probe| {
        let mut found = [Footprint::default(); MOMENTS];
        let mut moments = found.iter_mut();
        three_steps(setting, sharing, |lists| *moments.next().expect("as many as expected") = probe.now(lists));
        assert!(moments.next().is_none(), "fewer moments than expected");
        found
    });
    let mut measured = [0; MOMENTS];
    release_memory::<f32>();
    let before = live_bytes();
    let mut moments = measured.iter_mut();
    three_steps(setting, sharing, |_| *moments.next().expect("as many") = live_bytes() - before);
    assert_eq!(predicted.map(|footprint| footprint.total()), measured, "{context}: {predicted:#?}");
    // What a step needs waits for the next one: its activations are there until the sweep has used them.
    let [.., forward, backward, _, _, between] = predicted;
    assert!(forward.activations > backward.activations && between.activations == 0, "{context}: {predicted:#?}");
}

/// Calls `see` with the bytes of all lists when the store exists, and in each step when the loss is
/// known, the gradients are, the tape is gone, the parameters have moved and the gradients are gone.
fn three_steps(setting: &Setting, sharing: Sharing, mut see: impl FnMut(usize)) {
    let mut trainer = Trainer::new(setting, sharing, 0);
    see(trainer.bookkeeping_bytes());
    for _ in 0..3 {
        let lists = trainer.bookkeeping_bytes();
        let tape = Tape::new(&trainer.params);
        let (x, labels) = zeros(setting);
        let loss = trainer.loss(&tape, x, labels);
        see(lists + tape.bookkeeping_bytes());
        let gradients = loss.backward();
        see(lists + tape.bookkeeping_bytes() + gradients.bookkeeping_bytes());
        drop(tape);
        see(lists + gradients.bookkeeping_bytes());
        trainer.optimizer.step(&mut trainer.params, &gradients);
        see(trainer.bookkeeping_bytes() + gradients.bookkeeping_bytes());
        drop(gradients);
        see(trainer.bookkeeping_bytes());
    }
}

/// Every name takes what was predicted, and the names add up to the footprint.
fn name_by_name(setting: &Setting, sharing: Sharing, footprint: &Footprint, context: &str) {
    let predicted = dry_run::<f32, _>(|_| by_name(setting, sharing));
    assert_eq!(predicted.to_string(), by_name(setting, sharing).to_string(), "{context}");
    let &Footprint { parameters, gradients, optimizer, .. } = footprint;
    assert_eq!(predicted.unique(), NameBytes { parameters, gradients, optimizer }, "{context}\n{predicted}");
}

/// What sharing networks would take unshared is what the network takes that shares nothing.
fn as_if_unshared(setting: &Setting) {
    let [dense, unshared, tiled, convolutional] =
        Sharing::ALL.map(|sharing| dry_run::<f32, _>(|_| by_name(setting, sharing)));
    assert_eq!(dense.as_if_unshared(), dense.unique());
    for sharing in [&unshared, &tiled, &convolutional] {
        assert_eq!(sharing.as_if_unshared(), unshared.unique(), "{setting:?}\n{sharing}");
    }
}

/// A network from the literature: the second step of training.
fn known_network(net: &KnownNetwork, sharing: known::Sharing, batches: &[usize]) {
    for &batch in batches {
        for (name, make) in OPTIMIZERS {
            let predicted = net.footprint(sharing, batch, make);
            release_memory::<f32>();
            let before = live_bytes();
            let measured = net.train(sharing, batch, make, reset_peak, |_| peak_bytes() - before);
            assert_eq!(predicted.total(), measured, "{}, {sharing:?}, {batch}, {name}: {predicted:?}", net.name);
        }
    }
}

/// Steps 3 to 1,000 of the convolutional network on digits ask the system for nothing, and learn.
fn a_thousand_steps(images: &Images, optimizer: OptimizerKind, context: &str) {
    let plan = Plan::new([8, 8], 1, 10).unwrap();
    let setting = Setting { plan, optimizer, lr: optimizer.usual_rate(), batch: 32 };
    let mut trainer = Trainer::new(&setting, Sharing::Convolutional, 0);
    let rows: Vec<usize> = (0..images.len()).collect();
    let (mut requested, mut losses) = ([0; 2], [0.0; 2]);
    for (step, rows) in (1..=1_000).zip(rows.chunks_exact(setting.batch).cycle()) {
        let (x, labels) = gather(images, rows);
        let loss = trainer.step(x, labels);
        match step {
            2 => (requested[0], losses[0]) = (requested_bytes(), loss),
            1_000 => (requested[1], losses[1]) = (requested_bytes(), loss),
            _ => {}
        }
    }
    assert_eq!(requested[1] - requested[0], 0, "{context}");
    assert!(losses[1] < 0.1 * losses[0], "{context}: {losses:?}");
}

/// Both models of `two_models`, with what couples them: the peak of a step, and no byte from the system.
fn two_models(images: &[Images; 2], strength: Strength) {
    let run = |begin: &dyn Fn(), end: &dyn Fn(usize)| {
        let steps = Cell::new(0);
        let outcome = two_models::fit(strength, 0, images, |params, coupling, optimizer| {
            match steps.get() {
                2 => begin(),
                5 => end(params.bookkeeping_bytes() + coupling.bookkeeping_bytes() + optimizer.bookkeeping_bytes()),
                _ => {}
            }
            steps.set(steps.get() + 1);
        });
        outcome.expect("the images are there");
    };
    let [predicted, measured, requested] = [const { Cell::new(0) }; 3];
    dry_run::<f32, _>(|probe| run(&|| probe.forget_peak(), &|lists| predicted.set(probe.footprint(lists).total())));
    release_memory::<f32>();
    let before = live_bytes();
    let begin = || {
        reset_peak();
        requested.set(requested_bytes());
    };
    let end = |_| {
        measured.set(peak_bytes() - before);
        requested.set(requested_bytes() - requested.get());
    };
    run(&begin, &end);
    assert_eq!((predicted.get(), 0), (measured.get(), requested.get()), "{strength}");
}

/// A step with a fused penalty, and one with a proximal step over pairs: no byte from the system once it is warm.
fn coupled(penalty: impl Penalty<f32> + Copy + 'static) {
    for fused in [true, false] {
        let mut params = Params::<f32>::new();
        let ids = ["a.0", "a.1", "b.0", "b.1"].map(|name| {
            let shape = if name.ends_with('0') { [300, 200] } else { [3, 4] };
            params.add(name, Tensor::full(shape, if name.starts_with('a') { 2.0 } else { 1.0 }))
        });
        let pairing = Pairing::by_path(&params, "a", "b").unwrap();
        let coupling = Coupling::with(&mut params, pairing, penalty, Strength::Coupled(0.1)).unwrap();
        let mut optimizer = Sgd::new(0.01);
        let mut step = || {
            let tape = Tape::new(&params);
            let loss = ids.map(|id| tape.param(id).square().sum()).into_iter().reduce(|sum, term| sum + term).unwrap();
            let mut gradients = loss.backward();
            drop(tape);
            if fused {
                assert!(coupling.add_gradients(&params, &mut gradients) > 0.0);
            }
            optimizer.step(&mut params, &gradients);
            if !fused {
                coupling.proximal_step(&mut params, 1e-4).unwrap();
            }
        };
        step();
        step();
        let before = requested_bytes();
        (0..3).for_each(|_| step());
        assert_eq!(requested_bytes(), before, "{penalty:?}, fused: {fused}");
    }
}

/// All that may stand around a step: a schedule, clipping, groups, an average, and an untied slot's copies.
/// The lists and numbers are those that the allocator saw, and a warm step asks the system for nothing.
fn groups_and_an_average() {
    let run = |see: &dyn Fn(usize)| {
        let mut params = Params::<f32>::new();
        let ids = ["a.weight", "a.bias", "b.weight"].map(|name| params.add(name, Tensor::full([30, 20], 1.0)));
        params.tie(ids[2], ids[0]).unwrap();
        let schedule = RateSchedule::cosine(0.1, 4).warm_up(2);
        let captured = String::from(".bias");
        let mut optimizer = AdamW::new(0.1).group(move |name| name.ends_with(&captured), Group::new().decay(0.0));
        let mut average = Ema::new(0.9);
        for step in 0..10 {
            if step == 4 {
                params.untie(ids[2]);
            }
            let mut gradients = {
                let tape = Tape::new(&params);
                let terms = ids.map(|id| tape.param(id).square().sum());
                terms.into_iter().reduce(|sum, term| sum + term).unwrap().backward()
            };
            clip_norm(&mut gradients, 1.0);
            clip_value(&mut gradients, 0.01);
            optimizer.set_rate(schedule.at(step));
            optimizer.step(&mut params, &gradients);
            average.update(&params);
            drop(gradients);
            let captured = ".bias".len();
            let lists = params.bookkeeping_bytes() + optimizer.bookkeeping_bytes() + average.bookkeeping_bytes();
            see(lists + captured);
        }
    };
    let predicted = RefCell::new(Vec::new());
    dry_run::<f32, _>(|probe| run(&|lists| predicted.borrow_mut().push(probe.now(lists).total())));
    release_memory::<f32>();
    let (before, requested) = (live_bytes(), RefCell::new(Vec::with_capacity(10)));
    let measured = RefCell::new(Vec::with_capacity(10));
    let of_vectors = live_bytes() - before;
    run(&|_| {
        measured.borrow_mut().push(live_bytes() - before - of_vectors);
        requested.borrow_mut().push(requested_bytes());
    });
    assert_eq!(predicted, measured);
    let requested = requested.into_inner();
    assert_eq!((requested[2], requested[5]), (requested[3], requested[9]), "{requested:?}");
    assert_ne!(requested[3], requested[4], "the untied slot asks for memory");
}

/// A network whose insides are computed again: the peak, and no byte from the system from the third step on.
fn checkpoints(depth: usize, checkpointed: bool) {
    let run = |peak: &dyn Fn(usize) -> usize| {
        let mut params = Params::new();
        let net = checkpoint::network(&mut params, depth, checkpointed);
        for _ in 0..2 {
            drop(checkpoint::gradients(&params, &net, 16));
        }
        let requested = requested_bytes();
        drop(checkpoint::gradients(&params, &net, 16));
        (requested_bytes() - requested, peak(params.bookkeeping_bytes() + net.bookkeeping_bytes()))
    };
    let (_, predicted) = dry_run::<f32, _>(|probe| run(&|lists| probe.footprint(lists).total()));
    release_memory::<f32>();
    let before = live_bytes();
    reset_peak();
    let measured = run(&|_| peak_bytes() - before);
    assert_eq!((0, predicted), measured, "depth {depth}, checkpointed: {checkpointed}");
}

/// A network with batch norm and dropout, its statistics committed after each step: the peak, and no byte from the
/// system from the third step on.
fn drawing_and_remembering(checkpointed: bool) {
    let run = |peak: &dyn Fn(usize) -> usize| {
        let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
        let mut part = Sequential::new();
        let kernel = Kernel::new([3, 3], [1, 8]).pad([1, 1]);
        part.push("conv", Conv2d::new(&mut params, "conv", kernel, Init::He, &mut rng));
        part.push("norm", BatchNorm::new(&mut params, "norm", 8));
        part.push("relu", Activation::Relu);
        part.push("dropout", Dropout(0.25));
        let mut net = Sequential::new();
        if checkpointed {
            net.push("part", Checkpointed::new(part));
        } else {
            net.push("part", part);
        }
        net.push("pool", GlobalAvgPool2d);
        net.push("rows", BatchNorm::new(&mut params, "rows", 8));
        net.push("out", Linear::new(&mut params, "out", [8, 10], Init::He, &mut rng));
        let (mut optimizer, mut training) = (Sgd::new(0.01).momentum(0.9), Training::new(rng));
        let mut step = || {
            let tape = Tape::new(&params);
            let x = tape.constant(Tensor::full([16, 8, 8, 1], 0.5));
            let logits = net.forward(&tape, x, Mode::Train(&training));
            let gradients = logits.cross_entropy(tape.constant(Tensor::zeros([16]))).backward();
            drop(tape);
            optimizer.step(&mut params, &gradients);
            training.commit(&mut params);
        };
        step();
        step();
        let requested = requested_bytes();
        (0..3).for_each(|_| step());
        let requested = requested_bytes() - requested;
        let lists = params.bookkeeping_bytes() + net.bookkeeping_bytes();
        (requested, peak(lists + optimizer.bookkeeping_bytes() + training.bookkeeping_bytes()))
    };
    let (_, predicted) = dry_run::<f32, _>(|probe| run(&|lists| probe.footprint(lists).total()));
    release_memory::<f32>();
    let before = live_bytes();
    reset_peak();
    let measured = run(&|_| peak_bytes() - before);
    assert_eq!((0, predicted), measured, "checkpointed: {checkpointed}");
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
