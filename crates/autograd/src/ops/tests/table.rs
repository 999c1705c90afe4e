//! The table: for every op and composite the shapes and forms in which it is checked. Cases that PyTorch
//! has too are named as in the fixture.

use super::*;

pub(super) type V<'t> = Var<'t, f64>;

/// A function of inputs, which are differentiated, and of constants.
type Function = Box<dyn for<'t> Fn(&[V<'t>], &[V<'t>]) -> V<'t>>;

pub(super) struct Case {
    pub(super) name: String,
    pub(super) shapes: Vec<Shape>,
    /// Where the numbers of the inputs lie.
    pub(super) range: std::ops::Range<f64>,
    pub(super) constants: Vec<Tensor<f64>>,
    pub(super) f: Function,
}

impl Case {
    /// The function of these inputs; `constant` puts the constants on their tape.
    pub(super) fn apply<'t>(&self, x: &[V<'t>], constant: &dyn Fn(Tensor<f64>) -> V<'t>) -> V<'t> {
        (self.f)(x, &self.constants.iter().cloned().map(constant).collect::<Vec<_>>())
    }
}

fn case<const N: usize>(name: &str, shapes: [&[usize]; N], f: impl for<'t> Fn(&[V<'t>]) -> V<'t> + 'static) -> Case {
    with(name, shapes, (&[0], &[]), move |x, _| f(x))
}

/// A case whose inputs must be positive.
fn positive<const N: usize>(name: &str, s: [&[usize]; N], f: impl for<'t> Fn(&[V<'t>]) -> V<'t> + 'static) -> Case {
    Case { range: 0.5..2.0, ..case(name, s, f) }
}

/// A case with a constant of this shape and these numbers.
fn with<const N: usize>(
    name: &str,
    shapes: [&[usize]; N],
    (shape, numbers): (&[usize], &[f64]),
    f: impl for<'t> Fn(&[V<'t>], &V<'t>) -> V<'t> + 'static,
) -> Case {
    let constants = vec![Tensor::new(shape, numbers.to_vec())];
    let f: Function = Box::new(move |x, c| f(x, &c[0]));
    Case { name: name.into(), shapes: shapes.map(Shape::new).to_vec(), range: -2.0..2.0, constants, f }
}

pub(super) fn op<'t, const N: usize>(op: impl Stored<f64>, x: [&V<'t>; N]) -> V<'t> {
    Var::apply(op, x.map(Clone::clone))
}

/// A function of one variable at these shapes, by name.
macro_rules! unary {
    ($cases:ident, $make:ident, $($name:literal $shape:expr => |$x:ident| $f:expr;)*) => {
        $($cases.push($make($name, [&$shape], |x| { let $x = x[0].clone(); $f }));)*
    };
}

fn arithmetic(cases: &mut Vec<Case>) {
    let forms: [(&str, [&[usize]; 2]); 8] = [
        ("same", [&[2, 3], &[2, 3]]),
        ("row", [&[2, 3], &[3]]),
        ("outer", [&[1, 3], &[2, 1]]),
        ("scalar", [&[2, 3], &[]]),
        ("numbers", [&[], &[]]),
        ("middle", [&[2, 3, 2], &[3, 1]]),
        ("ones", [&[1], &[1, 1]]),
        ("empty", [&[0, 3], &[3]]),
    ];
    for (form, shapes) in forms {
        let named = |name: &str| format!("{name}/{form}");
        cases.extend([
            case(&named("add"), shapes, |x| &x[0] + &x[1]),
            case(&named("sub"), shapes, |x| &x[0] - &x[1]),
            case(&named("mul"), shapes, |x| &x[0] * &x[1]),
            positive(&named("div"), shapes, |x| &x[0] / &x[1]),
            case(&named("maximum"), shapes, |x| x[0].clone().maximum(&x[1])),
            case(&named("minimum"), shapes, |x| x[0].clone().minimum(&x[1])),
            case(&named("exp_sub"), shapes, |x| op(ExpSub, [&x[0], &x[1]])),
        ]);
    }
    unary!(cases, case,
        "neg" [2, 3] => |x| -x;
        "scale_shift" [2, 3] => |x| (2.5 - x) * 3.0;
        "quotient_of_number" [2, 3] => |x| x / 3.0;
        "maximum_number" [2, 5] => |x| x.maximum(0.2);
        "minimum_number" [2, 5] => |x| x.minimum(0.2);
    );
    const MASK: (&[usize], &[f64]) = (&[2, 3], &[1., 0., 1., 0., 0., 1.]);
    cases.push(with("where/same", [&[2, 3], &[2, 3]], MASK, |x, c| c.clone().choose(&x[0], &x[1])));
    cases.push(with("where/row", [&[2, 3], &[3]], MASK, |x, c| c.clone().choose(&x[0], &x[1])));
    cases.push(with("where/numbers", [&[], &[]], MASK, |x, c| c.clone().choose(&x[0], &x[1])));
    cases.push(with("where/number", [&[]], (&[], &[1.]), |x, c| c.clone().choose(&x[0], 2.0).square()));
}

