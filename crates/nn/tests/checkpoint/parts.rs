//! What optimizers and averages remember, beside the parameters.

use insta::assert_snapshot;
use tandem_autograd::{Params, Tape, Tensor};
use tandem_nn::checkpoint::Checkpoint;
use tandem_nn::{Adam, Ema, Optimizer, PerSlot, Sgd};

use super::{directory, header, refusal, store};

/// A step on everything.
fn step(params: &mut Params<f32>, optimizer: &mut dyn Optimizer<f32>) {
    let gradients = {
        let tape = Tape::new(params);
        let ids: Vec<_> = params.names().map(|(id, _)| id).collect();
        let terms = ids.into_iter().map(|id| tape.param(id).square().sum());
        terms.reduce(|sum, term| sum + term).unwrap().backward()
    };
    optimizer.step(params, &gradients);
}

#[test]
fn what_is_remembered_goes_with_the_tensor_and_what_is_not_meant_keeps_its_own() {
    let (_directory, path) = directory();
    let mut saved = store(&["encoder.w", "head.w", "x"], &[["head.w", "encoder.w"]], 1);
    let mut adam = Adam::new(0.1);
    (0..3).for_each(|_| step(&mut saved, &mut adam));
    Checkpoint::of(&mut saved).slots("adam", &mut adam).save(&path).unwrap();
    let of = |adam: &Adam, params: &Params<f32>, name: &str| {
        let (steps, tensors) = adam.of_slot(params.slot(params.find(name).unwrap())).unwrap();
        (steps, tensors.to_vec())
    };

    // A program that knows the tensor by its other name, and has an `x` of another shape, which is not meant.
    let mut params = store(&["head.w"], &[], 2);
    params.add("x", Tensor::full([5], 1.0));
    let mut other = Adam::new(0.1);
    step(&mut params, &mut other);
    let before = of(&other, &params, "x");
    Checkpoint::of(&mut params).slots("adam", &mut other).only(&|name| name == "head.w").load(&path).unwrap();
    assert_eq!(of(&other, &params, "head.w"), of(&adam, &saved, "encoder.w"));
    assert_eq!((before.0, of(&other, &params, "x")), (1, before));

    // Saved alone, it is all that there is.
    Checkpoint::of(&mut params).slots("adam", &mut other).only(&|name| name == "x").save(&path).unwrap();
    assert!(!header(&path).contains("head.w"), "{}", header(&path));

    // Tied here, apart in the file: one slot can't go on from two memories.
    let mut apart = store(&["a", "b"], &[["b", "a"]], 1);
    apart.untie(apart.find("b").unwrap());
    let mut two = Adam::new(0.0);
    step(&mut apart, &mut two);
    Checkpoint::of(&mut apart).slots("adam", &mut two).save(&path).unwrap();
    let mut tied = store(&["a", "b"], &[["b", "a"]], 3);
    let message = refusal(|params| Checkpoint::of(params).slots("adam", &mut Adam::new(0.0)).load(&path), &mut tied);
    assert!(
        message.contains("`adam/a`, `adam/b`: tied in the program, but of different values in the file"),
        "{message}"
    );
}

#[test]
fn a_part_that_does_not_fit_leaves_the_rest_as_it_is() {
    let (_directory, path) = directory();
    let (mut saved, mut adam, mut epoch) = (store(&["a", "b"], &[], 1), Adam::new(0.1), 1_u8);
    step(&mut saved, &mut adam);
    Checkpoint::of(&mut saved).slots("optimizer", &mut adam).value("epoch", &mut epoch).save(&path).unwrap();
    let mut params = store(&["a", "b"], &[], 2);
    let (mut wrong, mut average, mut text) = (Sgd::new(0.1).momentum(0.9), Ema::new(0.5), "text".to_string());
    let mut load = |params: &mut Params<f32>| {
        let all = Checkpoint::of(params).slots("optimizer", &mut wrong).slots("average", &mut average);
        all.value("epoch", &mut text).load(&path)
    };
    let message = refusal(&mut load, &mut params);
    assert_snapshot!(message, @r"
    model.safetensors: 3 entries that do not fit:
      `average`: missing in the file
      `optimizer`: expected that of sgd, found adam
      `epoch`: found 1: invalid type: integer `1`, expected a string
    ");
    assert_eq!(text, "text");
    // Nor when values alone do not fit.
    let mut right = Adam::new(0.1);
    refusal(
        |params| Checkpoint::of(params).slots("optimizer", &mut right).value("epoch", &mut text).load(&path),
        &mut params,
    );
    assert!(right.of_slot(params.slots().next().unwrap()).is_none());
}
