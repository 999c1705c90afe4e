//! Layers that are handed what does not fit, and where layers record.

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Params, Shape, Tape, Tensor, Window};
use tandem::nn::{
    Activation, AvgPool2d, BatchNorm, Checkpointed, Conv2d, ConvTranspose2d, Dropout, Embedding, Flatten, Generator,
    GlobalAvgPool2d, GlobalMaxPool2d, Init, Kernel, LastStep, Layer, LayerNorm, Layouts, Linear, LocallyConnected2d,
    MaxPool2d, Mlp, Mode, Rnn, RnnCell, Sequential, Subsample2d, TableConv2d, TiledConv2d, Training, Unflatten,
};

use crate::composites::recorded_here;
use crate::said;

#[test]
fn layers_that_do_not_fit() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(0));
    let linear = Linear::new(&mut params, "linear", [3, 2], Init::He, &mut rng);
    let kernel = Kernel::new([3, 3], [1, 2]);
    let conv = Conv2d::new(&mut params, "conv", kernel, Init::He, &mut rng);
    let mlp = Mlp::new(&mut params, "mlp", &[4, 3, 2], Activation::Tanh, Init::He, &mut rng);
    let subsample = Subsample2d::new(&mut params, "subsample", Window::square(2), 6);
    let lean = Checkpointed::new(linear);
    let mut net = Sequential::new();
    net.push("flatten", Flatten);
    net.push("logits", linear);
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| linear.forward(&tape, x(&[5, 4]), Mode::Eval)), @"matmul([5, 4], [3, 2]): axis 1 of the left has length 4, axis 0 of the right has length 3; the product sums over both");
    assert_snapshot!(said(|| mlp.forward(&tape, x(&[5, 3]), Mode::Eval)), @"matmul([5, 3], [4, 3]): axis 1 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| conv.forward(&tape, x(&[1, 2, 2, 1]), Mode::Eval)), @"conv([1, 2, 2, 1], [3, 3, 1, 2]): axis 1: a kernel of 3 with dilation 1 does not fit in 2 places and padding 0");
    assert_snapshot!(said(|| MaxPool2d(Window::square(3)).forward(&tape, x(&[1, 2, 2, 1]), Mode::Eval)), @"max_pool([1, 2, 2, 1]): axis 1: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| AvgPool2d(Window::square(3)).forward(&tape, x(&[1, 2, 2, 1]), Mode::Eval)), @"avg_pool([1, 2, 2, 1]): axis 1: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| subsample.forward(&tape, x(&[1, 4, 4, 1]), Mode::Eval)), @"a subsampling layer of 6 channels takes examples of shape [height, width, 6], found [4, 4, 1]");
    assert_snapshot!(said(|| Flatten.forward(&tape, x(&[]), Mode::Eval)), @"flatten: a number has no axis to keep");
    assert_snapshot!(said(|| Unflatten(Shape::from([5])).forward(&tape, x(&[2, 3]), Mode::Eval)), @"reshape([2, 3]): [2, 3] holds 6 numbers, [2, 5] holds 10");
    assert_snapshot!(said(|| Unflatten(Shape::from([5])).forward(&tape, x(&[]), Mode::Eval)), @"unflatten: a number has no axis for a batch");
    assert_snapshot!(said(|| net.forward(&tape, x(&[5, 2, 2]), Mode::Eval)), @"layer `logits`, for a batch of shape [5, 4]: a linear layer of shape [3, 2] takes examples with 3 numbers along the last axis, found shape [4]");
    assert_snapshot!(said(|| net.forward(&tape, x(&[]), Mode::Eval)), @"a number has no axis for a batch");
    assert_snapshot!(said(|| lean.forward(&tape, x(&[5, 4]), Mode::Eval)), @"a checkpointed layer, for a batch of shape [5, 4]: a linear layer of shape [3, 2] takes examples with 3 numbers along the last axis, found shape [4]");
    assert_snapshot!(said(|| Linear::new(&mut params.clone(), "linear", [3, 2], Init::He, &mut rng)), @"a parameter named `linear.weight` exists already, of shape [3, 2]");
    assert_snapshot!(said(|| Mlp::new(&mut params.clone(), "net", &[4], Activation::Tanh, Init::He, &mut rng)), @"a perceptron needs the widths of its input and its output, found [4]");
    assert_snapshot!(said(|| Conv2d::new(&mut params.clone(), "conv2", kernel.groups(2), Init::He, &mut rng)), @"`conv2`: 1 and 2 channels do not split into 2 groups");
    assert_snapshot!(said(|| LocallyConnected2d::new(&mut params.clone(), "local", [2, 4], kernel, Init::He, &mut rng)), @"`local`: Kernel { size: [3, 3], channels: [1, 2], conv: Conv { stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1 }, bias: true } does not fit into images of [2, 4]");
    assert_snapshot!(said(|| TableConv2d::new(&mut params.clone(), "table", &[&[0][..], &[]], kernel, Init::He, &mut rng)), @"`table`: the table lists no image channel for channel 1 of the result");
}

