//! Optimizers. They work over slots: a shared parameter has one state and takes one step.

use tandem_autograd::{Float, Gradients, Kind, Params, SlotId, Tensor};

/// Changes parameters by their gradients.
pub trait Optimizer<T: Float> {
    /// One step: every trainable slot moves once, however many names share it.
    ///
    /// # Panics
    /// If a trainable parameter has no gradient, which would leave it as it is without a word:
    /// freeze it with [`Params::set_trainable`], or make the loss depend on it.
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>);

    /// How many numbers are remembered for each parameter between steps.
    fn numbers_per_parameter(&self) -> usize;

    /// Bytes of the numbers that are remembered for a slot: none before its first step.
    fn state_bytes(&self, slot: SlotId) -> usize;

    /// Bytes of the lists in which the state is kept, without the numbers.
    fn bookkeeping_bytes(&self) -> usize;
}

/// N tensors, and the slot that they are for.
type Entry<T, const N: usize> = Option<(SlotId, [Tensor<T>; N])>;

/// What an optimizer remembers: N tensors a slot, all zeros at first.
struct State<T: Float, const N: usize> {
    slots: Vec<Entry<T, N>>,
}

impl<T: Float, const N: usize> State<T, N> {
    const fn new() -> State<T, N> {
        State { slots: Vec::new() }
    }

    /// Makes the states those of the slots in use, before any of them takes a step: a slot that was
    /// untied gets a copy of the state that it had shared, a new one zeros. What is left of a slot
    /// that is gone is not mistaken for that of the next one in its place.
    fn follow(&mut self, params: &Params<T>) {
        self.slots.resize(params.slot_capacity(), None);
        let owner = |entry: &Entry<T, N>| entry.as_ref().map(|(owner, _)| *owner);
        let changed = |i: usize| match params.slot_at(i) {
            // A frozen slot may keep its state, and needs none.
            Some(slot) if !params.slot_is_trainable(slot) => owner(&self.slots[i]).is_some_and(|owner| owner != slot),
            slot => owner(&self.slots[i]) != slot,
        };
        if !(0..self.slots.len()).any(changed) {
            return;
        }
        let before = self.slots.clone();
        for (i, entry) in self.slots.iter_mut().enumerate() {
            let slot = params.slot_at(i);
            if owner(entry) != slot {
                let trainable = slot.filter(|&slot| params.slot_is_trainable(slot));
                *entry = trainable.map(|slot| (slot, State::first(&before, params, slot)));
            }
        }
    }

    /// The first state of a slot, given the states before the slots changed.
    fn first(before: &[Entry<T, N>], params: &Params<T>, slot: SlotId) -> [Tensor<T>; N] {
        let mut origin = params.copy_of(slot);
        while let Some(from) = origin {
            if let Some((owner, state)) = &before[from.index()]
                && *owner == from
            {
                return state.clone();
            }
            // Perhaps it is a copy itself, too young for a state.
            origin = if params.slot_at(from.index()) == Some(from) { params.copy_of(from) } else { None };
        }
        let shape = params.value(slot).shape();
        std::array::from_fn(|_| Tensor::build(shape, Kind::Optimizer, |m| m.fill(T::ZERO)))
    }

    /// The state of a trainable slot, after [`follow`](State::follow).
    fn of(&mut self, slot: SlotId) -> &mut [Tensor<T>; N] {
        &mut self.slots[slot.index()].as_mut().expect("a trainable slot has a state").1
    }

    fn bytes_of(&self, slot: SlotId) -> usize {
        match self.slots.get(slot.index()) {
            Some(Some((owner, state))) if *owner == slot => state.iter().map(|m| m.bytes_of(Kind::Optimizer)).sum(),
            _ => 0,
        }
    }

    fn list_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Entry<T, N>>()
    }
}

/// Calls `update(params, slot, gradient)` for every trainable slot.
#[track_caller]
fn each_slot<T: Float>(
    params: &mut Params<T>,
    gradients: &Gradients<T>,
    mut update: impl FnMut(&mut Params<T>, SlotId, &[T]),
) {
    for index in 0..params.slot_capacity() {
        let Some(slot) = params.slot_at(index).filter(|&slot| params.slot_is_trainable(slot)) else { continue };
        let Some(gradient) = gradients.get(slot) else {
            let names: Vec<&str> = params.names_of(slot).map(|(_, path)| path).collect();
            panic!(
                "step(): {names:?}, of shape {}, has no gradient: the loss does not depend on it; freeze it with set_trainable",
                params.value(slot).shape()
            )
        };
        update(params, slot, gradient.data());
    }
}

