//! Means and how far to trust them.

use std::fmt;

/// x̄ = (1/n) Σ xᵢ.
///
/// # Panics
/// If there are no values.
#[track_caller]
pub fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "the mean of no values");
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation, s = √(Σ (xᵢ − x̄)² / (n − 1)): how much single values differ.
/// `None` for a single value, of which nothing is known.
#[track_caller]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// The standard error of the mean, s / √n: how much the mean would differ on fresh draws.
#[track_caller]
pub fn standard_error(values: &[f64]) -> Option<f64> {
    standard_deviation(values).map(|s| s / (values.len() as f64).sqrt())
}

/// The slope of the straight line with the least squares through points (x, y).
pub fn slope(points: &[[f64; 2]]) -> f64 {
    let [x, y] = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64);
    let products: f64 = points.iter().map(|[a, b]| (a - x) * (b - y)).sum();
    products / points.iter().map(|[a, _]| (a - x).powi(2)).sum::<f64>()
}

/// Of several settings the better one, picked fairly: `by_setting` has a value for each seed. Seeds at odd places get
/// the setting with the best mean over those at even places, and the other way round, so that no value was
/// picked by itself. With a single seed there is no other half.
///
/// # Panics
/// If there are no settings, or no seeds.
#[track_caller]
pub fn best_on_the_other_half(by_setting: &[Vec<f64>]) -> Vec<f64> {
    let count = by_setting.first().map_or(0, Vec::len);
    let best = |half: usize| {
        let mean_of_half = |values: &Vec<f64>| {
            let other: Vec<f64> = values.iter().skip(if count > 1 { half } else { 0 }).step_by(2).copied().collect();
            mean(&other)
        };
        by_setting.iter().max_by(|a, b| mean_of_half(a).total_cmp(&mean_of_half(b))).expect("a setting")
    };
    let halves = [best(1), best(0)];
    (0..count).map(|seed| halves[seed % 2][seed]).collect()
}

/// A mean and a spread. Shown with as many decimals as the format asks for, else one:
/// `{:.2}` gives `93.64 ± 0.41`, `{:+.1}` gives `+3.1 ± 0.7` or `−3.1 ± 0.7`. A mean that rounds to zero has no sign,
/// an unknown spread shows as `?`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// A standard deviation or a standard error, as the constructor says.
    pub spread: Option<f64>,
}

impl Estimate {
    /// The mean ± the standard deviation of single values.
    #[track_caller]
    pub fn with_deviation(values: &[f64]) -> Estimate {
        Estimate { mean: mean(values), spread: standard_deviation(values) }
    }

    /// The mean ± its standard error.
    #[track_caller]
    pub fn with_error(values: &[f64]) -> Estimate {
        Estimate { mean: mean(values), spread: standard_error(values) }
    }

    /// The mean of aᵢ − bᵢ ± its standard error. Where each pair was measured on the same draw, what
    /// is common to both cancels, and small differences can be told from none.
    ///
    /// # Panics
    /// If the lists differ in length.
    #[track_caller]
    pub fn paired_difference(a: &[f64], b: &[f64]) -> Estimate {
        assert_eq!(a.len(), b.len(), "a paired difference needs as many values on both sides");
        Estimate::with_error(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    }
}

/// 1 above zero, −1 below, 0 for what so many decimals show as zero (and for what is no number).
pub fn rounded_sign(x: f64, decimals: usize) -> i32 {
    let shown: f64 = format!("{x:.decimals$}").parse().unwrap_or(x);
    i32::from(shown > 0.0) - i32::from(shown < 0.0)
}

/// With a sign, but for what is shown as zero: `+3.1`, `−3.1`, `0.0`.
pub fn signed(x: f64, decimals: usize) -> String {
    let sign = ["−", "", "+"][(rounded_sign(x, decimals) + 1) as usize];
    format!("{sign}{:.decimals$}", x.abs())
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        let mean = signed(self.mean, decimals);
        f.write_str(if f.sign_plus() { &mean } else { mean.trim_start_matches('+') })?;
        match self.spread {
            Some(spread) => write!(f, " ± {spread:.decimals$}"),
            None => write!(f, " ± ?"),
        }
    }
}
