//! Optimizers and clipping that are handed what does not fit.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use tandem::autograd::{Gradients, Params, Tape, Tensor};
use tandem::nn::{Adam, AdamW, Ema, Group, Optimizer, PerSlot, Sgd, clip_norm, clip_value};

use crate::said;

/// `a` and `b`, and the gradients of their sum or, without `b`, of `a` alone.
fn two_parameters(with_b: bool) -> (Params<f64>, Gradients<f64>) {
    let mut params = Params::new();
    let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::zeros([2])));
    let tape = Tape::new(&params);
    let loss = tape.param(a).sum();
    let gradients = if with_b { loss + tape.param(b).sum() } else { loss }.backward();
    drop(tape);
    (params, gradients)
}

#[test]
fn steps_that_would_leave_a_parameter_as_it_is() {
    let (params, gradients) = two_parameters(false);
    let optimizers: [Box<dyn Optimizer<f64>>; 4] = [
        Box::new(Sgd::new(0.1)),
        Box::new(Sgd::new(0.1).momentum(0.9)),
        Box::new(Adam::new(0.1)),
        Box::new(AdamW::new(0.1)),
    ];
    let mut texts = BTreeSet::new();
    for mut optimizer in optimizers {
        let mut params = params.clone();
        // The line is the caller's through `dyn`, too.
        texts.insert(said(|| optimizer.step(&mut params, &gradients)));
        let borrowed: &mut dyn Optimizer<f64> = &mut *optimizer;
        texts.insert(said(|| borrowed.step(&mut params, &gradients)));
        assert!(params.slots().all(|slot| params.value(slot).data() == [0.0; 2]), "`a` has not moved either");
        assert!(params.slots().all(|slot| optimizer.of_slot(slot).is_none()));
    }
    texts.insert(said(|| Sgd::new(0.1).step(&mut params.clone(), &gradients)));
    texts.insert(said(|| Adam::new(0.1).step(&mut params.clone(), &gradients)));
    assert_snapshot!(Vec::from_iter(texts).join("\n"), @r#"step(): ["b"], of shape [2], has no gradient: the loss does not depend on it; freeze it with set_trainable"#);
}

#[test]
fn groups_that_part_what_is_shared() {
    let (mut params, gradients) = two_parameters(true);
    let mut sgd = Sgd::new(0.1).group(|name| name == "b", Group::new().decay(0.5));
    let mut adam = Adam::new(0.1)
        .group(|name| name == "b", Group::new().rate(2.0))
        .group(|name| name == "a", Group::new().rate(3.0));
    sgd.step(&mut params, &gradients);
    let [a, b] = ["a", "b"].map(|name| params.find(name).unwrap());
    params.tie(b, a).unwrap();
    assert_snapshot!(said(|| sgd.step(&mut params, &gradients)), @"step(): names that share a parameter are in different groups: `a` in none, `b` in group 0; put them into one, or untie them");
    assert_snapshot!(said(|| sgd.step(&mut params, &gradients)), @"step(): names that share a parameter are in different groups: `a` in none, `b` in group 0; put them into one, or untie them");
    assert_snapshot!(said(|| adam.step(&mut params, &gradients)), @"step(): names that share a parameter are in different groups: `a` in group 1, `b` in group 0; put them into one, or untie them");
}

#[test]
fn states_that_do_not_fit() {
    let (params, _) = two_parameters(false);
    let slot = params.slots().next().unwrap();
    let entries = |shapes: &[usize]| vec![(slot, 1, shapes.iter().map(|&len| Tensor::zeros([len])).collect())];
    assert_snapshot!(said(|| Adam::new(0.1).restore(&params, entries(&[2]))), @r#"restore(): ["a"] takes tensors of shapes [[2], [2]], found [[2]]"#);
    assert_snapshot!(said(|| Adam::new(0.1).restore(&params, entries(&[2, 3]))), @r#"restore(): ["a"] takes tensors of shapes [[2], [2]], found [[2], [3]]"#);
    assert_snapshot!(said(|| Sgd::new(0.1).momentum(0.9).restore(&params, entries(&[]))), @r#"restore(): ["a"] takes tensors of shapes [[2]], found []"#);
    assert_snapshot!(said(|| Sgd::new(0.1).restore(&params, entries(&[2]))), @"restore(): SGD without momentum keeps no tensor for a parameter, found 1");
    assert_snapshot!(said(|| Ema::new(0.1).restore(&params, entries(&[1]))), @r#"restore(): ["a"] takes tensors of shapes [[2]], found [[1]]"#);
    assert_snapshot!(said(|| Ema::new(0.1).restore(&Params::new(), entries(&[2]))), @"slot 0 is gone, its names were tied to another slot, or it is of another store");
}

#[test]
fn sizes_to_which_nothing_can_be_cut() {
    let (_, mut gradients) = two_parameters(true);
    assert_snapshot!(said(|| clip_norm(&mut gradients, -1.0)), @"clip_norm() takes a norm of at least 0, found -1");
    assert_snapshot!(said(|| clip_value(&mut gradients, f64::NAN)), @"clip_value() takes a limit of at least 0, found NaN");
}
