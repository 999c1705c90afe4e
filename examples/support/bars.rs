//! One picture: what each network takes of memory, by what it is for, beside how well it does.

use super::format::{bytes, unit};
use super::stats::Estimate;
use super::svg::{Element, MARGIN, Page, Rules, SIZE, SMALL, Scale, line, rect, text, text_width};

/// Stacked bars of bytes, and a dot with a whisker beside each.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// What the picture shows, or what it says.
    pub title: String,
    /// Data set, batch, optimizer, what the whiskers are. Wrapped where it is long.
    pub subtitle: String,
    /// What the bars measure; the unit is added.
    pub bytes_title: String,
    /// What the dots measure, with its unit. Short.
    pub score_title: String,
    /// What the parts of every bar are for, at most seven, in the order in which they are stacked.
    pub categories: Vec<String>,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar and its dot.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Whose memory it is. The total is added.
    pub label: String,
    /// What else to say in the same line, as "5,018 parameters, 41× fewer". Short.
    pub note: String,
    /// Bytes of each category.
    pub parts: Vec<usize>,
    /// The dot and its whisker.
    pub score: Estimate,
}

impl Bar {
    fn total(&self) -> usize {
        self.parts.iter().sum()
    }
}

// The picture is narrow and its letters large, so that it can be read on a telephone.
const WIDTH: f64 = 640.0;
/// Left and right end of the bars, and of the dots.
const BYTES: [f64; 2] = [MARGIN, 436.0];
const SCORES: [f64; 2] = [484.0, WIDTH - MARGIN];
const ROW: f64 = 60.0;
const BAR: f64 = 26.0;

/// One colour for each category, and one for text on it: on a light page, and on a dark one.
///
/// Blues are what there is of each parameter, warm colours what there is of each example, greys
/// the rest. Neighbours differ in lightness, so that they can be told apart without seeing hues.
const COLOURS: [[&str; 4]; 7] = [
    ["#27548a", "#fff", "#3a76ba", "#fff"],
    ["#6296cc", "#000", "#7fb2e6", "#000"],
    ["#b3d1ec", "#000", "#c6e0f6", "#000"],
    ["#e6ae4d", "#000", "#dfa440", "#000"],
    ["#9c5a2a", "#fff", "#a8622f", "#fff"],
    ["#d3cfc6", "#000", "#6b6860", "#fff"],
    ["#85817a", "#000", "#aaa69d", "#000"],
];

/// Draws the chart as an SVG file of its own, with a light and a dark look.
///
/// # Panics
/// If there are no bars, or a bar has not one part for each category, or there are too many.
#[track_caller]
pub fn svg(chart: &BarChart) -> String {
    assert!(!chart.bars.is_empty(), "a chart without bars");
    assert!(chart.categories.len() <= COLOURS.len(), "{} categories, at most 7", chart.categories.len());
    for bar in &chart.bars {
        assert_eq!(bar.parts.len(), chart.categories.len(), "parts of `{}` and categories", bar.label);
    }
    let mut page = Page::new(WIDTH, &chart.title, &chart.subtitle);
    let y = page.bottom();
    let drawing = page.drawing();
    let top = legend(drawing, chart, y) + 34.0;
    let bottom = top + ROW * chart.bars.len() as f64;

    let largest = chart.bars.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let (unit, size) = unit(largest);
    let bytes_scale = Scale::linear([0.0, largest as f64 / size], BYTES);
    axis(drawing, &format!("{}, {unit}", chart.bytes_title), &bytes_scale, [top, bottom]);
    let score_scale = score_scale(chart);
    axis(drawing, &chart.score_title, &score_scale, [top, bottom]);
    for (bar, row) in chart.bars.iter().zip(0..) {
        let y = top + ROW * f64::from(row) + 20.0;
        draw_bar(drawing, chart, bar, &Scale::linear([0.0, largest as f64], BYTES), y);
        draw_score(drawing, &bar.score, &score_scale, y);
    }
    page.finish(bottom + 32.0, &rules())
}

/// A swatch and a name for each category that occurs; the lowest y used.
fn legend(page: &mut Element, chart: &BarChart, y: f64) -> f64 {
    let (mut x, mut y) = (MARGIN, y + 22.0);
    for (i, name) in chart.categories.iter().enumerate() {
        if chart.bars.iter().all(|bar| bar.parts[i] == 0) {
            continue;
        }
        let width = swatch_width(name);
        if x > MARGIN && x + width > WIDTH {
            (x, y) = (MARGIN, y + 20.0);
        }
        swatch(page, i, name, x, y);
        x += width;
    }
    y
}

fn swatch(page: &mut Element, category: usize, label: &str, x: f64, y: f64) {
    page.push(rect(&format!("c{category}"), [x, y - 9.5], [10.0, 10.0]).at(&[("rx", 2.0)]));
    page.push(text("halo small", "start", x + 14.0, y, label));
}

/// How wide a swatch is with its label and the space after it.
fn swatch_width(label: &str) -> f64 {
    14.0 + text_width(label, SMALL) + 11.0
}

