//! Models go to PyTorch and come from there. `fixtures/exchange.py` is the other side: it wrote `pytorch.safetensors` with
//! the real packages, and loads `tandem.safetensors`, of which a test here says that it still is what this crate writes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use tandem_autograd::{Params, Tape, Tensor, Window};
use tandem_nn::checkpoint::Checkpoint;
use tandem_nn::{
    Activation, BatchNorm, Conv2d, Embedding, Flatten, Generator, Init, Kernel, Layer, Layouts, Linear, MaxPool2d,
    Mode, Projection, Sequential,
};

/// A convolutional part, and an embedding with a projection that is a name of its own, tied.
struct Model {
    params: Params<f32>,
    features: Sequential,
    embedding: Embedding,
    projection: Projection,
    layouts: Layouts,
}

const IMAGE: [usize; 3] = [6, 6, 2];

impl Model {
    /// Weights of this seed, and running statistics that are not those of a new layer.
    fn new(seed: u64) -> Model {
        let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(seed));
        let mut features = Sequential::new();
        let kernel = Kernel::new([3, 3], [2, 4]).pad([1, 1]);
        features.push("conv", Conv2d::new(&mut params, "features.conv", kernel, Init::Uniform, &mut rng));
        let norm = BatchNorm::new(&mut params, "features.norm", 4);
        for (id, start) in [(norm.mean, -0.2), (norm.variance, 0.5)] {
            params.set_state(id, Tensor::new([4], (0..4).map(|i| start + 0.1 * i as f32).collect())).unwrap();
        }
        features.push("norm", norm);
        features.push("relu", Activation::Relu);
        features.push("pool", MaxPool2d(Window::square(2)));
        features.push("flatten", Flatten);
        features.push("out", Linear::new(&mut params, "features.out", [3 * 3 * 4, 5], Init::Uniform, &mut rng));
        let embedding = Embedding::new(&mut params, "embedding", [7, 3], Init::Normal(1.0), &mut rng);
        let projection = Projection { weight: params.add("projection.weight", Tensor::zeros([7, 3])) };
        params.tie(projection.weight, embedding.weight).unwrap();
        let mut layouts = Layouts::default();
        layouts.add(&features, &params, IMAGE.into()).unwrap();
        layouts.add(&embedding, &params, [4].into()).unwrap();
        Model { params, features, embedding, projection, layouts }
    }

    fn checkpoint(&mut self) -> Checkpoint<'_> {
        Checkpoint::of(&mut self.params).pytorch(&self.layouts)
    }

    /// What both parts make of a fixed input. PyTorch gets the image with its channels first.
    fn outputs(&self) -> [Tensor; 2] {
        let tape = Tape::without_gradients(&self.params);
        let [h, w, c] = IMAGE;
        let image = Tensor::new([1, h, w, c], (0..h * w * c).map(|i| (i * 7 % 11) as f32 / 11.0 - 0.4).collect());
        let words = Tensor::new([1, 4], vec![3.0, 0.0, 6.0, 3.0]);
        let features = self.features.forward(&tape, tape.constant(image), Mode::Eval);
        let rows = self.embedding.forward(&tape, tape.constant(words), Mode::Eval);
        [features.into_value(), self.projection.forward(&tape, rows, Mode::Eval).into_value()]
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The outputs that one side has found, in a file of their own.
fn expected(name: &str) -> [Tensor; 2] {
    let mut params = Params::new();
    let ids = [("features", Tensor::zeros([1, 5])), ("words", Tensor::zeros([1, 4, 7]))];
    let ids = ids.map(|(name, zeros)| params.add(name, zeros));
    Checkpoint::of(&mut params).load(fixture(name)).unwrap();
    ids.map(|id| params.get(id).clone())
}

fn assert_near(found: [Tensor; 2], expected: [Tensor; 2]) {
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.shape(), expected.shape());
        for (x, y) in found.data().iter().zip(expected.data()) {
            assert!((x - y).abs() < 1e-5, "{found:?} {expected:?}");
        }
    }
}

#[test]
fn pytorchs_model_loads_here_and_computes_the_same() {
    let mut model = Model::new(2);
    let before = model.outputs();
    model.checkpoint().load(fixture("pytorch.safetensors")).unwrap();
    assert_near(model.outputs(), expected("pytorch-outputs.safetensors"));
    assert!(model.outputs() != before, "nothing was loaded");
    assert!(model.params.is_shared(model.embedding.weight), "the tie is lost");
}

#[test]
fn what_pytorch_has_loaded_is_what_is_written_here_now() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("tandem.safetensors");
    if env::var_os("TANDEM_WRITE_FIXTURES").is_some() {
        let mut model = Model::new(1);
        model.checkpoint().save(fixture("tandem.safetensors")).unwrap();
        let mut outputs = Params::<f32>::new();
        for (name, output) in ["features", "words"].into_iter().zip(model.outputs()) {
            outputs.add(name, output);
        }
        Checkpoint::of(&mut outputs).save(fixture("tandem-outputs.safetensors")).unwrap();
    }
    let mut model = Model::new(2);
    model.checkpoint().load(fixture("tandem.safetensors")).unwrap();
    assert_near(model.outputs(), expected("tandem-outputs.safetensors"));
    model.checkpoint().save(&written).unwrap();
    assert!(fs::read(written).unwrap() == fs::read(fixture("tandem.safetensors")).unwrap(), "other bytes");
}
