//! What changes a store: new numbers, freezing, tying and untying.

use std::sync::Arc;

use super::{ParamId, Params, ShapeMismatch, SlotId};
use crate::float::Float;
use crate::pool::Kind;
use crate::tensor::Tensor;

impl<T: Float> Params<T> {
    /// Freezes (`false`) or unfreezes a parameter, for every name that shares it: a frozen one is a constant on the
    /// tape, no work is done for its gradient. In PyTorch this is called `requires_grad_`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(4.0)));
    /// params.set_trainable(b, false);
    /// let tape = Tape::new(&params);
    /// let gradients = (tape.param(a) * tape.param(b)).backward();
    /// assert_eq!(gradients.of(&params, a).unwrap().item(), 4.0);
    /// assert!(gradients.of(&params, b).is_none());
    /// ```
    #[track_caller]
    pub fn set_trainable(&mut self, id: ParamId, trainable: bool) {
        let slot = self.slot(id);
        self.slots[slot.index()].trainable = trainable;
    }

    /// Replaces a value, for every name that shares it.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let w = params.add("w", Tensor::zeros([2]));
    /// params.set(w, Tensor::full([2], 3.0))?;
    /// assert_eq!(params.get(w).data(), [3.0, 3.0]);
    /// let error = params.set(w, Tensor::zeros([3])).unwrap_err();
    /// assert_eq!(error.to_string(), "`w` has shape [2], but the new value has shape [3]");
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    ///
    /// # Errors
    /// If the shape is another one.
    #[track_caller]
    pub fn set(&mut self, id: ParamId, mut value: Tensor<T>) -> Result<(), ShapeMismatch> {
        let (slot, expected) = (self.slot(id), self.get(id).shape());
        ShapeMismatch::unless_same(self.name(id), expected, "the new value", value.shape())?;
        value.mark(Kind::Parameter);
        self.slots[slot.index()].value = Some(value);
        Ok(())
    }

    /// Changes the numbers of a slot: in place, or in a copy if a tensor elsewhere shares them.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let w = params.add("w", Tensor::full([2], 1.0));
    /// let before = params.get(w).clone();
    /// params.update(params.slot(w), |w| w[0] -= 0.25);
    /// assert_eq!((params.get(w).data(), before.data()), (&[0.75, 1.0][..], &[1.0, 1.0][..]));
    /// ```
    #[track_caller]
    pub fn update(&mut self, slot: SlotId, write: impl FnOnce(&mut [T])) {
        self.used(slot);
        let value = self.slots[slot.index()].value.as_mut().expect("a used slot has a value");
        value.update(write);
        // While another tensor shared it, it could not be marked.
        value.mark(Kind::Parameter);
    }

    /// As [`update`](Params::update), for two slots at once: what holds two parameters together moves both.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let slots = [("a", 1.0), ("b", 3.0)].map(|(name, x)| {
    ///     let id = params.add(name, Tensor::scalar(x));
    ///     params.slot(id)
    /// });
    /// params.update_both(slots, |[a, b]| (a[0], b[0]) = (b[0], a[0]));
    /// assert_eq!(slots.map(|slot| params.value(slot).item()), [3.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If both are one slot.
    #[track_caller]
    pub fn update_both(&mut self, slots: [SlotId; 2], write: impl FnOnce([&mut [T]; 2])) {
        for slot in slots {
            self.used(slot);
        }
        let Ok(both) = self.slots.get_disjoint_mut(slots.map(SlotId::index)) else {
            panic!("update_both() takes two slots, found slot {} twice", slots[0].index)
        };
        let [a, b] = both.map(|slot| slot.value.as_mut().expect("a used slot has a value"));
        a.update(|of_a| b.update(|of_b| write([of_a, of_b])));
        for value in [a, b] {
            value.mark(Kind::Parameter);
        }
    }

    /// Makes `name` share the slot of `with`, and take its value. If no other name needs the slot
    /// that `name` had, its memory is gone. Tying what is tied already changes nothing.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = [("a", 1.0), ("b", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// params.tie(b, a)?;
    /// assert_eq!((params.get(b).item(), params.numel()), (1.0, 1));
    /// let tape = Tape::new(&params);
    /// let gradients = (2.0 * tape.param(a) + 5.0 * tape.param(b)).backward();
    /// assert_eq!(gradients.of(&params, a).unwrap().item(), 7.0);      // the sum over both uses
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes differ.
    #[track_caller]
    pub fn tie(&mut self, name: ParamId, with: ParamId) -> Result<(), ShapeMismatch> {
        let (old, new) = (self.slot(name), self.slot(with));
        let (shape, other_shape) = (self.value(old).shape(), self.value(new).shape());
        ShapeMismatch::unless_same(self.name(name), shape, self.name(with), other_shape)?;
        if old == new {
            return Ok(());
        }
        Arc::make_mut(&mut self.names)[name.index as usize].slot = new.index;
        self.slots[new.index()].names += 1;
        let left = &mut self.slots[old.index()];
        left.names -= 1;
        if left.names == 0 {
            left.value = None;
        }
        Ok(())
    }

    /// Gives a name a slot of its own with a copy of the value, frozen if the old one was. Does nothing if it has
    /// one.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = [("a", 1.0), ("b", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// params.tie(b, a)?;
    /// params.untie(b);                                       // the 3 is gone: b begins from what both had
    /// params.update(params.slot(b), |b| b[0] += 1.0);
    /// assert_eq!([a, b].map(|id| params.get(id).item()), [1.0, 2.0]);
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    #[track_caller]
    pub fn untie(&mut self, id: ParamId) {
        if !self.is_shared(id) {
            return;
        }
        let old = self.slot(id);
        let shared = self.value(old);
        let copy = Tensor::build(shared.shape(), Kind::Parameter, |out| out.copy_from_slice(shared.data()));
        let trainable = self.used(old).trainable;
        self.slots[old.index()].names -= 1;
        let slot = self.new_slot(copy, Some(old), trainable);
        Arc::make_mut(&mut self.names)[id.index as usize].slot = slot;
    }
}
