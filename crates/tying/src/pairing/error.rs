//! Why parameters do not pair: everything that stands in the way, at once.

use tandem_autograd::Shape;

/// Why two sets of parameters do not pair: everything that stands in the way, at once.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::Pairing;
/// # let mut params = Params::<f32>::new();
/// for (name, shape) in [("a.v", [2]), ("a.w", [2]), ("b.v", [3])] {
///     params.add(name, Tensor::zeros(shape));
/// }
/// let error = Pairing::by_path(&params, "a", "b").unwrap_err();
/// let message = "\
/// `a` and `b` do not pair:
///   `a.w` has no partner `b.w`
///   `a.v` has shape [2], but `b.v` has shape [3]";
/// assert_eq!((error.to_string(), error.mismatches.len()), (message.into(), 2));
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}:{}", lines(mismatches))]
pub struct PairingError {
    /// What was to pair.
    pub what: Box<str>,
    /// What stands in the way.
    pub mismatches: Vec<Mismatch>,
}

/// One thing that keeps two sets of parameters from pairing.
///
/// ```
/// use tandem_tying::Mismatch;
/// let mismatch = Mismatch::Weight { from: "a".into(), to: "b".into(), weight: -1.0 };
/// assert_eq!(mismatch.to_string(), "the edge `a` to `b`: expected a finite weight of at least 0, found -1");
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// There is no name under a prefix.
    #[error("no parameter is named `{prefix}` or `{prefix}.…`")]
    Prefix {
        /// The prefix.
        prefix: Box<str>,
    },
    /// There are names, and none was chosen.
    #[error("no parameter was chosen")]
    NothingChosen,
    /// A name has no partner.
    #[error("`{name}` has no partner {partner}")]
    Missing {
        /// The name.
        name: Box<str>,
        /// The name that its partner would have, or what else tells it.
        partner: Box<str>,
    },
    /// Several names of a side have one key.
    #[error("key `{key}` may mean any of {names:?}")]
    Ambiguous {
        /// The key.
        key: Box<str>,
        /// All names with this key, on both sides.
        names: Vec<Box<str>>,
    },
    /// There is no such name.
    #[error("there is no parameter `{name}`")]
    Unknown {
        /// The name.
        name: Box<str>,
    },
    /// A parameter has no such rows.
    #[error("`{name}` of shape {shape} has no rows {start}..{end}")]
    Rows {
        /// The name.
        name: Box<str>,
        /// Its shape.
        shape: Shape,
        /// The first row.
        start: usize,
        /// The row after the last.
        end: usize,
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
    /// A pair stands in a list, or follows from a graph, twice.
    #[error("`{first}` and `{second}` are paired twice")]
    Twice {
        /// The first name.
        first: Box<str>,
        /// The second name.
        second: Box<str>,
    },
    /// This is no pattern.
    #[error("`{pattern}` is no pattern: {reason}")]
    Pattern {
        /// What was given.
        pattern: Box<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An edge of a graph leads to a model that is none of its models.
    #[error("the edge `{from}` to `{to}` leads to an unknown model `{unknown}`; the models are {models:?}")]
    Model {
        /// Where the edge starts.
        from: Box<str>,
        /// Where it leads.
        to: Box<str>,
        /// Which of the two is unknown.
        unknown: Box<str>,
        /// The models of the graph.
        models: Vec<Box<str>>,
    },
    /// The weight of an edge is negative or not finite.
    #[error("the edge `{from}` to `{to}`: expected a finite weight of at least 0, found {weight}")]
    Weight {
        /// Where the edge starts.
        from: Box<str>,
        /// Where it leads.
        to: Box<str>,
        /// Its weight.
        weight: f64,
    },
}

pub(crate) fn lines<L: ToString>(all: &[L]) -> String {
    all.iter().fold(String::new(), |lines, line| lines + "\n  " + &line.to_string())
}
