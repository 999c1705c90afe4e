//! Gradients of gradients, through whole models.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{
    Conv, Footprint, Gradients, ParamId, Params, Shape, Tape, Tensor, Var, Window, check_gradients, dry_run,
};
use tandem::nn::{
    Activation, AvgPool2d, Conv2d, Flatten, Init, Kernel, Layer, Linear, LocallyConnected2d, MaxPool2d, Mode,
    Optimizer, Sequential, Sgd, TiledConv2d,
};

/// Numbers of size 1 without a pattern.
fn numbers(seed: u64, shape: impl Into<Shape>) -> Tensor<f64> {
    Init::LeCun.draw(shape, 1, 1, &mut StdRng::seed_from_u64(seed))
}

/// ⟨x, y⟩ of tensors.
fn dot(x: &Tensor<f64>, y: &Tensor<f64>) -> f64 {
    x.data().iter().zip(y.data()).map(|(x, y)| x * y).sum()
}

/// One use of every kind of sharing: shared, tiled and unshared kernels, both poolings, a linear layer. Inputs:
/// the images, then kernel and bias of each layer.
fn network<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let [image, k1, b1, k2, k3, b3, w, b] = x else { unreachable!("the net has eight inputs") };
    let conv = Conv::default();
    let z = (image.clone().conv(k1.clone(), conv) + b1).relu().max_pool(Window::square(2));
    let z = z.conv(k2.clone(), conv).tanh().avg_pool(Window { stride: [1; 2], ..Window::square(2) });
    let z = z.conv(k3.clone(), conv) + b3;
    let labels = image.constant(Tensor::new([2], vec![2.0, 0.0]));
    (z.flatten().matmul(w.clone()) + b).cross_entropy(labels)
}

/// Its inputs, at which no kink lies within reach of the differences: images of 10 × 10, results of 8 × 8, pooled to 4 × 4, tiled to 3 × 3, pooled to 2 × 2, unshared to
/// 1 × 2 of two channels.
fn inputs() -> [Tensor<f64>; 8] {
    let shapes: [&[usize]; 8] =
        [&[2, 10, 10, 1], &[3, 3, 1, 2], &[2], &[2, 3, 2, 2, 2, 2], &[1, 2, 2, 1, 2, 2], &[1, 2, 2], &[4, 3], &[3]];
    let mut seed = 0;
    shapes.map(|shape| {
        seed += 1;
        numbers(seed, shape)
    })
}

#[test]
fn a_convolutional_network_is_right_to_second_order() {
    check_gradients(1, &inputs(), network).unwrap();
}

#[test]
fn a_normalised_perceptron_is_right_to_second_order() {
    let inputs = [numbers(1, [3, 4]), numbers(2, [4, 5]), numbers(3, [5]), numbers(4, [5, 5]), numbers(5, [5, 2])];
    check_gradients(2, &inputs, |x| {
        let z = x[0].clone().matmul(x[1].clone()).gelu();
        let centred = &z - z.clone().mean_axes(&[1]);
        let z = centred / (z.variance_axes(&[1]) + 0.1).sqrt() * &x[2];
        z.matmul(x[3].clone()).silu().matmul(x[4].clone()).softplus()
    })
    .unwrap();
}

/// The gradient of the network's loss at these inputs, and the Hessian times `v`: of all inputs together.
fn gradient_and_product(at: &[Tensor<f64>], v: &[Tensor<f64>]) -> [Vec<Tensor<f64>>; 2] {
    let params = Params::new();
    let tape = Tape::new(&params);
    let x: Vec<_> = at.iter().map(|x| tape.input(x.clone())).collect();
    let (loss, inputs) = (network(&x), x.iter().collect::<Vec<_>>());
    let gradient = tape.grad_with(&[(&loss, &tape.constant(1.0))], &inputs);
    let v: Vec<_> = v.iter().map(|v| tape.constant(v.clone())).collect();
    let outputs: Vec<_> = gradient.iter().zip(&v).collect();
    let product = tape.grad_with(&outputs, &inputs);
    [gradient, product].map(|found| found.into_iter().map(Var::into_value).collect())
}

/// Σ ⟨xᵢ, yᵢ⟩.
fn dots(x: &[Tensor<f64>], y: &[Tensor<f64>]) -> f64 {
    x.iter().zip(y).map(|(x, y)| dot(x, y)).sum()
}

