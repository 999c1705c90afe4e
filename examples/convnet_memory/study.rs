//! What is found out about each of the four networks.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;
use tandem::autograd::{Footprint, Params, dry_run};
use tandem::memory::{MemoryByName, NameBytes, NameRow, peak_resident_bytes, reset_peak_resident};
use tandem::nn::data::{Batches, DataError, Last};

use crate::cli::Task;
use crate::networks::Sharing;
use crate::support::progress::bar;
use crate::training::{Phase, Setting, Trainer, by_name, gather, measure, predict, predict_kept};

/// One network, its memory and how it did.
#[derive(Serialize)]
pub struct Network {
    /// How its weights are shared.
    pub name: &'static str,
    /// Numbers in the store: each shared one once.
    pub parameters: usize,
    /// Numbers as if nothing were shared: every name, every position with a copy of its own.
    pub connections: usize,
    /// How many numbers the optimizer keeps for each parameter.
    pub optimizer_numbers: usize,
    /// Layer by layer.
    pub layers: Vec<LayerLine>,
    /// Name by name: bytes of the value, the gradient and the optimizer's state, predicted.
    #[serde(rename = "names", serialize_with = "as_lines")]
    pub by_name: MemoryByName,
    /// The sum over names as if nothing were shared.
    #[serde(serialize_with = "as_categories")]
    pub as_if_unshared: NameBytes,
    /// Bytes at the peak of a training step.
    pub training: Memory,
    /// Bytes at the peak of a forward pass without gradients.
    pub inference: Memory,
    /// Bytes that the tape keeps for the backward sweep when the forward pass is over.
    pub kept_after_forward: usize,
    /// The most memory of the process that was in RAM during the training steps that were measured,
    /// code and libraries included; absent where the system does not tell.
    pub resident: Option<usize>,
    /// The median step.
    pub milliseconds_a_step: f64,
    /// By seed: the mean loss of the last epoch.
    pub losses: Vec<f64>,
    /// By seed: test rows classified rightly, in per cent.
    pub accuracies: Vec<f64>,
}

/// Bytes of one phase.
#[derive(Serialize)]
pub struct Memory {
    /// Before the first step, from descriptions.
    #[serde(serialize_with = "by_category")]
    pub predicted: Footprint,
    /// What the allocator saw.
    pub measured: usize,
}

/// One layer.
#[derive(Serialize)]
pub struct LayerLine {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The shape of its result for one image.
    pub output: Vec<usize>,
    /// Numbers in the store.
    pub parameters: usize,
    /// Numbers as if nothing were shared.
    pub connections: usize,
}

/// One name.
#[derive(Serialize)]
struct NameLine<'a> {
    name: &'a str,
    shared_with: &'a [String],
    /// Where several names share a slot, its numbers and bytes stand with the first of them.
    numbers: usize,
    connections: usize,
    #[serde(flatten, serialize_with = "as_categories")]
    bytes: NameBytes,
}

fn as_lines<S: serde::Serializer>(memory: &MemoryByName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(memory.rows().iter().map(|row| {
        let NameRow { name, shared_with, connections, .. } = row;
        let (numbers, bytes) = if row.first { (row.numbers, row.bytes) } else { Default::default() };
        NameLine { name, shared_with, numbers, connections: *connections, bytes }
    }))
}

fn as_categories<S: serde::Serializer>(bytes: &NameBytes, serializer: S) -> Result<S::Ok, S::Error> {
    let NameBytes { parameters, gradients, optimizer } = *bytes;
    serializer.collect_map([("parameters", parameters), ("gradients", gradients), ("optimizer_state", optimizer)])
}

fn by_category<S: serde::Serializer>(footprint: &Footprint, serializer: S) -> Result<S::Ok, S::Error> {
    let named = footprint.categories().into_iter().chain([("total", footprint.total())]);
    serializer.collect_map(named.map(|(name, bytes)| (name.replace(' ', "_"), bytes)))
}

/// Predicts, measures and trains one network.
pub fn study(task: &Task, sharing: Sharing) -> Result<Network, DataError> {
    let setting = Setting { plan: task.plan, optimizer: task.optimizer, lr: task.lr, batch: task.batch };
    let both =
        |phase| Memory { predicted: predict(&setting, sharing, phase), measured: measure(&setting, sharing, phase) };
    let inference = both(Phase::Inference);
    reset_peak_resident();
    let training = both(Phase::Training);
    let resident = peak_resident_bytes();
    let (parameters, layers) = describe(&setting, sharing);
    let by_name = dry_run::<f32, _>(|_| by_name(&setting, sharing));

    let bar = progress(task, sharing);
    let mut times = Vec::new();
    let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
    for seed in task.seeds.clone() {
        let mut trainer = Trainer::new(&setting, sharing, seed);
        losses.push(train(task, &mut trainer, seed, &bar, &mut times)?);
        accuracies.push(trainer.accuracy(&task.test, task.batch));
    }
    bar.finish_and_clear();
    times.sort_unstable();
    Ok(Network {
        name: sharing.name(),
        parameters,
        connections: layers.iter().map(|layer| layer.connections).sum(),
        optimizer_numbers: setting.optimizer.numbers_per_parameter(),
        layers,
        as_if_unshared: by_name.as_if_unshared(),
        by_name,
        training,
        inference,
        kept_after_forward: predict_kept(&setting, sharing),
        resident,
        milliseconds_a_step: times[times.len() / 2].as_secs_f64() * 1e3,
        losses,
        accuracies,
    })
}

/// Trains for all epochs; the mean loss of the last one.
fn train(
    task: &Task,
    trainer: &mut Trainer,
    seed: u64,
    bar: &ProgressBar,
    times: &mut Vec<Duration>,
) -> Result<f64, DataError> {
    let mut batches = Batches::new(task.train.len(), task.batch, seed, Last::Drop)?;
    let mut mean = f64::NAN;
    for epoch in 0..task.epochs {
        let mut sum = 0.0;
        for rows in batches.epoch(epoch) {
            let start = Instant::now();
            let (x, labels) = gather(&task.train, rows);
            sum += f64::from(trainer.step(x, labels));
            times.push(start.elapsed());
            bar.inc(1);
        }
        mean = sum / batches.count() as f64;
        bar.set_message(format!("seed {seed}, epoch {}/{}, loss {mean:.4}", epoch + 1, task.epochs));
    }
    Ok(mean)
}

/// A bar for the training of all seeds.
fn progress(task: &Task, sharing: Sharing) -> ProgressBar {
    let steps = (task.train.len() / task.batch) as u64;
    bar(sharing.name(), steps.saturating_mul(task.epochs).saturating_mul(task.seeds.end - task.seeds.start), 0)
}

/// The number of parameters, and a line for each layer that has some or changes the shape.
fn describe(setting: &Setting, sharing: Sharing) -> (usize, Vec<LayerLine>) {
    dry_run::<f32, _>(|_| {
        let trainer = Trainer::new(setting, sharing, 0);
        let params: &Params = &trainer.params;
        let rows = trainer.net.rows(params, setting.plan.input()).expect("the plan's layers fit each other");
        let line = |row: tandem::nn::LayerRow| LayerLine {
            parameters: row.parameters,
            connections: row.connections(),
            name: row.name,
            kind: row.kind,
            output: row.output.to_vec(),
        };
        (params.numel(), rows.into_iter().map(line).collect())
    })
}