/// Stochastic gradient descent, with momentum if asked for: v ← μ·v + g,  w ← w − η·v.
///
/// In PyTorch this is called `optim.SGD`, whose convention for momentum is the same. Without
/// momentum nothing is remembered between steps.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Optimizer, Sgd};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::scalar(3.0));
/// let mut optimizer = Sgd::new(0.1).momentum(0.5);
/// for expected in [2.4, 1.62] {                     // w² has the gradient 2w
///     let tape = Tape::new(&params);
///     let gradients = tape.param(w).square().backward();
///     optimizer.step(&mut params, &gradients);
///     assert!((params.get(w).item() - expected).abs() < 1e-12);
/// }
/// ```
pub struct Sgd<T: Float = f32> {
    /// The learning rate η.
    pub lr: f64,
    momentum: f64,
    state: State<T, 1>,
}

impl<T: Float> Sgd<T> {
    /// Without momentum.
    pub fn new(lr: f64) -> Sgd<T> {
        Sgd { lr, momentum: 0.0, state: State::new() }
    }

    /// With momentum μ, usually 0.9.
    pub fn momentum(self, momentum: f64) -> Sgd<T> {
        Sgd { momentum, ..self }
    }
}

impl<T: Float> Optimizer<T> for Sgd<T> {
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>) {
        let (lr, momentum) = (T::from_f64(self.lr), T::from_f64(self.momentum));
        if self.momentum == 0.0 {
            return each_slot(params, gradients, |params, slot, g| {
                params.update(slot, |w| w.iter_mut().zip(g).for_each(|(w, &g)| *w = *w - lr * g));
            });
        }
        self.state.follow(params);
        each_slot(params, gradients, |params, slot, g| {
            let [v] = self.state.of(slot);
            v.update(|v| v.iter_mut().zip(g).for_each(|(v, &g)| *v = momentum * *v + g));
            params.update(slot, |w| w.iter_mut().zip(v.data()).for_each(|(w, &v)| *w = *w - lr * v));
        });
    }

    fn numbers_per_parameter(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn state_bytes(&self, slot: SlotId) -> usize {
        self.state.bytes_of(slot)
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.state.list_bytes()
    }
}

/// Adam: m ← β₁·m + (1−β₁)·g,  v ← β₂·v + (1−β₂)·g²,  w ← w − η · m̂ / (√v̂ + ε), where
/// m̂ = m / (1−β₁ᵗ) and v̂ = v / (1−β₂ᵗ) undo the pull of the zeros that m and v start from
/// (Kingma and Ba 2015).
///
/// In PyTorch this is called `optim.Adam`; the defaults β₁ = 0.9, β₂ = 0.999, ε = 1e-8 are the same.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Adam, Optimizer};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::scalar(3.0));
/// let tape = Tape::new(&params);
/// let gradients = tape.param(w).square().backward();
/// Adam::new(0.1).step(&mut params, &gradients);     // the first step is η · sign of g
/// assert!((params.get(w).item() - 2.9).abs() < 1e-9);
/// ```
pub struct Adam<T: Float = f32> {
    /// The learning rate η.
    pub lr: f64,
    betas: [f64; 2],
    epsilon: f64,
    steps: i32,
    state: State<T, 2>,
}

impl<T: Float> Adam<T> {
    /// With the usual constants.
    pub fn new(lr: f64) -> Adam<T> {
        Adam { lr, betas: [0.9, 0.999], epsilon: 1e-8, steps: 0, state: State::new() }
    }

    /// With β₁ and β₂.
    pub fn betas(self, betas: [f64; 2]) -> Adam<T> {
        Adam { betas, ..self }
    }
}

impl<T: Float> Optimizer<T> for Adam<T> {
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>) {
        self.steps += 1;
        let [b1, b2] = self.betas;
        let [c1, c2] = [b1, b2].map(|beta| 1.0 - beta.powi(self.steps));
        let rate = T::from_f64(self.lr / c1);
        let (scale, epsilon) = (T::from_f64(1.0 / c2.sqrt()), T::from_f64(self.epsilon));
        let [b1, b2, a1, a2] = [b1, b2, 1.0 - b1, 1.0 - b2].map(T::from_f64);
        self.state.follow(params);
        each_slot(params, gradients, |params, slot, g| {
            let [m, v] = self.state.of(slot);
            params.update(slot, |w| {
                m.update(|m| {
                    v.update(|v| {
                        for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                            *m = b1 * *m + a1 * g;
                            *v = b2 * *v + a2 * g * g;
                            *w = *w - rate * *m / (scale * v.sqrt() + epsilon);
                        }
                    });
                });
            });
        });
    }

    fn numbers_per_parameter(&self) -> usize {
        2
    }

    fn state_bytes(&self, slot: SlotId) -> usize {
        self.state.bytes_of(slot)
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.state.list_bytes()
    }
}

/// Stub, replaced at the merge.
pub trait PerSlot<T: Float> {
    /// k
    fn kind(&self) -> &'static str;
    /// m
    fn moments(&self) -> &'static [&'static str];
    /// o
    fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])>;
    /// r
    fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>);
}
