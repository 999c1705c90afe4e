//! Which parameters belong together.

mod error;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use tandem_autograd::{Float, ParamId, Params};

pub(crate) use error::lines;
pub use error::{Mismatch, PairingError};
pub use table::Table;
pub(crate) use table::lay_out;

use crate::graph::ModelGraph;
use crate::part::{Named, Part};

/// Two parameters of one shape, or rows of them, that belong together.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Part, Pairing};
/// # let mut params = Params::<f32>::new();
/// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::scalar(0.0)));
/// let pair = Pairing::by_path(&params, "a", "b")?.pairs()[0];
/// assert_eq!((pair.first, pair.second, pair.weight), (Part::from(a), Part::from(b), 1.0));
/// assert!(!pair.is_shared(&params));
/// params.tie(b, a)?;
/// assert!(pair.is_shared(&params));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// What keeps its slot when the two are tied.
    pub first: Part,
    /// What takes the other's slot.
    pub second: Part,
    /// The factor of this pair's share in a penalty: 1, or what an edge of a [`ModelGraph`] says.
    pub weight: f64,
}

impl Pair {
    /// Whether one value is stored for both.
    #[track_caller]
    pub fn is_shared<T: Float>(self, params: &Params<T>) -> bool {
        self.first.is(self.second, params)
    }

    fn joins_the_same(self, other: Pair) -> bool {
        let [a, b] = [other.first, other.second];
        (a == self.first && b == self.second) || (a == self.second && b == self.first)
    }
}

/// On which side of its pair a name stands, as the function that [`Pairing::by_key`] is given says; its example has
/// both.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Pairing, Side};
/// let mut params = Params::<f32>::new();
/// for name in ["w.left", "w.right"] {
///     params.add(name, Tensor::scalar(0.0));
/// }
/// let pairing = Pairing::by_key(&params, |name| match name.split_once('.')? {
///     (key, "left") => Some((Side::Second, key.into())),
///     (key, _) => Some((Side::First, key.into())),
/// })?;
/// assert_eq!(pairing.pairs()[0].first.name(&params), "w.right");
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It keeps its slot when the two are tied.
    First,
    /// It takes the other's slot.
    Second,
}

/// Which parameters belong together, in the order in which the first ones were added to the store.
///
/// Plain names: a pairing holds no numbers, and it is also good for a clone of the store.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Pairing, rows};
/// let mut params = Params::<f32>::new();
/// for (path, shape) in [("a.0.weight", [4, 8]), ("a.1.weight", [8, 3]), ("b.0.weight", [4, 8]), ("b.1.weight", [5, 3])] {
///     params.add(path, Tensor::zeros(shape));
/// }
/// // Models may have only some parameters in common: those that a pattern chooses, say.
/// let pairing = Pairing::by_glob(&params, "a", "b", "0.*")?;
/// assert_eq!(pairing.pairs().len(), 1);
///
/// let error = Pairing::by_path(&params, "a", "b").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`a` and `b` do not pair:\n  `a.1.weight` has shape [8, 3], but `b.1.weight` has shape [5, 3]"
/// );
///
/// let pairing = Pairing::list(&params, [(rows("a.1.weight", ..5), "b.1.weight")])?;
/// assert_eq!(
///     pairing.table(&params).to_string(),
///     "first             second      shape   status\na.1.weight[0..5]  b.1.weight  [5, 3]  free"
/// );
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pairing {
    pairs: Vec<Pair>,
    /// Names under the prefixes that were not chosen.
    left_out: Vec<ParamId>,
}

impl Pairing {
    /// Pairs every parameter `first.rest` with `second.rest`. A prefix is made of whole segments of
    /// a path: `a` is a prefix of `a.weight` and of `a` itself, not of `ab.weight`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.weight", "a.bias", "b.weight", "b.bias", "ab.weight"] {
    ///     params.add(name, Tensor::scalar(0.0));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let names: Vec<String> = pairing.pairs().iter().map(|pair| pair.second.name(&params)).collect();
    /// assert_eq!(names, ["b.weight", "b.bias"]);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
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
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.body.w", "a.head.w", "b.body.w", "b.other.w"] {
    ///     params.add(name, Tensor::scalar(0.0));
    /// }
    /// assert!(Pairing::by_path(&params, "a", "b").is_err());
    /// let pairing = Pairing::by_path_where(&params, "a", "b", |rest| rest.starts_with("body."))?;
    /// assert_eq!(pairing.pairs().len(), 1);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`by_path`](Pairing::by_path), about the chosen names alone; and if none is chosen.
    pub fn by_path_where<T: Float>(
        params: &Params<T>,
        first: &str,
        second: &str,
        chosen: impl FnMut(&str) -> bool,
    ) -> Result<Pairing, PairingError> {
        let mut found = Found::default();
        found.by_path(params, [first, second], 1.0, chosen);
        found.finish(params, || format!("`{first}` and `{second}` do not pair"))
    }

