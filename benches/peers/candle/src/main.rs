//! The eight workloads in candle, with the layers and the optimizer of `candle-nn`.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::loss::cross_entropy;
use candle_nn::optim::Optimizer;
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module, SGD};
use harness::{CHANNELS_FIRST, OUTPUTS_FIRST, Step, permuted};

const CPU: Device = Device::Cpu;

/// candle walks the graph by recursion, and the chain of W8 is deeper than the usual stack.
const STACK: usize = 4 << 30;

fn main() {
    let thread = std::thread::Builder::new().stack_size(STACK);
    let run = || harness::main(|cell| build(&cell.workload).expect("shapes that fit"));
    thread.spawn(run).expect("a thread").join().expect("a report");
}

/// The workload of this name.
fn build(workload: &str) -> Result<Step> {
    match workload {
        "W1" => {
            let mut parameters = Parameters::default();
            let net = parameters.perceptron(1)?;
            let (x, labels) = (inputs(&[64, 784], 0)?, labels(64)?);
            trained(parameters, move || cross_entropy(&dense(&net, x.clone(), Tensor::relu)?, &labels))
        }
        "W2" => lenet(),
        "W3" => vgg(),
        "W4" => convolution(),
        "W5" => coupled(),
        "W6" => recurrent(),
        "W7" => {
            let mut parameters = Parameters::default();
            let net = parameters.linears(&[2, 16, 16, 1], 1)?;
            let (x, target) = (inputs(&[1, 2], 0)?, inputs(&[1, 1], 10)?);
            trained(parameters, move || (dense(&net, x.clone(), Tensor::tanh)? - &target)?.sqr()?.sum_all())
        }
        "W8" => chain(),
        _ => panic!("no workload {workload}"),
    }
}

fn inputs(shape: &[usize], s: u64) -> Result<Tensor> {
    Tensor::from_vec(harness::inputs(shape, s), shape, &CPU)
}

/// Images of shape n, h, w, c, which candle wants as n, c, h, w.
fn images(shape: [usize; 4], s: u64) -> Result<Tensor> {
    let images = permuted(&harness::inputs(&shape, s), shape, CHANNELS_FIRST);
    Tensor::from_vec(images, CHANNELS_FIRST.map(|axis| shape[axis]).as_slice(), &CPU)
}

fn labels(n: usize) -> Result<Tensor> {
    Tensor::from_iter(harness::labels(n).map(|label| label as u32), &CPU)
}

/// What is trained, in the order of the streams.
#[derive(Default)]
struct Parameters(Vec<Var>);

impl Parameters {
    /// A new parameter, as a layer wants it.
    fn add(&mut self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        let parameter = Var::from_tensor(&Tensor::from_vec(values, shape, &CPU)?)?;
        self.0.push(parameter.clone());
        Ok(parameter.as_tensor().clone())
    }

    /// A linear layer of rows, or of flattened maps of shape h, w, c. Its bias is zero.
    fn linear(&mut self, [h, w, c]: [usize; 3], outputs: usize, s: u64) -> Result<Linear> {
        let weight = permuted(&harness::weight(&[h * w * c, outputs], s), [h, w, c, outputs], OUTPUTS_FIRST);
        let weight = self.add(weight, &[outputs, h * w * c])?;
        Ok(Linear::new(weight, Some(self.add(vec![0.0; outputs], &[outputs])?)))
    }

    /// Linear layers of these sizes, from this stream on.
    fn linears(&mut self, sizes: &[usize], s: u64) -> Result<Vec<Linear>> {
        let layers = sizes.windows(2).zip((s..).step_by(2));
        layers.map(|(pair, s)| self.linear([1, 1, pair[0]], pair[1], s)).collect()
    }

    /// 784-256-128-10.
    fn perceptron(&mut self, s: u64) -> Result<Vec<Linear>> {
        self.linears(&[784, 256, 128, 10], s)
    }

    /// A convolution with a square kernel.
    fn conv(&mut self, [inputs, outputs]: [usize; 2], size: usize, padding: usize, s: u64) -> Result<Conv2d> {
        let shape = [size, size, inputs, outputs];
        let kernel = permuted(&harness::weight(&shape, s), shape, OUTPUTS_FIRST);
        let kernel = self.add(kernel, &OUTPUTS_FIRST.map(|axis| shape[axis]))?;
        let bias = self.add(vec![0.0; outputs], &[outputs])?;
        Ok(Conv2d::new(kernel, Some(bias), Conv2dConfig { padding, ..Default::default() }))
    }
}

/// A step of gradient descent on a loss.
fn trained(parameters: Parameters, loss: impl Fn() -> Result<Tensor> + 'static) -> Result<Step> {
    let mut optimizer = SGD::new(parameters.0, 0.01)?;
    Ok(Box::new(move || {
        let loss = loss().expect("a loss");
        optimizer.backward_step(&loss).expect("gradients");
        vec![number(&loss)]
    }))
}

/// The number of a tensor that has one.
fn number(x: &Tensor) -> f64 {
    x.to_scalar::<f32>().expect("one number").into()
}

/// Linear layers with an activation in between.
fn dense(layers: &[Linear], mut x: Tensor, between: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (last, hidden) = layers.split_last().expect("a layer");
    for layer in hidden {
        x = between(&layer.forward(&x)?)?;
    }
    last.forward(&x)
}

