//! Layers against PyTorch's: `fixtures/layers.json`, made by the script beside it. Parameters come in, and gradients go
//! out, through the one map between the two layouts.

use rand::SeedableRng;
use serde_json::{Map, Value};
use tandem_autograd::{Params, Shape, Tape, Tensor, Window};
use tandem_nn::{
    Activation, AvgPool2d, BatchNorm, Conv2d, ConvTranspose2d, Embedding, Flatten, Generator, GlobalAvgPool2d,
    GlobalMaxPool2d, Init, Kernel, LastStep, Layer, LayerNorm, Layout, Layouts, Linear, MaxPool2d, Mode, Rnn,
    Sequential, Training, Unflatten,
};

type Store = Params<f64>;
type Net = Sequential<f64>;

const WINDOW: Window = Window { size: [3, 2], stride: [2, 1], pad: [1, 0] };

/// A network with parameters to be overwritten.
struct Build {
    net: Net,
    params: Store,
}

impl Build {
    fn layer(mut self, name: &str, layer: impl Layer<f64> + 'static) -> Build {
        self.net.push(name, layer);
        self
    }
    fn linear(mut self, name: &str, sizes: [usize; 2]) -> Build {
        let layer = Linear::new(&mut self.params, name, sizes, Init::Zeros, &mut rng());
        self.layer(name, layer)
    }
    fn linear_without_bias(mut self, name: &str, sizes: [usize; 2]) -> Build {
        let layer = Linear::without_bias(&mut self.params, name, sizes, Init::Zeros, &mut rng());
        self.layer(name, layer)
    }
    fn conv(mut self, name: &str, kernel: Kernel) -> Build {
        let layer = Conv2d::new(&mut self.params, name, kernel, Init::Zeros, &mut rng());
        self.layer(name, layer)
    }
    fn up(mut self, name: &str, kernel: Kernel, output_padding: [usize; 2]) -> Build {
        let layer = ConvTranspose2d::new(&mut self.params, name, kernel, Init::Zeros, &mut rng());
        self.layer(name, layer.output_padding(output_padding))
    }
    fn batch_norm(mut self, name: &str, channels: usize) -> Build {
        let layer = BatchNorm::new(&mut self.params, name, channels);
        self.layer(name, layer)
    }
    fn layer_norm(mut self, name: &str, shape: &[usize]) -> Build {
        let layer = LayerNorm::new(&mut self.params, name, shape);
        self.layer(name, layer)
    }
    fn embedding(mut self, tied: bool) -> Build {
        let embedding = Embedding::new(&mut self.params, "embedding", [5, 3], Init::Zeros, &mut rng());
        let build = self.layer("embedding", embedding);
        if tied { build.layer("out", embedding.projection()) } else { build }
    }
    fn rnn(mut self, activation: Activation) -> Build {
        let mut rnn = Rnn::new(&mut self.params, "rnn", [3, 4], &mut rng());
        rnn.cell.activation = activation;
        self.layer("rnn", rnn)
    }
    fn unflatten(self, shape: [usize; 3]) -> Build {
        self.layer("unflatten", Unflatten(Shape::from(shape)))
    }
}

fn rng() -> Generator {
    Generator::seed_from_u64(0)
}

