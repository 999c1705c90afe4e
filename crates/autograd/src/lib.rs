//! A reverse-mode tape with shared parameter nodes.

mod check;
mod float;
mod footprint;
mod gradients;
pub mod kernels;
mod op;
pub mod ops;
mod params;
mod pool;
mod shape;
mod sweep;
mod tape;
mod tensor;
mod var;

pub use check::{GradientMismatch, check_gradients};
pub use float::Float;
pub use footprint::{Footprint, Probe, dry_run};
pub use gradients::Gradients;
pub use op::{Needs, Op, Out, Saves};
pub use ops::{Conv, Window};
pub use params::{ParamId, Params, SlotId, TieError};
pub use pool::{Kind, release_memory};
pub use shape::{MAX_RANK, Shape, ShapeError};
pub use sweep::Rule;
pub use tape::Tape;
pub use tensor::Tensor;
pub use var::Var;
