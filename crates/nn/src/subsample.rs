//! Subsampling with a coefficient and a bias for each channel: the pooling of 1998.

use smallvec::{SmallVec, smallvec};
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, Tape, Tensor, Var, Window};

use crate::layer::{Layer, Use};
use crate::mode::Mode;
use crate::pooling::pooled;

/// Trainable subsampling, as in LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, section II.B):
///
/// z\[y, x, c\] = a\[c\] · Σ of x over window (y, x) of channel c + b\[c\]
///
/// Images are `[n, height, width, channels]`, a and b are `[channels]`; the results have the shape of
/// [`MaxPool2d`](crate::MaxPool2d)'s. Each number of a window meets the coefficient once: a has places × window size
/// positions for each channel, b has places. The layer starts as average pooling: a is one over the size of a window, b
/// is zero. In Torch7 this was called `SpatialSubSampling`.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Window};
/// use tandem_nn::{Layer, Mode, Subsample2d};
/// let mut params = Params::<f32>::new();
/// let layer = Subsample2d::new(&mut params, "s2", Window::square(2), 6);
/// assert_eq!(params.numel(), 12);
/// let connections: usize = layer.uses(&params, [28, 28, 6].into())?.iter().map(|each| each.connections).sum();
/// assert_eq!(connections, 5_880);
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::full([5, 28, 28, 6], 3.0)), Mode::Eval);
/// assert_eq!((y.shape(), y.value().data()[0]), ([5, 14, 14, 6].into(), 3.0));
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Subsample2d {
    /// `[channels]`.
    pub coefficient: ParamId,
    /// `[channels]`.
    pub bias: ParamId,
    /// The windows that are summed.
    pub window: Window,
}

impl Subsample2d {
    /// A layer whose parameters are named `path.coefficient` and `path.bias`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Window};
    /// # use tandem_nn::Subsample2d;
    /// # let mut params = Params::<f32>::new();
    /// let layer = Subsample2d::new(&mut params, "s2", Window::square(2), 6);
    /// assert_eq!(params.get(layer.coefficient).data(), [0.25; 6]);
    /// assert_eq!((params.name(layer.bias), params.get(layer.bias).data()), ("s2.bias", &[0.0; 6][..]));
    /// ```
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn new<T: Float>(params: &mut Params<T>, path: &str, window: Window, channels: usize) -> Subsample2d {
        let mean = T::from_f64(1.0 / (window.size[0] * window.size[1]) as f64);
        Subsample2d {
            coefficient: params.add(&format!("{path}.coefficient"), Tensor::full([channels], mean)),
            bias: params.add(&format!("{path}.bias"), Tensor::zeros([channels])),
            window,
        }
    }
}

/// Broadcasting would let one channel pass for many, so the number of channels is checked here.
fn check_channels(coefficient: Shape, input: Shape) -> Result<(), ShapeError> {
    let channels = coefficient[0];
    ShapeError::unless(input.rank() == 3 && input[2] == channels, || {
        format!(
            "a subsampling layer of {channels} channels takes examples of shape [height, width, {channels}], found {input}"
        )
    })
}

/// a · Σ + b, with a and b of shape `[channels]`.
#[track_caller]
fn subsample<'t, T: Float>(x: Var<'t, T>, window: Window, a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    x.sum_pool(window) * a + b
}

impl<T: Float> Layer<T> for Subsample2d {
    fn kind(&self) -> &'static str {
        "subsample"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        check_channels(params.get(self.coefficient).shape(), input)?;
        pooled(self.window, input)
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        let results = self.output(params, input)?.len();
        let [rows, columns] = self.window.size;
        Ok(smallvec![
            Use { id: self.coefficient, connections: results * rows * columns },
            Use { id: self.bias, connections: results }
        ])
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        let coefficient = tape.param(self.coefficient);
        if let Err(error) = check_channels(coefficient.shape(), x.shape().example()) {
            panic!("{error}");
        }
        subsample(x, self.window, coefficient, tape.param(self.bias))
    }
}

#[cfg(test)]
mod tests {
    use tandem_autograd::check_gradients;

    use super::*;
    use crate::AvgPool2d;

    /// Numbers without a pattern that a wrong index could hide behind.
    fn numbers(shape: impl Into<Shape>) -> Tensor<f64> {
        let shape = shape.into();
        Tensor::new(shape, (0..shape.len()).map(|i| (1.0 + i as f64 * 1.7).sin()).collect())
    }

    #[test]
    fn the_derivatives_are_right() {
        for window in [Window::square(2), Window { size: [3, 2], stride: [1, 2], pad: [1, 0] }] {
            let inputs = [numbers([2, 5, 4, 3]), numbers([3]), numbers([3])];
            check_gradients(5, &inputs, |x| subsample(x[0].clone(), window, x[1].clone(), x[2].clone())).unwrap();
        }
    }

    #[test]
    fn it_starts_as_average_pooling_and_scales_and_shifts_each_channel() {
        let mut params = Params::<f64>::new();
        let window = Window::square(2);
        let layer = Subsample2d::new(&mut params, "s", window, 3);
        let run = |params: &Params<f64>, layer: &dyn Layer<f64>| {
            let tape = Tape::new(params);
            layer.forward(&tape, tape.constant(numbers([2, 4, 6, 3])), Mode::Eval).into_value()
        };
        let mean = run(&params, &AvgPool2d(window));
        assert_eq!(run(&params, &layer), mean);

        let (a, b) = ([4.0, -8.0, 2.0], [1.0, 0.5, -3.0]);
        params.set(layer.coefficient, Tensor::new([3], a.to_vec())).unwrap();
        params.set(layer.bias, Tensor::new([3], b.to_vec())).unwrap();
        for (i, (&z, &mean)) in run(&params, &layer).data().iter().zip(mean.data()).enumerate() {
            assert!((z - (4.0 * a[i % 3] * mean + b[i % 3])).abs() < 1e-12);
        }
    }

    #[test]
    fn images_of_other_channels_are_refused_where_broadcasting_would_take_them() {
        let mut params = Params::<f64>::new();
        let layer = Subsample2d::new(&mut params, "s", Window::square(2), 6);
        for input in [Shape::from([4, 4, 1]), Shape::from([4, 6])] {
            let error = layer.output(&params, input).unwrap_err();
            let expected = "a subsampling layer of 6 channels takes examples of shape [height, width, 6]";
            assert_eq!(error.to_string(), format!("{expected}, found {input}"));
        }
        let refused = std::panic::catch_unwind(|| {
            let tape = Tape::new(&params);
            layer.forward(&tape, tape.constant(Tensor::zeros([1, 4, 4, 1])), Mode::Eval);
        });
        assert!(refused.is_err());
    }
}
