//! What a programmer's mistake says, and that it says so at the programmer's line.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Conv, Params, Shape, Tape, Tensor, Var, Window};
use tandem::nn::{
    Activation, Adam, AvgPool2d, Conv2d, Flatten, Init, Kernel, Layer, Linear, LocallyConnected2d, MaxPool2d, Mlp,
    Optimizer, Sequential, Sgd, TableConv2d, Unflatten,
};

/// The message of a panic, and the file and line that it names.
type Said = (String, (String, u32));

thread_local! {
    /// `None` while nobody on this thread waits for a panic.
    static HEARD: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Runs what must panic.
fn panic_of<R>(mistake: impl FnOnce() -> R) -> Said {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            let waits = HEARD.with_borrow(Option::is_some);
            let (Some(message), Some(at), true) = (info.payload_as_str(), info.location(), waits) else {
                return usual(info);
            };
            HEARD.set(Some((message.into(), (at.file().into(), at.line()))));
        }));
    });
    HEARD.set(Some(<_>::default()));
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(mistake())));
    let said = HEARD.take().expect("set above");
    assert!(outcome.is_err(), "this was no mistake");
    said
}

/// The message of a mistake.
fn said<R>(mistake: impl FnOnce() -> R) -> String {
    panic_of(mistake).0
}

/// Zeros on this tape, recorded.
fn zeros<'t, const N: usize>(tape: &'t Tape<'_, f64>, shape: [usize; N]) -> Var<'t, f64> {
    tape.input(Tensor::zeros(shape))
}

#[test]
fn shapes_that_do_not_fit() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[2, 3]) + x(&[2, 4])), @"add([2, 3], [2, 4]): axis 1 has lengths 3 and 4, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]) * x(&[2])), @"mul([2, 3], [2]): axis 1 has lengths 3 and 2, which do not broadcast (aligned at the end)");
    assert_snapshot!(said(|| x(&[2, 3]).matmul(x(&[4, 5]))), @"matmul([2, 3], [4, 5]): axis 1 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| x(&[7, 2, 3]).matmul(x(&[6, 3, 5]))), @"matmul([7, 2, 3], [6, 3, 5]): axis 0 of the batch has lengths 7 and 6");
    assert_snapshot!(said(|| x(&[7, 2, 3]).matmul(x(&[4, 5]))), @"matmul([7, 2, 3], [4, 5]): axis 2 of the left has length 3, axis 0 of the right has length 4; the product sums over both");
    assert_snapshot!(said(|| x(&[3]).matmul(x(&[3, 5]))), @"matmul([3], [3, 5]): both need the same number of axes, at least 2, found 1 and 2");
    assert_snapshot!(said(|| x(&[2, 3]).reshape([4, 2])), @"reshape([2, 3]): [2, 3] holds 6 numbers, [4, 2] holds 8");
    assert_snapshot!(said(|| x(&[2, 3]).sum_to([2, 2])), @"sum_to([2, 3]): [2, 2] does not broadcast to [2, 3], so it cannot be summed back");
    assert_snapshot!(said(|| x(&[2, 3]).broadcast_to([3, 2])), @"broadcast_to([2, 3]): [2, 3] does not broadcast to [3, 2]");
    assert_snapshot!(said(|| Var::concat(1, [x(&[2, 3]), x(&[3, 3])])), @"concat([2, 3], [3, 3]): [3, 3] and [2, 3] differ in an axis other than 1");
    assert_snapshot!(said(|| Var::<f64>::concat(0, [])), @"concat: no operands");
}

