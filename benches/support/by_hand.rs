//! The step of W1 without tape, layers or optimizer: the same kernels on buffers that are kept. What a step of W1
//! takes more is what the engine costs.

use tandem::autograd::kernels::elementwise::each;
use tandem::autograd::kernels::{Contraction, Digits, contract, scratch_len};

use super::workloads::{RATE, labels, stream};

const BATCH: usize = 64;
const SIZES: [usize; 4] = [784, 256, 128, 10];

/// C = A · B of the shape m×k by k×n; A or B may be stored transposed.
struct Product {
    spec: Contraction,
    scratch: Vec<f32>,
}

impl Product {
    fn new([m, n, k]: [usize; 3], transposed: [bool; 2]) -> Product {
        let strides = |rows: usize, cols: usize, transposed| {
            if transposed { [1, rows as isize] } else { [cols as isize, 1] }
        };
        let ([a_row, a_sum], [b_sum, b_col]) = (strides(m, k, transposed[0]), strides(k, n, transposed[1]));
        let spec = Contraction {
            batch: Digits::new(&[]),
            rows: Digits::new(&[(m, [a_row, n as isize])]),
            cols: Digits::new(&[(n, [b_col, 1])]),
            sums: Digits::new(&[(k, [a_sum, b_sum])]),
            base: [0; 3],
        };
        Product { spec, scratch: vec![0.0; scratch_len::<f32>(&spec)] }
    }

    fn run(&mut self, a: &[f32], b: &[f32], c: &mut [f32]) {
        contract(&self.spec, a, b, c, false, &mut self.scratch);
    }
}

/// A linear layer. Of each pair, the second is the gradient of the first.
struct Layer {
    weight: [Vec<f32>; 2],
    bias: [Vec<f32>; 2],
    out: [Vec<f32>; 2],
    forward: Product,
    of_weight: Product,
    of_input: Product,
}

impl Layer {
    fn new(index: usize) -> Layer {
        let (rows, cols) = (SIZES[index], SIZES[index + 1]);
        let weight = stream([rows, cols], 1 + 2 * index as u64, (3.0 / rows as f64).sqrt());
        let pair = |numbers: Vec<f32>| [numbers.clone(), numbers];
        Layer {
            weight: pair(weight.data().to_vec()),
            bias: pair(vec![0.0; cols]),
            out: pair(vec![0.0; BATCH * cols]),
            forward: Product::new([BATCH, cols, rows], [false, false]),
            of_weight: Product::new([rows, cols, BATCH], [true, false]),
            of_input: Product::new([BATCH, rows, cols], [false, true]),
        }
    }

    /// out = relu(x · weight + bias), without relu in the last layer.
    fn forward(&mut self, x: &[f32], last: bool) {
        self.forward.run(x, &self.weight[0], &mut self.out[0]);
        let low = if last { f32::NEG_INFINITY } else { 0.0 };
        for row in self.out[0].chunks_exact_mut(self.bias[0].len()) {
            each([row], [&self.bias[0]], |[z], [b]| [(z + b).max(low)]);
        }
    }

    /// The gradients, of x too if there is room for them, and the update.
    fn backward(&mut self, x: &[f32], of_x: Option<&mut [f32]>) {
        let cotangent = &self.out[1];
        self.of_weight.run(x, cotangent, &mut self.weight[1]);
        self.bias[1].fill(0.0);
        cotangent
            .chunks_exact(self.bias[1].len())
            .for_each(|row| each([&mut self.bias[1]], [row], |[sum], [g]| [sum + g]));
        if let Some(of_x) = of_x {
            self.of_input.run(cotangent, &self.weight[0], of_x);
            each([of_x], [x], |[g], [x]| [if x > 0.0 { g } else { 0.0 }]);
        }
        for [w, g] in [&mut self.weight, &mut self.bias] {
            each([w], [g], |[w], [g]| [w - RATE as f32 * g]);
        }
    }
}

/// W1 by hand.
pub struct ByHand {
    x: Vec<f32>,
    classes: Vec<usize>,
    layers: [Layer; 3],
}

impl ByHand {
    pub fn new() -> ByHand {
        let classes = labels(BATCH).data().iter().map(|&class| class as usize).collect();
        ByHand { x: stream([BATCH, SIZES[0]], 0, 1.0).data().to_vec(), classes, layers: [0, 1, 2].map(Layer::new) }
    }

    /// One step; the loss before the update.
    pub fn step(&mut self) -> f64 {
        let [first, second, third] = &mut self.layers;
        first.forward(&self.x, false);
        second.forward(&first.out[0], false);
        third.forward(&second.out[0], true);
        let loss = cross_entropy(third, &self.classes);
        let [x, of_x] = &mut second.out;
        third.backward(x, Some(of_x));
        let [x, of_x] = &mut first.out;
        second.backward(x, Some(of_x));
        first.backward(&self.x, None);
        loss
    }
}

/// The mean cross-entropy of the logits; their gradient is written.
fn cross_entropy(last: &mut Layer, classes: &[usize]) -> f64 {
    let ([logits, gradients], width) = (&mut last.out, last.bias[0].len());
    let mut sum = 0.0;
    for ((x, g), &class) in logits.chunks_exact(width).zip(gradients.chunks_exact_mut(width)).zip(classes) {
        let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = x
            .iter()
            .zip(&mut *g)
            .map(|(x, g)| {
                *g = (x - largest).exp();
                *g
            })
            .sum();
        for g in g.iter_mut() {
            *g /= total * BATCH as f32;
        }
        g[class] -= 1.0 / BATCH as f32;
        sum += f64::from(largest + total.ln() - x[class]);
    }
    sum / BATCH as f64
}
