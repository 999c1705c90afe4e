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
//! use tandem_tying::{Coupling, Pairing, Strength};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for (strength, apart) in [(Strength::Free, 1.0), (Strength::Coupled(0.5), 1.0 / 3.0), (Strength::Shared, 0.0)] {
//!     let mut params = Params::<f64>::new();
//!     let (a, b) = (params.add("a.w", Tensor::scalar(0.0)), params.add("b.w", Tensor::scalar(0.0)));
//!     let pairing = Pairing::by_path(&params, "a", "b")?;
//!     let coupling = Coupling::new(&mut params, pairing, strength)?;
//!     for _ in 0..100 {
//!         let tape = Tape::new(&params);
//!         let losses = 0.5 * (tape.param(a) - 1.0).square() + 0.5 * (tape.param(b) - 2.0).square();
//!         let gradients = (losses + coupling.penalty(&tape)).backward();
//!         for slot in params.slots().collect::<Vec<_>>() {
//!             params.update(slot, |w| w[0] -= 0.3 * gradients.get(slot).unwrap().item());
//!         }
//!     }
//!     assert!((coupling.distance(&params) - apart).abs() < 1e-9);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | pair the parameters of two models by their names | [`Pairing::by_path`], [`Pairing::by_path_where`] |
//! | see what is paired, and what is shared | [`Pairing::table`] |
//! | make two models one, and two again | [`Pairing::tie`], [`Tie::undo`], [`Pairing::untie`] |
//! | choose independent, close or equal by one value | [`Coupling`], [`Strength`] |
//!
//! The crate works on names and slots and knows no layers, so it couples models of any kind. Both
//! models live in one store.

mod coupling;
mod pairing;
mod soft_sharing;
mod tie;

pub use coupling::{Coupling, Strength, StrengthError};
pub use pairing::{Mismatch, Pair, Pairing, PairingError, Table};
pub use soft_sharing::{Codebook, CodebookEntry, Component, Mixture, SoftSharing, SoftSharingError};
pub use tie::Tie;
