//! A training that was stopped, in another process by all that matters, ends in the same bits as one that was not.

use rand::{RngExt, SeedableRng};
use tandem_autograd::{Params, Tape, Tensor};
use tandem_nn::checkpoint::{Checkpoint, CheckpointError};
use tandem_nn::{
    Activation, AdamW, BatchNorm, Ema, Generator, Group, Init, Layer, Linear, Mode, Optimizer, RateSchedule,
    Sequential, Training, clip_norm,
};

const STEPS: u64 = 12;

/// A program: two hidden layers share their weights, a third one is untied from them on the way.
struct Program {
    params: Params<f32>,
    net: Sequential,
    optimizer: AdamW,
    average: Ema,
    training: Training,
    schedule: RateSchedule,
    step: u64,
}

impl Program {
    /// As it starts; the seed decides the first weights and all draws.
    fn new(seed: u64) -> Program {
        let (mut params, mut generator) = (Params::new(), Generator::seed_from_u64(seed));
        let mut net = Sequential::new();
        let hidden =
            ["one", "two", "three"].map(|name| Linear::new(&mut params, name, [6, 6], Init::Uniform, &mut generator));
        for other in &hidden[1..] {
            params.tie(other.weight, hidden[0].weight).unwrap();
        }
        for (name, layer) in ["one", "two", "three"].into_iter().zip(hidden) {
            net.push(name, layer);
            net.push(&format!("{name}.norm"), BatchNorm::new(&mut params, &format!("{name}.norm"), 6));
            net.push(&format!("{name}.tanh"), Activation::Tanh);
        }
        let biases = |name: &str| name.ends_with("bias");
        Program {
            params,
            net,
            optimizer: AdamW::new(0.0).decay(0.1).group(biases, Group::new().decay(0.0)),
            average: Ema::new(0.8),
            training: Training::new(generator),
            // Another one than the one that runs, to see that the file's comes back.
            schedule: RateSchedule::constant(seed as f64),
            step: 0,
        }
    }

    fn train(&mut self, steps: u64) {
        for _ in 0..steps {
            if self.step == STEPS / 2 {
                self.params.untie(self.params.find("three.weight").unwrap());
            }
            let x = self.training.draw(|rng| Tensor::new([5, 6], (0..30).map(|_| rng.random::<f32>()).collect()));
            let tape = Tape::new(&self.params);
            let loss = self.net.forward(&tape, tape.constant(x), Mode::Train(&self.training)).square().mean();
            let mut gradients = loss.backward();
            clip_norm(&mut gradients, 0.01);
            self.optimizer.set_rate(self.schedule.at(self.step));
            self.optimizer.step(&mut self.params, &gradients);
            self.training.commit(&mut self.params);
            self.average.update(&self.params);
            self.step += 1;
        }
    }

    /// All that is to survive.
    fn checkpoint(&mut self) -> Checkpoint<'_> {
        Checkpoint::of(&mut self.params)
            .slots("optimizer", &mut self.optimizer)
            .slots("average", &mut self.average)
            .value("generator", self.training.generator())
            .value("schedule", &mut self.schedule)
            .value("step", &mut self.step)
    }

    /// All of it, as bytes.
    fn bytes(&mut self) -> Result<Vec<u8>, CheckpointError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("all");
        self.checkpoint().save(&path)?;
        Ok(std::fs::read(path).unwrap())
    }
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("training.safetensors");
    let start = || {
        let mut program = Program::new(1);
        program.schedule = RateSchedule::cosine(0.05, STEPS).warm_up(3);
        program
    };
    let mut whole = start();
    whole.train(STEPS);
    let expected = whole.bytes().unwrap();
    for stop in 0..=STEPS {
        let mut first = start();
        first.train(stop);
        if stop == STEPS / 2 {
            // Untied, and stopped before the optimizer has seen it.
            first.params.untie(first.params.find("three.weight").unwrap());
        }
        first.checkpoint().save(&path).unwrap();
        let mut second = Program::new(2);
        // The second program starts with the tie that the first has given up.
        second.checkpoint().untying().load(&path).unwrap();
        second.train(STEPS - stop);
        assert!(second.bytes().unwrap() == expected, "stopped after {stop} steps");
    }
}
