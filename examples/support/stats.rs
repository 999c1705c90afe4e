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

/// A mean and a spread. Shown with as many decimals as the format asks for, else one:
/// `{:.2}` gives `93.64 ± 0.41`, `{:+.1}` gives `+3.1 ± 0.7`. An unknown spread shows as `?`.
#[derive(Clone, Copy, Debug, PartialEq)]
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

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        if f.sign_plus() {
            write!(f, "{:+.decimals$}", self.mean)?;
        } else {
            write!(f, "{:.decimals$}", self.mean)?;
        }
        match self.spread {
            Some(spread) => write!(f, " ± {spread:.decimals$}"),
            None => write!(f, " ± ?"),
        }
    }
}
