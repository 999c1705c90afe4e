//! Ranges of axes, and what is labelled along them.

use super::super::svg::{SIZE, Scale, text_width};
use super::{Axis, GAP, Look, Mark, Panel};

/// The ranges of both axes, and the labels of the left one.
pub struct Axes {
    x: [f64; 2],
    y: [f64; 2],
    log: [bool; 2],
    /// How wide the places of bars are.
    pub step: f64,
    label_width: f64,
    y_ticks: Vec<(f64, String)>,
    x_ticks: Vec<(f64, String)>,
}

/// Axes in their place.
pub struct Inside<'a> {
    pub x: Scale,
    pub y: Scale,
    /// As that of [`Axes`].
    pub step: f64,
    pub y_ticks: &'a [(f64, String)],
    pub x_ticks: Vec<(f64, String)>,
    /// The left end of all that belongs to the panel.
    pub left: f64,
}

impl Axes {
    /// Axes that span what is drawn.
    #[track_caller]
    pub fn new(panel: &Panel) -> Axes {
        let step = step(panel);
        let x = range(&panel.x, xs(panel, step), 0.03);
        let y = range(&panel.y, ys(panel), 0.06);
        // Bars stand on the axis.
        let on_axis = panel.y.range.is_none()
            && !panel.y.log
            && panel.series.iter().any(|series| series.look == Look::Bars)
            && ys(panel).all(|y| y >= 0.0);
        let y = if on_axis { [0.0, y[1]] } else { y };
        let y_ticks = ticks(&panel.y, y, 6);
        let label_width = y_ticks.iter().map(|(_, label)| text_width(label, SIZE)).fold(0.0, f64::max);
        let x_ticks = panel.x.ticks.clone();
        Axes { x, y, log: [panel.x.log, panel.y.log], step, label_width, y_ticks, x_ticks }
    }

    /// The axes within a rectangle, with the labels of the left one in it and those of the lower one below it.
    pub fn inside(&self, [left, right]: [f64; 2], [top, bottom]: [f64; 2]) -> Inside<'_> {
        let scale = |values, pixels, log| Scale { values, pixels, log };
        let x = scale(self.x, [left + 1.05 * self.label_width + GAP, right], self.log[0]);
        let y = scale(self.y, [bottom, top], self.log[1]);
        let fits = |ticks: &Vec<(f64, String)>| {
            let ends = |(value, label): &(f64, String)| {
                let half = 0.55 * text_width(label, SIZE) + 4.0;
                [x.at(*value) - half, x.at(*value) + half]
            };
            ticks.windows(2).all(|pair| ends(&pair[0])[1] <= ends(&pair[1])[0])
        };
        let axis = Axis { log: self.log[0], ticks: self.x_ticks.clone(), ..Axis::default() };
        let all = (2..=9).rev().map(|most| ticks(&axis, self.x, most));
        let x_ticks = if axis.ticks.is_empty() { all.clone().find(fits) } else { None };
        let x_ticks = x_ticks.unwrap_or_else(|| ticks(&axis, self.x, 2));
        Inside { x, y, step: self.step, y_ticks: &self.y_ticks, x_ticks, left }
    }
}

/// The ticks that were asked for, as far as they are in the range; else `most` or fewer round ones.
fn ticks(axis: &Axis, [low, high]: [f64; 2], most: usize) -> Vec<(f64, String)> {
    if axis.ticks.is_empty() {
        let scale = Scale { values: [low, high], pixels: [0.0, 1.0], log: axis.log };
        return scale.ticks(most).into_iter().map(|(value, label)| (value, typeset(&label))).collect();
    }
    let room = 1e-9 * (high - low);
    let inside = |(value, _): &&(f64, String)| (low - room..=high + room).contains(value);
    let mut ticks: Vec<(f64, String)> = axis.ticks.iter().filter(inside).cloned().collect();
    ticks.sort_by(|one, other| one.0.total_cmp(&other.0));
    ticks
}

/// A number with a minus sign, not a hyphen, and thousands set apart.
fn typeset(label: &str) -> String {
    let (sign, digits) = label.strip_prefix('-').map_or(("", label), |digits| ("−", digits));
    let whole = digits.len() >= 4 && digits.chars().all(|c| c.is_ascii_digit());
    match digits.parse() {
        Ok(number) if whole => format!("{sign}{}", super::super::format::count(number)),
        _ => format!("{sign}{digits}"),
    }
}

/// How far apart the bars of a panel are: the least distance of two of them, or of their logarithms; 1 where there are
/// not two.
fn step(panel: &Panel) -> f64 {
    let bars = panel.series.iter().filter(|series| series.look == Look::Bars);
    let place = |x: f64| if panel.x.log { x.log10() } else { x };
    let mut places: Vec<f64> = bars.flat_map(|series| &series.points).map(|point| place(point.x)).collect();
    places.retain(|x| x.is_finite());
    places.sort_by(f64::total_cmp);
    let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
    let least = gaps.filter(|gap| *gap > 1e-9 * places[0].abs().max(1e-300)).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

/// Both sides of a bar.
pub fn sides(x: f64, step: f64, log: bool) -> [f64; 2] {
    [-0.5, 0.5].map(|side| if log { x * 10f64.powf(side * step) } else { x + side * step })
}

/// All x that are drawn.
fn xs(panel: &Panel, step: f64) -> impl Iterator<Item = f64> {
    let of_series = panel.series.iter().flat_map(move |series| {
        let step = if series.look == Look::Bars { step } else { 0.0 };
        let drawn = series.points.iter().filter(|point| point.y.is_finite());
        drawn.flat_map(move |point| sides(point.x, step, panel.x.log))
    });
    let of_marks = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Vertical(x, _) => Some(*x),
        Mark::Horizontal(..) => None,
    });
    of_series.chain(of_marks)
}

/// All y that are drawn, with both ends of whiskers and bands.
fn ys(panel: &Panel) -> impl Iterator<Item = f64> {
    let log = panel.y.log;
    let of_series = panel.series.iter().flat_map(move |series| {
        let drawn = series.points.iter().filter(|point| point.x.is_finite());
        let spread = |point: &super::Point| point.spread.filter(|spread| spread.is_finite()).unwrap_or(0.0);
        let foot = (series.look == Look::Bars && !log).then_some(0.0);
        drawn.flat_map(move |point| [point.y - spread(point), point.y, point.y + spread(point)]).chain(foot)
    });
    let of_marks = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Horizontal(y, _) => Some(*y),
        Mark::Vertical(..) => None,
    });
    of_series.chain(of_marks)
}

/// The range of an axis: what was asked for, or what is drawn with some room at both ends.
#[track_caller]
fn range(axis: &Axis, values: impl Iterator<Item = f64>, room: f64) -> [f64; 2] {
    if let Some([low, high]) = axis.range {
        let right = low < high && (low > 0.0 || !axis.log) && high.is_finite() && low.is_finite();
        assert!(right, "`{}` ranges from {low} to {high}", axis.label);
        return [low, high];
    }
    let place = |value: f64| if axis.log { value.log10() } else { value };
    // A logarithm of 0 is not finite, one of less is none.
    let (mut low, mut high) = values
        .map(place)
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    let span = if high > low { high - low } else { 2.0 * (0.02 * low.abs()).max(if axis.log { 0.3 } else { 1e-3 }) };
    let ends = [low - room * span, high + room * span];
    let ends = if high > low { ends } else { [low - span / 2.0, high + span / 2.0] };
    if axis.log { ends.map(|end| 10f64.powf(end)) } else { ends }
}
