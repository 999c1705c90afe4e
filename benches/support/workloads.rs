//! The eight workloads on which systems are compared: a whole step each, as a program would write it.
//!
//! Criterion's benches and the program that is measured beside other libraries take in this file, and it uses
//! nothing but Tandem. All numbers come from [`number`], so that every system can start from the same ones.

use tandem::autograd::{Conv, ParamId, Params, Shape, Tape, Tensor, Var, Window};
use tandem::nn::{
    Activation, Conv2d, Flatten, Init, Kernel, Layer, Linear, MaxPool2d, Mode, Optimizer, Sequential, Sgd,
};
use tandem::tying::{Coupling, Pairing, Strength};

/// The rate of gradient descent in every workload.
pub const RATE: f64 = 0.01;

/// Number `i` of stream `s`: uniform in [−1, 1), and exact in `f32`. (The finaliser of splitmix64.)
pub fn number(s: u64, i: u64) -> f32 {
    let mut z = ((s << 32) + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
}

/// A tensor with the numbers of a stream, times a factor, row-major.
pub fn stream(shape: impl Into<Shape>, s: u64, factor: f64) -> Tensor {
    let shape = shape.into();
    let numbers = (0..shape.len() as u64).map(|i| (f64::from(number(s, i)) * factor) as f32);
    Tensor::new(shape, numbers.collect())
}

/// Gives the parameters of a store, in the order in which they were added, the numbers of these streams: weights
/// times √(3 / fan-in), biases zero.
fn fill(params: &mut Params, streams: impl IntoIterator<Item = u64>) {
    let ids: Vec<ParamId> = params.names().map(|(id, _)| id).collect();
    for (id, s) in ids.into_iter().zip(streams) {
        let shape = params.get(id).shape();
        let outputs = shape[shape.rank() - 1] as usize;
        let factor = if shape.rank() == 1 { 0.0 } else { (3.0 * outputs as f64 / shape.len() as f64).sqrt() };
        params.set(id, stream(shape, s, factor)).expect("its own shape");
    }
}

/// Classes for `n` examples.
pub fn labels(n: usize) -> Tensor {
    Tensor::new([n], (0..n).map(|i| ((7 * i + 3) % 10) as f32).collect())
}

/// A step that can be repeated.
pub trait Workload {
    /// One step: forward, backward, gradient descent. The numbers in which all systems must agree: the loss before
    /// the update; in W4 the sums of the first hundred of |y|, |x̄| and |w̄|; in W8 y and its
    /// derivatives with respect to x, w and b.
    fn step(&mut self) -> Vec<f64>;
}

/// The names of all workloads.
pub const NAMES: [&str; 8] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"];

/// The workload of this name, ready for its first step.
///
/// # Panics
/// If there is none of this name.
pub fn build(name: &str) -> Box<dyn Workload> {
    build_part(name, 1)
}

/// The workload with a part of its examples, or of its links: 16 for the sixteenth part. W5 to W7 stay whole.
///
/// # Panics
/// If there is none of this name.
pub fn build_part(name: &str, part: usize) -> Box<dyn Workload> {
    match name {
        "W1" => Box::new(Classifier::new(perceptron, [64 / part, 784])),
        "W2" => Box::new(Classifier::new(lenet, [64 / part, 28, 28, 1])),
        "W3" => Box::new(Classifier::new(vgg, [32 / part, 32, 32, 3])),
        "W4" => Box::new(Convolution::new(16 / part)),
        "W5" => Box::new(Coupled::new()),
        "W6" => Box::new(Recurrent::new()),
        "W7" => Box::new(Tiny::new()),
        "W8" => Box::new(Chain { length: 100_000 / part }),
        _ => panic!("no workload {name}; there are {NAMES:?}"),
    }
}

/// How a network is made.
type Make = fn(&mut Params, &str) -> Sequential;

/// Layers that are drawn anew from [`number`], so that the generator handed to them does not matter.
fn draws() -> impl rand::Rng {
    <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(0)
}

/// Linear layers of these sizes with an activation in between.
fn dense(params: &mut Params, path: &str, sizes: &[usize], between: Activation, net: &mut Sequential) {
    for (i, pair) in sizes.windows(2).enumerate() {
        if i > 0 {
            net.push(&format!("act{i}"), between);
        }
        let name = format!("fc{}", i + 1);
        let layer = Linear::new(params, &format!("{path}{name}"), [pair[0], pair[1]], Init::He, &mut draws());
        net.push(&name, layer);
    }
}

/// W1: 784-256-128-10 with ReLU.
fn perceptron(params: &mut Params, path: &str) -> Sequential {
    let mut net = Sequential::new();
    dense(params, path, &[784, 256, 128, 10], Activation::Relu, &mut net);
    net
}

/// Adds a convolution and ReLU.
fn convolve(params: &mut Params, name: &str, kernel: Kernel, net: &mut Sequential) {
    net.push(name, Conv2d::new(params, name, kernel, Init::He, &mut draws()));
    net.push(&format!("{name}.relu"), Activation::Relu);
}

/// W2: LeNet with ReLU and max pooling, for images of 28×28.
fn lenet(params: &mut Params, path: &str) -> Sequential {
    let mut net = Sequential::new();
    convolve(params, "conv1", Kernel::new([5, 5], [1, 6]).pad([2, 2]), &mut net);
    net.push("pool1", MaxPool2d(Window::square(2)));
    convolve(params, "conv2", Kernel::new([5, 5], [6, 16]), &mut net);
    net.push("pool2", MaxPool2d(Window::square(2)));
    net.push("flatten", Flatten);
    dense(params, path, &[400, 120, 84, 10], Activation::Relu, &mut net);
    net
}

/// W3: 3→32→32, pool, 32→64→64, pool, 4096-128-10, for images of 32×32 in colour.
fn vgg(params: &mut Params, path: &str) -> Sequential {
    let mut net = Sequential::new();
    for (i, channels) in [[3, 32], [32, 32], [32, 64], [64, 64]].into_iter().enumerate() {
        convolve(params, &format!("conv{}", i + 1), Kernel::new([3, 3], channels).pad([1, 1]), &mut net);
        if i % 2 == 1 {
            net.push(&format!("pool{}", i + 1), MaxPool2d(Window::square(2)));
        }
    }
    net.push("flatten", Flatten);
    dense(params, path, &[4096, 128, 10], Activation::Relu, &mut net);
    net
}

/// W1 to W3: a network and one batch.
struct Classifier {
    params: Params,
    net: Sequential,
    x: Tensor,
    labels: Tensor,
    sgd: Sgd,
}

impl Classifier {
    fn new(make: Make, images: impl Into<Shape>) -> Classifier {
        let mut params = Params::new();
        let net = make(&mut params, "");
        fill(&mut params, 1..);
        let x = stream(images, 0, 1.0);
        let labels = labels(x.shape()[0] as usize);
        Classifier { params, net, x, labels, sgd: Sgd::new(RATE) }
    }
}

impl Workload for Classifier {
    fn step(&mut self) -> Vec<f64> {
        let tape = Tape::new(&self.params);
        let logits = self.net.forward(&tape, tape.constant(self.x.clone()), Mode::Eval);
        let loss = logits.cross_entropy(tape.constant(self.labels.clone()));
        let value = loss.item();
        let gradients = loss.backward();
        self.sgd.step(&mut self.params, &gradients);
        vec![value.into()]
    }
}

/// W4: one convolution 64→64 of images of 56×56, from a given cotangent to both gradients.
struct Convolution {
    params: Params,
    kernel: ParamId,
    x: Tensor,
    cotangent: Tensor,
}

impl Convolution {
    fn new(images: usize) -> Convolution {
        let mut params = Params::new();
        let kernel = params.add("kernel", Tensor::zeros([3, 3, 64, 64]));
        fill(&mut params, 1..);
        let [x, cotangent] = [0, 2].map(|s| stream([images, 56, 56, 64], s, 1.0));
        Convolution { params, kernel, x, cotangent }
    }
}

impl Workload for Convolution {
    fn step(&mut self) -> Vec<f64> {
        let tape = Tape::new(&self.params);
        let x = tape.input(self.x.clone());
        let y = x.clone().conv(tape.param(self.kernel), Conv { pad: [1, 1], ..Conv::default() });
        let of_y = first(y.value());
        let gradients = y.backward_with(self.cotangent.clone());
        let of_x = first(gradients.wrt(&x).expect("x is recorded"));
        let of_kernel = first(gradients.of(&self.params, self.kernel).expect("the kernel is trained"));
        vec![of_y, of_x, of_kernel]
    }
}

/// The sum of the magnitudes of the first hundred numbers.
fn first(x: &Tensor) -> f64 {
    x.data().iter().take(100).map(|&x| f64::from(x).abs()).sum()
}

/// W5: two perceptrons as in W1, each on a batch of its own, + 0.01 ‖wA − wB‖².
struct Coupled {
    params: Params,
    nets: [Sequential; 2],
    x: [Tensor; 2],
    labels: Tensor,
    coupling: Coupling,
    sgd: Sgd,
}

impl Coupled {
    fn new() -> Coupled {
        let mut params = Params::new();
        let nets = ["a.", "b."].map(|path| perceptron(&mut params, path));
        fill(&mut params, (1..7).chain(51..57));
        let x = [0, 50].map(|s| stream([64, 784], s, 1.0));
        let pairing = Pairing::by_path(&params, "a", "b").expect("the same layers");
        let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.01)).expect("equal shapes");
        Coupled { params, nets, x, labels: labels(64), coupling, sgd: Sgd::new(RATE) }
    }
}