/// x + t · y of lists of tensors.
fn moved(x: &[Tensor<f64>], t: f64, y: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
    let pairs = x.iter().zip(y).map(|(x, y)| (x.shape(), x.data().iter().zip(y.data())));
    pairs.map(|(shape, pairs)| Tensor::new(shape, pairs.map(|(x, y)| x + t * y).collect())).collect()
}

#[test]
fn hessian_vector_products_are_linear_symmetric_and_what_differences_say() {
    let at = inputs();
    let [u, v] = [20, 30].map(|seed| at.each_ref().map(|x| numbers(seed + x.len() as u64, x.shape())));
    let product = |v: &[Tensor<f64>]| gradient_and_product(&at, v)[1].clone();
    let (hu, hv) = (product(&u), product(&v));
    // Directions as long as these make numbers of size 1.
    let size = dots(&hu, &hu).sqrt().max(dots(&hv, &hv).sqrt());
    assert!(size > 0.1, "there is curvature: {size}");
    let close = |x: f64, y: f64, tolerance: f64| assert!((x - y).abs() < tolerance * size, "{x} {y}, of {size}");

    close(dots(&u, &hv), dots(&v, &hu), 1e-12);
    let both = product(&moved(&u, -3.0, &v));
    let apart = moved(&both, -1.0, &moved(&hu, -3.0, &hv));
    close(dots(&apart, &apart).sqrt(), 0.0, 1e-13);

    const H: f64 = 1e-4;
    let gradient = |t: f64| gradient_and_product(&moved(&at, t, &v), &v)[0].clone();
    let differences = moved(&gradient(H), -1.0, &gradient(-H));
    let apart = moved(&differences, -2.0 * H, &hv);
    close(dots(&apart, &apart).sqrt() / (2.0 * H), 0.0, 1e-6);
}

/// A network of layers like the one above.
fn layers(params: &mut Params<f64>) -> Sequential<f64> {
    let (mut rng, init) = (StdRng::seed_from_u64(7), Init::Uniform);
    let mut net = Sequential::new();
    net.push("conv", Conv2d::new(params, "conv", Kernel::new([3, 3], [1, 2]), init, &mut rng));
    net.push("tanh", Activation::Tanh);
    net.push("max", MaxPool2d(Window::square(2)));
    net.push("tiled", TiledConv2d::new(params, "tiled", (2, 3), Kernel::new([2, 2], [2, 2]), init, &mut rng));
    net.push("sigmoid", Activation::Sigmoid);
    net.push("mean", AvgPool2d(Window { stride: [1; 2], ..Window::square(2) }));
    let kernel = Kernel::new([2, 1], [2, 2]);
    net.push("local", LocallyConnected2d::new(params, "local", [2, 2], kernel, init, &mut rng));
    net.push("flatten", Flatten);
    net.push("logits", Linear::new(params, "logits", [4, 3], init, &mut rng));
    net
}

/// The loss of a network, and ‖∂loss/∂x‖² added to it (Drucker and Le Cun 1991, "Double backpropagation").
fn penalised<'t>(net: &Sequential<f64>, tape: &'t Tape<'_, f64>) -> Var<'t, f64> {
    let x = tape.input(numbers(8, [3, 10, 10, 1]));
    let labels = tape.constant(Tensor::new([3], vec![2.0, 0.0, 1.0]));
    let loss = net.forward(tape, x.clone(), Mode::Eval).cross_entropy(labels);
    let [slope] = tape.grad(&loss, [&x]);
    loss + slope.square().sum() * 50.0
}

#[test]
fn a_gradient_penalty_trains_and_every_parameter_has_the_gradient_that_differences_say() {
    for checkpointed in [false, true] {
        let mut params = Params::new();
        let net = layers(&mut params);
        let net = if checkpointed { net.checkpointed() } else { net };
        let ids: Vec<ParamId> = params.names().map(|(id, _)| id).collect();
        let (mut sgd, mut losses) = (Sgd::new(0.1), Vec::new());
        for _ in 0..4 {
            let tape = Tape::new(&params);
            let loss = penalised(&net, &tape);
            losses.push(loss.item());
            let gradients = loss.backward();
            for &id in &ids {
                check_along(&params, &net, &gradients, id);
            }
            sgd.step(&mut params, &gradients);
        }
        assert!(losses.is_sorted_by(|before, after| before > after), "{losses:?}");
    }
}

