//! A perceptron and LeNet, trained here and in PyTorch from the same checkpoint with the same batches:
//! the losses agree, step by step.

use std::env;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use serde_json::Value;
use tandem_autograd::{Float, Params, Shape, Tape, Tensor, Window};
use tandem_nn::checkpoint::Checkpoint;
use tandem_nn::data::{Images, digits};
use tandem_nn::{
    Activation, Adam, Conv2d, Flatten, Generator, Init, Kernel, Layer, Layouts, Linear, MaxPool2d, Mlp, Mode,
    Optimizer, Sequential, Sgd, Training,
};

/// How many rows a step takes, one after another, from the first on.
const BATCH: usize = 32;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A network for images of this shape, by name.
fn network(name: &str, params: &mut Params<f32>) -> (Sequential<f32>, Sequential<f64>, Shape) {
    let mut rng = Generator::seed_from_u64(7);
    let (mut net, mut precise) = (Sequential::new(), Sequential::new());
    macro_rules! push {
        ($name:literal, $layer:expr) => {{
            let layer = $layer;
            net.push($name, layer.clone());
            precise.push($name, layer);
        }};
    }
    if name == "mlp" {
        push!("flatten", Flatten);
        push!("mlp", Mlp::new(params, "mlp", &[64, 32, 10], Activation::Tanh, Init::Uniform, &mut rng));
        return (net, precise, Shape::from([8, 8, 1]));
    }
    push!("c1", Conv2d::new(params, "c1", Kernel::new([5, 5], [1, 6]), Init::Uniform, &mut rng));
    push!("relu1", Activation::Relu);
    push!("s2", MaxPool2d(Window::square(2)));
    push!("c3", Conv2d::new(params, "c3", Kernel::new([5, 5], [6, 16]), Init::Uniform, &mut rng));
    push!("relu3", Activation::Relu);
    push!("s4", MaxPool2d(Window::square(2)));
    push!("flatten", Flatten);
    push!("c5", Linear::new(params, "c5", [400, 120], Init::Uniform, &mut rng));
    push!("relu5", Activation::Relu);
    push!("f6", Linear::new(params, "f6", [120, 84], Init::Uniform, &mut rng));
    push!("relu6", Activation::Relu);
    push!("out", Linear::new(params, "out", [84, 10], Init::Uniform, &mut rng));
    (net, precise, Shape::from([32, 32, 1]))
}

/// Images with every pixel repeated, to have the rows and columns of `shape`, and labels: those of a step.
fn batch<T: Float>(images: &Images, step: usize, shape: Shape) -> (Tensor<T>, Tensor<T>) {
    let rows: Vec<usize> = (0..BATCH).map(|i| (step * BATCH + i) % images.len()).collect();
    let (side, times) = (shape[0] as usize, shape[0] as usize / images.height);
    let x = Tensor::build(shape.batched(BATCH), tandem_autograd::Kind::Activation, |x| {
        for (i, x) in x.iter_mut().enumerate() {
            let (row, y, column) = (i / (side * side), i / side % side, i % side);
            *x = T::from_f64(images.image(rows[row])[y / times * images.width + column / times].into());
        }
    });
    (x, Tensor::new([BATCH], rows.iter().map(|&row| T::from_f64(images.labels[row] as f64)).collect()))
}

fn losses<T: Float>(
    net: &dyn Layer<T>,
    params: &mut Params<T>,
    optimizer: &mut dyn Optimizer<T>,
    shape: Shape,
) -> Vec<f64> {
    let (images, _) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")).unwrap();
    let training = Training::new(Generator::seed_from_u64(0));
    let mut losses = Vec::new();
    for step in 0..100 {
        let (x, labels) = batch(&images, step, shape);
        let tape = Tape::new(params);
        let loss = net.forward(&tape, tape.constant(x), Mode::Train(&training)).cross_entropy(tape.constant(labels));
        losses.push(loss.item().to_f64());
        let gradients = loss.backward();
        optimizer.step(params, &gradients);
    }
    losses
}

fn check(name: &str, found: &[f64], expected: &Value, tolerance: f64) {
    let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(&expected).map(|(found, expected)| ((found - expected) / expected).abs());
    let (worst, step) = differences.zip(0..).fold((0.0, 0), |worst, each| if each.0 > worst.0 { each } else { worst });
    assert!(worst < tolerance, "{name}: at step {step} the losses differ by {worst:e} of themselves");
    assert!(found[99] < 2.0 / 3.0 * found[0], "{name} has learnt nothing");
}

#[test]
fn a_hundred_steps_have_the_losses_that_they_have_in_pytorch() {
    let text = std::fs::read_to_string(fixture("training.json")).unwrap_or_default();
    for name in ["mlp", "lenet"] {
        let (mut params, mut layouts) = (Params::new(), Layouts::default());
        let (net, precise, shape) = network(name, &mut params);
        layouts.add(&net, &params, shape).unwrap();
        let path = fixture(&format!("{name}.safetensors"));
        let mut checkpoint = Checkpoint::of(&mut params).pytorch(&layouts);
        if env::var_os("TANDEM_WRITE_FIXTURES").is_some() {
            // For make_training.py, which is to run next.
            checkpoint.save(&path).unwrap();
            continue;
        }
        checkpoint.load(&path).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let mut cast = params.cast::<f64>();
        // The same for both types; which one, the script has too.
        macro_rules! check {
            ($net:expr, $params:expr, $of:literal, $tolerance:literal) => {{
                let found = match name {
                    "mlp" => losses($net, $params, &mut Sgd::new(0.05).momentum(0.9), shape),
                    _ => losses($net, $params, &mut Adam::new(1e-3), shape),
                };
                check(&format!("{name}, {}", $of), &found, &expected[name], $tolerance);
            }};
        }
        check!(&precise, &mut cast, "f64", 1e-9);
        check!(&net, &mut params, "f32", 1e-3);
    }
}
