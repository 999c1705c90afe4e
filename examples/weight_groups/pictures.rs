//! Pictures: how weights come together, and what accuracy bytes buy.

use std::f64::consts::TAU;

use tandem::tying::{Component, Mixture};

use crate::prior::Moment;
use crate::report::{METHODS, Number, Which};
use crate::support::experiment::Experiment;
use crate::support::format::count;
use crate::support::plot::{Axis, Look, Mark, Panel, Plot, Point, Series, svg};
use crate::support::stats::{Estimate, mean};
use crate::{COUNTS, Outcome, SHOWN, Seed, Setting};

/// Bars over the range of the weights.
const BARS: usize = 60;
/// Points of a density: enough for the narrowest component.
const POINTS: usize = 600;
/// Bytes that are labelled.
const TICKS: [f64; 5] = [150.0, 200.0, 300.0, 400.0, 600.0];
/// The least share that is drawn, in per cent: below that of a single weight.
const LEAST: f64 = 0.05;

/// Names and contents.
pub fn pictures(experiment: &Experiment, settings: &[Setting], seeds: &[Seed], shown: usize) -> Vec<(String, String)> {
    let shown = seeds.first().map(|seed| (seed, &seed.runs[shown].soft));
    let mut pictures = vec![("weight_groups_bytes.svg".into(), svg(&bytes(experiment, settings, seeds)))];
    if let Some((seed, outcome)) = shown {
        pictures.insert(0, ("weight_groups.svg".into(), svg(&histograms(experiment, seed, outcome))));
    }
    pictures
}

/// The weights of the shown setting from the first to the last moment.
fn histograms(experiment: &Experiment, seed: &Seed, outcome: &Outcome) -> Plot {
    let all = seed.moments.iter().flat_map(|moment| &moment.weights).map(|&w| f64::from(w));
    let (low, high) = all.fold((0.0f64, 0.0f64), |(low, high), w| (low.min(w), high.max(w)));
    let (low, high) = ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0);
    Plot {
        title: format!("{} weights come to have {} values", count(seed.moments[0].weights.len()), outcome.values),
        subtitle: format!(
            "Seed {}, {} components, λ = {}: share of the weights by size, in bars of {:.2}; the mixture's density as \
             share in such a bar; each group at its mean and share, as a dot. Accuracy {:.1} % before weights of a group \
             are made equal, {:.1} % after.",
            experiment.seeds.start,
            SHOWN.components,
            SHOWN.strength,
            (high - low) / BARS as f64,
            outcome.before,
            outcome.after
        ),
        columns: 3,
        panels: seed.moments.iter().map(|moment| histogram(moment, low, high)).collect(),
    }
}

/// Bars of the weights, and the mixture.
fn histogram(moment: &Moment, low: f64, high: f64) -> Panel {
    let width = (high - low) / BARS as f64;
    let mut counts = [0usize; BARS];
    for &w in &moment.weights {
        counts[(((f64::from(w) - low) / width) as usize).min(BARS - 1)] += 1;
    }
    let share = |count: usize| if count == 0 { f64::NAN } else { 100.0 * count as f64 / moment.weights.len() as f64 };
    let bars =
        counts.iter().enumerate().map(|(i, &count)| point(low + (i as f64 + 0.5) * width, share(count))).collect();
    let mut series = vec![Series { label: "weights".into(), colour: 0, look: Look::Bars, points: bars }];
    if let Some(mixture) = &moment.mixture {
        let at = |i: usize| low + (high - low) * i as f64 / POINTS as f64;
        let height = |x: f64| Some(100.0 * width * density(mixture, x)).filter(|y| *y >= LEAST).unwrap_or(f64::NAN);
        let curve = (0..=POINTS).map(|i| point(at(i), height(at(i)))).collect();
        series.push(Series { label: "mixture".into(), colour: 1, look: Look::Curve, points: curve });
        series.push(Series { label: "means".into(), colour: 1, look: Look::Dots, points: means(mixture) });
    }
    Panel {
        title: moment.title.clone(),
        x: Axis { label: "weight".into(), range: Some([low, high]), ..Axis::default() },
        y: Axis { label: "share, %".into(), log: true, range: Some([LEAST, 100.0]), ..Axis::default() },
        series,
        marks: Vec::new(),
    }
}

