//! One table holds a case for every op; each case is checked numerically to second order.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::{Params, Tape, check_gradients};

type V<'t> = Var<'t, f64>;

type Function = Box<dyn for<'t> Fn(&[V<'t>]) -> V<'t>>;

/// A case: the ops it is for, the operands' shapes, the range of their numbers, the function.
struct Case {
    ops: &'static [&'static str],
    shapes: Vec<Shape>,
    range: std::ops::Range<f64>,
    f: Function,
}

fn case<const N: usize>(
    ops: &'static [&'static str],
    shapes: [&[usize]; N],
    f: impl for<'t> Fn(&[V<'t>]) -> V<'t> + 'static,
) -> Case {
    Case { ops, shapes: shapes.map(Shape::new).to_vec(), range: -2.0..2.0, f: Box::new(f) }
}

/// A case whose operands must be positive.
fn positive<const N: usize>(
    ops: &'static [&'static str],
    shapes: [&[usize]; N],
    f: impl for<'t> Fn(&[V<'t>]) -> V<'t> + 'static,
) -> Case {
    Case { range: 0.5..2.0, ..case(ops, shapes, f) }
}

fn op<'t, const N: usize>(op: impl Op<f64> + Into<AnyOp<f64>>, x: [&V<'t>; N]) -> V<'t> {
    Var::apply(op, x.map(Clone::clone))
}

fn elementwise() -> Vec<Case> {
    let mut cases = vec![
        positive(&["Div"], [&[2, 3], &[3]], |x| &x[0] / &x[1]),
        positive(&["Div"], [&[], &[2, 1, 2]], |x| &x[0] / &x[1]),
        case(&["Mul"], [&[2, 3]], |x| &x[0] * &x[0]),
        case(&["Add"], [&[3]], |x| &x[0] + &x[0]),
        case(&["Sub"], [&[3]], |x| &x[0] * &x[0] - &x[0]),
        case(&["Mul"], [&[0, 3], &[3]], |x| &x[0] * &x[1]),
        case(&["Gate"], [&[2, 3], &[2, 3]], |x| op(Gate, [&x[0], &x[1]])),
        case(&["Scale", "Shift"], [&[4]], |x| (2.5 - &x[0]) * 3.0),
        case(&["Power"], [&[4]], |x| x[0].clone().powf(3.0)),
        positive(&["Power"], [&[4]], |x| x[0].clone().powf(-1.7) + x[0].clone().sqrt() + 1.0 / &x[0]),
        case(&["Exp"], [&[4]], |x| x[0].clone().exp()),
        positive(&["Ln"], [&[4]], |x| x[0].clone().ln()),
        case(&["Tanh"], [&[2, 2]], |x| x[0].clone().tanh()),
        case(&["Sigmoid"], [&[2, 2]], |x| x[0].clone().sigmoid()),
        case(&["Relu"], [&[9]], |x| x[0].clone().relu() * &x[0]),
    ];
    let pairs: [[&[usize]; 2]; 7] = [
        [&[], &[]],
        [&[], &[2, 3]],
        [&[2, 3], &[3]],
        [&[1, 3], &[2, 1]],
        [&[2, 3], &[2, 3]],
        [&[2, 3, 2], &[3, 1]],
        [&[1], &[1, 1]],
    ];
    for [a, b] in pairs {
        cases.push(case(&["Add"], [a, b], |x| &x[0] + &x[1]));
        cases.push(case(&["Sub"], [a, b], |x| &x[0] - &x[1]));
        cases.push(case(&["Mul"], [a, b], |x| &x[0] * &x[1]));
    }
    cases
}

fn reductions_and_layout() -> Vec<Case> {
    vec![
        case(&["SumTo"], [&[2, 3, 4]], |x| x[0].clone().square().sum_axes(&[1])),
        case(&["SumTo"], [&[2, 3]], |x| x[0].clone().exp().mean()),
        case(&["BroadcastTo"], [&[3, 1]], |x| x[0].clone().tanh().broadcast_to([2, 3, 4])),
        case(&["LogSumExp"], [&[3, 4]], |x| x[0].clone().log_sum_exp()),
        case(&["LogSumExp", "Exp"], [&[2, 3]], |x| x[0].clone().softmax()),
        case(&["Pick", "LogSumExp"], [&[2, 3]], |x| {
            x[0].clone().cross_entropy(x[0].constant(Tensor::new([2], vec![2.0, 0.0])))
        }),
        case(&["Put"], [&[2]], |x| {
            op(Put(3), [&x[0].clone().square(), &x[0].constant(Tensor::new([2], vec![2.0, 0.0]))])
        }),
        case(&["Reshape"], [&[2, 3]], |x| x[0].clone().square().reshape([3, 2])),
        case(&["Permute"], [&[2, 3, 4]], |x| x[0].clone().square().permute(&[2, 0, 1])),
        case(&["Slice"], [&[2, 5]], |x| x[0].clone().square().slice(1, 1, 3)),
        case(&["Pad"], [&[2, 2]], |x| x[0].clone().square().pad(0, 1, 2)),
        case(&["Concat"], [&[2, 1], &[2, 3]], |x| {
            Var::concat(1, [x[0].clone().square(), x[1].clone().square(), x[0].clone().exp()])
        }),
        // More operands than what an op saves can be chosen from.
        case(&["Concat"], [&[1], &[1]], |x| {
            Var::concat(0, (0..40).map(|i| x[i / 20].clone().powf((i % 3 + 1) as f64)))
        }),
    ]
}

