//! Parameters that are independent, close or equal, by one value.

mod consolidate;
mod graph_step;
mod link;
mod pass;
mod report;
mod step;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;

use tandem_autograd::{Float, Params, Tape, Tensor, Var};

pub use consolidate::{Consolidation, Within};
pub use report::{Regime, Report, Row};
pub use step::NoProximal;

use crate::anchor::Anchor;
use crate::pairing::{Pair, Pairing};
use crate::part::Part;
use crate::penalty::{Penalty, SquaredL2};
use crate::strength::{Strength, StrengthError};
use crate::tie::{Keep, Tie, TieError, join, untie};
use link::{Link, Second};

/// What can't be coupled so.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, CouplingError, Pairing, Strength};
/// # let mut params = Params::<f64>::new();
/// # for name in ["a.w", "b.w"] {
/// #     params.add(name, Tensor::scalar(0.0));
/// # }
/// # let pairing = Pairing::by_path(&params, "a", "b")?;
/// let error = Coupling::new(&mut params, pairing, Strength::Coupled(-1.0)).unwrap_err();
/// assert!(matches!(error, CouplingError::Strength(_)));
/// assert_eq!(error.to_string(), "Strength::Coupled: expected a finite λ of at least 0, found -1");
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CouplingError {
    /// A number in the strength makes no sense.
    #[error(transparent)]
    Strength(#[from] StrengthError),
    /// The constraint holds between whole parameters alone.
    #[error("Strength::Shared: {0}")]
    Tie(#[from] TieError),
    /// A learned strength needs the normaliser of the prior.
    #[error("Strength::Learned: expected a penalty with a degree (squared L2, L1, group lasso), found {penalty}")]
    Degree {
        /// The penalty.
        penalty: String,
    },
    /// Weights of another shape, or that are negative or not finite.
    #[error("weights of `{name}`: expected {expected}, found {found}")]
    Weights {
        /// The name.
        name: Box<str>,
        /// What they may be.
        expected: String,
        /// What they are.
        found: String,
    },
}

/// Which parameters belong together, how they are held and how strongly: λ Σ c Ω(wA − wB), or wA = wB (Deep Learning,
/// section 7.9; Lasserre, Bishop and Minka 2006).
///
/// Ω is the [`Penalty`], c the weight of a pair, λ the [`Strength`]; the crate's first page shows a whole program.
/// There are three ways to bring a coupling into a step, to the same end:
///
/// | way | call | where |
/// |---|---|---|
/// | on the tape, where a reader sees the nodes | [`penalty`](Coupling::penalty) | added to the loss |
/// | fused: one pass, no tape, no memory | [`add_gradients`](Coupling::add_gradients) | after the backward sweep |
/// | proximal: sound at any strength | [`proximal_step`](Coupling::proximal_step) | after the optimizer's step |
///
/// At [`Free`](Strength::Free) and [`Shared`](Strength::Shared) each of them does nothing, so that a program is
/// the same all along the line.
///
/// A coupling belongs to one store, in which it ties and unties; a clone of the store needs a clone of it. Two couplings
/// may hold the same parameters: their penalties add up. If both share a pair, the first that lets go parts it.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{Coupling, Pairing, Strength};
/// let mut params = Params::<f64>::new();
/// for (name, x) in [("a.w", 1.0), ("b.w", 3.0)] {
///     params.add(name, Tensor::scalar(x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let mut coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
/// assert_eq!(coupling.penalty(&Tape::new(&params)).item(), 0.5 * (1.0_f64 - 3.0).powi(2));
/// coupling.set_strength(&mut params, Strength::Shared)?;
/// assert_eq!((coupling.penalty(&Tape::new(&params)).item(), params.numel()), (0.0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Coupling<T: Float = f32> {
    links: Vec<Link<T>>,
    /// Whether no name stands in two links, or on both sides of one.
    distinct: bool,
    penalty: Arc<dyn Penalty<T>>,
    strength: Strength,
    /// λ in this step.
    lambda: f64,
    /// What a learned λ adds to the penalty in this step.
    prior: f64,
    /// Steps since the strength was set.
    step: u64,
    keep: Keep,
    tie: Tie,
}

impl<T: Float> Coupling<T> {
    /// Couples pairs by λ Σ c ‖wA − wB‖², with the pairs' weights c; see [`set_strength`](Coupling::set_strength). The
    /// type's example makes one.
    ///
    /// # Errors
    /// If the strength makes no sense, or is `Shared` and the pairs can't be. Then nothing has changed.
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn new(params: &mut Params<T>, pairing: Pairing, strength: Strength) -> Result<Coupling<T>, CouplingError> {
        Coupling::with(params, pairing, SquaredL2, strength)
    }

    /// Couples pairs by a penalty: λ Σ c Ω(wA − wB).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Coupling, L1, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// for (name, x) in [("a.w", 1.0), ("b.w", 3.0)] {
    ///     params.add(name, Tensor::scalar(x));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::with(&mut params, pairing, L1, Strength::Coupled(0.5))?;
    /// assert_eq!(coupling.penalty(&Tape::new(&params)).item(), 0.5 * (1.0_f64 - 3.0).abs());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Coupling::new); and if the strength is to be learned and the penalty has no degree.
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn with(
        params: &mut Params<T>,
        pairing: Pairing,
        penalty: impl Penalty<T> + 'static,
        strength: Strength,
    ) -> Result<Coupling<T>, CouplingError> {
        let mut coupling = Coupling::of(pairing.pairs().iter().map(Link::from).collect(), penalty);
        coupling.set_strength(params, strength)?;
        Ok(coupling)
    }

    /// Draws parameters toward an anchor: λ Σ Ω(w − w⁰). With [`Anchor::zero`] this is weight decay.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Anchor, Coupling, SquaredL2, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let w = params.add("net.w", Tensor::scalar(3.0));
    /// let decay = Coupling::toward(&params, Anchor::zero(&params, "net")?, SquaredL2, Strength::Coupled(0.5))?;
    /// decay.proximal_step(&mut params, 1.0)?;            // toward 0: w / (1 + 2ηλ)
    /// assert_eq!(params.get(w).item(), 1.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the strength makes no sense; it can't be [`Strength::Shared`], since an anchor has no slot.
    ///
    /// # Panics
    /// If the anchor is of another store.
    #[track_caller]
    pub fn toward(
        params: &Params<T>,
        anchor: Anchor<T>,
        penalty: impl Penalty<T> + 'static,
        strength: Strength,
    ) -> Result<Coupling<T>, CouplingError> {
        anchor.belongs(params);
        let link = |(id, value)| Link::new(Part::from(id), Second::Anchor(value), 1.0);
        let mut coupling = Coupling::of(anchor.values.into_iter().map(link).collect(), penalty);
        coupling.check(params, strength)?;
        coupling.start(params, strength);
        Ok(coupling)
    }

    fn of(links: Vec<Link<T>>, penalty: impl Penalty<T> + 'static) -> Coupling<T> {
        let mut seen = HashSet::new();
        let sides = |link: &Link<T>| [Some(link.first.id), link.pair().map(|pair| pair.second.id)];
        let distinct = links.iter().flat_map(sides).flatten().all(|id| seen.insert(id));
        let (strength, keep, tie) = (Strength::Free, Keep::First, Tie::default());
        Coupling { links, distinct, penalty: Arc::new(penalty), strength, lambda: 0.0, prior: 0.0, step: 0, keep, tie }
    }

    /// With a weight for each pair: `weight` tells it by both names, as one number for the whole pair or as one for
    /// each of its numbers; `None` leaves it as it is. Of a pair of rows, the weights may be those of the whole first
    /// parameter. The edge of a graph multiplies them. With a Fisher information this is EWC; see
    /// [`Fisher`](crate::Fisher).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// for (name, x) in [("a.w", 1.0), ("b.w", 3.0)] {
    ///     params.add(name, Tensor::full([2], x));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let weights = Tensor::new([2], vec![1.0, 0.25]);
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0))?
    ///     .weighted(&params, |first, _| (first == "a.w").then(|| weights.clone()))?;
    /// assert_eq!(coupling.penalty(&Tape::new(&params)).item(), 1.0 * 4.0 + 0.25 * 4.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If weights have another shape, are negative or not finite, or if the penalty has no term for each number
    /// and such weights are given.
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn weighted(
        mut self,
        params: &Params<T>,
        mut weight: impl FnMut(&str, &str) -> Option<Tensor<T>>,
    ) -> Result<Coupling<T>, CouplingError> {
        self.belongs(params);
        for link in &mut self.links {
            let [_, second] = link.names(params);
            let name = params.name(link.first.id);
            let Some(weight) = weight(name, &second) else { continue };
            let weight = link.cut(weight, params);
            let (shape, found) = (link.first.shape(params), weight.shape());
            let refuse = |expected, found| Err(CouplingError::Weights { name: name.into(), expected, found });
            if found.rank() > 0 && !self.penalty.each_number() {
                let expected = format!("one number for the whole pair, with {:?}", self.penalty);
                return refuse(expected, format!("shape {found}"));
            }
            if found.rank() > 0 && found != shape {
                return refuse(format!("one number, or shape {shape}"), format!("shape {found}"));
            }
            if let Some(bad) = weight.data().iter().find(|c| !(c.is_finite() && **c >= T::ZERO)) {
                return refuse("finite numbers of at least 0".into(), bad.to_string());
            }
            link.weigh(&weight);
        }
        self.start(params, self.strength);
        Ok(self)
    }

    /// With an affine relation in place of the difference: d = s·wA + t − wB, where the numbers s and t are
    /// learned, one each for a pair. They start from 1 and 0, as parameters `path.first.second.scale` and `….shift` of
    /// the same store (Rozantsev, Salzmann and Fua, arXiv 1603.06432). There are no proximal steps of it, and its fused
    /// form is computed on a tape.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// for (name, w) in [("a.w", [1.0, 2.0]), ("b.w", [3.5, 6.5])] {
    ///     params.add(name, Tensor::new([2], w.to_vec()));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0))?.affine(&mut params, "relation")?;
    /// assert_eq!(coupling.penalty(&Tape::new(&params)).item(), 2.5 * 2.5 + 4.5 * 4.5);
    /// for (name, x) in [("relation.a.w.b.w.scale", 3.0), ("relation.a.w.b.w.shift", 0.5)] {
    ///     params.set(params.find(name).unwrap(), Tensor::scalar(x))?;
    /// }
    /// assert_eq!(coupling.penalty(&Tape::new(&params)).item(), 0.0);         // 3·wA + 0.5 = wB
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the strength is [`Strength::Shared`]: what is related is not equal.
    ///
    /// # Panics
    /// If a name is taken, or the coupling is of another store.
    #[track_caller]
    pub fn affine(mut self, params: &mut Params<T>, path: &str) -> Result<Coupling<T>, CouplingError> {
        self.belongs(params);
        if self.strength == Strength::Shared {
            let pairs = self.links.iter().map(|link| link.related(params)).collect();
            return Err(TieError { pairs }.into());
        }
        for link in &mut self.links {
            let name = format!("{path}.{}", link.names(params).join("."));
            let scale = params.add(&format!("{name}.scale"), Tensor::scalar(T::ONE));
            let shift = params.add(&format!("{name}.shift"), Tensor::scalar(T::ZERO));
            link.relation = Some([scale, shift]);
        }
        self.start(params, self.strength);
        Ok(self)
    }

    /// With a choice of the value that survives [`Strength::Shared`] and [`consolidate`](Coupling::consolidate),
    /// in place of the first.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Coupling, Keep, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let [a, _] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let mut coupling = Coupling::new(&mut params, pairing, Strength::Free)?.keeping(Keep::Mean);
    /// coupling.set_strength(&mut params, Strength::Shared)?;
    /// assert_eq!(params.get(a).item(), 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keeping(self, keep: Keep) -> Coupling<T> {
        Coupling { keep, ..self }
    }

    /// Moves along the spectrum, at any time between two tapes; schedules start anew.
    ///
    /// To `Shared`, each pair is tied: the second model's memory is gone. To any other, what this coupling has tied
    /// comes apart: both start from the value that they had shared, and ties within a model are as they were before.
    /// What someone else has tied stays one, and counts as zero; see [`untie`](Coupling::untie).
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let [a, b] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let mut coupling = Coupling::new(&mut params, pairing, Strength::Shared)?;
    /// assert_eq!((params.numel(), params.get(b).item()), (1, 1.0));
    /// coupling.set_strength(&mut params, Strength::Coupled(0.1))?;
    /// params.set(a, Tensor::scalar(5.0))?;
    /// assert_eq!((params.numel(), params.get(b).item()), (2, 1.0));  // a copy of what was shared
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the strength makes no sense, or is `Shared` and the pairs can't be. Then nothing has changed.
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn set_strength(&mut self, params: &mut Params<T>, strength: Strength) -> Result<(), CouplingError> {
        self.belongs(params);
        self.check(params, strength)?;
        if strength == Strength::Shared {
            self.tie.then(join(params, &self.pairs(), self.keep));
        } else {
            std::mem::take(&mut self.tie).undo(params);
        }
        self.start(params, strength);
        Ok(())
    }

    /// Makes every pair two parameters again, whoever tied it, and free. What this coupling has tied comes apart as
    /// it was before; of other ties nobody knows what was before, so second names that share a slot stay together.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::scalar(1.0)));
    /// params.tie(b, a)?;                                 // not by the coupling
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let mut coupling = Coupling::new(&mut params, pairing, Strength::Free)?;
    /// assert!(params.is_shared(a));
    /// coupling.untie(&mut params);
    /// assert!(!params.is_shared(a));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn untie(&mut self, params: &mut Params<T>) {
        self.belongs(params);
        std::mem::take(&mut self.tie).undo(params);
        untie(params, &self.pairs());
        self.start(params, Strength::Free);
    }

    /// Panics at the caller's line if the coupling is of another store.
    #[track_caller]
    fn belongs(&self, params: &Params<T>) {
        for link in &self.links {
            params.slot(link.first.id);
            if let Second::Part(second) = link.second {
                params.slot(second.id);
            }
        }
    }

    fn pairs(&self) -> Vec<Pair> {
        self.links.iter().filter_map(Link::pair).collect()
    }

    fn check(&self, params: &Params<T>, strength: Strength) -> Result<(), CouplingError> {
        strength.check()?;
        if matches!(strength, Strength::Learned(_)) && self.penalty.degree().is_none() {
            return Err(CouplingError::Degree { penalty: format!("{:?}", self.penalty) });
        }
        let obstacles: Vec<String> = match strength {
            Strength::Shared => self.links.iter().filter_map(|link| link.obstacle(params)).collect(),
            _ => Vec::new(),
        };
        if obstacles.is_empty() { Ok(()) } else { Err(TieError { pairs: obstacles }.into()) }
    }

    fn start(&mut self, params: &Params<T>, strength: Strength) {
        (self.strength, self.step) = (strength, 0);
        self.follow(params);
    }

    /// Goes on to the next step: a scheduled λ follows its schedule, a learned one becomes the most probable for
    /// the parameters as they are now. To be called once a step, after the optimizer; at other strengths it does
    /// nothing.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Schedule, Strength};
    /// # let mut params = Params::<f64>::new();
    /// # for name in ["a.w", "b.w"] {
    /// #     params.add(name, Tensor::scalar(0.0));
    /// # }
    /// # let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let schedule = Schedule::Linear { from: 0.0, to: 1.0, steps: 4 };
    /// let mut coupling = Coupling::new(&mut params, pairing, Strength::Scheduled(schedule))?;
    /// let mut lambdas = Vec::new();
    /// for _ in 0..6 {
    ///     lambdas.push(coupling.lambda());
    ///     coupling.advance(&params);
    /// }
    /// assert_eq!(lambdas, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn advance(&mut self, params: &Params<T>) {
        self.belongs(params);
        self.step += 1;
        self.follow(params);
    }

    fn follow(&mut self, params: &Params<T>) {
        (self.lambda, self.prior) = match self.strength {
            Strength::Free | Strength::Shared => (0.0, 0.0),
            Strength::Coupled(lambda) => (lambda, 0.0),
            Strength::Scheduled(schedule) => (schedule.at(self.step), 0.0),
            Strength::Learned(gamma) => {
                let order = self.order(params);
                let lambda = gamma.most_probable(order, self.omega(params));
                (lambda, gamma.term(order, lambda))
            }
        };
    }

    /// n/p: the power of λ in the normaliser of the prior, n being the dimension of the differences. Those along a
    /// cycle of pairs depend on each other, and count one less.
    fn order(&self, params: &Params<T>) -> f64 {
        // A pair that weighs nothing holds nothing together, and closes no cycle.
        let held = self.apart(params).filter(|link| link.freedom(params) > 0.0);
        let numbers: f64 = link::spanning(held, params).map(|link| link.freedom(params)).sum();
        numbers / self.penalty.degree().unwrap_or(1.0)
    }

    /// The strength that was set last.
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// λ in this step; 0 for what is free, and for what is shared and needs no penalty.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// λ Σ c Ω(wA − wB) on the tape, to be added to the losses; a constant 0 if the pairs are free or shared. What a
    /// learned strength costs is part of it.
    ///
    /// Where wA = wB, the gradient is exactly zero. Pairs of the same two slots count once, and a pair that someone
    /// tied counts as zero.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// let [a, b] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
    /// let gradients = coupling.penalty(&Tape::new(&params)).backward();      // ±2λ(wA − wB)
    /// assert_eq!([a, b].map(|id| gradients.of(&params, id).unwrap().item()), [-2.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the coupling is of another store, or the tape is spent.
    #[track_caller]
    pub fn penalty<'t>(&self, tape: &'t Tape<'_, T>) -> Var<'t, T> {
        self.belongs(tape.params());
        let zero = || tape.constant(T::ZERO);
        if self.lambda == 0.0 {
            return zero();
        }
        let _part = tape.enter_at("coupling", Location::caller());
        let mut sum = None;
        for link in self.apart(tape.params()) {
            let term = link.omega_on(tape, &*self.penalty);
            sum = Some(if let Some(sum) = sum { sum + term } else { term });
        }
        let omega = sum.map_or_else(zero, |omega| self.lambda * omega);
        if self.prior == 0.0 { omega } else { omega + self.prior }
    }

    /// The distance √Σ‖d‖² between the two sides, over all pairs. It depends neither on strength nor on weights.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Coupling, Pairing, Strength};
    /// # let mut params = Params::<f64>::new();
    /// for (name, x) in [("a.v", 0.0), ("a.w", 0.0), ("b.v", 3.0), ("b.w", 4.0)] {
    ///     params.add(name, Tensor::scalar(x));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Free)?;
    /// assert_eq!(coupling.distance(&params), 5.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn distance(&self, params: &Params<T>) -> f64 {
        self.belongs(params);
        // Not `sum`, by which nothing adds up to −0.
        self.apart(params).map(|link| link.square(params)).fold(0.0, |sum, square| sum + square).sqrt()
    }

    /// Bytes of the lists of pairs and ties, as they have grown, and of the penalty; without anchors and weights.
    pub fn bookkeeping_bytes(&self) -> usize {
        let penalty = size_of::<[usize; 2]>() + size_of_val(&*self.penalty);
        self.links.capacity() * size_of::<Link<T>>() + penalty + self.tie.bookkeeping_bytes()
    }

    /// What is not shared, each two slots once: what is shared within both models counts once.
    fn apart<'a>(&'a self, params: &'a Params<T>) -> impl Iterator<Item = &'a Link<T>> + Clone {
        (0..self.links.len()).filter(move |&i| self.counts(i, params)).map(move |i| &self.links[i])
    }

    fn counts(&self, i: usize, params: &Params<T>) -> bool {
        let link = &self.links[i];
        // No list of those that were seen: a step would ask the system for it.
        let seen = || link.may_repeat(params) && self.links[..i].iter().any(|earlier| earlier.same(link, params));
        !link.is_shared(params) && !seen()
    }
}
