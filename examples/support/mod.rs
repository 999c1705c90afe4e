//! What the examples share: flags, statistics, plain-text formatting, output files, pictures.
//!
//! Not an example itself. A program of this folder takes it in with
//! `#[path = "../support/mod.rs"] mod support;` (`"support/mod.rs"` from a single-file example).

// Every example compiles its own copy and uses a part of it.
#![allow(dead_code)]

pub mod bars;
pub mod flags;
pub mod format;
pub mod output;
pub mod stats;
pub mod svg;
