//! The store: every trainable number, once. Names point to slots; to tie is to point two names
//! at one slot.

mod cast;
mod change;
mod mismatch;
mod state;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub use self::mismatch::ShapeMismatch;
use self::state::State;
pub use self::state::StateId;
use crate::float::Float;
use crate::local::list_bytes;
use crate::pool::Kind;
use crate::tensor::Tensor;

/// The index of a name in a [`Params`]. Plain data: copying it shares the parameter.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// let mut params = Params::<f32>::new();
/// let w = params.add("w", Tensor::zeros([3]));
/// let copied = w;                                       // a layer that is copied holds the same parameter
/// assert_eq!((params.name(copied), params.find("w")), ("w", Some(w)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId {
    index: u32,
    /// Tells the ids of one store from those of another; a clone of the store keeps it.
    stamp: u32,
}

/// Where a value is stored. A slot that was freed and used again has another generation, and so has
/// each slot of another store: what was kept for one (an optimizer's state, a gradient) is not
/// mistaken for another's. A clone of a store has the slots of the original.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// let mut params = Params::<f32>::new();
/// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(0.0)));
/// let before = params.slot(b);
/// params.tie(b, a)?;
/// assert_eq!(params.slot(b), params.slot(a));
/// params.untie(b);                                      // in the place that was free, yet another slot
/// assert_eq!(params.slot(b).index(), before.index());
/// assert_ne!(params.slot(b), before);
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    index: u32,
    generation: u32,
}

impl SlotId {
    /// The place of the slot in lists that are indexed by slot.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

#[derive(Clone)]
struct Name {
    path: Box<str>,
    slot: u32,
    stamp: u32,
}

/// A value and what is known of it.
#[doc(hidden)]
#[derive(Clone)]
pub struct Slot<T: Float> {
    value: Option<Tensor<T>>,
    generation: u32,
    names: u32,
    trainable: bool,
    /// The slot of which this one was a copy when it was untied.
    copy_of: Option<SlotId>,
}

/// The store of all parameters of a program: names, the slots they point to, and one value a slot; and the
/// [state](Params::add_state) that goes with them.
///
/// What counts, updates or reports goes over slots, so that a shared parameter counts once. A
/// clone copies the numbers (when they are next written) and keeps every tie, and accepts the ids
/// that the original had given out by then.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// let mut params = Params::new();
/// let a = params.add("a.weight", Tensor::new([2], vec![1.0_f32, 2.0]));
/// let b = params.add("b.weight", Tensor::new([2], vec![5.0, 6.0]));
/// assert_eq!((params.names().count(), params.numel()), (2, 4));
/// params.tie(b, a)?;                        // one copy in memory, two names
/// assert_eq!((params.names().count(), params.numel()), (2, 2));
/// assert_eq!(params.get(b).data(), [1.0, 2.0]);
/// params.untie(b);                          // a copy of its own again
/// assert_eq!(params.numel(), 4);
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
pub struct Params<T: Float = f32> {
    /// Shared with clones until one of them changes.
    names: Arc<Vec<Name>>,
    slots: Vec<Slot<T>>,
    states: Arc<Vec<State<T>>>,
}

/// A number that nothing in this program had before.
fn next_stamp() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl<T: Float> Default for Params<T> {
    fn default() -> Self {
        Params::new()
    }
}

impl<T: Float> Clone for Params<T> {
    fn clone(&self) -> Self {
        self.clone_into_list(Vec::new())
    }
}

impl<T: Float> Params<T> {
    /// An empty store.
    pub fn new() -> Params<T> {
        Params { names: Arc::default(), slots: Vec::new(), states: Arc::default() }
    }

    /// A clone whose list of slots is this one, which is empty and may have memory already.
    pub(crate) fn clone_into_list(&self, mut list: Vec<Slot<T>>) -> Params<T> {
        list.clone_from(&self.slots);
        Params { names: Arc::clone(&self.names), slots: list, states: Arc::clone(&self.states) }
    }

    /// The list of slots, empty, for the next [`clone_into_list`](Params::clone_into_list).
    pub(crate) fn into_list(mut self) -> Vec<Slot<T>> {
        self.slots.clear();
        self.slots
    }

    /// Stores a value under a new name, in a slot of its own. The name is a path, mostly, with points between its
    /// parts: `encoder.layer1.weight`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// let mut params = Params::new();
    /// let w = params.add("layer1.weight", Tensor::new([2], vec![1.0_f32, 2.0]));
    /// assert_eq!((params.get(w).data(), params.bytes()), (&[1.0, 2.0][..], 8));
    /// ```
    ///
    /// # Panics
    /// If a parameter or a state has the name.
    #[track_caller]
    pub fn add(&mut self, path: &str, mut value: Tensor<T>) -> ParamId {
        self.check_new(path);
        value.mark(Kind::Parameter);
        let slot = self.new_slot(value, None, true);
        let index = self.names.len() as u32;
        let stamp = next_stamp();
        Arc::make_mut(&mut self.names).push(Name { path: path.into(), slot, stamp });
        ParamId { index, stamp }
    }

    #[track_caller]
    fn check_new(&self, path: &str) {
        if let Some(taken) = self.find(path) {
            panic!("a parameter named `{path}` exists already, of shape {}", self.get(taken).shape());
        }
        if let Some(taken) = self.find_state(path) {
            panic!("a state named `{path}` exists already, of shape {}", self.state(taken).shape());
        }
    }

