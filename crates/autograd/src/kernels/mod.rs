//! The numeric kernels: everything that loops over numbers.
//!
//! They take slices and shapes, and know nothing of tapes. [`contract`] computes all products, from matrices to the
//! gradients of convolutions; the other kernels are loops over numbers one by one. All unsafe code of the crate is in
//! here.
//!
//! ```
//! use tandem_autograd::{Shape, kernels::{Matrices, elementwise::each, reduce::sum_into}};
//! // relu(A · B), and the sum of its rows.
//! let mut c = [0.0; 4];
//! Matrices { sides: [2, 2, 1], transposed: [false; 2] }.multiply(&[1.0, -1.0], &[3.0, 4.0], &mut c);
//! each([&mut c], [], |[c], []| [f64::max(c, 0.0)]);
//! assert_eq!(c, [3.0, 4.0, 0.0, 0.0]);
//! let mut sum = [0.0; 2];
//! sum_into(&mut sum, Shape::from([2]), &c, Shape::from([2, 2]));
//! assert_eq!(sum, [3.0, 4.0]);
//! ```
//!
//! Results depend on the lengths and on the element type; not on how many threads take part. Lengths that do not fit
//! panic, here with less to say than the ops do, which check shapes before.
//!
//! The files in reading order: `elementwise`, `functions`, `layout`, `index`, `reduce`, `pooling` (`quads`: windows of
//! 2×2); `digits`, `product`, `plan`, `panel`, `tile`, `lane`, `transpose`, `tiny`: the product; `geometry`,
//! `convolution`, `image_tasks`, `winograd`: convolution; `instructions`, `wide`: one loop for several processors;
//! `threads`; `buffer`, `bytes`: memory.
//!
//! Deliberately absent: strides other than those of [`Digits`], mixed precision, sparse matrices, devices other than
//! the CPU.

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
