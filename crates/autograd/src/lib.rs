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
//! A [`Params`] stores numbers under names; two names may share one slot. A [`Tape`] borrows it, hands its values out
//! as [`Var`]s, and records what is computed from them, each op a node with edges to its operands. A sweep goes over
//! the nodes from the last to the first (reverse-mode differentiation; Deep Learning, section 6.5): from the gradient
//! of a result, z̄ = ∂y/∂z, an op's rule computes what it contributes to the gradients of its operands,
//! x̄ += z̄ · ∂z/∂x. Contributions add, in one place in the code; so a shared parameter gets the sum over all of its
//! uses. What comes out are [`Gradients`], one a slot.
//!
//! | to | use |
//! |---|---|
//! | store parameters, share them, part them | [`Params`], [`Params::tie`], [`Params::untie`] |
//! | remember what is no parameter | [`Params::add_state`], [`StateId`] |
//! | compute with them | [`Tape`], [`Var`] |
//! | get gradients | [`Var::backward`], [`Tape::grad`], [`Gradients`] |
//! | get gradients of gradients, Hessian-vector products | [`Tape::grad_with`] |
//! | define an op | [`Op`], [`Var::apply_op`] |
//! | keep less for the backward sweep | [`Tape::checkpoint`], [`Segment`] |
//! | see what was recorded, and why a gradient is what it is | [`Tape::graph`], [`Tape::explain`], [`Tape::enter`] |
//! | find where the first NaN was born | [`Tape::trace_non_finite`] |
//! | check derivatives | [`check_gradients`] |
//! | know where bytes go before they are allocated: now, at the peak | [`dry_run`], [`Probe`], [`Footprint`] |
//!
//! The files in reading order:
//!
//! 1. `params`, the store, with `params/change`, `params/state`; `tensor` and `shape`, what it holds.
//! 2. `tape` and `arena`, the recording; `var`, the values on it; `core`, what both refer to.
//! 3. `op`, what an op is; `apply`, how one runs and is recorded; `ops/elementwise`, the first ones; then the other [`ops`].
//! 4. `rule`, where gradients add; `sweep`, the two loops; `gradients`, what they find.
//! 5. `checkpoint`, computing again instead of keeping; `check`, derivatives against finite differences.
//! 6. `explain`, `trace` and `graph`: looking at a tape.
//! 7. `pool`, `local` and `footprint`: where memory comes from, and what it will be.
//! 8. `float` and [`kernels`], the loops over numbers, with all unsafe code.
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

mod apply;
mod arena;
mod check;
mod checkpoint;
mod core;
mod explain;
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
mod rule;
mod shape;
mod sweep;
mod tape;
mod tensor;
mod trace;
mod var;

pub use check::{GradientMismatch, check_gradients};
pub use checkpoint::Segment;
pub use explain::{Contribution, Explanation, Origin};
pub use float::Float;
pub use footprint::{Footprint, Probe, dry_run};
pub use gradients::Gradients;
pub use graph::{Graph, GraphEdge, GraphNode, GraphPart, NodeKind};
pub use local::release_memory;
pub use op::{Needs, Op, Out, Saves};
pub use ops::{Conv, Window};
pub use params::{ParamId, Params, ShapeMismatch, SlotId, StateId};
pub use pool::Kind;
pub use rule::Rule;
pub use shape::{MAX_RANK, Shape, ShapeError};
pub use tape::{Entered, Tape};
pub use tensor::Tensor;
pub use trace::{NonFinite, Range};
pub use var::Var;
