//! Names, ids and slots that a store does not have.

use insta::assert_snapshot;
use tandem::autograd::{Params, Tape, Tensor};

use crate::said;

#[test]
fn a_name_that_is_taken() {
    let mut params = Params::<f64>::new();
    params.add("w", Tensor::zeros([2]));
    assert_snapshot!(said(|| params.add("w", Tensor::zeros([3]))), @"a parameter named `w` exists already, of shape [2]");
}

#[test]
fn ids_of_another_store() {
    let (mut params, mut other) = (Params::<f64>::new(), Params::<f64>::new());
    let w = params.add("w", Tensor::zeros([2]));
    let stranger = other.add("w", Tensor::zeros([2]));
    // Of the same place in a clone, but given out after it was made.
    let mut clone = params.clone();
    let later = params.add("later", Tensor::zeros([2]));
    clone.add("later", Tensor::zeros([2]));
    let tape = Tape::new(&params);
    assert_snapshot!(said(|| tape.param(stranger)), @"this id (0) is of another store: it was not given out by this one or the one it was cloned from");
    assert_snapshot!(said(|| clone.get(later).len()), @"this id (1) is of another store: it was not given out by this one or the one it was cloned from");
    // All others say the same.
    let gradients = Tape::new(&params).param(w).sum().backward();
    let same = |message: String| assert!(message.starts_with("this id (0) is of another store"), "{message}");
    same(said(|| params.name(stranger).len()));
    same(said(|| params.slot(stranger)));
    same(said(|| params.is_shared(stranger)));
    same(said(|| params.is_trainable(stranger)));
    same(said(|| params.clone().set_trainable(stranger, true)));
    same(said(|| params.clone().set(stranger, Tensor::zeros([2]))));
    same(said(|| params.clone().tie(w, stranger)));
    same(said(|| params.clone().tie(stranger, w)));
    same(said(|| params.clone().untie(stranger)));
    same(said(|| gradients.of(&params, stranger).is_some()));
}

#[test]
fn slots_that_are_gone() {
    let mut params = Params::<f64>::new();
    let [w, v] = ["w", "v"].map(|path| params.add(path, Tensor::zeros([2])));
    let gone = params.slot(v);
    params.tie(v, w).unwrap();
    assert_snapshot!(said(|| params.value(gone).len()), @"slot 1 is gone, its names were tied to another slot, or it is of another store");
    assert_snapshot!(said(|| params.copy_of(gone)), @"slot 1 is gone, its names were tied to another slot, or it is of another store");
    assert_snapshot!(said(|| params.slot_is_trainable(gone)), @"slot 1 is gone, its names were tied to another slot, or it is of another store");
    assert_snapshot!(said(|| params.clone().update(gone, |_| ())), @"slot 1 is gone, its names were tied to another slot, or it is of another store");
}
