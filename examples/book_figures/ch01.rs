//! Chapter 1: the error of a difference over its step.

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

pub fn figures() -> Vec<Figure> {
    // Plain arithmetic, which every machine rounds alike.
    let (f, w) = (|w: f64| 1.0 / (1.0 + w * w), 0.7_f64);
    let exact = -2.0 * w * f(w) * f(w);
    let one_sided = |h: f64| (f(w + h) - f(w)) / h;
    let central = |h: f64| (f(w + h) - f(w - h)) / (2.0 * h);
    let line = |label: &str, colour, difference: &dyn Fn(f64) -> f64| {
        let errors = (1..=13).map(|digit| {
            let h = 10_f64.powi(-digit);
            // Rounding makes an error that is hardly more than a guess: to a power of ten.
            let error = (difference(h) - exact).abs();
            Point { x: h, y: 10_f64.powf(error.log10().round()), spread: None }
        });
        let mut points: Vec<Point> = errors.collect();
        points.reverse();
        Series { label: label.into(), colour, look: Look::Line, points }
    };
    let panel = Panel {
        x: Axis { label: "step h".into(), log: true, ..Axis::default() },
        y: Axis { label: "error of the derivative, to a power of ten".into(), log: true, ..Axis::default() },
        series: vec![line("one-sided", 0, &one_sided), line("central", 1, &central)],
        ..Panel::default()
    };
    let plot = Plot {
        title: "Too large a step, too small a step".into(),
        subtitle: "1/(1 + w²) at w = 0.7, in f64: the error of a difference against the derivative by hand".into(),
        columns: 1,
        panels: vec![panel],
    };
    vec![("ch01_difference", plot::svg(&plot))]
}
