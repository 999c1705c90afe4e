//! Chapter 6: names and slots.

/// A store of parameters: names point to slots, a slot holds a value. Names and slots are known by their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// For each name the slot to which it points.
    pub names: Vec<usize>,
    /// The values. A slot to which no name points is `None`, and is used again.
    pub slots: Vec<Option<Vec<f64>>>,
}

impl Store {
    /// Stores a value under a new name, in the first slot that is free, or in a new one. Gives the name.
    pub fn add(&mut self, value: Vec<f64>) -> usize {
        todo!("ch06::Store::add")
    }

    /// Points `name` at the slot of `with`. If no other name needs the slot that `name` had, it becomes free.
    pub fn tie(&mut self, name: usize, with: usize) {
        todo!("ch06::Store::tie")
    }

    /// How many numbers are stored.
    pub fn numel(&self) -> usize {
        todo!("ch06::Store::numel")
    }

    /// Gives a name a slot of its own, with a copy of the value; does nothing if it has one.
    ///
    /// This one is wrong: ties get lost. Mend it. (The others may stay as they are until this is done.)
    pub fn untie(&mut self, name: usize) {
        let value = self.slots[self.names[name]].clone();
        for other in 0..self.names.len() {
            if self.names[other] == self.names[name] && other != name {
                self.slots.push(value.clone());
                self.names[other] = self.slots.len() - 1;
            }
        }
    }
}

/// A step of gradient descent: each number moves by −rate · its gradient. `gradients` has one for each slot.
///
/// This one is wrong: a shared parameter steps once for each of its names. Mend it.
pub fn step(store: &mut Store, gradients: &[Vec<f64>], rate: f64) {
    for name in 0..store.names.len() {
        let slot = store.names[name];
        let value = store.slots[slot].as_mut().expect("a name points to a value");
        for (w, g) in value.iter_mut().zip(&gradients[slot]) {
            *w -= rate * g;
        }
    }
}

/// Scales the gradients, one for each slot, so that their norm √(Σ g²) is at most `most`, and gives the norm that they
/// had. Slots that are free have no numbers in `store`, and do not count.
pub fn clipped(store: &Store, gradients: &mut [Vec<f64>], most: f64) -> f64 {
    todo!("ch06::clipped")
}
