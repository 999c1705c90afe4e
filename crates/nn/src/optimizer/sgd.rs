//! Stochastic gradient descent.

use tandem_autograd::kernels::elementwise::each;
use tandem_autograd::{Float, Gradients, Params, SlotId, Tensor};

use super::groups::Settings;
use super::{Group, Optimizer, PerSlot, State, check, decayed, each_slot};

/// Stochastic gradient descent, with momentum μ (Polyak 1964) and weight decay δ if asked for:
/// g ← g + δ·w,  v ← μ·v + g,  w ← w − η·v; after Nesterov w ← w − η·(g + μ·v). See Deep Learning, section 8.3.
///
/// In PyTorch this is called `optim.SGD`, whose conventions are the same. Without momentum and groups
/// nothing is remembered between steps.
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
    settings: Settings,
    momentum: f64,
    nesterov: bool,
    state: State<T, 1>,
}

impl<T: Float> Sgd<T> {
    /// With this learning rate, without momentum and decay.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Optimizer, Sgd};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(3.0));
    /// let gradients = Tape::new(&params).param(w).square().backward();               // 6
    /// Sgd::new(0.5).step(&mut params, &gradients);
    /// assert_eq!(params.get(w).item(), 3.0 - 0.5 * 6.0);
    /// ```
    pub fn new(rate: f64) -> Sgd<T> {
        Sgd { settings: Settings::new(rate, 0.0), momentum: 0.0, nesterov: false, state: State::new() }
    }

    /// With momentum μ, usually 0.9.
    pub fn momentum(self, momentum: f64) -> Sgd<T> {
        Sgd { momentum, ..self }
    }

    /// Goes on by the momentum before it looks (Nesterov 1983, as of Sutskever et al. 2013). Without
    /// momentum it changes nothing.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Optimizer, Sgd};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(3.0));
    /// let gradients = Tape::new(&params).param(w).square().backward();               // 6, and so is v
    /// Sgd::new(0.5).momentum(0.5).nesterov().step(&mut params, &gradients);
    /// assert_eq!(params.get(w).item(), 3.0 - 0.5 * (6.0 + 0.5 * 6.0));
    /// ```
    pub fn nesterov(self) -> Sgd<T> {
        Sgd { nesterov: true, ..self }
    }

    /// With weight decay δ: as if the loss had the term δ/2 · ‖w‖².
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Optimizer, Sgd};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(3.0));
    /// let gradients = Tape::new(&params).param(w).square().backward();               // 6
    /// Sgd::new(0.5).decay(0.25).step(&mut params, &gradients);
    /// assert_eq!(params.get(w).item(), 3.0 - 0.5 * (6.0 + 0.25 * 3.0));
    /// ```
    pub fn decay(mut self, decay: f64) -> Sgd<T> {
        self.settings.decay = decay;
        self
    }

    /// With other settings for parameters whose names the predicate holds for, if no earlier one does; see [`Group`].
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Group, Optimizer, Sgd};
    /// # let mut params = Params::<f64>::new();
    /// # let [a, b] = ["a.weight", "b.weight"].map(|name| params.add(name, Tensor::scalar(3.0)));
    /// let mut sgd = Sgd::new(0.5).group(|name| name.starts_with("a."), Group::new().rate(0.1));
    /// let tape = Tape::new(&params);
    /// let gradients = (tape.param(a) + tape.param(b)).backward();    // 1 each
    /// sgd.step(&mut params, &gradients);
    /// assert_eq!([a, b].map(|id| params.get(id).item()), [3.0 - 0.05, 3.0 - 0.5]);
    /// ```
    pub fn group(mut self, matches: impl Fn(&str) -> bool + Send + Sync + 'static, group: Group) -> Sgd<T> {
        self.settings.push(matches, group);
        self
    }
}

impl<T: Float> Optimizer<T> for Sgd<T> {
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>) {
        check(params, gradients);
        self.settings.follow(params);
        if self.momentum == 0.0 {
            return each_slot(params, gradients, |params, slot, g| {
                let [rate, decay] = self.settings.of(slot).map(T::from_f64);
                params.update(slot, |w| each([w], [g], |[w], [g]| [w - rate * decayed(g, decay, w)]));
            });
        }
        let (momentum, nesterov) = (T::from_f64(self.momentum), self.nesterov);
        self.state.follow(params, Params::slot_is_trainable);
        each_slot(params, gradients, |params, slot, g| {
            let [rate, decay] = self.settings.of(slot).map(T::from_f64);
            let (_, [v]) = self.state.step(slot);
            let update = |[w, v]: [T; 2], [g]: [T; 1]| {
                let g = decayed(g, decay, w);
                let v = momentum * v + g;
                [w - rate * if nesterov { g + momentum * v } else { v }, v]
            };
            params.update(slot, |w| v.update(|v| each([w, v], [g], update)));
        });
    }

    fn rate(&self) -> f64 {
        self.settings.rate
    }

    fn set_rate(&mut self, rate: f64) {
        self.settings.rate = rate;
    }
}

impl<T: Float> PerSlot<T> for Sgd<T> {
    fn kind(&self) -> &'static str {
        "sgd"
    }

    fn moments(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])> {
        self.state.of_slot(slot)
    }

    #[track_caller]
    fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>) {
        if self.momentum != 0.0 {
            return self.state.restore(params, entries);
        }
        let found = entries.iter().map(|(_, _, tensors)| tensors.len()).max().unwrap_or(0);
        assert!(found == 0, "restore(): SGD without momentum keeps no tensor for a parameter, found {found}");
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.state.list_bytes() + self.settings.list_bytes()
    }
}
