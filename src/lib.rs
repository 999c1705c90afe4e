//! Parameters can be independent, close, or equal: parameter tying and parameter sharing, taught,
//! measured and put to use.
//!
//! **[The book](guide)** is the place to begin: fourteen chapters, from a single derivative to two networks that share
//! some of their weights. In one look:
//!
//! ```
//! use tandem::autograd::{Params, Tape, Tensor};
//! use tandem::tying::{Coupling, Pairing, Strength};
//!
//! let mut params = Params::<f64>::new();
//! let [a, b] = [("a.w", 1.0), ("b.w", 4.0)].map(|(name, w)| params.add(name, Tensor::scalar(w)));
//! let pairing = Pairing::by_path(&params, "a", "b")?;
//!
//! // Independent: two numbers, and a gradient for each.
//! assert_eq!(params.numel(), 2);
//!
//! // Close: a penalty λ‖wA − wB‖² draws each to the other, by 2λ times the distance.
//! let coupling = Coupling::new(&mut params, pairing.clone(), Strength::Coupled(0.5))?;
//! let gradients = coupling.penalty(&Tape::new(&params)).backward();
//! assert_eq!(gradients.of(&params, a).unwrap().item(), 2.0 * 0.5 * (1.0 - 4.0));
//! assert_eq!(gradients.of(&params, b).unwrap().item(), 2.0 * 0.5 * (4.0 - 1.0));
//!
//! // Equal: one number, stored once under two names, whose gradient is the sum over its uses.
//! Coupling::new(&mut params, pairing, Strength::Shared)?;
//! let tape = Tape::new(&params);
//! let gradients = (tape.param(a) * 3.0 + tape.param(b) * 5.0).backward();
//! assert_eq!((params.numel(), gradients.of(&params, b).unwrap().item()), (1, 8.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The package re-exports the three crates of the workspace, and adds what a program needs to measure its own memory
//! and to draw what it has recorded and how it was trained. In reading order:
//!
//! - [`guide`]: the book, how the code fits together, and what the experiments found;
//! - [`autograd`]: a reverse-mode tape with shared parameter nodes;
//! - [`nn`]: layers, optimizers and data;
//! - [`tying`]: couplings and ties between parameters;
//! - [`memory`]: an allocator that counts, memory name by name, and the process's peak resident memory;
//! - [`draw`]: the recorded graph as a picture, and how a coupling went.
//!
//! Deliberately absent: a framework around the training loop, devices other than the CPU, mixed precision, graph
//! compilation, a Python binding, a distributed runtime. A model leaves as safetensors for systems that have them.

pub mod draw;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod memory;

pub use tandem_autograd as autograd;
pub use tandem_nn as nn;
pub use tandem_tying as tying;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
