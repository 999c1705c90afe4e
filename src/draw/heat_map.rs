//! How a coupling went: the pairs' distances over the steps, as a heat map.
//!
//! A line for each pair, a column for each step or for several; to the right the last figures, below the steps
//! and λ. The files in reading order: `grid` (what is shown), `scale` (which colour a number has), this one (where
//! things stand on the page).

mod grid;
mod scale;

use tandem_tying::{Regime, Report, Row};

use super::element::{Element, text_width};
use super::picture::Rect;
use super::place::BOLD;
use super::size::{SMALL, TEXT};
use super::{MARGIN, TITLE, page, rect, text};
use grid::{Cell, Column, Grid, Look, figure};
use scale::{LEVELS, Scale};

/// From a line to the next one, and how much of it a cell takes.
const ROW: f64 = 19.0;
const CELL: f64 = 16.0;
/// How much of it a cell takes that nothing holds.
const FREE: f64 = 8.0;
/// How wide all columns are together where there are many, and how wide one is at most.
const COLUMNS_WIDTH: f64 = 320.0;
const WIDEST: f64 = 32.0;
/// From the names to the cells, between figures, and between labels.
const GAP: f64 = 10.0;
/// The strip of λ.
const STRIP: f64 = 22.0;
/// The scale of colours in the legend.
const RAMP: f64 = 240.0;
/// From one line of small text to the next.
const SMALL_LINE: f64 = 15.0;

const FIGURES: [&str; 4] = ["distance", "strength", "pull", "bytes"];

/// Draws the reports of a training run, each with its step, as an SVG file of its own, with a light and a dark look.
///
/// A line is a pair, a column a step; over 64 of them are merged evenly, into columns that show the report in
/// their middle. The colour tells the relative distance ‖wA − wB‖ / max(‖wA‖, ‖wB‖), on a logarithmic scale; what
/// is shared, equal, free or no longer finite looks different. To the right stand the figures of the last report.
/// Pointing at a cell shows its numbers.
///
/// ```
/// use tandem::autograd::{Params, Tensor};
/// use tandem::draw::heat_map;
/// use tandem::tying::{Coupling, Pairing, Strength};
/// let mut params = Params::<f32>::new();
/// for (name, x) in [("a.weight", 1.0), ("b.weight", 3.0)] {
///     params.add(name, Tensor::full([4], x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let mut coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
/// let mut history = Vec::new();
/// for step in 0..3 {
///     history.push((step, coupling.report(&params, None)));
///     coupling.proximal_step(&mut params, 0.1)?;
/// }
/// coupling.set_strength(&mut params, Strength::Shared)?;
/// history.push((3, coupling.report(&params, None)));
/// let svg = heat_map(&history, "From close to equal");
/// assert!(svg.starts_with("<svg") && svg.contains("a.weight – b.weight, step 3: shared"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn heat_map(history: &[(u64, Report)], title: &str) -> String {
    let grid = Grid::new(history);
    let note = match history.last() {
        Some((_, report)) if grid.lines.is_empty() => format!("{}, {}; no pairs", report.penalty, report.strength),
        Some((_, report)) => format!("{}, {}", report.penalty, report.strength),
        None => "No steps were recorded.".into(),
    };
    let top = MARGIN + TITLE + 10.0;
    let mut drawing = Element::new("g", "");
    drawing.push(&text("heading", [MARGIN, MARGIN + TITLE - 3.0], title));
    drawing.push(&text("small", [MARGIN, top + 9.0], &note));
    let (mut width, mut bottom) = (f64::max(text_width(title, TITLE) * BOLD, text_width(&note, SMALL)), top + 9.0);
    if !grid.lines.is_empty() {
        let scale = Scale::over(grid.relatives());
        width = width.max(legend(&mut drawing, &grid, scale, top + SMALL_LINE + 13.0));
        let map = Map::new(&grid, top + 5.5 * SMALL_LINE + 18.0);
        map.draw(&mut drawing, &grid, scale);
        (width, bottom) = (width.max(map.width), map.bottom());
    }
    let (width, height) = (width + 2.0 * MARGIN, bottom + MARGIN);
    let whole = rect("page", Rect { x: 0.0, y: 0.0, width, height }, 8.0);
    format!("{}\n", page(title, &style(), [width, height]).with(&whole).with(&drawing))
}

