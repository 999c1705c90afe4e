//! How much a model stores to be trained.

use std::fmt;

use serde::Serialize;
use tandem::autograd::{Gradients, Params};
use tandem::memory::MemoryByName;
use tandem::nn::Optimizer;

use super::format::{bytes, count};

/// Numbers and bytes in training, what is shared counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// How many numbers the parameters are.
    pub numbers: usize,
    /// Of parameters, gradients and optimizer state.
    pub bytes: usize,
}

impl Size {
    /// After a step of this optimizer with these gradients.
    pub fn of(params: &Params, gradients: &Gradients, optimizer: &impl Optimizer<f32>) -> Size {
        let memory = MemoryByName::new(params).with_gradients(gradients);
        let unique = memory.with_optimizer(|slot| optimizer.state_bytes(slot)).unique();
        Size { numbers: params.numel(), bytes: unique.parameters + unique.gradients + unique.optimizer }
    }
}

/// "1,898 numbers, 29.7 KiB in training".
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers, {} in training", count(self.numbers), bytes(self.bytes))
    }
}
