//! The training loop of experiments: so many steps of Adam on full batches.

use tandem::autograd::{Params, Tape, Var};
use tandem::nn::data::{Batches, DataError, Images, Last};
use tandem::nn::{Adam, Optimizer, RateSchedule};

use super::size::Size;

/// How long a model is trained, whatever the number of images.
#[derive(Clone, Debug)]
pub struct Effort {
    /// The learning rate from step to step.
    pub rate: RateSchedule,
    /// How many steps are taken.
    pub steps: usize,
    /// Images a step. What does not fill a batch waits for the next epoch.
    pub batch: usize,
}

/// Trains on these images, in an order that the seed decides; returns what is stored in training.
///
/// # Errors
/// If there are fewer images than a batch has.
pub fn fit(
    params: &mut Params,
    images: &Images,
    Effort { rate, steps, batch }: Effort,
    seed: u64,
    loss: impl for<'t> Fn(&'t Tape<'_>, &Images) -> Var<'t>,
) -> Result<Size, DataError> {
    let mut batches = Batches::new(images.len(), batch, seed, Last::Drop)?;
    let (mut optimizer, mut size) = (Adam::new(rate.at(0)), Size::default());
    for step in 0..steps {
        let (epoch, place) = (step / batches.count(), step % batches.count());
        let rows = batches.epoch(epoch as u64).iter().nth(place);
        let tape = Tape::new(params);
        let gradients = loss(&tape, &images.subset(rows.into_iter().flatten().copied())).backward();
        optimizer.set_rate(rate.at(step as u64));
        optimizer.step(params, &gradients);
        if step == 0 {
            size = Size::of(params, &gradients, &optimizer);
        }
    }
    Ok(size)
}