/// Where the parts of the map stand.
struct Map {
    /// The upper end of the first line.
    top: f64,
    lines: usize,
    /// Left and right end of the columns, and how many there are.
    cells: [f64; 2],
    columns: usize,
    /// The right ends of the figures, of which there are four a line.
    figures: [f64; 4],
    /// What they say.
    said: Vec<[String; 4]>,
    /// How wide it all is.
    width: f64,
}

impl Map {
    fn new(grid: &Grid<'_>, top: f64) -> Map {
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
        let names = widest(&mut grid.lines.iter().map(|line| text_width(&line.name, TEXT)));
        let left = MARGIN + names.max(text_width("strength λ", SMALL)) + GAP;
        let columns = grid.columns.len();
        let labels = widest(&mut grid.columns.iter().map(label_width));
        let right = left + (columns as f64 * WIDEST).min(COLUMNS_WIDTH).max(labels);
        let said: Vec<[String; 4]> = grid.lines.iter().map(|line| figures(line.last)).collect();
        let mut end = right;
        let figures = [0, 1, 2, 3].map(|i| {
            let width = widest(&mut said.iter().map(|figures| text_width(&figures[i], TEXT)));
            end += GAP + width.max(text_width(FIGURES[i], SMALL));
            end
        });
        let width = end.max(right + GAP + text_width(&heading(grid), SMALL)) - MARGIN;
        Map { top, lines: grid.lines.len(), cells: [left, right], columns, figures, said, width }
    }

    /// Left and right end of a column.
    fn column(&self, i: usize) -> [f64; 2] {
        let [left, right] = self.cells;
        [i, i + 1].map(|i| left + (right - left) * i as f64 / self.columns as f64)
    }

    /// The y of the strip of λ, below the cells and the steps.
    fn strip(&self) -> f64 {
        self.top + ROW * self.lines as f64 + SMALL_LINE + 8.0
    }

    fn bottom(&self) -> f64 {
        self.strip() + STRIP + SMALL_LINE
    }

    fn draw(&self, drawing: &mut Element, grid: &Grid<'_>, scale: Option<Scale>) {
        let [left, right] = self.cells;
        drawing.push(&text("small", [right + GAP, self.top - SMALL_LINE - 6.0], &heading(grid)));
        for (x, name) in self.figures.into_iter().zip(FIGURES) {
            drawing.push(&text("small end", [x, self.top - 6.0], name));
        }
        for (i, (line, said)) in grid.lines.iter().zip(&self.said).enumerate() {
            let y = self.top + ROW * i as f64;
            drawing.push(&text("end", [left - GAP, y + 12.0], &line.name));
            drawing.push(&rect("empty", Rect { x: left, y, width: right - left, height: CELL }, 0.0));
            for (column, cell) in line.cells.iter().enumerate() {
                if let Some(cell) = cell {
                    drawing.push(&draw_cell(cell, scale, self.column(column), y));
                }
            }
            for (&x, said) in self.figures.iter().zip(said) {
                drawing.push(&text("end", [x, y + 12.0], said));
            }
        }
        self.draw_steps(drawing, grid);
        self.draw_strip(drawing, grid);
    }

    /// Some of the steps, each below its column, and the λ they had.
    fn draw_steps(&self, drawing: &mut Element, grid: &Grid<'_>) {
        let (left, below) = (self.cells[0] - GAP, self.strip() + STRIP);
        let steps = self.strip() - 10.0;
        drawing.push(&text("small end", [left, steps], "step"));
        drawing.push(&text("small end", [left, below - 7.0], "strength λ"));
        for (i, x) in self.labels(grid) {
            let Column { step, lambda } = grid.columns[i];
            drawing.push(&text("small middle", [x, steps], &step.to_string()));
            drawing.push(&text("small middle", [x, below + 12.0], &figure(lambda, 3)));
        }
    }

