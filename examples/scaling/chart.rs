//! The picture: two log–log panels for each size that changes, time on the left and memory on the right.

use super::network::{Point, Size};
use super::support::plot::{self, Axis, Look, Panel, Plot};
use super::{MIB, Series, Slope, UPPER};

/// Draws all panels as an SVG file of its own, with a light and a dark look.
pub fn svg(base: &Size, threads: usize, all: &[Series]) -> String {
    let Size { batch, width, depth, side } = base;
    let subtitle = format!(
        "Convolutions of 3×3 with ReLU, {threads} thread{}. One size changes at a time; the others are: batch {batch}, \
         width {width} channels, depth {depth}, image side {side} pixels. Time is the lowest of several steps, memory the \
         allocator's peak. A power is fitted to the {UPPER} largest sizes; theory's is drawn through the largest.",
        if threads == 1 { "" } else { "s" }
    );
    let panels = all.iter().flat_map(|series| {
        let time = panel(series, "milliseconds a step", &series.time, |point| point.milliseconds);
        let mut memory = panel(series, "MiB at the peak", &series.memory, |point| point.measured_bytes as f64 / MIB);
        let predicted =
            |point: &Point| plot::Point { x: point.size as f64, y: point.predicted_bytes as f64 / MIB, spread: None };
        // Under the dots.
        let rings = draw("memory predicted by a dry run", 5, Look::Dots, series.points.iter().map(predicted));
        memory.series.insert(0, rings);
        [time, memory]
    });
    plot::svg(&Plot { title: "How a training step grows".into(), subtitle, columns: 2, panels: panels.collect() })
}

fn panel(series: &Series, what: &str, slope: &Slope, of: impl Fn(&Point) -> f64) -> Panel {
    let place = |x: f64, y: f64| plot::Point { x, y, spread: None };
    let points = || series.points.iter().map(|point| place(point.size as f64, of(point)));
    let upper: Vec<plot::Point> = points().skip(series.points.len().saturating_sub(UPPER)).collect();
    let (first, last) = (upper[0].x, upper[upper.len() - 1]);
    // A fitted line goes through the mean of the logarithms.
    let mean = |of: fn(&plot::Point) -> f64| (upper.iter().map(|p| of(p).ln()).sum::<f64>() / upper.len() as f64).exp();
    let (x, y) = (mean(|point| point.x), mean(|point| point.y));
    let fitted = [first, last.x].map(|size| place(size, y * (size / x).powf(slope.fitted)));
    let theory =
        |power: f64| draw("theory", 1, Look::Dashed, [place(first, last.y * (first / last.x).powf(power)), last]);
    let mut drawn: Vec<plot::Series> = slope.theory.into_iter().map(theory).collect();
    drawn.push(draw("fitted power", 0, Look::Curve, fitted));
    drawn.push(draw("measured", 0, Look::Dots, points()));

    // Where there are many sizes, there is room for every second label, the largest one's among them.
    let every = 1 + series.points.len() / 9;
    let ticks = series.points.iter().rev().step_by(every).map(|point| (point.size as f64, point.size.to_string()));
    Panel {
        title: format!("By {}: power {:.2}, theory {}", series.axis, slope.fitted, slope.in_theory()),
        x: Axis { log: true, ticks: ticks.collect(), ..Axis::default() },
        y: Axis { label: what.into(), log: true, ..Axis::default() },
        series: drawn,
        marks: Vec::new(),
    }
}

fn draw(label: &str, colour: usize, look: Look, points: impl IntoIterator<Item = plot::Point>) -> plot::Series {
    plot::Series { label: label.into(), colour, look, points: points.into_iter().collect() }
}
