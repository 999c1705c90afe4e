//! Proximal steps: minimising a penalty and the way there, exactly.

use tandem_autograd::kernels::threads::for_each_chunk;
use tandem_autograd::{Float, Shape};

use crate::fused::{BLOCK, Sides, chunk, multiply, weighted};
use crate::penalty::Groups;

/// One side of a pair: numbers that move, or numbers that stay (as many, or one that stands for all).
pub(crate) enum Side<'a, T> {
    Moves(&'a mut [T]),
    Stays(&'a [T]),
}

impl<T> Side<'_, T> {
    fn numbers(&self) -> &[T] {
        match self {
            Side::Moves(numbers) => numbers,
            Side::Stays(numbers) => numbers,
        }
    }
}

/// A proximal step of a pair: moves both sides to where ½‖a′ − a‖² + ½‖b′ − b‖² + ηλ Ω(a′ − b′) is least.
///
/// The mean of two sides that move does not change, and d = a − b becomes the d′ at which ½‖d′ − d‖² + t Ω(d′)
/// is least: the proximal operator of Ω, with t = 2ηλ, since each side goes half the way; with t = ηλ where only one
/// side moves. A [`Penalty`](crate::Penalty) says what the operator is.
///
/// ```
/// use tandem_autograd::{Float, Params, Tensor, Var};
/// use tandem_tying::{Coupling, Pairing, Penalty, Step, Strength};
///
/// /// Σ ½d², whose proximal operator is d / (1 + t).
/// #[derive(Debug)]
/// struct Half;
///
/// impl<T: Float> Penalty<T> for Half {
///     fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
///         0.5 * d.square()
///     }
///     fn proximal(&self, step: &mut Step<'_, T>) {
///         step.each(|d, t| d / (T::ONE + t));
///     }
/// }
///
/// let mut params = Params::<f64>::new();
/// let [a, b] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
/// let pairing = Pairing::by_path(&params, "a", "b")?;
/// let coupling = Coupling::with(&mut params, pairing, Half, Strength::Coupled(0.5))?;
/// coupling.proximal_step(&mut params, 1.0)?;         // t = 2ηλ = 1: −2 becomes −1
/// assert_eq!([a, b].map(|id| params.get(id).item()), [1.5, 2.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Step<'a, T: Float> {
    pub(crate) sides: [Side<'a, T>; 2],
    /// The weight of each number, or one for all.
    pub(crate) weight: &'a [T],
    pub(crate) shape: Shape,
    /// ηλ times the number of sides that move.
    pub(crate) t: T,
    /// Whether the penalty has said what its operator is.
    pub(crate) known: bool,
}

impl<T: Float> Step<'_, T> {
    /// For a penalty Σ φ(d): `f(d, t)` is the d′ at which ½(d′ − d)² + t φ(d′) is least.
    ///
    /// The example of [`Step`] has one.
    pub fn each(&mut self, f: impl Fn(T, T) -> T + Sync) {
        let (t, weight) = (self.t, self.weight);
        self.blocks(|at, d| weighted(weight, at, d, |d, c| *d = f(*d, t * c)));
    }

    /// For a penalty Σ_g ψ(‖d_g‖) over groups: `f(size, norm, t)` is the factor by which a group's
    /// differences shrink.
    ///
    /// ```
    /// # use tandem_autograd::{Float, Params, Tensor, Var};
    /// # use tandem_tying::{Coupling, Groups, Pairing, Penalty, Step, Strength};
    /// /// ‖d‖, whose proximal operator takes t off the norm, and stops at 0.
    /// #[derive(Debug)]
    /// struct Norm;
    ///
    /// impl<T: Float> Penalty<T> for Norm {
    ///     fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
    ///         d.norm_axes(&[0])
    ///     }
    ///     fn proximal(&self, step: &mut Step<'_, T>) {
    ///         step.groups(Groups::Whole, |_, norm, t| if norm <= t { T::ZERO } else { T::ONE - t / norm });
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// let a = params.add("a.w", Tensor::new([2], vec![0.0, 0.0]));
    /// params.add("b.w", Tensor::new([2], vec![3.0, 4.0]));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::with(&mut params, pairing, Norm, Strength::Coupled(0.5))?;
    /// coupling.proximal_step(&mut params, 1.0)?;         // the norm goes from 5 to 4, half the way by each side
    /// let [x, y] = [0, 1].map(|i| params.get(a).data()[i]);
    /// assert!((x - 0.3).abs() < 1e-15 && (y - 0.4).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn groups(&mut self, groups: Groups, f: impl Fn(usize, T, T) -> T) {
        let lay = groups.lay(self.shape);
        let [first, second] = self.sides.each_ref().map(Side::numbers);
        let sides = Sides { first, second, weight: self.weight };
        let (size, t) = (self.shape.len() / lay.count.max(1), self.t * self.weight.first().copied().unwrap_or(T::ONE));
        let mut factors = sides.squares(lay);
        factors.update(|factors| factors.iter_mut().for_each(|factor| *factor = f(size, factor.sqrt(), t)));
        self.blocks(|at, d| multiply(lay, factors.data(), at, d));
    }

    /// Block by block, `turn(at, d)` changes the differences from number `at` on, and the sides follow. Where a
    /// difference stays, so do both numbers, to the bit.
    fn blocks(&mut self, turn: impl Fn(usize, &mut [T]) + Sync) {
        self.known = true;
        match &mut self.sides {
            [Side::Moves(a), Side::Moves(b)] => {
                let (len, half) = (chunk(a.len()), T::from_f64(0.5));
                for_each_chunk([&mut **a, &mut **b], len, |i, [a, b]| {
                    for (k, (a, b)) in a.chunks_mut(BLOCK).zip(b.chunks_mut(BLOCK)).enumerate() {
                        let mut block = [T::ZERO; BLOCK];
                        let d = &mut block[..a.len()];
                        d.iter_mut().zip(&*a).zip(&*b).for_each(|((d, &a), &b)| *d = a - b);
                        turn(i * len + k * BLOCK, d);
                        for ((a, b), &d) in a.iter_mut().zip(b).zip(&*d) {
                            let (x, y, mean) = (*a, *b, half * (*a + *b));
                            let moves = [mean + half * d, mean - half * d];
                            [*a, *b] = if d == x - y { [x, y] } else { moves };
                        }
                    }
                });
            }
            [Side::Moves(a), Side::Stays(b)] => one_side(a, b, T::ONE, turn),
            [Side::Stays(a), Side::Moves(b)] => one_side(b, a, -T::ONE, turn),
            [Side::Stays(_), Side::Stays(_)] => {}
        }
    }
}

/// As [`Step::blocks`], for x that moves beside y that stays: d = ±(x − y).
fn one_side<T: Float>(x: &mut [T], y: &[T], sign: T, turn: impl Fn(usize, &mut [T]) + Sync) {
    let len = chunk(x.len());
    for_each_chunk([x], len, |i, [x]| {
        for (k, x) in x.chunks_mut(BLOCK).enumerate() {
            let at = i * len + k * BLOCK;
            let y = |k: usize| if y.len() == 1 { y[0] } else { y[at + k] };
            let mut block = [T::ZERO; BLOCK];
            let d = &mut block[..x.len()];
            d.iter_mut().zip(&*x).enumerate().for_each(|(k, (d, &x))| *d = sign * (x - y(k)));
            turn(at, d);
            for (k, (x, &d)) in x.iter_mut().zip(&*d).enumerate() {
                let (from, to) = (*x, y(k) + sign * d);
                *x = if d == sign * (from - y(k)) { from } else { to };
            }
        }
    });
}
