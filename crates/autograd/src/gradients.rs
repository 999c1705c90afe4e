//! Gradients, by slot: one for a shared parameter.

use smallvec::SmallVec;

use crate::float::Float;
use crate::local::{give_back, list_bytes};
use crate::ops::NodeOp;
use crate::params::{ParamId, Params, SlotId};
use crate::pool::Kind;
use crate::tensor::Tensor;
use crate::var::Var;

/// By slot, its gradient. The slot's generation stands with it.
pub(crate) type BySlot<T> = Vec<Option<(SlotId, Tensor<T>)>>;

/// What a backward sweep found: for every slot that was used, the sum of the contributions of all
/// its uses; and the gradients of inputs.
///
/// In PyTorch a gradient is a field of the parameter, and is added to until it is cleared by hand;
/// here it is a value of its own, made by one sweep.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f64>::new();
/// let [a, b, c] = ["a", "b", "c"].map(|name| params.add(name, Tensor::scalar(2.0)));
/// params.tie(b, a)?;
/// let tape = Tape::new(&params);
/// let gradients = (tape.param(a) * tape.param(b)).backward();
/// assert_eq!(gradients.iter().count(), 1);                             // one for both names
/// assert_eq!(gradients.get(params.slot(b)).unwrap().item(), 4.0);      // 2w
/// assert!(gradients.of(&params, c).is_none());                         // the loss does not depend on it
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
pub struct Gradients<T: Float = f32> {
    slots: BySlot<T>,
    /// The inputs' nodes and their gradients.
    inputs: SmallVec<[(u32, Tensor<T>); 2]>,
    /// The stamp of the tape that has these nodes.
    tape: u64,
}

impl<T: Float> Gradients<T> {
    pub(crate) fn new(tape: u64) -> Gradients<T> {
        let slots = T::local().with_borrow_mut(|local| local.gradients.take()).unwrap_or_default();
        Gradients { slots, inputs: SmallVec::new(), tape }
    }

    pub(crate) fn put(&mut self, node: u32, slot: Option<SlotId>, mut g: Tensor<T>) {
        let Some(slot) = slot else { return self.inputs.push((node, g)) };
        if self.slots.len() <= slot.index() {
            self.slots.resize(slot.index() + 1, None);
        }
        g.mark(Kind::Gradient);
        self.slots[slot.index()] = Some((slot, g));
    }

    /// Marks what other tensors still shared when it was put.
    pub(crate) fn settle(&mut self) {
        self.slots.iter_mut().flatten().for_each(|(_, g)| g.mark(Kind::Gradient));
    }

    /// The gradient of a slot; `None` if the loss does not depend on it, or if it was computed
    /// for an earlier generation of the slot.
    pub fn get(&self, slot: SlotId) -> Option<&Tensor<T>> {
        let (found, gradient) = self.slots.get(slot.index())?.as_ref()?;
        (*found == slot).then_some(gradient)
    }

    /// As [`get`](Gradients::get), to change it: to clip it, or to add what a penalty contributes.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(50.0));
    /// let mut gradients = Tape::new(&params).param(w).square().backward();
    /// let slot = params.slot(w);
    /// gradients.get_mut(slot).unwrap().update(|g| g[0] = g[0].min(1.0));   // 2w, clipped
    /// assert_eq!(gradients.get(slot).unwrap().item(), 1.0);
    /// ```
    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut Tensor<T>> {
        let (found, gradient) = self.slots.get_mut(slot.index())?.as_mut()?;
        (*found == slot).then_some(gradient)
    }

    /// Takes the gradient of a slot out, to change it beside another one; [`insert`](Gradients::insert), where the
    /// example is, puts it back. `None` as of [`get`](Gradients::get).
    pub fn take(&mut self, slot: SlotId) -> Option<Tensor<T>> {
        let taken = self.slots.get_mut(slot.index())?.take_if(|(found, _)| *found == slot);
        taken.map(|(_, gradient)| gradient)
    }

