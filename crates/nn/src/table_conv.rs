//! Convolution between those channels only that a table joins.

use rand::Rng;
use smallvec::SmallVec;
use tandem_autograd::{Conv, Float, Kind, ParamId, Params, Shape, ShapeError, Tape, Tensor, Var};

use crate::convolution::{Kernel, add_bias, output, uses};
use crate::init::Init;
use crate::layer::{Layer, Use};
use crate::layout::{Layout, Layouts};
use crate::mode::Mode;

/// Convolution in which each channel of the result sees only the image channels that a table
/// lists, as C3 of LeNet-5 does (LeCun, Bottou, Bengio and Haffner 1998, table I):
///
/// z\[y, x, o\] = b\[o\] + Σ over i, j and the c listed for o of
/// x\[y·s + i·d − p, x·s + j·d − p, c\] · W\[i, j, k\],  where k is the number of the pair (c, o)
///
/// Images are `[n, height, width, channels]`, W is `[kh, kw, pairs]`, b is `[o]`: the kernels of pairs that the table
/// does not join are not stored, and have no gradient and no optimizer state. For the product they are filled in with
/// zeros, so that a forward step costs as much as that of [`Conv2d`](crate::Conv2d). A table that joins everything
/// makes W a [`Conv2d`](crate::Conv2d)'s `[kh, kw, c, o]` with the last two axes made one. In Torch7 this was called
/// `SpatialConvolutionMap`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Init, Kernel, Layer, Mode, TableConv2d};
/// let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
/// let table: [&[usize]; 2] = [&[0, 1], &[2]];       // result 0 sees channels 0 and 1, result 1 sees 2
/// let layer = TableConv2d::new(&mut params, "c3", &table, Kernel::new([5, 5], [3, 2]), Init::LeCun, &mut rng);
/// assert_eq!(params.numel(), 3 * 25 + 2);           // 3 of 6 kernels, 2 biases
/// let tape = Tape::new(&params);
/// let y = layer.forward(&tape, tape.constant(Tensor::zeros([4, 14, 14, 3])), Mode::Eval);
/// assert_eq!(y.shape().to_vec(), [4, 10, 10, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct TableConv2d {
    /// `[kh, kw, pairs]`.
    pub weight: ParamId,
    /// `[o]`, unless the layer has no bias.
    pub bias: Option<ParamId>,
    /// Stride, padding and dilation.
    pub conv: Conv,
    /// Channels of the images and of the results.
    pub channels: [usize; 2],
    /// The image channel and the channel of the result that each stored kernel joins, ascending.
    pub pairs: Box<[[usize; 2]]>,
}

impl TableConv2d {
    /// A layer whose parameters are named `path.weight` and `path.bias`; `table[o]` lists the image
    /// channels that channel o of the result sees. The weights are drawn for the mean number of
    /// inputs of a result.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::{Generator, Init, Kernel, TableConv2d};
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let (table, kernel): ([&[usize]; 2], _) = ([&[1, 0], &[1]], Kernel::new([5, 5], [2, 2]));
    /// let layer = TableConv2d::new(&mut params, "c3", &table, kernel, Init::LeCun, &mut rng);
    /// assert_eq!(*layer.pairs, [[0, 0], [1, 0], [1, 1]]);            // image channel, channel of the result
    /// assert_eq!(params.get(layer.weight).shape().to_vec(), [5, 5, 3]);
    /// ```
    ///
    /// # Panics
    /// If the table has not one list for each channel of the result, a list is empty, names a
    /// channel twice or one that there is not, the kernel has groups, or a name is taken.
    #[track_caller]
    pub fn new<T: Float>(
        params: &mut Params<T>,
        path: &str,
        table: &[&[usize]],
        kernel: Kernel,
        init: Init,
        rng: &mut impl Rng,
    ) -> TableConv2d {
        let pairs = match pairs(table, kernel) {
            Ok(pairs) => pairs,
            Err(error) => panic!("`{path}`: {error}"),
        };
        let ([kh, kw], [c, o]) = (kernel.size, kernel.channels);
        let (fan_in, fan_out) = (kh * kw * pairs.len() / o.max(1), kh * kw * pairs.len() / c.max(1));
        let weight = init.draw([kh, kw, pairs.len()], fan_in, fan_out, rng);
        let weight = params.add(&format!("{path}.weight"), weight);
        let bias = kernel.bias.then(|| {
            let bias = init.of_bias().draw([o], fan_in, fan_out, rng);
            params.add(&format!("{path}.bias"), bias)
        });
        TableConv2d { weight, bias, conv: kernel.conv, channels: kernel.channels, pairs: pairs.into() }
    }