#[test]
fn images_and_kernels_that_do_not_fit() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let plain = Conv::default();
    let conv = |image: &[usize], kernel: &[usize], conv: Conv| {
        said(|| tape.input(Tensor::zeros(image)).conv(tape.input(Tensor::zeros(kernel)), conv))
    };
    assert_snapshot!(conv(&[8, 8, 3], &[3, 3, 3, 4], plain), @"conv([8, 8, 3], [3, 3, 3, 4]): images have shape [n, height, width, channels], found [8, 8, 3]");
    assert_snapshot!(conv(&[1, 8, 8, 3], &[3, 3, 4], plain), @"conv([1, 8, 8, 3], [3, 3, 4]): kernels have shape [kh, kw, c/groups, o], or six axes with the tile in front, found [3, 3, 4]");
    assert_snapshot!(conv(&[1, 8, 8, 3], &[3, 3, 1, 4], plain), @"conv([1, 8, 8, 3], [3, 3, 1, 4]): axis 3 of the images has 3 channels; axis 2 of the kernels has 1, which in 1 groups makes 1");
    assert_snapshot!(conv(&[1, 8, 8, 4], &[3, 3, 2, 5], Conv { groups: 2, ..plain }), @"conv([1, 8, 8, 4], [3, 3, 2, 5]): axis 3 of the kernels has 5 channels, which do not split into 2 groups");
    assert_snapshot!(conv(&[1, 8, 4, 1], &[3, 3, 1, 4], Conv { dilation: [1, 2], ..plain }), @"conv([1, 8, 4, 1], [3, 3, 1, 4]): axis 2: a kernel of 3 with dilation 2 does not fit in 4 places and padding 0");
    assert_snapshot!(conv(&[1, 8, 8, 1], &[7, 1, 3, 3, 1, 4], plain), @"conv([1, 8, 8, 1], [7, 1, 3, 3, 1, 4]): axis 0 of the kernels: a tile of 7 for 6 positions; the surplus would never be used");
    let window = Window::square(3);
    assert_snapshot!(said(|| zeros(&tape, [1, 4, 2, 1]).max_pool(window)), @"max_pool([1, 4, 2, 1]): axis 2: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| zeros(&tape, [4, 2]).avg_pool(window)), @"sum_pool([4, 2]): pooling takes images of shape [n, height, width, channels], found [4, 2]");
    assert_snapshot!(said(|| zeros(&tape, [1, 4, 4, 1]).max_pool(Window { pad: [2, 0], ..window })), @"max_pool([1, 4, 4, 1]): a window of size 3, stride 3 and padding 2: size and stride are at least 1, padding is at most half the size");
}

#[test]
fn layers_that_do_not_fit() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(0));
    let linear = Linear::new(&mut params, "linear", [3, 2], Init::He, &mut rng);
    let mut net = Sequential::new();
    net.push("flatten", Flatten);
    net.push("logits", linear);
    let tape = Tape::new(&params);
    assert_snapshot!(said(|| linear.forward(&tape, zeros(&tape, [5, 4]))), @"matmul([5, 4], [3, 2]): axis 1 of the left has length 4, axis 0 of the right has length 3; the product sums over both");
    assert_snapshot!(said(|| net.forward(&tape, zeros(&tape, [5, 2, 2]))), @"layer `logits`, for a batch of shape [5, 4]: a linear layer of shape [3, 2] takes examples with 3 numbers along the last axis, found shape [4]");
    assert_snapshot!(said(|| net.forward(&tape, zeros(&tape, []))), @"a number has no axis for a batch");
    let kernel = Kernel::new([3, 3], [1, 2]);
    assert_snapshot!(said(|| Conv2d::new(&mut params, "conv", kernel.groups(2), Init::He, &mut rng)), @"`conv`: 1 and 2 channels do not split into 2 groups");
    assert_snapshot!(said(|| LocallyConnected2d::new(&mut params, "local", [2, 4], kernel, Init::He, &mut rng)), @"`local`: Kernel { size: [3, 3], channels: [1, 2], conv: Conv { stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1 }, bias: true } does not fit into images of [2, 4]");
}

