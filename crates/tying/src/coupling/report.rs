//! Where every pair stands: how far apart, how strongly held, and what it takes.

use std::fmt;

use serde::Serialize;
use tandem_autograd::{Float, Gradients, Params, Tape};

use super::Coupling;
use super::link::{Link, Second};
use crate::pairing::lay_out;

/// Where a pair stands on the line.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, Pairing, Regime, Strength};
/// # let mut params = Params::<f64>::new();
/// # for name in ["a.w", "b.w"] {
/// #     params.add(name, Tensor::scalar(0.0));
/// # }
/// # let pairing = Pairing::by_path(&params, "a", "b")?;
/// let mut coupling = Coupling::new(&mut params, pairing, Strength::Free)?;
/// for (strength, regime) in [
///     (Strength::Free, Regime::Free),
///     (Strength::Coupled(0.1), Regime::Coupled),
///     (Strength::Shared, Regime::Shared),
/// ] {
///     coupling.set_strength(&mut params, strength)?;
///     assert_eq!(coupling.report(&params, None).pairs[0].regime, regime);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Nothing holds it (λ or its weight is 0).
    Free,
    /// A penalty holds it.
    Coupled,
    /// It is stored once.
    Shared,
}

/// One pair in a [`Report`].
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, Pairing, Strength};
/// # let mut params = Params::<f32>::new();
/// for name in ["a.w", "b.w"] {
///     params.add(name, Tensor::zeros([10, 10]));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let mut coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.1))?;
/// let row = &coupling.report(&params, None).pairs[0];
/// assert_eq!((row.strength, row.bytes_saved, row.bytes_savable), (Some(0.1), 0, 400));
/// coupling.set_strength(&mut params, Strength::Shared)?;
/// let row = &coupling.report(&params, None).pairs[0];
/// assert_eq!((row.strength, row.bytes_saved, row.bytes_savable), (None, 400, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The first name.
    pub first: String,
    /// The second name, or what else the first is held to.
    pub second: String,
    /// The shape of both.
    pub shape: Vec<usize>,
    /// ‖d‖.
    pub distance: f64,
    /// ‖d‖ / max(‖wA‖, ‖wB‖); 0 if both are 0.
    pub relative: f64,
    /// λ times the pair's weight, the mean of its weights if each number has one; none if it is shared.
    pub strength: Option<f64>,
    /// The norm of this pair's share in the penalty's gradient against that of the data's, over both sides. Of a pair
    /// that has its parameters to itself it is 1 at an optimum; below, the data lead, above, the penalty. None if the
    /// data's gradient was not given or is zero.
    pub pull: Option<f64>,
    /// Where the pair stands.
    pub regime: Regime,
    /// Bytes of parameters that are saved because it is shared: of this pair alone. Pairs that hang together, and names
    /// that are tied within a model, can't be added up; the store can ([`Params::bytes`]).
    pub bytes_saved: usize,
    /// Bytes of parameters that sharing would save.
    pub bytes_savable: usize,
}

/// Where every pair of a coupling stands, at one moment: displayed, it is a table.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, Pairing, Strength};
/// # let mut params = Params::<f32>::new();
/// for (name, x) in [("a.w", 3.0), ("b.w", 4.0)] {
///     params.add(name, Tensor::scalar(x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
/// let table = "\
/// SquaredL2, coupled, λ = 0.5
/// first  second  shape  distance  relative  strength  pull  regime   saved  savable
/// a.w    b.w     []     1.0000    0.2500    0.5       –     coupled  0      4";
/// assert_eq!(coupling.report(&params, None).to_string(), table);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The penalty.
    pub penalty: String,
    /// The strength, in words.
    pub strength: String,
    /// λ.
    pub lambda: f64,
    /// The pairs.
    pub pairs: Vec<Row>,
}

impl Report {
    /// The report as JSON.
    ///
    /// ```
    /// let report = tandem_tying::Report {
    ///     penalty: "L1".into(),
    ///     strength: "coupled, λ = 0.5".into(),
    ///     lambda: 0.5,
    ///     pairs: vec![],
    /// };
    /// let json: serde_json::Value = serde_json::from_str(&report.to_json())?;
    /// assert_eq!((&json["penalty"], &json["lambda"]), (&"L1".into(), &0.5.into()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Panics
    /// Never: there is nothing in it that JSON could not hold.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings, numbers and lists")
    }
}

