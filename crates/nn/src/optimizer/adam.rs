//! Adam and AdamW.

use tandem_autograd::kernels::elementwise::each;
use tandem_autograd::{Float, Gradients, Params, SlotId, Tensor};

use super::groups::Settings;
use super::{Group, Optimizer, PerSlot, State, check, decayed, each_slot};

/// Adam: m ← β₁·m + (1−β₁)·g,  v ← β₂·v + (1−β₂)·g²,  w ← w − η · m̂ / (√v̂ + ε), where
/// m̂ = m / (1−β₁ᵗ) and v̂ = v / (1−β₂ᵗ) undo the pull of the zeros that m and v start from
/// (Kingma and Ba 2015). t counts the steps of the parameter. Weight decay δ comes first, as part of the
/// gradient: g ← g + δ·w.
///
/// In PyTorch this is called `optim.Adam`; the defaults β₁ = 0.9, β₂ = 0.999, ε = 1e-8, δ = 0 are the same.
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
pub type Adam<T = f32> = AdamLike<T, false>;

/// [`Adam`] with weight decay δ beside the gradient: w ← w − η·δ·w, then the step. The steps' sizes, by
/// which Adam evens gradients out, do not even out the decay (Loshchilov and Hutter 2019).
///
/// In PyTorch this is called `optim.AdamW`; the defaults are those of [`Adam`], and δ = 0.01, as there.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{AdamW, Optimizer};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::scalar(3.0));
/// let tape = Tape::new(&params);
/// let gradients = tape.param(w).square().backward();
/// AdamW::new(0.1).decay(0.5).step(&mut params, &gradients);
/// assert!((params.get(w).item() - (3.0 - 0.1 * 0.5 * 3.0 - 0.1)).abs() < 1e-9);
/// ```
pub type AdamW<T = f32> = AdamLike<T, true>;

/// [`Adam`] and [`AdamW`], which differ in whether weight decay is decoupled from the gradient.
///
/// ```
/// use tandem_nn::{Adam, AdamLike, AdamW, PerSlot};
/// let (adam, adamw): (AdamLike<f32, false>, AdamLike<f32, true>) = (Adam::new(0.1), AdamW::new(0.1));
/// assert_eq!([adam.kind(), adamw.kind()], ["adam", "adamw"]);
/// ```
pub struct AdamLike<T: Float, const DECOUPLED: bool> {
    settings: Settings,
    betas: [f64; 2],
    epsilon: f64,
    state: State<T, 2>,
}

impl<T: Float> Adam<T> {
    /// With this learning rate and the usual constants.
    pub fn new(rate: f64) -> Adam<T> {
        AdamLike::with_defaults(rate, 0.0)
    }
}

impl<T: Float> AdamW<T> {
    /// With this learning rate and the usual constants.
    pub fn new(rate: f64) -> AdamW<T> {
        AdamLike::with_defaults(rate, 0.01)
    }
}

impl<T: Float, const DECOUPLED: bool> AdamLike<T, DECOUPLED> {
    fn with_defaults(rate: f64, decay: f64) -> Self {
        AdamLike { settings: Settings::new(rate, decay), betas: [0.9, 0.999], epsilon: 1e-8, state: State::new() }
    }

    /// With β₁ and β₂, each in 0 ≤ β < 1: m looks back over some 1/(1 − β₁) steps, v over some 1/(1 − β₂).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Adam, Optimizer};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(3.0));
    /// let mut signs = Adam::new(0.1).betas([0.0, 0.0]);  // without memory, each step is η · sign of g
    /// for expected in [2.9, 2.8, 2.7] {
    ///     let gradients = Tape::new(&params).param(w).square().backward();
    ///     signs.step(&mut params, &gradients);
    ///     assert!((params.get(w).item() - expected).abs() < 1e-8);
    /// }
    /// ```
    pub fn betas(self, betas: [f64; 2]) -> Self {
        AdamLike { betas, ..self }
    }

    /// With ε, which bounds the step of a number whose gradients are small: below ε the step shrinks with the gradient.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Adam, Optimizer};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(3.0));
    /// let gradients = Tape::new(&params).param(w).square().backward();               // 6
    /// Adam::new(0.1).epsilon(6.0).step(&mut params, &gradients);
    /// assert!((params.get(w).item() - (3.0 - 0.1 * 6.0 / (6.0 + 6.0))).abs() < 1e-12);
    /// ```
    pub fn epsilon(self, epsilon: f64) -> Self {
        AdamLike { epsilon, ..self }
    }

    /// With weight decay δ: in the gradient, for [`Adam`], beside it, for [`AdamW`].
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_nn::{Adam, Optimizer};
    /// # let mut params = Params::<f64>::new();
    /// # let w = params.add("w", Tensor::scalar(-3.0));
    /// let gradients = (1.0 * Tape::new(&params).param(w)).backward();
    /// Adam::new(0.1).decay(1.0).step(&mut params, &gradients);       // 1 + δ·w is −2, whose sign turns the step
    /// assert!((params.get(w).item() - -2.9).abs() < 1e-8);
    /// ```
    pub fn decay(mut self, decay: f64) -> Self {
        self.settings.decay = decay;
        self
    }

    /// With other settings for parameters whose names the predicate holds for, if no earlier one does; see [`Group`].
    pub fn group(mut self, matches: impl Fn(&str) -> bool + Send + Sync + 'static, group: Group) -> Self {
        self.settings.push(matches, group);
        self
    }
}

impl<T: Float, const DECOUPLED: bool> Optimizer<T> for AdamLike<T, DECOUPLED> {
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradients: &Gradients<T>) {
        check(params, gradients);
        self.settings.follow(params);
        self.state.follow(params, Params::slot_is_trainable);
        let [beta1, beta2] = self.betas;
        let [b1, b2, a1, a2] = [beta1, beta2, 1.0 - beta1, 1.0 - beta2].map(T::from_f64);
        let epsilon = T::from_f64(self.epsilon);
        each_slot(params, gradients, |params, slot, g| {
            let [rate, decay] = self.settings.of(slot);
            let [in_gradient, beside] = if DECOUPLED { [0.0, decay] } else { [decay, 0.0] };
            let (decay, kept) = (T::from_f64(in_gradient), T::from_f64(1.0 - rate * beside));
            let (steps, [m, v]) = self.state.step(slot);
            let steps = i32::try_from(steps).unwrap_or(i32::MAX);
            let [c1, c2] = self.betas.map(|beta| 1.0 - beta.powi(steps));
            let (rate, scale) = (T::from_f64(rate / c1), T::from_f64(1.0 / c2.sqrt()));
            let update = |[w, m, v]: [T; 3], [g]: [T; 1]| {
                let g = decayed(g, decay, w);
                let m = b1 * m + a1 * g;
                let v = b2 * v + a2 * g * g;
                [kept * w - rate * m / (scale * v.sqrt() + epsilon), m, v]
            };
            params.update(slot, |w| m.update(|m| v.update(|v| each([w, m, v], [g], update))));
        });
    }

    fn rate(&self) -> f64 {
        self.settings.rate
    }

    fn set_rate(&mut self, rate: f64) {
        self.settings.rate = rate;
    }
}

impl<T: Float, const DECOUPLED: bool> PerSlot<T> for AdamLike<T, DECOUPLED> {
    fn kind(&self) -> &'static str {
        if DECOUPLED { "adamw" } else { "adam" }
    }

    fn moments(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])> {
        self.state.of_slot(slot)
    }

    #[track_caller]
    fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>) {
        self.state.restore(params, entries);
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.state.list_bytes() + self.settings.list_bytes()
    }
}
