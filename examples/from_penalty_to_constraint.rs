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

#[path = "support/mod.rs"]
mod support;

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use tandem::autograd::{ParamId, Tape, Tensor};
use tandem::nn::{Optimizer, Sgd};
use tandem::tying::{SquaredL2, Strength};

use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::format::Table;
use support::pair::Pair;
use support::plot::{self, Axis, Look, Mark, Panel, Plot, Point, Series};
use support::stats::{Estimate, slope};
use support::tasks::{Draw, Tasks};

const ABOUT: About = About {
    name: "from_penalty_to_constraint",
    about: "λ → ∞: distance, loss and accuracy over eight decades, and where gradient descent stops",
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
    Ok(report(experiment, &lambdas, &paths, &bounds, &ends))
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
        let of = |value: &dyn Fn(&At) -> f64| slope(&upper().map(|(l, at)| [l.ln(), value(at).ln()]).collect::<Vec<_>>());
        let slopes = [of(&|at| at.distance), of(&|at| shared.loss - at.loss)];
        Ok(Path { free, coupled, shared, slopes })
    }
}

/// How a step is taken.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Gradient,
    Momentum,
    Proximal,
}

impl Way {
    /// The bound on η times the largest curvature is twice this.
    fn factor(self) -> f64 {
        if self == Way::Momentum { 1.0 + MOMENTUM } else { 1.0 }
    }

    /// ‖wA − wB‖ after all steps from zero.
    fn descend(self, draw: &Draw, lambda: f64) -> Result<f64, Failure> {
        let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
        pair.coupling.set_strength(&mut pair.params, Strength::Coupled(lambda))?;
        // PyTorch's momentum and the heavy ball are the same recursion.
        let mut sgd = Sgd::new(RATE).momentum(if self == Way::Momentum { MOMENTUM } else { 0.0 });
        for _ in 0..STEPS {
            let mut gradients = pair.models.losses(&Tape::new(&pair.params)).backward();
            if self != Way::Proximal {
                pair.coupling.add_gradients(&pair.params, &mut gradients);
            }
            sgd.step(&mut pair.params, &gradients);
            if self == Way::Proximal {
                pair.coupling.proximal_step(&mut pair.params, RATE)?;
            }
            let distance = pair.coupling.distance(&pair.params);
            // Far enough: what grows goes on growing.
            if distance.is_nan() || distance > 1e6 {
                return Ok(f64::INFINITY);
            }
        }
        Ok(pair.coupling.distance(&pair.params))
    }
}

/// Up to which λ a way is sound.
#[derive(Clone, Copy, Serialize)]
struct Bound {
    /// η(h + 4λ) = 2(1 + β), with a bound h on the curvature of the data terms: sound below it, whatever the data.
    sufficient: f64,
    /// η μ = 2(1 + β), with the largest curvature μ at the minimum.
    predicted: f64,
    /// Where descents begin to miss the minimum.
    measured: f64,
    /// ηλ = (1 + β)/2: the penalty alone diverges above it, whatever the data.
    alone: f64,
}

/// The bounds on one draw.
#[derive(Serialize)]
struct Bounds {
    gradient: Bound,
    momentum: Bound,
    /// λ of a thousand times the bound of the penalty alone, and by what part of the minimum's distance the proximal
    /// step ends beside it.
    proximal: [f64; 2],
}

impl Bounds {
    fn of(draw: &Draw) -> Result<Bounds, Failure> {
        let [gradient, momentum] = [bound(draw, Way::Gradient)?, bound(draw, Way::Momentum)?];
        let lambda = 1000.0 * gradient.alone;
        let (reached, least) = (Way::Proximal.descend(draw, lambda)?, distance_at(draw, lambda)?);
        Ok(Bounds { gradient, momentum, proximal: [lambda, (reached / least - 1.0).abs()] })
    }
}

