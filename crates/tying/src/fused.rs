//! A penalty and its gradient in one pass over the numbers, without a tape.

use std::sync::atomic::{AtomicU64, Ordering};

use tandem_autograd::kernels::elementwise::each;
use tandem_autograd::kernels::reduce::replace_and_sum;
use tandem_autograd::kernels::threads::for_each_chunk;
use tandem_autograd::{Float, Gradients, Kind, Params, Shape, SlotId, Tensor};

use crate::penalty::{Groups, Lay};

/// How many numbers are turned from differences into gradients at a time: they fit into the nearest cache.
pub(crate) const BLOCK: usize = 1024;
/// Sums that the processor adds to at a time.
const LANES: usize = 8;
/// A pass over fewer numbers is one chunk, on the calling thread: waking another would take longer.
const SMALL: usize = 1 << 15;
/// At most so many chunks, whose sums stand on the stack.
const CHUNKS: usize = 64;

/// The numbers of both sides of a pair, whose difference is d = a − b.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a, T> {
    pub(crate) first: &'a [T],
    /// As many, or one that stands for all.
    pub(crate) second: &'a [T],
    /// The weight of each number, or one for all.
    pub(crate) weight: &'a [T],
}

impl<T: Float> Sides<'_, T> {
    /// Writes the differences from number `at` on.
    pub(crate) fn differences(&self, at: usize, d: &mut [T]) {
        let first = &self.first[at..at + d.len()];
        match self.second {
            &[b] => each([d], [first], |_, [a]| [a - b]),
            second => each([d], [first, &second[at..at + first.len()]], |_, [a, b]| [a - b]),
        }
    }

    /// The sum of squares of each group's differences, in scratch space.
    pub(crate) fn squares(&self, lay: Lay) -> Tensor<T> {
        Tensor::build([lay.count], Kind::Workspace, |squares| {
            squares.fill(T::ZERO);
            let mut block = [T::ZERO; BLOCK];
            for at in (0..self.first.len()).step_by(BLOCK) {
                let d = &mut block[..BLOCK.min(self.first.len() - at)];
                self.differences(at, d);
                lay.cut(at, at + d.len(), |numbers, group, each| {
                    let d = &d[numbers];
                    if each {
                        squares[group..].iter_mut().zip(d).for_each(|(sum, &d)| *sum += d * d);
                    } else {
                        squares[group] += sum_of_squares(d);
                    }
                });
            }
        })
    }
}

/// Calls `f` with each of the numbers `d`, of which the first is number `at`, and its weight.
pub(crate) fn weighted<T: Float>(weight: &[T], at: usize, d: &mut [T], mut f: impl FnMut(&mut T, T)) {
    match weight {
        &[c] => d.iter_mut().for_each(|d| f(d, c)),
        weight => d.iter_mut().zip(&weight[at..]).for_each(|(d, &c)| f(d, c)),
    }
}

/// Σ x², in lanes.
fn sum_of_squares<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    for chunk in x.chunks(LANES) {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x * x);
    }
    lanes.into_iter().fold(T::ZERO, |sum, lane| sum + lane)
}

/// One pass over a pair, by which a [`Penalty`](crate::Penalty) computes Ω and adds λ·∂Ω to the gradients, with no
/// tape and no memory of its own. What several calls compute is added up.
///
/// [`each`](Pass::each) is for penalties that are a sum over numbers, [`groups`](Pass::groups) for sums over groups.
pub struct Pass<'a, T: Float> {
    pub(crate) sides: Sides<'a, T>,
    pub(crate) shape: Shape,
    pub(crate) lambda: T,
    /// The gradients of both sides, where there are any.
    pub(crate) into: [Option<&'a mut [T]>; 2],
    /// Ω; nothing before the first call.
    pub(crate) omega: Option<f64>,
}

