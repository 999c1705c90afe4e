//! Losses, metrics and images that are handed what does not fit, and where losses record.

use insta::assert_snapshot;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Params, Tape, Tensor};
use tandem::nn::data::{Augment, Images, Warp};
use tandem::nn::{Confusion, accuracy, binary_cross_entropy, cross_entropy, huber, mse};

use crate::composites::recorded_here;
use crate::said;

#[test]
fn losses_that_do_not_fit() {
    let (params, other) = (Params::<f64>::new(), Params::new());
    let (tape, elsewhere) = (Tape::new(&params), Tape::new(&other));
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let y = |numbers: &[f64]| tape.constant(Tensor::new([numbers.len()], numbers.to_vec()));
    assert_snapshot!(said(|| cross_entropy(x(&[2, 3]), y(&[0.0]), 0.1)), @"cross_entropy([2, 3], [1]): an index of shape [1] does not pick from the last axis of [2, 3]");
    assert_snapshot!(said(|| cross_entropy(x(&[2, 3]), y(&[0.0, 3.0]), 0.1)), @"cross_entropy([2, 3], [2]): index 3, at place 1, is not in 0..3, the range of the axis");
    assert_snapshot!(said(|| cross_entropy(x(&[]), x(&[]), 0.1)), @"cross_entropy: a number has no last axis");
    assert_snapshot!(said(|| cross_entropy(x(&[2, 3]), y(&[0.0, 2.0]), 1.5)), @"cross_entropy([2, 3], [2]): a smoothing of 1.5 is not in 0 ≤ ε ≤ 1");
    assert_snapshot!(said(|| cross_entropy(x(&[2, 3]), y(&[0.0, 2.0]), f64::NAN)), @"cross_entropy([2, 3], [2]): a smoothing of NaN is not in 0 ≤ ε ≤ 1");
    assert_snapshot!(said(|| binary_cross_entropy(x(&[2, 1]), y(&[0.0, 1.0]))), @"binary_cross_entropy([2, 1], [2]): both have the same shape; nothing is broadcast");
    assert_snapshot!(said(|| binary_cross_entropy(x(&[2]), y(&[1.0, -0.1]))), @"binary_cross_entropy([2], [2]): target -0.1, at place 1, is not in 0 ≤ y ≤ 1");
    assert_snapshot!(said(|| binary_cross_entropy(x(&[2]), y(&[1.1, 0.0]))), @"binary_cross_entropy([2], [2]): target 1.1, at place 0, is not in 0 ≤ y ≤ 1");
    assert_snapshot!(said(|| mse(x(&[2, 1]), y(&[0.0, 1.0]))), @"mse([2, 1], [2]): both have the same shape; nothing is broadcast");
    assert_snapshot!(said(|| mse(x(&[2]), elsewhere.input(Tensor::zeros([2])))), @"sub: operand 1, of shape [2], is a variable of another tape");
    assert_snapshot!(said(|| huber(x(&[2]), x(&[3]), 1.0)), @"huber([2], [3]): both have the same shape; nothing is broadcast");
    assert_snapshot!(said(|| huber(x(&[2]), x(&[2]), 0.0)), @"huber([2], [2]): expected a finite δ above 0, found 0");
}

#[test]
fn metrics_that_do_not_fit() {
    let x = |shape: &[usize]| Tensor::<f32>::zeros(shape);
    let mut confusion = Confusion::new(3);
    assert_snapshot!(said(|| accuracy(&x(&[4, 3]), &[0, 1])), @"accuracy([4, 3]): 4 rows need as many labels, found 2");
    assert_snapshot!(said(|| accuracy(&x(&[2, 3]), &[0, 3])), @"accuracy([2, 3]): label 3, at place 1, is not in 0..3");
    assert_snapshot!(said(|| accuracy(&x(&[]), &[0])), @"accuracy([]): there is no last axis with a class");
    assert_snapshot!(said(|| confusion.add(&x(&[2, 4]), &[0, 1])), @"Confusion::add([2, 4]): expected 3 classes along the last axis");
    assert_snapshot!(said(|| confusion.add(&x(&[2, 3]), &[0])), @"Confusion::add([2, 3]): 2 rows need as many labels, found 1");
    assert_snapshot!(said(|| confusion.add(&x(&[2, 3]), &[0, 3])), @"Confusion::add([2, 3]): label 3, at place 1, is not in 0..3");
    assert_snapshot!(said(|| confusion.recall(3)), @"class 3 is not in 0..3");
    assert_snapshot!(said(|| confusion.precision(3)), @"class 3 is not in 0..3");
    assert_snapshot!(said(|| confusion.count(0, 3)), @"class 3 is not in 0..3");
}

