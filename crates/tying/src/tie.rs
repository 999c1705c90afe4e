//! Equal parameters: two models on one set of slots, and apart again.

use tandem_autograd::{Float, ParamId, Params};

use crate::pairing::{Pair, Pairing};

/// What [`Pairing::tie`] changed, so that it can be taken back.
#[derive(Clone, Debug, Default)]
pub struct Tie {
    joined: Vec<Joined>,
}

/// Names that came to the slot of another name, and whether their own was trainable.
#[derive(Clone, Debug)]
struct Joined {
    with: ParamId,
    names: Vec<ParamId>,
    trainable: bool,
}

impl Pairing {
    /// Makes each pair one: the second name takes the slot of the first, and its own memory is
    /// gone. Being equal is transitive: names that shared the second's slot come along, so that no
    /// tie breaks. Pairs that share a slot already are left as they are.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_tying::Pairing;
    /// let mut params = Params::<f32>::new();
    /// for path in ["a.weight", "a.bias", "b.weight", "b.bias"] {
    ///     params.add(path, Tensor::zeros([10]));
    /// }
    /// let tie = Pairing::by_path(&params, "a", "b")?.tie(&mut params);
    /// assert_eq!(params.numel(), 20);
    /// tie.undo(&mut params);
    /// assert_eq!(params.numel(), 40);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn tie<T: Float>(&self, params: &mut Params<T>) -> Tie {
        let mut tie = Tie::default();
        for pair in self.pairs() {
            if pair.is_shared(params) {
                continue;
            }
            let names: Vec<ParamId> = params.names_of(params.slot(pair.second)).map(|(id, _)| id).collect();
            let trainable = params.is_trainable(pair.second);
            for &name in &names {
                params.tie(name, pair.first).expect("a pair is of one shape");
            }
            tie.joined.push(Joined { with: pair.first, names, trainable });
        }
        tie
    }

    /// Gives the second name of each pair a slot of its own, with a copy of the value, whoever tied
    /// it. Nothing tells any more how the second names were tied to each other before; so those that
    /// share a slot now stay together, as the first names do. [`Tie::undo`] knows better.
    ///
    /// # Panics
    /// If the pairing is of another store.
    #[track_caller]
    pub fn untie<T: Float>(&self, params: &mut Params<T>) {
        for pair in self.pairs() {
            let shares = |other: &Pair| params.slot(other.second) == params.slot(pair.first);
            if !shares(pair) || pair.first == pair.second {
                continue;
            }
            let seconds: Vec<ParamId> =
                self.pairs().iter().filter(|other| shares(other)).map(|other| other.second).collect();
            part(params, pair.first, &seconds);
        }
    }
}

