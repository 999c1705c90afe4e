//! Two models on the same draws, the shared one and the one that shares nothing: in a table, a picture and words.

use serde_json::json;

use super::format::{Table, count};
use super::plot::{Axis, Look, Mark, Panel, Plot, Point, Series, svg};
use super::stats::{Estimate, rounded_sign, signed};

/// What both models reached.
pub struct Versus {
    /// Of the shared model, and of the other.
    pub names: [&'static str; 2],
    /// What changes along a case: "training images".
    pub x: &'static str,
    /// What is measured: "test accuracy, %".
    pub y: &'static str,
    /// Whether less of it is better.
    pub less: bool,
    /// Decimals of what is measured.
    pub decimals: usize,
    /// A panel each.
    pub cases: Vec<Case>,
}

/// A kind of data or of model, and what was measured there: x, and for each of the two models a value by seed.
pub struct Case {
    /// As in "on …".
    pub name: String,
    /// By rising x.
    pub points: Vec<(usize, [Vec<f64>; 2])>,
}

impl Case {
    /// The paired differences, shared less other.
    pub fn differences(&self) -> Vec<Estimate> {
        self.points.iter().map(|(_, [shared, other])| Estimate::paired_difference(shared, other)).collect()
    }
}

impl Versus {
    /// Takes in results that stand in a row: by case, by x, the shared model's before the other's, by seed.
    ///
    /// # Panics
    /// If there are not two for each x and case.
    #[track_caller]
    pub fn fill<R>(mut self, cases: &[&str], xs: &[usize], results: &[Vec<R>], value: impl Fn(&R) -> f64) -> Versus {
        assert_eq!(results.len(), 2 * xs.len() * cases.len(), "two models for each of {xs:?} in {cases:?}");
        let values = |results: &Vec<R>| results.iter().map(&value).collect();
        for (name, results) in cases.iter().zip(results.chunks(2 * xs.len())) {
            let points = xs.iter().zip(results.chunks(2)).map(|(&x, both)| (x, [values(&both[0]), values(&both[1])]));
            self.cases.push(Case { name: (*name).into(), points: points.collect() });
        }
        self
    }

    /// A row for each case and x: means ± standard errors, and the paired difference.
    pub fn table(&self) -> Table {
        let [shared, other] = self.names;
        let mut table = Table::new(["", self.x, shared, other, &format!("{shared} − {other}")]);
        for case in &self.cases {
            for ((x, values), difference) in case.points.iter().zip(case.differences()) {
                let [shared, other] =
                    values.each_ref().map(|values| format!("{:.*}", self.decimals, Estimate::with_error(values)));
                table.row([case.name.clone(), count(*x), shared, other, format!("{difference:+.*}", self.decimals)]);
            }
        }
        table
    }

    /// A panel for each case, over a logarithmic x.
    pub fn picture(&self, title: &str, subtitle: &str) -> String {
        let series = |case: &Case, model: usize| Series {
            label: self.names[model].into(),
            colour: model,
            look: Look::Line,
            points: (case.points.iter())
                .map(|(x, values)| (*x as f64, Estimate::with_error(&values[model])))
                .map(|(x, Estimate { mean, spread })| Point { x, y: mean, spread })
                .collect(),
        };
        let panel = |case: &Case| Panel {
            title: case.name.clone(),
            x: Axis {
                label: self.x.into(),
                log: true,
                ticks: case.points.iter().map(|(x, _)| (*x as f64, count(*x))).collect(),
                range: None,
            },
            y: Axis { label: self.y.into(), ..Axis::default() },
            series: vec![series(case, 0), series(case, 1)],
            marks: Vec::new(),
        };
        svg(&Plot {
            title: title.into(),
            subtitle: subtitle.into(),
            columns: if self.cases.len() == 4 { 2 } else { self.cases.len().min(3) },
            panels: self.cases.iter().map(panel).collect(),
        })
    }

