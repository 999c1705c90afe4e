//! A store in another element type.

use std::sync::Arc;

use super::state::State;
use super::{Params, Slot};
use crate::float::Float;
use crate::pool::Kind;

impl<T: Float> Params<T> {
    /// The same store in another element type: names, ids, ties, states and what is frozen stay. In PyTorch
    /// this is called `model.double()`, `model.float()`.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// let mut params = Params::<f32>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(0.5)));
    /// params.tie(b, a)?;
    /// let precise: Params<f64> = params.cast();
    /// assert_eq!((precise.get(b).item(), precise.is_shared(b)), (0.5, true));
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    pub fn cast<U: Float>(&self) -> Params<U> {
        let slot = |slot: &Slot<T>| {
            let Slot { generation, names, trainable, copy_of, .. } = *slot;
            let value = slot.value.as_ref().map(|value| value.cast_for(Kind::Parameter));
            Slot { value, generation, names, trainable, copy_of }
        };
        Params {
            names: Arc::clone(&self.names),
            slots: self.slots.iter().map(slot).collect(),
            states: Arc::new(self.states.iter().map(State::cast).collect()),
        }
    }
}