impl Tie {
    /// Takes back what tying changed: the names that had shared a slot leave together, with a copy
    /// of the value, and are trainable if they were. Names that someone else has moved since then
    /// stay where they are.
    ///
    /// # Panics
    /// If the tie is of another store.
    #[track_caller]
    pub fn undo<T: Float>(self, params: &mut Params<T>) {
        // Backwards, because a later pair may have moved what an earlier one had joined.
        for joined in self.joined.iter().rev() {
            if let Some(leader) = part(params, joined.with, &joined.names) {
                params.set_trainable(leader, joined.trainable);
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

/// Moves those of `names` that share the slot of `from` to one new slot, and returns the first.
#[track_caller]
fn part<T: Float>(params: &mut Params<T>, from: ParamId, names: &[ParamId]) -> Option<ParamId> {
    let slot = params.slot(from);
    let mut here = names.iter().copied().filter(|&id| id != from && params.slot(id) == slot);
    let leader = here.next()?;
    let others: Vec<ParamId> = here.collect();
    params.untie(leader);
    for other in others {
        params.tie(other, leader).expect("a copy has the shape of what it is a copy of");
    }
    Some(leader)
}

#[cfg(test)]
mod tests {
    use tandem_autograd::Tensor;

    use super::*;

    /// The names with what they share: each name with the first one of its slot.
    fn owners(params: &Params<f64>) -> Vec<String> {
        let owner = |id| params.names_of(params.slot(id)).next().unwrap().1.to_string();
        params.names().map(|(id, _)| owner(id)).collect()
    }

    /// Two models of three parameters, and a stranger; those of each group share a slot.
    fn store(groups: &[&[&str]]) -> Params<f64> {
        let mut params = Params::new();
        for (i, path) in ["a.x", "a.y", "a.z", "b.x", "b.y", "b.z", "c"].into_iter().enumerate() {
            params.add(path, Tensor::full([2], i as f64));
        }
        for group in groups {
            let id = |path| params.find(path).unwrap();
            let ids: Vec<ParamId> = group.iter().map(|path| id(path)).collect();
            ids[1..].iter().for_each(|&other| params.tie(other, ids[0]).unwrap());
        }
        params
    }

    #[test]
    fn whatever_was_tied_before_is_so_again_after_tying_and_undoing() {
        let cases: [(&[&[&str]], usize); 6] = [
            (&[], 4),
            (&[&["a.x", "a.y"], &["b.x", "b.y"]], 3),
            (&[&["a.x", "a.y"]], 3),
            (&[&["b.x", "b.y"]], 3),
            (&[&["b.x", "c"], &["b.y", "a.z"]], 2),
            (&[&["a.x", "b.x"], &["b.z", "b.y", "c"]], 2),
        ];
        for (groups, slots) in cases {
            let mut params = store(groups);
            let before = owners(&params);
            let pairing = Pairing::by_path(&params, "a", "b").unwrap();
            let tie = pairing.tie(&mut params);
            // Equality is transitive: what was one before is one still, and each pair is one.
            assert!(pairing.pairs().iter().all(|pair| pair.is_shared(&params)), "{groups:?}");
            for group in groups {
                let owner = |path: &str| params.slot(params.find(path).unwrap());
                assert!(group.iter().all(|path| owner(path) == owner(group[0])), "{groups:?}");
            }
            assert_eq!((params.slots().count(), params.numel()), (slots, 2 * slots), "{groups:?}");
            tie.undo(&mut params);
            assert_eq!(owners(&params), before, "{groups:?}");
        }
    }

    #[test]
    fn without_a_record_the_second_model_becomes_a_copy_of_the_first() {
        let mut params = store(&[&["a.x", "a.y", "b.x", "b.y"], &["a.z", "b.z", "c"]]);
        let pairing = Pairing::by_path(&params, "a", "b").unwrap();
        pairing.untie(&mut params);
        assert_eq!(owners(&params), ["a.x", "a.x", "a.z", "b.x", "b.x", "b.z", "a.z"]);
        assert!(pairing.pairs().iter().all(|pair| params.get(pair.first) == params.get(pair.second)));
        let itself = Pairing::by_path(&params, "a", "a").unwrap();
        let before = owners(&params);
        itself.tie(&mut params).undo(&mut params);
        itself.untie(&mut params);
        assert_eq!(owners(&params), before);
    }

    #[test]
    fn the_first_value_stays_and_what_was_frozen_is_frozen_again() {
        let mut params = store(&[]);
        let [a, b] = ["a.x", "b.x"].map(|path| params.find(path).unwrap());
        params.set_trainable(a, false);
        let pairing = Pairing::by_path(&params, "a.x", "b.x").unwrap();
        let kept = params.slot(a);
        let tie = pairing.tie(&mut params);
        assert_eq!((params.slot(b), params.get(b).data(), params.is_trainable(b)), (kept, &[0.0, 0.0][..], false));
        tie.undo(&mut params);
        assert_eq!((params.slot(a), params.get(b).data()), (kept, &[0.0, 0.0][..]));
        assert_eq!((params.is_trainable(a), params.is_trainable(b)), (false, true));
        // The optimizer finds the state of the copy where it was copied from.
        assert_eq!(params.copy_of(params.slot(b)), Some(kept));
    }

    #[test]
    fn undoing_leaves_alone_what_someone_else_has_moved() {
        let mut params = store(&[]);
        let [z, c] = ["b.z", "c"].map(|path| params.find(path).unwrap());
        let tie = Pairing::by_path(&params, "a", "b").unwrap().tie(&mut params);
        params.tie(z, c).unwrap();
        tie.undo(&mut params);
        assert_eq!(owners(&params), ["a.x", "a.y", "a.z", "b.x", "b.y", "b.z", "b.z"]);
        assert_eq!(params.get(z).data(), [6.0, 6.0]);
    }
}
