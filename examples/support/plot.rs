//! Plots: panels with lines, dots, bands and bars over linear or logarithmic axes.

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
    /// A bar at each x from the bottom of the panel, as wide as the points are apart.
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
