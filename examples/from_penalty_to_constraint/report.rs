//! Tables, sentences and the picture.

use serde_json::json;

use crate::bounds::{Bound, Bounds, Ends};
use crate::support::experiment::{Experiment, Report};
use crate::support::format::Table;
use crate::support::plot::{self, Axis, Look, Mark, Panel, Plot, Point, Series};
use crate::support::stats::Estimate;
use crate::{ABOUT, At, DECADES, DECAY, DEGREES, LABELS, MOMENTUM, Path, RATE, STEPS, TOLERANCE, UPPER};

pub fn report(experiment: &Experiment, lambdas: &[f64], paths: &[Path], bounds: &[Bounds], ends: &[Ends]) -> Report {
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
    let measured = |of: fn(&Bounds) -> Bound| {
        Estimate::with_error(&bounds.iter().map(|bounds| of(bounds).measured).collect::<Vec<_>>())
    };
    let beside = bounds.iter().map(|bounds| bounds.proximal[1]).fold(0.0, f64::max);
    let picture = picture(experiment, lambdas, paths, ends);
    Report {
        title: "From a penalty to a constraint: λ → ∞".into(),
        claim:
            "A penalty draws parameters together; a constraint makes them one: the second is the limit of the first."
                .into(),
        shows: format!(
            "In the upper {UPPER} decades the distance falls with λ to the power {:.4}, what the loss lacks of the shared model's \
             with {:.4} (−1 in theory), and at λ = {:e} B recognises {:+.2} points more than shared.",
            slopes[0],
            slopes[1],
            lambdas[lambdas.len() - 1],
            last
        ),
        limits: format!(
            "Gradient descent does not get there: with steps of {RATE} it fails from λ = {:.2} on, as the largest curvature at the minimum predicts \
             (measured / predicted: {:.3}; with momentum {MOMENTUM} from {:.2} on: {:.3}), whereas proximal steps of the same length at λ = {:.0} end within \
             a relative {beside:.0e} of the minimum's distance.",
            measured(|bounds| bounds.gradient),
            ratio(|bounds| bounds.gradient),
            measured(|bounds| bounds.momentum),
            ratio(|bounds| bounds.momentum),
            bounds[0].proximal[0],
        ),
        setting: format!(
            "Linear models of {} and {} labels, B turned by {DEGREES}°, weight decay {DECAY}, minimised in f64 until the gradient is {TOLERANCE:e}; \
             means of {} ± standard error. A step of gradient descent is w − η∇, with all terms in ∇; a proximal step takes the data's \
             gradient and minimises the penalty exactly. h is a bound on the curvature of the data terms, for any weights; it is \
             predicted where η times the largest eigenvalue of the Hessian at the minimum is 2 (with momentum β, 2(1 + β)).",
            LABELS[0],
            LABELS[1],
            experiment.count()
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

/// What it is called, and its bound.
type Way = (&'static str, fn(&Bounds) -> Bound);

fn bounds_table(bounds: &[Bounds]) -> (String, Table) {
    let header = [
        "steps of length η",
        "sufficient, any data",
        "predicted at the minimum",
        "measured",
        "penalty alone",
        "measured / predicted",
    ];
    let mut table = Table::new(header);
    let ways: [Way; 2] = [
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
    let mut panels = along(lambdas, paths).to_vec();
    panels.push(descents(ends));
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

/// Distance, loss and accuracy by λ; the latter two against the shared model's, draw by draw.
fn along(lambdas: &[f64], paths: &[Path]) -> [Panel; 3] {
    let over = |value: &dyn Fn(&Path) -> f64| Estimate::with_error(&paths.iter().map(value).collect::<Vec<_>>());
    let line = |value: &dyn Fn(usize) -> Estimate| {
        let points = lambdas.iter().enumerate().map(|(i, &x)| {
            let Estimate { mean, spread } = value(i);
            Point { x, y: mean, spread }
        });
        Series { label: "at the minimum".into(), colour: 0, look: Look::Line, points: points.collect() }
    };
    // Beside the upper half of the line, so that both are seen.
    let theory = |value: &dyn Fn(usize) -> Estimate| {
        let (half, last) = (lambdas.len() / 2, lambdas.len() - 1);
        let points = [half, last].map(|i| Point {
            x: lambdas[i],
            y: 4.0 * value(last).mean * lambdas[last] / lambdas[i],
            spread: None,
        });
        Series { label: "slope −1".into(), colour: 1, look: Look::Dashed, points: points.to_vec() }
    };
    let panel = |title: &str, log: bool, series: Vec<Series>, marks: Vec<Mark>| Panel {
        title: title.into(),
        x: Axis { label: "λ".into(), log: true, ..Axis::default() },
        y: Axis { log, ..Axis::default() },
        series,
        marks,
    };
    let distance = |i: usize| over(&|path| path.coupled[i].distance);
    let lacks = |i: usize| over(&|path| path.shared.loss - path.coupled[i].loss);
    let lead = |i: usize| over(&|path| path.coupled[i].accuracy - path.shared.accuracy);
    let free = over(&|path| path.free.accuracy - path.shared.accuracy).mean;
    let ends = vec![Mark::Horizontal(free, "free".into()), Mark::Horizontal(0.0, "shared".into())];
    [
        panel("distance ‖wA − wB‖", true, vec![line(&distance), theory(&distance)], vec![]),
        panel("shared loss − loss", true, vec![line(&lacks), theory(&lacks)], vec![]),
        panel("accuracy of B − shared, points", false, vec![line(&lead)], ends),
    ]
}

/// Where the three ways end, around the bound.
fn descents(ends: &[Ends]) -> Panel {
    let ways = ["gradient descent", "with momentum", "proximal steps"];
    let line = |(way, label): (usize, &str)| {
        let points = ends.iter().map(|end| Point { x: end.multiple, y: end.of_minimum[way].min(1e6), spread: None });
        Series { label: label.into(), colour: way + 2, look: Look::Line, points: points.collect() }
    };
    Panel {
        title: "distance / distance at the minimum".into(),
        x: Axis { label: "λ / predicted bound".into(), log: true, ..Axis::default() },
        y: Axis { log: true, ..Axis::default() },
        series: ways.into_iter().enumerate().map(line).collect(),
        marks: vec![Mark::Vertical(1.0, "bound".into())],
    }
}