fn elementwise(cases: &mut Vec<Case>) {
    unary!(cases, case,
        "power/3" [2, 3] => |x| x.powf(3.0);
        "square" [2, 3] => |x| x.square();
        "exp" [2, 3] => |x| x.exp();
        "tanh" [2, 3] => |x| x.tanh();
        "sigmoid" [2, 3] => |x| x.sigmoid();
        "erf" [2, 3] => |x| x.erf();
        "relu" [2, 5] => |x| x.relu();
        "relu/empty" [0, 5] => |x| x.relu();
        "relu/times" [2, 5] => |x| x.clone().relu() * x;
        "relu/kink" [3] => |x| x.relu();
        "abs" [2, 5] => |x| x.abs();
        "abs/kink" [3] => |x| x.abs();
        "clamp" [2, 5] => |x| x.clamp(-0.5, 0.75);
        "clamp/kink" [5] => |x| x.clamp(-0.5, 0.75);
        "softplus" [2, 3] => |x| x.softplus();
        "softplus/zero" [3] => |x| x.softplus();
        "gelu" [2, 3] => |x| x.gelu();
        "silu" [2, 3] => |x| x.silu();
        "leaky_relu" [2, 5] => |x| x.leaky_relu(0.01);
        "leaky_relu/kink" [3] => |x| x.leaky_relu(0.01);
    );
    unary!(cases, positive,
        "power/-1.7" [2, 3] => |x| x.powf(-1.7);
        "power/0" [2, 3] => |x| x.clone().powf(0.0) * x;
        "inverse" [2, 3] => |x| 1.0 / x;
        "sqrt" [2, 3] => |x| x.sqrt();
        "ln" [2, 3] => |x| x.ln();
    );
    let kept: (&[usize], &[f64]) = (&[2, 4], &[1., 1., 0., 1., 0., 1., 1., 1.]);
    cases.push(with("dropout", [&[2, 4]], kept, |x, c| &x[0] * c / (1.0 - 0.25)));
}

fn reductions(cases: &mut Vec<Case>) {
    unary!(cases, case,
        "sum/all" [2, 3, 4] => |x| x.sum();
        "sum/axis" [2, 3, 4] => |x| x.sum_axes(&[1]);
        "sum/axes" [2, 3, 4] => |x| x.sum_axes(&[0, 2]);
        "sum/square" [2, 3, 4] => |x| x.square().sum_axes(&[1]);
        "sum/empty" [2, 0, 4] => |x| x.sum_axes(&[1]);
        "sum/ones" [1, 3, 1] => |x| x.sum_axes(&[0, 2]).square();
        "mean/all" [2, 3, 4] => |x| x.mean();
        "mean/axes" [2, 3, 4] => |x| x.mean_axes(&[0, 2]);
        "max/axis" [2, 3, 4] => |x| x.max_axes(&[1]);
        "max/axes" [2, 3, 4] => |x| x.max_axes(&[0, 2]);
        "min/axis" [2, 3, 4] => |x| x.min_axes(&[1]);
        "min/axes" [2, 3, 4] => |x| x.min_axes(&[0, 2]);
        "log_sum_exp/last" [2, 3, 4] => |x| x.log_sum_exp(&[2]);
        "log_sum_exp/first" [2, 3, 4] => |x| x.log_sum_exp(&[0]);
        "log_sum_exp/axes" [2, 3, 4] => |x| x.log_sum_exp(&[0, 2]);
        "log_sum_exp/all" [2, 3, 4] => |x| x.log_sum_exp(&[0, 1, 2]);
        "log_sum_exp/composed" [2, 3, 4] => |x| x.log_sum_exp_composed(&[0, 2]);
        "variance/all" [2, 3, 4] => |x| x.variance_axes(&[0, 1, 2]).sum();
        "variance/axes" [2, 3, 4] => |x| x.variance_axes(&[0, 2]);
        "norm/all" [2, 3, 4] => |x| x.norm_axes(&[0, 1, 2]).sum();
        "norm/axes" [2, 3, 4] => |x| x.norm_axes(&[0, 2]);
        "norm/zero" [3] => |x| x.norm_axes(&[0]).sum();
        "softmax" [2, 4] => |x| x.softmax();
        "log_softmax" [2, 4] => |x| x.log_softmax();
        "broadcast_to" [3, 1] => |x| x.broadcast_to([2, 3, 4]);
        "broadcast_to/tanh" [3, 1] => |x| x.tanh().broadcast_to([2, 3, 4]);
    );
    let labels: (&[usize], &[f64]) = (&[4], &[2., 0., 4., 2.]);
    cases.push(with("cross_entropy", [&[4, 5]], labels, |x, c| x[0].clone().cross_entropy(c.clone())));
}