    fn new_slot(&mut self, value: Tensor<T>, copy_of: Option<SlotId>, trainable: bool) -> u32 {
        let slot = Slot { value: Some(value), generation: next_stamp(), names: 1, trainable, copy_of };
        if let Some(free) = self.slots.iter().position(|slot| slot.value.is_none()) {
            self.slots[free] = slot;
            return free as u32;
        }
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    #[track_caller]
    fn entry(&self, id: ParamId) -> &Name {
        match self.names.get(id.index as usize) {
            Some(name) if name.stamp == id.stamp => name,
            _ => panic!(
                "this id ({}) is of another store: it was not given out by this one or the one it was cloned from",
                id.index
            ),
        }
    }

    /// The value.
    #[track_caller]
    pub fn get(&self, id: ParamId) -> &Tensor<T> {
        self.value(self.slot(id))
    }

    /// The path under which the parameter was added.
    #[track_caller]
    pub fn name(&self, id: ParamId) -> &str {
        &self.entry(id).path
    }

    /// The id of a name, if there is one.
    pub fn find(&self, path: &str) -> Option<ParamId> {
        let index = self.names.iter().position(|name| &*name.path == path)?;
        Some(ParamId { index: index as u32, stamp: self.names[index].stamp })
    }

    /// All names with their paths, in the order in which they were added. A shared parameter comes up once for each
    /// of its names; [`slots`](Params::slots) has it once.
    pub fn names(&self) -> impl Iterator<Item = (ParamId, &str)> {
        self.names.iter().enumerate().map(|(i, name)| (ParamId { index: i as u32, stamp: name.stamp }, &*name.path))
    }

    /// All slots in use: the unique set, in a fixed order. Whoever updates, counts or decays goes over these.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(4.0)));
    /// params.tie(b, a)?;
    /// for slot in params.slots().collect::<Vec<_>>() {
    ///     params.update(slot, |w| w[0] /= 2.0);
    /// }
    /// assert_eq!(params.get(a).item(), 2.0);                // halved once, not twice
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    pub fn slots(&self) -> impl Iterator<Item = SlotId> + '_ {
        (0..self.slots.len()).filter_map(|index| self.slot_at(index))
    }

    /// How long a list indexed by slot has to be: more than every [`SlotId::index`] in use. Places that are free
    /// count.
    pub fn slot_capacity(&self) -> usize {
        self.slots.len()
    }

    /// The slot at this place of a list indexed by slot, unless the place is free.
    pub fn slot_at(&self, index: usize) -> Option<SlotId> {
        let slot = self.slots.get(index).filter(|slot| slot.value.is_some())?;
        Some(SlotId { index: index as u32, generation: slot.generation })
    }

    /// The slot that a name points to.
    #[track_caller]
    pub fn slot(&self, id: ParamId) -> SlotId {
        let index = self.entry(id).slot;
        SlotId { index, generation: self.slots[index as usize].generation }
    }

    #[track_caller]
    fn used(&self, slot: SlotId) -> &Slot<T> {
        match self.slots.get(slot.index()) {
            Some(found) if found.generation == slot.generation && found.value.is_some() => found,
            _ => panic!("slot {} is gone, its names were tied to another slot, or it is of another store", slot.index),
        }
    }

    /// The value in a slot.
    #[track_caller]
    pub fn value(&self, slot: SlotId) -> &Tensor<T> {
        self.used(slot).value.as_ref().expect("a used slot has a value")
    }

    /// The slot from which this one was copied when its name was untied: an optimizer takes its
    /// first state from there.
    ///
    /// The example is at [`untie`](Params::untie).
    #[track_caller]
    pub fn copy_of(&self, slot: SlotId) -> Option<SlotId> {
        self.used(slot).copy_of
    }

    /// The names that share a slot, in the order in which they were added.
    ///
    /// The example is at [`tie`](Params::tie).
    pub fn names_of(&self, slot: SlotId) -> impl Iterator<Item = (ParamId, &str)> {
        self.names().filter(move |(id, _)| self.slot(*id) == slot)
    }

    /// Whether another name shares this one's slot.
    #[track_caller]
    pub fn is_shared(&self, id: ParamId) -> bool {
        self.used(self.slot(id)).names > 1
    }

    /// Whether gradients are computed for the parameter.
    #[track_caller]
    pub fn is_trainable(&self, id: ParamId) -> bool {
        self.slot_is_trainable(self.slot(id))
    }

    /// Whether gradients are computed for the parameter in this slot.
    #[track_caller]
    pub fn slot_is_trainable(&self, slot: SlotId) -> bool {
        self.used(slot).trainable
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
    /// assert!(params.names_of(params.slot(a)).map(|(_, path)| path).eq(["a", "b"]));
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
    /// assert_eq!(params.copy_of(params.slot(b)), Some(params.slot(a)));
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

    /// How many numbers are stored: the sum over slots, a shared parameter once.
    pub fn numel(&self) -> usize {
        self.slots().map(|slot| self.value(slot).len()).sum()
    }

    /// Bytes of the stored numbers: [`numel`](Params::numel) times the size of one, 4 in `f32`.
    pub fn bytes(&self) -> usize {
        self.numel() * size_of::<T>()
    }

    /// Bytes of the lists of names and slots, the paths included, without the values.
    pub fn bookkeeping_bytes(&self) -> usize {
        let paths: usize = self.names.iter().map(|name| name.path.len()).sum();
        let header = size_of::<[usize; 2]>() + size_of::<Vec<Name>>();
        header + list_bytes(&self.names) + list_bytes(&self.slots) + paths + self.state_list_bytes()
    }
}

impl<T: Float> fmt::Debug for Params<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.names().map(|(id, path)| (path, (self.slot(id).index, self.get(id).shape())));
        f.debug_map().entries(rows).finish()
    }
}
