//! How sure a model is of each of its parameters.

use tandem_autograd::{Float, Gradients, Kind, Params, SlotId, Tape, Tensor, Var};

/// The diagonal of the Fisher information, estimated: for each number, the mean over examples of the *squared*
/// gradient of one example's loss ℓ = −ln p(y|x, θ): F_i = 1/N Σ_n (∂ℓ_n/∂θ_i)². It has the parameters' shapes.
///
/// As weights of a coupling toward an anchor it makes elastic weight consolidation, λ Σ F_i (θ_i − θ*_i)²
/// (Kirkpatrick et al., arXiv 1612.00796, who write λ/2): what an earlier task needs moves little. With the labels
/// of the data this is the empirical Fisher information; for the true one, draw the labels from the model.
///
/// The squares are those of single examples. To square the gradient of a whole batch instead, a common mistake,
/// gives the square of the mean: nearly nothing, at an optimum.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Anchor, Coupling, Fisher, SquaredL2, Strength};
/// let mut params = Params::<f64>::new();
/// let w = params.add("net.w", Tensor::scalar(1.0));
/// // Two examples pull at w as much, in opposite directions: their gradients are 4 and −4.
/// let fisher = Fisher::estimate(&params, [-1.0, 3.0], |tape, x| (tape.param(w) - x).square());
/// assert_eq!(fisher.of(&params, "net.w").unwrap().item(), 16.0);
/// let anchor = Anchor::here(&params, "net")?;
/// let coupling = Coupling::toward(&params, anchor, SquaredL2, Strength::Coupled(0.5))?
///     .weighted(&params, |name, _| fisher.of(&params, name))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fisher<T: Float = f32> {
    slots: Vec<(SlotId, Tensor<T>)>,
}

impl<T: Float> Fisher<T> {
    /// The mean of the squared gradients of `loss`, example by example: a tape and a sweep for each. Frozen parameters
    /// have none. The type's example shows a call.
    ///
    /// # Panics
    /// If there are no examples, or a loss is not a single number.
    #[track_caller]
    pub fn estimate<X>(
        params: &Params<T>,
        examples: impl IntoIterator<Item = X>,
        loss: impl for<'t> Fn(&'t Tape<'_, T>, X) -> Var<'t, T>,
    ) -> Fisher<T> {
        let trainable = params.slots().filter(|&slot| params.slot_is_trainable(slot));
        let zeros = |slot| Tensor::build(params.value(slot).shape(), Kind::Activation, |out| out.fill(T::ZERO));
        let mut slots: Vec<(SlotId, Tensor<T>)> = trainable.map(|slot| (slot, zeros(slot))).collect();
        let mut count = 0.0;
        for example in examples {
            let tape = Tape::new(params);
            let loss = loss(&tape, example);
            // What depends on no parameter has gradients of zero.
            let gradients: Option<Gradients<T>> = loss.is_recorded().then(|| loss.backward());
            for (slot, sum) in &mut slots {
                if let Some(gradient) = gradients.as_ref().and_then(|gradients| gradients.get(*slot)) {
                    sum.update(|sum| sum.iter_mut().zip(gradient.data()).for_each(|(sum, &g)| *sum += g * g));
                }
            }
            count += 1.0;
        }
        assert!(count > 0.0, "Fisher::estimate() takes at least one example, found none");
        let share = T::from_f64(1.0 / count);
        for (_, mean) in &mut slots {
            mean.update(|mean| mean.iter_mut().for_each(|mean| *mean = *mean * share));
        }
        Fisher { slots }
    }

    /// The information of a parameter, by whichever of its names; `None` for a name that there is not, or that was
    /// frozen or stored elsewhere when this was estimated.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Fisher;
    /// # let mut params = Params::<f64>::new();
    /// let [v, w] = ["v", "w"].map(|name| params.add(name, Tensor::scalar(1.0)));
    /// params.set_trainable(v, false);
    /// let fisher = Fisher::estimate(&params, [1.0, 2.0], |tape, x| tape.param(v) * tape.param(w) * x);
    /// assert_eq!(fisher.of(&params, "w").unwrap().item(), (1.0 + 4.0) / 2.0);
    /// assert!(fisher.of(&params, "v").is_none() && fisher.of(&params, "u").is_none());
    /// ```
    pub fn of(&self, params: &Params<T>, name: &str) -> Option<Tensor<T>> {
        let slot = params.slot(params.find(name)?);
        self.slots.iter().find(|(found, _)| *found == slot).map(|(_, information)| information.clone())
    }
}
