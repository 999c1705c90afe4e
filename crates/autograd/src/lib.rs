//! A reverse-mode tape with shared parameter nodes.
//!
//! ```
//! use tandem_autograd::{Params, Tape, Tensor};
//! let mut params = Params::<f64>::new();
//! let w = params.add("w", Tensor::scalar(2.0));
//! let tape = Tape::new(&params);
//! let x = tape.input(3.0);
//! let y = tape.param(w) * &x + tape.param(w).square();      // w·x + w², with w used twice
//!
//! let [dx] = tape.grad(&y, [&x]);                           // ∂y/∂x = w: a variable, which
//! let [dwdx] = tape.grad(&dx, [&tape.param(w)]);            // can be differentiated again
//! assert_eq!((y.item(), dx.item(), dwdx.item()), (10.0, 2.0, 1.0));
//!
//! let gradients = y.backward();                             // x + 2w: contributions add
//! assert_eq!(gradients.of(&params, w).unwrap().item(), 7.0);
//! ```
//!
//! | to | use |
//! |---|---|
//! | store parameters, share them, part them | [`Params`], [`Params::tie`], [`Params::untie`] |
//! | compute with them | [`Tape`], [`Var`] |
//! | get gradients | [`Var::backward`], [`Tape::grad`], [`Gradients`] |
//! | define an op | [`Op`], [`Var::apply_op`] |
//! | check derivatives | [`check_gradients`] |
//! | know where bytes go before they are allocated: now, at the peak | [`dry_run`], [`Probe`], [`Footprint`] |
//! | know it name by name, unique and as if unshared | [`MemoryByName`] |
//!
//! The files in reading order: `params`, `tensor` and `shape`; `tape`, `var`, `op`; `ops/elementwise`,
//! then the other `ops`; `sweep`, where gradients add; `check`; `pool`, `local`, `footprint` and `by_name`; `kernels`,
//! the loops over numbers, with all unsafe code.
//!
//! # Panics
//!
//! What a programmer gets wrong panics at their own line, with the op, the shapes and the axis: shapes
//! that do not fit, an axis that there is not, a variable of another tape, an id or a slot of another
//! store, a tape that is spent. Every function that takes a variable, an id or a shape may do so, even
//! where its own page does not say it again.
//!
//! # Absent
//!
//! Deliberately absent: layers, devices other than the CPU, element types other than `f32` and `f64`,
//! views (a tensor is always dense and row-major).

mod arena;
mod by_name;
mod check;
mod float;
mod footprint;
mod gradients;
mod graph;
pub mod kernels;
mod local;
mod op;
pub mod ops;
mod params;
mod pool;
mod shape;
mod sweep;
mod tape;
mod tensor;
mod var;

pub use by_name::{MemoryByName, NameBytes, NameRow};
pub use check::{GradientMismatch, check_gradients};
pub use float::Float;
pub use footprint::{Footprint, Probe, dry_run};
pub use gradients::Gradients;
pub use graph::{Graph, GraphNode, GraphPart};
pub use local::release_memory;
pub use op::{Needs, Op, Out, Saves};
pub use ops::{Conv, Window};
pub use params::{ParamId, Params, ShapeMismatch, SlotId};
pub use pool::Kind;
pub use shape::{MAX_RANK, Shape, ShapeError};
pub use sweep::Rule;
pub use tape::{Entered, Tape};
pub use tensor::Tensor;
pub use var::Var;
