//! A network in training, and its memory: predicted without numbers, and measured.

use clap::ValueEnum;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Footprint, Kind, Params, Probe, Tape, Tensor, Var, dry_run, kernels, release_memory};
use tandem::memory::{self, MemoryByName};
use tandem::nn::data::Images;
use tandem::nn::{Adam, Generator, Layer, Mode, Optimizer, Sequential, Sgd, Training};

use crate::networks::{Plan, Sharing};

/// The optimizers that a flag can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptimizerKind {
    /// Gradient descent: nothing is remembered.
    Sgd,
    /// Gradient descent with momentum 0.9: one number a parameter.
    Momentum,
    /// Adam: two numbers a parameter.
    Adam,
}

impl OptimizerKind {
    /// The optimizer with this learning rate.
    fn build(self, lr: f64) -> Box<dyn Optimizer<f32>> {
        match self {
            OptimizerKind::Sgd => Box::new(Sgd::new(lr)),
            OptimizerKind::Momentum => Box::new(Sgd::new(lr).momentum(0.9)),
            OptimizerKind::Adam => Box::new(Adam::new(lr)),
        }
    }

    /// A learning rate that serves all four networks, chosen by holding out training rows.
    pub fn usual_rate(self) -> f64 {
        match self {
            OptimizerKind::Sgd => 0.2,
            OptimizerKind::Momentum => 0.02,
            OptimizerKind::Adam => 0.002,
        }
    }

    /// How many numbers the optimizer keeps for each parameter.
    pub fn numbers_per_parameter(self) -> usize {
        self.build(1.0).moments().len()
    }

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Sgd => "SGD",
            OptimizerKind::Momentum => "SGD with momentum",
            OptimizerKind::Adam => "Adam",
        }
    }
}

/// Everything that decides how a network is trained, but for the data.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The sizes that the four networks have in common.
    pub plan: Plan,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Its learning rate.
    pub lr: f64,
    /// Images a step.
    pub batch: usize,
}

/// A network, its parameters and its optimizer.
pub struct Trainer {
    /// The store.
    pub params: Params,
    /// The network.
    pub net: Sequential,
    /// What changes the parameters.
    pub optimizer: Box<dyn Optimizer<f32>>,
    /// What its passes draw from.
    training: Training,
}

impl Trainer {
    /// A fresh network, whose first weights the seed decides.
    pub fn new(setting: &Setting, sharing: Sharing, seed: u64) -> Trainer {
        let mut params = Params::new();
        let net = setting.plan.build(sharing, &mut params, &mut StdRng::seed_from_u64(seed));
        let training = Training::new(Generator::seed_from_u64(seed));
        Trainer { params, net, optimizer: setting.optimizer.build(setting.lr), training }
    }

    /// The loss of a batch `[n, height, width, channels]` with labels `[n]`.
    pub fn loss<'t>(&self, tape: &'t Tape<'_>, x: Tensor, labels: Tensor) -> Var<'t> {
        self.net.forward(tape, tape.constant(x), Mode::Train(&self.training)).cross_entropy(tape.constant(labels))
    }

    /// One step on such a batch; its loss.
    pub fn step(&mut self, x: Tensor, labels: Tensor) -> f32 {
        let tape = Tape::new(&self.params);
        let loss = self.loss(&tape, x, labels);
        let value = loss.item();
        let gradients = loss.backward();
        self.optimizer.step(&mut self.params, &gradients);
        value
    }

    /// The logits of a batch.
    fn infer(&self, x: Tensor) -> Tensor {
        let tape = Tape::without_gradients(&self.params);
        self.net.forward(&tape, tape.constant(x), Mode::Eval).into_value()
    }

    /// Of how many in a hundred of these images the largest logit is the right one's.
    pub fn accuracy(&self, images: &Images, batch: usize) -> f64 {
        let rows: Vec<usize> = (0..images.len()).collect();
        let right = rows.chunks(batch).map(|rows| {
            let (x, labels) = gather(images, rows);
            let logits = self.infer(x);
            let chosen = logits.data().chunks(images.classes).map(largest);
            chosen.zip(labels.data()).filter(|&(chosen, &label)| chosen as f32 == label).count()
        });
        100.0 * right.sum::<usize>() as f64 / images.len() as f64
    }

