//! Data sets: files read into memory, and rows handed out in shuffled mini-batches.
//!
//! | to | use |
//! |---|---|
//! | read any file in MNIST's format, plain or gzipped | [`Idx`], [`IdxValues`] |
//! | load a set of labelled images, scaled to 0..=1 | [`Images`], [`CLASSES`] |
//! | load the handwritten digits, already split | [`digits`] |
//! | put one set behind another | [`Images::followed_by`] |
//! | turn, move, scale images, add noise to them | [`Images::warped`], [`Images::rotated`], [`Images::translated`], [`Images::noisy`], [`Warp`] |
//! | fill batches with images that are warped anew each time | [`Augment`] |
//! | walk through the rows in a seeded random order | [`Batches`], [`Last`] |
//! | set rows aside for validation | [`split`], [`stratified_split`] |
//! | say what was wrong with a file | [`DataError`] |
//!
//! Nothing here knows of tensors: pixels and labels are copied into slices that the caller owns, so
//! that one pair of buffers serves a whole training run.
//!
//! ```
//! use tandem_nn::data::{Batches, Last, digits};
//! # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
//! let (train, _test) = digits(directory)?;
//! let mut pixels = vec![0f32; 32 * train.size()];
//! let mut labels = vec![0f32; 32];
//! let mut batches = Batches::new(train.len(), 32, 7, Last::Drop)?;
//! for epoch in 0..2 {
//!     for rows in batches.epoch(epoch) {
//!         train.gather(rows, &mut pixels, &mut labels);
//!         assert_eq!(pixels[..64], *train.image(rows[0]));
//!     }
//! }
//! assert_eq!((train.len(), batches.count()), (1029, 32));
//! # Ok::<(), tandem_nn::data::DataError>(())
//! ```

mod augment;
mod batches;
mod digits;
mod error;
mod idx;
mod images;
mod warp;

pub use augment::Augment;
pub use batches::{Batches, Last, split, stratified_split};
pub use digits::digits;
pub use error::DataError;
pub use idx::{Idx, IdxValues};
pub use images::{CLASSES, Images};
pub use warp::Warp;