impl<T: Float> Coupling<T> {
    /// Where every pair stands. With the gradients of the data alone, as they are before
    /// [`add_gradients`](Coupling::add_gradients), it tells whether the data or the penalty leads.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// use tandem_tying::{Coupling, Pairing, Regime, Strength};
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = [("a.w", 3.0), ("b.w", 4.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
    /// let tape = Tape::new(&params);
    /// let data = (2.0 * (tape.param(a) + tape.param(b))).backward();
    /// let row = &coupling.report(&params, Some(&data)).pairs[0];
    /// assert_eq!((row.distance, row.relative, row.pull, row.regime), (1.0, 0.25, Some(0.5), Regime::Coupled));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn report(&self, params: &Params<T>, data: Option<&Gradients<T>>) -> Report {
        self.belongs(params);
        let pairs = (0..self.links.len()).map(|i| self.row(params, i, data)).collect();
        let (penalty, strength) = (format!("{:?}", self.penalty), self.strength.to_string());
        Report { penalty, strength, lambda: self.lambda, pairs }
    }

    fn row(&self, params: &Params<T>, i: usize, data: Option<&Gradients<T>>) -> Row {
        let link = &self.links[i];
        let ([first, second], shape) = (link.names(params), link.first.shape(params));
        let (distance, size) = (link.square(params).sqrt(), link.size(params));
        let shared = link.is_shared(params);
        let weights = link.weight.data();
        let strength = self.lambda * weights.iter().map(|c| c.to_f64()).sum::<f64>() / weights.len().max(1) as f64;
        let regime = match shared {
            true => Regime::Shared,
            false if strength == 0.0 => Regime::Free,
            false => Regime::Coupled,
        };
        let one_name = link.pair().is_some_and(|pair| pair.first == pair.second);
        let bytes = if one_name || link.obstacle(params).is_some() { 0 } else { shape.len() * size_of::<T>() };
        Row {
            first,
            second,
            shape: shape.to_vec(),
            distance: if shared { 0.0 } else { distance },
            relative: if shared || size == 0.0 { 0.0 } else { distance / size },
            strength: (!shared).then_some(strength),
            pull: data.filter(|_| !shared).and_then(|data| self.pull(params, link, data)),
            regime,
            bytes_saved: if shared { bytes } else { 0 },
            bytes_savable: if shared { 0 } else { bytes },
        }
    }

    fn pull(&self, params: &Params<T>, link: &Link<T>, data: &Gradients<T>) -> Option<f64> {
        let parts = [Some(link.first), link.pair().map(|pair| pair.second)];
        let norm = |gradients: &Gradients<T>| {
            let gradient = |part: crate::part::Part| Some(&gradients.of(params, part.id)?.data()[part.range(params)]);
            let squares = parts.into_iter().flatten().filter_map(gradient).flatten().map(|g| g.to_f64().powi(2));
            squares.sum::<f64>().sqrt()
        };
        let tape = Tape::new(params);
        let omega = link.omega_on(&tape, &*self.penalty);
        let penalty = if omega.is_recorded() { self.lambda * norm(&omega.backward()) } else { 0.0 };
        Some(norm(data)).filter(|data| *data > 0.0).map(|data| penalty / data)
    }
}

impl<T: Float> Link<T> {
    /// max(‖wA‖, ‖wB‖).
    pub(super) fn size(&self, params: &Params<T>) -> f64 {
        let norm = |numbers: &[T]| numbers.iter().map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt();
        let second = match &self.second {
            Second::Part(second) => norm(second.numbers(params)),
            Second::Anchor(value) => norm(value.data()),
        };
        norm(self.first.numbers(params)).max(second)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            ["first", "second", "shape", "distance", "relative", "strength", "pull", "regime", "saved", "savable"];
        let mut rows = vec![head.map(String::from).to_vec()];
        for row in &self.pairs {
            let shape: Vec<String> = row.shape.iter().map(ToString::to_string).collect();
            let number = |x: Option<f64>| match x {
                None => "–".into(),
                Some(x) if x == 0.0 || (1e-3..1e4).contains(&x) => format!("{}", (x * 1e4).round() / 1e4),
                Some(x) => format!("{x:.3e}"),
            };
            rows.push(vec![
                row.first.clone(),
                row.second.clone(),
                format!("[{}]", shape.join(", ")),
                format!("{:.4}", row.distance),
                format!("{:.4}", row.relative),
                if row.regime == Regime::Shared { "∞".into() } else { number(row.strength) },
                number(row.pull),
                format!("{:?}", row.regime).to_lowercase(),
                row.bytes_saved.to_string(),
                row.bytes_savable.to_string(),
            ]);
        }
        write!(f, "{}, {}\n{}", self.penalty, self.strength, lay_out(&rows))
    }
}
