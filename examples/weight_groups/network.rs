//! The network, and the one loop that trains it: plainly, under the prior, or with weights that are equal.

use rand::SeedableRng;
use tandem::autograd::{Gradients, ParamId, Params, SlotId, Tape, Tensor};
use tandem::nn::data::{Batches, DataError, Images, Last};
use tandem::nn::{Activation, Adam, Generator, Group, Init, Layer, Mlp, Mode, Optimizer, RateSchedule, accuracy};

use crate::{BATCH, HIDDEN, MIXTURE_RATE};

/// The mixture's parameters stand under this path.
pub const MIXTURE: &str = "groups";

/// A network and its numbers.
#[derive(Clone)]
pub struct Net {
    pub params: Params,
    layers: Mlp,
}

/// Which steps are taken, and how long they are.
#[derive(Clone, Copy)]
pub struct Course {
    /// The first of its epochs: each has batches of its own.
    pub first: u64,
    pub epochs: u64,
    pub rate: f64,
    /// Whether the rate falls to 0, along half a wave of the cosine.
    pub falls: bool,
}

impl Course {
    /// How many steps it has on so many rows.
    pub fn steps(&self, rows: usize) -> u64 {
        self.epochs * rows.div_ceil(BATCH) as u64
    }
}

/// Whether these are weights of the network. Its biases are few, and no matter of this experiment.
pub fn is_weight(name: &str) -> bool {
    !name.starts_with(MIXTURE) && name.ends_with(".weight")
}

/// The slots of the weights, in the order of the store.
pub fn slots(params: &Params) -> impl Iterator<Item = SlotId> {
    params.names().filter(|(_, name)| is_weight(name)).map(|(id, _)| params.slot(id))
}

impl Net {
    /// A perceptron with one hidden layer.
    pub fn new(pixels: usize, seed: u64) -> Net {
        let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(seed));
        let layers = Mlp::new(&mut params, "net", &[pixels, HIDDEN, 10], Activation::Relu, Init::He, &mut rng);
        Net { params, layers }
    }

    /// All weights, in the order of the store.
    pub fn weights(&self) -> Vec<f32> {
        slots(&self.params).flat_map(|slot| self.params.value(slot).data()).copied().collect()
    }

    /// The same network with other weights, in the order of [`weights`](Net::weights).
    pub fn with_weights(&self, weights: &[f32]) -> Net {
        let mut net = self.clone();
        let mut rest = weights;
        for slot in slots(&self.params) {
            let (these, after) = rest.split_at(self.params.value(slot).len());
            net.params.update(slot, |numbers| numbers.copy_from_slice(these));
            rest = after;
        }
        net
    }

    /// Freezes or frees the parameters that are chosen by name.
    pub fn set_trainable(&mut self, chosen: impl Fn(&str) -> bool, trainable: bool) {
        let ids: Vec<ParamId> = self.params.names().filter(|(_, name)| chosen(name)).map(|(id, _)| id).collect();
        for id in ids {
            self.params.set_trainable(id, trainable);
        }
    }

    /// Takes the steps of a course. `add` may change the gradients of each, and is told which step it is.
    pub fn train(
        &mut self,
        rows: &Images,
        course: Course,
        seed: u64,
        mut add: impl FnMut(u64, &Params, &mut Gradients),
    ) -> Result<(), DataError> {
        let mut batches = Batches::new(rows.len(), BATCH, seed, Last::Keep)?;
        let mixture = Group::new().rate(MIXTURE_RATE);
        let mut optimizer = Adam::new(course.rate).group(|name| name.starts_with(MIXTURE), mixture);
        let schedule = if course.falls {
            RateSchedule::cosine(course.rate, course.steps(rows.len()))
        } else {
            RateSchedule::constant(course.rate)
        };
        let mut step = 0;
        for epoch in course.first..course.first + course.epochs {
            for batch in batches.epoch(epoch) {
                let mut gradients = self.gradients(rows, batch);
                add(step, &self.params, &mut gradients);
                optimizer.set_rate(schedule.at(step));
                optimizer.step(&mut self.params, &gradients);
                step += 1;
            }
        }
        Ok(())
    }

    /// Of the mean cross-entropy of these rows.
    fn gradients(&self, images: &Images, rows: &[usize]) -> Gradients {
        let (mut x, mut labels) = (vec![0.0; rows.len() * images.size()], vec![0.0; rows.len()]);
        images.gather(rows, &mut x, &mut labels);
        let tape = Tape::new(&self.params);
        let x = tape.constant(Tensor::new([rows.len(), images.size()], x));
        let logits = self.layers.forward(&tape, x, Mode::Eval);
        logits.cross_entropy(tape.constant(Tensor::new([rows.len()], labels))).backward()
    }

    /// In per cent of rows.
    pub fn accuracy(&self, rows: &Images) -> f64 {
        let tape = Tape::without_gradients(&self.params);
        let x = tape.constant(Tensor::new([rows.len(), rows.size()], rows.pixels.clone()));
        100.0 * accuracy(self.layers.forward(&tape, x, Mode::Eval).value(), &rows.labels)
    }
}