#[test]
fn normal_recurrent_and_looked_up_layers_that_do_not_fit() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(0));
    let p = &mut params;
    let kernel = Kernel::new([3, 3], [4, 2]).stride([2, 2]).pad([2, 2]);
    let up = ConvTranspose2d::new(p, "up", kernel, Init::He, &mut rng);
    let embedding = Embedding::new(p, "embedding", [9, 4], Init::Normal(1.0), &mut rng);
    let rnn = Rnn::new(p, "rnn", [3, 4], &mut rng);
    let cell = RnnCell::new(p, "cell", [3, 4], &mut rng);
    let (batch, layer) = (BatchNorm::new(p, "batch", 3), LayerNorm::new(p, "layer", [2, 3]));
    let training = Training::new(Generator::seed_from_u64(0));
    let train = Mode::Train(&training);
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let words = |words: &[f64]| tape.constant(Tensor::new([words.len()], words.to_vec()));
    assert_snapshot!(said(|| up.forward(&tape, x(&[1, 5, 5, 3]), Mode::Eval)), @"transposed conv, for a batch of shape [1, 5, 5, 3]: kernels [3, 3, 2, 4] take examples of shape [height, width, 4], found [5, 5, 3]");
    assert_snapshot!(said(|| up.forward(&tape, x(&[1, 5, 4]), Mode::Eval)), @"transposed conv, for a batch of shape [1, 5, 4]: kernels [3, 3, 2, 4] take examples of shape [height, width, 4], found [5, 4]");
    assert_snapshot!(said(|| up.forward(&tape, x(&[1, 5, 1, 4]), Mode::Eval)), @"transposed conv, for a batch of shape [1, 5, 1, 4]: axis 1: a padding of 2 leaves nothing of the 3 places");
    assert_snapshot!(said(|| up.forward(&tape, x(&[1, 0, 5, 4]), Mode::Eval)), @"transposed conv, for a batch of shape [1, 0, 5, 4]: axis 0: a padding of 2 leaves nothing of the 0 places");
    assert_snapshot!(said(|| up.output_padding([0, 2])), @"an output padding of [0, 2] is not smaller than the stride, [2, 2]");
    assert_snapshot!(said(|| ConvTranspose2d::new(&mut params.clone(), "up2", kernel.groups(4), Init::He, &mut rng)), @"`up2`: 2 and 4 channels do not split into 4 groups");
    assert_snapshot!(said(|| GlobalAvgPool2d.forward(&tape, x(&[1, 5, 5]), Mode::Eval)), @"global avg pool, for a batch of shape [1, 5, 5]: takes examples of shape [height, width, channels] with a place, found [5, 5]");
    assert_snapshot!(said(|| GlobalMaxPool2d.forward(&tape, x(&[1, 0, 5, 2]), Mode::Eval)), @"global max pool, for a batch of shape [1, 0, 5, 2]: takes examples of shape [height, width, channels] with a place, found [0, 5, 2]");
    assert_snapshot!(said(|| batch.forward(&tape, x(&[5, 2]), Mode::Eval)), @"batch norm, for a batch of shape [5, 2]: a batch norm of 3 channels takes examples with them on the last axis, found shape [2]");
    assert_snapshot!(said(|| batch.forward(&tape, x(&[1, 3]), train)), @"batch norm, for a batch of shape [1, 3]: training takes more than one number a channel");
    assert_snapshot!(said(|| Training::<f64>::new(Generator::seed_from_u64(0)).state(&Params::new(), batch.mean)), @"this id (0) is of a state of another store");
    assert_snapshot!(said(|| layer.forward(&tape, x(&[5, 3, 3]), Mode::Eval)), @"layer norm, for a batch of shape [5, 3, 3]: a layer norm over [2, 3] takes examples whose last axes these are, found shape [3, 3]");
    assert_snapshot!(said(|| layer.forward(&tape, x(&[5, 3]), Mode::Eval)), @"layer norm, for a batch of shape [5, 3]: a layer norm over [2, 3] takes examples whose last axes these are, found shape [3]");
    assert_snapshot!(said(|| LayerNorm::new(&mut params.clone(), "none", [3, 0])), @"`none`: a layer norm over [3, 0] has nothing to normalise");
    assert_snapshot!(said(|| LayerNorm::new(&mut params.clone(), "none", [])), @"`none`: a layer norm over [] has nothing to normalise");
    assert_snapshot!(said(|| Dropout(1.0).forward(&tape, x(&[5, 3]), train)), @"dropout: a probability of 1 is not in 0 ≤ p < 1");
    assert_snapshot!(said(|| embedding.forward(&tape, words(&[0.0, 9.0]), Mode::Eval)), @"embedding([9, 4], [2]): index 9, at place 1, is not in 0..9, the range of the axis");
    assert_snapshot!(said(|| embedding.forward(&tape, words(&[0.0, 0.5]), Mode::Eval)), @"embedding([9, 4], [2]): index 0.5, at place 1, is not in 0..9, the range of the axis");
    assert_snapshot!(said(|| embedding.forward(&tape, x(&[1, 1, 1, 1, 1, 1]), Mode::Eval)), @"embedding, for a batch of shape [1, 1, 1, 1, 1, 1]: a batch of rows for indices [1, 1, 1, 1, 1] would have more than 6 axes");
    assert_snapshot!(said(|| embedding.projection().forward(&tape, x(&[5, 9]), Mode::Eval)), @"projection, for a batch of shape [5, 9]: the projection of an embedding of shape [9, 4] takes examples with 4 numbers along the last axis, found shape [9]");
    assert_snapshot!(said(|| rnn.forward(&tape, x(&[5, 3]), Mode::Eval)), @"rnn, for a batch of shape [5, 3]: takes examples of shape [time, 3] with a time, found [3]");
    assert_snapshot!(said(|| rnn.forward(&tape, x(&[5, 0, 3]), Mode::Eval)), @"rnn, for a batch of shape [5, 0, 3]: takes examples of shape [time, 3] with a time, found [0, 3]");
    assert_snapshot!(said(|| cell.step(&tape, x(&[5, 3]), x(&[5, 3]))), @"matmul([5, 3], [4, 4]): axis 1 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| LastStep.forward(&tape, x(&[5]), Mode::Eval)), @"last, for a batch of shape [5]: takes examples of shape [time, …] with a time, found []");
    // At the caller's line from within a network, too.
    let mut inner = Sequential::new();
    inner.push("norm", batch);
    assert_snapshot!(said(|| inner.forward(&tape, x(&[1, 3]), train)), @"batch norm, for a batch of shape [1, 3]: training takes more than one number a channel");
    // What PyTorch has no counterpart for is refused when its layout is asked for.
    let mut net = Sequential::new();
    net.push("flatten", Flatten);
    net.push("unflatten", Unflatten(Shape::from([4, 2, 1])));
    assert_snapshot!(Layouts::default().add(&net, &params, [2, 2, 2].into()).unwrap_err(), @"layer `unflatten`: flattened maps [2, 2, 2] become [4, 2, 1]: in PyTorch, where channels come first, that is another function");
}

