//! The picture: two log–log panels for each size that changes, time on the left and memory on the right.

use super::network::Size;
use super::support::svg::{Element, Scale, line, rect, text, wrap};
use super::{Series, Slope, UPPER, panels};

/// One log–log plot.
pub struct Panel<'a> {
    /// What changes.
    pub axis: &'static str,
    /// The power, fitted and in theory.
    pub slope: &'a Slope,
    /// Size and what was measured, by rising size.
    pub points: Vec<[f64; 2]>,
    /// Size and what was predicted, if it was.
    pub predicted: Vec<[f64; 2]>,
}

const WIDTH: f64 = 640.0;
const MARGIN: f64 = 20.0;
/// Left and right end of both columns, inside of their tick labels.
const COLUMNS: [[f64; 2]; 2] = [[64.0, 314.0], [376.0, WIDTH - MARGIN]];
const ROW: f64 = 196.0;
const PLOT: f64 = 130.0;
/// Size of most text.
const SIZE: f64 = 13.0;

/// Draws all panels as an SVG file of its own, with a light and a dark look.
pub fn svg(base: &Size, threads: usize, all: &[Series]) -> String {
    let title = "How a training step grows";
    let Size { batch, width, depth, side } = base;
    let subtitle = format!(
        "Convolutions of 3×3 with ReLU, {threads} thread{}. One size changes at a time; the others are: batch {batch}, \
         width {width} channels, depth {depth}, image side {side} pixels. Dots: measured (time: the lowest of several steps; memory: the \
         allocator's peak). Solid line: power fitted to the {UPPER} largest sizes. Dashed: what theory predicts, \
         drawn through the largest. Rings: memory predicted by a dry run.",
        if threads == 1 { "" } else { "s" }
    );
    let mut page = Element::new("g");
    let mut y = MARGIN - 8.0;
    for (class, content, size) in [("title", title, 19.0), ("note", &*subtitle, SIZE)] {
        for words in wrap(content, 0.88 * (WIDTH - 2.0 * MARGIN), size) {
            y += size + 5.0;
            page.push(text(class, "start", MARGIN, y, &words));
        }
        y += 3.0;
    }
    for (series, row) in all.iter().zip(0..) {
        let top = y + 44.0 + ROW * f64::from(row);
        for ((panel, column), what) in
            panels(series).iter().zip(COLUMNS).zip(["milliseconds a step", "MiB at the peak"])
        {
            draw(&mut page, panel, what, column, [top + PLOT, top]);
        }
    }
    let height = y + 28.0 + ROW * all.len() as f64;
    let root = Element::new("svg")
        .set("xmlns", "http://www.w3.org/2000/svg")
        .set("viewBox", &format!("0 0 {WIDTH} {height}"))
        .set("role", "img")
        .at(&[("width", WIDTH), ("height", height)])
        // Without this, a page narrower than the picture would cut it off.
        .set("style", "max-width: 100%; height: auto")
        .with(Element::new("title").text(title))
        .with(Element::new("desc").text(&subtitle))
        .with(Element::new("style").text(&style()))
        .with(rect("page", [0.0, 0.0], [WIDTH, height]).at(&[("rx", 8.0)]))
        .with(page);
    format!("{root}\n")
}

/// One panel; `heights` are those of its bottom and top.
fn draw(page: &mut Element, panel: &Panel<'_>, what: &str, column: [f64; 2], heights: [f64; 2]) {
    let upper = &panel.points[panel.points.len().saturating_sub(UPPER)..];
    let (first, last) = (upper[0], upper[upper.len() - 1]);
    let theory = panel.slope.theory.map(|power| [first[0], last[1] * (first[0] / last[0]).powf(power)]);
    let powers = |axis: usize, base: f64| {
        let values = panel.points.iter().chain(&theory).map(|point| point[axis].log(base));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        [low, high]
    };
    // Sizes are powers of two, with a little room at both ends; heights span whole powers of ten.
    let [least, most] = powers(0, 2.0);
    let x = Scale { values: [least - 0.3, most + 0.3], pixels: column };
    let [lowest, highest] = powers(1, 10.0);
    let y = Scale { values: [lowest.floor(), highest.ceil().max(lowest.floor() + 1.0)], pixels: heights };
    let at = |[size, value]: [f64; 2]| [x.at(size.log2()), y.at(value.log10())];

    let Slope { fitted, .. } = panel.slope;
    page.push(text("strong", "start", column[0], heights[1] - 24.0, &format!("{what}, by {}", panel.axis)));
    let words = format!("power {fitted:.2}, in theory {}", panel.slope.in_theory());
    page.push(text("note", "start", column[0], heights[1] - 8.0, &words));
    for power in y.values[0] as i32..=y.values[1] as i32 {
        let height = y.at(f64::from(power));
        page.push(line("grid", [column[0], height], [column[1], height]));
        page.push(text("note", "end", column[0] - 6.0, height + 4.5, &10f64.powi(power).to_string()));
    }
    for [size, _] in &panel.points {
        let place = x.at(size.log2());
        page.push(line("grid", [place, heights[0]], [place, heights[0] + 4.0]));
        page.push(text("note", "middle", place, heights[0] + 18.0, &size.to_string()));
    }

    for start in theory {
        page.push(line("theory", at(start), at(last)));
    }
    // A fitted line goes through the mean of the logarithms.
    let mean = |axis: usize| (upper.iter().map(|point| point[axis].ln()).sum::<f64>() / upper.len() as f64).exp();
    let on_line = |size: f64| at([size, mean(1) * (size / mean(0)).powf(*fitted)]);
    page.push(line("fitted", on_line(first[0]), on_line(last[0])));
    for (class, radius, points) in [("ring", 6.0, &panel.predicted), ("dot", 3.5, &panel.points)] {
        for point in points {
            let [cx, cy] = at(*point);
            let tip = Element::new("title").text(&format!("{} {}: {:.3}", panel.axis, point[0], point[1]));
            page.push(Element::new("circle").class(class).at(&[("cx", cx), ("cy", cy), ("r", radius)]).with(tip));
        }
    }
}

/// The style sheet. Plain classes: not every reader of SVG knows CSS variables.
fn style() -> String {
    let page = |page: &str, ink: &str, quiet: &str, grid: &str, blue: &str, warm: &str| {
        format!(
            ".page{{fill:{page}}} text{{fill:{ink}}} .note{{fill:{quiet}}} .grid{{stroke:{grid}}} .dot{{fill:{blue}}} \
             .ring{{stroke:{quiet}}} .fitted{{stroke:{blue}}} .theory{{stroke:{warm}}} "
        )
    };
    format!(
        "text{{font:{SIZE}px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}} \
         .title{{font-size:19px;font-weight:600}} .strong{{font-weight:600}} .ring{{fill:none;stroke-width:1.2px}} \
         .fitted{{stroke-width:2px}} .theory{{stroke-width:2px;stroke-dasharray:5 4}} \
         {}@media (prefers-color-scheme: dark){{{}}}",
        page("#fff", "#1c1e21", "#5c6066", "#e3e4e6", "#27548a", "#c07a1f"),
        page("#16181d", "#e8e9eb", "#a2a7ae", "#32363d", "#7fb2e6", "#dfa440"),
    )
}
