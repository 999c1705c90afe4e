//! From soft to hard: what a coupling brought close enough becomes one.

use std::fmt;

use tandem_autograd::{Float, Params};

use super::Coupling;
use crate::pairing::{Pair, lay_out};
use crate::tie::join;

/// How close is close enough.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, Pairing, Strength, Within};
/// # let mut params = Params::<f64>::new();
/// for (name, x) in [("a.small", 0.01), ("a.large", 10.0), ("b.small", 0.02), ("b.large", 10.1)] {
///     params.add(name, Tensor::scalar(x));
/// }
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0))?;
/// for (within, close) in [(Within::Absolute(0.05), "a.small"), (Within::Relative(0.05), "a.large")] {
///     let done = coupling.clone().consolidate(&mut params.clone(), within, |_| 0.0);
///     assert_eq!((done.shared.len(), &*done.shared[0].0), (1, close));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Within {
    /// ‖wA − wB‖ ≤ ε.
    Absolute(f64),
    /// ‖wA − wB‖ ≤ ε · max(‖wA‖, ‖wB‖).
    Relative(f64),
}

/// What [`Coupling::consolidate`] did: displayed, it is a table.
///
/// ```
/// let done = tandem_tying::Consolidation {
///     shared: vec![("a.w".into(), "b.w".into(), 0.125)],
///     apart: vec![],
///     bytes_freed: 400,
///     loss_before: 1.0,
///     loss_after: 1.25,
/// };
/// let table = "\
/// first  second  distance  now
/// a.w    b.w     0.1250    shared
/// 400 bytes freed; loss 1.0000 to 1.2500, a cost of 0.2500";
/// assert_eq!(done.to_string(), table);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Consolidation {
    /// Both names of each pair that became one, and how far apart they were.
    pub shared: Vec<(String, String, f64)>,
    /// Both names of each pair that did not.
    pub apart: Vec<(String, String, f64)>,
    /// Bytes of parameters that are gone.
    pub bytes_freed: usize,
    /// The loss before.
    pub loss_before: f64,
    /// The loss after.
    pub loss_after: f64,
}

impl<T: Float> Coupling<T> {
    /// Makes those pairs one that are close enough; the others stay coupled as they are. Being equal is transitive:
    /// of three models in a chain, both ends may become one that were a little further apart. Pairs of rows, anchors
    /// and relations stay. `loss` is computed before and after, to tell what it cost.
    ///
    /// The value that survives is the first one's, or what [`keeping`](Coupling::keeping) chose. To set another
    /// strength parts them again.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::{Coupling, Keep, Pairing, Strength, Within};
    /// let mut params = Params::<f32>::new();
    /// for (name, x) in [("a.0", 1.00), ("a.1", 5.0), ("b.0", 1.01), ("b.1", 6.0)] {
    ///     params.add(name, Tensor::full([100], x));
    /// }
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let mut coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.1))?.keeping(Keep::Mean);
    /// let done = coupling.consolidate(&mut params, Within::Relative(0.05), |_| 0.0);
    /// assert_eq!((done.shared.len(), done.apart.len(), done.bytes_freed, params.numel()), (1, 1, 400, 300));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If ε is negative or NaN, or the coupling is of another store.
    #[track_caller]
    pub fn consolidate(
        &mut self,
        params: &mut Params<T>,
        within: Within,
        mut loss: impl FnMut(&Params<T>) -> f64,
    ) -> Consolidation {
        self.belongs(params);
        let (Within::Absolute(epsilon) | Within::Relative(epsilon)) = within;
        assert!(epsilon >= 0.0, "consolidate(): expected an ε of at least 0, found {epsilon}");
        let (loss_before, bytes) = (loss(params), params.bytes());
        let (mut shared, mut apart, mut pairs) = (Vec::new(), Vec::new(), Vec::<Pair>::new());
        for link in self.links.iter().filter(|link| !link.is_shared(params)) {
            let [first, second] = link.names(params);
            let (distance, size) = (link.square(params).sqrt(), link.size(params));
            let close = match within {
                Within::Absolute(epsilon) => distance <= epsilon,
                Within::Relative(epsilon) => distance <= epsilon * size,
            };
            match link.pair().filter(|_| close && link.obstacle(params).is_none()) {
                Some(pair) => {
                    pairs.push(pair);
                    shared.push((first, second, distance));
                }
                None => apart.push((first, second, distance)),
            }
        }
        self.tie.then(join(params, &pairs, self.keep));
        let (bytes_freed, loss_after) = (bytes - params.bytes(), loss(params));
        Consolidation { shared, apart, bytes_freed, loss_before, loss_after }
    }
}

impl fmt::Display for Consolidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |(first, second, distance): &(String, String, f64), now: &str| {
            vec![first.clone(), second.clone(), format!("{distance:.4}"), now.into()]
        };
        let mut rows = vec![["first", "second", "distance", "now"].map(String::from).to_vec()];
        rows.extend(self.shared.iter().map(|pair| row(pair, "shared")));
        rows.extend(self.apart.iter().map(|pair| row(pair, "apart")));
        let Consolidation { bytes_freed, loss_before, loss_after, .. } = self;
        let cost = loss_after - loss_before;
        write!(
            f,
            "{}\n{bytes_freed} bytes freed; loss {loss_before:.4} to {loss_after:.4}, a cost of {cost:.4}",
            lay_out(&rows)
        )
    }
}
