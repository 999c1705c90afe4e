//! Pairs of parameters that are independent, close or equal, by one value.

use std::fmt;

use tandem_autograd::{Float, Params, Tape, Var};

use crate::pairing::{Pair, Pairing};
use crate::tie::Tie;

/// How strongly the two parameters of a pair hold together.
///
/// ```
/// use tandem_tying::Strength;
/// let spectrum = [Strength::Free, Strength::Coupled(0.01), Strength::Shared];
/// assert_eq!(spectrum.map(|strength| strength.to_string()), ["free", "coupled, λ = 0.01", "shared"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strength {
    /// Not at all (λ = 0): two parameters.
    Free,
    /// By a penalty λ‖wA − wB‖² with this λ: two parameters that are drawn to each other.
    Coupled(f64),
    /// Entirely (λ → ∞): one parameter with two names, stored once.
    Shared,
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strength::Free => f.write_str("free"),
            Strength::Coupled(lambda) => write!(f, "coupled, λ = {lambda}"),
            Strength::Shared => f.write_str("shared"),
        }
    }
}

/// A strength λ that is negative or not finite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("Strength::Coupled: expected a finite λ of at least 0, found {found}")]
pub struct StrengthError {
    /// The λ.
    pub found: f64,
}

impl Strength {
    fn check(self) -> Result<(), StrengthError> {
        match self {
            Strength::Coupled(found) if !(found.is_finite() && found >= 0.0) => Err(StrengthError { found }),
            _ => Ok(()),
        }
    }
}

/// A pairing and its strength: Ω(wA, wB) = λ Σ ‖wA − wB‖², or wA = wB.
///
/// The penalty is that of Deep Learning, section 7.9, after Lasserre, Bishop and Minka (2006), where
/// it is the logarithm of a Gaussian prior with λ = 1/(2σ²). The crate's first page shows a whole
/// program.
#[derive(Clone, Debug)]
pub struct Coupling {
    pairing: Pairing,
    strength: Strength,
    tie: Tie,
}

impl Coupling {
    /// Couples the pairs with this strength; see [`set_strength`](Coupling::set_strength).
    ///
    /// # Errors
    /// If λ is negative or not finite. Then nothing has changed.
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        pairing: Pairing,
        strength: Strength,
    ) -> Result<Coupling, StrengthError> {
        let mut coupling = Coupling { pairing, strength, tie: Tie::default() };
        coupling.set_strength(params, strength)?;
        Ok(coupling)
    }

    /// Moves along the spectrum, at any time between two tapes.
    ///
    /// To `Shared`, each pair is tied: the first model's values are kept, the second's are gone, and
    /// so is their memory. To `Free` or `Coupled`, what is shared by a pair comes apart: both start
    /// from the value that they had shared, and ties within a model are as they were before.
    ///
    /// # Errors
    /// If λ is negative or not finite. Then nothing has changed.
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn set_strength<T: Float>(&mut self, params: &mut Params<T>, strength: Strength) -> Result<(), StrengthError> {
        strength.check()?;
        self.strength = strength;
        if strength == Strength::Shared {
            self.tie.then(self.pairing.tie(params));
        } else {
            std::mem::take(&mut self.tie).undo(params);
            self.pairing.untie(params);
        }
        Ok(())
    }

    /// The strength that was set last.
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// What is paired.
    pub fn pairing(&self) -> &Pairing {
        &self.pairing
    }

    /// λ Σ ‖wA − wB‖² on the tape, to be added to the losses; a constant 0 if the pairs are free or
    /// shared.
    ///
    /// It is a sum of squares without a root, so its gradient ±2λ(wA − wB) exists where wA = wB too,
    /// and is exactly zero there. Pairs of the same two slots count once, and a pair that someone
    /// tied counts as zero.
    ///
    /// # Panics
    /// If the coupling is of another store, or the tape is spent.
    #[track_caller]
    pub fn penalty<'t, T: Float>(&self, tape: &'t Tape<'_, T>) -> Var<'t, T> {
        let Strength::Coupled(lambda) = self.strength else { return tape.constant(T::ZERO) };
        let squares =
            self.apart(tape.params()).map(|pair| (tape.param(pair.first) - tape.param(pair.second)).square().sum());
        squares.reduce(|sum, square| sum + square).map_or_else(|| tape.constant(T::ZERO), |sum| lambda * sum)
    }

    /// The distance √Σ ‖wA − wB‖² between the two models, over what is paired. It does not depend on
    /// the strength.
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn distance<T: Float>(&self, params: &Params<T>) -> f64 {
        let square = |pair: Pair| -> f64 {
            let (a, b) = (params.get(pair.first).data(), params.get(pair.second).data());
            a.iter().zip(b).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum()
        };
        // Not `sum`, by which nothing adds up to −0.
        self.apart(params).map(square).fold(0.0, |sum, square| sum + square).sqrt()
    }

    /// Bytes of the lists of pairs and ties, as they have grown.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.pairing.bookkeeping_bytes() + self.tie.bookkeeping_bytes()
    }

    /// The pairs of two slots, each two slots once: what is shared within both models counts once.
    fn apart<T: Float>(&self, params: &Params<T>) -> impl Iterator<Item = Pair> {
        let slots = |pair: &Pair| {
            let (a, b) = (params.slot(pair.first), params.slot(pair.second));
            (a.min(b), a.max(b))
        };
        let pairs = self.pairing.pairs();
        // No list of those that were seen: a step would ask the system for it. No two pairs have both
        // names in common, so where neither slot has a third name there is nothing to look for.
        let seen = move |i: usize, pair: &Pair| {
            (params.is_shared(pair.first) || params.is_shared(pair.second))
                && pairs[..i].iter().any(|earlier| slots(earlier) == slots(pair))
        };
        let pairs = pairs.iter().copied().enumerate();
        pairs.filter(move |(i, pair)| !pair.is_shared(params) && !seen(*i, pair)).map(|(_, pair)| pair)
    }
}

#[cfg(test)]
mod tests;