/// Holds the gradient of the penalised loss, along a random direction of one parameter, against differences.
fn check_along(params: &Params<f64>, net: &Sequential<f64>, gradients: &Gradients<f64>, id: ParamId) {
    const H: f64 = 1e-5;
    let direction = numbers(40, params.get(id).shape());
    let at = |t: f64| {
        let mut params = params.clone();
        params.update(params.slot(id), |w| w.iter_mut().zip(direction.data()).for_each(|(w, d)| *w += t * d));
        penalised(net, &Tape::new(&params)).item()
    };
    let numeric = (8.0 * (at(H) - at(-H)) - (at(2.0 * H) - at(-2.0 * H))) / (12.0 * H);
    let computed = dot(gradients.of(params, id).unwrap(), &direction);
    let (name, error) = (params.name(id), (computed - numeric).abs());
    assert!(error < 1e-7 * (1.0 + numeric.abs()), "{name}: {computed:e}, but {numeric:e} from differences");
}

/// Two convolutions without biases, and a network of both.
fn two_convolutions(params: &mut Params<f32>, checkpointed: bool) -> ([ParamId; 2], Sequential<f32>) {
    let mut rng = StdRng::seed_from_u64(9);
    let [first, second] = [("first", 1), ("second", 4)]
        .map(|(path, c)| Conv2d::new(params, path, Kernel::new([3, 3], [c, 4]).without_bias(), Init::He, &mut rng));
    let mut net = Sequential::new();
    net.push("first", first);
    net.push("tanh", Activation::Tanh);
    net.push("second", second);
    ([first.weight, second.weight], if checkpointed { net.checkpointed() } else { net })
}

/// The gradients of convolutions that are computed for the parameters that are not frozen.
fn work(frozen: bool, checkpointed: bool) -> [usize; 2] {
    let mut params = Params::new();
    let ([first, second], net) = two_convolutions(&mut params, checkpointed);
    params.set_trainable(first, !frozen);
    let tape = Tape::new(&params);
    let loss = net.forward(&tape, tape.constant(Tensor::zeros([2, 9, 9, 1])), Mode::Eval).square().sum();
    let leaves: Vec<_> = [first, second].map(|id| tape.param(id)).into_iter().filter(Var::is_recorded).collect();
    tape.grad_with(&[(&loss, &tape.constant(1.0))], &leaves.iter().collect::<Vec<_>>());
    let recorded = tape.recorded();
    ["ConvKernel", "ConvInput"].map(|op| recorded.iter().filter(|&&found| found == op).count())
}

/// What a step without an optimizer takes, once the first one has been.
fn bytes(frozen: bool, checkpointed: bool) -> Footprint {
    dry_run::<f32, _>(|probe| {
        let mut params = Params::new();
        let ([first, second], net) = two_convolutions(&mut params, checkpointed);
        params.set_trainable(first, !frozen);
        let step = || {
            let tape = Tape::new(&params);
            let gradients =
                net.forward(&tape, tape.constant(Tensor::zeros([2, 9, 9, 1])), Mode::Eval).square().sum().backward();
            assert_eq!([first, second].map(|id| gradients.of(&params, id).is_some()), [!frozen, true]);
        };
        step();
        probe.forget_peak();
        step();
        probe.footprint(0)
    })
}

#[test]
fn no_work_is_done_for_a_frozen_parameter() {
    for checkpointed in [false, true] {
        // No gradient of the first kernel, and so none of what the second layer is handed.
        assert_eq!([false, true].map(|frozen| work(frozen, checkpointed)), [[2, 1], [1, 0]], "{checkpointed}");
        let [all, some] = [false, true].map(|frozen| bytes(frozen, checkpointed));
        let kernels = [9 * 4, 9 * 4 * 4].map(|numbers| numbers * size_of::<f32>());
        assert_eq!([all.gradients, some.gradients], [kernels[0] + kernels[1], kernels[1]], "{checkpointed}");
        assert!(some.total() < all.total() - kernels[0], "{checkpointed}: {some:?} {all:?}");
    }
}

#[test]
fn a_hundred_thousand_uses_take_one_gradient() {
    let footprint = dry_run::<f32, _>(|probe| {
        let mut params = Params::<f32>::new();
        let w = params.add("w", Tensor::zeros([7]));
        let step = || {
            let tape = Tape::new(&params);
            let sum = (0..100_000).fold(tape.constant(Tensor::zeros([7])), |sum, _| sum + tape.param(w).square());
            drop(sum.sum().backward());
        };
        step();
        probe.forget_peak();
        step();
        probe.footprint(0)
    });
    assert_eq!([footprint.parameters, footprint.gradients], [7 * size_of::<f32>(); 2]);
}