impl Workload for Coupled {
    fn step(&mut self) -> Vec<f64> {
        let tape = Tape::new(&self.params);
        let [a, b] = [0, 1].map(|i| {
            let logits = self.nets[i].forward(&tape, tape.constant(self.x[i].clone()), Mode::Eval);
            logits.cross_entropy(tape.constant(self.labels.clone()))
        });
        let loss = a + b;
        let value = f64::from(loss.item());
        let mut gradients = loss.backward();
        let penalty = self.coupling.add_gradients(&self.params, &mut gradients);
        self.sgd.step(&mut self.params, &gradients);
        vec![value + penalty]
    }
}

/// W6: h ← tanh(x·Wx + h·Wh + b) 64 times with the same weights, then ten classes.
struct Recurrent {
    params: Params,
    ids: [ParamId; 5],
    x: Vec<Tensor>,
    labels: Tensor,
    sgd: Sgd,
}

impl Recurrent {
    fn new() -> Recurrent {
        let mut params = Params::new();
        let shapes: [(&str, Shape); 5] = [
            ("wx", [64, 128].into()),
            ("wh", [128, 128].into()),
            ("b", [128].into()),
            ("out.weight", [128, 10].into()),
            ("out.bias", [10].into()),
        ];
        let ids = shapes.map(|(name, shape)| params.add(name, Tensor::zeros(shape)));
        fill(&mut params, 1..);
        let all = stream([64, 32, 64], 0, 1.0);
        let x = all.data().chunks(32 * 64).map(|x| Tensor::new([32, 64], x.to_vec())).collect();
        Recurrent { params, ids, x, labels: labels(32), sgd: Sgd::new(RATE) }
    }
}

