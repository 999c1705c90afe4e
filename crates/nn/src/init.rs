//! Random initial values. Every draw is from a generator that the caller passes.

use rand::{Rng, RngExt};
use rand_distr::{StandardNormal, Uniform};
use tandem_autograd::{Float, Kind, Shape, Tensor};

/// How initial weights are drawn, from the numbers of inputs (`fan_in`) and outputs (`fan_out`)
/// that a weight connects.
///
/// See Deep Learning, section 8.4.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_nn::{Generator, Init};
/// let mut rng = Generator::seed_from_u64(1);
/// // A layer of 200 inputs and 50 outputs: variance, and largest |w|.
/// let mut of = |init: Init| {
///     let w = init.draw::<f64>([200, 50], 200, 50, &mut rng);
///     let squares = w.data().iter().map(|w| w * w);
///     (squares.clone().sum::<f64>() / 10_000.0, squares.fold(0.0, f64::max).sqrt())
/// };
/// let near = |x: f64, y: f64| (x / y - 1.0).abs() < 0.1;
/// assert!(near(of(Init::He).0, 2.0 / 200.0));
/// assert!(near(of(Init::LeCun).0, 1.0 / 200.0));
/// assert!(near(of(Init::Glorot).0, 2.0 / 250.0) && of(Init::Glorot).1 <= (6.0_f64 / 250.0).sqrt());
/// assert!(near(of(Init::Uniform).0, 1.0 / 600.0) && of(Init::Uniform).1 <= 1.0 / 200_f64.sqrt());
/// assert!(near(of(Init::Normal(0.02)).0, 0.02 * 0.02));
/// assert_eq!(of(Init::Zeros), (0.0, 0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with variance 2 / fan_in, for ReLU (He et al. 2015). In PyTorch this is called
    /// `kaiming_normal_`.
    He,
    /// Uniform in ±√(6 / (fan_in + fan_out)), variance 2 / (fan_in + fan_out) (Glorot and Bengio
    /// 2010). In PyTorch this is called `xavier_uniform_`.
    Glorot,
    /// Normal with variance 1 / fan_in (LeCun et al. 1998).
    LeCun,
    /// Uniform in ±1/√fan_in: what PyTorch's `Linear` and `Conv2d` do by default, for weights and
    /// biases alike.
    Uniform,
    /// Normal with this standard deviation, whatever is connected. PyTorch's `Embedding` has 1.
    Normal(f64),
    /// Zeros.
    Zeros,
}

impl Init {
    /// How the bias beside such weights is drawn.
    pub(crate) fn of_bias(self) -> Init {
        if self == Init::Uniform { Init::Uniform } else { Init::Zeros }
    }

    /// A tensor of this shape, each number drawn in this way, in row-major order.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_nn::Init;
    /// let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    /// let w = Init::He.draw::<f64>([200, 50], 200, 50, &mut rng);
    /// let variance = w.data().iter().map(|w| w * w).sum::<f64>() / 10_000.0;
    /// assert!((variance - 2.0 / 200.0).abs() < 0.001);
    /// ```
    pub fn draw<T: Float>(
        self,
        shape: impl Into<Shape>,
        fan_in: usize,
        fan_out: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Tensor<T> {
        let (fan_in, fan_out) = (fan_in.max(1) as f64, fan_out.max(1) as f64);
        let normal = |out: &mut [T], deviation: f64, rng: &mut _| {
            for out in out {
                *out = T::from_f64(deviation * RngExt::sample::<f64, _>(rng, StandardNormal));
            }
        };
        let uniform = |out: &mut [T], bound: f64, rng: &mut _| {
            let range = Uniform::new_inclusive(-bound, bound).expect("a bound is finite and positive");
            for out in out {
                *out = T::from_f64(RngExt::sample(rng, range));
            }
        };
        Tensor::build(shape, Kind::Parameter, |out| match self {
            Init::He => normal(out, (2.0 / fan_in).sqrt(), rng),
            Init::LeCun => normal(out, (1.0 / fan_in).sqrt(), rng),
            Init::Normal(deviation) => normal(out, deviation, rng),
            Init::Glorot => uniform(out, (6.0 / (fan_in + fan_out)).sqrt(), rng),
            Init::Uniform => uniform(out, 1.0 / fan_in.sqrt(), rng),
            Init::Zeros => out.fill(T::ZERO),
        })
    }
}
