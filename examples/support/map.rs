//! A map of regimes: how well each strength does in each setting, and what to do there.

use super::svg::{Element, MARGIN, Page, Rules, SIZE, SMALL, rect, text, text_width, wrap};

/// Panels below each other, under one heading and one legend.
#[derive(Clone, Debug)]
pub struct RegimeMap {
    /// What the picture shows, or what it says.
    pub title: String,
    /// Data, models, how a verdict is reached. Wrapped where it is long.
    pub subtitle: String,
    /// From top to bottom.
    pub panels: Vec<MapPanel>,
}

/// A table of cells, and a verdict above each of its columns.
#[derive(Clone, Debug)]
pub struct MapPanel {
    /// Above the panel.
    pub title: String,
    /// What changes from column to column.
    pub x: String,
    /// From left to right, at most ten. Short.
    pub columns: Vec<String>,
    /// What changes from row to row.
    pub y: String,
    /// From bottom to top, at most ten. Short.
    pub rows: Vec<String>,
    /// By row and column, in per cent.
    pub cells: Vec<Vec<f64>>,
    /// One a column.
    pub verdicts: Vec<Verdict>,
}

/// What a column says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// In a word.
    pub regime: Regime,
    /// In one or two short lines, as "+3.1 ± 0.7".
    pub words: Vec<String>,
}

/// What is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Parameters of one's own.
    Separate,
    /// Parameters that are close.
    Couple,
    /// The same parameters.
    Share,
    /// The figures do not tell.
    Open,
}

impl Regime {
    const ALL: [Regime; 4] = [Regime::Separate, Regime::Couple, Regime::Share, Regime::Open];

    /// One word.
    pub fn name(self) -> &'static str {
        ["separate", "couple", "share", "open"][self as usize]
    }
}

const WIDTH: f64 = 720.0;
const ROW: f64 = 26.0;
/// No cell is wider.
const WIDEST: f64 = 116.0;
/// From one line of a verdict to the next.
const LINE: f64 = 15.0;

/// How far a cell may be below the best of its column to have each of the colours; the last one has the rest.
const STEPS: [f64; 6] = [0.05, 0.5, 1.0, 2.0, 4.0, 8.0];

/// Colours of cells and of text on them, light and dark, from the best on: even in lightness. Text has a contrast
/// of at least 4.5 to 1.
const LEVELS: [[&str; 4]; 7] = [
    ["#1b3c65", "#fff", "#d3e6fa", "#000"],
    ["#2f5a8c", "#fff", "#a6c8ea", "#000"],
    ["#4a78aa", "#fff", "#7fa9d6", "#000"],
    ["#74a3d3", "#000", "#5a87b9", "#000"],
    ["#a1c3e4", "#000", "#41699a", "#fff"],
    ["#cfe3f5", "#000", "#2e4f7a", "#fff"],
    ["#eef4fa", "#000", "#1f2f47", "#fff"],
];

/// Colours of regimes and of text on them, light and dark: they differ in lightness, too.
const REGIMES: [[&str; 4]; 4] = [
    ["#e6ae4d", "#000", "#dfa440", "#000"],
    ["#1d7a63", "#fff", "#62cdb0", "#000"],
    ["#4b3190", "#fff", "#7b5fd0", "#fff"],
    ["#d3cfc6", "#000", "#55534e", "#fff"],
];

/// Draws the map as an SVG file of its own, with a light and a dark look.
///
/// # Panics
/// If a panel is empty, or has not one cell for each row and column and one verdict a column.
#[track_caller]
pub fn svg(map: &RegimeMap) -> String {
    for panel in &map.panels {
        let [rows, columns] = [panel.rows.len(), panel.columns.len()];
        assert!(rows > 0 && columns > 0, "`{}` is empty", panel.title);
        assert_eq!(panel.cells.len(), rows, "rows of cells of `{}`", panel.title);
        assert!(panel.cells.iter().all(|row| row.len() == columns), "columns of cells of `{}`", panel.title);
        assert_eq!(panel.verdicts.len(), columns, "verdicts of `{}`", panel.title);
    }
    let mut page = Page::new(WIDTH, &map.title, &map.subtitle);
    let mut y = page.bottom();
    y = legend(page.drawing(), y + 24.0);
    for panel in &map.panels {
        y = draw(page.drawing(), panel, y + 34.0);
    }
    page.finish(y + 18.0, &rules())
}