fn products() -> Vec<Case> {
    let mut cases = vec![
        case(&["MatMul", "Reshape"], [&[2, 2, 3], &[3, 2]], |x| x[0].clone().matmul(x[1].clone())),
        case(&["MatMul"], [&[2, 0], &[0, 3]], |x| x[0].clone().matmul(x[1].clone())),
        case(&["MatMul"], [&[2, 3, 0], &[0, 4]], |x| x[0].clone().matmul(x[1].clone())),
        case(&["MatMul"], [&[3, 3]], |x| x[0].clone().matmul(x[0].clone())),
    ];
    for (tx, ty) in [(false, false), (false, true), (true, false), (true, true)] {
        let a: &[usize] = if tx { &[2, 4, 3] } else { &[2, 3, 4] };
        let b: &[usize] = if ty { &[2, 5, 4] } else { &[2, 4, 5] };
        cases.push(case(&["MatMul"], [a, b], move |x| op(MatMul { tx, ty }, [&x[0], &x[1]])));
    }
    cases
}

/// Every form of convolution, with the shape of the images and of the kernels.
pub(crate) fn convolutions() -> Vec<(Conv, [usize; 4], Vec<usize>)> {
    let plain = Conv::default();
    vec![
        (plain, [2, 4, 5, 2], vec![3, 2, 2, 3]),
        (Conv { pad: [1, 2], ..plain }, [1, 3, 4, 1], vec![3, 3, 1, 2]),
        (Conv { pad: [2, 2], ..plain }, [1, 3, 3, 1], vec![2, 2, 1, 2]),
        (Conv { stride: [2, 1], pad: [1, 0], ..plain }, [2, 5, 4, 1], vec![3, 2, 1, 2]),
        (Conv { stride: [2, 3], ..plain }, [1, 6, 7, 1], vec![2, 2, 1, 1]),
        (Conv { dilation: [2, 1], pad: [1, 1], ..plain }, [1, 5, 4, 1], vec![2, 2, 1, 2]),
        (Conv { groups: 2, pad: [1, 1], ..plain }, [1, 3, 3, 4], vec![2, 2, 2, 2]),
        (Conv { pad: [1, 1], ..plain }, [2, 3, 4, 1], vec![2, 3, 3, 3, 1, 2]),
        (plain, [2, 4, 4, 2], vec![3, 3, 2, 2, 2, 1]),
        (Conv { stride: [2, 1], groups: 2, pad: [1, 0], ..plain }, [1, 6, 4, 2], vec![2, 2, 3, 2, 1, 2]),
    ]
}

fn convolution_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (conv, image, kernel) in convolutions() {
        let (image, kernel) = (Shape::from(image), Shape::new(&kernel));
        let out = Op::<f64>::shape(&conv, &[image, kernel]).unwrap();
        let mut push = |name, shapes: [Shape; 2], f: Function| {
            cases.push(Case { ops: name, shapes: shapes.to_vec(), range: -2.0..2.0, f });
        };
        push(&["Conv"], [image, kernel], Box::new(move |x| op(conv, [&x[0], &x[1]])));
        push(&["ConvInput"], [out, kernel], Box::new(move |x| op(ConvInput { conv, image }, [&x[0], &x[1]])));
        push(&["ConvKernel"], [image, out], Box::new(move |x| op(ConvKernel { conv, kernel }, [&x[0], &x[1]])));
    }
    cases
}