fn layout(cases: &mut Vec<Case>) {
    unary!(cases, case,
        "reshape" [2, 6] => |x| x.reshape([4, 3]);
        "reshape/square" [2, 6] => |x| x.square().reshape([4, 3]);
        "permute" [2, 3, 4] => |x| x.permute(&[2, 0, 1]);
        "permute/square" [2, 3, 4] => |x| x.square().permute(&[2, 0, 1]);
        "transpose" [2, 3, 4] => |x| x.transpose();
        "slice" [2, 5, 2] => |x| x.slice(1, 1, 3);
        "slice/square" [2, 5, 2] => |x| x.square().slice(1, 1, 3);
        "slice/none" [2, 5, 2] => |x| x.slice(1, 2, 0);
        "split" [2, 6, 2] => |x| { let [_, second, _] = x.split(1, [1, 3, 2]); second };
        "pad" [2, 3, 2] => |x| x.pad(1, 1, 2);
        "pad/square" [2, 3, 2] => |x| x.square().pad(0, 1, 2);
    );
    cases.push(case("concat", [&[2, 3], &[2, 2], &[2, 1]], |x| Var::concat(1, x.iter().cloned())));
    cases.push(case("stack", [&[2, 3], &[2, 3]], |x| Var::stack(1, x.iter().cloned())));
    cases.push(case("concat/squares", [&[2, 0], &[2, 3]], |x| {
        Var::concat(1, [x[0].clone().square(), x[1].clone().square(), x[1].clone().exp()])
    }));
    // More operands than what an op saves can be chosen from.
    cases.push(case("concat/many", [&[1], &[1]], |x| {
        Var::concat(0, (0..40).map(|i| x[i / 20].clone().powf((i % 3 + 1) as f64)))
    }));
    const INDEX: (&[usize], &[f64]) = (&[3, 2], &[3., 0., 1., 1., 0., 2.]);
    cases.push(with("gather", [&[3, 4]], INDEX, |x, c| x[0].clone().gather(1, c.clone())));
    cases.push(with("gather/square", [&[3, 4]], INDEX, |x, c| x[0].clone().square().gather(1, c.clone())));
    cases.push(with("gather/rows", [&[5, 3]], (&[4, 1], &[4., 0., 2., 0.]), |x, c| x[0].clone().gather(0, c.clone())));
    cases.push(with("gather/planes", [&[2, 3, 2]], (&[1, 2, 1], &[2., 2.]), |x, c| x[0].clone().gather(1, c.clone())));
    cases.push(with("scatter_add", [&[3, 2]], INDEX, |x, c| x[0].clone().scatter_add(1, c.clone(), 4)));
    cases.push(with("scatter_add/square", [&[3, 2]], INDEX, |x, c| x[0].clone().square().scatter_add(1, c.clone(), 4)));
    cases.push(with("scatter_add/into", [&[3, 4], &[3, 2]], INDEX, |x, c| {
        &x[0] + x[1].clone().scatter_add(1, c.clone(), 4)
    }));
    cases.push(with("one_hot", [], (&[4], &[2., 0., 3., 2.]), |_, c| c.clone().one_hot(4)));
    let words: (&[usize], &[f64]) = (&[2, 3], &[1., 4., 1., 0., 3., 4.]);
    cases.push(with("embedding", [&[5, 4]], words, |x, c| x[0].clone().embedding(c.clone())));
}

