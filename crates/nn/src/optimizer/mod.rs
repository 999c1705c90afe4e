//! Optimizers. They work over slots: a shared parameter has one state, takes one step, decays once.

mod adam;
mod groups;
mod per_slot;
mod sgd;

use tandem_autograd::{Float, Gradients, Kind, Params, SlotId, Tensor};

pub use adam::{Adam, AdamLike, AdamW};
pub use groups::Group;
pub(crate) use per_slot::{State, inherited};
pub use sgd::Sgd;

/// What is remembered for each slot between steps: by an optimizer, by a moving average. A checkpoint
/// saves it.
pub trait PerSlot<T: Float> {
    /// `sgd`, `adam`, `adamw`, `ema`.
    fn kind(&self) -> &'static str;

    /// The names of the tensors that are kept for a slot, as PyTorch has them: `momentum_buffer`;
    /// `exp_avg`, `exp_avg_sq`; none for SGD without momentum. For the average: `average`.
    fn moments(&self) -> &'static [&'static str];

    /// Steps taken and the tensors, in the order of [`moments`](PerSlot::moments); `None` before the
    /// slot's first step, and always if nothing is kept.
    fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])>;

    /// Replaces what is remembered by copies of these entries: slot, steps, tensors. What is not listed is
    /// forgotten.
    ///
    /// # Panics
    /// If the tensors are not as many as [`moments`](PerSlot::moments), or not of their slot's shape.
    #[track_caller]
    fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>);

    /// Bytes of the numbers that are remembered for a slot: none before its first step.
    fn state_bytes(&self, slot: SlotId) -> usize {
        let tensors = self.of_slot(slot).map_or(&[][..], |(_, tensors)| tensors);
        tensors.iter().map(|tensor| tensor.bytes_of(Kind::Optimizer)).sum()
    }

    /// Bytes of the lists, without the numbers.
    fn bookkeeping_bytes(&self) -> usize;
}

/// Changes parameters by their gradients.
pub trait Optimizer<T: Float>: PerSlot<T> {
    /// One step: every trainable slot moves once, however many names share it. A frozen one stays, with
    /// what is remembered of it.
    ///
    /// # Panics
    /// Before anything has moved: if a trainable parameter has no gradient, which would leave it as it is
    /// without a word (freeze it with [`Params::set_trainable`], or make the loss depend on it); if names
    /// that share a slot are in different [groups](Group), frozen or not. The line is the caller's, through
    /// `dyn Optimizer` too.
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>);

    /// The learning rate η.
    fn rate(&self) -> f64;

    /// Sets the learning rate: a [`RateSchedule`](crate::RateSchedule) is followed by
    /// `optimizer.set_rate(schedule.at(step))`.
    fn set_rate(&mut self, rate: f64);
}

/// Every trainable slot has a gradient.
#[track_caller]
fn check<T: Float>(params: &Params<T>, gradients: &Gradients<T>) {
    for slot in params.slots().filter(|&slot| params.slot_is_trainable(slot)) {
        if gradients.get(slot).is_none() {
            let names: Vec<&str> = params.names_of(slot).map(|(_, path)| path).collect();
            panic!(
                "step(): {names:?}, of shape {}, has no gradient: the loss does not depend on it; freeze it with set_trainable",
                params.value(slot).shape()
            )
        }
    }
}

/// Calls `update(params, slot, gradient)` for every trainable slot, after [`check`].
fn each_slot<T: Float>(
    params: &mut Params<T>,
    gradients: &Gradients<T>,
    mut update: impl FnMut(&mut Params<T>, SlotId, &[T]),
) {
    for index in 0..params.slot_capacity() {
        let slot = params.slot_at(index).filter(|&slot| params.slot_is_trainable(slot));
        if let Some((slot, gradient)) = slot.and_then(|slot| Some((slot, gradients.get(slot)?))) {
            update(params, slot, gradient.data());
        }
    }
}

/// A gradient to which that of decay/2 · ‖w‖² is added.
#[inline(always)]
fn decayed<T: Float>(g: T, decay: T, w: T) -> T {
    if decay == T::ZERO { g } else { g + decay * w }
}