#[test]
fn changes_of_images_that_make_no_sense() {
    let images = Images { height: 2, width: 2, channels: 1, pixels: vec![0.0; 8], labels: vec![0; 2], classes: 10 };
    let rng = || StdRng::seed_from_u64(0);
    let gather = |augment: Augment, rows: &[usize], pixels: usize| {
        said(|| augment.gather(&images, rows, &mut vec![0f32; pixels], &mut [0.0; 2], &mut rng()))
    };
    assert_snapshot!(said(|| images.rotated(f64::NAN)), @"warped() takes finite numbers and a scale above 0, found Warp { degrees: NaN, scale: 1.0, shift: [0.0, 0.0] }");
    assert_snapshot!(said(|| images.translated([0.0, f64::INFINITY])), @"warped() takes finite numbers and a scale above 0, found Warp { degrees: 0.0, scale: 1.0, shift: [0.0, inf] }");
    assert_snapshot!(said(|| images.warped(&Warp { scale: 0.0, ..Warp::default() })), @"warped() takes finite numbers and a scale above 0, found Warp { degrees: 0.0, scale: 0.0, shift: [0.0, 0.0] }");
    assert_snapshot!(said(|| images.noisy(-0.1, &mut rng())), @"noisy() takes a finite deviation that is not negative, found -0.1");
    assert_snapshot!(said(|| images.gather(&[0, 2], &mut [0f32; 8], &mut [0.0; 2])), @"row 2 of 2 images");
    assert_snapshot!(gather(Augment { degrees: -1.0, ..Augment::default() }, &[0], 8), @"Augment takes finite numbers that are not negative, and a scale less than 1, found Augment { degrees: -1.0, scale: 0.0, pixels: 0.0, noise: 0.0 }");
    assert_snapshot!(gather(Augment { scale: 1.0, ..Augment::default() }, &[0], 8), @"Augment takes finite numbers that are not negative, and a scale less than 1, found Augment { degrees: 0.0, scale: 1.0, pixels: 0.0, noise: 0.0 }");
    assert_snapshot!(gather(Augment { noise: f64::NAN, ..Augment::default() }, &[0], 8), @"Augment takes finite numbers that are not negative, and a scale less than 1, found Augment { degrees: 0.0, scale: 0.0, pixels: 0.0, noise: NaN }");
    assert_snapshot!(gather(Augment::default(), &[0, 1], 7), @"2 images of 4 pixels need 8 places, found 7");
    assert_snapshot!(gather(Augment::default(), &[0, 1, 1], 12), @"3 labels need 3 places, found 2");
    assert_snapshot!(gather(Augment::default(), &[0, 2], 8), @"row 2 of 2 images");
}

#[test]
fn losses_record_at_the_line_that_calls_them() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let (x, y) = (tape.input(Tensor::zeros([2, 3])), tape.constant(Tensor::zeros([2, 3])));
    let labels = tape.constant(Tensor::zeros([2]));
    recorded_here(&tape, || cross_entropy(x.clone(), labels.clone(), 0.1));
    recorded_here(&tape, || cross_entropy(x.clone(), labels.clone(), 0.0));
    recorded_here(&tape, || binary_cross_entropy(x.clone(), y.clone()));
    recorded_here(&tape, || mse(x.clone(), y.clone()));
    recorded_here(&tape, || huber(x.clone(), y.clone(), 1.0));
}