fn bound(draw: &Draw, way: Way) -> Result<Bound, Failure> {
    let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
    let of_data = pair.models.curvatures.into_iter().fold(0.0, f64::max);
    let at = |curvature: f64| (2.0 * way.factor() / RATE - curvature) / 4.0;
    let (sufficient, alone) = (at(of_data), at(0.0));
    pair.fit(Strength::Coupled(sufficient))?;
    let predicted = at(largest_eigenvalue(&pair) - 4.0 * sufficient);
    let [mut sound, mut diverges] = [0.95 * sufficient, 1.05 * alone];
    for _ in 0..10 {
        let middle = f64::midpoint(sound, diverges);
        // Just above the bound a descent may also end in a cycle about the minimum, where the softmax is less curved.
        let close = way.descend(draw, middle)? <= 1.1 * distance_at(draw, middle)?;
        *(if close { &mut sound } else { &mut diverges }) = middle;
    }
    Ok(Bound { sufficient, predicted, measured: f64::midpoint(sound, diverges), alone })
}

/// The largest eigenvalue of the Hessian of all that is minimised, by power iteration: v ← Hv/‖Hv‖, where Hv is the gradient
/// of ∇f·v: the tape differentiates its own derivative.
fn largest_eigenvalue(pair: &Pair<f64>) -> f64 {
    let ids: Vec<ParamId> = pair.params.names().map(|(id, _)| id).collect();
    let mut v: Vec<Tensor<f64>> = ids.iter().map(|&id| start(pair.params.get(id))).collect();
    let mut eigenvalue = 0.0;
    for _ in 0..100 {
        let tape = Tape::new(&pair.params);
        let f = pair.models.losses(&tape) + pair.coupling.penalty(&tape);
        let leaves: Vec<_> = ids.iter().map(|&id| tape.param(id)).collect();
        let leaves: Vec<_> = leaves.iter().collect();
        let gradients = tape.grad_with(&[(&f, &tape.constant(1.0))], &leaves);
        let along = gradients.into_iter().zip(&v).map(|(g, v)| (g * tape.constant(v.clone())).sum()).reduce(|a, b| a + b);
        let product = tape.grad_with(&[(&along.expect("there are parameters"), &tape.constant(1.0))], &leaves);
        let square: f64 = product.iter().flat_map(|p| p.value().data()).map(|x| x * x).sum();
        eigenvalue = square.sqrt();
        v = product.into_iter().map(|p| (p / eigenvalue).into_value()).collect();
    }
    eigenvalue
}

/// Some direction that no symmetry makes orthogonal to another.
fn start(like: &Tensor<f64>) -> Tensor<f64> {
    let numbers = (0..like.len()).map(|i| 1.0 + (i as f64).sin());
    Tensor::new(like.shape(), numbers.collect())
}

fn distance_at(draw: &Draw, lambda: f64) -> Result<f64, Failure> {
    let mut pair = Pair::<f64>::new(draw, SquaredL2, DECAY, TOLERANCE)?;
    pair.fit(Strength::Coupled(lambda))?;
    Ok(pair.coupling.distance(&pair.params))
}

/// Where the three ways end at one λ, as multiples of the minimum's distance.
#[derive(Serialize)]
struct Ends {
    multiple: f64,
    of_minimum: [f64; 3],
}

impl Ends {
    /// At a multiple of each way's predicted bound; the proximal step at that of gradient descent.
    fn at(draw: &Draw, multiple: f64, bounds: &Bounds) -> Result<Ends, Failure> {
        let mut of_minimum = [0.0; 3];
        let ways = [Way::Gradient, Way::Momentum, Way::Proximal];
        for ((way, bound), end) in ways.into_iter().zip([bounds.gradient, bounds.momentum, bounds.gradient]).zip(&mut of_minimum) {
            let lambda = multiple * bound.predicted;
            *end = way.descend(draw, lambda)? / distance_at(draw, lambda)?;
        }
        Ok(Ends { multiple, of_minimum })
    }
}

