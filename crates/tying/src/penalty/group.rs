//! The group lasso: numbers that become equal together.

use std::ops::Range;

use tandem_autograd::{Float, Shape, Var};

use super::Penalty;
use crate::fused::Pass;
use crate::proximal::Step;

/// Which numbers of a tensor are one group. A tensor without axes is one group.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_tying::{GroupLasso, Groups, Penalty};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let d = tape.constant(Tensor::full([5, 4], 1.0));
/// let terms = |groups| GroupLasso { groups }.terms(d.clone()).shape().len();
/// assert_eq!([Groups::Whole, Groups::Rows, Groups::Filters].map(terms), [1, 5, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// All: a layer is shared as a whole, or not.
    Whole,
    /// Each place of the first axis: what comes from one input of a dense layer, a row of an embedding.
    Rows,
    /// Each place of the last axis: what leads to one output, of a dense layer or a convolution (a filter).
    Filters,
}

/// How groups lie in memory: number i is in group (i / `run`) mod `count`.
#[derive(Clone, Copy)]
pub(crate) struct Lay {
    pub(crate) count: usize,
    pub(crate) run: usize,
}

impl Groups {
    pub(crate) fn lay(self, shape: Shape) -> Lay {
        let n = shape.len().max(1);
        match (self, shape.dims()) {
            (Groups::Whole, _) | (_, []) => Lay { count: 1, run: n },
            (Groups::Rows, [first, ..]) => Lay { count: *first as usize, run: n / (*first as usize).max(1) },
            (Groups::Filters, [.., last]) => Lay { count: *last as usize, run: 1 },
        }
    }

    /// The axes over which a norm is taken.
    fn axes(self, rank: usize) -> Vec<usize> {
        match self {
            Groups::Whole => (0..rank).collect(),
            Groups::Rows => (1..rank).collect(),
            Groups::Filters => (0..rank.saturating_sub(1)).collect(),
        }
    }
}

impl Lay {
    /// Cuts the numbers `from..to` where the groups ask for it. `visit(numbers, group, each)`: the numbers,
    /// counted from `from`, are all of this group, or, if `each`, of this one, the next, and so on.
    pub(crate) fn cut(self, from: usize, to: usize, mut visit: impl FnMut(Range<usize>, usize, bool)) {
        let each = self.run == 1;
        let period = if each { self.count } else { self.run };
        let mut at = from;
        while at < to {
            let end = to.min((at / period + 1) * period);
            visit(at - from..end - from, at / self.run % self.count, each);
            at = end;
        }
    }
}

/// Σ_g √|g| ‖d_g‖ over groups of |g| numbers: whole groups of differences become exactly zero, so that the data
/// decide, layer by layer or filter by filter, what is shared (Yuan and Lin 2006, on the difference).
///
/// The gradient is √|g| d_g/‖d_g‖, 0 where the group is. The proximal operator shrinks the norm by t√|g|, and stops
/// at 0: exact zeros need proximal steps.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{Coupling, GroupLasso, Groups, Pairing, Strength};
/// let mut params = Params::<f64>::new();
/// params.add("a.w", Tensor::zeros([2, 4]));
/// let b = params.add("b.w", Tensor::new([2, 4], vec![3., 3., 3., 3., 1., 1., 1., 1.]));
/// let (pairing, lasso) = (Pairing::by_path(&params, "a", "b")?, GroupLasso { groups: Groups::Rows });
/// let coupling = Coupling::with(&mut params, pairing, lasso, Strength::Coupled(1.0))?;
/// coupling.proximal_step(&mut params, 0.5)?;         // t√|g| = 2 off the norms, 6 and 2
/// assert_eq!(params.get(b).data(), [2.5, 2.5, 2.5, 2.5, 0.5, 0.5, 0.5, 0.5]);
/// assert_eq!(coupling.distance(&params), 4.0);       // the second rows are equal now
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLasso {
    /// What is a group.
    pub groups: Groups,
}

impl<T: Float> Penalty<T> for GroupLasso {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        let shape = d.shape();
        let size = shape.len() / self.groups.lay(shape).count.max(1);
        (size as f64).sqrt() * d.norm_axes(&self.groups.axes(shape.rank()))
    }

    fn degree(&self) -> Option<f64> {
        Some(1.0)
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        pass.groups(self.groups, |size, norm| {
            let root = T::from_f64((size as f64).sqrt());
            (root * norm, if norm == T::ZERO { T::ZERO } else { root / norm })
        });
    }

    fn proximal(&self, step: &mut Step<'_, T>) {
        step.groups(self.groups, |size, norm, t| {
            let least = t * T::from_f64((size as f64).sqrt());
            if norm <= least { T::ZERO } else { T::ONE - least / norm }
        });
    }
}