fn products(cases: &mut Vec<Case>) {
    let forms: [(&str, [&[usize]; 2]); 5] = [
        ("matrices", [&[2, 3], &[3, 4]]),
        ("batched", [&[2, 3, 2], &[2, 2, 4]]),
        ("batched_left", [&[2, 3, 2], &[2, 4]]),
        ("empty", [&[2, 0], &[0, 3]]),
        ("batched_empty", [&[2, 3, 0], &[0, 4]]),
    ];
    for (form, shapes) in forms {
        cases.push(case(&format!("matmul/{form}"), shapes, |x| x[0].clone().matmul(x[1].clone())));
    }
    for (tx, ty) in [(false, true), (true, false), (true, true)] {
        let a: &[usize] = if tx { &[2, 4, 3] } else { &[2, 3, 4] };
        let b: &[usize] = if ty { &[2, 5, 4] } else { &[2, 4, 5] };
        let name = format!("matmul/transposed_{tx}_{ty}");
        cases.push(case(&name, [a, b], move |x| op(MatMul { tx, ty }, [&x[0], &x[1]])));
    }
    cases.push(case("matmul/square", [&[3, 3]], |x| x[0].clone().matmul(x[0].clone())));
}

/// Every form of convolution, with the shape of the images and of the kernels.
pub(crate) fn convolutions() -> Vec<(&'static str, Conv, [usize; 4], Vec<usize>)> {
    let plain = Conv::default();
    vec![
        ("plain", plain, [2, 4, 5, 2], vec![3, 2, 2, 3]),
        ("stride_pad", Conv { stride: [2, 1], pad: [1, 2], ..plain }, [1, 5, 4, 2], vec![3, 3, 2, 2]),
        ("dilation", Conv { dilation: [2, 1], ..plain }, [1, 6, 4, 2], vec![2, 3, 2, 2]),
        ("groups", Conv { groups: 2, ..plain }, [1, 4, 4, 4], vec![2, 2, 2, 6]),
        ("depthwise", Conv { groups: 3, pad: [1, 1], ..plain }, [1, 4, 3, 3], vec![3, 3, 1, 3]),
        ("1x1", plain, [2, 2, 3, 3], vec![1, 1, 3, 2]),
        ("unshared", plain, [2, 4, 3, 2], vec![3, 2, 2, 2, 2, 2]),
        ("tiled", plain, [1, 4, 5, 2], vec![2, 3, 2, 2, 2, 2]),
        ("wide_pad", Conv { pad: [2, 2], ..plain }, [1, 3, 3, 1], vec![2, 2, 1, 2]),
        ("stride", Conv { stride: [2, 3], ..plain }, [1, 6, 7, 1], vec![2, 2, 1, 1]),
        ("dilation_pad", Conv { dilation: [2, 1], pad: [1, 1], ..plain }, [1, 5, 4, 1], vec![2, 2, 1, 2]),
        ("tiled_pad", Conv { pad: [1, 1], ..plain }, [2, 3, 4, 1], vec![2, 3, 3, 3, 1, 2]),
        (
            "tiled_groups",
            Conv { stride: [2, 1], groups: 2, pad: [1, 0], ..plain },
            [1, 6, 4, 2],
            vec![2, 2, 3, 2, 1, 2],
        ),
        ("no_images", plain, [0, 3, 3, 1], vec![2, 2, 1, 2]),
    ]
}

