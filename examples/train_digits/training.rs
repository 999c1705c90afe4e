//! The network, the loop that trains it, and what of both is saved.

use std::error::Error;
use std::path::Path;

use rand::SeedableRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem::autograd::{Kind, Params, Tape, Tensor, Window};
use tandem::nn::checkpoint::Checkpoint;
use tandem::nn::data::{Augment, Batches, Images, Last};
use tandem::nn::{
    Activation, AdamW, Confusion, Conv2d, Dropout, Flatten, Generator, Init, Kernel, Layer, Linear, MaxPool2d, Mode,
    Optimizer, RateSchedule, Sequential, Training, accuracy,
};

use crate::cli::Task;
use crate::support::interrupt::Interrupt;
use crate::support::lines::Lines;
use crate::support::progress::bar;

const AUGMENT: Augment = Augment { degrees: 12.0, scale: 0.1, pixels: 1.0, noise: 0.0 };

/// A training, and all that it takes to go on with it.
pub struct Run {
    params: Params,
    net: Sequential,
    optimizer: AdamW,
    training: Training,
    /// What decides the course of the training.
    settings: Settings,
    schedule: RateSchedule,
    /// The steps that were taken.
    step: u64,
    epoch: Epoch,
}

/// Two trainings with the same settings end in the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    seed: u64,
    epochs: u64,
    batch: usize,
    rate: f64,
    rows: usize,
    /// Tells the rows from others that are as many.
    fingerprint: u64,
}

/// How an epoch goes.
#[derive(Default, Serialize, Deserialize)]
struct Epoch {
    /// The sum of the losses of its rows.
    loss: f64,
    right: usize,
    rows: usize,
}

/// A line of metrics: how an epoch went.
#[derive(Serialize)]
struct Line {
    seed: u64,
    epoch: u64,
    step: u64,
    loss: f64,
    accuracy: f64,
    rate: f64,
}

/// How a training came to its end.
pub enum Ended {
    Completed,
    Interrupted,
}

/// A file is of a training with other settings.
#[derive(Debug, thiserror::Error)]
#[error("{path}: expected a training of the same settings, found {differences}")]
struct OtherSettings {
    path: String,
    differences: String,
}

impl Run {
    /// A training at its beginning, for images like these.
    pub fn new(task: &Task, seed: u64) -> Result<Run, Box<dyn Error>> {
        let (mut params, mut generator) = (Params::new(), Generator::seed_from_u64(seed));
        let net = network(&mut params, &task.train, &mut generator);
        let settings = Settings {
            seed,
            epochs: task.epochs,
            batch: task.batch,
            rate: task.rate,
            rows: task.train.len(),
            fingerprint: fingerprint(&task.train),
        };
        let steps = settings.epochs * settings.batches()?.count() as u64;
        Ok(Run {
            params,
            net,
            optimizer: AdamW::new(task.rate),
            training: Training::new(generator),
            settings,
            schedule: RateSchedule::cosine(task.rate, steps),
            step: 0,
            epoch: Epoch::default(),
        })
    }

    /// Goes on, to the last epoch or until it is interrupted. After each epoch, and at the end, everything is saved
    /// to `file`.
    pub fn train(
        &mut self,
        task: &Task,
        interrupt: &Interrupt,
        file: Option<&Path>,
        mut lines: Option<&mut Lines>,
    ) -> Result<Ended, Box<dyn Error>> {
        let mut batches = self.settings.batches()?;
        let count = batches.count() as u64;
        let bar = bar(&format!("seed {}", self.settings.seed), count * task.epochs, self.step);
        while self.step < count * task.epochs {
            let (k, batch) = (self.step / count, self.step % count);
            for rows in batches.epoch(k).iter().skip(batch as usize) {
                let (x, labels) = augmented(&task.train, rows, self.training.generator());
                let tape = Tape::new(&self.params);
                let logits = self.net.forward(&tape, tape.constant(x), Mode::Train(&self.training));
                let guesses = logits.value().clone();
                let loss = logits.cross_entropy(tape.constant(labels));
                if !loss.item().is_finite() {
                    let (step, found) = (self.step + 1, loss.item());
                    return Err(
                        format!("step {step}: expected a finite loss, found {found}; try a lower --rate").into()
                    );
                }
                self.epoch.add(f64::from(loss.item()), &guesses, rows.iter().map(|&row| task.train.labels[row]));
                let gradients = loss.backward();
                self.optimizer.set_rate(self.schedule.at(self.step));
                self.optimizer.step(&mut self.params, &gradients);
                self.training.commit(&mut self.params);
                self.step += 1;
                bar.set_message(self.line(k).to_string());
                bar.inc(1);
                if interrupt.pressed() && !self.step.is_multiple_of(count) {
                    bar.finish_and_clear();
                    file.map(|file| self.checkpoint().save(file)).transpose()?;
                    return Ok(Ended::Interrupted);
                }
            }
            if let Some(lines) = &mut lines {
                lines.add(&self.line(k))?;
            }
            self.epoch = Epoch::default();
            file.map(|file| self.checkpoint().save(file)).transpose()?;
            if interrupt.pressed() {
                bar.finish_and_clear();
                return Ok(Ended::Interrupted);
            }
        }
        bar.finish_and_clear();
        Ok(Ended::Completed)
    }