#[test]
fn axes_and_indices_out_of_range() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let labels = |labels: &[f64]| tape.constant(Tensor::new([labels.len()], labels.to_vec()));
    assert_snapshot!(said(|| x(&[2, 3]).sum_axes(&[2])), @"sum_axes([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).slice(2, 0, 1)), @"slice([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).slice(1, 2, 2)), @"slice([2, 3]): places 2..4 of axis 1, which has 3");
    assert_snapshot!(said(|| x(&[2, 3]).pad(2, 0, 1)), @"pad([2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).permute(&[0, 0])), @"permute([2, 3]): the order [0, 0] is not a permutation of 2 axes");
    assert_snapshot!(said(|| x(&[3]).transpose()), @"transpose: needs two axes, found shape [3]");
    assert_snapshot!(said(|| Var::concat(2, [x(&[2, 3]), x(&[2, 3])])), @"concat([2, 3], [2, 3]): axis 2 is out of range for 2 axes");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(labels(&[0.0, 3.0]))), @"cross_entropy([2, 3], [2]): index 3, at place 1, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(labels(&[0.5, 1.0]))), @"cross_entropy([2, 3], [2]): index 0.5, at place 0, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| x(&[2, 3]).cross_entropy(labels(&[0.0]))), @"cross_entropy([2, 3], [1]): an index of shape [1] does not pick from the last axis of [2, 3]");
    assert_snapshot!(said(|| x(&[2, 3]).pick(labels(&[0.0, -1.0]))), @"pick([2, 3], [2]): index -1, at place 1, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| x(&[]).log_sum_exp(&[0])), @"log_sum_exp([]): axis 0 is out of range for 0 axes");
}

#[test]
fn strangers() {
    let (mut params, mut other) = (Params::<f64>::new(), Params::<f64>::new());
    let w = params.add("w", Tensor::zeros([2]));
    let stranger = other.add("w", Tensor::zeros([2]));
    // Of the same place in a clone, but given out after it was made.
    let mut clone = params.clone();
    let later = params.add("later", Tensor::zeros([2]));
    clone.add("later", Tensor::zeros([2]));
    let (tape, second) = (Tape::new(&params), Tape::new(&params));
    assert_snapshot!(said(|| tape.param(w) + second.param(w)), @"add: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| Var::concat(0, [tape.param(w), second.param(w)])), @"concat: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| tape.grad(&second.param(w).sum(), [&tape.param(w)])), @"grad(): output 0 is a variable of another tape");
    assert_snapshot!(said(|| tape.grad(&tape.param(w).sum(), [&second.param(w)])), @"grad(): input 0 is a variable of another tape");
    assert_snapshot!(said(|| tape.grad(&tape.param(w).sum(), [&tape.constant(1.0)])), @"grad(): input 0 is a constant; make it with Tape::input or Tape::param");
    assert_snapshot!(said(|| tape.param(stranger)), @"this id (0) is of another store: it was not given out by this one or the one it was cloned from");
    assert_snapshot!(said(|| clone.get(later).len()), @"this id (1) is of another store: it was not given out by this one or the one it was cloned from");
    let (gone, mut params) = (params.slot(later), params.clone());
    params.tie(later, w).unwrap();
    assert_snapshot!(said(|| params.value(gone).len()), @"slot 1 is gone, its names were tied to another slot, or it is of another store");
    assert_snapshot!(said(|| params.add("w", Tensor::zeros([3]))), @"a parameter named `w` exists already, of shape [2]");
}

#[test]
fn sweeps_that_cannot_be() {
    let mut params = Params::<f64>::new();
    let (w, v) = (params.add("w", Tensor::zeros([2])), params.add("v", Tensor::zeros([2])));
    let tape = Tape::new(&params);
    assert_snapshot!(said(|| tape.param(w).backward()), @"backward() starts from a single number, found shape [2]: sum it, or give a seed with backward_with()");
    assert_snapshot!(said(|| tape.param(w).backward_with(Tensor::zeros([3]))), @"backward_with(): a seed of shape [3] for a variable of shape [2]");
    let loss = tape.param(w).sum();
    loss.clone().backward();
    assert_snapshot!(said(|| loss.clone().backward()), @"backward(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| loss.clone() * 2.0), @"scale: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.param(v)), @"param: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.param(w)), @"param: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.input(1.0)), @"input: this tape is spent: a backward sweep freed what it had kept; start a new tape");
    assert_snapshot!(said(|| tape.grad(&loss, [&loss])), @"grad(): this tape is spent: a backward sweep freed what it had kept; start a new tape");
    let gradients = Tape::new(&params).param(w).sum().backward();
    assert_snapshot!(said(|| Sgd::new(0.1).step(&mut params.clone(), &gradients)), @r#"step(): ["v"], of shape [2], has no gradient: the loss does not depend on it; freeze it with set_trainable"#);
}

