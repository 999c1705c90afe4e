//! Equal parameters: two models on one set of slots, and apart again.

use tandem_autograd::{Float, Kind, ParamId, Params, SlotId, Tensor};

use crate::pairing::{Pair, Pairing, lines};

/// Which value survives when parameters become one.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Keep, Pairing};
/// for (keep, kept) in [(Keep::First, 1.0), (Keep::Mean, 2.0)] {
///     let mut params = Params::<f32>::new();
///     let [a, _] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
///     Pairing::by_path(&params, "a", "b")?.tie(&mut params, keep)?;
///     assert_eq!(params.get(a).item(), kept);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The first name's.
    #[default]
    First,
    /// The mean of all values that become one, each slot's counting once.
    Mean,
}

/// What tying changed, so that it can be taken back: what [`Pairing::tie`] returns. To drop it changes nothing; the
/// parameters stay one.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Keep, Pairing};
/// # let mut params = Params::<f32>::new();
/// let [a, b, c] = ["a.w", "b.w", "c.w"].map(|name| params.add(name, Tensor::scalar(1.0)));
/// params.tie(c, b)?;
/// let tie = Pairing::by_path(&params, "a", "b")?.tie(&mut params, Keep::First)?;
/// assert_eq!(params.numel(), 1);                     // c came along with b
/// tie.undo(&mut params);
/// assert_eq!(params.slot(b), params.slot(c));        // and leaves with it
/// assert_ne!(params.slot(a), params.slot(b));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tie {
    joined: Vec<Joined>,
}

/// Names that came to the slot of another name.
#[derive(Clone, Debug)]
struct Joined {
    with: ParamId,
    /// Where they met.
    slot: SlotId,
    names: Vec<ParamId>,
    /// Whether the other name and these were trainable.
    trainable: [bool; 2],
}

/// What can't be one: both names of each pair, and why.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{Keep, Pairing, rows};
/// # let mut params = Params::<f32>::new();
/// for (name, shape) in [("a", [4, 2]), ("b", [3, 2])] {
///     params.add(name, Tensor::zeros(shape));
/// }
/// let error = Pairing::list(&params, [(rows("a", ..3), "b")])?.tie(&mut params, Keep::First).unwrap_err();
/// let message = "some pairs can't be one:\n  `a[0..3]` and `b`: only whole parameters are stored once";
/// assert_eq!(error.to_string(), message);
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("some pairs can't be one:{}", lines(pairs))]
pub struct TieError {
    /// A line for each pair.
    pub pairs: Vec<String>,
}

impl Pairing {
    /// Makes each pair one: the second name takes the slot of the first, and its own memory is
    /// gone. Being equal is transitive: names that shared the second's slot come along, so that no
    /// tie breaks. Pairs that share a slot already are left as they are. An optimizer goes on with the
    /// state of the first name's slot. Where one side is frozen, its value is the one that survives, and
    /// what they share is frozen.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::{Keep, Pairing};
    /// let mut params = Params::<f32>::new();
    /// for (path, x) in [("a.weight", 1.0), ("a.bias", 0.0), ("b.weight", 3.0), ("b.bias", 0.0)] {
    ///     params.add(path, Tensor::full([10], x));
    /// }
    /// let tie = Pairing::by_path(&params, "a", "b")?.tie(&mut params, Keep::Mean)?;
    /// assert_eq!((params.numel(), params.get(params.find("a.weight").unwrap()).data()[0]), (20, 2.0));
    /// tie.undo(&mut params);
    /// assert_eq!(params.numel(), 40);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a pair is of rows: only whole parameters have a slot to share. Then nothing has changed.
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn tie<T: Float>(&self, params: &mut Params<T>, keep: Keep) -> Result<Tie, TieError> {
        self.belongs(params);
        let rows = self.pairs().iter().filter(|pair| pair.first.rows.is_some() || pair.second.rows.is_some());
        let pairs: Vec<String> = rows.map(|pair| only_whole(params, pair)).collect();
        if pairs.is_empty() { Ok(join(params, self.pairs(), keep)) } else { Err(TieError { pairs }) }
    }

    /// Gives the second name of each pair a slot of its own, with a copy of the value, whoever tied
    /// it. Nothing tells any more how the second names were tied to each other before; so those that
    /// share a slot now stay together, as the first names do. [`Tie::undo`] knows better.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::Pairing;
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::scalar(1.0)));
    /// params.tie(b, a)?;
    /// Pairing::by_path(&params, "a", "b")?.untie(&mut params);
    /// assert_eq!((params.numel(), params.get(b).item()), (2, 1.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn untie<T: Float>(&self, params: &mut Params<T>) {
        self.belongs(params);
        untie(params, self.pairs());
    }
}

pub(crate) fn only_whole<T: Float>(params: &Params<T>, pair: &Pair) -> String {
    let [first, second] = [pair.first, pair.second].map(|part| part.name(params));
    format!("`{first}` and `{second}`: only whole parameters are stored once")
}