    /// Sets the gradient of a slot, also of one on which the loss did not depend.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(2.0)));
    /// let mut gradients = Tape::new(&params).param(a).square().backward();
    /// let of_a = gradients.take(params.slot(a)).unwrap();
    /// gradients.insert(params.slot(b), of_a);
    /// assert!(gradients.of(&params, a).is_none());
    /// assert_eq!(gradients.of(&params, b).unwrap().item(), 4.0);
    /// ```
    pub fn insert(&mut self, slot: SlotId, gradient: Tensor<T>) {
        self.put(0, Some(slot), gradient);
    }

    /// The gradient of a parameter, for whichever of its names.
    #[track_caller]
    pub fn of(&self, params: &Params<T>, id: ParamId) -> Option<&Tensor<T>> {
        self.get(params.slot(id))
    }

    /// The gradient of a variable that stands for a parameter or for an input, made with
    /// [`Tape::param`](crate::Tape::param) or [`Tape::input`](crate::Tape::input); `None` for any
    /// other, or if the loss does not depend on it. Interior variables: [`Tape::grad`](crate::Tape::grad).
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(2.0));
    /// let tape = Tape::new(&params);
    /// let (w, x) = (tape.param(w), tape.input(3.0));
    /// let gradients = (&w * &x).backward();
    /// assert_eq!((gradients.wrt(&w).unwrap().item(), gradients.wrt(&x).unwrap().item()), (3.0, 2.0));
    /// ```
    ///
    /// # Panics
    /// If the variable is of another tape than the loss.
    #[track_caller]
    pub fn wrt(&self, leaf: &Var<'_, T>) -> Option<&Tensor<T>> {
        assert!(self.tape == leaf.core.stamp, "wrt(): the variable is of another tape than these gradients");
        let arena = leaf.core.arena.borrow();
        match arena.nodes.get(leaf.node as usize)?.op {
            NodeOp::Leaf(Some(slot)) => self.get(slot),
            NodeOp::Leaf(None) => self.inputs.iter().find(|(node, _)| *node == leaf.node).map(|(_, g)| g),
            _ => None,
        }
    }

    /// All gradients of parameters, in the order of the slots; those of inputs are asked for one by one, with
    /// [`wrt`](Gradients::wrt).
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &Tensor<T>)> {
        self.slots.iter().flatten().map(|(slot, g)| (*slot, g))
    }

    /// As [`iter`](Gradients::iter), to change them all.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(3.0));
    /// let mut gradients = Tape::new(&params).param(w).square().backward();
    /// for (_, g) in gradients.iter_mut() {
    ///     g.update(|g| g[0] /= 2.0);
    /// }
    /// assert_eq!(gradients.of(&params, w).unwrap().item(), 3.0);
    /// ```
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SlotId, &mut Tensor<T>)> {
        self.slots.iter_mut().flatten().map(|(slot, g)| (*slot, g))
    }

    /// Bytes of the lists, as they have grown, without the numbers.
    pub fn bookkeeping_bytes(&self) -> usize {
        let inputs = if self.inputs.spilled() { self.inputs.capacity() } else { 0 };
        list_bytes(&self.slots) + inputs * size_of::<(u32, Tensor<T>)>()
    }
}

impl<T: Float> Drop for Gradients<T> {
    fn drop(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        give_back::<T>(|local| {
            local.gradients.get_or_insert(slots);
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::{Params, Tape};

    #[test]
    #[should_panic(expected = "of another tape")]
    fn gradients_know_their_tape() {
        let params = Params::<f64>::new();
        let old = {
            let tape = Tape::new(&params);
            let x = tape.input(3.0);
            let gradients = x.clone().square().backward();
            assert_eq!(gradients.wrt(&x).unwrap().item(), 6.0);
            gradients
        };
        // The same node of a later tape.
        let tape = Tape::new(&params);
        old.wrt(&tape.input(4.0));
    }
}
