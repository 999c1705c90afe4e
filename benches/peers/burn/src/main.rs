//! The eight workloads in burn, on its backends `flex` and `ndarray`, with gradient descent by hand.

#![recursion_limit = "256"]
// burn is about to replace `ndarray` by `flex`; both are measured.
#![allow(deprecated)]

use burn::tensor::activation::{log_softmax, relu, tanh};
use burn::tensor::module::{conv2d, linear, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use harness::{CHANNELS_FIRST, OUTPUTS_FIRST, Step, permuted};

/// The axes that take the weights after a flattening from h, w, c, o to c, h, w, o.
const OUTPUTS_LAST: [usize; 4] = [2, 0, 1, 3];

fn main() {
    harness::main(|cell| {
        let device = if cell.variant == "flex" { Device::flex() } else { Device::ndarray() };
        build(&cell.workload, &device.autodiff())
    });
}

/// The workload of this name.
fn build(workload: &str, device: &Device) -> Step {
    match workload {
        "W1" => {
            let (net, x, labels) = (perceptron(1, device), inputs([64, 784], 0, device), labels(64, device));
            trained(net, move |net| cross_entropy(dense(net, x.clone(), relu), &labels))
        }
        "W2" => lenet(device),
        "W3" => vgg(device),
        "W4" => convolution(device),
        "W5" => coupled(device),
        "W6" => recurrent(device),
        "W7" => {
            let net = linears(&[2, 16, 16, 1], 1, device);
            let (x, target) = (inputs([1, 2], 0, device), inputs([1, 1], 10, device));
            trained(net, move |net| {
                let error = dense(net, x.clone(), tanh) - target.clone();
                (error.clone() * error).sum()
            })
        }
        "W8" => chain(device),
        _ => panic!("no workload {workload}"),
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn inputs<const D: usize>(shape: [usize; D], s: u64, device: &Device) -> Tensor<D> {
    tensor(harness::inputs(&shape, s), shape, device)
}

/// Images of shape n, h, w, c, which burn wants as n, c, h, w.
fn images(shape: [usize; 4], s: u64, device: &Device) -> Tensor<4> {
    let images = permuted(&harness::inputs(&shape, s), shape, CHANNELS_FIRST);
    tensor(images, CHANNELS_FIRST.map(|axis| shape[axis]), device)
}

fn labels(n: usize, device: &Device) -> Tensor<2, Int> {
    let labels: Vec<i32> = harness::labels(n).map(|label| label as i32).collect();
    Tensor::from_data(TensorData::new(labels, [n, 1]), device)
}

fn cross_entropy(logits: Tensor<2>, labels: &Tensor<2, Int>) -> Tensor<1> {
    log_softmax(logits, 1).gather(1, labels.clone()).mean().neg()
}

/// The number of a tensor that has one.
fn number(x: Tensor<1>) -> f64 {
    x.into_scalar::<f32>().into()
}

/// What a step of gradient descent changes.
trait Trained {
    fn descend(&mut self, gradients: &mut Gradients);
}

impl<const D: usize> Trained for Tensor<D> {
    fn descend(&mut self, gradients: &mut Gradients) {
        let gradient = self.grad_remove(gradients).expect("a gradient");
        let updated = self.clone().inner() - gradient.mul_scalar(0.01);
        *self = Tensor::from_inner(updated).autodiff().require_grad();
    }
}

impl<T: Trained> Trained for Vec<T> {
    fn descend(&mut self, gradients: &mut Gradients) {
        for part in self {
            part.descend(gradients);
        }
    }
}

impl<T: Trained, const N: usize> Trained for [T; N] {
    fn descend(&mut self, gradients: &mut Gradients) {
        for part in self {
            part.descend(gradients);
        }
    }
}

impl<A: Trained, B: Trained> Trained for (A, B) {
    fn descend(&mut self, gradients: &mut Gradients) {
        self.0.descend(gradients);
        self.1.descend(gradients);
    }
}

/// A step of gradient descent on a loss.
fn trained<M: Trained + 'static>(mut model: M, loss: impl Fn(&M) -> Tensor<1> + 'static) -> Step {
    Box::new(move || {
        let loss = loss(&model);
        let mut gradients = loss.backward();
        model.descend(&mut gradients);
        vec![number(loss)]
    })
}

/// Weight and bias.
type Linear = (Tensor<2>, Tensor<1>);

fn zeros(outputs: usize, device: &Device) -> Tensor<1> {
    tensor(vec![0.0; outputs], [outputs], device).require_grad()
}

/// A linear layer of rows, or of flattened maps of shape h, w, c.
fn linear_of([h, w, c]: [usize; 3], outputs: usize, s: u64, device: &Device) -> Linear {
    let weight = permuted(&harness::weight(&[h * w * c, outputs], s), [h, w, c, outputs], OUTPUTS_LAST);
    (tensor(weight, [h * w * c, outputs], device).require_grad(), zeros(outputs, device))
}

/// Linear layers of these sizes, from this stream on.
fn linears(sizes: &[usize], s: u64, device: &Device) -> Vec<Linear> {
    let layers = sizes.windows(2).zip((s..).step_by(2));
    layers.map(|(pair, s)| linear_of([1, 1, pair[0]], pair[1], s, device)).collect()
}

/// 784-256-128-10.
fn perceptron(s: u64, device: &Device) -> Vec<Linear> {
    linears(&[784, 256, 128, 10], s, device)
}

/// x·W + b.
fn affine((weight, bias): &Linear, x: Tensor<2>) -> Tensor<2> {
    linear(x, weight.clone(), Some(bias.clone()))
}

/// Linear layers with an activation in between.
fn dense(layers: &[Linear], x: Tensor<2>, between: fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
    let (last, hidden) = layers.split_last().expect("a layer");
    affine(last, hidden.iter().fold(x, |x, layer| between(affine(layer, x))))
}

/// Kernel and bias.
type Conv = (Tensor<4>, Tensor<1>);

fn kernel([inputs, outputs]: [usize; 2], size: usize, s: u64, device: &Device) -> Tensor<4> {
    let shape = [size, size, inputs, outputs];
    let kernel = permuted(&harness::weight(&shape, s), shape, OUTPUTS_FIRST);
    tensor(kernel, OUTPUTS_FIRST.map(|axis| shape[axis]), device).require_grad()
}

/// A convolution and ReLU.
fn convolve((kernel, bias): &Conv, x: Tensor<4>, pad: usize) -> Tensor<4> {
    relu(conv2d(x, kernel.clone(), Some(bias.clone()), ConvOptions::new([1, 1], [pad, pad], [1, 1], 1)))
}

fn pool(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// W2.
fn lenet(device: &Device) -> Step {
    let convs = [(kernel([1, 6], 5, 1, device), zeros(6, device)), (kernel([6, 16], 5, 3, device), zeros(16, device))];
    let mut layers = vec![linear_of([5, 5, 16], 120, 5, device)];
    layers.extend(linears(&[120, 84, 10], 7, device));
    let (x, labels) = (images([64, 28, 28, 1], 0, device), labels(64, device));
    trained((convs, layers), move |(convs, layers)| {
        let x = pool(convolve(&convs[1], pool(convolve(&convs[0], x.clone(), 2)), 0));
        cross_entropy(dense(layers, x.flatten(1, 3), relu), &labels)
    })
}

/// W3.
fn vgg(device: &Device) -> Step {
    let channels = [[3, 32], [32, 32], [32, 64], [64, 64]].into_iter().zip([1, 3, 5, 7]);
    let convs: Vec<Conv> = channels.map(|(pair, s)| (kernel(pair, 3, s, device), zeros(pair[1], device))).collect();
    let layers = vec![linear_of([8, 8, 64], 128, 9, device), linear_of([1, 1, 128], 10, 11, device)];
    let (x, labels) = (images([32, 32, 32, 3], 0, device), labels(32, device));
    trained((convs, layers), move |(convs, layers)| {
        let pair = |x, pair: &[Conv]| pool(convolve(&pair[1], convolve(&pair[0], x, 1), 1));
        let x = convs.chunks(2).fold(x.clone(), pair);
        cross_entropy(dense(layers, x.flatten(1, 3), relu), &labels)
    })
}

/// W4. burn's `backward` begins with ones, so that a cotangent has to come in as a product.
fn convolution(device: &Device) -> Step {
    let x = images([16, 56, 56, 64], 0, device).require_grad();
    let cotangent = images([16, 56, 56, 64], 2, device);
    let kernel = kernel([64, 64], 3, 1, device);
    Box::new(move || {
        let y = conv2d(x.clone(), kernel.clone(), None, ConvOptions::new([1, 1], [1, 1], [1, 1], 1));
        let mut gradients = (y.clone() * cotangent.clone()).sum().backward();
        let of_x = x.grad_remove(&mut gradients).expect("a gradient");
        let of_kernel = kernel.grad_remove(&mut gradients).expect("a gradient");
        // The first hundred numbers as Tandem lays them out: pixels of channels, or inputs of outputs.
        let pixels = |x: Tensor<4>| x.slice([0..1, 0..64, 0..1, 0..2]).permute([0, 2, 3, 1]);
        let inputs = of_kernel.slice([0..64, 0..2, 0..1, 0..1]).permute([2, 3, 1, 0]);
        [pixels(y.inner()), pixels(of_x), inputs].map(first).to_vec()
    })
}

/// The sum of the magnitudes of the first hundred numbers.
fn first(x: Tensor<4>) -> f64 {
    let numbers = x.into_data().try_to_vec::<f32>().expect("single precision");
    numbers.iter().take(100).map(|&x| f64::from(x).abs()).sum()
}

/// W5.
fn coupled(device: &Device) -> Step {
    let nets = [perceptron(1, device), perceptron(51, device)];
    let x = [inputs([64, 784], 0, device), inputs([64, 784], 50, device)];
    let labels = labels(64, device);
    trained(nets, move |nets| {
        let [a, b] = [0, 1].map(|i| cross_entropy(dense(&nets[i], x[i].clone(), relu), &labels));
        let mut loss = a + b;
        for (a, b) in nets[0].iter().zip(&nets[1]) {
            let (weights, biases) = (a.0.clone() - b.0.clone(), a.1.clone() - b.1.clone());
            loss = loss + (weights.clone() * weights).sum().mul_scalar(0.01);
            loss = loss + (biases.clone() * biases).sum().mul_scalar(0.01);
        }
        loss
    })
}

/// W6.
fn recurrent(device: &Device) -> Step {
    let weight = |shape: [usize; 2], s| tensor(harness::weight(&shape, s), shape, device).require_grad();
    let cell = ((weight([64, 128], 1), weight([128, 128], 2)), zeros(128, device));
    let out = linear_of([1, 1, 128], 10, 4, device);
    let x: Vec<Tensor<2>> = inputs([64, 32, 64], 0, device).iter_dim(0).map(|x| x.squeeze_dim(0)).collect();
    let (start, labels) = (tensor(vec![0.0; 32 * 128], [32, 128], device), labels(32, device));
    trained((cell, out), move |(((wx, wh), b), out)| {
        let step = |h: Tensor<2>, x: &Tensor<2>| {
            tanh(x.clone().matmul(wx.clone()) + h.matmul(wh.clone()) + b.clone().unsqueeze::<2>())
        };
        cross_entropy(affine(out, x.iter().fold(start.clone(), step)), &labels)
    })
}

/// W8.
fn chain(device: &Device) -> Step {
    let [x, w, b] = [0.5, 0.99999, 1e-5].map(|number: f32| tensor(vec![number], [1], device).require_grad());
    Box::new(move || {
        let mut y = x.clone();
        for _ in 0..100_000 {
            y = y * w.clone() + b.clone();
        }
        let gradients = y.backward();
        let of = |x: &Tensor<1>| number(x.grad(&gradients).expect("a gradient"));
        vec![number(y.inner()), of(&x), of(&w), of(&b)]
    })
}