fn convolution_cases(cases: &mut Vec<Case>) {
    for (form, conv, image, kernel) in convolutions() {
        let (image, kernel) = (Shape::from(image), Shape::new(&kernel));
        let out = Op::<f64>::shape(&conv, &[image, kernel]).unwrap();
        let of = |s: Shape| s.to_vec();
        let (images, kernels, outs) = (of(image), of(kernel), of(out));
        cases.push(case(&format!("conv/{form}"), [&images, &kernels], move |x| x[0].clone().conv(x[1].clone(), conv)));
        cases.push(case(&format!("conv_input/{form}"), [&outs, &kernels], move |x| {
            op(ConvInput { conv, image }, [&x[0], &x[1]])
        }));
        cases.push(case(&format!("conv_kernel/{form}"), [&images, &outs], move |x| {
            op(ConvKernel { conv, kernel }, [&x[0], &x[1]])
        }));
    }
    let plain = Conv::default();
    let transposed = [
        ("plain", plain, [4, 4], [&[1, 3, 2, 3][..], &[2, 3, 2, 3]]),
        ("stride_pad", Conv { stride: [2; 2], pad: [1; 2], ..plain }, [5, 5], [&[1, 3, 3, 2], &[3, 3, 2, 2]]),
        ("groups", Conv { groups: 2, ..plain }, [3, 4], [&[1, 2, 3, 4], &[2, 2, 3, 4]]),
    ];
    for (form, conv, image, shapes) in transposed {
        cases.push(case(&format!("conv_transpose/{form}"), shapes, move |x| {
            x[0].clone().conv_transpose(x[1].clone(), conv, image)
        }));
    }
    for (form, conv) in [
        ("stride_pad", Conv { stride: [1, 2], pad: [0, 1], ..plain }),
        ("dilation", Conv { dilation: [1, 2], ..plain }),
    ] {
        cases.push(case(&format!("conv1d/{form}"), [&[2, 6, 2], &[3, 2, 3]], move |x| {
            x[0].clone().conv1d(x[1].clone(), conv)
        }));
    }
    let window = Conv { stride: [2, 1], pad: [1, 0], ..plain };
    cases.push(case("unfold", [&[1, 5, 4, 2]], move |x| x[0].clone().unfold(window, [3, 2])));
    cases.push(case("fold", [&[1, 3, 3, 3, 2, 2]], move |x| x[0].clone().fold(window, [5, 4])));
    let dilated = Conv { dilation: [2, 1], pad: [1, 1], ..window };
    cases.push(case("unfold/square", [&[2, 5, 4, 1]], move |x| x[0].clone().square().unfold(dilated, [2, 2])));
    cases.push(case("fold/square", [&[1, 3, 5, 2, 2, 1]], move |x| x[0].clone().square().fold(dilated, [5, 4])));
}

fn windows(cases: &mut Vec<Case>) {
    let plain = Window::square(2);
    let forms: [(&str, Window, &[usize]); 5] = [
        ("2x2", plain, &[1, 5, 6, 2]),
        ("3x3", Window { size: [3; 2], stride: [2; 2], pad: [1; 2] }, &[1, 5, 6, 2]),
        ("3x2", Window { size: [3, 2], stride: [1, 2], pad: [0; 2] }, &[1, 5, 6, 2]),
        ("tie", plain, &[1, 4, 4, 1]),
        // More than 256 places a window.
        ("global", Window { size: [17, 16], stride: [1; 2], pad: [0; 2] }, &[1, 17, 16, 1]),
    ];
    for (form, window, shape) in forms {
        let out = window.output(Shape::new(shape)).unwrap().to_vec();
        let image = [shape[1], shape[2]];
        cases.push(case(&format!("max_pool/{form}"), [shape], move |x| x[0].clone().max_pool(window)));
        cases.push(case(&format!("max_pool/{form}_square"), [shape], move |x| x[0].clone().max_pool(window).square()));
        cases.push(case(&format!("pool_put/{form}"), [&out, shape], move |x| {
            let places = pooling::places_of_max(x[1].value(), window, x[0].shape());
            op(PoolPut { window, image }, [&x[0], &x[1].constant(places)]).square()
        }));
        cases.push(case(&format!("avg_pool/{form}"), [shape], move |x| x[0].clone().avg_pool(window)));
        cases.push(case(&format!("sum_unpool/{form}"), [&out], move |x| {
            op(SumUnpool { window, image }, [&x[0]]).square()
        }));
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for part in [arithmetic, elementwise, reductions, layout, products, convolution_cases, windows] {
        part(&mut cases);
    }
    cases
}