/// W2.
fn lenet() -> Result<Step> {
    let mut parameters = Parameters::default();
    let convs = [parameters.conv([1, 6], 5, 2, 1)?, parameters.conv([6, 16], 5, 0, 3)?];
    let mut net = vec![parameters.linear([5, 5, 16], 120, 5)?];
    net.extend(parameters.linears(&[120, 84, 10], 7)?);
    let (x, labels) = (images([64, 28, 28, 1], 0)?, labels(64)?);
    trained(parameters, move || {
        let mut x = x.clone();
        for conv in &convs {
            x = conv.forward(&x)?.relu()?.max_pool2d(2)?;
        }
        cross_entropy(&dense(&net, x.flatten_from(1)?, Tensor::relu)?, &labels)
    })
}

/// W3.
fn vgg() -> Result<Step> {
    let mut parameters = Parameters::default();
    let channels = [[3, 32], [32, 32], [32, 64], [64, 64]].into_iter().zip([1, 3, 5, 7]);
    let convs = channels.map(|(channels, s)| parameters.conv(channels, 3, 1, s)).collect::<Result<Vec<_>>>()?;
    let net = vec![parameters.linear([8, 8, 64], 128, 9)?, parameters.linear([1, 1, 128], 10, 11)?];
    let (x, labels) = (images([32, 32, 32, 3], 0)?, labels(32)?);
    trained(parameters, move || {
        let mut x = x.clone();
        for pair in convs.chunks(2) {
            x = pair[1].forward(&pair[0].forward(&x)?.relu()?)?.relu()?.max_pool2d(2)?;
        }
        cross_entropy(&dense(&net, x.flatten_from(1)?, Tensor::relu)?, &labels)
    })
}

/// W4. candle's `backward` begins with ones, so that a cotangent has to come in as a product.
fn convolution() -> Result<Step> {
    let shape = [3, 3, 64, 64];
    let kernel = permuted(&harness::weight(&shape, 1), shape, OUTPUTS_FIRST);
    let kernel = Var::from_tensor(&Tensor::from_vec(kernel, &[64, 64, 3, 3], &CPU)?)?;
    let [x, cotangent] = [images([16, 56, 56, 64], 0)?, images([16, 56, 56, 64], 2)?];
    let x = Var::from_tensor(&x)?;
    let step = move || -> Result<Vec<f64>> {
        let y = x.conv2d(&kernel, 1, 1, 1, 1)?;
        let gradients = (&y * &cotangent)?.sum_all()?.backward()?;
        let [of_x, of_kernel] = [&x, &kernel].map(|x| gradients.get(x.as_tensor()).expect("a gradient"));
        // The first hundred numbers as Tandem lays them out: pixels of channels, or inputs of outputs.
        let pixels = |x: &Tensor| x.narrow(0, 0, 1)?.narrow(2, 0, 1)?.narrow(3, 0, 2)?.permute((0, 2, 3, 1));
        let inputs = of_kernel.narrow(2, 0, 1)?.narrow(3, 0, 1)?.narrow(1, 0, 2)?.permute((2, 3, 1, 0))?;
        [pixels(&y)?, pixels(of_x)?, inputs].iter().map(first).collect()
    };
    Ok(Box::new(move || step().expect("gradients")))
}

/// The sum of the magnitudes of the first hundred numbers.
fn first(x: &Tensor) -> Result<f64> {
    Ok(x.flatten_all()?.to_vec1::<f32>()?.iter().take(100).map(|&x| f64::from(x).abs()).sum())
}

/// W5.
fn coupled() -> Result<Step> {
    let mut parameters = Parameters::default();
    let nets = [parameters.perceptron(1)?, parameters.perceptron(51)?];
    let x = [inputs(&[64, 784], 0)?, inputs(&[64, 784], 50)?];
    let labels = labels(64)?;
    let pairs: Vec<(Var, Var)> = (0..6).map(|i| (parameters.0[i].clone(), parameters.0[i + 6].clone())).collect();
    trained(parameters, move || {
        let [a, b] = [0, 1].map(|i| cross_entropy(&dense(&nets[i], x[i].clone(), Tensor::relu)?, &labels));
        let mut loss = (a? + b?)?;
        for (a, b) in &pairs {
            loss = (loss + (a.sub(b)?.sqr()?.sum_all()? * 0.01)?)?;
        }
        Ok(loss)
    })
}

/// W6.
fn recurrent() -> Result<Step> {
    let mut parameters = Parameters::default();
    let wx = parameters.add(harness::weight(&[64, 128], 1), &[64, 128])?;
    let wh = parameters.add(harness::weight(&[128, 128], 2), &[128, 128])?;
    let b = parameters.add(vec![0.0; 128], &[128])?;
    let out = parameters.linear([1, 1, 128], 10, 4)?;
    let (x, labels) = (inputs(&[64, 32, 64], 0)?, labels(32)?);
    let x = (0..64).map(|i| x.get(i)).collect::<Result<Vec<_>>>()?;
    trained(parameters, move || {
        let mut h = Tensor::zeros((32, 128), DType::F32, &CPU)?;
        for x in &x {
            h = (x.matmul(&wx)? + h.matmul(&wh)?)?.broadcast_add(&b)?.tanh()?;
        }
        cross_entropy(&out.forward(&h)?, &labels)
    })
}

/// W8.
fn chain() -> Result<Step> {
    let variable = |number: f32| Var::from_tensor(&Tensor::new(number, &CPU)?);
    let (x, w, b) = (variable(0.5)?, variable(0.99999)?, variable(1e-5)?);
    let step = move || -> Result<Vec<f64>> {
        let mut y = x.as_tensor().clone();
        for _ in 0..100_000 {
            y = ((y * w.as_tensor())? + b.as_tensor())?;
        }
        let gradients = y.backward()?;
        let of = |x: &Var| number(gradients.get(x.as_tensor()).expect("a gradient"));
        Ok(vec![number(&y), of(&x), of(&w), of(&b)])
    };
    Ok(Box::new(move || step().expect("gradients")))
}
