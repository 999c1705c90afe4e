//! Chapter 6: names and slots.

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    pub names: Vec<usize>,
    pub slots: Vec<Option<Vec<f64>>>,
}

impl Store {
    pub fn add(&mut self, value: Vec<f64>) -> usize {
        let slot = self.new_slot(value);
        self.names.push(slot);
        self.names.len() - 1
    }

    fn new_slot(&mut self, value: Vec<f64>) -> usize {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(value);
        slot
    }

    pub fn tie(&mut self, name: usize, with: usize) {
        let old = self.names[name];
        self.names[name] = self.names[with];
        if !self.names.contains(&old) {
            self.slots[old] = None;
        }
    }

    pub fn numel(&self) -> usize {
        self.slots.iter().flatten().map(Vec::len).sum()
    }

    pub fn untie(&mut self, name: usize) {
        let slot = self.names[name];
        if self.names.iter().filter(|&&other| other == slot).count() > 1 {
            let value = self.slots[slot].clone().expect("a name points to a value");
            self.names[name] = self.new_slot(value);
        }
    }
}

pub fn step(store: &mut Store, gradients: &[Vec<f64>], rate: f64) {
    for (value, gradient) in store.slots.iter_mut().zip(gradients) {
        let Some(value) = value else { continue };
        for (w, g) in value.iter_mut().zip(gradient) {
            *w -= rate * g;
        }
    }
}

pub fn clipped(store: &Store, gradients: &mut [Vec<f64>], most: f64) -> f64 {
    let used = |slot: usize| store.slots[slot].is_some();
    let squares = gradients.iter().enumerate().filter(|(slot, _)| used(*slot)).flat_map(|(_, g)| g).map(|g| g * g);
    let norm = squares.sum::<f64>().sqrt();
    if norm > most {
        gradients.iter_mut().flatten().for_each(|g| *g *= most / norm);
    }
    norm
}