impl Recurrent {
    /// A function of its own: a variable that still holds a parameter's value when that is updated costs a copy.
    fn loss<'t>(&self, tape: &'t Tape<'_>) -> Var<'t> {
        let [wx, wh, b, weight, bias] = self.ids.map(|id| tape.param(id));
        let mut h = tape.constant(Tensor::zeros([32, 128]));
        for x in &self.x {
            h = (tape.constant(x.clone()).matmul(wx.clone()) + h.matmul(wh.clone()) + &b).tanh();
        }
        (h.matmul(weight) + bias).cross_entropy(tape.constant(self.labels.clone()))
    }
}

impl Workload for Recurrent {
    fn step(&mut self) -> Vec<f64> {
        let tape = Tape::new(&self.params);
        let loss = self.loss(&tape);
        let value = loss.item();
        let gradients = loss.backward();
        self.sgd.step(&mut self.params, &gradients);
        vec![value.into()]
    }
}

/// W7: 2-16-16-1 with tanh and squared error, one example.
struct Tiny {
    params: Params,
    net: Sequential,
    x: Tensor,
    target: Tensor,
    sgd: Sgd,
}

impl Tiny {
    fn new() -> Tiny {
        let mut params = Params::new();
        let mut net = Sequential::new();
        dense(&mut params, "", &[2, 16, 16, 1], Activation::Tanh, &mut net);
        fill(&mut params, 1..);
        let (x, target) = (stream([1, 2], 0, 1.0), stream([1, 1], 10, 1.0));
        Tiny { params, net, x, target, sgd: Sgd::new(RATE) }
    }
}

impl Workload for Tiny {
    fn step(&mut self) -> Vec<f64> {
        let tape = Tape::new(&self.params);
        let y = self.net.forward(&tape, tape.constant(self.x.clone()), Mode::Eval);
        let loss = (y - tape.constant(self.target.clone())).square().sum();
        let value = loss.item();
        let gradients = loss.backward();
        self.sgd.step(&mut self.params, &gradients);
        vec![value.into()]
    }
}

/// W8: y ← y·w + b, on single numbers: two ops each time, with shared w and b.
struct Chain {
    length: usize,
}

impl Workload for Chain {
    fn step(&mut self) -> Vec<f64> {
        let params = Params::new();
        let tape = Tape::new(&params);
        let [x, w, b] = [0.5_f32, 0.99999, 1e-5].map(|number| tape.input(number));
        let mut y: Var<'_> = x.clone();
        for _ in 0..self.length {
            y = y * &w + &b;
        }
        let value = y.item();
        let gradients = y.backward();
        let of = |x: &Var<'_>| f64::from(gradients.wrt(x).expect("an input").item());
        vec![value.into(), of(&x), of(&w), of(&b)]
    }
}