/// What the colours mean; the lowest y used.
fn legend(drawing: &mut Element, y: f64) -> f64 {
    let swatch = |drawing: &mut Element, class: &str, x: f64, y: f64, label: &str| {
        drawing.push(rect(class, [x, y - 10.5], [14.0, 14.0]).at(&[("rx", 2.0)]));
        drawing.push(text("small", "start", x + 19.0, y, label));
        x + 19.0 + 1.05 * text_width(label, SMALL) + 12.0
    };
    let lead = |drawing: &mut Element, y: f64, words: &str| {
        drawing.push(text("small note", "start", MARGIN, y, words));
        MARGIN + 1.05 * text_width(words, SMALL) + 10.0
    };
    let mut x = lead(drawing, y, "Best by the figures:");
    for (i, regime) in Regime::ALL.iter().enumerate() {
        x = swatch(drawing, &format!("r{i}"), x, y, regime.name());
    }
    let below = y + 22.0;
    let mut x = lead(drawing, below, "Points below the best of a column (outlined):");
    for (i, most) in STEPS.iter().map(Some).chain([None]).enumerate() {
        let label = match most {
            Some(most) if i > 0 => format!("to {most}"),
            Some(_) => "0".into(),
            None => "more".into(),
        };
        x = swatch(drawing, &format!("l{i}"), x, below, &label);
    }
    below
}

/// One panel, the baseline of whose title is at `y`; the lowest y used.
fn draw(drawing: &mut Element, panel: &MapPanel, y: f64) -> f64 {
    drawing.push(text("strong", "start", MARGIN, y, &panel.title));
    let columns = panel.columns.len() as f64;
    let labels = panel.rows.iter().map(|row| 1.1 * text_width(row, SIZE)).fold(0.0, f64::max);
    // Beside the verdicts stands what the rows are, on as many lines as it takes.
    let left = MARGIN + labels.max(56.0) + 8.0;
    let width = ((WIDTH - MARGIN - left) / columns).min(WIDEST);

    let top = verdicts(drawing, panel, [left, y + 10.0], width);
    let of_rows = wrap(&panel.y, left - MARGIN - 6.0, SMALL);
    for (line, words) in of_rows.iter().rev().enumerate() {
        drawing.push(text("small note", "start", MARGIN, top - 6.0 - 14.0 * line as f64, words));
    }
    let bottom = top + ROW * panel.rows.len() as f64;
    for (row, label) in panel.rows.iter().enumerate() {
        let middle = bottom - ROW * (row as f64 + 0.5);
        drawing.push(text("note", "end", left - 8.0, middle + 4.5, label));
    }
    for (column, label) in panel.columns.iter().enumerate() {
        draw_column(drawing, panel, column, [left + width * column as f64, bottom], width);
        drawing.push(text("note", "middle", left + width * (column as f64 + 0.5), bottom + 17.0, label));
    }
    drawing.push(text("note", "middle", left + width * columns / 2.0, bottom + 35.0, &panel.x));
    bottom + 35.0
}