/// The heading, grid lines and tick labels of a panel.
fn axis(page: &mut Element, title: &str, scale: &Scale, [top, bottom]: [f64; 2]) {
    page.push(text("strong", "start", scale.pixels[0], top - 6.0, title));
    let most = ((scale.pixels[1] - scale.pixels[0]) / 34.0).min(5.0) as usize;
    for (value, label) in scale.ticks(most) {
        let x = scale.at(value);
        page.push(line("grid", [x, top + 2.0], [x, bottom]));
        page.push(text("note", "middle", x, bottom + 16.0, &label));
    }
}

/// Dots have no length that would have to start at zero: the scale spans the whiskers.
fn score_scale(chart: &BarChart) -> Scale {
    let ends = |Estimate { mean, spread }: Estimate| [mean - spread.unwrap_or(0.0), mean + spread.unwrap_or(0.0)];
    let ends = || chart.bars.iter().flat_map(|bar| ends(bar.score)).filter(|end| end.is_finite());
    let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return Scale::linear([0.0, 1.0], SCORES);
    }
    let room = (0.1 * (high - low)).max(0.005 * high.abs()).max(1e-6);
    Scale::linear([low - room, high + room], SCORES)
}

fn draw_bar(page: &mut Element, chart: &BarChart, bar: &Bar, scale: &Scale, y: f64) {
    let tspan = |class: &str, content: &str| Element::new("tspan").class(class).text(content);
    let label = text("halo", "start", BYTES[0], y, "")
        .with(tspan("strong", &bar.label))
        .with(tspan("strong", &bytes(bar.total())).at(&[("dx", 7.0)]))
        .with(tspan("note", &bar.note).at(&[("dx", 7.0)]));
    page.push(label);

    let (mut done, mut unlabelled) = (0, Vec::new());
    for (i, (&part, name)) in bar.parts.iter().zip(&chart.categories).enumerate().filter(|(_, (part, _))| **part > 0) {
        let (left, right) = (scale.at(done as f64), scale.at((done + part) as f64));
        let (value, width) = (bytes(part), right - left);
        done += part;
        // A seam between neighbours, where there is room for one.
        let seam = if width > 5.0 { 1.0 } else { 0.0 };
        let tip = Element::new("title").text(&format!("{name}: {value}"));
        page.push(rect(&format!("c{i}"), [left, y + 7.0], [width - seam, BAR]).with(tip));
        let middle = f64::midpoint(left, right);
        let fits = |label: &str| text_width(label, SMALL) + 8.0 <= width;
        match [format!("{name} {value}"), value.clone()].iter().find(|label| fits(label)) {
            Some(label) => page.push(text(&format!("small t{i}"), "middle", middle, y + 24.5, label)),
            None => unlabelled.push((part, i, value)),
        }
    }
    label_beside(page, unlabelled, scale.at(done as f64) + 8.0, y + 24.5);
}

/// Parts too small for a label of their own are listed to the right of the bar, in the order in
/// which they are stacked: the largest of them, as many as there is room for.
fn label_beside(page: &mut Element, mut parts: Vec<(usize, usize, String)>, mut x: f64, y: f64) {
    parts.sort_by_key(|(part, ..)| std::cmp::Reverse(*part));
    let mut room = SCORES[0] - 4.0 - x;
    let fitting = parts.iter().take_while(|(.., value)| {
        room -= swatch_width(value);
        room >= 0.0
    });
    let mut shown = fitting.count();
    // Of equal parts, one alone would look as if the other were none.
    while (1..parts.len()).contains(&shown) && parts[shown - 1].2 == parts[shown].2 {
        shown -= 1;
    }
    parts.truncate(shown);
    parts.sort_by_key(|(_, category, _)| *category);
    for (_, category, value) in parts {
        swatch(page, category, &value, x, y);
        x += swatch_width(&value);
    }
}

/// The dot, its whisker and its numbers. Training that diverged has numbers only.
fn draw_score(page: &mut Element, score: &Estimate, scale: &Scale, y: f64) {
    let label = score.to_string();
    if !score.mean.is_finite() {
        return page.push(text("halo", "start", SCORES[0], y, &label));
    }
    let (x, middle) = (scale.at(score.mean), y + 7.0 + BAR / 2.0);
    if let Some(spread) = score.spread {
        let [left, right] = [score.mean - spread, score.mean + spread].map(|value| scale.at(value));
        page.push(line("ink thick", [left, middle], [right, middle]));
        for end in [left, right] {
            page.push(line("ink thick", [end, middle - 5.0], [end, middle + 5.0]));
        }
    }
    page.push(Element::new("circle").class("dot").at(&[("cx", x), ("cy", middle), ("r", 5.0)]));
    let half = text_width(&label, SIZE) / 2.0;
    page.push(text("halo", "middle", x.clamp(SCORES[0] + half, SCORES[1] - half), y, &label));
}

/// What the style sheet has beside what is common to all pictures.
fn rules() -> Rules {
    let colours = |fill: usize| -> String {
        let rule = |(i, c): (usize, &[&str; 4])| format!(".c{i}{{fill:{}}}.t{i}{{fill:{}}}", c[fill], c[fill + 1]);
        COLOURS.iter().enumerate().map(rule).collect()
    };
    let dot = |page: &str, ink: &str| format!(".dot{{fill:{ink};stroke:{page}}} ");
    Rules {
        both: ".thick{stroke-width:1.5px} .dot{stroke-width:1.5px}".into(),
        light: dot("#fff", "#1c1e21") + &colours(0),
        dark: dot("#16181d", "#e8e9eb") + &colours(2),
    }
}
