//! The steps as a table and as a picture.

use std::fmt::Write;

use crate::measure::{OPERATIONS, Step};
use crate::support::format::Table;
use crate::support::machine::Machine;
use crate::support::svg::{MARGIN, Page, Rules, Scale, line, rect, text};

/// One step, measured.
pub struct Row {
    name: &'static str,
    /// The median, and the quietest round.
    milliseconds: [f64; 2],
    /// Billions of the definition's operations a second, in the quietest round.
    rate: f64,
    /// How many times faster than the step before, both in their quietest rounds.
    gain: Option<f64>,
}

impl Row {
    fn cells(&self, number: usize) -> [String; 6] {
        let three = |x: f64| format!("{x:.*}", (2 - x.log10().floor() as i32).clamp(0, 4) as usize);
        let [median, least] = self.milliseconds.map(three);
        let gain = self.gain.map_or(String::new(), |gain| format!("{gain:.2}"));
        [number.to_string(), self.name.into(), median, least, three(self.rate), gain]
    }
}

const HEADER: [&str; 6] = ["", "one convolution", "median ms", "quietest ms", "GFLOP/s", "× the step before"];

/// What was measured of each step. Rates and gains are of the quietest rounds: what else the machine does makes a median
/// longer, but hardly the shortest of many rounds.
pub fn rows(steps: &[Step<'_>]) -> Vec<Row> {
    let mut before = None;
    let row = |step: &Step<'_>| {
        let least = step.least();
        let gain = before.replace(least).map(|before| before / least);
        Row {
            name: step.name,
            milliseconds: [step.median(), least].map(|seconds| 1e3 * seconds),
            rate: OPERATIONS / least / 1e9,
            gain,
        }
    };
    steps.iter().map(row).collect()
}

fn of_peak(peak: Option<f64>) -> String {
    let said = |peak| format!("Fused multiply-adds and nothing else reach {peak:.0} GFLOP/s on one thread.\n");
    peak.map_or(String::new(), said)
}

/// For a terminal.
pub fn table(rows: &[Row], peak: Option<f64>) -> String {
    let mut table = Table::new(HEADER);
    for (number, row) in (1..).zip(rows) {
        table.row(row.cells(number));
    }
    format!("{table}{}", of_peak(peak))
}

/// For the chapter: the machine and the day, then the table.
pub fn markdown(rows: &[Row], peak: Option<f64>) -> String {
    let mut text = format!(
        "Measured on {}\nGFLOP/s and gains are those of the quietest rounds. Operations are the definition's, even where \
         fewer are done.\n{}\n",
        Machine::this().describe(),
        of_peak(peak)
    );
    let _ = writeln!(text, "| {} |\n| ---: | --- | ---: | ---: | ---: | ---: |", HEADER.join(" | "));
    for (number, row) in (1..).zip(rows) {
        let _ = writeln!(text, "| {} |", row.cells(number).join(" | "));
    }
    text
}

/// The chapter with another table between its marks.
pub fn inserted(chapter: &str, table: &str) -> Result<String, String> {
    let (start, end) = ("<!-- from making_it_fast -->\n", "<!-- to here -->");
    let parts = chapter.split_once(start).and_then(|(head, rest)| Some((head, rest.split_once(end)?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("the chapter: expected `{}` and `{end}`", start.trim()))?;
    Ok(format!("{head}{start}\n{table}\n{end}{tail}"))
}

/// A bar for each step, with what it reaches, and a line where the processor can do no more.
pub fn picture(rows: &[Row], peak: Option<f64>) -> String {
    const WIDTH: f64 = 640.0;
    const LEFT: f64 = 268.0;
    const ROW: f64 = 30.0;
    let subtitle = "Billions of the definition's operations a second, in the quietest round. \
                    Dashed: fused multiply-adds alone, on one thread";
    let mut page = Page::new(WIDTH, "From the definition to the tile", subtitle);
    let top = page.bottom() + 22.0;
    let bottom = top + ROW * rows.len() as f64;
    let largest = rows.iter().map(|row| row.rate).chain(peak).fold(1.0, f64::max);
    let scale = Scale::linear([0.0, largest], [LEFT, WIDTH - MARGIN - 48.0]);
    let drawing = page.drawing();
    if let Some(peak) = peak {
        let x = scale.at(peak);
        drawing.push(line("peak", [x, top - 4.0], [x, bottom]));
    }
    for (number, row) in (1..).zip(rows) {
        let y = top + ROW * f64::from(number) - 10.0;
        let [number, name, _, _, rate, _] = row.cells(number as usize);
        drawing.push(text("", "start", MARGIN, y, &format!("{number}  {name}")));
        drawing.push(rect("bar", [LEFT, y - 13.0], [(scale.at(row.rate) - LEFT).max(1.0), 17.0]));
        drawing.push(text("halo", "start", scale.at(row.rate) + 6.0, y, &rate));
    }
    let colours = |bar: &str, peak: &str| format!(".bar{{fill:{bar}}} .peak{{stroke:{peak}}}");
    page.finish(
        bottom + 12.0,
        &Rules {
            both: ".peak{stroke-width:1.5px;stroke-dasharray:5 4}".into(),
            light: colours("#3a76ba", "#9c5a2a"),
            dark: colours("#7fb2e6", "#dfa440"),
        },
    )
}