    /// Bytes of the lists that the network and the optimizer consist of.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.params.bookkeeping_bytes()
            + self.net.bookkeeping_bytes()
            + self.optimizer.bookkeeping_bytes()
            + size_of_val(&*self.optimizer)
    }
}

/// The place of the largest number.
fn largest(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
}

/// Some rows as tensors from the pool.
pub fn gather(images: &Images, rows: &[usize]) -> (Tensor, Tensor) {
    let shape = [rows.len(), images.height, images.width, images.channels];
    let mut labels = Tensor::build([rows.len()], Kind::Activation, |_| {});
    let x = Tensor::build(shape, Kind::Activation, |x| labels.update(|labels| images.gather(rows, x, labels)));
    (x, labels)
}

/// What a program does whose memory is in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Training steps.
    Training,
    /// Forward passes without gradients, by a program without an optimizer.
    Inference,
}

/// Repetitions after which the pool has every buffer that the phase needs.
const WARM_UP: usize = 2;

/// A batch of zeros.
pub fn zeros(setting: &Setting) -> (Tensor, Tensor) {
    (Tensor::zeros(setting.plan.input().batched(setting.batch)), Tensor::zeros([setting.batch]))
}

/// One repetition of the phase on a batch of zeros.
fn repeat(trainer: &mut Trainer, setting: &Setting, phase: Phase) {
    let (x, labels) = zeros(setting);
    match phase {
        Phase::Training => drop(trainer.step(x, labels)),
        Phase::Inference => drop(trainer.infer(x)),
    }
}

/// The memory of a phase, predicted: no number is allocated, no allocator is asked.
pub fn predict(setting: &Setting, sharing: Sharing, phase: Phase) -> Footprint {
    dry_run(|probe: &Probe<f32>| {
        let mut trainer = Trainer::new(setting, sharing, 0);
        for _ in 0..WARM_UP {
            repeat(&mut trainer, setting, phase);
        }
        probe.forget_peak();
        repeat(&mut trainer, setting, phase);
        probe.footprint(trainer.bookkeeping_bytes())
    })
}

/// Bytes that the tape keeps for the backward sweep when the forward pass is over, predicted.
pub fn predict_kept(setting: &Setting, sharing: Sharing) -> usize {
    dry_run(|probe: &Probe<f32>| {
        let trainer = Trainer::new(setting, sharing, 0);
        let tape = Tape::new(&trainer.params);
        let (x, labels) = zeros(setting);
        let loss = trainer.loss(&tape, x, labels);
        let kept = probe.now(0).activations;
        drop(loss);
        kept
    })
}

/// What each parameter, its gradient and the optimizer's state for it take after a step, and what they
/// would take if nothing were shared: a prediction within a [`dry_run`], and what there is outside.
pub fn by_name(setting: &Setting, sharing: Sharing) -> MemoryByName {
    let mut trainer = Trainer::new(setting, sharing, 0);
    let (x, labels) = zeros(setting);
    let tape = Tape::new(&trainer.params);
    let gradients = trainer.loss(&tape, x, labels).backward();
    let Trainer { params, net, optimizer, .. } = &mut trainer;
    optimizer.step(params, &gradients);
    let uses = net.uses(params, setting.plan.input()).expect("the plan's layers fit each other");
    MemoryByName::new(params)
        .with_gradients(&gradients)
        .with_optimizer(|slot| optimizer.state_bytes(slot))
        .with_connections(uses.iter().map(|each| (each.id, each.connections)))
}

/// The memory of a phase, measured: what the allocator saw at the peak of a repetition, less what
/// was there before the store existed.
pub fn measure(setting: &Setting, sharing: Sharing, phase: Phase) -> usize {
    kernels::start();
    release_memory::<f32>();
    let before = memory::live_bytes();
    let mut trainer = Trainer::new(setting, sharing, 0);
    for _ in 0..WARM_UP {
        repeat(&mut trainer, setting, phase);
    }
    memory::reset_peak();
    repeat(&mut trainer, setting, phase);
    memory::peak_bytes() - before
}
