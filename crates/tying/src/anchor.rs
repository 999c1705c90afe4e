//! Where parameters are drawn to, if not to each other: a value that stays.

use tandem_autograd::{Float, ParamId, Params, Tensor};

use crate::pairing::{Mismatch, PairingError, tail};

/// Parameters with a fixed value each, to which a [`Coupling`](crate::Coupling) draws them: zero, which is weight
/// decay; their own values of now; those of another store. An anchor is a snapshot: it refers to the values as they
/// were, and a value is copied when its parameter moves on.
///
/// Toward the values of a model that was trained on another task this is L2-SP (Li, Grandvalet and Davoine, arXiv
/// 1802.01483, whose α is 2λ); toward a server's values of the last round, FedProx (Li et al., arXiv 1812.06127, whose
/// μ is 2λ).
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{Anchor, Coupling, SquaredL2, Strength};
/// let mut params = Params::<f64>::new();
/// let w = params.add("net.w", Tensor::full([2], 3.0));
/// // Weight decay: λ‖w‖², toward zero.
/// let decay = Coupling::toward(&params, Anchor::zero(&params, "net")?, SquaredL2, Strength::Coupled(0.5))?;
/// // Proximity: λ‖w − w⁰‖², toward the values of now.
/// let stay = Coupling::toward(&params, Anchor::here(&params, "net")?, SquaredL2, Strength::Coupled(0.5))?;
/// params.set(w, Tensor::full([2], 5.0))?;
/// let tape = Tape::new(&params);
/// assert_eq!((decay.penalty(&tape).item(), stay.penalty(&tape).item()), (25.0, 4.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Anchor<T: Float = f32> {
    pub(crate) values: Vec<(ParamId, Tensor<T>)>,
}

impl<T: Float> Anchor<T> {
    /// Zero, for the parameters under a prefix.
    ///
    /// # Errors
    /// If there is none.
    pub fn zero(params: &Params<T>, prefix: &str) -> Result<Anchor<T>, PairingError> {
        Anchor::each(params, prefix, |_| Ok(Tensor::scalar(T::ZERO)))
    }

    /// The values of now, for the parameters under a prefix.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Anchor, Coupling, SquaredL2, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let w = params.add("net.w", Tensor::scalar(3.0));
    /// let stay = Coupling::toward(&params, Anchor::here(&params, "net")?, SquaredL2, Strength::Coupled(0.5))?;
    /// params.set(w, Tensor::scalar(5.0))?;
    /// stay.proximal_step(&mut params, 1.0)?;             // 3 + 2 / (1 + 2ηλ)
    /// assert_eq!(params.get(w).item(), 4.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is none.
    pub fn here(params: &Params<T>, prefix: &str) -> Result<Anchor<T>, PairingError> {
        Anchor::each(params, prefix, |id| Ok(params.get(id).clone()))
    }

    /// For the parameters `prefix.rest`, the values of `other_prefix.rest` in another store.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Anchor, Coupling, SquaredL2, Strength};
    /// # let (mut params, mut trained) = (Params::<f64>::new(), Params::<f64>::new());
    /// params.add("net.w", Tensor::scalar(1.0));
    /// trained.add("old.w", Tensor::scalar(4.0));
    /// let anchor = Anchor::of(&params, "net", &trained, "old")?;
    /// let coupling = Coupling::toward(&params, anchor, SquaredL2, Strength::Coupled(1.0))?;
    /// assert_eq!(coupling.distance(&params), 3.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// One error that lists every name without a value and every value of another shape, with both; and if there
    /// is no name under the prefix.
    pub fn of(
        params: &Params<T>,
        prefix: &str,
        other: &Params<T>,
        other_prefix: &str,
    ) -> Result<Anchor<T>, PairingError> {
        Anchor::each(params, prefix, |id| {
            let (name, first_shape) = (params.name(id), params.get(id).shape());
            let partner = format!("{other_prefix}{}", tail(name, prefix).unwrap_or_default());
            let Some(found) = other.find(&partner) else {
                return Err(Mismatch::Missing {
                    name: name.into(),
                    partner: format!("`{partner}` in the anchor").into(),
                });
            };
            let (value, second) = (other.get(found), format!("{partner} (the anchor)").into());
            if value.shape() == first_shape {
                Ok(value.clone())
            } else {
                Err(Mismatch::Shape { first: name.into(), first_shape, second, second_shape: value.shape() })
            }
        })
    }

    /// Those parameters alone whose names are chosen.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Anchor, Coupling, SquaredL2, Strength};
    /// # let mut params = Params::<f64>::new();
    /// for (name, x) in [("net.weight", 3.0), ("net.bias", 4.0)] {
    ///     params.add(name, Tensor::scalar(x));
    /// }
    /// let weights = Anchor::zero(&params, "net")?.only(&params, |name| name.ends_with(".weight"))?;
    /// let decay = Coupling::toward(&params, weights, SquaredL2, Strength::Coupled(1.0))?;
    /// assert_eq!(decay.penalty(&Tape::new(&params)).item(), 9.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If none is chosen.
    ///
    /// # Panics
    /// If the anchor is of another store.
    #[track_caller]
    pub fn only(mut self, params: &Params<T>, mut chosen: impl FnMut(&str) -> bool) -> Result<Anchor<T>, PairingError> {
        self.belongs(params);
        self.values.retain(|(id, _)| chosen(params.name(*id)));
        let nothing = || PairingError { what: "an anchor".into(), mismatches: vec![Mismatch::NothingChosen] };
        if self.values.is_empty() { Err(nothing()) } else { Ok(self) }
    }

    /// Panics at the caller's line if the anchor is of another store.
    #[track_caller]
    pub(crate) fn belongs(&self, params: &Params<T>) {
        for (id, _) in &self.values {
            params.slot(*id);
        }
    }

    fn each(
        params: &Params<T>,
        prefix: &str,
        mut value: impl FnMut(ParamId) -> Result<Tensor<T>, Mismatch>,
    ) -> Result<Anchor<T>, PairingError> {
        let (mut values, mut mismatches) = (Vec::new(), Vec::new());
        for (id, _) in params.names().filter(|(_, path)| tail(path, prefix).is_some()) {
            match value(id) {
                Ok(value) => values.push((id, value)),
                Err(mismatch) => mismatches.push(mismatch),
            }
        }
        if values.is_empty() && mismatches.is_empty() {
            mismatches.push(Mismatch::Prefix { prefix: prefix.into() });
        }
        if mismatches.is_empty() {
            Ok(Anchor { values })
        } else {
            Err(PairingError { what: format!("`{prefix}` does not pair with its anchor").into(), mismatches })
        }
    }
}