#[test]
fn what_a_training_noted_goes_into_its_own_store_alone() {
    let mut params = Params::<f64>::new();
    let norm = BatchNorm::new(&mut params, "norm", 1);
    let mut training = Training::new(Generator::seed_from_u64(0));
    let tape = Tape::new(&params);
    norm.forward(&tape, tape.constant(Tensor::zeros([2, 1])), Mode::Train(&training));
    assert_snapshot!(said(|| training.commit(&mut Params::new())), @"this id (0) is of a state of another store");
    training.note(norm.mean, Tensor::zeros([2]));
    assert_snapshot!(said(|| training.commit(&mut params)), @"commit(): `norm.running_mean` has shape [1], but the new value has shape [2]");
}

#[test]
fn layers_record_at_the_line_that_calls_them() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(0));
    let (p, kernel, init) = (&mut params, Kernel::new([2, 2], [2, 3]), Init::Uniform);
    let linear = Linear::new(p, "linear", [4, 3], init, &mut rng);
    let mlp = Mlp::new(p, "mlp", &[4, 3, 2], Activation::Sigmoid, init, &mut rng);
    let conv = Conv2d::new(p, "conv", kernel, init, &mut rng);
    let tiled = TiledConv2d::new(p, "tiled", (2, 3), kernel, init, &mut rng);
    let local = LocallyConnected2d::new(p, "local", [6, 6], kernel, init, &mut rng);
    let table = TableConv2d::new(p, "table", &[&[0], &[1, 0], &[1]], kernel, init, &mut rng);
    let subsample = Subsample2d::new(p, "subsample", Window::square(2), 2);
    let lean = Checkpointed::new(linear);
    let up = ConvTranspose2d::new(p, "up", kernel, init, &mut rng);
    let embedding = Embedding::new(p, "embedding", [4, 4], init, &mut rng);
    let (rnn, cell) = (Rnn::new(p, "rnn", [6, 4], &mut rng), RnnCell::new(p, "cell", [4, 4], &mut rng));
    let (batch, layer) = (BatchNorm::new(p, "batch", 4), LayerNorm::new(p, "layer", [4]));
    let training = Training::new(Generator::seed_from_u64(0));
    let train = Mode::Train(&training);
    let tape = Tape::new(&params);
    let row = tape.input(Tensor::zeros([5, 4]));
    let image = tape.input(Tensor::zeros([1, 6, 6, 2]));
    recorded_here(&tape, || linear.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || lean.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || mlp.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || conv.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || tiled.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || local.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || table.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || subsample.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || MaxPool2d(Window::square(2)).forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || AvgPool2d(Window::square(2)).forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || Flatten.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || Unflatten(Shape::from([2, 2])).forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || Activation::Relu.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || up.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || GlobalAvgPool2d.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || GlobalMaxPool2d.forward(&tape, image.clone(), Mode::Eval));
    recorded_here(&tape, || batch.forward(&tape, row.clone(), train));
    recorded_here(&tape, || batch.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || layer.forward(&tape, row.clone(), Mode::Eval));
    recorded_here(&tape, || Dropout(0.5).forward(&tape, row.clone(), train));
    recorded_here(&tape, || embedding.forward(&tape, tape.constant(Tensor::zeros([5])), Mode::Eval));
    recorded_here(&tape, || embedding.projection().forward(&tape, row.clone(), Mode::Eval));
    let times = tape.input(Tensor::zeros([1, 6, 6]));
    recorded_here(&tape, || rnn.forward(&tape, times.clone(), Mode::Eval));
    recorded_here(&tape, || cell.step(&tape, row.clone(), row.clone()));
    recorded_here(&tape, || LastStep.forward(&tape, times.clone(), Mode::Eval));
}
