//! One pair of a coupling, with what it is held to.

use tandem_autograd::{Float, Kind, ParamId, Params, SlotId, Tape, Tensor, Var};

use crate::fused::Sides;
use crate::pairing::Pair;
use crate::part::Part;
use crate::penalty::Penalty;
use crate::tie::only_whole;

/// A part, what it is held to, and the weight of both.
#[derive(Clone, Debug)]
pub(super) struct Link<T: Float> {
    pub(super) first: Part,
    pub(super) second: Second<T>,
    /// One number, or one for each.
    pub(super) weight: Tensor<T>,
    /// The parameters s and t of d = s·wA + t − wB.
    pub(super) relation: Option<[ParamId; 2]>,
}

#[derive(Clone, Debug)]
pub(super) enum Second<T: Float> {
    Part(Part),
    /// One number, or one for each.
    Anchor(Tensor<T>),
}

impl<T: Float> From<&Pair> for Link<T> {
    fn from(pair: &Pair) -> Link<T> {
        Link::new(pair.first, Second::Part(pair.second), pair.weight)
    }
}

impl<T: Float> Link<T> {
    pub(super) fn new(first: Part, second: Second<T>, weight: f64) -> Link<T> {
        Link { first, second, weight: Tensor::scalar(T::from_f64(weight)), relation: None }
    }

    /// Of weights of the whole first parameter, those of its rows.
    pub(super) fn cut(&self, weight: Tensor<T>, params: &Params<T>) -> Tensor<T> {
        if self.first.rows.is_none() || weight.shape() != params.get(self.first.id).shape() {
            return weight;
        }
        let rows = self.first.range(params);
        Tensor::build(self.first.shape(params), Kind::Activation, |out| out.copy_from_slice(&weight.data()[rows]))
    }

    /// Multiplies the weight that there is.
    pub(super) fn weigh(&mut self, weight: &Tensor<T>) {
        let before = std::mem::replace(&mut self.weight, weight.clone());
        let factor = |i: usize| if before.len() == 1 { before.data()[0] } else { before.data()[i] };
        match (before.shape().rank(), weight.shape().rank()) {
            (1.., 0) => {
                let factor = weight.item();
                self.weight = before;
                self.weight.update(|all| all.iter_mut().for_each(|c| *c = *c * factor));
            }
            _ => self.weight.update(|all| all.iter_mut().enumerate().for_each(|(i, c)| *c = *c * factor(i))),
        }
    }

    pub(super) fn pair(&self) -> Option<Pair> {
        let Second::Part(second) = self.second else { return None };
        Some(Pair { first: self.first, second, weight: 1.0 })
    }

    /// Why the two sides can't be one, if so.
    pub(super) fn obstacle(&self, params: &Params<T>) -> Option<String> {
        let [first, second] = self.names(params);
        let whole = |pair: &Pair| pair.first.rows.is_none() && pair.second.rows.is_none();
        match self.pair() {
            None => Some(format!("`{first}` and {second}: an anchor has no slot")),
            Some(_) if self.relation.is_some() => Some(self.related(params)),
            Some(pair) => (!whole(&pair)).then(|| only_whole(params, &pair)),
        }
    }

    /// Why a learned relation can't be a tie.
    pub(super) fn related(&self, params: &Params<T>) -> String {
        let [first, second] = self.names(params);
        format!("`{first}` and `{second}`: what is related is not equal")
    }

    /// Both names; an anchor is called so.
    pub(super) fn names(&self, params: &Params<T>) -> [String; 2] {
        let second = match &self.second {
            Second::Part(second) => second.name(params),
            Second::Anchor(value) if value.shape().rank() == 0 && value.item() == T::ZERO => "0".into(),
            Second::Anchor(_) => "its anchor".into(),
        };
        [self.first.name(params), second]
    }

    #[track_caller]
    pub(super) fn is_shared(&self, params: &Params<T>) -> bool {
        self.pair().is_some_and(|pair| pair.is_shared(params))
    }

    /// Whether another link may be of the same slots: only if one of them has a further name, or rows.
    pub(super) fn may_repeat(&self, params: &Params<T>) -> bool {
        let shared = |part: Part| params.is_shared(part.id);
        shared(self.first) || matches!(self.second, Second::Part(second) if shared(second))
    }

    /// Whether both links hold the same two sides together.
    pub(super) fn same(&self, other: &Link<T>, params: &Params<T>) -> bool {
        let is = |a: Part, b: Part| a.is(b, params);
        match (&self.second, &other.second) {
            (Second::Part(a), Second::Part(b)) => {
                (is(self.first, other.first) && is(*a, *b)) || (is(self.first, *b) && is(*a, other.first))
            }
            (Second::Anchor(a), Second::Anchor(b)) => {
                is(self.first, other.first) && (a.shares_memory_with(b) || (a.shape().rank() == 0 && a == b))
            }
            _ => false,
        }
    }