/// The strip of verdicts, from its upper left corner; its lower end.
fn verdicts(drawing: &mut Element, panel: &MapPanel, [left, top]: [f64; 2], width: f64) -> f64 {
    let fits = |words: &str, most: f64| text_width(words, SMALL) <= most * width;
    // What is too wide is broken before its ±, the more so where fonts are wider than estimated.
    let words = |verdict: &Verdict| -> Vec<String> {
        let broken = |words: &String| match words.split_once(" ±") {
            Some((mean, spread)) if !fits(words, 0.88) => vec![mean.to_string(), format!("±{spread}")],
            _ => wrap(words, 0.88 * width, SMALL),
        };
        verdict.words.iter().flat_map(broken).collect()
    };
    let words: Vec<Vec<String>> = panel.verdicts.iter().map(words).collect();
    let lines = 1 + words.iter().map(Vec::len).max().unwrap_or(0);
    let height = LINE * lines as f64 + 9.0;
    for (i, (verdict, words)) in panel.verdicts.iter().zip(&words).enumerate() {
        let regime = verdict.regime as usize;
        let x = left + width * i as f64;
        drawing.push(rect(&format!("r{regime}"), [x + 0.5, top], [width - 1.0, height]).at(&[("rx", 3.0)]));
        let middle = x + width / 2.0;
        let name = verdict.regime.name();
        let size = if fits(name, 0.75) { "small" } else { "tiny" };
        drawing.push(text(&format!("{size} strong t{regime}"), "middle", middle, top + 16.0, name));
        for (line, words) in words.iter().enumerate() {
            let y = top + 16.0 + LINE * (line + 1) as f64;
            drawing.push(text(&format!("small t{regime}"), "middle", middle, y, words));
        }
    }
    top + height + 4.0
}

/// The cells of a column, from its lower left corner.
fn draw_column(drawing: &mut Element, panel: &MapPanel, column: usize, [left, bottom]: [f64; 2], width: f64) {
    let values = || panel.cells.iter().map(|row| row[column]);
    let best = values().filter(|value| value.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let mut outlines = Vec::new();
    for (row, value) in values().enumerate() {
        let corner = [left + 0.5, bottom - ROW * (row as f64 + 1.0) + 0.5];
        let middle = [left + width / 2.0, corner[1] + ROW / 2.0 + 4.0];
        if !value.is_finite() {
            drawing.push(text("note", "middle", middle[0], middle[1], "–"));
            continue;
        }
        let level = STEPS.iter().position(|most| best - value <= *most).unwrap_or(STEPS.len());
        let below = if value < best { format!(", {:.1} below the best", best - value) } else { String::new() };
        let tip = format!("{} {}, {} {}: {value:.2}{below}", panel.x, panel.columns[column], panel.y, panel.rows[row]);
        let tip = Element::new("title").text(&tip);
        drawing.push(rect(&format!("l{level}"), corner, [width - 1.0, ROW - 1.0]).with(tip));
        drawing.push(text(&format!("v{level}"), "middle", middle[0], middle[1], &format!("{value:.1}")));
        if value == best {
            outlines.push(corner);
        }
    }
    // Over the neighbours.
    for [x, y] in outlines {
        drawing.push(rect("ink best", [x + 1.0, y + 1.0], [width - 3.0, ROW - 3.0]));
        drawing.push(rect("gap best", [x + 2.6, y + 2.6], [width - 6.2, ROW - 6.2]));
    }
}

/// What the style sheet has beside what is common to all pictures.
fn rules() -> Rules {
    let colours = |look: usize| -> String {
        let pairs = |fill: char, ink: char, table: &[[&str; 4]]| -> String {
            let rule = |(i, c): (usize, &[&str; 4])| {
                format!(".{fill}{i}{{fill:{}}}.{ink}{i}{{fill:{}}}", c[look], c[look + 1])
            };
            table.iter().enumerate().map(rule).collect()
        };
        pairs('r', 't', &REGIMES) + &pairs('l', 'v', &LEVELS)
    };
    Rules {
        both: ".tiny{font-size:10.5px} .best{fill:none;stroke-width:2.2px} .gap{stroke-width:1px}".into(),
        light: colours(0) + ".gap{stroke:#fff}",
        dark: colours(2) + ".gap{stroke:#16181d}",
    }
}
