//! λ → ∞: how a penalty becomes a constraint, and what gradient descent makes of it on the way.
//!
//! ```text
//! cargo run --release --example from_penalty_to_constraint
//! cargo run --release --example from_penalty_to_constraint -- --help
//! ```
//!
//! Two linear models of related tasks are minimised in `f64` at λ from 10⁻⁴ to 10⁴, by proximal steps. Their distance
//! falls like 1/λ, their losses tend to those of one shared model. Then steps of one length η are taken along λ:
//! gradient descent is sound where η(h + 4λ) < 2, h being the largest curvature of the data terms, with momentum β where
//! η(h + 4λ) < 2(1 + β); beyond ηλ = ½, or (1 + β)/2, the penalty alone makes it diverge. The proximal step has no bound.

mod bounds;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use serde::Serialize;
use tandem::autograd::Tape;
use tandem::tying::{SquaredL2, Strength};

use bounds::{Bounds, Ends};
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::pair::Pair;
use support::stats::slope;
use support::tasks::{Draw, Tasks};

const ABOUT: About = About {
    name: "from_penalty_to_constraint",
    help: "λ → ∞: distance, loss and accuracy over eight decades, and where gradient descent stops",
    seeds: 10,
    quick: 2,
};

/// Weight decay: enough that every minimum is finite and sharply curved.
const DECAY: f64 = 1e-2;
/// A gradient that counts as zero.
const TOLERANCE: f64 = 1e-10;
/// λ goes from 10 to the one power to 10 to the other. Slopes are of the upper ones.
const DECADES: [i32; 2] = [-4, 4];
const UPPER: i32 = 3;
/// How far B is turned; how many labels A and B have.
const DEGREES: f64 = 30.0;
const LABELS: [usize; 2] = [200, 50];
/// The step of gradient descent, and its momentum.
const RATE: f64 = 0.2;
const MOMENTUM: f64 = 0.9;
/// How many steps show whether a descent is sound: an error that grows by 1 % a step grows to 10⁸ times its size.
const STEPS: usize = 2000;
/// At these multiples of the bound the picture shows where descents end.
const MULTIPLES: [f64; 10] = [0.5, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.2, 2.0, 5.0];

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let (train, test) = shipped_digits()?;
    let tasks = Tasks::new(&train.followed_by(&test), DEGREES);
    let a_decade = if experiment.quick { 1 } else { 4 };
    let power = |k: i32| 10f64.powf(f64::from(k) / f64::from(a_decade));
    let lambdas: Vec<f64> = (DECADES[0] * a_decade..=DECADES[1] * a_decade).map(power).collect();
    let seeds: Vec<u64> = experiment.seeds.clone().collect();
    let paths = experiment.map("along λ", &seeds, |&seed| Path::of(&tasks.draw(LABELS, 0, seed)?, &lambdas))?;
    let bounds = experiment.map("bounds", &seeds, |&seed| Bounds::of(&tasks.draw(LABELS, 0, seed)?))?;
    let draw = tasks.draw(LABELS, 0, experiment.seeds.start)?;
    let ends = experiment.map("descents", &MULTIPLES, |&multiple| Ends::at(&draw, multiple, &bounds[0]))?;
    Ok(report::report(experiment, &lambdas, &paths, &bounds, &ends))
}

/// What there is at a minimum.
#[derive(Clone, Copy, Serialize)]
struct At {
    /// ‖wA − wB‖.
    distance: f64,
    /// Both cross-entropies and the decay, without the coupling.
    loss: f64,
    /// Of B, in per cent.
    accuracy: f64,
}

/// The minima from free to shared.
#[derive(Serialize)]
struct Path {
    free: At,
    coupled: Vec<At>,
    shared: At,
    /// Of the logarithm of the distance by that of λ, in the upper decades; likewise of what the loss lacks of the
    /// shared model's.
    slopes: [f64; 2],
}

impl Path {
    fn of(draw: &Draw, lambdas: &[f64]) -> Result<Path, Failure> {
        let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
        let mut at = |strength| -> Result<At, Failure> {
            pair.fit(strength)?;
            let loss = pair.models.losses(&Tape::without_gradients(&pair.params)).item();
            Ok(At { distance: pair.coupling.distance(&pair.params), loss, accuracy: pair.accuracy(&draw.test) })
        };
        let free = at(Strength::Free)?;
        let coupled = lambdas.iter().map(|&lambda| at(Strength::Coupled(lambda))).collect::<Result<Vec<At>, _>>()?;
        let shared = at(Strength::Shared)?;
        let least = 0.999 * 10f64.powi(DECADES[1] - UPPER);
        let upper = || lambdas.iter().zip(&coupled).filter(|(lambda, _)| **lambda > least);
        let of =
            |value: &dyn Fn(&At) -> f64| slope(&upper().map(|(l, at)| [l.ln(), value(at).ln()]).collect::<Vec<_>>());
        let slopes = [of(&|at| at.distance), of(&|at| shared.loss - at.loss)];
        Ok(Path { free, coupled, shared, slopes })
    }
}