/// The network of each case, in the order of the file.
#[rustfmt::skip] // Each network on one line, if it fits.
fn networks() -> Vec<(&'static str, Build)> {
    let new = || Build { net: Net::new(), params: Store::new() };
    let kernel = Kernel::new;
    vec![
        ("linear", new().linear("l", [4, 3])),
        ("linear/of rows", new().linear_without_bias("l", [4, 3])),
        ("conv", new().conv("l", kernel([3, 2], [2, 3]))),
        ("conv/stride and padding", new().conv("l", kernel([3, 2], [2, 3]).stride([2, 1]).pad([1, 2]))),
        ("conv/dilation", new().conv("l", kernel([2, 3], [2, 3]).dilation([2, 1]).without_bias())),
        ("conv/groups", new().conv("l", kernel([2, 2], [4, 6]).groups(2))),
        ("transposed", new().up("l", kernel([3, 2], [3, 2]), [0, 0])),
        ("transposed/stride and padding", new().up("l", kernel([3, 3], [3, 2]).stride([2, 3]).pad([1, 0]), [0, 0])),
        ("transposed/output padding", new().up("l", kernel([3, 3], [2, 3]).stride([2, 2]).pad([1, 1]), [1, 0])),
        ("transposed/dilation", new().up("l", kernel([2, 2], [2, 3]).dilation([1, 2]).without_bias(), [0, 0])),
        ("transposed/groups", new().up("l", kernel([2, 3], [4, 6]).groups(2).stride([2, 2]), [0, 0])),
        ("batch norm/rows", new().batch_norm("l", 3)),
        ("batch norm/images", new().batch_norm("l", 3)),
        ("layer norm/last axis", new().layer_norm("l", &[4])),
        ("layer norm/images", new().layer_norm("l", &[2, 4, 3])),
        ("embedding", new().embedding(false)),
        ("embedding/tied", new().embedding(true)),
        ("rnn", new().rnn(Activation::Tanh)),
        ("rnn/relu", new().rnn(Activation::Relu)),
        ("rnn/last", new().rnn(Activation::Tanh).layer("last", LastStep)),
        ("max pool", new().layer("l", MaxPool2d(WINDOW))),
        ("avg pool", new().layer("l", AvgPool2d(WINDOW))),
        ("global avg pool", new().layer("l", GlobalAvgPool2d)),
        ("global max pool", new().layer("l", GlobalMaxPool2d)),
        ("flattened", new().conv("conv", kernel([2, 2], [2, 3])).layer("flatten", Flatten).linear("out", [18, 2])),
        ("flattened/with norms", new()
            .conv("conv", kernel([2, 2], [2, 3]).without_bias()).batch_norm("norm", 3).layer("gelu", Activation::Gelu)
            .layer("flatten", Flatten).batch_norm("norm_rows", 18).layer("silu", Activation::Silu)
            .linear("hidden", [18, 4]).batch_norm("norm_hidden", 4).linear("out", [4, 2])),
        ("flattened/with layer norms", new()
            .layer_norm("norm", &[3, 2, 2]).layer("softplus", Activation::Softplus)
            .layer("flatten", Flatten).layer_norm("norm_rows", &[12]).linear("out", [12, 2])),
        ("pooled", new()
            .conv("conv", kernel([2, 2], [2, 3])).layer("pool", GlobalAvgPool2d).layer("flatten", Flatten)
            .layer("leaky", Activation::LeakyRelu(0.01)).linear("out", [3, 2])),
        ("unflattened", new()
            .linear("hidden", [3, 12]).batch_norm("norm", 12).layer("tanh", Activation::Tanh)
            .unflatten([2, 3, 2]).up("up", kernel([2, 2], [2, 3]), [0, 0])),
        ("unflattened/from flattened", new()
            .layer("flatten", Flatten).linear_without_bias("both", [12, 18])
            .unflatten([2, 3, 3]).layer_norm("norm", &[2, 3, 3])),
        ("unflattened/what was flattened", new()
            .layer("flatten", Flatten).batch_norm("norm", 12)
            .unflatten([3, 2, 2]).conv("conv", kernel([2, 2], [2, 2]))),
    ]
}

fn tensor(of: &Value) -> Tensor<f64> {
    let numbers = |of: &Value| of.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let shape: Vec<usize> = numbers(&of["shape"]).iter().map(|&x| x as usize).collect();
    Tensor::new(&shape[..], numbers(&of["data"]))
}

/// With the axes in another order.
fn permuted(x: Tensor<f64>, order: [usize; 4]) -> Tensor<f64> {
    let params = Store::new();
    Tape::new(&params).constant(x).permute(&order).into_value()
}

/// A batch as it is here: of images, the channels are last.
fn batch(of: &Value) -> Tensor<f64> {
    let x = tensor(of);
    if x.shape().rank() == 4 { permuted(x, [0, 2, 3, 1]) } else { x }
}

