//! Numbers and tables as people read them, in plain text.

use std::fmt;

use serde::{Deserialize, Serialize};
use tandem::draw::escape;

/// The binary unit in which so many bytes read best, and its size: the smallest that leaves at most
/// three digits before the point.
pub fn unit(bytes: usize) -> (&'static str, f64) {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = 1.0;
    for (i, unit) in units.iter().enumerate() {
        // Single bytes are exact up to 1,023; larger units have three digits.
        let most = if i == 0 { 1023.5 } else { 999.5 };
        if bytes as f64 / size < most || i + 1 == units.len() {
            return (unit, size);
        }
        size *= 1024.0;
    }
    unreachable!("the last unit takes all")
}

/// Bytes in binary units with three significant digits: `812 B`, `36.2 KiB`, `0.986 MiB`.
pub fn bytes(bytes: usize) -> String {
    match unit(bytes) {
        ("B", _) => format!("{} B", count(bytes)),
        (unit, size) => {
            let value = bytes as f64 / size;
            let decimals = [99.95, 9.995, 0.9995].iter().filter(|limit| value < **limit).count();
            format!("{value:.decimals$} {unit}")
        }
    }
}

/// A count with thousands separators: `1,234,567`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with four significant digits, without zeros at its end: `0.3142`, `93.64`, `1,234`; a very small or
/// large one with two: `5.0e-7`.
pub fn significant(x: f64) -> String {
    let power = if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 };
    if !(-4..6).contains(&power) {
        return format!("{x:.1e}");
    }
    let text = format!("{:.*}", (3 - power).max(0) as usize, x);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if x.abs() >= 1000.0 && !text.contains('.') {
        return format!("{}{}", if x < 0.0 { "-" } else { "" }, count(x.abs().round() as usize));
    }
    text.into()
}

/// How many times as large `more` is as `less`: `1.6×`, `41×`, `4,001,536,000×`.
pub fn times(more: usize, less: usize) -> String {
    let ratio = more as f64 / less as f64;
    if ratio < 9.95 { format!("{ratio:.1}×") } else { format!("{}×", count(ratio.round() as usize)) }
}

/// A time as people say it: `0.8 s`, `42 s`, `3 min 5 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..120 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// Text as it may stand in Markdown, in a paragraph and in a table.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '<' | '|' | '[' | ']' | '~') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

/// How many columns of a terminal a text takes. A combining mark, as in w̄, takes none.
pub fn columns(text: &str) -> usize {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count()
}

/// A table in plain text, with a rule under its header. Columns of numbers stand to the right,
/// columns of text to the left: a number starts with a digit, after a sign perhaps, or a bound, and an empty
/// cell or a dash stands for a missing one. The first column is text if there is a letter or an arrow in it.
///
/// ```text
/// network        parameters
/// ─────────────  ──────────
/// dense             203,530
/// convolutional       5,018
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this header and no rows.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Table {
        Table { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many cells as the header.
    #[track_caller]
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.header.len(), "a row of {cells:?} under a header of {:?}", self.header);
        self.rows.push(cells);
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let text = |cells: &Vec<String>| line(&cells.iter().map(|cell| markdown(cell)).collect::<Vec<_>>());
        let rule = |i: usize| if self.is_numeric(i) { "---:".to_string() } else { "---".to_string() };
        let rules = line(&(0..self.header.len()).map(rule).collect::<Vec<_>>());
        text(&self.header) + &rules + &self.rows.iter().map(text).collect::<String>()
    }

    /// The table in HTML. Cells of numbers have the class `number`.
    pub fn html(&self) -> String {
        let line = |tag: &str, cells: &[String]| {
            let cell = |(i, cell): (usize, &String)| {
                let class = if self.is_numeric(i) { " class=\"number\"" } else { "" };
                format!("<{tag}{class}>{}</{tag}>", escape(cell))
            };
            format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
        };
        let rows: String = self.rows.iter().map(|cells| line("td", cells)).collect();
        format!("<table>\n<thead>\n{}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n", line("th", &self.header))
    }

    fn is_numeric(&self, column: usize) -> bool {
        let cells = || self.rows.iter().map(|row| row[column].as_str());
        // What names a row may begin with a digit: "100 images", "64→64".
        let is_word = |c: char| c.is_alphabetic() || matches!(c, '←'..='⇿');
        if column == 0 && cells().any(|cell| cell.contains(is_word)) {
            return false;
        }
        cells().all(|cell| {
            matches!(cell, "" | "-" | "–" | "—")
                || cell
                    .trim_start_matches(['+', '-', '−', '±', '<', '>', ' '])
                    .starts_with(|c: char| c.is_ascii_digit())
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let column = |i: usize| (lines().map(|cells| columns(&cells[i])).max().unwrap_or(0), self.is_numeric(i));
        let layout: Vec<(usize, bool)> = (0..self.header.len()).map(column).collect();
        for (number, cells) in lines().enumerate() {
            let aligned = cells.iter().zip(&layout).map(|(cell, &(width, numeric))| {
                let space = " ".repeat(width - columns(cell));
                if numeric { space + cell } else { cell.clone() + &space }
            });
            writeln!(f, "{}", aligned.collect::<Vec<_>>().join("  ").trim_end())?;
            if number == 0 {
                let rules: Vec<String> = layout.iter().map(|(width, _)| "─".repeat(*width)).collect();
                writeln!(f, "{}", rules.join("  "))?;
            }
        }
        Ok(())
    }
}
