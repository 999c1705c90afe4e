//! One table, a row for every layer: the shape it says and the shape it makes, the parameters it says it uses, and its
//! gradients against finite differences. (Against PyTorch: `pytorch.rs`.)

use std::collections::BTreeSet;
use std::fs;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use tandem_autograd::{Params, Shape, Tape, Tensor, Var, Window};
use tandem_nn::{
    Activation, AvgPool2d, BatchNorm, Checkpointed, Conv2d, ConvTranspose2d, Dropout, Embedding, Flatten, Generator,
    GlobalAvgPool2d, GlobalMaxPool2d, Init, Kernel, LastStep, Layer, LayerNorm, Linear, LocallyConnected2d, MaxPool2d,
    Mlp, Mode, Rnn, RnnCell, Sequential, Subsample2d, TableConv2d, TiledConv2d, Training, Unflatten,
};

type Store = Params<f64>;
type Boxed = Box<dyn Layer<f64>>;

struct Row {
    /// The layer's type, and after a slash which kind of it.
    name: &'static str,
    training: bool,
    /// The shapes of a batch and of its result.
    shapes: [&'static [usize]; 2],
    /// The sum over its uses for one example.
    connections: usize,
    make: fn(&mut Store, &mut Generator) -> Boxed,
}

const UNIFORM: Init = Init::Uniform;
/// Images of 6 × 5 places and 4 channels.
const IMAGES: &[usize] = &[3, 6, 5, 4];
/// From 4 channels to 6.
const KERNEL: [[usize; 2]; 2] = [[3, 2], [4, 6]];

fn kernel() -> Kernel {
    Kernel::new(KERNEL[0], KERNEL[1])
}

fn window() -> Window {
    Window { size: [3, 2], stride: [2, 1], pad: [1, 0] }
}

/// A layer that draws at random, one with states, and what stands around them.
fn several(p: &mut Store, rng: &mut Generator) -> Sequential<f64> {
    let mut net = Sequential::new();
    net.push("conv", Conv2d::new(p, "conv", kernel(), UNIFORM, rng));
    net.push("norm", BatchNorm::new(p, "norm", 6));
    net.push("gelu", Activation::Gelu);
    net.push("dropout", Dropout(0.3));
    net.push("flatten", Flatten);
    net.push("out", Linear::new(p, "out", [4 * 4 * 6, 2], UNIFORM, rng));
    net
}

/// conv: 6·4·6 + 6 numbers at 4·4 places; norm: 2 numbers for each of 96; out: 96·2 + 2.
const SEVERAL: usize = 16 * (144 + 6) + 2 * 96 + 194;

#[rustfmt::skip] // Each layer on one line.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name, shapes, connections, make| rows.push(Row { name, training: false, shapes, connections, make });
    row("Linear", [&[3, 4], &[3, 2]], 10, |p, rng| Box::new(Linear::new(p, "l", [4, 2], UNIFORM, rng)));
    row("Linear/of rows", [&[3, 5, 4], &[3, 5, 2]], 5 * 10, |p, rng| Box::new(Linear::new(p, "l", [4, 2], UNIFORM, rng)));
    row("Linear/without bias", [&[3, 4], &[3, 2]], 8, |p, rng| Box::new(Linear::without_bias(p, "l", [4, 2], UNIFORM, rng)));
    row("Mlp", [&[3, 4], &[3, 2]], 4 * 5 + 5 + 5 * 2 + 2, |p, rng| Box::new(Mlp::new(p, "l", &[4, 5, 2], Activation::Tanh, UNIFORM, rng)));
    row("Conv2d", [IMAGES, &[3, 4, 4, 6]], 16 * (144 + 6), |p, rng| Box::new(Conv2d::new(p, "l", kernel(), UNIFORM, rng)));
    row("Conv2d/all settings", [IMAGES, &[3, 2, 5, 6]], 10 * 72, |p, rng| Box::new(Conv2d::new(p, "l", kernel().stride([2, 1]).pad([1, 1]).dilation([2, 2]).groups(2).without_bias(), UNIFORM, rng)));
    row("TiledConv2d", [IMAGES, &[3, 4, 4, 6]], 16 * (144 + 6), |p, rng| Box::new(TiledConv2d::new(p, "l", (3, 2), kernel(), UNIFORM, rng)));
    row("LocallyConnected2d", [IMAGES, &[3, 4, 4, 6]], 16 * (144 + 6), |p, rng| Box::new(LocallyConnected2d::new(p, "l", [6, 5], kernel(), UNIFORM, rng)));
    row("TableConv2d", [IMAGES, &[3, 4, 4, 2]], 16 * (3 * 6 + 2), |p, rng| Box::new(TableConv2d::new(p, "l", &[&[0, 3], &[1]], Kernel::new([3, 2], [4, 2]), UNIFORM, rng)));
    row("ConvTranspose2d", [IMAGES, &[3, 8, 6, 6]], 30 * 144 + 48 * 6, |p, rng| Box::new(ConvTranspose2d::new(p, "l", kernel(), UNIFORM, rng)));
    row("ConvTranspose2d/all settings", [IMAGES, &[3, 15, 12, 6]], 30 * 72, |p, rng| Box::new(ConvTranspose2d::new(p, "l", kernel().stride([2, 3]).pad([0, 2]).dilation([2, 1]).groups(2).without_bias(), UNIFORM, rng).output_padding([0, 2])));
    row("Subsample2d", [IMAGES, &[3, 3, 2, 4]], 24 * 4 + 24, |p, _| Box::new(Subsample2d::new(p, "l", Window::square(2), 4)));
    row("MaxPool2d", [IMAGES, &[3, 3, 4, 4]], 0, |_, _| Box::new(MaxPool2d(window())));
    row("AvgPool2d", [IMAGES, &[3, 3, 4, 4]], 0, |_, _| Box::new(AvgPool2d(window())));
    row("GlobalAvgPool2d", [IMAGES, &[3, 4]], 0, |_, _| Box::new(GlobalAvgPool2d));
    row("GlobalMaxPool2d", [IMAGES, &[3, 4]], 0, |_, _| Box::new(GlobalMaxPool2d));
    row("BatchNorm/train", [&[5, 4], &[5, 4]], 8, |p, _| Box::new(BatchNorm::new(p, "l", 4)));
    row("BatchNorm/train of images", [IMAGES, IMAGES], 2 * 120, |p, _| Box::new(BatchNorm::new(p, "l", 4)));
    row("BatchNorm/evaluation", [IMAGES, IMAGES], 2 * 120, |p, _| Box::new(BatchNorm::new(p, "l", 4)));
    row("LayerNorm", [IMAGES, IMAGES], 2 * 120, |p, _| Box::new(LayerNorm::new(p, "l", [4])));
    row("LayerNorm/of images", [IMAGES, IMAGES], 2 * 120, |p, _| Box::new(LayerNorm::new(p, "l", [6, 5, 4])));
    row("Dropout/train", [IMAGES, IMAGES], 0, |_, _| Box::new(Dropout(0.4)));
    row("Dropout/evaluation", [IMAGES, IMAGES], 0, |_, _| Box::new(Dropout(0.4)));
    row("Embedding", [&[3, 5], &[3, 5, 4]], 5 * 9 * 4, |p, rng| Box::new(Embedding::new(p, "l", [9, 4], Init::Normal(1.0), rng)));
    row("Projection", [&[3, 5, 4], &[3, 5, 9]], 5 * 9 * 4, |p, rng| Box::new(Embedding::new(p, "l", [9, 4], Init::Normal(1.0), rng).projection()));
    row("Rnn", [&[3, 5, 4], &[3, 5, 2]], 5 * (8 + 4 + 2 + 2), |p, rng| Box::new(Rnn::new(p, "l", [4, 2], rng)));
    row("LastStep", [&[3, 5, 4], &[3, 4]], 0, |_, _| Box::new(LastStep));
    row("Flatten", [IMAGES, &[3, 120]], 0, |_, _| Box::new(Flatten));
    row("Unflatten", [&[3, 40], &[3, 2, 5, 4]], 0, |_, _| Box::new(Unflatten(Shape::from([2, 5, 4]))));
    row("Activation/relu", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Relu));
    row("Activation/tanh", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Tanh));
    row("Activation/sigmoid", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Sigmoid));
    row("Activation/gelu", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Gelu));
    row("Activation/silu", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Silu));
    row("Activation/leaky relu", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::LeakyRelu(0.1)));
    row("Activation/softplus", [&[3, 4], &[3, 4]], 0, |_, _| Box::new(Activation::Softplus));
    row("Sequential/train", [IMAGES, &[3, 2]], SEVERAL, |p, rng| Box::new(several(p, rng)));
    row("Sequential/evaluation", [IMAGES, &[3, 2]], SEVERAL, |p, rng| Box::new(several(p, rng)));
    row("Checkpointed/train", [IMAGES, &[3, 2]], SEVERAL, |p, rng| Box::new(Checkpointed::new(several(p, rng))));
    row("Checkpointed/evaluation", [IMAGES, &[3, 2]], SEVERAL, |p, rng| Box::new(Checkpointed::new(several(p, rng))));
    for row in &mut rows {
        row.training = row.name.contains("/train");
    }
    rows
}

