//! The element types of tensors: `f32` for work, `f64` for checking.

use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::thread::LocalKey;

use crate::kernels::{Element, functions};
use crate::local::Local;

/// A floating-point element type: `f32` or `f64`.
///
/// All arithmetic of the crate is generic over this trait. Gradients are trained in `f32` and
/// checked in `f64`: a central difference in `f32` has only three or four good digits.
///
/// ```
/// use tandem_autograd::Float;
/// fn half<T: Float>(x: T) -> T {
///     x * T::from_f64(0.5)
/// }
/// assert_eq!((half(3.0_f32), half(3.0_f64)), (1.5, 1.5));
/// assert_eq!((f32::NAME, <f64 as Float>::NAME), ("F32", "F64"));
/// ```
pub trait Float:
    Element
    + Debug
    + Display
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// −∞, the neutral element of the maximum.
    const NEG_INFINITY: Self;
    /// Not a number: what a dry run shows where a value would stand.
    const NAN: Self;
    /// The name of the type in safetensors and in reports: `F32` or `F64`.
    const NAME: &'static str;

    /// The nearest value of this type; ±∞ beyond its range.
    fn from_f64(x: f64) -> Self;
    /// The value as `f64`, exactly.
    fn to_f64(self) -> f64;
    /// eˣ.
    fn exp(self) -> Self;
    /// ln x: −∞ at 0, NaN below it.
    fn ln(self) -> Self;
    /// tanh x.
    fn tanh(self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// xᵖ.
    fn powf(self, p: Self) -> Self;
    /// |x|.
    fn abs(self) -> Self;
    /// erf x = 2/√π ∫₀ˣ e^(−t²) dt, which the standard library lacks.
    fn erf(self) -> Self;
    /// Whether this is no number.
    fn is_nan(self) -> bool;
    /// False for ±∞ and NaN.
    fn is_finite(self) -> bool;

    #[doc(hidden)]
    fn local() -> &'static LocalKey<RefCell<Local<Self>>>;
}

macro_rules! float {
    ($t:ident, $name:literal, $local:ident, $exp:path, $ln:path, $tanh:path, $erf:path) => {
        thread_local! {
            static $local: RefCell<Local<$t>> = const { RefCell::new(Local::new()) };
        }
        impl Float for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const NAN: Self = $t::NAN;
            const NAME: &'static str = $name;
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn powf(self, p: Self) -> Self {
                self.powf(p)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            fn local() -> &'static LocalKey<RefCell<Local<Self>>> {
                &$local
            }
        }
    };
}

// For `f32` those that are fast in loops; for `f64`, the type for checking, the libraries'.
float!(f32, "F32", LOCAL_F32, functions::exp, functions::ln, functions::tanh, functions::erf);
float!(f64, "F64", LOCAL_F64, f64::exp, f64::ln, f64::tanh, libm::erf);