    /// The slots whose gradients this adds to: of the two sides, where they are trainable.
    pub(super) fn movable(&self, params: &Params<T>) -> [Option<SlotId>; 2] {
        let slot = |part: Part| Some(params.slot(part.id)).filter(|&slot| params.slot_is_trainable(slot));
        let second = if let Second::Part(second) = self.second { slot(second) } else { None };
        [slot(self.first), second]
    }

    /// The numbers of both sides and their weights; none in a dry run.
    pub(super) fn sides<'a>(&'a self, params: &'a Params<T>) -> Sides<'a, T> {
        let second = match &self.second {
            Second::Part(second) => second.numbers(params),
            Second::Anchor(value) => value.data(),
        };
        Sides { first: self.first.numbers(params), second, weight: self.weight.data() }
    }

    /// Whether there are shapes without numbers.
    pub(super) fn is_dry(&self, params: &Params<T>) -> bool {
        self.first.numbers(params).len() < self.first.shape(params).len()
    }

    /// c Ω(d) on the tape.
    #[track_caller]
    pub(super) fn omega_on<'t>(&self, tape: &'t Tape<'_, T>, penalty: &dyn Penalty<T>) -> Var<'t, T> {
        let first = self.first.on_tape(tape);
        let first = match self.relation.map(|relation| relation.map(|id| tape.param(id))) {
            Some([scale, shift]) => scale * first + shift,
            None => first,
        };
        let d = match &self.second {
            Second::Part(second) => first - second.on_tape(tape),
            Second::Anchor(value) => first - tape.constant(value.clone()),
        };
        let shape = d.shape();
        let terms = penalty.terms(d);
        match self.weight.shape().rank() {
            0 if self.weight.item() == T::ONE => terms.sum(),
            0 => self.weight.item().to_f64() * terms.sum(),
            _ => {
                assert!(
                    terms.shape() == shape,
                    "{penalty:?}: a term for each number of {shape}, found {}",
                    terms.shape()
                );
                (tape.constant(self.weight.clone()) * terms).sum()
            }
        }
    }

    /// ‖d‖²; not a number in a dry run.
    pub(super) fn square(&self, params: &Params<T>) -> f64 {
        if self.is_dry(params) {
            return f64::NAN;
        }
        let sides = self.sides(params);
        let second = |i: usize| if sides.second.len() == 1 { sides.second[0] } else { sides.second[i] }.to_f64();
        let relation = self.relation.map(|relation| relation.map(|id| params.get(id).item().to_f64()));
        let [scale, shift] = relation.unwrap_or([1.0, 0.0]);
        let d = sides.first.iter().enumerate().map(|(i, &a)| scale * a.to_f64() + shift - second(i));
        d.map(|d| d * d).sum()
    }

    /// How many differences the penalty holds: those whose weight is not 0.
    pub(super) fn freedom(&self, params: &Params<T>) -> f64 {
        let held = self.weight.data().iter().filter(|c| **c > T::ZERO).count();
        let each = if self.weight.shape().rank() == 0 { self.first.shape(params).len() } else { 1 };
        (held * each) as f64
    }
}

/// The links without those that close a cycle.
pub(super) fn spanning<'a, T: Float>(
    links: impl Iterator<Item = &'a Link<T>>,
    params: &'a Params<T>,
) -> impl Iterator<Item = &'a Link<T>> {
    // Each set of parts that hang together; all anchors stand still, as one.
    let mut sets: Vec<Vec<Option<Part>>> = Vec::new();
    links.filter(move |link| {
        let ends = [Some(link.first), link.pair().map(|pair| pair.second)];
        let is = |a: &Option<Part>, b: Option<Part>| match (a, b) {
            (Some(a), Some(b)) => a.is(b, params),
            (a, b) => a.is_none() && b.is_none(),
        };
        let [from, to] = ends.map(|end| sets.iter().position(|set| set.iter().any(|part| is(part, end))));
        match (from, to) {
            (Some(from), Some(to)) if from == to => return false,
            (Some(from), Some(to)) => {
                let moved = sets.swap_remove(from.max(to));
                sets[from.min(to)].extend(moved);
            }
            (Some(set), None) => sets[set].push(ends[1]),
            (None, Some(set)) => sets[set].push(ends[0]),
            (None, None) => sets.push(ends.to_vec()),
        }
        true
    })
}
