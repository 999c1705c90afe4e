//! Which parameters belong together.

use std::fmt;

use tandem_autograd::{Float, ParamId, Params, Shape};

/// Two names of parameters of one shape that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name that keeps its slot when the two are tied.
    pub first: ParamId,
    /// The name that takes the other's slot.
    pub second: ParamId,
}

impl Pair {
    /// Whether one value is stored for both names.
    #[track_caller]
    pub fn is_shared<T: Float>(self, params: &Params<T>) -> bool {
        params.slot(self.first) == params.slot(self.second)
    }
}

/// Which parameters of two models belong together, in the order in which the first model's were
/// added to the store.
///
/// Plain names: a pairing holds no numbers, and it is also good for a clone of the store.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::Pairing;
/// let mut params = Params::<f32>::new();
/// for (path, shape) in [("a.0.weight", [4, 8]), ("a.1.weight", [8, 3]), ("b.0.weight", [4, 8]), ("b.1.weight", [8, 5])] {
///     params.add(path, Tensor::zeros(shape));
/// }
/// // The last layers tell different classes apart, and are left out on purpose.
/// let pairing = Pairing::by_path_where(&params, "a", "b", |rest| rest.starts_with("0."))?;
/// assert_eq!(pairing.pairs().len(), 1);
///
/// let error = Pairing::by_path(&params, "a", "b").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`a` and `b` do not pair:\n  `a.1.weight` has shape [8, 3], but `b.1.weight` has shape [8, 5]"
/// );
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    pairs: Vec<Pair>,
}

impl Pairing {
    /// Pairs every parameter `first.rest` with `second.rest`. A prefix is made of whole segments of
    /// a path: `a` is a prefix of `a.weight` and of `a` itself, not of `ab.weight`.
    ///
    /// # Errors
    /// One error that lists every name without a partner, on either side, every pair whose shapes
    /// differ, and each prefix that no name has.
    pub fn by_path<T: Float>(params: &Params<T>, first: &str, second: &str) -> Result<Pairing, PairingError> {
        Pairing::by_path_where(params, first, second, |_| true)
    }

    /// As [`by_path`](Pairing::by_path), for the parameters whose `rest` is chosen. The others need
    /// no partner: this is how models pair that have only some parameters in common.
    ///
    /// # Errors
    /// Those of [`by_path`](Pairing::by_path), about the chosen names alone; and if none is chosen.
    pub fn by_path_where<T: Float>(
        params: &Params<T>,
        first: &str,
        second: &str,
        mut chosen: impl FnMut(&str) -> bool,
    ) -> Result<Pairing, PairingError> {
        let mut mismatches = Vec::new();
        let mut under = |prefix: &str| {
            let mut names: Vec<(ParamId, &str)> =
                params.names().filter_map(|(id, path)| Some((id, tail(path, prefix)?))).collect();
            if names.is_empty() {
                mismatches.push(Mismatch::Prefix { prefix: prefix.into() });
            }
            names.retain(|(_, tail)| chosen(tail.strip_prefix('.').unwrap_or(tail)));
            names
        };
        let (firsts, seconds) = (under(first), under(second));
        if mismatches.is_empty() && firsts.is_empty() && seconds.is_empty() {
            mismatches.push(Mismatch::NothingChosen);
        }
        let mut pairs = Vec::new();
        if mismatches.is_empty() {
            let mut missing = |id, partner| {
                mismatches.push(Mismatch::Missing { name: params.name(id).into(), partner });
            };
            for (id, tail) in &firsts {
                match seconds.iter().find(|(_, other)| other == tail) {
                    Some((partner, _)) => pairs.push(Pair { first: *id, second: *partner }),
                    None => missing(*id, format!("{second}{tail}").into()),
                }
            }
            for (id, tail) in &seconds {
                if !firsts.iter().any(|(_, other)| other == tail) {
                    missing(*id, format!("{first}{tail}").into());
                }
            }
            mismatches.extend(pairs.iter().filter_map(|pair| differing_shapes(params, *pair)));
        }
        if mismatches.is_empty() {
            return Ok(Pairing { pairs });
        }
        Err(PairingError { first: first.into(), second: second.into(), mismatches })
    }

