//! A parameter, or some of its rows: what stands on one side of a pair.

use std::ops::{Bound, Range, RangeBounds};

use tandem_autograd::{Float, ParamId, Params, Shape, Tape, Var};

/// A parameter, or some of its rows: the places of its first axis from `start` to before `end`.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::Part;
/// let mut params = Params::<f32>::new();
/// let id = params.add("words", Tensor::zeros([100, 8]));
/// let (whole, part) = (Part::from(id), Part { id, rows: Some([10, 15]) });
/// assert_eq!((whole.name(&params), whole.shape(&params).to_vec()), ("words".into(), vec![100, 8]));
/// assert_eq!((part.name(&params), part.shape(&params).to_vec()), ("words[10..15]".into(), vec![5, 8]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The parameter.
    pub id: ParamId,
    /// Start and end of the rows; `None` for the whole parameter.
    pub rows: Option<[u32; 2]>,
}

impl From<ParamId> for Part {
    fn from(id: ParamId) -> Part {
        Part { id, rows: None }
    }
}

impl Part {
    /// The name in this store, with the rows if it is not the whole parameter: `a.weight[0..5]`.
    #[track_caller]
    pub fn name<T: Float>(self, params: &Params<T>) -> String {
        let name = params.name(self.id);
        self.rows.map_or_else(|| name.to_string(), |[start, end]| format!("{name}[{start}..{end}]"))
    }

    /// The shape: that of the parameter, with as many rows as were chosen.
    #[track_caller]
    pub fn shape<T: Float>(self, params: &Params<T>) -> Shape {
        let shape = params.get(self.id).shape();
        self.rows.map_or(shape, |[start, end]| shape.with(0, (end - start) as usize))
    }

    /// Where the numbers stand among those of the parameter.
    pub(crate) fn range<T: Float>(self, params: &Params<T>) -> Range<usize> {
        let value = params.get(self.id);
        let Some([start, end]) = self.rows else { return 0..value.len() };
        let row = value.len() / (value.shape()[0] as usize).max(1);
        start as usize * row..end as usize * row
    }

    /// The numbers; none in a dry run.
    pub(crate) fn numbers<T: Float>(self, params: &Params<T>) -> &[T] {
        params.get(self.id).data().get(self.range(params)).unwrap_or(&[])
    }

    #[track_caller]
    pub(crate) fn on_tape<'t, T: Float>(self, tape: &'t Tape<'_, T>) -> Var<'t, T> {
        let value = tape.param(self.id);
        match self.rows {
            Some([start, end]) => value.slice(0, start as usize, (end - start) as usize),
            None => value,
        }
    }

    /// Whether the same numbers stand behind both.
    #[track_caller]
    pub(crate) fn is<T: Float>(self, other: Part, params: &Params<T>) -> bool {
        self.rows == other.rows && params.slot(self.id) == params.slot(other.id)
    }

    /// Whether some number stands behind both.
    pub(crate) fn overlaps<T: Float>(self, other: Part, params: &Params<T>) -> bool {
        let (a, b) = (self.range(params), other.range(params));
        params.slot(self.id) == params.slot(other.id) && a.start < b.end && b.start < a.end
    }
}

/// A name in a list of pairs, perhaps with some of its rows: what [`rows`] makes, or a plain `&str`.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Named, Pairing, rows};
/// let mut params = Params::<f32>::new();
/// for name in ["a", "b"] {
///     params.add(name, Tensor::zeros([4, 2]));
/// }
/// let list: [(Named, Named); 2] = [(rows("a", ..2), rows("b", 2..)), ("a".into(), "b".into())];
/// let pairing = Pairing::list(&params, list)?;
/// assert_eq!(pairing.pairs()[0].second.name(&params), "b[2..4]");
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub(crate) path: &'a str,
    /// First row, and the row after the last if there is a bound.
    pub(crate) rows: Option<(usize, Option<usize>)>,
}

impl<'a> From<&'a str> for Named<'a> {
    fn from(path: &'a str) -> Named<'a> {
        Named { path, rows: None }
    }
}

/// Some rows of a parameter, for [`Pairing::list`](crate::Pairing::list); `rows(path, ..)` is the whole parameter.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Pairing, rows};
/// let mut params = Params::<f32>::new();
/// for name in ["a", "b"] {
///     params.add(name, Tensor::zeros([4, 2]));
/// }
/// let named = |range| Pairing::list(&params, [(rows("a", range), rows("b", ..=1))]);
/// assert_eq!(named(1..3)?.pairs()[0].first.rows, Some([1, 3]));
/// assert!(named(1..4).is_err() && named(3..5).is_err());         // three rows against two; row 4 of 4
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
pub fn rows(path: &str, range: impl RangeBounds<usize>) -> Named<'_> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => Some(last + 1),
        Bound::Excluded(&end) => Some(end),
        Bound::Unbounded => None,
    };
    Named { path, rows: ((start, end) != (0, None)).then_some((start, end)) }
}