    /// As [`by_path_where`](Pairing::by_path_where), for the parameters whose `rest` matches a pattern
    /// of the shell: `*` stands for any characters within a segment of the path, `?` for one, `[ab]` for one
    /// of these, `**` for any number of whole segments.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// for model in ["a", "b"] {
    ///     for rest in ["0.weight", "0.bias", "1.inner.weight"] {
    ///         params.add(&format!("{model}.{rest}"), Tensor::scalar(0.0));
    ///     }
    /// }
    /// for (pattern, pairs) in [("0.*", 2), ("*.weight", 1), ("**.weight", 2), ("[01].**", 3)] {
    ///     assert_eq!(Pairing::by_glob(&params, "a", "b", pattern)?.pairs().len(), pairs, "{pattern}");
    /// }
    /// assert!(Pairing::by_glob(&params, "a", "b", "2.*").is_err());          // nothing is chosen
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`by_path_where`](Pairing::by_path_where); and if this is not a pattern.
    pub fn by_glob<T: Float>(
        params: &Params<T>,
        first: &str,
        second: &str,
        pattern: &str,
    ) -> Result<Pairing, PairingError> {
        // The patterns are those of file paths, whose segments end at a slash.
        let path = |dotted: &str| dotted.replace('.', "/");
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        match glob::Pattern::new(&path(pattern)) {
            Ok(glob) => Pairing::by_path_where(params, first, second, |rest| glob.matches_with(&path(rest), options)),
            Err(error) => Err(PairingError {
                what: format!("`{first}` and `{second}` do not pair").into(),
                mismatches: vec![Mismatch::Pattern { pattern: pattern.into(), reason: error.msg }],
            }),
        }
    }

    /// Pairs the names for which `key` tells one key on two sides. Names without a key are left out.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::{Pairing, Side};
    /// // An autoencoder: the decoder's last layer mirrors the encoder's first.
    /// let mut params = Params::<f32>::new();
    /// for path in ["encoder.0", "encoder.1", "decoder.0", "decoder.1"] {
    ///     params.add(path, Tensor::zeros([3, 3]));
    /// }
    /// let pairing = Pairing::by_key(&params, |path| match path.split_once('.')? {
    ///     ("encoder", layer) => Some((Side::First, layer.to_string())),
    ///     (_, layer) => Some((Side::Second, if layer == "0" { "1" } else { "0" }.to_string())),
    /// })?;
    /// assert_eq!(params.name(pairing.pairs()[0].second.id), "decoder.1");
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// One error that lists every key that only one side has or that several names of a side have,
    /// every pair whose shapes differ; and if there is no pair.
    pub fn by_key<T: Float>(
        params: &Params<T>,
        mut key: impl FnMut(&str) -> Option<(Side, String)>,
    ) -> Result<Pairing, PairingError> {
        let (mut found, mut sides) = (Found::default(), [Vec::new(), Vec::new()]);
        for (id, path) in params.names() {
            match key(path) {
                Some((side, key)) => sides[side as usize].push((id, key)),
                None => found.left_out.push(id),
            }
        }
        found.match_up(params, &sides, 1.0, |_, key| format!("of key `{key}`"));
        found.finish(params, || "the keys do not pair".into())
    }

    /// The pairs of a list of names; rows of a parameter are what [`rows`](crate::rows) makes.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Pairing, rows};
    /// # let mut params = Params::<f32>::new();
    /// params.add("encoder.words", Tensor::zeros([100, 8]));
    /// params.add("decoder.words", Tensor::zeros([60, 8]));
    /// let pairing = Pairing::list(&params, [(rows("encoder.words", 40..), "decoder.words")])?;
    /// assert_eq!(pairing.pairs()[0].first.shape(&params).to_vec(), [60, 8]);
    /// let error = Pairing::list(&params, [("encoder.words", "decoder.verbs")]).unwrap_err();
    /// assert_eq!(error.to_string(), "the list does not pair:\n  there is no parameter `decoder.verbs`");
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// One error that lists every name and all rows that do not exist, every pair whose shapes differ or that the list
    /// has twice; and if the list is empty.
    pub fn list<'a, T: Float, A: Into<Named<'a>>, B: Into<Named<'a>>>(
        params: &Params<T>,
        pairs: impl IntoIterator<Item = (A, B)>,
    ) -> Result<Pairing, PairingError> {
        let mut found = Found::default();
        for (first, second) in pairs {
            let both = [first.into(), second.into()].map(|named| found.part(params, named));
            if let [Some(first), Some(second)] = both {
                found.pairs.push(Pair { first, second, weight: 1.0 });
            }
        }
        found.finish(params, || "the list does not pair".into())
    }

    /// Pairs the parameters of any number of models, along the edges of a graph, each with its weight.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{ModelGraph, Pairing};
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.v", "a.w", "b.v", "b.w", "c.v", "c.w"] {
    ///     params.add(name, Tensor::scalar(0.0));
    /// }
    /// let pairing = Pairing::over(&params, &ModelGraph::complete(["a", "b", "c"]))?;
    /// assert_eq!(pairing.pairs().len(), 3 * 2);          // edges × parameters
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// One error that lists everything that [`by_path`](Pairing::by_path) reports, for every edge, and what is
    /// wrong with the graph itself: unknown models, weights that make no sense, edges that it has twice.
    pub fn over<T: Float>(params: &Params<T>, graph: &ModelGraph) -> Result<Pairing, PairingError> {
        Pairing::over_where(params, graph, |_| true)
    }

    /// As [`over`](Pairing::over), for the parameters that are chosen by what follows the models' prefix.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{ModelGraph, Pairing};
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.v", "a.w", "b.v", "b.w"] {
    ///     params.add(name, Tensor::scalar(0.0));
    /// }
    /// let pairing = Pairing::over_where(&params, &ModelGraph::chain(["a", "b"]), |rest| rest == "w")?;
    /// assert_eq!(pairing.pairs()[0].first.name(&params), "a.w");
    /// assert_eq!(pairing.pairs().len(), 1);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`over`](Pairing::over), about the chosen names alone; and if none is chosen.
    pub fn over_where<T: Float>(
        params: &Params<T>,
        graph: &ModelGraph,
        mut chosen: impl FnMut(&str) -> bool,
    ) -> Result<Pairing, PairingError> {
        let mut found = Found { mismatches: graph.mistakes(), ..Found::default() };
        if found.mismatches.is_empty() {
            for (a, b, weight) in graph.edges() {
                found.by_path(params, [a, b], weight, &mut chosen);
            }
        }
        found.finish(params, || "the models of the graph do not pair".into())
    }

    /// The pairs of both, each once: with the weight that it has here, if both have it.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.v", "a.w", "b.v", "b.w"] {
    ///     params.add(name, Tensor::scalar(0.0));
    /// }
    /// let one = Pairing::list(&params, [("a.v", "b.v")])?;
    /// let both = one.and(Pairing::by_path(&params, "a", "b")?);      // has the first pair, too
    /// assert_eq!(both.pairs().len(), 2);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    pub fn and(mut self, other: Pairing) -> Pairing {
        for pair in other.pairs {
            if !self.pairs.iter().any(|here| here.joins_the_same(pair)) {
                self.pairs.push(pair);
            }
        }
        for id in other.left_out {
            if !self.left_out.contains(&id) {
                self.left_out.push(id);
            }
        }
        let pairs = &self.pairs;
        self.left_out.retain(|id| pairs.iter().all(|pair| pair.first.id != *id && pair.second.id != *id));
        self
    }

    /// The pairs, in their fixed order.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// A table for the reader: both names, the shape, and whether the pair is free or shared in this
    /// store; below, the names under the prefixes that were left out.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// for name in ["a.w", "a.head", "b.w"] {
    ///     params.add(name, Tensor::zeros([3]));
    /// }
    /// let pairing = Pairing::by_path_where(&params, "a", "b", |rest| rest == "w")?;
    /// let table = "\
    /// first   second  shape  status
    /// a.w     b.w     [3]    free
    /// a.head  –       [3]    left out";
    /// assert_eq!(pairing.table(&params).to_string(), table);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn table<'a, T: Float>(&'a self, params: &'a Params<T>) -> Table<'a, T> {
        self.belongs(params);
        Table { pairing: self, params }
    }

    /// Panics at the caller's line if the pairing is of another store.
    #[track_caller]
    pub(crate) fn belongs<T: Float>(&self, params: &Params<T>) {
        for pair in &self.pairs {
            params.slot(pair.first.id);
            params.slot(pair.second.id);
        }
    }
}

