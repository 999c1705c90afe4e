//! Losses: how wrong a batch is, as one number.
//!
//! Each is the mean over everything that is compared, composed of variables' methods, and can be differentiated
//! twice. A NaN is never hidden: it makes the loss NaN.

use tandem_autograd::{Float, Var};

/// The cross-entropy of class indices under logits, with label smoothing ε (Szegedy et al. 2016, section 7). A row
/// of logits x with p = softmax x, the class k and C classes contributes to the mean
///
/// (1 − ε) · (−ln pₖ) + ε/C · Σⱼ −ln pⱼ  =  −ln pₖ + ε · (xₖ − mean x)
///
/// Logits `[…, classes]`, labels `[…]`. With ε = 0 this is [`Var::cross_entropy`], to the bit. In PyTorch this is
/// called `F.cross_entropy(label_smoothing=ε)`, with the classes on axis 1.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::cross_entropy;
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let logits = tape.input(Tensor::new([1, 2], vec![3.0, 0.0]));
/// let loss = cross_entropy(logits.clone(), tape.constant(Tensor::new([1], vec![0.0])), 0.2);
/// // The best logits are those whose softmax is [0.9, 0.1]; these are too sure.
/// assert!(loss.backward().wrt(&logits).unwrap().data()[0] > 0.0);
/// ```
///
/// # Panics
/// If the shapes do not fit, a label is not a class, or ε is not in 0 ≤ ε ≤ 1.
#[track_caller]
pub fn cross_entropy<'t, T: Float>(logits: Var<'t, T>, labels: Var<'t, T>, smoothing: f64) -> Var<'t, T> {
    let (x, y) = (logits.shape(), labels.shape());
    assert!(
        (0.0..=1.0).contains(&smoothing),
        "cross_entropy({x}, {y}): a smoothing of {smoothing} is not in 0 ≤ ε ≤ 1"
    );
    if smoothing == 0.0 {
        return logits.cross_entropy(labels);
    }
    logits.clone().cross_entropy(labels.clone()) + (logits.clone().pick(labels).mean() - logits.mean()) * smoothing
}

/// The cross-entropy of independent yes-or-no targets under logits: the mean of −y · ln σ(x) − (1 − y) · ln(1 − σ(x)),
/// which is
///
/// max(x, 0) − x · y + ln(1 + e^−|x|)  =  softplus x − x · y,
///
/// stable for logits of any size (Goodfellow, Bengio and Courville 2016, section 6.2.2.2). The gradient is σ(x) − y,
/// at 0 too. Both have the same shape. In PyTorch this is called `F.binary_cross_entropy_with_logits`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::binary_cross_entropy;
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let logits = tape.input(Tensor::new([3], vec![0.0, 1000.0, -1000.0]));
/// let targets = tape.constant(Tensor::new([3], vec![1.0, 1.0, 0.25]));
/// let loss = binary_cross_entropy(logits, targets);
/// assert!((loss.item() - (2f64.ln() + 0.0 + 250.0) / 3.0).abs() < 1e-13);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is not in 0 ≤ y ≤ 1.
#[track_caller]
pub fn binary_cross_entropy<'t, T: Float>(logits: Var<'t, T>, targets: Var<'t, T>) -> Var<'t, T> {
    check_same("binary_cross_entropy", &logits, &targets);
    for (i, &y) in targets.value().data().iter().enumerate() {
        let shape = logits.shape();
        // A NaN passes, and makes the loss NaN.
        assert!(
            !(y < T::ZERO || y > T::ONE),
            "binary_cross_entropy({shape}, {shape}): target {y}, at place {i}, is not in 0 ≤ y ≤ 1"
        );
    }
    (logits.clone().softplus() - logits * targets).mean()
}

/// 1/N Σ (x − y)², the mean over all N numbers: up to a constant and a factor, the negative log-likelihood of Gaussians
/// of one width (Deep Learning, section 5.5.1). Both have the same shape. In PyTorch this is called `F.mse_loss`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::mse;
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([2], vec![1.0, 5.0]));
/// let loss = mse(x.clone(), tape.constant(Tensor::new([2], vec![0.0, 2.0])));
/// assert_eq!((loss.item(), loss.backward().wrt(&x).unwrap().data()), (5.0, &[1.0, 3.0][..]));
/// ```
///
/// # Panics
/// If the shapes differ: a row and a column would be broadcast to a table of differences, which nobody wants.
#[track_caller]
pub fn mse<'t, T: Float>(x: Var<'t, T>, y: Var<'t, T>) -> Var<'t, T> {
    check_same("mse", &x, &y);
    (x - y).square().mean()
}

/// The mean of ½d² where |d| ≤ δ and of δ(|d| − ½δ) beyond, with d = x − y: as [`mse`], but an outlier pulls no
/// harder than δ (Huber 1964). Both have the same shape. In PyTorch this is called `F.huber_loss`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::huber;
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.input(Tensor::new([2], vec![1.0, 50.0]));
/// let loss = huber(x.clone(), tape.constant(Tensor::zeros([2])), 2.0);
/// assert_eq!((loss.item(), loss.backward().wrt(&x).unwrap().data()), (49.25, &[0.5, 1.0][..]));
/// ```
///
/// # Panics
/// If the shapes differ, or δ is not finite or not above 0.
#[track_caller]
pub fn huber<'t, T: Float>(x: Var<'t, T>, y: Var<'t, T>, delta: f64) -> Var<'t, T> {
    check_same("huber", &x, &y);
    let shape = x.shape();
    assert!(delta.is_finite() && delta > 0.0, "huber({shape}, {shape}): expected a finite δ above 0, found {delta}");
    let d = x - y;
    // c(d − ½c) is ½d² where c = d, and δ(|d| − ½δ) where c = ±δ.
    let c = d.clone().clamp(-delta, delta);
    (&c * (d - 0.5 * &c)).mean()
}

/// Panics unless both have the same shape.
#[track_caller]
fn check_same<T: Float>(loss: &str, x: &Var<'_, T>, y: &Var<'_, T>) {
    let (x, y) = (x.shape(), y.shape());
    assert!(x == y, "{loss}({x}, {y}): both have the same shape; nothing is broadcast");
}
