//! One table holds cases for every op; each is checked numerically to second order, and against PyTorch.

mod pytorch;
mod table;

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::table::{Case, cases, op};
use super::*;
use crate::{Params, Tape, check_gradients};

/// Numbers in the case's range, for each input, that keep a distance from each other and from 0, so that
/// a finite difference does not step over a kink.
fn inputs(case: &Case, rng: &mut StdRng) -> Vec<Tensor<f64>> {
    let (start, width) = (case.range.start, case.range.end - case.range.start);
    let numbers = |(input, &shape): (usize, &Shape)| {
        let (n, shift) = (shape.len(), 0.37 + 0.28 * input as f64);
        let mut x: Vec<f64> = (0..n).map(|i| start + width * (i as f64 + shift) / n.max(1) as f64).collect();
        for i in (1..n).rev() {
            x.swap(i, rng.random_range(0..=i));
        }
        Tensor::new(shape, x)
    };
    case.shapes.iter().enumerate().map(numbers).collect()
}

#[test]
fn every_op_has_right_first_and_second_derivatives() {
    let mut rng = StdRng::seed_from_u64(7);
    for (i, case) in cases().iter().filter(|case| !case.shapes.is_empty()).enumerate() {
        let inputs = inputs(case, &mut rng);
        if let Err(error) = check_gradients(i as u64, &inputs, |x| case.apply(x, &|c| x[0].constant(c))) {
            panic!("case {}: {error}", case.name);
        }
    }
}

#[test]
fn the_table_has_a_case_for_every_op() {
    let (mut rng, mut covered) = (StdRng::seed_from_u64(8), BTreeSet::from(["Leaf"]));
    for case in cases() {
        let params = Params::<f64>::new();
        let tape = Tape::new(&params);
        let inputs: Vec<_> = inputs(&case, &mut rng).into_iter().map(|x| tape.input(x)).collect();
        case.apply(&inputs, &|c| tape.constant(c));
        covered.extend(tape.recorded());
    }
    assert_eq!(covered, OPS.iter().copied().chain(["Leaf"]).collect());
    assert!(OPS.len() <= 40, "more rules than a reader can hold in mind");
}

#[test]
fn one_variable_passed_twice_has_both_gradients() {
    let mut rng = StdRng::seed_from_u64(9);
    let twins = |case: &Case| case.shapes.len() == 2 && case.shapes[0] == case.shapes[1];
    for case in cases().iter().filter(|case| twins(case)) {
        let params = Params::<f64>::new();
        let tape = Tape::new(&params);
        let value = inputs(case, &mut rng).swap_remove(0);
        let [a, b] = [value.clone(), value].map(|x| tape.input(x));
        let apart = case.apply(&[a.clone(), b.clone()], &|c| tape.constant(c)).sum();
        let together = case.apply(&[a.clone(), a.clone()], &|c| tape.constant(c)).sum();
        let ([da, db], [both]) = (tape.grad(&apart, [&a, &b]), tape.grad(&together, [&a]));
        let apart = (da + db).into_value();
        let pairs = both.value().data().iter().zip(apart.data());
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()), "{}: {both:?}, {apart:?}", case.name);
    }
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
            assert!(row.clone().log_sum_exp(&[0]).item().is_nan());
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
        assert_eq!(tape.constant(Tensor::new([2], x.to_vec())).log_sum_exp(&[0]).item(), expected);
    }
}

#[test]
fn a_row_without_a_finite_number_has_no_gradient_that_is_not() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = tape.input(Tensor::new([2, 2], vec![f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, 3.0]));
    let gradients = x.clone().log_sum_exp(&[1]).sum().backward();
    assert_eq!(gradients.wrt(&x).unwrap().data(), [0.0, 0.0, 0.0, 1.0]);
}

/// Value and gradient of a function of one tensor, with a cotangent that differs from place to place.
fn through(x: &Tensor<f64>, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> [Tensor<f64>; 2] {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = tape.input(x.clone());
    let z = f(x.clone());
    let value = z.value().clone();
    let cotangent = Tensor::new(z.shape(), (0..value.len()).map(|i| 1.0 + 0.5 * i as f64).collect());
    let gradients = z.backward_with(cotangent);
    [value, gradients.wrt(&x).unwrap().clone()]
}

#[test]
fn fused_forms_are_their_definitions() {
    let mut rng = StdRng::seed_from_u64(10);
    let mut random = |shape: Shape| Tensor::new(shape, (0..shape.len()).map(|_| rng.random_range(-3.0..3.0)).collect());
    let close = |a: &Tensor<f64>, b: &Tensor<f64>| {
        a.shape() == b.shape() && a.data().iter().zip(b.data()).all(|(a, b)| (a - b).abs() <= 1e-13 * (1.0 + b.abs()))
    };
    for axes in [&[0][..], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2], &[]] {
        let x = random(Shape::from([3, 4, 5]));
        let fused = through(&x, |x| x.log_sum_exp(axes));
        let composed = through(&x, |x| x.log_sum_exp_composed(axes));
        assert!((0..2).all(|i| close(&fused[i], &composed[i])), "log_sum_exp over {axes:?}");
        let sums = through(&x, |x| (x.clone() - x.log_sum_exp_composed(axes)).exp());
        let fused = through(&x, |x| op(ExpSub, [&x, &x.clone().log_sum_exp(axes)]));
        assert!((0..2).all(|i| close(&fused[i], &sums[i])), "exp_sub over {axes:?}");
    }
    for (size, stride, pad) in
        [([2, 2], [2, 2], [0, 0]), ([3, 2], [1, 2], [1, 1]), ([2, 3], [3, 1], [0, 1]), ([17, 16], [2, 1], [8, 3])]
    {
        let (window, conv) = (Window { size, stride, pad }, Conv { stride, pad, ..Conv::default() });
        let x = random(Shape::from([2, 19, 17, 3]));
        let max = through(&x, |x| x.max_pool(window));
        // −∞ where the padding is: the patches of ones have a 0 there.
        let largest = through(&x, |x| {
            let inside = x.constant(Tensor::full(x.shape(), 1.0)).unfold(conv, size);
            let z = inside.choose(x.unfold(conv, size), f64::NEG_INFINITY).max_axes(&[3, 4]);
            let out = z.shape();
            z.reshape([out[0] as usize, out[1] as usize, out[2] as usize, out[5] as usize])
        });
        assert!((0..2).all(|i| close(&max[i], &largest[i])), "max_pool, {window:?}");
        let sums = through(&x, |x| x.sum_pool(window));
        let unfolded = through(&x, |x| {
            let z = x.unfold(conv, size).sum_axes(&[3, 4]);
            let out = z.shape();
            z.reshape([out[0] as usize, out[1] as usize, out[2] as usize, out[5] as usize])
        });
        assert!((0..2).all(|i| close(&sums[i], &unfolded[i])), "sum_pool, {window:?}");
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