fn report(experiment: &Experiment, lambdas: &[f64], paths: &[Path], bounds: &[Bounds], ends: &[Ends]) -> Report {
    let slopes = [0, 1].map(|i| Estimate::with_error(&paths.iter().map(|path| path.slopes[i]).collect::<Vec<_>>()));
    let gap = |at: fn(&Path) -> At| {
        let gaps: Vec<f64> = paths.iter().map(|path| at(path).accuracy - path.shared.accuracy).collect();
        Estimate::with_error(&gaps)
    };
    let last = gap(|path| path.coupled[path.coupled.len() - 1]);
    let ratio = |of: fn(&Bounds) -> Bound| {
        let ratios: Vec<f64> = bounds.iter().map(|bounds| of(bounds).measured / of(bounds).predicted).collect();
        Estimate::with_error(&ratios)
    };
    let beside = bounds.iter().map(|bounds| bounds.proximal[1]).fold(0.0, f64::max);
    let picture = picture(experiment, lambdas, paths, ends);
    Report {
        title: "From a penalty to a constraint: λ → ∞".into(),
        claim: "A penalty draws parameters together; a constraint makes them one: the second is the limit of the first.".into(),
        shows: format!(
            "In the upper {UPPER} decades the distance falls with λ to the power {:.4}, what the loss lacks of the shared model's \
             with {:.4} (−1 in theory), and at λ = {:e} B recognises {:+.2} points more than shared.",
            slopes[0], slopes[1], lambdas[lambdas.len() - 1], last
        ),
        limits: format!(
            "Gradient descent does not get there: with steps of {RATE} it misses the minimum from {:.3} times the λ on that the largest curvature at the \
             minimum predicts (with momentum {MOMENTUM}: {:.3} times), whereas proximal steps of the same length at λ = {:.0} end within \
             a relative {beside:.0e} of the minimum's distance.",
            ratio(|bounds| bounds.gradient),
            ratio(|bounds| bounds.momentum),
            bounds[0].proximal[0],
        ),
        setting: format!(
            "Linear models of {} and {} labels, B turned by {DEGREES}°, weight decay {DECAY}, minimised in f64 until the gradient is {TOLERANCE:e}; \
             means of {} ± standard error.",
            LABELS[0], LABELS[1], experiment.count()
        ),
        tables: vec![along_table(lambdas, paths), bounds_table(bounds)],
        pictures: vec![(format!("{}.svg", ABOUT.name), picture)],
        figures: json!({ "lambdas": lambdas, "paths": paths, "bounds": bounds, "ends": ends }),
    }
}

/// A row for each decade, between free and shared.
fn along_table(lambdas: &[f64], paths: &[Path]) -> (String, Table) {
    let mut table = Table::new(["λ", "‖wA − wB‖", "loss", "shared loss − loss", "accuracy of B, %"]);
    let mut row = |label: String, at: &dyn Fn(&Path) -> At| {
        let of = |value: &dyn Fn(&Path) -> f64| Estimate::with_error(&paths.iter().map(value).collect::<Vec<_>>());
        let power = |Estimate { mean, spread }: Estimate| match spread {
            _ if mean == 0.0 => "0".to_string(),
            Some(spread) => format!("{mean:.2e} ± {spread:.0e}"),
            None => format!("{mean:.2e} ± ?"),
        };
        table.row([
            label,
            power(of(&|path| at(path).distance)),
            format!("{:.5}", of(&|path| at(path).loss)),
            power(of(&|path| path.shared.loss - at(path).loss)),
            format!("{:.2}", of(&|path| at(path).accuracy)),
        ]);
    };
    row("0 (free)".into(), &|path| path.free);
    let a_decade = (lambdas.len() - 1) / (DECADES[1] - DECADES[0]) as usize;
    for (i, lambda) in lambdas.iter().enumerate().step_by(a_decade) {
        row(format!("{lambda:e}"), &|path| path.coupled[i]);
    }
    row("∞ (shared)".into(), &|path| path.shared);
    ("The minimum at each λ".into(), table)
}