    /// The pairs, in their fixed order.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Bytes of the list, as it has grown.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.pairs.capacity() * size_of::<Pair>()
    }

    /// A table for the reader: both names, the shape, and whether the pair is free or shared in
    /// this store.
    pub fn table<'a, T: Float>(&'a self, params: &'a Params<T>) -> Table<'a, T> {
        Table { pairing: self, params }
    }
}

/// What stands behind a prefix of whole segments, from the dot on; nothing behind the prefix itself.
fn tail<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|tail| tail.is_empty() || tail.starts_with('.'))
}

fn differing_shapes<T: Float>(params: &Params<T>, pair: Pair) -> Option<Mismatch> {
    let (first_shape, second_shape) = (params.get(pair.first).shape(), params.get(pair.second).shape());
    (first_shape != second_shape).then(|| Mismatch::Shape {
        first: params.name(pair.first).into(),
        first_shape,
        second: params.name(pair.second).into(),
        second_shape,
    })
}

/// A [`Pairing`] as it stands in a store, to be displayed.
pub struct Table<'a, T: Float> {
    pairing: &'a Pairing,
    params: &'a Params<T>,
}

impl<T: Float> fmt::Display for Table<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["first", "second", "shape", "status"].map(String::from)];
        for pair in self.pairing.pairs() {
            let [first, second] = [pair.first, pair.second].map(|id| self.params.name(id).to_string());
            let status = match pair.is_shared(self.params) {
                _ if pair.first == pair.second => "one name",
                true => "shared",
                false => "free",
            };
            rows.push([first, second, self.params.get(pair.first).shape().to_string(), status.into()]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [a, b, c] = [0, 1, 2].map(width);
        for (i, [first, second, shape, status]) in rows.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{first:a$}  {second:b$}  {shape:c$}  {status}")?;
        }
        Ok(())
    }
}

/// Why two sets of parameters do not pair: everything that stands in the way, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` do not pair:{}", lines(mismatches))]
pub struct PairingError {
    /// The prefix of the first names.
    pub first: Box<str>,
    /// The prefix of the second names.
    pub second: Box<str>,
    /// What stands in the way.
    pub mismatches: Vec<Mismatch>,
}

/// One thing that keeps two sets of parameters from pairing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// There is no name under a prefix.
    #[error("no parameter is named `{prefix}` or `{prefix}.…`")]
    Prefix {
        /// The prefix.
        prefix: Box<str>,
    },
    /// There are names under the prefixes, and none was chosen.
    #[error("no parameter was chosen")]
    NothingChosen,
    /// A name has no partner.
    #[error("`{name}` has no partner `{partner}`")]
    Missing {
        /// The name.
        name: Box<str>,
        /// The name that its partner would have.
        partner: Box<str>,
    },
    /// Two names belong together, but hold tensors of different shapes.
    #[error("`{first}` has shape {first_shape}, but `{second}` has shape {second_shape}")]
    Shape {
        /// The first name.
        first: Box<str>,
        /// Its shape.
        first_shape: Shape,
        /// The second name.
        second: Box<str>,
        /// Its shape.
        second_shape: Shape,
    },
}

fn lines(mismatches: &[Mismatch]) -> String {
    mismatches.iter().fold(String::new(), |lines, mismatch| lines + "\n  " + &mismatch.to_string())
}

#[cfg(test)]
mod tests {
    use tandem_autograd::Tensor;

    use super::*;

    fn store(names: &[(&str, &[usize])]) -> Params<f32> {
        let mut params = Params::new();
        for (path, shape) in names {
            params.add(path, Tensor::zeros(*shape));
        }
        params
    }

