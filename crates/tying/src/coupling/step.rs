//! The proximal way: a step that minimises the penalty exactly, whatever its strength.

use std::ops::Range;

use tandem_autograd::{Float, Params};

use super::Coupling;
use super::link::{Link, Second};
use crate::proximal::{Side, Step};

/// Why a coupling has no proximal step.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Coupling, Pairing, Strength};
/// # let mut params = Params::<f64>::new();
/// # for name in ["a.w", "b.w"] {
/// #     params.add(name, Tensor::scalar(0.0));
/// # }
/// # let pairing = Pairing::by_path(&params, "a", "b")?;
/// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0))?.affine(&mut params, "relation")?;
/// let error = coupling.proximal_step(&mut params, 0.1).unwrap_err();
/// assert_eq!(error.to_string(), "no proximal step: `a.w` and `b.w` are in a learned relation");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no proximal step: {reason}")]
pub struct NoProximal {
    /// The names or the penalty that stand in the way, and why.
    pub reason: String,
}

impl<T: Float> Coupling<T> {
    /// Moves the parameters to where ½‖w′ − w‖² + ηλ Σ c Ω(w′) is least, w being what they are and η the `rate`.
    /// To be called after the optimizer's step on the data alone. Frozen parameters and anchors stay.
    ///
    /// For squared L2 on a pair, the mean stays, and the difference is divided by 1 + 4ηλ: sound at any λ, while a
    /// gradient step needs ηλ < ½. L1 and the group lasso reach differences of exactly zero. Squared L2 works on
    /// any graph; other penalties need pairs that have no parameter in common.
    ///
    /// With plain gradient descent on all data, and η its learning rate, the two steps together rest exactly where loss
    /// plus penalty is least (forward-backward splitting, Combettes and Wajs 2005). With momentum μ, a gradient that
    /// lasts moves by η/(1 − μ): pass this as the rate, for the same point of rest; η itself acts as λ(1 − μ) would.
    /// With Adam a gradient that lasts moves a number by η, however small or large it is, and the point of rest is
    /// another one. For squared L2 on a pair, whose sides the data pull apart, it is at the distance 1/(2λ), whatever
    /// the data's curvature, and the mean need not be where their forces balance. There the other two ways are to be
    /// preferred, unless only the limit of equal parameters is wanted.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::{Coupling, Pairing, Strength};
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = [("a", 1.0), ("b", 4.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(5.0))?;
    /// coupling.proximal_step(&mut params, 0.1)?;                       // 3 becomes 3 / (1 + 4·0.1·5)
    /// assert_eq!((params.get(a).item(), params.get(b).item()), (2.0, 3.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such step of this coupling. Then nothing has changed.
    ///
    /// # Panics
    /// If the rate is negative or not finite, or the coupling is of another store.
    #[track_caller]
    pub fn proximal_step(&self, params: &mut Params<T>, rate: f64) -> Result<(), NoProximal> {
        self.belongs(params);
        assert!(rate.is_finite() && rate >= 0.0, "proximal_step(): expected a finite rate of at least 0, found {rate}");
        if self.lambda == 0.0 {
            return Ok(());
        }
        if let Some(link) = self.apart(params).find(|link| link.relation.is_some()) {
            let [first, second] = link.names(params);
            return Err(NoProximal { reason: format!("`{first}` and `{second}` are in a learned relation") });
        }
        let t = rate * self.lambda;
        if self.is_matching(params) {
            for i in 0..self.links.len() {
                if self.counts(i, params) && !self.pair_step(params, &self.links[i], t) {
                    return Err(NoProximal {
                        reason: format!("{:?} does not know its proximal operator", self.penalty),
                    });
                }
            }
            return Ok(());
        }
        self.graph_step(params, t)
    }

    /// Whether no number that moves stands in two pairs, or on both sides of one.
    fn is_matching(&self, params: &Params<T>) -> bool {
        let alone = |link: &Link<T>| !link.may_repeat(params);
        if self.distinct && self.links.iter().all(alone) {
            return true;
        }
        let moving = |link: &Link<T>| {
            let pair = [Some(link.first), link.pair().map(|pair| pair.second)];
            pair.map(|part| part.filter(|part| params.is_trainable(part.id)))
        };
        let meet = |a: &Link<T>, b: &Link<T>| {
            let (a, b) = (moving(a), moving(b));
            a.iter().flatten().any(|a| b.iter().flatten().any(|b| a.overlaps(*b, params)))
        };
        let within = |link: &Link<T>| matches!(moving(link), [Some(a), Some(b)] if a.overlaps(b, params));
        let mut links = self.apart(params);
        while let Some(link) = links.next() {
            if within(link) || links.clone().any(|other| meet(link, other)) {
                return false;
            }
        }
        true
    }

    /// The step of one pair; whether the penalty knows its operator.
    fn pair_step(&self, params: &mut Params<T>, link: &Link<T>, t: f64) -> bool {
        let (weight, shape, movable) = (link.weight.data(), link.first.shape(params), link.movable(params));
        let t = T::from_f64(t * movable.iter().flatten().count() as f64);
        let run = |sides: [Side<'_, T>; 2]| {
            let mut step = Step { sides, weight, shape, t, known: false };
            self.penalty.proximal(&mut step);
            step.known
        };
        let first = link.first.range(params);
        let mut known = true;
        match (&link.second, movable) {
            (Second::Part(second), [Some(a), Some(b)]) => {
                let second = second.range(params);
                if a == b {
                    params.update(a, |w| known = run(stretches(w, first, second).map(Side::Moves)));
                } else {
                    params.update_both([a, b], |[a, b]| {
                        known = run([Side::Moves(&mut a[first]), Side::Moves(&mut b[second])]);
                    });
                }
            }
            // What stays is another slot's, so its block is only referred to.
            (Second::Part(second), [Some(a), None]) => {
                let (still, second) = (params.get(second.id).clone(), second.range(params));
                params.update(a, |a| known = run([Side::Moves(&mut a[first]), Side::Stays(&still.data()[second])]));
            }
            (Second::Part(second), [None, Some(b)]) => {
                let (still, second) = (params.get(link.first.id).clone(), second.range(params));
                params.update(b, |b| known = run([Side::Stays(&still.data()[first]), Side::Moves(&mut b[second])]));
            }
            (Second::Anchor(value), [Some(a), _]) => {
                params.update(a, |a| known = run([Side::Moves(&mut a[first]), Side::Stays(value.data())]));
            }
            (_, [None, _]) => {}
        }
        known
    }
}

/// Two stretches of numbers that do not overlap.
fn stretches<T>(numbers: &mut [T], first: Range<usize>, second: Range<usize>) -> [&mut [T]; 2] {
    if second.start < first.start {
        let [second, first] = stretches(numbers, second, first);
        return [first, second];
    }
    let (before, after) = numbers.split_at_mut(second.start);
    [&mut before[first], &mut after[..second.len()]]
}