/// Panics unless both agree to within rounding.
fn agree(what: &str, ours: &Tensor<f64>, theirs: &Tensor<f64>) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let size = theirs.data().iter().fold(1.0_f64, |size, x| size.max(x.abs()));
    for (ours, theirs) in ours.data().iter().zip(theirs.data()) {
        assert!((ours - theirs).abs() <= 1e-12 * size, "{what}: {ours} here, {theirs} in PyTorch");
    }
}

/// What PyTorch has under this name, taken from the list of what is still to be compared.
fn taken(from: &mut Map<String, Value>, path: &str) -> Tensor<f64> {
    tensor(&from.remove(path).unwrap_or_else(|| panic!("PyTorch has no `{path}`")))
}

/// As PyTorch has it.
fn theirs(layout: Option<&Layout>, x: &Tensor<f64>) -> Tensor<f64> {
    layout.map_or_else(|| x.clone(), |layout| layout.to_pytorch(x))
}

/// Overwrites all parameters and states with PyTorch's.
fn load(params: &mut Store, layouts: &Layouts, mut state: Map<String, Value>) {
    let ours =
        |layout: Option<&Layout>, x: Tensor<f64>| layout.map_or_else(|| x.clone(), |layout| layout.from_pytorch(&x));
    for (id, path) in params.names().map(|(id, path)| (id, path.to_owned())).collect::<Vec<_>>() {
        params.set(id, ours(layouts.of(id), taken(&mut state, &path))).unwrap();
    }
    for (id, path) in params.states().map(|(id, path)| (id, path.to_owned())).collect::<Vec<_>>() {
        params.set_state(id, ours(layouts.of_state(id), taken(&mut state, &path))).unwrap();
    }
    assert!(state.is_empty(), "only PyTorch has {:?}", state.keys());
}

fn compare(name: &str, Build { net, mut params }: Build, case: &Value) {
    let object = |of: &Value| of.as_object().unwrap().clone();
    let mut layouts = Layouts::default();
    let example = batch(&case["passes"][0]["input"]).shape().example();
    layouts.add(&net, &params, example).unwrap();
    load(&mut params, &layouts, object(&case["state"]));
    let mut training = Training::new(rng());
    for (i, pass) in case["passes"].as_array().unwrap().iter().enumerate() {
        let name = format!("{name}, pass {i}");
        let tape = Tape::new(&params);
        let mode = if pass["training"].as_bool().unwrap() { Mode::Train(&training) } else { Mode::Eval };
        let x = tape.input(batch(&pass["input"]));
        let y = net.forward(&tape, x.clone(), mode);
        agree(&format!("{name}: output"), y.value(), &batch(&pass["output"]));
        let gradients = y.backward_with(batch(&pass["weights"]));
        match pass.get("input_gradient") {
            Some(expected) => agree(&format!("{name}: of the input"), gradients.wrt(&x).unwrap(), &batch(expected)),
            None => assert!(gradients.wrt(&x).is_none(), "{name}"),
        }
        let mut expected = object(&pass["gradients"]);
        for (id, path) in params.names() {
            let ours = theirs(layouts.of(id), gradients.of(&params, id).unwrap());
            agree(&format!("{name}: of `{path}`"), &ours, &taken(&mut expected, path));
        }
        assert!(expected.is_empty(), "{name}: only PyTorch has {:?}", expected.keys());
        training.commit(&mut params);
    }
    let mut after = object(&case["after"]);
    for (id, path) in params.states() {
        let ours = theirs(layouts.of_state(id), params.state(id));
        agree(&format!("{name}: `{path}`"), &ours, &taken(&mut after, path));
    }
    assert!(after.is_empty(), "{name}: only PyTorch has {:?}", after.keys());
}

#[test]
fn outputs_gradients_and_running_statistics_agree_with_pytorch() {
    let file: Value = serde_json::from_str(include_str!("fixtures/layers.json")).unwrap();
    let (cases, networks) = (file["cases"].as_array().unwrap(), networks());
    let names = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<_>>();
    assert_eq!(
        names(&mut networks.iter().map(|(name, _)| name.to_string())),
        names(&mut cases.iter().map(|case| case["name"].as_str().unwrap().to_owned()))
    );
    for ((name, build), case) in networks.into_iter().zip(cases) {
        compare(name, build, case);
    }
}
