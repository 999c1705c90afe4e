//! Gradients cut to a size, over slots: a shared parameter is one term of the norm.

use tandem_autograd::kernels::elementwise::each;
use tandem_autograd::kernels::reduce::sum_of_squares;
use tandem_autograd::{Float, Gradients};

/// The norm of all gradients of parameters as one vector, √ Σ g², added up in `f64`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::new([2], vec![1.5, 2.0]));
/// let gradients = Tape::new(&params).param(w).square().sum().backward();      // 3 and 4
/// assert_eq!(tandem_nn::gradient_norm(&gradients), 5.0);
/// ```
pub fn gradient_norm<T: Float>(gradients: &Gradients<T>) -> f64 {
    gradients.iter().map(|(_, gradient)| sum_of_squares(gradient.data())).sum::<f64>().sqrt()
}

/// Makes the [norm](gradient_norm) of all gradients of parameters at most `max`, by one factor
/// max / (norm + 10⁻⁶) if that is below 1, and returns the norm from before (Pascanu, Mikolov and Bengio 2013; Deep
/// Learning, section 10.11.1).
///
/// A norm that is not finite is returned and the gradients are left as they are: no factor would mend
/// them, and one that is NaN would hide in which parameter it began. In PyTorch this is called
/// `clip_grad_norm_`, which then makes all gradients NaN or 0.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{clip_norm, gradient_norm};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::new([2], vec![1.5, 2.0]));
/// let mut gradients = Tape::new(&params).param(w).square().sum().backward();
/// assert_eq!(clip_norm(&mut gradients, 1.0), 5.0);              // of 3 and 4
/// assert!((gradient_norm(&gradients) - 1.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `max` is negative or NaN.
#[track_caller]
pub fn clip_norm<T: Float>(gradients: &mut Gradients<T>, max: f64) -> f64 {
    assert!(max >= 0.0, "clip_norm() takes a norm of at least 0, found {max}");
    let norm = gradient_norm(gradients);
    let factor = max / (norm + 1e-6);
    if norm.is_finite() && factor < 1.0 {
        let factor = T::from_f64(factor);
        for (_, gradient) in gradients.iter_mut() {
            gradient.update(|g| each([g], [], |[g], []| [g * factor]));
        }
    }
    norm
}

/// Brings every number of every parameter's gradient into −limit to limit: g ← max(−limit, min(g, limit)). NaN stays.
///
/// In PyTorch this is called `clip_grad_value_`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", Tensor::new([2], vec![1.5, -2.0]));
/// let mut gradients = Tape::new(&params).param(w).square().sum().backward();  // 3 and −4
/// tandem_nn::clip_value(&mut gradients, 3.5);
/// assert_eq!(gradients.of(&params, w).unwrap().data(), [3.0, -3.5]);
/// ```
///
/// # Panics
/// If `limit` is negative or NaN.
#[track_caller]
pub fn clip_value<T: Float>(gradients: &mut Gradients<T>, limit: f64) {
    assert!(limit >= 0.0, "clip_value() takes a limit of at least 0, found {limit}");
    let limit = T::from_f64(limit);
    let clip = |[g]: [T; 1], []: [T; 0]| {
        let g = if g > limit { limit } else { g };
        [if g < -limit { -limit } else { g }]
    };
    for (_, gradient) in gradients.iter_mut() {
        gradient.update(|g| each([g], [], clip));
    }
}