fn pooling_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let plain = Window::square(2);
    for (w, h) in [
        (plain, 4),
        (plain, 5),
        (Window { stride: [1, 2], ..plain }, 3),
        (Window { size: [3, 2], pad: [1, 1], ..plain }, 4),
    ] {
        let shape: &[usize] = &[2, h, 4, 2];
        let out = w.output(Shape::new(shape)).unwrap();
        let out: &[usize] = &out.to_vec();
        cases.push(case(&["MaxPool"], [shape], move |x| x[0].clone().max_pool(w).square()));
        cases.push(case(&["PoolPut"], [out, shape], move |x| op(PoolPut(w), [&x[0], &x[1]])));
        cases.push(case(&["PoolPick"], [shape, shape], move |x| op(PoolPick(w), [&x[0], &x[1]])));
        cases.push(case(&["SumPool"], [shape], move |x| x[0].clone().avg_pool(w).square()));
        cases.push(case(&["SumUnpool"], [out], move |x| op(SumUnpool { window: w, image: [h, 4] }, [&x[0]]).square()));
    }
    cases
}

fn cases() -> Vec<Case> {
    [elementwise(), reductions_and_layout(), products(), convolution_cases(), pooling_cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// Numbers in `range` that keep a distance from each other and from 0, so that a finite
/// difference does not step over a kink.
fn numbers(shape: Shape, range: &std::ops::Range<f64>, rng: &mut StdRng) -> Tensor<f64> {
    let n = shape.len();
    let mut x: Vec<f64> =
        (0..n).map(|i| range.start + (range.end - range.start) * (i as f64 + 0.37) / n.max(1) as f64).collect();
    for i in (1..n).rev() {
        x.swap(i, rng.random_range(0..=i));
    }
    Tensor::new(shape, x)
}

#[test]
fn every_op_has_right_first_and_second_derivatives() {
    let mut rng = StdRng::seed_from_u64(7);
    for (i, case) in cases().iter().enumerate() {
        let inputs: Vec<_> = case.shapes.iter().map(|&shape| numbers(shape, &case.range, &mut rng)).collect();
        if let Err(error) = check_gradients(i as u64, &inputs, |x| (case.f)(x)) {
            panic!("case {i}, {:?} on {:?}: {error}", case.ops, case.shapes);
        }
    }
}

#[test]
fn the_table_has_a_case_for_every_op_and_no_case_claims_an_op_it_lacks() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut covered = BTreeSet::new();
    for case in cases() {
        let params = Params::<f64>::new();
        let tape = Tape::new(&params);
        let inputs: Vec<_> =
            case.shapes.iter().map(|&shape| tape.input(numbers(shape, &case.range, &mut rng))).collect();
        (case.f)(&inputs);
        for op in case.ops {
            assert!(tape.recorded().contains(op), "the case for {:?} does not apply {op}", case.ops);
            covered.insert(*op);
        }
    }
    assert_eq!(covered, OPS.iter().copied().collect());
}

#[test]
fn the_checker_notices_a_wrong_rule() {
    #[derive(Clone)]
    struct Wrong(u8);
    impl Op<f64> for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
            Ok(x[0])
        }
        fn saves(&self, _: Needs) -> Saves {
            Saves::operand(0)
        }
        fn forward(&self, x: &mut [Tensor<f64>], _: Out) -> Tensor<f64> {
            let mut z = x[0].clone();
            z.update(|z| z.iter_mut().for_each(|z| *z = *z * *z));
            z
        }
        fn vjp<'t>(&self, r: &mut Rule<'_, 't, f64>, g: Var<'t, f64>) {
            // Either 3x for 2x, or a first derivative that forgets how it depends on x.
            let x = if self.0 == 1 { r.x(0) * 1.5 } else { r.x(0).detach() };
            r.add(0, g * x * 2.0);
        }
    }
    let x = Tensor::new([3], vec![0.5, -1.0, 2.0]);
    for order in [1, 2] {
        let found = check_gradients(3, std::slice::from_ref(&x), |x| Var::apply_op(Wrong(order), [x[0].clone()]));
        assert_eq!(found.unwrap_err().order, order);
    }
    // The gradient is infinite, and so are the values: their difference is no number.
    assert!(check_gradients(3, &[x], |x| &x[0] * f64::INFINITY).is_err());
}

#[test]
fn what_a_rule_adds_twice_counts_twice() {
    // b = a + a; c = b + b, and sin(sin x + sin x)-like fan-out, where naive walks go wrong.
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let a = tape.input(3.0);
    let b = &a + &a;
    let c = &b + &b;
    let [da, db] = tape.grad(&c, [&a, &b]);
    assert_eq!((da.item(), db.item()), (4.0, 2.0));
    assert_eq!(c.backward().wrt(&a).unwrap().item(), 4.0);
}