/// A row's layer with numbers at which no kink lies within reach of the differences.
struct Made {
    params: Store,
    layer: Boxed,
    x: Tensor<f64>,
    cotangent: Tensor<f64>,
    training: bool,
}

fn normal(shape: impl Into<Shape>, rng: &mut Generator) -> Tensor<f64> {
    let shape = shape.into();
    Tensor::new(shape, (0..shape.len()).map(|_| rng.sample(StandardNormal)).collect())
}

impl Row {
    fn make(&self) -> Made {
        let rng = &mut Generator::seed_from_u64(5);
        let mut params = Store::new();
        let layer = (self.make)(&mut params, rng);
        // Not where it starts: scales of one and shifts of zero would hide what is wrong with them.
        for slot in params.slots().collect::<Vec<_>>() {
            params.update(slot, |w| w.iter_mut().for_each(|w| *w += 0.3 * rng.sample::<f64, _>(StandardNormal)));
        }
        for (id, path) in params.states().map(|(id, path)| (id, path.to_owned())).collect::<Vec<_>>() {
            let start = if path.ends_with("var") { 0.5 } else { -0.5 };
            let shape = params.state(id).shape();
            let state = (0..shape.len()).map(|i| start + 0.1 * i as f64).collect();
            params.set_state(id, Tensor::new(shape, state)).unwrap();
        }
        let [input, output] = self.shapes;
        let count: usize = input.iter().product();
        let x = if self.name == "Embedding" {
            (0..count).map(|i| (i * i % 9) as f64).collect()
        } else {
            // Each another one, and none at zero.
            let mut x: Vec<f64> = (0..count).map(|i| 3.0 * (i as f64 + 0.3) / count as f64 - 1.5).collect();
            x.shuffle(rng);
            x
        };
        let (x, cotangent) = (Tensor::new(input, x), normal(output, rng));
        Made { params, layer, x, cotangent, training: self.training }
    }
}

