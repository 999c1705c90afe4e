//! A moving average of the parameters.

use tandem_autograd::kernels::elementwise::each;
use tandem_autograd::{Float, Params, SlotId, Tensor};

use crate::optimizer::{PerSlot, State, inherited};

/// The exponential moving average of every slot's numbers, frozen ones included: a ← d·a + (1−d)·w, from
/// the first w on. It is often the better model: it leaves out the noise of the last steps (Polyak and
/// Juditsky 1992; Tarvainen and Valpola 2017).
///
/// In PyTorch this is called `swa_utils.AveragedModel` with `get_ema_multi_avg_fn(d)`.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_nn::Ema;
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::scalar(0.0));
/// let mut average = Ema::new(0.75);
/// for value in [1.0, 3.0] {
///     params.set(w, Tensor::scalar(value))?;
///     average.update(&params);                           // after the optimizer's step
/// }
/// let averaged = average.averaged(&params);              // takes the ids of params
/// assert_eq!((params.get(w).item(), averaged.get(w).item()), (3.0, 1.5));
/// # Ok::<(), tandem_autograd::ShapeMismatch>(())
/// ```
pub struct Ema<T: Float = f32> {
    decay: f64,
    state: State<T, 1>,
}

impl<T: Float> Ema<T> {
    /// With decay d, usually 0.99 to 0.9999: it looks back over some 1/(1−d) updates.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::Ema;
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::scalar(1.0));
    /// let (mut still, mut follows) = (Ema::new(1.0), Ema::new(0.0));
    /// for value in [1.0, 5.0] {
    ///     params.update(params.slot(w), |w| w[0] = value);
    ///     [&mut still, &mut follows].map(|average| average.update(&params));
    /// }
    /// assert_eq!([still, follows].map(|average| average.averaged(&params).get(w).item()), [1.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// If it is not in 0 ≤ d ≤ 1.
    #[track_caller]
    pub fn new(decay: f64) -> Ema<T> {
        assert!((0.0..=1.0).contains(&decay), "Ema::new() takes a decay of 0 to 1, found {decay}");
        Ema { decay, state: State::new() }
    }

    /// Takes the parameters in as they are now.
    pub fn update(&mut self, params: &Params<T>) {
        let weight = T::from_f64(1.0 - self.decay);
        self.state.follow(params, |_, _| true);
        for slot in params.slots() {
            let (steps, [average]) = self.state.step(slot);
            let weight = if steps == 1 { T::ONE } else { weight };
            average.update(|a| each([a], [params.value(slot).data()], |[a], [w]| [a + weight * (w - a)]));
        }
    }

    /// A clone of the store with the averages in it, its ties kept. What was untied since the last update has the average
    /// that it had shared; what has none yet keeps its value.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::Ema;
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(1.0)));
    /// params.tie(b, a)?;
    /// let mut average = Ema::new(0.9);
    /// average.update(&params);
    /// params.set(a, Tensor::scalar(2.0))?;
    /// average.update(&params);
    /// let averaged = average.averaged(&params);
    /// assert!((averaged.get(b).item() - (0.9 * 1.0 + 0.1 * 2.0)).abs() < 1e-15 && averaged.is_shared(a));
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    pub fn averaged(&self, params: &Params<T>) -> Params<T> {
        let mut averaged = params.clone();
        for slot in params.slots() {
            if let Some((_, [average])) = inherited(params, slot, |slot| self.state.of_slot(slot)) {
                averaged.update(slot, |w| w.copy_from_slice(average.data()));
            }
        }
        averaged
    }
}

impl<T: Float> PerSlot<T> for Ema<T> {
    fn kind(&self) -> &'static str {
        "ema"
    }

    fn moments(&self) -> &'static [&'static str] {
        &["average"]
    }

    fn of_slot(&self, slot: SlotId) -> Option<(u64, &[Tensor<T>])> {
        self.state.of_slot(slot)
    }

    #[track_caller]
    fn restore(&mut self, params: &Params<T>, entries: Vec<(SlotId, u64, Vec<Tensor<T>>)>) {
        self.state.restore(params, entries);
    }

    fn bookkeeping_bytes(&self) -> usize {
        self.state.list_bytes()
    }
}