impl<T: Float> Pass<'_, T> {
    /// For a penalty Σ φ(d): `f(d)` is φ(d) and φ′(d).
    ///
    /// ```
    /// # use tandem_autograd::{Float, Params, Tape, Tensor, Var};
    /// # use tandem_tying::{Coupling, Pairing, Pass, Penalty, Strength};
    /// /// Σ d⁴.
    /// #[derive(Debug)]
    /// struct Fourth;
    ///
    /// impl<T: Float> Penalty<T> for Fourth {
    ///     fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
    ///         d.square().square()
    ///     }
    ///     fn fused(&self, pass: &mut Pass<'_, T>) {
    ///         pass.each(|d| (d * d * d * d, T::from_f64(4.0) * d * d * d));
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// let [a, _] = [("a.w", 3.0), ("b.w", 1.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::with(&mut params, pairing, Fourth, Strength::Coupled(0.5))?;
    /// let mut gradients = (1.0 * Tape::new(&params).param(a)).backward();
    /// assert_eq!(coupling.add_gradients(&params, &mut gradients), 0.5 * 16.0);
    /// assert_eq!(gradients.of(&params, a).unwrap().item(), 1.0 + 0.5 * 4.0 * 8.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn each(&mut self, f: impl Fn(T) -> (T, T) + Sync) {
        let (lambda, weight) = (self.lambda, self.sides.weight);
        // c φ(d) and λ c φ′(d).
        let weighted = |c: T, (term, derivative): (T, T)| (c * term, lambda * c * derivative);
        match weight {
            &[c] => self.blocks(|_, d| replace_and_sum(d, [], &|d, []| weighted(c, f(d)))),
            weight => self.blocks(|at, d| {
                let weight = &weight[at..at + d.len()];
                replace_and_sum(d, [weight], &|d, [c]| weighted(c, f(d)))
            }),
        }
    }

    /// For a penalty Σ_g ψ(‖d_g‖) over groups: `f(size, norm)` is ψ and ψ′/norm, by which the group's
    /// differences are multiplied.
    ///
    /// ```
    /// use tandem_autograd::{Float, Params, Tape, Tensor, Var};
    /// use tandem_tying::{Coupling, Groups, Pairing, Pass, Penalty, Strength};
    ///
    /// /// Σ ‖d_g‖ over rows, of any length alike.
    /// #[derive(Debug)]
    /// struct RowNorms;
    ///
    /// impl<T: Float> Penalty<T> for RowNorms {
    ///     fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
    ///         d.norm_axes(&[1])
    ///     }
    ///     fn fused(&self, pass: &mut Pass<'_, T>) {
    ///         pass.groups(Groups::Rows, |_, norm| (norm, if norm == T::ZERO { T::ZERO } else { T::ONE / norm }));
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// let a = params.add("a.w", Tensor::new([2, 2], vec![3.0, 4.0, 0.0, 0.0]));
    /// params.add("b.w", Tensor::zeros([2, 2]));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::with(&mut params, pairing, RowNorms, Strength::Coupled(2.0))?;
    /// let mut gradients = (0.0 * Tape::new(&params).param(a)).sum().backward();
    /// assert_eq!(coupling.add_gradients(&params, &mut gradients), 2.0 * 5.0);
    /// for (found, expected) in gradients.of(&params, a).unwrap().data().iter().zip([2.0 * 0.6, 2.0 * 0.8, 0.0, 0.0]) {
    ///     assert!((found - expected).abs() < 1e-15);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn groups(&mut self, groups: Groups, f: impl Fn(usize, T) -> (T, T) + Sync) {
        let (lay, sides) = (groups.lay(self.shape), self.sides);
        let (size, weight) = (self.shape.len() / lay.count.max(1), sides.weight.first().copied().unwrap_or(T::ONE));
        let mut factors = sides.squares(lay);
        let mut omega = 0.0;
        factors.update(|factors| {
            for factor in factors {
                let (term, over_norm) = f(size, factor.sqrt());
                omega += (weight * term).to_f64();
                *factor = self.lambda * weight * over_norm;
            }
        });
        self.blocks(|at, d| {
            multiply(lay, factors.data(), at, d);
            T::ZERO
        });
        self.omega = self.omega.map(|others| others + omega);
    }

    /// Block by block, `turn(at, d)` turns the differences from number `at` on into gradients, and returns the sum
    /// of their terms.
    fn blocks(&mut self, turn: impl Fn(usize, &mut [T]) -> T + Sync) {
        let (sides, n) = (self.sides, self.sides.first.len());
        let chunk = chunk(n);
        let sums: [AtomicU64; CHUNKS] = [const { AtomicU64::new(0) }; CHUNKS];
        let work = |index: usize, mut into: [Option<&mut [T]>; 2]| {
            let (start, end) = (index * chunk, n.min((index + 1) * chunk));
            let (mut block, mut sum) = ([T::ZERO; BLOCK], 0.0);
            for at in (start..end).step_by(BLOCK) {
                let d = &mut block[..BLOCK.min(end - at)];
                sides.differences(at, d);
                sum += turn(at, d).to_f64();
                let here = at - start..at - start + d.len();
                if let Some(a) = &mut into[0] {
                    each([&mut a[here.clone()]], [d], |[g], [d]| [g + d]);
                }
                if let Some(b) = &mut into[1] {
                    each([&mut b[here]], [d], |[g], [d]| [g - d]);
                }
            }
            sums[index].store(sum.to_bits(), Ordering::Relaxed);
        };
        match &mut self.into {
            [Some(a), Some(b)] => for_each_chunk([&mut **a, &mut **b], chunk, |i, [a, b]| work(i, [Some(a), Some(b)])),
            [Some(a), None] => for_each_chunk([&mut **a], chunk, |i, [a]| work(i, [Some(a), None])),
            [None, Some(b)] => for_each_chunk([&mut **b], chunk, |i, [b]| work(i, [None, Some(b)])),
            [None, None] => (0..n.div_ceil(chunk)).for_each(|i| work(i, [None, None])),
        }
        // In the order of the chunks, so that the sum does not depend on who came first.
        let sums = sums.iter().map(|sum| f64::from_bits(sum.load(Ordering::Relaxed)));
        self.omega = Some(sums.fold(self.omega.unwrap_or(0.0), |sum, more| sum + more));
    }
}

