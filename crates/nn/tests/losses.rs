//! The losses against what PyTorch computes, `fixtures/losses.json`, and against finite differences.

use std::collections::BTreeSet;

use serde_json::Value;
use tandem_autograd::{Float, Params, Tape, Tensor, Var, check_gradients};
use tandem_nn::{binary_cross_entropy, cross_entropy, huber, mse};

type Loss = for<'t> fn(Var<'t, f64>, Var<'t, f64>, f64) -> Var<'t, f64>;

/// Each loss, of the argument that the fixture gives it.
const LOSSES: [(&str, Loss); 4] = [
    ("binary_cross_entropy", |x, y, _| binary_cross_entropy(x, y)),
    ("cross_entropy", cross_entropy),
    ("huber", huber),
    ("mse", |x, y, _| mse(x, y)),
];

fn tensor(of: &Value) -> Tensor<f64> {
    let numbers = |of: &Value| of.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let shape: Vec<usize> = numbers(&of["shape"]).iter().map(|&x| x as usize).collect();
    Tensor::new(&shape[..], numbers(&of["data"]))
}

/// Panics unless both agree to within rounding, a few units in the last place of the largest number.
fn agree(what: &str, ours: &Tensor<f64>, theirs: &Tensor<f64>) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let size = theirs.data().iter().fold(1.0_f64, |size, x| size.max(x.abs()));
    for (ours, theirs) in ours.data().iter().zip(theirs.data()) {
        assert!((ours - theirs).abs() <= 1e-13 * size, "{what}: {ours} here, {theirs} in PyTorch");
    }
}

fn compare(name: &str, loss: Loss, theirs: &Value) {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let argument = theirs["argument"].as_f64().unwrap_or(f64::NAN);
    let (x, y) = (tape.input(tensor(&theirs["x"])), tape.input(tensor(&theirs["y"])));
    let value = loss(x.clone(), y.clone(), argument);
    agree(&format!("{name}: value"), value.value(), &Tensor::scalar(theirs["value"].as_f64().unwrap()));
    let [dx, dy] = tape.grad(&value, [&x, &y]);
    let [of_x, of_y] = [0, 1].map(|i| &theirs["gradients"][i]);
    agree(&format!("{name}: gradient"), dx.value(), &tensor(of_x));
    if !of_y.is_null() {
        agree(&format!("{name}: gradient of targets"), dy.value(), &tensor(of_y));
    }
    if !theirs["hvp"].is_null() {
        let along = (dx * tape.constant(tensor(&theirs["direction"]))).sum();
        agree(&format!("{name}: second derivative"), tape.grad(&along, [&x])[0].value(), &tensor(&theirs["hvp"]));
    }
}

#[test]
fn values_gradients_and_second_derivatives_agree_with_pytorch() {
    let file: Value = serde_json::from_str(include_str!("fixtures/losses.json")).unwrap();
    let mut covered = BTreeSet::new();
    for theirs in file["cases"].as_array().unwrap() {
        let name = theirs["name"].as_str().unwrap();
        let (loss, _) = name.split_once('/').unwrap();
        let (_, ours) = LOSSES.iter().find(|(known, _)| *known == loss).unwrap();
        compare(name, *ours, theirs);
        covered.insert(loss);
    }
    assert!(covered.into_iter().eq(LOSSES.map(|(name, _)| name)), "every loss stands in the fixture");
}

#[test]
fn derivatives_agree_with_finite_differences_to_second_order() {
    let numbers = |shape: &[usize], from: f64, step: f64| {
        let count = shape.iter().product::<usize>();
        Tensor::new(shape, (0..count).map(|i| from + step * (1.7 * i as f64).sin()).collect())
    };
    let (x, targets) = (numbers(&[2, 3, 4], 0.1, 2.0), numbers(&[2, 3, 4], 0.5, 0.4));
    let labels = Tensor::new([2, 3], vec![0.0, 3.0, 1.0, 1.0, 2.0, 0.0]);
    for smoothing in [0.0, 0.1, 1.0] {
        let inputs = std::slice::from_ref(&x);
        check_gradients(1, inputs, |x| cross_entropy(x[0].clone(), x[0].constant(labels.clone()), smoothing)).unwrap();
    }
    let pairs = [x, targets];
    check_gradients(2, &pairs, |x| binary_cross_entropy(x[0].clone(), x[1].clone())).unwrap();
    check_gradients(3, &pairs, |x| mse(x[0].clone(), x[1].clone())).unwrap();
    // Some differences within δ and some beyond, none near it.
    let d = pairs[0].data().iter().zip(pairs[1].data()).map(|(x, y)| (x - y).abs());
    let within = d.clone().filter(|&d| d < 0.9).count();
    assert!((4..=20).contains(&within) && d.into_iter().all(|d| (d - 0.9).abs() > 0.01));
    check_gradients(4, &pairs, |x| huber(x[0].clone(), x[1].clone(), 0.9)).unwrap();
}

/// The bits of a loss and of its gradient.
fn bits<T: Float>(x: &Tensor<T>, loss: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>) -> Vec<u64> {
    let params = Params::<T>::new();
    let tape = Tape::new(&params);
    let x = tape.input(x.clone());
    let value = loss(x.clone());
    let [gradient] = tape.grad(&value, [&x]);
    [value.item()].iter().chain(gradient.value().data()).map(|x| x.to_f64().to_bits()).collect()
}

#[test]
fn without_smoothing_cross_entropy_is_the_plain_one_to_the_bit() {
    let x = Tensor::new([64, 10], (0..640).map(|i| 20.0 * (1.7 * i as f32).sin()).collect());
    let labels = Tensor::new([64], (0..64).map(|i| (i * 7 % 10) as f32).collect());
    let plain = bits(&x, |x| {
        let labels = x.constant(labels.clone());
        x.cross_entropy(labels)
    });
    let smoothed = |e| {
        bits(&x, |x| {
            let labels = x.constant(labels.clone());
            cross_entropy(x, labels, e)
        })
    };
    assert_eq!(smoothed(0.0), plain);
    assert_ne!(smoothed(1e-3), plain);
}

#[test]
fn a_nan_among_what_is_compared_makes_every_loss_nan() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let (nan, half) = (tape.constant(Tensor::new([2], vec![0.5, f64::NAN])), tape.constant(Tensor::full([2], 0.5)));
    let zero = tape.constant(0.0);
    assert!(cross_entropy(nan.clone(), zero, 0.1).item().is_nan());
    for loss in [LOSSES[0].1, LOSSES[2].1, LOSSES[3].1] {
        assert!(loss(nan.clone(), half.clone(), 1.0).item().is_nan());
        assert!(loss(half.clone(), nan.clone(), 1.0).item().is_nan());
    }
}