    /// All that a training is.
    fn checkpoint(&mut self) -> Checkpoint<'_> {
        Checkpoint::of(&mut self.params)
            .slots("optimizer", &mut self.optimizer)
            .value("generator", self.training.generator())
            .value("schedule", &mut self.schedule)
            .value("settings", &mut self.settings)
            .value("step", &mut self.step)
            .value("epoch", &mut self.epoch)
    }

    /// Becomes the training of this file, which has to have the same settings.
    pub fn load(&mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        let expected = self.settings.clone();
        self.checkpoint().load(path)?;
        if self.settings != expected {
            return Err(OtherSettings {
                path: path.display().to_string(),
                differences: self.settings.against(&expected),
            }
            .into());
        }
        Ok(())
    }

    /// How the test rows are classified.
    pub fn test(&self, images: &Images, batch: usize) -> Confusion {
        let mut confusion = Confusion::new(images.classes);
        let rows: Vec<usize> = (0..images.len()).collect();
        for rows in rows.chunks(batch) {
            let mut labels = vec![0.0; rows.len()];
            let x = Tensor::build([rows.len(), images.height, images.width, images.channels], Kind::Activation, |x| {
                images.gather(rows, x, &mut labels);
            });
            let tape = Tape::without_gradients(&self.params);
            let logits = self.net.forward(&tape, tape.constant(x), Mode::Eval);
            let labels: Vec<usize> = rows.iter().map(|&row| images.labels[row]).collect();
            confusion.add(logits.value(), &labels);
        }
        confusion
    }

    /// Whether a line of metrics is of an epoch that this training, as it was saved, has behind it, or of another.
    pub fn has_written(&self, line: &Value) -> bool {
        line["seed"] != self.settings.seed || line["step"].as_u64().is_some_and(|step| step <= self.step)
    }

    pub fn step(&self) -> u64 {
        self.step
    }

    pub fn parameters(&self) -> usize {
        self.params.numel()
    }

    fn line(&self, epoch: u64) -> Line {
        let Epoch { loss, right, rows } = self.epoch;
        Line {
            seed: self.settings.seed,
            epoch: epoch + 1,
            step: self.step,
            loss: loss / rows as f64,
            accuracy: right as f64 / rows as f64,
            rate: self.optimizer.rate(),
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Line { epoch, loss, accuracy, rate, .. } = self;
        write!(f, "epoch {epoch}, loss {loss:.4}, {:.1} %, rate {rate:.1e}", 100.0 * accuracy)
    }
}

impl Settings {
    /// What differs from those of the command line.
    fn against(&self, flags: &Settings) -> String {
        let pairs = [
            ("--seed", self.seed.to_string(), flags.seed.to_string()),
            ("--epochs", self.epochs.to_string(), flags.epochs.to_string()),
            ("--batch", self.batch.to_string(), flags.batch.to_string()),
            ("--rate", self.rate.to_string(), flags.rate.to_string()),
            ("training rows", self.rows.to_string(), flags.rows.to_string()),
        ];
        let differ = pairs.into_iter().filter(|(_, found, expected)| found != expected);
        let differ: Vec<String> =
            differ.map(|(what, found, expected)| format!("{what} {found} instead of {expected}")).collect();
        if differ.is_empty() { "other rows (--data, --fold)".into() } else { differ.join(", ") }
    }

    fn batches(&self) -> Result<Batches, tandem::nn::data::DataError> {
        Batches::new(self.rows, self.batch, self.seed, Last::Keep)
    }
}

impl Epoch {
    fn add(&mut self, loss: f64, logits: &Tensor, labels: impl Iterator<Item = usize>) {
        let labels: Vec<usize> = labels.collect();
        self.loss += loss * labels.len() as f64;
        self.right += (accuracy(logits, &labels) * labels.len() as f64).round() as usize;
        self.rows += labels.len();
    }
}

/// Three convolutions of 32, 32 and 64 maps, one pooling, and a linear layer behind dropout.
fn network(params: &mut Params, images: &Images, rng: &mut Generator) -> Sequential {
    let kernel = |channels| Kernel::new([3, 3], channels).pad([1, 1]);
    let mut net = Sequential::new();
    net.push("conv1", Conv2d::new(params, "conv1", kernel([images.channels, 32]), Init::He, rng));
    net.push("relu1", Activation::Relu);
    net.push("conv2", Conv2d::new(params, "conv2", kernel([32, 32]), Init::He, rng));
    net.push("relu2", Activation::Relu);
    net.push("pool", MaxPool2d(Window::square(2)));
    net.push("conv3", Conv2d::new(params, "conv3", kernel([32, 64]), Init::He, rng));
    net.push("relu3", Activation::Relu);
    net.push("flatten", Flatten);
    net.push("dropout", Dropout(0.3));
    let features = images.height / 2 * (images.width / 2) * 64;
    net.push("out", Linear::new(params, "out", [features, images.classes], Init::Uniform, rng));
    net
}

/// A number that other rows hardly have: the hash of Fowler, Noll and Vo over pixels and labels.
fn fingerprint(images: &Images) -> u64 {
    let pixels = images.pixels.iter().map(|pixel| u64::from(pixel.to_bits()));
    let words = pixels.chain(images.labels.iter().map(|&label| label as u64));
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// A batch of images, each turned, scaled and shifted a little, and its labels.
fn augmented(images: &Images, rows: &[usize], rng: &mut Generator) -> (Tensor, Tensor) {
    let mut labels = vec![0.0; rows.len()];
    let shape = [rows.len(), images.height, images.width, images.channels];
    let x = Tensor::build(shape, Kind::Activation, |x| AUGMENT.gather(images, rows, x, &mut labels, rng));
    (x, Tensor::new([rows.len()], labels))
}