    /// Which columns have labels, and the middle of these: as many as there is room for, evenly spaced.
    fn labels(&self, grid: &Grid<'_>) -> Vec<(usize, f64)> {
        let spaced = |count: usize| -> Vec<(usize, f64)> {
            let place = |k: usize| {
                let i = if count == 1 { self.columns - 1 } else { k * (self.columns - 1) / (count - 1) };
                let ([left, right], half) = (self.column(i), label_width(&grid.columns[i]) / 2.0);
                (i, f64::midpoint(left, right).max(self.cells[0] + half).min(self.cells[1] - half))
            };
            (0..count).map(place).collect()
        };
        let fit = |labels: &Vec<(usize, f64)>| {
            let half = |i: usize| label_width(&grid.columns[i]) / 2.0;
            labels.windows(2).all(|two| two[0].1 + half(two[0].0) + GAP <= two[1].1 - half(two[1].0))
        };
        let counts = (1..=self.columns.min(7)).rev();
        counts.map(spaced).find(fit).unwrap_or_default()
    }

    /// λ over the steps, by its logarithm, as far as it varies.
    fn draw_strip(&self, drawing: &mut Element, grid: &Grid<'_>) {
        let logs = grid.columns.iter().map(|column| column.lambda.ln()).filter(|log| log.is_finite());
        let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        for (i, Column { step, lambda }) in grid.columns.iter().enumerate() {
            let height = match lambda.ln() {
                log if log.is_finite() && low < high => 2.0 + (STRIP - 2.0) * (log - low) / (high - low),
                _ if *lambda == 0.0 => 0.5,
                _ => STRIP,
            };
            let ([left, right], y) = (self.column(i), self.strip() + STRIP - height);
            let tip = Element::new("title", "").text(&format!("step {step}: λ = {}", figure(*lambda, 4)));
            let place = Rect { x: left, y, width: right - left - seam(right - left), height };
            drawing.push(&rect("lambda", place, 0.0).with(&tip));
        }
    }
}

/// What stands above the last figures.
fn heading(grid: &Grid<'_>) -> String {
    grid.columns.last().map_or(String::new(), |column| format!("at step {}", column.step))
}

/// The wider of a column's two labels.
fn label_width(column: &Column) -> f64 {
    text_width(&column.step.to_string(), SMALL).max(text_width(&figure(column.lambda, 3), SMALL))
}

/// The figures to the right of a line, as [`FIGURES`] names them.
fn figures(row: Option<&Row>) -> [String; 4] {
    let none = || "–".to_string();
    let Some(row) = row else { return [(); 4].map(|()| none()) };
    let number = |x: Option<f64>| x.map_or_else(none, |x| figure(x, 3));
    let shared = row.regime == Regime::Shared;
    let bytes = if shared { format!("{} saved", row.bytes_saved) } else { format!("{} savable", row.bytes_savable) };
    [figure(row.distance, 3), number(row.strength.or(shared.then_some(f64::INFINITY))), number(row.pull), bytes]
}

/// What is left free between a column and the next one.
fn seam(width: f64) -> f64 {
    if width > 3.0 { 1.0 } else { 0.0 }
}

fn draw_cell(cell: &Cell<'_>, scale: Option<Scale>, [left, right]: [f64; 2], y: f64) -> Element {
    let class = match (cell.look, scale) {
        (Look::Apart(x), Some(scale)) => format!("cell c{}", scale.level(x)),
        (Look::Shared, _) => "cell shared".into(),
        (Look::Diverged, _) => "cell diverged".into(),
        (Look::Equal | Look::Apart(_), _) => "cell equal".into(),
    };
    let free = cell.row.regime == Regime::Free && cell.look != Look::Diverged;
    // One copy is one band, without the lines at which two edges meet.
    let seam = if cell.look == Look::Shared { -0.4 } else { seam(right - left) };
    sample(&class, free, Rect { x: left, y, width: right - left - seam, height: CELL }, &cell.tip)
}

/// A cell, or one like it in the legend.
fn sample(class: &str, free: bool, place: Rect, tip: &str) -> Element {
    let Rect { x, y, width, height } = place;
    let tip = Element::new("title", "").text(tip);
    let place = if free { Rect { y: y + (height - FREE) / 2.0, height: FREE, ..place } } else { place };
    let group = Element::new("g", class).with(&tip).with(&rect("", place, 0.0));
    if !class.contains("diverged") {
        return group;
    }
    // Not by colour alone.
    let [right, bottom] = [x + width, y + height];
    let cross = format!("M{x:.2} {y:.2}L{right:.2} {bottom:.2}M{right:.2} {y:.2}L{x:.2} {bottom:.2}");
    group.with(&Element::new("path", "").set("d", &cross))
}