/// Multiplies the numbers `d`, of which the first is number `at`, by the factors of their groups.
pub(crate) fn multiply<T: Float>(lay: Lay, factors: &[T], at: usize, d: &mut [T]) {
    lay.cut(at, at + d.len(), |numbers, group, each| {
        let d = &mut d[numbers];
        if each {
            d.iter_mut().zip(&factors[group..]).for_each(|(d, &factor)| *d = *d * factor);
        } else {
            for d in d {
                *d = *d * factors[group];
            }
        }
    });
}

/// How many numbers of n are one task.
pub(crate) fn chunk(n: usize) -> usize {
    if n < SMALL { n.max(1) } else { n.div_ceil(CHUNKS).next_multiple_of(BLOCK).max(SMALL / 4) }
}

/// Changes the gradient of a slot; zeros, if the loss did not depend on it.
pub(crate) fn change<T: Float>(
    params: &Params<T>,
    gradients: &mut Gradients<T>,
    slot: SlotId,
    write: impl FnOnce(&mut [T]),
) {
    let mut gradient = taken(params, gradients, slot);
    gradient.update(write);
    gradients.insert(slot, gradient);
}

/// The gradient of a slot, taken out; zeros, if the loss did not depend on it.
pub(crate) fn taken<T: Float>(params: &Params<T>, gradients: &mut Gradients<T>, slot: SlotId) -> Tensor<T> {
    let zeros = || Tensor::build(params.value(slot).shape(), Kind::Gradient, |g| g.fill(T::ZERO));
    gradients.take(slot).unwrap_or_else(zeros)
}