/// What a search has found so far, and what stands in its way.
#[derive(Default)]
struct Found {
    pairs: Vec<Pair>,
    left_out: Vec<ParamId>,
    mismatches: Vec<Mismatch>,
}

impl Found {
    fn by_path<T: Float>(
        &mut self,
        params: &Params<T>,
        prefixes: [&str; 2],
        weight: f64,
        mut chosen: impl FnMut(&str) -> bool,
    ) {
        let mut missing = false;
        let sides = prefixes.map(|prefix| {
            let under = params.names().filter_map(|(id, path)| Some((id, tail(path, prefix)?.to_string())));
            let (names, left_out): (Vec<_>, Vec<_>) =
                under.partition(|(_, tail)| chosen(tail.strip_prefix('.').unwrap_or(tail)));
            if names.is_empty() && left_out.is_empty() {
                missing = true;
                let mismatch = Mismatch::Prefix { prefix: prefix.into() };
                if !self.mismatches.contains(&mismatch) {
                    self.mismatches.push(mismatch);
                }
            }
            for (id, _) in left_out {
                if !self.left_out.contains(&id) {
                    self.left_out.push(id);
                }
            }
            names
        });
        if !missing {
            self.match_up(params, &sides, weight, |side, tail| format!("`{}{tail}`", prefixes[side as usize]));
        }
    }