/// Runs what must panic; the location that the panic names must be that of this call.
#[track_caller]
fn here<R>(mistake: impl FnOnce() -> R) {
    let (message, (file, line)) = panic_of(mistake);
    let expected = Location::caller();
    assert_eq!((&*file, line), (expected.file(), expected.line()), "where `{message}` was said");
}

#[test]
#[rustfmt::skip] // Each mistake on the line of its `here`.
fn panics_point_at_the_caller() {
    let (mut params, mut other, mut rng) = (Params::<f64>::new(), Params::<f64>::new(), StdRng::seed_from_u64(0));
    let stranger = other.add("stranger", Tensor::zeros([2]));
    let w = params.add("w", Tensor::zeros([2]));
    let linear = Linear::new(&mut params, "linear", [3, 2], Init::He, &mut rng);
    let conv = Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 2]), Init::He, &mut rng);
    let mlp = Mlp::new(&mut params, "mlp", &[4, 3, 2], Activation::Tanh, Init::He, &mut rng);
    let mut net = Sequential::new();
    net.push("flatten", Flatten);
    net.push("linear", linear);
    let window = Window::square(3);

    let tape = Tape::new(&params);
    let (a, b) = (zeros(&tape, [2, 3]), zeros(&tape, [2, 4]));
    let image = zeros(&tape, [1, 2, 2, 1]);
    let labels = tape.constant(Tensor::new([2], vec![0.0, 3.0]));

    // Operators.
    here(|| &a + &b);
    here(|| a.clone() - &b);
    here(|| &a * b.clone());
    here(|| a.clone() / b.clone());
    // Methods.
    here(|| a.clone().matmul(b.clone()));
    here(|| a.clone().reshape([7]));
    here(|| a.clone().sum_axes(&[2]));
    here(|| a.clone().slice(2, 0, 1));
    here(|| a.clone().permute(&[0]));
    here(|| a.clone().sum().transpose());
    here(|| image.clone().max_pool(window));
    here(|| image.clone().avg_pool(window));
    here(|| image.clone().conv(a.clone(), Conv::default()));
    here(|| a.clone().cross_entropy(labels.clone()));
    here(|| a.clone().pick(labels.clone()));
    here(|| a.item());
    here(|| Var::concat(0, [a.clone(), b.clone()]));
    here(|| Var::<f64>::concat(0, []));
    here(|| a.clone().backward());
    here(|| tape.param(stranger));
    here(|| tape.grad(&a, [&tape.constant(1.0)]));
    // Tensors and stores.
    here(|| Tensor::new([2], vec![1.0]));
    here(|| Tensor::new([2], vec![1.0; 2]).reshape([3]));
    here(|| Shape::from([usize::MAX]));
    here(|| Shape::from([1; 7]));
    here(|| Shape::from([1])[1]);
    here(|| params.get(stranger).len());
    here(|| params.clone().add("w", Tensor::zeros([2])));
    here(|| params.clone().tie(w, stranger));
    // Layers.
    here(|| linear.forward(&tape, b.clone()));
    here(|| conv.forward(&tape, image.clone()));
    here(|| mlp.forward(&tape, a.clone()));
    here(|| MaxPool2d(window).forward(&tape, image.clone()));
    here(|| AvgPool2d(window).forward(&tape, image.clone()));
    here(|| Flatten.forward(&tape, a.clone().sum()));
    here(|| Unflatten(Shape::from([5])).forward(&tape, a.clone()));
    here(|| net.forward(&tape, b.clone()));
    here(|| Linear::new(&mut params.clone(), "linear", [3, 2], Init::He, &mut rng));
    here(|| LocallyConnected2d::new(&mut params.clone(), "local", [2, 2], Kernel::new([3, 3], [1, 2]), Init::He, &mut rng));
    here(|| TableConv2d::new(&mut params.clone(), "table", &[&[0][..], &[]], Kernel::new([3, 3], [1, 2]), Init::He, &mut rng));
    // Optimizers.
    let gradients = Tape::new(&params).param(w).sum().backward();
    here(|| Sgd::new(0.1).step(&mut params.clone(), &gradients));
    here(|| Sgd::new(0.1).momentum(0.9).step(&mut params.clone(), &gradients));
    here(|| Adam::new(0.1).step(&mut params.clone(), &gradients));
}