/// Explains the colours, and each look that occurs; how wide it is.
fn legend(drawing: &mut Element, grid: &Grid<'_>, scale: Option<Scale>, y: f64) -> f64 {
    let name = "Relative distance ‖wA − wB‖ / max(‖wA‖, ‖wB‖)";
    let mut x = MARGIN;
    let mut width = 0.0;
    if let Some(scale) = scale {
        drawing.push(&text("small", [x, y], name));
        width = text_width(name, SMALL);
        let step = RAMP / LEVELS as f64;
        for level in 0..LEVELS {
            let place = Rect { x: x + step * level as f64, y: y + 7.0, width: step, height: 11.0 };
            drawing.push(&Element::new("g", &format!("c{level}")).with(&rect("", place, 0.0)));
        }
        for (i, tick) in scale.ticks().into_iter().enumerate() {
            let label = if i == 0 && scale.cut { format!("≤ {}", figure(tick, 1)) } else { figure(tick, 1) };
            let at = x + RAMP * scale.at(tick);
            let half = text_width(&label, SMALL) / 2.0;
            drawing.push(&rect("tick", Rect { x: at - 0.5, y: y + 18.0, width: 1.0, height: 3.0 }, 0.0));
            drawing.push(&text("small middle", [at.max(MARGIN + half), y + 31.0], &label));
        }
        x += RAMP + 28.0;
    }
    let looks = [
        ("equal", "equal, stored twice", grid.has(|cell| cell.look == Look::Equal)),
        ("shared", "shared: stored once", grid.has(|cell| cell.look == Look::Shared)),
        ("free", "free: not held", grid.has(|cell| cell.row.regime == Regime::Free)),
        ("diverged", "not finite", grid.has(|cell| cell.look == Look::Diverged)),
    ];
    for (look, name, _) in looks.into_iter().filter(|(.., occurs)| *occurs) {
        let class = if look == "free" { format!("c{}", LEVELS / 2) } else { look.into() };
        let place = Rect { x, y: y + 4.5, width: 16.0, height: CELL };
        drawing.push(&sample(&class, look == "free", place, name));
        drawing.push(&text("small", [x + 21.0, y + 16.0], name));
        x += 21.0 + text_width(name, SMALL) + 12.0;
        width = f64::max(width, x - MARGIN);
    }
    width
}

/// The style sheet. Plain classes: not every reader of SVG knows CSS variables.
///
/// The levels are even in lightness (of OKLab): on either page, the further apart two parameters are, the more
/// they stand out. Amber for what is shared, as in the other drawings, differs from blue for all kinds of eyes.
fn style() -> String {
    let colours = |[page, ink, quiet, empty, shared, diverged]: [&str; 6], levels: [&str; LEVELS]| {
        let level = |(i, fill): (usize, &str)| format!(".c{i}{{fill:{fill}}}");
        let levels: String = levels.into_iter().enumerate().map(level).collect();
        format!(
            ".page{{fill:{page}}}text{{fill:{ink}}}.small{{fill:{quiet}}}.empty{{fill:{empty}}}.lambda,.tick{{fill:{quiet}}}\
             {levels}.equal{{fill:{page};stroke:{quiet}}}.shared{{fill:{shared}}}\
             .diverged{{fill:{page};stroke:{diverged}}}"
        )
    };
    let light = colours(
        ["#fff", "#1c1e21", "#5c6066", "#f5f6f7", "#e6ae4d", "#b3261e"],
        ["#cfe3f5", "#b0cdea", "#92b8df", "#74a3d3", "#5b8dc2", "#4a78aa", "#3a6493", "#2a507c", "#1b3c65", "#0c2a50"],
    );
    let dark = colours(
        ["#16181d", "#e8e9eb", "#a2a7ae", "#1f2228", "#dfa440", "#ff8a80"],
        ["#26476f", "#335984", "#416b99", "#4f7daf", "#5e90c6", "#75a4d4", "#90b7df", "#abcaea", "#c6ddf5", "#e2f1ff"],
    );
    format!(
        "text{{font:{TEXT}px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}}\
         .heading{{font-size:{TITLE}px;font-weight:600}}.small{{font-size:{SMALL}px}}\
         .middle{{text-anchor:middle}}.end{{text-anchor:end}}.shared{{shape-rendering:crispEdges}}{light}@media (prefers-color-scheme:dark){{{dark}}}"
    )
}

#[cfg(test)]
mod tests;