    /// The paired differences, shared less other, in one panel: for models that are too close to be told apart.
    pub fn picture_of_differences(&self, title: &str, subtitle: &str) -> String {
        let point = |(x, _): &(usize, _), Estimate { mean, spread }| Point { x: *x as f64, y: mean, spread };
        let series = |(colour, case): (usize, &Case)| Series {
            label: case.name.clone(),
            colour,
            look: Look::Line,
            points: case.points.iter().zip(case.differences()).map(|(at, difference)| point(at, difference)).collect(),
        };
        let xs = self.cases.iter().flat_map(|case| case.points.iter().map(|(x, _)| (*x as f64, count(*x))));
        let mut ticks: Vec<(f64, String)> = xs.collect();
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        ticks.dedup();
        let panel = Panel {
            title: format!("{} − {}", self.names[0], self.names[1]),
            x: Axis { label: self.x.into(), log: true, ticks, range: None },
            y: Axis { label: self.y.into(), ..Axis::default() },
            series: self.cases.iter().enumerate().map(series).collect(),
            marks: vec![Mark::Horizontal(0.0, String::new())],
        };
        svg(&Plot { title: title.into(), subtitle: subtitle.into(), columns: 1, panels: vec![panel] })
    }

    /// "on …, with 50 to 1,000 training images, it is from −0.3 to +1.2 (beyond two standard errors …)".
    pub fn words(&self, case: usize) -> String {
        let case = &self.cases[case];
        let xs: Vec<String> = case.points.iter().map(|(x, _)| count(*x)).collect();
        let xs = match xs.as_slice() {
            [first, .., last] => format!("{first} to {last}"),
            _ => xs.concat(),
        };
        let differences = differences(&case.differences(), self.less, self.decimals);
        format!("on {}, with {xs} {}, it is {differences}", case.name, self.x)
    }

    /// All values, for programs.
    pub fn figures(&self) -> serde_json::Value {
        let cases = self.cases.iter().map(|case| json!({ "name": case.name, "points": case.points }));
        json!({ "models": self.names, "x": self.x, "y": self.y, "cases": cases.collect::<Vec<_>>() })
    }
}

/// Differences in words: the range of the means, and how often they are beyond doubt: "from −0.3 to +1.2 (beyond two
/// standard errors better in 3 of 5 cases, worse in none)". What is shown as zero is neither better nor worse.
pub fn differences(differences: &[Estimate], less: bool, decimals: usize) -> String {
    let sure = |d: &&Estimate| d.spread.is_some_and(|spread| d.mean.abs() > 2.0 * spread);
    let count = |sign: i32| differences.iter().filter(sure).filter(|d| rounded_sign(d.mean, decimals) == sign).count();
    let [too_small, above, below] = [0, 1, -1].map(count);
    let [better, worse] = if less { [below, above] } else { [above, below] };
    if let [one] = differences {
        let verdict = match (one.spread, better, worse) {
            (None, ..) => NO_ERROR,
            (_, 1, _) => "better beyond two standard errors",
            (_, _, 1) => "worse beyond two standard errors",
            _ => "neither better nor worse beyond doubt",
        };
        return format!("{one:+.decimals$} ({verdict})");
    }
    let (all, [better, worse]) = (differences.len(), [better, worse].map(or_none));
    let zero = if too_small > 0 { format!("; {:.decimals$} counts as neither", 0.0) } else { String::new() };
    let verdict = if differences.iter().all(|difference| difference.spread.is_none()) {
        NO_ERROR.into()
    } else {
        format!("beyond two standard errors better in {better} of {all} cases, worse in {worse}{zero}")
    };
    let means = || differences.iter().map(|difference| difference.mean);
    let [least, most] = [means().min_by(f64::total_cmp), means().max_by(f64::total_cmp)];
    let [least, most] = [least, most].map(|end| signed(end.unwrap_or(f64::NAN), decimals));
    if least == most { format!("{most} each time ({verdict})") } else { format!("from {least} to {most} ({verdict})") }
}

/// Why nothing can be said.
const NO_ERROR: &str = "one draw has no standard error";

/// "none", "1".
fn or_none(count: usize) -> String {
    if count == 0 { "none".into() } else { count.to_string() }
}

/// "a, b and c".
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}
