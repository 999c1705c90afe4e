//! The lists in which optimizers and averages remember tensors and steps for each slot.

use tandem_autograd::{Float, Kind, Params, Shape, SlotId, Tensor};

/// What is remembered for a slot.
#[derive(Clone)]
struct Entry<T: Float, const N: usize> {
    slot: SlotId,
    steps: u64,
    tensors: [Tensor<T>; N],
}

/// N tensors and the steps taken for each slot, all zero at first.
pub(crate) struct State<T: Float, const N: usize> {
    slots: Vec<Option<Entry<T, N>>>,
}

impl<T: Float, const N: usize> State<T, N> {
    pub(crate) const fn new() -> State<T, N> {
        State { slots: Vec::new() }
    }

    /// Makes the entries those of the slots in use, before any of them takes a step: a slot that was
    /// untied gets a copy of what it had shared, a new one zeros. What is left of a slot that is gone is
    /// not mistaken for that of the next one in its place. A slot that is not `wanted` may keep its
    /// entry, and needs none.
    pub(crate) fn follow(&mut self, params: &Params<T>, wanted: impl Fn(&Params<T>, SlotId) -> bool) {
        self.slots.resize(params.slot_capacity(), None);
        let owner = |entry: &Option<Entry<T, N>>| entry.as_ref().map(|entry| entry.slot);
        let changed = |i: usize| match params.slot_at(i) {
            Some(slot) if !wanted(params, slot) => owner(&self.slots[i]).is_some_and(|owner| owner != slot),
            slot => owner(&self.slots[i]) != slot,
        };
        if !(0..self.slots.len()).any(changed) {
            return;
        }
        let before = self.slots.clone();
        for (i, entry) in self.slots.iter_mut().enumerate() {
            let slot = params.slot_at(i);
            if owner(entry) != slot {
                *entry = slot.filter(|&slot| wanted(params, slot)).map(|slot| first(&before, params, slot));
            }
        }
    }

    /// Counts a step of a slot that was wanted when [`follow`](State::follow) was called: which step it
    /// is, from 1, and the tensors.
    pub(crate) fn step(&mut self, slot: SlotId) -> (u64, &mut [Tensor<T>; N]) {
        let entry = self.slots[slot.index()].as_mut().expect("a slot that is wanted has an entry");
        entry.steps = entry.steps.saturating_add(1);
        (entry.steps, &mut entry.tensors)
    }

    /// See [`PerSlot::of_slot`](super::PerSlot::of_slot).
    pub(crate) fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])> {
        let entry = self.slots.get(slot.index())?.as_ref().filter(|entry| entry.slot == slot)?;
        Some((entry.steps, &entry.tensors))
    }

    /// See [`PerSlot::restore`](super::PerSlot::restore).
    #[track_caller]
    pub(crate) fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>) {
        let mut slots = vec![None; params.slot_capacity()];
        for (slot, steps, tensors) in entries {
            let (expected, found) = ([params.value(slot).shape(); N], tensors.iter().map(Tensor::shape));
            if !found.clone().eq(expected) {
                let names: Vec<&str> = params.names_of(slot).map(|(_, path)| path).collect();
                let found: Vec<Shape> = found.collect();
                panic!("restore(): {names:?} takes tensors of shapes {expected:?}, found {found:?}");
            }
            slots[slot.index()] = Some(Entry { slot, steps, tensors: std::array::from_fn(|i| kept(&tensors[i])) });
        }
        self.slots = slots;
    }

    pub(crate) fn list_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Entry<T, N>>>()
    }
}

/// What is found for a slot, or for the one that it was a copy of when it was untied, and so on: a slot that has taken no
/// step since goes on from what it had shared.
pub(crate) fn inherited<T: Float, R>(
    params: &Params<T>,
    slot: SlotId,
    find: impl Fn(SlotId) -> Option<R>,
) -> Option<R> {
    let mut at = Some(slot);
    while let Some(slot) = at {
        if let Some(found) = find(slot) {
            return Some(found);
        }
        // Of a slot that is gone nothing more is known.
        at = if params.slot_at(slot.index()) == Some(slot) { params.copy_of(slot) } else { None };
    }
    None
}

/// The first entry of a slot, given the entries before the slots changed.
fn first<T: Float, const N: usize>(before: &[Option<Entry<T, N>>], params: &Params<T>, slot: SlotId) -> Entry<T, N> {
    let entry = |slot: SlotId| before[slot.index()].as_ref().filter(|entry| entry.slot == slot);
    if let Some(shared) = inherited(params, slot, entry) {
        return Entry { slot, steps: shared.steps, tensors: shared.tensors.each_ref().map(kept) };
    }
    let shape = params.value(slot).shape();
    let zeros = |_| Tensor::build(shape, Kind::Optimizer, |m| m.fill(T::ZERO));
    Entry { slot, steps: 0, tensors: std::array::from_fn(zeros) }
}

/// A copy that counts as an optimizer's.
fn kept<T: Float>(tensor: &Tensor<T>) -> Tensor<T> {
    Tensor::build(tensor.shape(), Kind::Optimizer, |m| m.copy_from_slice(tensor.data()))
}
