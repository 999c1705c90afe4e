//! The two pictures: accuracy along the line, for the Gaussians and for the digits.

use crate::digits::{self, Digits};
use crate::line::Line;
use crate::support::plot::{Axis, Look, Mark, Panel, Plot, Point, Series, svg};
use crate::support::stats::Estimate;
use crate::sweep::{SETTINGS, Sweep};

/// The ends, and places between.
const ALPHA_TICKS: [(f64, &str); 5] = [(0.0, "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (1.0, "1")];

/// Accuracy and spread against α, a panel a setting.
pub fn gaussians(sweep: &Sweep) -> (String, String) {
    let x = || Axis {
        label: "α".into(),
        ticks: ALPHA_TICKS.map(|(x, name)| (x, name.into())).to_vec(),
        range: None,
        log: false,
    };
    let panel = |name: &str, y: &str, series: Series, line: &Line| Panel {
        title: name.into(),
        x: x(),
        y: Axis { label: y.into(), ..Axis::default() },
        series: vec![series],
        marks: vec![Mark::Vertical(sweep.alphas[line.chosen], String::new())],
    };
    let settings: Vec<_> = SETTINGS.iter().zip(&sweep.lines).collect();
    // Under each row of accuracies, their spread.
    let panels = settings.chunks(3).flat_map(|row| {
        let accuracies = row.iter().map(|((name, _), line)| {
            panel(name, "accuracy, per cent", band("accuracy ± standard error", sweep.alphas, line), line)
        });
        let spreads = row.iter().map(|(_, line)| panel("", "deviation, points", spread(sweep.alphas, line), line));
        accuracies.chain(spreads).collect::<Vec<Panel>>()
    });
    let plot = Plot {
        title: "From a generative model to a discriminative one".into(),
        subtitle: format!(
            "Two classes of Gaussians and a model of round ones. α = 0: one set of parameters (generative); α = 1: two that do not know of \
             each other (discriminative). {} draws; dashed upright: α as chosen on {} other draws. Heights differ from panel to panel.",
            sweep.draws[1], sweep.draws[0]
        ),
        columns: 3,
        panels: panels.collect(),
    };
    ("lasserre_hybrid_gaussians.svg".into(), svg(&plot))
}

/// Accuracy against λ by the number of labels, and under it what is gained over a free classifier; a column an encoder.
pub fn of_digits(results: &Digits) -> (String, String) {
    let ticks = results.lambdas.iter().enumerate().map(|(k, &lambda)| (k as f64, digits::name(lambda)));
    let ticks: Vec<(f64, String)> = ticks.collect();
    let columns: Vec<_> = digits::SETTINGS.chunk_by(|a, b| a.encoder == b.encoder).collect();
    let mut rest = &results.lines[..];
    let (mut accuracies, mut gains) = (Vec::new(), Vec::new());
    for settings in &columns {
        let (lines, after) = rest.split_at(settings.len());
        rest = after;
        let panel = |title: String, y: &str, value: &dyn Fn(&Line, usize) -> Estimate| Panel {
            title,
            x: Axis { label: "λ".into(), ticks: ticks.clone(), ..Axis::default() },
            y: Axis { label: y.into(), ..Axis::default() },
            series: (0..).zip(settings.iter().zip(lines)).map(|(k, line)| by_place(k, line, value)).collect(),
            marks: Vec::new(),
        };
        accuracies.push(panel(format!("encoder {}", settings[0].layers()), "accuracy, per cent", &Line::at));
        gains.push(panel(String::new(), "over free, points", &Line::over_first));
    }
    let plot = Plot {
        title: "A classifier of few labels beside an autoencoder of all images".into(),
        subtitle: format!(
            "Digits, test rows of other writers. Means of {} draws ± standard error; below, of differences paired by draw.",
            results.draws[1]
        ),
        columns: columns.len(),
        panels: accuracies.into_iter().chain(gains).collect(),
    };
    ("lasserre_hybrid_digits.svg".into(), svg(&plot))
}

/// A line for a number of labels.
fn by_place(colour: usize, of: (&digits::Setting, &Line), value: &dyn Fn(&Line, usize) -> Estimate) -> Series {
    let (setting, line) = of;
    let point = |k: usize| {
        let Estimate { mean, spread } = value(line, k);
        Point { x: k as f64, y: mean, spread }
    };
    let points = (0..line.accuracies.len()).map(point).collect();
    Series { label: format!("{} labels", setting.labels), colour, look: Look::Line, points }
}

fn band(label: &str, places: &[f64], line: &Line) -> Series {
    let point = |(k, &x): (usize, &f64)| Point { x, y: line.at(k).mean, spread: line.at(k).spread };
    let points = places.iter().enumerate().map(point).collect();
    Series { label: label.into(), colour: 0, look: Look::Band, points }
}

fn spread(places: &[f64], line: &Line) -> Series {
    let point = |(k, &x): (usize, &f64)| Point { x, y: line.spread(k), spread: None };
    let points = places.iter().enumerate().map(point).collect();
    Series { label: "standard deviation from draw to draw".into(), colour: 1, look: Look::Line, points }
}