/// Makes pairs of whole parameters one.
#[track_caller]
pub(crate) fn join<T: Float>(params: &mut Params<T>, pairs: &[Pair], keep: Keep) -> Tie {
    let before = (keep == Keep::Mean).then(|| params.clone());
    let mut tie = Tie::default();
    for pair in pairs {
        if pair.is_shared(params) {
            continue;
        }
        let [first, second] = [pair.first.id, pair.second.id];
        let names: Vec<ParamId> = params.names_of(params.slot(second)).map(|(id, _)| id).collect();
        let trainable = [first, second].map(|id| params.is_trainable(id));
        if trainable == [true, false] {
            let value = params.get(second).clone();
            params.set(first, value).expect("a pair is of one shape");
            params.set_trainable(first, false);
        }
        for &name in &names {
            params.tie(name, first).expect("a pair is of one shape");
        }
        tie.joined.push(Joined { with: first, slot: params.slot(first), names, trainable });
    }
    let means = before.iter().flat_map(|before| tie.joined.iter().map(move |joined| (before, joined.with)));
    for (before, id) in means {
        if params.is_trainable(id) {
            let mean = mean_before(params.slot(id), params, before);
            params.set(id, mean).expect("a mean has the shape of what it is a mean of");
        }
    }
    tie
}

/// The mean of the values that the names of a slot had before, each slot's counting once.
fn mean_before<T: Float>(slot: SlotId, params: &Params<T>, before: &Params<T>) -> Tensor<T> {
    let mut slots: Vec<SlotId> = params.names_of(slot).map(|(id, _)| before.slot(id)).collect();
    slots.sort_unstable();
    slots.dedup();
    Tensor::build(params.value(slot).shape(), Kind::Parameter, |out| {
        out.fill(T::ZERO);
        for value in slots.iter().map(|&slot| before.value(slot)) {
            out.iter_mut().zip(value.data()).for_each(|(out, &x)| *out += x);
        }
        let share = T::from_f64(1.0 / slots.len() as f64);
        for out in out {
            *out = *out * share;
        }
    })
}

#[track_caller]
pub(crate) fn untie<T: Float>(params: &mut Params<T>, pairs: &[Pair]) {
    for pair in pairs {
        let slot = params.slot(pair.first.id);
        if pair.first.id == pair.second.id || params.slot(pair.second.id) != slot {
            continue;
        }
        let here = pairs.iter().map(|other| other.second.id).filter(|&id| params.slot(id) == slot);
        let seconds: Vec<ParamId> = here.collect();
        part(params, pair.first.id, &[slot], &seconds);
    }
}

impl Tie {
    /// Takes back what tying changed: the names that had shared a slot leave together, with a copy
    /// of the value, and are trainable if they were. Names that someone else has moved since then
    /// stay where they are; a tie that was made later through one of these names is best undone before.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{Keep, Pairing};
    /// # let mut params = Params::<f32>::new();
    /// let [_, b] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let tie = Pairing::by_path(&params, "a", "b")?.tie(&mut params, Keep::First)?;
    /// tie.undo(&mut params);
    /// assert_eq!((params.is_shared(b), params.get(b).item()), (false, 1.0));     // not 3: that was gone
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the tie is of another store.
    #[track_caller]
    pub fn undo<T: Float>(self, params: &mut Params<T>) {
        // Backwards, because a later pair may have moved what an earlier one had joined.
        for joined in self.joined.iter().rev() {
            // The other name may have left before, for a slot that these do not know.
            let with = [params.slot(joined.with), joined.slot];
            if let Some(leader) = part(params, joined.with, &with, &joined.names) {
                params.set_trainable(leader, joined.trainable[1]);
                // It was frozen because these were.
                if joined.trainable == [true, false] {
                    params.set_trainable(joined.with, true);
                }
            }
        }
    }

    /// Bytes of the lists, as they have grown.
    pub(crate) fn bookkeeping_bytes(&self) -> usize {
        let names: usize = self.joined.iter().map(|joined| joined.names.capacity()).sum();
        self.joined.capacity() * size_of::<Joined>() + names * size_of::<ParamId>()
    }

    /// Takes a later tie in, to be undone before this one.
    pub(crate) fn then(&mut self, later: Tie) {
        self.joined.extend(later.joined);
    }
}

/// Moves those of `names` that are in one of these slots, `from` excepted, to one new slot; returns the first.
#[track_caller]
fn part<T: Float>(params: &mut Params<T>, from: ParamId, slots: &[SlotId], names: &[ParamId]) -> Option<ParamId> {
    let mut here = names.iter().copied().filter(|&id| id != from && slots.contains(&params.slot(id)));
    let leader = here.next()?;
    let others: Vec<ParamId> = here.collect();
    params.untie(leader);
    for other in others {
        params.tie(other, leader).expect("a copy has the shape of what it is a copy of");
    }
    Some(leader)
}

#[cfg(test)]
mod tests;