#[test]
fn a_nan_is_seen_wherever_it_stands() {
    let params = Params::<f64>::new();
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    for other in [-infinite, -1.0, 2.0, infinite] {
        for place in 0..4 {
            let mut x = [other; 4];
            x[place] = nan;
            let tape = Tape::new(&params);
            let row = tape.input(Tensor::new([4], x.to_vec()));
            assert!(row.clone().relu().value().data()[place].is_nan());
            assert!(row.clone().log_sum_exp().item().is_nan());
            let largest = row.clone().reshape([1, 2, 2, 1]).max_pool(Window::square(2)).sum();
            assert!(largest.item().is_nan());
            // The gradient belongs to the place that made the maximum what it is.
            let gradient = largest.backward().wrt(&row).unwrap().clone();
            assert_eq!(gradient.data().iter().position(|&g| g == 1.0), Some(place));
        }
    }
}

#[test]
fn a_log_sum_of_infinities_is_infinite() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let infinite = f64::INFINITY;
    for (x, expected) in [([-infinite; 2], -infinite), ([infinite, 0.0], infinite), ([-infinite, 0.0], 0.0)] {
        assert_eq!(tape.constant(Tensor::new([2], x.to_vec())).log_sum_exp().item(), expected);
    }
}

#[test]
fn a_window_has_more_than_padding() {
    let window = Window { pad: [1, 1], ..Window::square(2) };
    assert!(window.output(Shape::from([1, 1, 1, 1])).is_ok());
    assert!(window.output(Shape::from([1, 0, 1, 1])).is_err());
}

/// z = x · y, done carelessly: what it saves and the shape that it promises may be wrong.
#[derive(Clone)]
struct Careless {
    saves: Saves,
    shape: Shape,
}

impl<T: Float> Op<T> for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }
    fn shape(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(self.shape)
    }
    fn saves(&self, _: Needs) -> Saves {
        self.saves
    }
    fn forward(&self, x: &mut [Tensor<T>], _: Out) -> Tensor<T> {
        let (mut z, y) = (x[0].clone(), x[1].clone());
        z.update(|z| z.iter_mut().zip(y.data()).for_each(|(z, &y)| *z = *z * y));
        z
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        r.add(0, &g * r.x(1));
        r.add(1, g * r.x(0));
    }
}

#[test]
fn a_mistake_in_an_op_from_outside_is_no_wrong_gradient() {
    let gradient = |saves: &[usize], shape: Shape| {
        let saves = saves.iter().fold(Saves::NOTHING, |all, &i| all.and(Saves::operand(i)));
        std::panic::catch_unwind(move || {
            let params = Params::<f64>::new();
            let tape = Tape::new(&params);
            let [x, y] = [[2.0, 3.0], [5.0, 7.0]].map(|x| tape.input(Tensor::new([2], x.to_vec())));
            let z = Var::apply_op(Careless { saves, shape }, [x.clone(), y]);
            z.sum().backward().wrt(&x).unwrap().data().to_vec()
        })
    };
    let message = |saves, shape| *gradient(saves, shape).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(gradient(&[0, 1], Shape::from([2])).unwrap(), [5.0, 7.0]);
    assert_eq!(message(&[0], Shape::from([2])), "operand 1 was not saved");
    assert_eq!(message(&[1], Shape::from([2])), "operand 0 was not saved");
    let mismatch = "careless: shape() gave [1, 2], but forward() a result of shape [2]";
    assert_eq!(message(&[0, 1], Shape::from([1, 2])), mismatch);
}

#[test]
fn the_copy_that_an_op_from_outside_changes_is_no_parameter() {
    let footprint = crate::dry_run::<f32, _>(|probe| {
        let mut params = Params::<f32>::new();
        let w = params.add("w", Tensor::zeros([6]));
        let tape = Tape::new(&params);
        let op = Careless { saves: Saves::operand(0).and(Saves::operand(1)), shape: Shape::from([6]) };
        let z = Var::apply_op(op, [tape.param(w), tape.param(w)]);
        probe.forget_peak();
        drop(z);
        probe.footprint(0)
    });
    assert_eq!((footprint.parameters, footprint.activations), (24, 24));
}

#[test]
#[should_panic(
    expected = "matmul([2, 2, 3], [4, 5]): axis 2 of the left has length 3, axis 0 of the right has length 4"
)]
fn a_product_that_does_not_fit_shows_the_shapes_as_they_were_given() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let _ = tape.constant(Tensor::zeros([2, 2, 3])).matmul(tape.constant(Tensor::zeros([4, 5])));
}