    /// Pairs what has the same key on both sides. `partner` describes the name that is missing on a side.
    fn match_up<T: Float>(
        &mut self,
        params: &Params<T>,
        sides: &[Vec<(ParamId, String)>; 2],
        weight: f64,
        partner: impl Fn(Side, &str) -> String,
    ) {
        let by_key = sides.each_ref().map(|side| {
            let mut ids: HashMap<&str, Vec<ParamId>> = HashMap::new();
            for (id, key) in side {
                ids.entry(key).or_default().push(*id);
            }
            ids
        });
        let mut missing = |id, side, key: &str| {
            self.mismatches
                .push(Mismatch::Missing { name: params.name(id).into(), partner: partner(side, key).into() });
        };
        let mut ambiguous = Vec::new();
        for (id, key) in &sides[0] {
            match (&by_key[0][key.as_str()][..], by_key[1].get(key.as_str()).map(Vec::as_slice)) {
                (_, None) => missing(*id, Side::Second, key),
                ([_], Some([second])) => {
                    self.pairs.push(Pair { first: (*id).into(), second: (*second).into(), weight });
                }
                (firsts, Some(seconds)) if firsts[0] == *id => {
                    let names = firsts.iter().chain(seconds).map(|&id| params.name(id).into());
                    ambiguous.push(Mismatch::Ambiguous { key: key.as_str().into(), names: names.collect() });
                }
                _ => {}
            }
        }
        for (id, key) in &sides[1] {
            if !by_key[0].contains_key(key.as_str()) {
                missing(*id, Side::First, key);
            }
        }
        self.mismatches.append(&mut ambiguous);
    }

    /// The part that a list names, if there is one.
    fn part<T: Float>(&mut self, params: &Params<T>, named: Named<'_>) -> Option<Part> {
        let Some(id) = params.find(named.path) else {
            self.mismatches.push(Mismatch::Unknown { name: named.path.into() });
            return None;
        };
        let Some((start, end)) = named.rows else { return Some(id.into()) };
        let shape = params.get(id).shape();
        let all = shape.dims().first().map_or(0, |&rows| rows as usize);
        let end = end.unwrap_or(all);
        if shape.rank() == 0 || start >= end || end > all {
            self.mismatches.push(Mismatch::Rows { name: named.path.into(), shape, start, end });
            return None;
        }
        let whole = (start, end) == (0, all);
        Some(Part { id, rows: (!whole).then_some([start as u32, end as u32]) })
    }

    fn finish<T: Float>(mut self, params: &Params<T>, what: impl FnOnce() -> String) -> Result<Pairing, PairingError> {
        for (i, pair) in self.pairs.iter().enumerate() {
            let [first, second] = [pair.first, pair.second].map(|part| part.name(params).into());
            let [first_shape, second_shape] = [pair.first, pair.second].map(|part| part.shape(params));
            if first_shape != second_shape {
                self.mismatches.push(Mismatch::Shape { first, first_shape, second, second_shape });
            } else if self.pairs[..i].iter().any(|other| other.joins_the_same(*pair)) {
                self.mismatches.push(Mismatch::Twice { first, second });
            }
        }
        if self.mismatches.is_empty() && self.pairs.is_empty() {
            self.mismatches.push(Mismatch::NothingChosen);
        }
        if self.mismatches.is_empty() {
            Ok(Pairing { pairs: self.pairs, left_out: self.left_out })
        } else {
            Err(PairingError { what: what().into(), mismatches: self.mismatches })
        }
    }
}

/// What stands behind a prefix of whole segments, from the dot on; nothing behind the prefix itself.
pub(crate) fn tail<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|tail| tail.is_empty() || tail.starts_with('.'))
}