    /// The shape of all kernels, those that are not stored too.
    fn full(&self, weight: Shape) -> Shape {
        let [c, o] = self.channels;
        weight.join(2, &[c, o])
    }

    /// The kernels `[kh, kw, c, o]`, zeros where the table does not join c and o: the product of the
    /// stored ones with the matrix that has a 1 for each pair, which is exact.
    #[track_caller]
    fn filled<'t, T: Float>(&self, weight: Var<'t, T>) -> Var<'t, T> {
        let ([c, o], full) = (self.channels, self.full(weight.shape()));
        let places = Tensor::build([self.pairs.len(), c * o], Kind::Activation, |places| {
            places.fill(T::ZERO);
            for (k, [from, to]) in self.pairs.iter().enumerate() {
                places[k * c * o + from * o + to] = T::ONE;
            }
        });
        let places = weight.constant(places);
        weight.matmul(places).reshape(full)
    }
}

/// The pairs that a table joins, ascending, or what is wrong with it.
fn pairs(table: &[&[usize]], kernel: Kernel) -> Result<Vec<[usize; 2]>, String> {
    let [c, o] = kernel.channels;
    if kernel.conv.groups != 1 {
        return Err(format!("a table takes the place of groups, found {} groups beside one", kernel.conv.groups));
    }
    if table.len() != o {
        return Err(format!("the table has lists for {} channels of the result, expected {o}", table.len()));
    }
    let mut pairs = Vec::new();
    for (to, list) in table.iter().enumerate() {
        if list.is_empty() {
            return Err(format!("the table lists no image channel for channel {to} of the result"));
        }
        for (i, &from) in list.iter().enumerate() {
            if from >= c {
                return Err(format!("the table lists image channel {from} for channel {to} of the result, of {c}"));
            }
            if list[..i].contains(&from) {
                return Err(format!("the table lists image channel {from} twice for channel {to} of the result"));
            }
            pairs.push([from, to]);
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

impl<T: Float> Layer<T> for TableConv2d {
    fn kind(&self) -> &'static str {
        "table conv"
    }
    fn output(&self, params: &Params<T>, input: Shape) -> Result<Shape, ShapeError> {
        output(&self.conv, input, self.full(params.get(self.weight).shape()))
    }
    fn uses(&self, params: &Params<T>, input: Shape) -> Result<SmallVec<[Use; 2]>, ShapeError> {
        let out = self.output(params, input)?;
        Ok(uses(params, (self.weight, self.bias), 1, out))
    }
    fn layouts(&self, params: &Params<T>, input: Shape, to: &mut Layouts) -> Result<Shape, ShapeError> {
        to.end_rows();
        to.put(self.weight, Layout::same(params.get(self.weight).shape()))?;
        self.output(params, input)
    }
    fn bookkeeping_bytes(&self) -> usize {
        size_of_val(&*self.pairs)
    }
    #[track_caller]
    fn forward<'t>(&self, tape: &'t Tape<'_, T>, x: Var<'t, T>, _: Mode<'_, T>) -> Var<'t, T> {
        add_bias(x.conv(self.filled(tape.param(self.weight)), self.conv), tape, self.bias)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use tandem_autograd::check_gradients;

    use super::*;
    use crate::Conv2d;

    const TABLE: [&[usize]; 4] = [&[2, 0], &[1], &[0, 1, 2], &[2]];

    fn layer(params: &mut Params<f64>, table: &[&[usize]], kernel: Kernel) -> TableConv2d {
        TableConv2d::new(params, "table", table, kernel, Init::Uniform, &mut StdRng::seed_from_u64(3))
    }

    fn images() -> Tensor<f64> {
        Init::LeCun.draw([2, 6, 5, 3], 1, 1, &mut StdRng::seed_from_u64(4))
    }

    #[test]
    fn the_derivatives_are_right() {
        let mut params = Params::new();
        let kernel = Kernel::new([3, 2], [3, 4]).stride([2, 1]).pad([1, 0]);
        let layer = layer(&mut params, &TABLE, kernel);
        let weight = params.get(layer.weight).clone();
        check_gradients(6, &[images(), weight], |x| x[0].clone().conv(layer.filled(x[1].clone()), layer.conv)).unwrap();
    }

    /// With the stored kernels copied into a full convolution whose others are zero, the results
    /// and the gradients are that convolution's, of which the table's layer keeps its part.
    #[test]
    fn it_is_a_convolution_whose_other_kernels_are_zero() {
        let everything: [&[usize]; 4] = [&[0, 1, 2]; 4];
        for table in [&TABLE, &everything] {
            let kernel = Kernel::new([2, 3], [3, 4]).pad([1, 1]);
            let mut params = Params::new();
            let layer = layer(&mut params, table, kernel);
            let full = Conv2d::new(&mut params, "full", kernel, Init::Zeros, &mut StdRng::seed_from_u64(0));
            params.set(full.bias.unwrap(), params.get(layer.bias.unwrap()).clone()).unwrap();
            // Where the stored kernels stand in the full ones, in the order of storing.
            let mut places = Vec::new();
            for (at, (c, o)) in (0..6 * 3 * 4).map(|at| (at, (at / 4 % 3, at % 4))) {
                if table[o].contains(&c) {
                    places.push(at);
                }
            }
            let stored = params.get(layer.weight).clone();
            assert_eq!(stored.len(), places.len());
            params.update(params.slot(full.weight), |w| {
                places.iter().zip(stored.data()).for_each(|(&at, &number)| w[at] = number);
            });

            let run = |layer: &dyn Layer<f64>| {
                let tape = Tape::new(&params);
                let z = layer.forward(&tape, tape.constant(images()), Mode::Eval);
                (z.value().clone(), z.square().sum().backward())
            };
            let ((z, gradients), (expected, all)) = (run(&layer), run(&full));
            assert_eq!(z, expected);
            let all = all.of(&params, full.weight).unwrap().data();
            let kept: Vec<f64> = places.iter().map(|&at| all[at]).collect();
            assert_eq!(gradients.of(&params, layer.weight).unwrap().data(), kept);
        }
    }

    #[test]
    fn tables_that_make_no_sense_are_refused_with_what_is_wrong() {
        let kernel = Kernel::new([3, 3], [3, 2]);
        let cases: [(&[&[usize]], Kernel, &str); 5] = [
            (&[&[0]], kernel, "the table has lists for 1 channels of the result, expected 2"),
            (&[&[0], &[]], kernel, "the table lists no image channel for channel 1 of the result"),
            (&[&[0, 3], &[1]], kernel, "the table lists image channel 3 for channel 0 of the result, of 3"),
            (&[&[0], &[1, 2, 1]], kernel, "the table lists image channel 1 twice for channel 1 of the result"),
            (&[&[0], &[1]], kernel.groups(3), "a table takes the place of groups, found 3 groups beside one"),
        ];
        for (table, kernel, expected) in cases {
            assert_eq!(pairs(table, kernel).unwrap_err(), expected);
        }
    }
}
