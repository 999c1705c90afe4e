//! The numeric kernels: everything that loops over numbers.
//!
//! [`contract`] computes all products, from matrices to the gradients of convolutions; the other
//! kernels are loops over numbers one by one. All unsafe code of the crate is in here.

mod buffer;
pub mod bytes;
pub mod convolution;
mod digits;
pub mod elementwise;
pub mod functions;
mod geometry;
mod image_tasks;
pub mod index;
mod instructions;
mod lane;
pub mod layout;
mod panel;
mod plan;
pub mod pooling;
pub mod product;
mod quads;
pub mod reduce;
pub mod threads;
mod tile;
mod tiny;
mod transpose;
pub(crate) mod wide;
mod winograd;

pub(crate) use buffer::Buffer;
pub use convolution::with_direct_convolution;
pub use product::{Contraction, Digits, Element, Instructions, contract, scratch_len, with_instructions};
pub use threads::{set_threads, start, threads};
pub use tiny::Matrices;
