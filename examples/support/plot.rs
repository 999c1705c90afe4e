//! Plots: panels with lines, dots, bands and bars over linear or logarithmic axes.

mod axes;
mod looks;
mod panel;

use super::svg::{Element, MARGIN, Page, SIZE, SMALL, text, text_width, wrap};
use axes::Axes;
use looks::COLOURS;

/// A picture of one or more panels under one heading and one legend.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What the picture shows, or what it says.
    pub title: String,
    /// Data, models, what whiskers are. Wrapped where it is long.
    pub subtitle: String,
    /// How many panels stand side by side: 1 to 3.
    pub columns: usize,
    /// Row by row.
    pub panels: Vec<Panel>,
}

/// One pair of axes and what is drawn over them.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Above the panel. Short.
    pub title: String,
    /// Along the bottom.
    pub x: Axis,
    /// Along the left side; its label stands above the panel, under the title.
    pub y: Axis,
    /// Drawn in this order.
    pub series: Vec<Series>,
    /// Straight lines across the panel, under the series.
    pub marks: Vec<Mark>,
}

/// An axis. Its range spans what is drawn.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// Whether equal distances are equal ratios.
    pub log: bool,
    /// Values to be labelled, in place of round ones.
    pub ticks: Vec<(f64, String)>,
    /// The ends, in place of those of what is drawn.
    pub range: Option<[f64; 2]>,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    /// In the legend; series of one label, colour and look have one entry. Empty: none.
    pub label: String,
    /// 0 to 6.
    pub colour: usize,
    /// How it is drawn.
    pub look: Look,
    /// By rising x. A point that is not finite is left out, and parts a line.
    pub points: Vec<Point>,
}

/// A point, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    /// Half the length of the whisker, or half the height of the band.
    pub spread: Option<f64>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A line with dots, and whiskers where there is a spread.
    Line,
    /// A thin line without dots.
    Curve,
    /// A dashed line without dots.
    Dashed,
    /// Dots, and whiskers where there is a spread.
    Dots,
    /// A line within a band of ± the spread.
    Band,
    /// A bar at each x from 0, or the bottom of the panel if that is above it, as wide as the points are apart. Bars
    /// of several series at the same x stand side by side.
    Bars,
}

/// A straight line across a panel, dashed, with a few words.
#[derive(Clone, Debug)]
pub enum Mark {
    /// At this y.
    Horizontal(f64, String),
    /// At this x.
    Vertical(f64, String),
}

/// How high a panel is, by how many stand side by side.
const HEIGHTS: [f64; 3] = [280.0, 176.0, 160.0];
/// Between a tick label and its axis.
const GAP: f64 = 6.0;
/// From one line of text to the next.
const LINE: f64 = 16.0;

/// Draws the plot as an SVG file of its own, with a light and a dark look.
///
/// # Panics
/// If there are no panels, more than three columns or no colour of that number, or a logarithmic axis has a range that
/// is not positive.
#[track_caller]
pub fn svg(plot: &Plot) -> String {
    assert!((1..=3).contains(&plot.columns), "{} columns, 1 to 3 expected", plot.columns);
    assert!(!plot.panels.is_empty(), "a plot without panels");
    let series = || plot.panels.iter().flat_map(|panel| &panel.series);
    let last = series().map(|series| series.colour).max().unwrap_or(0);
    assert!(last < COLOURS.len(), "colour {last}, 0 to {} expected", COLOURS.len() - 1);
    let axes: Vec<Axes> = plot.panels.iter().map(Axes::new).collect();

    // The picture is narrow and its letters large, so that it can be read on a telephone.
    let width = if plot.columns < 3 { 640.0 } else { 720.0 };
    let mut page = Page::new(width, &plot.title, &plot.subtitle);
    let mut top = legend(&mut page, plot, width) + 12.0;
    let column = (width - 2.0 * MARGIN + 18.0) / plot.columns as f64;
    let height = HEIGHTS[plot.columns - 1];
    for (panels, axes) in plot.panels.chunks(plot.columns).zip(axes.chunks(plot.columns)) {
        // Labels beside the axis start where a heading does; panels of a row have one height.
        let heads: Vec<Vec<Head<'_>>> = panels.iter().map(|panel| head(panel, column - 18.0)).collect();
        let lines = heads.iter().map(Vec::len).max().unwrap_or(0);
        let upper = top + LINE * lines as f64 + 12.0;
        let mut lowest = upper + height;
        for (i, ((panel, axes), head)) in panels.iter().zip(axes).zip(&heads).enumerate() {
            let left = MARGIN + column * i as f64;
            for (line, (class, words)) in head.iter().enumerate() {
                let y = upper - 12.0 - LINE * (head.len() - 1 - line) as f64;
                page.drawing().push(text(class, "start", left, y, words));
            }
            let inside = axes.inside([left, left + column - 18.0], [upper, upper + height]);
            lowest = lowest.max(panel::draw(page.drawing(), panel, &inside));
        }
        top = lowest + 14.0;
    }
    page.finish(top, &looks::rules())
}

/// A class and a line of words.
type Head<'a> = (&'a str, String);

/// What stands above a panel: its title and what its y is.
fn head(panel: &Panel, width: f64) -> Vec<Head<'static>> {
    // Bold letters are wider.
    let lines =
        |class, words: &str, share: f64| wrap(words, share * width, SIZE).into_iter().map(move |line| (class, line));
    lines("strong", &panel.title, 0.82).chain(lines("note", &panel.y.label, 0.9)).collect()
}

/// A sample and a name of each kind of series; the lowest y used.
fn legend(page: &mut Page, plot: &Plot, width: f64) -> f64 {
    let mut kinds: Vec<&Series> = Vec::new();
    for series in plot.panels.iter().flat_map(|panel| &panel.series).filter(|series| !series.label.is_empty()) {
        let same =
            |kind: &&Series| (&kind.label, kind.colour, kind.look) == (&series.label, series.colour, series.look);
        if !kinds.iter().any(same) {
            kinds.push(series);
        }
    }
    let (mut x, mut y) = (MARGIN, page.bottom() + 24.0);
    for kind in &kinds {
        let needed = 32.0 + 1.05 * text_width(&kind.label, SMALL);
        if x > MARGIN && x + needed > width - MARGIN {
            (x, y) = (MARGIN, y + 20.0);
        }
        looks::sample(page.drawing(), kind, [x, y - 4.5]);
        page.drawing().push(text("small", "start", x + 32.0, y, &kind.label));
        x += needed + 14.0;
    }
    if kinds.is_empty() { page.bottom() } else { y }
}

/// A curve through these points.
fn path(points: &[[f64; 2]]) -> String {
    let step = |(i, [x, y]): (usize, &[f64; 2])| {
        let [x, y] = [x, y].map(|pixel| (pixel * 100.0).round() / 100.0);
        format!("{}{x} {y}", if i == 0 { 'M' } else { 'L' })
    };
    points.iter().enumerate().map(step).collect()
}

/// An element with the class and colour of its series.
fn coloured(tag: &'static str, class: &str, colour: usize) -> Element {
    Element::new(tag).class(&format!("{class} c{colour}"))
}