impl Made {
    /// Calls `found` with the result and what it was made of. Whatever is drawn, it is the same every time.
    fn run<R>(
        &self,
        params: &Store,
        x: &Tensor<f64>,
        found: impl for<'t> FnOnce(Var<'t, f64>, Var<'t, f64>) -> R,
    ) -> R {
        let training = Training::new(Generator::seed_from_u64(8));
        let mode = if self.training { Mode::Train(&training) } else { Mode::Eval };
        let tape = Tape::new(params);
        let x = tape.input(x.clone());
        let z = self.layer.forward(&tape, x.clone(), mode);
        found(x, z)
    }

    /// Σ cotangent · z.
    fn number(&self, params: &Store, x: &Tensor<f64>) -> f64 {
        self.run(params, x, |_, z| dot(z.value(), &self.cotangent))
    }
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

/// The derivative at 0 by central differences of fourth order.
fn difference(of: impl Fn(f64) -> f64) -> f64 {
    const H: f64 = 1e-4;
    (8.0 * (of(H) - of(-H)) - (of(2.0 * H) - of(-2.0 * H))) / (12.0 * H)
}

fn moved(x: &Tensor<f64>, direction: &Tensor<f64>, t: f64) -> Tensor<f64> {
    let mut x = x.clone();
    x.update(|x| x.iter_mut().zip(direction.data()).for_each(|(x, d)| *x += t * d));
    x
}

#[test]
fn layers_make_the_shapes_and_have_the_parameters_that_they_say() {
    for row in rows() {
        let (made, name) = (row.make(), row.name);
        let Made { params, layer, x, .. } = &made;
        let expected = Shape::from(row.shapes[1]);
        assert_eq!(layer.output(params, x.shape().example()).unwrap(), expected.example(), "{name}");
        made.run(params, x, |_, z| assert_eq!(z.shape(), expected, "{name}"));
        let uses = layer.uses(params, x.shape().example()).unwrap();
        let ids: Vec<_> = uses.iter().map(|each| each.id).collect();
        assert_eq!(ids, params.names().map(|(id, _)| id).collect::<Vec<_>>(), "{name}");
        assert_eq!(uses.iter().map(|each| each.connections).sum::<usize>(), row.connections, "{name}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for row in rows() {
        let (made, name) = (row.make(), row.name);
        let Made { params, x, cotangent, .. } = &made;
        let rng = &mut Generator::seed_from_u64(6);
        let mut agree = |what: &str, value: &Tensor<f64>, gradient: &Tensor<f64>, at: &dyn Fn(Tensor<f64>) -> f64| {
            let direction = normal(value.shape(), rng);
            let computed = dot(gradient, &direction);
            let numeric = difference(|t| at(moved(value, &direction, t)));
            assert!(computed != 0.0, "{name}, {what}: no gradient");
            assert!(
                (computed - numeric).abs() <= 1e-8 * (1.0 + numeric.abs()),
                "{name}, {what}: {computed}, by differences {numeric}"
            );
        };
        let (gradients, of_x) = made.run(params, x, |x, z| {
            let gradients = z.backward_with(cotangent.clone());
            let of_x = gradients.wrt(&x).cloned();
            (gradients, of_x)
        });
        // Indices have none.
        assert_eq!(of_x.is_some(), name != "Embedding", "{name}");
        if let Some(of_x) = of_x {
            agree("input", x, &of_x, &|x| made.number(params, &x));
        }
        for (id, path) in params.names() {
            let gradient = gradients.of(params, id).unwrap_or_else(|| panic!("{name}: `{path}` has no gradient"));
            agree(path, params.get(id), gradient, &|value| {
                let mut params = params.clone();
                params.set(id, value).unwrap();
                made.number(&params, x)
            });
        }
    }
}

#[test]
fn first_weights_are_drawn_as_pytorch_draws_them() {
    let (mut params, mut rng) = (Store::new(), Generator::seed_from_u64(1));
    let kernel = Kernel::new([3, 5], [8, 64]).groups(2);
    let up = ConvTranspose2d::new(&mut params, "up", kernel, UNIFORM, &mut rng);
    let RnnCell { weight_ih, weight_hh, bias_ih, bias_hh, .. } = Rnn::new(&mut params, "rnn", [3, 50], &mut rng).cell;
    let embedding = Embedding::new(&mut params, "embedding", [500, 20], Init::Normal(1.0), &mut rng);
    // Of uniform numbers, the largest comes close to the bound.
    let up = [up.weight, up.bias.unwrap()].map(|id| (id, 64 / 2 * 15));
    for (id, fan_in) in up.into_iter().chain([weight_ih, weight_hh, bias_ih, bias_hh].map(|id| (id, 50))) {
        let bound = 1.0 / f64::from(fan_in).sqrt();
        let largest = params.get(id).data().iter().fold(0.0_f64, |largest, w| largest.max(w.abs()));
        assert!((0.9 * bound..=bound).contains(&largest), "{}: {largest} of {bound}", params.name(id));
    }
    let table = params.get(embedding.weight);
    let [mean, square] = [1, 2].map(|p| table.data().iter().map(|w| w.powi(p)).sum::<f64>() / table.len() as f64);
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "{mean}, {square}");
}

#[test]
fn in_evaluation_dropout_is_not_there() {
    let params = Store::new();
    let tape = Tape::new(&params);
    let x = tape.input(Tensor::full([3, 4], 2.0));
    let y = Dropout(0.4).forward(&tape, x.clone(), Mode::Eval);
    assert!(tape.len() == 1 && y.value().shares_memory_with(x.value()));
}

#[test]
fn tied_projections_cost_no_copy() {
    let (mut params, mut rng) = (Store::new(), Generator::seed_from_u64(1));
    let embedding = Embedding::new(&mut params, "embedding", [5, 3], Init::Normal(1.0), &mut rng);
    let tape = Tape::new(&params);
    let words = tape.constant(Tensor::new([4], vec![0.0, 4.0, 2.0, 2.0]));
    let logits = embedding.projection().forward(&tape, embedding.forward(&tape, words, Mode::Eval), Mode::Eval);
    // One leaf with two uses: the matrix is read transposed where it lies.
    assert_eq!(tape.recorded(), ["Leaf", "Gather", "MatMul"]);
    assert_eq!(logits.sum().backward().iter().count(), 1);
}

/// The types for which the sources implement `Layer`.
fn layers() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        let source = if path.is_file() { fs::read_to_string(path).unwrap() } else { String::new() };
        for line in source.lines().filter(|line| !line.starts_with("//")) {
            // By itself, or by a macro that takes the type.
            let by_macro = ["layer!(", "global!("].iter().find_map(|of| line.strip_prefix(of));
            let rest = by_macro.or_else(|| Some(line.split_once("Layer<T> for ")?.1));
            let name = rest.and_then(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
            found.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_layer_has_a_row() {
    let listed = rows().iter().map(|row| row.name.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(layers(), listed);
}