    fn names(params: &Params<f32>, pairing: &Pairing) -> Vec<(String, String)> {
        let name = |id| params.name(id).to_string();
        pairing.pairs().iter().map(|pair| (name(pair.first), name(pair.second))).collect()
    }

    #[test]
    fn names_pair_by_whole_segments_in_the_order_of_the_first_model() {
        let params = store(&[
            ("b.y", &[2]),
            ("ab.x", &[9]),
            ("a.y", &[2]),
            ("b.x.w", &[3, 1]),
            ("a.x.w", &[3, 1]),
            ("a", &[]),
            ("b", &[]),
            ("b.", &[7]),
            ("a.", &[7]),
        ]);
        let pairs = names(&params, &Pairing::by_path(&params, "a", "b").unwrap());
        let expected = [("a.y", "b.y"), ("a.x.w", "b.x.w"), ("a", "b"), ("a.", "b.")];
        assert_eq!(pairs, expected.map(|(a, b)| (a.into(), b.into())));
        let pairs = names(&params, &Pairing::by_path(&params, "b.x", "a.x").unwrap());
        assert_eq!(pairs, [("b.x.w".into(), "a.x.w".into())]);
    }

    #[test]
    fn one_error_lists_all_that_stands_in_the_way() {
        let params = store(&[
            ("a.0.weight", &[4, 8]),
            ("a.0.bias", &[8]),
            ("a.1.weight", &[8, 3]),
            ("b.0.weight", &[4, 9]),
            ("b.1.weight", &[3, 8]),
            ("b.1.bias", &[3]),
            ("ab.0.bias", &[8]),
        ]);
        let message = |result: Result<Pairing, PairingError>| result.unwrap_err().to_string();
        insta::assert_snapshot!(message(Pairing::by_path(&params, "a", "b")), @r"
        `a` and `b` do not pair:
          `a.0.bias` has no partner `b.0.bias`
          `b.1.bias` has no partner `a.1.bias`
          `a.0.weight` has shape [4, 8], but `b.0.weight` has shape [4, 9]
          `a.1.weight` has shape [8, 3], but `b.1.weight` has shape [3, 8]
        ");
        insta::assert_snapshot!(message(Pairing::by_path(&params, "x", "a.")), @r"
        `x` and `a.` do not pair:
          no parameter is named `x` or `x.…`
          no parameter is named `a.` or `a..…`
        ");
        insta::assert_snapshot!(message(Pairing::by_path(&params, "a.0", "c")), @r"
        `a.0` and `c` do not pair:
          no parameter is named `c` or `c.…`
        ");
        insta::assert_snapshot!(message(Pairing::by_path_where(&params, "a", "b", |rest| rest == "2.bias")), @r"
        `a` and `b` do not pair:
          no parameter was chosen
        ");
        // A choice leaves nothing out without a word: what is chosen needs a partner.
        insta::assert_snapshot!(message(Pairing::by_path_where(&params, "a", "b", |rest| rest == "1.bias")), @r"
        `a` and `b` do not pair:
          `b.1.bias` has no partner `a.1.bias`
        ");
    }

    #[test]
    fn the_table_tells_what_is_shared() {
        let mut params = store(&[("a.weight", &[2, 3]), ("a.b", &[3]), ("long.weight", &[2, 3]), ("long.b", &[3])]);
        let pairing = Pairing::by_path(&params, "a", "long").unwrap();
        let pair = pairing.pairs()[0];
        params.tie(pair.second, pair.first).unwrap();
        insta::assert_snapshot!(pairing.table(&params), @r"
        first     second       shape   status
        a.weight  long.weight  [2, 3]  shared
        a.b       long.b       [3]     free
        ");
        let itself = Pairing::by_path(&params, "a.b", "a.b").unwrap();
        insta::assert_snapshot!(itself.table(&params), @r"
        first  second  shape  status
        a.b    a.b     [3]    one name
        ");
    }
}
