//! What the examples share: flags, progress, Ctrl-C, statistics, plain-text formatting, output files, pictures; and what
//! experiments share: a report, seeds in parallel (`experiment`), two tasks and models of them, training loops, minima.
//!
//! Not an example itself. A program of this folder takes it in with
//! `#[path = "../support/mod.rs"] mod support;` (`"support/mod.rs"` from a single-file example).

// Every example compiles its own copy and uses a part of it.
#![allow(dead_code)]

pub mod bars;
pub mod eigen;
pub mod experiment;
pub mod fit;
pub mod flags;
pub mod format;
pub mod interrupt;
pub mod lines;
pub mod machine;
pub mod map;
pub mod minimize;
pub mod output;
pub mod pair;
pub mod plot;
pub mod progress;
pub mod rows;
pub mod size;
pub mod stats;
pub mod svg;
pub mod tasks;
pub mod versus;
