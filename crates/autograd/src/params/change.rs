//! What changes the values of a store: freezing, setting and updating.

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
}
