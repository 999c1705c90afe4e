//! Parameters that are close or equal: couplings and ties between names of one
//! [`Params`](tandem_autograd::Params).
//!
//! Two parameters can be independent, close or equal (Deep Learning, section 7.9):
//!
//! free (λ = 0) ── coupled (0 < λ < ∞: a penalty λ‖wA − wB‖²) ── shared (λ → ∞: one copy in memory)
//!
//! A [`Pairing`] says which parameters of two models belong together, a [`Strength`] where on this
//! line they stand, a [`Coupling`] is the two of them. The program around it is the same at every
//! strength:
//!
//! ```
//! use tandem_autograd::{Params, Tape, Tensor};
//! use tandem_tying::{Coupling, Pairing, Schedule, Strength};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let annealed = Strength::Scheduled(Schedule::Geometric { from: 0.01, to: 0.5, steps: 50 });
//! let spectrum = [(Strength::Free, 1.0), (Strength::Coupled(0.5), 1.0 / 3.0), (annealed, 1.0 / 3.0), (Strength::Shared, 0.0)];
//! for (strength, apart) in spectrum {
//!     let mut params = Params::<f64>::new();
//!     let (a, b) = (params.add("a.w", Tensor::scalar(0.0)), params.add("b.w", Tensor::scalar(0.0)));
//!     let pairing = Pairing::by_path(&params, "a", "b")?;
//!     let mut coupling = Coupling::new(&mut params, pairing, strength)?;
//!     for _ in 0..150 {
//!         let tape = Tape::new(&params);
//!         let losses = 0.5 * (tape.param(a) - 1.0).square() + 0.5 * (tape.param(b) - 2.0).square();
//!         let gradients = (losses + coupling.penalty(&tape)).backward();
//!         for slot in params.slots().collect::<Vec<_>>() {
//!             params.update(slot, |w| w[0] -= 0.3 * gradients.get(slot).unwrap().item());
//!         }
//!         coupling.advance(&params);
//!     }
//!     assert!((coupling.distance(&params) - apart).abs() < 1e-9);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | pair the parameters of two models: by names, patterns, keys, a list, rows | [`Pairing`], [`rows`] |
//! | pair those of many models, in a star, a chain, a graph | [`ModelGraph`], [`Pairing::over`] |
//! | draw parameters to zero, to where they were, to another store | [`Anchor`], [`Coupling::toward`] |
//! | choose independent, close or equal by one value: constant, scheduled, learned | [`Strength`], [`by_validation`] |
//! | choose the norm, or bring one's own | [`SquaredL2`], [`L1`], [`Huber`], [`GroupLasso`], [`Penalty`] |
//! | weigh pairs and numbers, as EWC does | [`Coupling::weighted`], [`Fisher`] |
//! | learn how one side follows from the other | [`Coupling::affine`] |
//! | let weights find their groups, and make them equal | [`SoftSharing`], [`SoftSharing::consolidate`] |
//! | bring it into a step: on the tape, fused, proximal | [`Coupling::penalty`], [`Coupling::add_gradients`], [`Coupling::proximal_step`] |
//! | make models one, and two again | [`Coupling::set_strength`], [`Pairing::tie`], [`Tie::undo`] |
//! | make one what came close | [`Coupling::consolidate`] |
//! | see where every pair stands | [`Coupling::report`], [`Pairing::table`] |
//!
//! The crate works on names and slots and knows no layers, so it couples models of any kind. Both
//! models live in one store.
//!
//! The files in reading order: `part`, `pairing`, `graph`; `tie`, `strength`; `penalty`, `coupling`; `fused` and
//! `proximal`, the loops over numbers; `coupling/*`, what a coupling does with them; `anchor`, `fisher`; `soft_sharing`.
//!
//! # Panics
//!
//! A pairing and an anchor are good for the store that they were made for and for its clones; a coupling, a tie and soft
//! sharing belong to one store, and a clone of the store needs a clone of them. With any other store their functions
//! panic at the caller's line. Names, shapes, patterns and strengths that do not fit are a `Result`, since they may come
//! from outside; where there is an error, nothing has changed.
//!
//! # Absent
//!
//! Deliberately absent:
//!
//! - layers, data and optimizers: names and slots are all that a coupling needs to know;
//! - equality of parts: rows can be close, but only whole parameters can share a slot, since a slot is what is stored,
//!   updated and saved once;
//! - a search for partners: pairs follow from names, patterns, keys or a list. Hidden units that do the same in two
//!   models, at different places, are not found;
//! - penalties on what models compute (distillation): those are losses, and stand on the tape without a coupling;
//! - the trace norm of several models' parameters, which needs a singular value decomposition;
//! - consensus by ADMM: proximal steps at a growing strength lead from close to equal as well;
//! - a file of codes: [`Codebook`] counts the bytes that a table of values would take, and the store keeps whole
//!   tensors.

mod anchor;
mod coupling;
mod fisher;
mod fused;
mod graph;
mod pairing;
mod part;
mod penalty;
mod proximal;
mod soft_sharing;
mod strength;
mod tie;

pub use anchor::Anchor;
pub use coupling::{Consolidation, Coupling, CouplingError, NoProximal, Regime, Report, Row, Within};
pub use fisher::Fisher;
pub use fused::Pass;
pub use graph::ModelGraph;
pub use pairing::{Mismatch, Pair, Pairing, PairingError, Side, Table};
pub use part::{Named, Part, rows};
pub use penalty::{GroupLasso, Groups, Huber, L1, Penalty, SquaredL2};
pub use proximal::Step;
pub use soft_sharing::{Codebook, CodebookEntry, Component, Mixture, SoftSharing, SoftSharingError};
pub use strength::{Gamma, Schedule, Strength, StrengthError, Validation, by_validation};
pub use tie::{Keep, Tie, TieError};