/// Σ π N(x; μ, σ²).
fn density(mixture: &Mixture, x: f64) -> f64 {
    let term = |&Component { share, mean, width }: &Component| {
        share * (-0.5 * ((x - mean) / width).powi(2)).exp() / (width * TAU.sqrt())
    };
    mixture.components.iter().map(term).sum()
}

/// The shares of components in one place, at their mean.
fn means(mixture: &Mixture) -> Vec<Point> {
    let mut sorted: Vec<&Component> = mixture.components.iter().collect();
    sorted.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let groups = sorted.chunk_by(|a, b| b.mean - a.mean < crate::FLOOR / 2.0);
    let share = |group: &[&Component]| group.iter().map(|component| component.share).sum::<f64>();
    let of = |group: &[&Component]| {
        point(group.iter().map(|c| c.share * c.mean).sum::<f64>() / share(group), 100.0 * share(group))
    };
    groups.map(of).filter(|point| point.y >= LEAST).collect()
}

fn point(x: f64, y: f64) -> Point {
    Point { x, y, spread: None }
}

/// Accuracy by bytes: right after and trained on, by either code.
fn bytes(experiment: &Experiment, settings: &[Setting], seeds: &[Seed]) -> Plot {
    let sizes: [(&str, Number); 2] = [
        ("bytes, codes of one length", |outcome| outcome.bytes as f64),
        ("bytes, short codes for frequent values", |outcome| outcome.coded_bytes as f64),
    ];
    let accuracies: [(&str, Number); 2] =
        [("equal, not yet trained on", |outcome| outcome.after), ("trained on", |outcome| outcome.equal)];
    let plain = mean(&seeds.iter().map(|seed| seed.plain).collect::<Vec<_>>());
    let panels = accuracies.iter().flat_map(|(when, accuracy)| {
        sizes.iter().map(move |(size, bytes)| Panel {
            title: (*when).into(),
            x: Axis {
                label: (*size).into(),
                log: true,
                ticks: TICKS.map(|b| (b, b.to_string())).to_vec(),
                range: None,
            },
            y: Axis { label: "test accuracy, %".into(), ..Axis::default() },
            series: series(settings, seeds, *bytes, *accuracy),
            marks: vec![Mark::Horizontal(plain, "weights as they are".into())],
        })
    });
    Plot {
        title: "What accuracy the bytes of a few values buy".into(),
        subtitle: format!(
            "Priors of {} components with λ from {} to {}; k-means by the number of its values, or by the price of a \
             bit; dashed, all weights as they are. Means of {} ± standard error.",
            SHOWN.components,
            settings[0].strength,
            settings.iter().map(|setting| setting.strength).fold(0.0, f64::max),
            experiment.count()
        ),
        columns: 2,
        panels: panels.collect(),
    }
}

/// The prior and two rivals.
fn series(settings: &[Setting], seeds: &[Seed], bytes: Number, accuracy: Number) -> Vec<Series> {
    let mean_point = |outcomes: &[Outcome]| {
        let Estimate { mean: y, spread } = Estimate::with_error(&outcomes.iter().map(accuracy).collect::<Vec<_>>());
        Point { x: mean(&outcomes.iter().map(bytes).collect::<Vec<_>>()), y, spread }
    };
    let k_means = |place: usize| seeds.iter().map(|seed| seed.k_means[place]).collect::<Vec<_>>();
    let of = |place: usize, which: Which| seeds.iter().map(|seed| *which(&seed.runs[place])).collect::<Vec<_>>();
    let line = |label: &str, colour: usize, mut points: Vec<Point>| {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series { label: label.into(), colour, look: Look::Line, points }
    };
    let places: Vec<usize> =
        (0..settings.len()).filter(|&place| settings[place].components == SHOWN.components).collect();
    let by_place = |which| places.iter().map(|&place| mean_point(&of(place, which))).collect();
    vec![
        line("prior", 0, by_place(METHODS[0].1)),
        line("k-means", 1, (0..COUNTS.len()).map(|place| mean_point(&k_means(place))).collect()),
        line("k-means that pays for bits", 2, by_place(METHODS[3].1)),
    ]
}
