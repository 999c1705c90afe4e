//! A pairing as a table.

use std::fmt;

use tandem_autograd::{Float, Params};

use super::Pairing;

/// A [`Pairing`] as it stands in a store, to be displayed.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::Pairing;
/// # let mut params = Params::<f32>::new();
/// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::zeros([3])));
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// assert!(pairing.table(&params).to_string().ends_with("free"));
/// params.tie(b, a)?;
/// assert!(pairing.table(&params).to_string().ends_with("shared"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Table<'a, T: Float> {
    pub(super) pairing: &'a Pairing,
    pub(super) params: &'a Params<T>,
}

impl<T: Float> fmt::Display for Table<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { pairing, params } = *self;
        let weighted = pairing.pairs.iter().any(|pair| pair.weight != 1.0);
        let row = |[first, second, shape, weight, status]: [String; 5]| {
            if weighted { vec![first, second, shape, weight, status] } else { vec![first, second, shape, status] }
        };
        let mut rows = vec![row(["first", "second", "shape", "weight", "status"].map(String::from))];
        for pair in &pairing.pairs {
            let [first, second] = [pair.first, pair.second].map(|part| part.name(params));
            let status = match pair.is_shared(params) {
                _ if pair.first == pair.second => "one name, counts as zero",
                true => "shared",
                false => "free",
            };
            let shape = pair.first.shape(params).to_string();
            rows.push(row([first, second, shape, pair.weight.to_string(), status.into()]));
        }
        for &id in &pairing.left_out {
            let (name, shape) = (params.name(id).to_string(), params.get(id).shape().to_string());
            rows.push(row([name, "–".into(), shape, "–".into(), "left out".into()]));
        }
        f.write_str(&lay_out(&rows))
    }
}

/// Rows of equally many cells, below each other.
pub(crate) fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
