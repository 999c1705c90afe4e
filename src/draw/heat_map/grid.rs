//! What a heat map shows: a line for each pair, a column for each step, or for several.

use std::collections::HashMap;
use std::ops::Range;

use tandem_tying::{Regime, Report, Row};

/// The most columns that are drawn.
pub const COLUMNS: usize = 64;

/// The lines and columns of a history.
#[derive(Debug)]
pub struct Grid<'a> {
    pub lines: Vec<Line<'a>>,
    pub columns: Vec<Column>,
}

/// The cells of a pair.
#[derive(Debug)]
pub struct Line<'a> {
    pub name: String,
    /// One for each column; none where no report has the pair.
    pub cells: Vec<Option<Cell<'a>>>,
    /// Where it stands in the last report, if it is in it.
    pub last: Option<&'a Row>,
}

/// A pair at a step.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    pub row: &'a Row,
    pub look: Look,
    pub tip: String,
}

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    /// Stored once.
    Shared,
    /// Coloured by this relative distance, which is finite and above 0.
    Apart(f64),
    /// Stored twice, and equal.
    Equal,
    /// What should be a number is none, or infinite.
    Diverged,
}

/// One or several reports.
#[derive(Clone, Debug)]
pub struct Column {
    /// The step and λ of the report that stands for them.
    pub step: u64,
    pub lambda: f64,
}

impl<'a> Grid<'a> {
    pub fn new(history: &'a [(u64, Report)]) -> Grid<'a> {
        let groups = groups(history.len());
        let column = |group: &Group| Column { step: history[group.shown].0, lambda: history[group.shown].1.lambda };
        let mut grid = Grid { lines: Vec::new(), columns: groups.iter().map(column).collect() };
        let rows = rows(history);
        for of_pair in &rows {
            let named = of_pair.iter().flatten().next().expect("a line is of a pair that occurs");
            let name = format!("{} – {}", named.first, named.second);
            let cells = groups.iter().map(|group| cell(&name, history, of_pair, group)).collect();
            grid.lines.push(Line { name, cells, last: of_pair.last().copied().flatten() });
        }
        grid
    }

    /// What is coloured.
    pub fn relatives(&self) -> impl Iterator<Item = f64> {
        self.cells().filter_map(|cell| match cell.look {
            Look::Apart(relative) => Some(relative),
            _ => None,
        })
    }

    /// Whether there is such a cell.
    pub fn has(&self, wanted: impl FnMut(&Cell<'a>) -> bool) -> bool {
        self.cells().any(wanted)
    }

    fn cells(&self) -> impl Iterator<Item = &Cell<'a>> {
        self.lines.iter().flat_map(|line| line.cells.iter().flatten())
    }
}

/// Reports that one column stands for.
pub struct Group {
    pub reports: Range<usize>,
    /// The one whose numbers are shown.
    pub shown: usize,
}

/// Cuts reports into columns: those that are shown are spaced evenly, from the first to the last, and each of
/// the others belongs to the nearest of them.
pub fn groups(reports: usize) -> Vec<Group> {
    let columns = reports.min(COLUMNS);
    if columns < 2 {
        return (0..columns).map(|shown| Group { reports: 0..reports, shown }).collect();
    }
    let (gaps, last) = (columns - 1, reports - 1);
    let mut start = 0;
    let group = |column: usize| {
        // What is as near to the next column stays with this one.
        let end = if column == gaps { reports } else { (2 * column + 1) * last / (2 * gaps) + 1 };
        let reports = std::mem::replace(&mut start, end)..end;
        Group { reports, shown: (2 * column * last + gaps) / (2 * gaps) }
    };
    (0..columns).map(group).collect()
}

/// The row of each pair in each report. A report may have two pairs of the same names, which are two pairs.
fn rows(history: &[(u64, Report)]) -> Vec<Vec<Option<&Row>>> {
    let (mut rows, mut index) = (Vec::new(), HashMap::new());
    for (i, (_, report)) in history.iter().enumerate() {
        let mut seen = HashMap::new();
        for row in &report.pairs {
            let names = (&*row.first, &*row.second);
            let times = seen.entry(names).and_modify(|times| *times += 1).or_insert(0);
            let line = *index.entry((names, *times)).or_insert_with(|| {
                rows.push(vec![None; history.len()]);
                rows.len() - 1
            });
            rows[line][i] = Some(row);
        }
    }
    rows
}

fn cell<'a>(name: &str, history: &[(u64, Report)], of_pair: &[Option<&'a Row>], group: &Group) -> Option<Cell<'a>> {
    // Where the report that is shown has not the pair, the last one that has it.
    let has = |i: &usize| of_pair[*i].is_some();
    let shown = Some(group.shown).filter(has).or_else(|| group.reports.clone().rev().find(has))?;
    let (row, step) = (of_pair[shown]?, history[shown].0);
    let mut tip = vec![format!("{name}, step {step}: {}", numbers(row))];
    let mut look = look(row);
    if group.reports.len() > 1 {
        let all = || of_pair[group.reports.clone()].iter().flatten();
        let [first, last] = [group.reports.start, group.reports.end - 1].map(|i| history[i].0);
        let [least, most] =
            [f64::min, f64::max].map(|pick| all().map(|row| row.relative).reduce(pick).unwrap_or(f64::NAN));
        let range = format!("relative distance {} to {}", figure(least, 4), figure(most, 4));
        tip.push(format!("steps {first} to {last}: {range}"));
        if all().any(|row| self::look(row) == Look::Diverged) {
            look = Look::Diverged;
            tip.push("not finite at times".into());
        }
    }
    Some(Cell { row, look, tip: tip.join("; ") })
}

fn look(row: &Row) -> Look {
    match row.relative {
        _ if row.regime == Regime::Shared => Look::Shared,
        relative if !(relative.is_finite() && row.distance.is_finite()) => Look::Diverged,
        relative if relative > 0.0 => Look::Apart(relative),
        _ => Look::Equal,
    }
}

fn numbers(row: &Row) -> String {
    let regime = match row.regime {
        Regime::Free => "free",
        Regime::Coupled => "coupled",
        Regime::Shared => return "shared".into(),
    };
    let [relative, distance] = [row.relative, row.distance].map(|x| figure(x, 4));
    let further = [("strength", row.strength), ("pull", row.pull)].into_iter();
    let further = further.filter_map(|(name, number)| Some(format!(", {name} {}", figure(number?, 4))));
    format!("{regime}, relative distance {relative}, distance {distance}{}", further.collect::<String>())
}

/// A number with this many significant digits, without zeros at its end.
pub fn figure(x: f64, digits: usize) -> String {
    match x {
        0.0 => return "0".into(),
        f64::INFINITY => return "∞".into(),
        _ if !x.is_finite() => return x.to_string(),
        _ => {}
    }
    let scientific = format!("{x:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let short = |text: &str| {
        let end = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        end.to_string()
    };
    if (-3..5).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        short(&format!("{x:.decimals$}"))
    } else {
        format!("{}e{exponent}", short(mantissa))
    }
}
