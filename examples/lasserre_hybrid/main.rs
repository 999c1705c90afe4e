//! Between a generative and a discriminative model: two sets of parameters that are close (Lasserre, Bishop and Minka,
//! CVPR 2006; Bishop and Lasserre 2007).
//!
//! A classifier p(c|x, θ) learns from few labels; a model of the inputs p(x|θ̃) from many points without; a prior
//! exp(−‖θ − θ̃‖²/2σ²) couples the two. σ → 0 shares them (generative training), σ → ∞ lets them go (discriminative
//! training). First on Gaussians that the model takes for round ones, with both ends checked against training without
//! a coupling; then on digits, with an autoencoder as the model of the inputs.
//!
//! ```text
//! cargo run --release --example lasserre_hybrid
//! cargo run --release --example lasserre_hybrid -- --help
//! ```
//!
//! In reading order: `gaussians` is the model, `sweep` trains it along the line, `digits` are the two networks, `line`
//! tells whether the middle is better than the ends, `report` and `pictures` say and show it.

mod digits;
mod gaussians;
mod line;
mod pictures;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod sweep;

use std::process::ExitCode;

use support::experiment::{self, About, Experiment, Failure, Report};

const ABOUT: About = About {
    name: "lasserre_hybrid",
    help: "A generative and a discriminative model, shared, close and free: Gaussians and digits with few labels",
    seeds: 20,
    quick: 2,
};

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let sweep = sweep::sweep(experiment)?;
    let digits = digits::digits(experiment)?;
    Ok(report::report(&sweep, &digits))
}
