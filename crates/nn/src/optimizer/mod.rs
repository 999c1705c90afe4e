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
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Adam, Optimizer, PerSlot};
/// let mut params = Params::<f32>::new();
/// let w = params.add("w", Tensor::full([3], 1.0));
/// let (mut adam, slot) = (Adam::new(0.1), params.slot(w));
/// assert!(adam.of_slot(slot).is_none());
/// let gradients = Tape::new(&params).param(w).square().sum().backward();
/// adam.step(&mut params, &gradients);
/// let (steps, tensors) = adam.of_slot(slot).unwrap();
/// assert_eq!((steps, tensors.len(), adam.moments()), (1, 2, &["exp_avg", "exp_avg_sq"][..]));
/// assert!((tensors[0].data()[0] - 0.1 * 2.0).abs() < 1e-6);      // m = (1 − β₁) · g
/// assert_eq!(adam.state_bytes(slot), 2 * 3 * 4);
/// ```
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
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Adam, Optimizer, Sgd};
/// let mut all: [Box<dyn Optimizer<f64>>; 2] = [Box::new(Sgd::new(0.1)), Box::new(Adam::new(0.1))];
/// for optimizer in &mut all {
///     let mut params = Params::<f64>::new();
///     let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(1.0)));
///     params.tie(b, a)?;
///     for _ in 0..100 {
///         let tape = Tape::new(&params);
///         let gradients = (tape.param(a) + tape.param(b) - 4.0).square().backward();
///         optimizer.step(&mut params, &gradients);   // once for both names
///         optimizer.set_rate(0.97 * optimizer.rate());
///     }
///     assert!((params.get(b).item() - 2.0).abs() < 1e-2);
/// }
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
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
