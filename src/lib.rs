//! Parameters can be independent, close, or equal: parameter tying and parameter sharing, taught,
//! measured and put to use.
//!
//! This package re-exports the three crates of the workspace, and adds what a program needs to
//! measure its own memory and to draw what it has recorded and how it was trained:
//!
//! - [`autograd`]: a reverse-mode tape with shared parameter nodes;
//! - [`nn`]: layers, optimizers and data;
//! - [`tying`]: couplings and ties between parameters;
//! - [`memory`]: an allocator that counts, the process's peak resident memory, and memory name by name;
//! - [`draw`]: the recorded graph as a picture, and how a coupling went.

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
