//! Two networks in training, and what holds them together.

use std::error::Error;

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::nn::data::{Batches, Images, Last};
use tandem::nn::{Activation, Generator, Init, Layer, Mlp, Mode, Optimizer, Sgd, Training, accuracy};
use tandem::tying::{Coupling, GroupLasso, Groups, Huber, Keep, L1, Pairing, Report, SquaredL2, Strength};

use crate::cli::{Norm, Way};

const BATCH: usize = 64;
const RATE: f64 = 0.05;
const MOMENTUM: f64 = 0.9;
/// How often a report is made.
const EVERY: u64 = 25;

/// The networks, `a` and `b`, and how their training went.
pub struct Study {
    pub params: Params,
    pub networks: [Mlp; 2],
    pub coupling: Coupling,
    optimizer: Sgd,
    training: Training,
    /// What each of them learns.
    train: [Images; 2],
    batches: Batches,
    /// The steps that were taken.
    pub step: u64,
    /// Reports, each with its step.
    pub history: Vec<(u64, Report)>,
}

/// How good both networks are on some images.
pub struct Scores {
    pub parameters: usize,
    pub loss: f64,
    /// In per cent.
    pub accuracies: [f64; 2],
}

impl Study {
    pub fn new(norm: Norm, strength: Strength, train: [Images; 2]) -> Result<Study, Box<dyn Error>> {
        let (mut params, mut rng) = (Params::new(), Xoshiro256PlusPlus::seed_from_u64(0));
        let widths = [train[0].size(), 32, 32, train[0].classes];
        let networks =
            ["a", "b"].map(|path| Mlp::new(&mut params, path, &widths, Activation::Tanh, Init::Glorot, &mut rng));
        let pairing = Pairing::by_path(&params, "a", "b")?;
        let coupling = match norm {
            Norm::L2 => Coupling::with(&mut params, pairing, SquaredL2, strength),
            Norm::L1 => Coupling::with(&mut params, pairing, L1, strength),
            Norm::Huber => Coupling::with(&mut params, pairing, Huber::new(0.1), strength),
            Norm::Group => Coupling::with(&mut params, pairing, GroupLasso { groups: Groups::Filters }, strength),
        }?;
        let training = Training::new(Generator::seed_from_u64(0));
        let (coupling, optimizer) = (coupling.keeping(Keep::Mean), Sgd::new(RATE).momentum(MOMENTUM));
        let batches = Batches::new(train[0].len(), BATCH, 0, Last::Drop)?;
        Ok(Study { params, networks, coupling, optimizer, training, train, batches, step: 0, history: Vec::new() })
    }

    /// Takes so many steps.
    pub fn train(&mut self, steps: u64, way: Way) -> Result<(), Box<dyn Error>> {
        for _ in 0..steps {
            if self.step.is_multiple_of(EVERY) {
                self.history.push((self.step, self.report()));
            }
            let [epoch, batch] = [self.step / self.batches.count() as u64, self.step % self.batches.count() as u64];
            let rows = self.batches.epoch(epoch).iter().nth(batch as usize).expect("an epoch has so many batches");
            let data = self.train.each_ref().map(|images| gather(images, rows));
            let tape = Tape::new(&self.params);
            let mut loss = loss(&self.networks, &tape, data, Mode::Train(&self.training));
            if let Way::Tape = way {
                loss = loss + self.coupling.penalty(&tape);
            }
            let mut gradients = loss.backward();
            if let Way::Fused = way {
                self.coupling.add_gradients(&self.params, &mut gradients);
            }
            self.optimizer.step(&mut self.params, &gradients);
            if let Way::Proximal = way {
                self.coupling.proximal_step(&mut self.params, RATE / (1.0 - MOMENTUM))?;
            }
            self.coupling.advance(&self.params);
            self.step += 1;
        }
        Ok(())
    }

    /// Where the pairs stand, against the gradients of all that is learned.
    pub fn report(&self) -> Report {
        let tape = Tape::new(&self.params);
        let data = loss(&self.networks, &tape, self.train.each_ref().map(all), Mode::Eval).backward();
        self.coupling.report(&self.params, Some(&data))
    }

    pub fn scores(&self, images: &[Images; 2]) -> Scores {
        let tape = Tape::without_gradients(&self.params);
        let accuracies = [0, 1].map(|i| {
            let (x, _) = all(&images[i]);
            let logits = self.networks[i].forward(&tape, tape.constant(x), Mode::Eval).into_value();
            100.0 * accuracy(&logits, &images[i].labels)
        });
        Scores { parameters: self.params.numel(), loss: mean_loss(&self.networks, &self.params, images), accuracies }
    }
}

/// The loss of a network, averaged over both.
pub fn mean_loss(networks: &[Mlp; 2], params: &Params, images: &[Images; 2]) -> f64 {
    let tape = Tape::without_gradients(params);
    f64::from(loss(networks, &tape, images.each_ref().map(all), Mode::Eval).item()) / 2.0
}

/// The losses of both networks, added up.
fn loss<'t>(networks: &[Mlp; 2], tape: &'t Tape<'_>, data: [(Tensor, Tensor); 2], mode: Mode) -> Var<'t> {
    let [a, b] = networks;
    let [of_a, of_b] = data.map(|(x, labels)| (tape.constant(x), tape.constant(labels)));
    a.forward(tape, of_a.0, mode).cross_entropy(of_a.1) + b.forward(tape, of_b.0, mode).cross_entropy(of_b.1)
}

fn all(images: &Images) -> (Tensor, Tensor) {
    gather(images, &(0..images.len()).collect::<Vec<_>>())
}

fn gather(images: &Images, rows: &[usize]) -> (Tensor, Tensor) {
    let (mut x, mut labels) = (vec![0.0; rows.len() * images.size()], vec![0.0; rows.len()]);
    images.gather(rows, &mut x, &mut labels);
    (Tensor::new([rows.len(), images.size()], x), Tensor::new([rows.len()], labels))
}