fn bounds_table(bounds: &[Bounds]) -> (String, Table) {
    let header = ["steps of length η", "sufficient, any data", "predicted at the minimum", "measured", "penalty alone", "measured / predicted"];
    let mut table = Table::new(header);
    let ways: [(&str, fn(&Bounds) -> Bound); 2] = [
        ("gradient: η(h + 4λ) < 2", |bounds| bounds.gradient),
        ("momentum: η(h + 4λ) < 2(1 + β)", |bounds| bounds.momentum),
    ];
    for (words, of) in ways {
        let estimate = |value: fn(Bound) -> f64| {
            Estimate::with_error(&bounds.iter().map(|each| value(of(each))).collect::<Vec<_>>())
        };
        let values: [fn(Bound) -> f64; 4] = [|b| b.sufficient, |b| b.predicted, |b| b.measured, |b| b.alone];
        let cells = values.map(|value| format!("{:.2}", estimate(value)));
        let ratio = format!("{:.4}", estimate(|b| b.measured / b.predicted));
        table.row([words.to_string()].into_iter().chain(cells).chain([ratio]));
    }
    let [lambda, _] = bounds[0].proximal;
    table.row(["proximal", "any λ", "any λ", &format!("sound at {lambda:.0}"), "–", "–"]);
    (format!("Up to which λ a descent is sound (η = {RATE}, β = {MOMENTUM}, {STEPS} steps)"), table)
}

fn picture(experiment: &Experiment, lambdas: &[f64], paths: &[Path], ends: &[Ends]) -> String {
    let line = |label: &str, colour, look, value: &dyn Fn(usize) -> Estimate| {
        let points = lambdas.iter().enumerate().map(|(i, &x)| {
            let Estimate { mean, spread } = value(i);
            Point { x, y: mean, spread }
        });
        Series { label: label.into(), colour, look, points: points.collect() }
    };
    let over = |value: &dyn Fn(&Path) -> f64| Estimate::with_error(&paths.iter().map(value).collect::<Vec<_>>());
    let along = |title: &str, log: bool, series: Vec<Series>, marks: Vec<Mark>| Panel {
        title: title.into(),
        x: Axis { label: "λ".into(), log: true, ..Axis::default() },
        y: Axis { log, ..Axis::default() },
        series,
        marks,
    };
    // Through the last point, with the slope of theory.
    let theory = |last: f64| {
        let most = lambdas[lambdas.len() - 1];
        let from = lambdas[lambdas.len() / 2];
        let points = [from, most].map(|x| Point { x, y: last * most / x, spread: None });
        Series { label: "slope −1".into(), colour: 1, look: Look::Dashed, points: points.to_vec() }
    };
    let last = lambdas.len() - 1;
    let distance = |i: usize| over(&|path| path.coupled[i].distance);
    let lacks = |i: usize| over(&|path| path.shared.loss - path.coupled[i].loss);
    let end = |label: &str, value: f64| Mark::Horizontal(value, label.into());
    let accuracies = vec![
        end("free", over(&|path| path.free.accuracy).mean),
        end("shared", over(&|path| path.shared.accuracy).mean),
    ];
    let ways = ["gradient descent", "with momentum", "proximal steps"];
    let descents = ways.into_iter().enumerate().map(|(way, label)| {
        let points = ends.iter().map(|end| Point { x: end.multiple, y: end.of_minimum[way].min(1e6), spread: None });
        Series { label: label.into(), colour: way + 2, look: Look::Line, points: points.collect() }
    });
    let panels = vec![
        along("distance ‖wA − wB‖", true, vec![theory(distance(last).mean), line("at the minimum", 0, Look::Line, &distance)], vec![]),
        along("shared loss − loss", true, vec![theory(lacks(last).mean), line("at the minimum", 0, Look::Line, &lacks)], vec![]),
        along(
            "accuracy of B, %",
            false,
            vec![line("at the minimum", 0, Look::Line, &|i| over(&|path| path.coupled[i].accuracy))],
            accuracies,
        ),
        Panel {
            title: "distance / minimum's".into(),
            x: Axis { label: "λ / bound of gradient descent (momentum: of its own)".into(), log: true, ..Axis::default() },
            y: Axis { log: true, ..Axis::default() },
            series: descents.collect(),
            marks: vec![Mark::Vertical(1.0, "bound".into())],
        },
    ];
    plot::svg(&Plot {
        title: "From a penalty to a constraint".into(),
        subtitle: format!(
            "Two linear models of related tasks at their minimum, by λ; means of {} ± standard error. Below right, one draw: where {STEPS} steps \
             of length {RATE} end; what ends at 10⁶ or more has diverged.",
            experiment.count()
        ),
        columns: 2,
        panels,
    })
}
