//! Layers that are handed what does not fit, and where layers record.

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Params, Shape, Tape, Tensor, Window};
use tandem::nn::{
    Activation, AvgPool2d, Checkpointed, Conv2d, Flatten, Init, Kernel, Layer, Linear, LocallyConnected2d, MaxPool2d,
    Mlp, Sequential, Subsample2d, TableConv2d, TiledConv2d, Unflatten,
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
    assert_snapshot!(said(|| linear.forward(&tape, x(&[5, 4]))), @"matmul([5, 4], [3, 2]): axis 1 of the left has length 4, axis 0 of the right has length 3; the product sums over both");
    assert_snapshot!(said(|| mlp.forward(&tape, x(&[5, 3]))), @"matmul([5, 3], [4, 3]): axis 1 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| conv.forward(&tape, x(&[1, 2, 2, 1]))), @"conv([1, 2, 2, 1], [3, 3, 1, 2]): axis 1: a kernel of 3 with dilation 1 does not fit in 2 places and padding 0");
    assert_snapshot!(said(|| MaxPool2d(Window::square(3)).forward(&tape, x(&[1, 2, 2, 1]))), @"max_pool([1, 2, 2, 1]): axis 1: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| AvgPool2d(Window::square(3)).forward(&tape, x(&[1, 2, 2, 1]))), @"avg_pool([1, 2, 2, 1]): axis 1: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| subsample.forward(&tape, x(&[1, 4, 4, 1]))), @"a subsampling layer of 6 channels takes examples of shape [height, width, 6], found [4, 4, 1]");
    assert_snapshot!(said(|| Flatten.forward(&tape, x(&[]))), @"flatten: a number has no axis to keep");
    assert_snapshot!(said(|| Unflatten(Shape::from([5])).forward(&tape, x(&[2, 3]))), @"reshape([2, 3]): [2, 3] holds 6 numbers, [2, 5] holds 10");
    assert_snapshot!(said(|| Unflatten(Shape::from([5])).forward(&tape, x(&[]))), @"unflatten: a number has no axis for a batch");
    assert_snapshot!(said(|| net.forward(&tape, x(&[5, 2, 2]))), @"layer `logits`, for a batch of shape [5, 4]: a linear layer of shape [3, 2] takes examples with 3 numbers along the last axis, found shape [4]");
    assert_snapshot!(said(|| net.forward(&tape, x(&[]))), @"a number has no axis for a batch");
    assert_snapshot!(said(|| lean.forward(&tape, x(&[5, 4]))), @"a checkpointed layer, for a batch of shape [5, 4]: a linear layer of shape [3, 2] takes examples with 3 numbers along the last axis, found shape [4]");
    assert_snapshot!(said(|| Linear::new(&mut params.clone(), "linear", [3, 2], Init::He, &mut rng)), @"a parameter named `linear.weight` exists already, of shape [3, 2]");
    assert_snapshot!(said(|| Mlp::new(&mut params.clone(), "net", &[4], Activation::Tanh, Init::He, &mut rng)), @"a perceptron needs the widths of its input and its output, found [4]");
    assert_snapshot!(said(|| Conv2d::new(&mut params.clone(), "conv2", kernel.groups(2), Init::He, &mut rng)), @"`conv2`: 1 and 2 channels do not split into 2 groups");
    assert_snapshot!(said(|| LocallyConnected2d::new(&mut params.clone(), "local", [2, 4], kernel, Init::He, &mut rng)), @"`local`: Kernel { size: [3, 3], channels: [1, 2], conv: Conv { stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1 }, bias: true } does not fit into images of [2, 4]");
    assert_snapshot!(said(|| TableConv2d::new(&mut params.clone(), "table", &[&[0][..], &[]], kernel, Init::He, &mut rng)), @"`table`: the table lists no image channel for channel 1 of the result");
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
    let tape = Tape::new(&params);
    let row = tape.input(Tensor::zeros([5, 4]));
    let image = tape.input(Tensor::zeros([1, 6, 6, 2]));
    recorded_here(&tape, || linear.forward(&tape, row.clone()));
    recorded_here(&tape, || lean.forward(&tape, row.clone()));
    recorded_here(&tape, || mlp.forward(&tape, row.clone()));
    recorded_here(&tape, || conv.forward(&tape, image.clone()));
    recorded_here(&tape, || tiled.forward(&tape, image.clone()));
    recorded_here(&tape, || local.forward(&tape, image.clone()));
    recorded_here(&tape, || table.forward(&tape, image.clone()));
    recorded_here(&tape, || subsample.forward(&tape, image.clone()));
    recorded_here(&tape, || MaxPool2d(Window::square(2)).forward(&tape, image.clone()));
    recorded_here(&tape, || AvgPool2d(Window::square(2)).forward(&tape, image.clone()));
    recorded_here(&tape, || Flatten.forward(&tape, image.clone()));
    recorded_here(&tape, || Unflatten(Shape::from([2, 2])).forward(&tape, row.clone()));
    recorded_here(&tape, || Activation::Relu.forward(&tape, row.clone()));
}
