//! The workloads that dfdx can do on stable Rust without help, W1, W7 and W8, with its layers and its optimizer.

use dfdx::optim::{Optimizer, Sgd, SgdConfig};
use dfdx::prelude::*;
use harness::{OUTPUTS_FIRST, Step, permuted};

/// 784-256-128-10.
type Perceptron = (Linear<784, 256>, ReLU, Linear<256, 128>, ReLU, Linear<128, 10>);

/// 2-16-16-1.
type Tiny = (Linear<2, 16>, Tanh, Linear<16, 16>, Tanh, Linear<16, 1>);

fn main() {
    harness::main(|cell| match cell.workload.as_str() {
        "W1" => perceptron(),
        "W7" => tiny(),
        "W8" => chain(),
        other => panic!("no workload {other}"),
    });
}

const GRADIENT_DESCENT: SgdConfig = SgdConfig { lr: 0.01, momentum: None, weight_decay: None };

/// Gives a linear layer the numbers of a stream, and a bias of zeros.
fn fill<const I: usize, const O: usize>(layer: &mut modules::Linear<I, O, f32, Cpu>, s: u64) {
    layer.weight.copy_from(&permuted(&harness::weight(&[I, O], s), [1, 1, I, O], OUTPUTS_FIRST));
    layer.bias.copy_from(&[0.0; O]);
}

/// W1.
fn perceptron() -> Step {
    let device = Cpu::default();
    let mut net = device.build_module::<Perceptron, f32>();
    fill(&mut net.0, 1);
    fill(&mut net.2, 3);
    fill(&mut net.4, 5);
    let x: Tensor<Rank2<64, 784>, f32, _> = device.tensor(harness::inputs(&[64, 784], 0));
    let mut classes = vec![0.0; 640];
    harness::labels(64).enumerate().for_each(|(row, label)| classes[row * 10 + label] = 1.0);
    let classes: Tensor<Rank2<64, 10>, f32, _> = device.tensor(classes);
    let mut optimizer = Sgd::new(&net, GRADIENT_DESCENT);
    let mut gradients = net.alloc_grads();
    Box::new(move || {
        let traced = x.trace(std::mem::replace(&mut gradients, Gradients::leaky()));
        let loss = cross_entropy_with_logits_loss(net.forward_mut(traced), classes.clone());
        let value = loss.array();
        gradients = loss.backward();
        optimizer.update(&mut net, &gradients).expect("all parameters used");
        net.zero_grads(&mut gradients);
        vec![value.into()]
    })
}

/// W7.
fn tiny() -> Step {
    let device = Cpu::default();
    let mut net = device.build_module::<Tiny, f32>();
    fill(&mut net.0, 1);
    fill(&mut net.2, 3);
    fill(&mut net.4, 5);
    let x: Tensor<Rank2<1, 2>, f32, _> = device.tensor(harness::inputs(&[1, 2], 0));
    let target: Tensor<Rank2<1, 1>, f32, _> = device.tensor(harness::inputs(&[1, 1], 10));
    let mut optimizer = Sgd::new(&net, GRADIENT_DESCENT);
    let mut gradients = net.alloc_grads();
    Box::new(move || {
        let traced = x.trace(std::mem::replace(&mut gradients, Gradients::leaky()));
        // One number, so that the mean of the squares is their sum.
        let loss = mse_loss(net.forward_mut(traced), target.clone());
        let value = loss.array();
        gradients = loss.backward();
        optimizer.update(&mut net, &gradients).expect("all parameters used");
        net.zero_grads(&mut gradients);
        vec![value.into()]
    })
}

/// W8.
fn chain() -> Step {
    let device = Cpu::default();
    let [x, w, b] = [0.5, 0.99999, 1e-5].map(|number: f32| device.tensor(number));
    Box::new(move || {
        let mut y = x.leaky_trace();
        for _ in 0..100_000 {
            y = y * w.clone() + b.clone();
        }
        let value = y.array();
        let gradients = y.backward();
        let of = |x: &Tensor<Rank0, f32, Cpu>| f64::from(gradients.get(x).array());
        vec![value.into(), of(&x), of(&w), of(&b)]
    })
}
