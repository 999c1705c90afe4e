//! Pairings and couplings that are used with another store than theirs, and what else panics.

use insta::assert_snapshot;
use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::tying::{Anchor, Coupling, Fisher, Keep, Pairing, Penalty, SoftSharing, SquaredL2, Strength, Within};

use crate::said;

fn store() -> Params<f64> {
    let mut params = Params::new();
    for name in ["a.w", "b.w"] {
        params.add(name, Tensor::full([2], 1.0));
    }
    params
}

#[test]
fn the_store_of_another() {
    let (mut params, mut other) = (store(), store());
    let mut gradients = Tape::new(&params).input(Tensor::scalar(1.0)).square().backward();
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    let coupling = Coupling::new(&mut params, pairing.clone(), Strength::Coupled(0.5)).unwrap();
    let anchor = Anchor::here(&params, "a").unwrap();
    let soft = SoftSharing::new(&mut params, "mix", |name| name.starts_with('a'), 2, 0.1, 1.0).unwrap();
    let same = |message: String| assert!(message.starts_with("this id (0) is of another store"), "{message}");
    let strength = Strength::Free;
    same(said(|| pairing.table(&other).to_string()));
    same(said(|| pairing.tie(&mut other, Keep::First)));
    same(said(|| pairing.untie(&mut other)));
    same(said(|| pairing.pairs()[0].is_shared(&other)));
    same(said(|| pairing.pairs()[0].first.name(&other)));
    same(said(|| pairing.pairs()[0].first.shape(&other)));
    same(said(|| Coupling::new(&mut other, pairing.clone(), strength)));
    same(said(|| Coupling::with(&mut other, pairing.clone(), SquaredL2, strength)));
    same(said(|| Coupling::toward(&other, anchor.clone(), SquaredL2, strength)));
    same(said(|| anchor.clone().only(&other, |_| true)));
    same(said(|| coupling.clone().set_strength(&mut other, strength)));
    same(said(|| coupling.clone().untie(&mut other)));
    same(said(|| coupling.clone().advance(&other)));
    same(said(|| coupling.clone().weighted(&other, |_, _| None)));
    same(said(|| coupling.clone().affine(&mut other, "rel")));
    same(said(|| coupling.clone().consolidate(&mut other, Within::Absolute(0.0), |_| 0.0)));
    same(said(|| drop(coupling.penalty(&Tape::new(&other)))));
    same(said(|| coupling.add_gradients(&other, &mut gradients)));
    same(said(|| coupling.proximal_step(&mut other, 0.1)));
    same(said(|| coupling.distance(&other)));
    same(said(|| coupling.report(&other, None)));
    let mixture = |message: String| assert!(message.contains("is of another store"), "{message}");
    mixture(said(|| drop(soft.penalty(&Tape::new(&other)))));
    mixture(said(|| soft.add_gradients(&other, &mut gradients)));
    mixture(said(|| soft.mixture(&other)));
    mixture(said(|| soft.consolidate(&mut other, |_| 0.0)));
}

/// Says that it has a term for each number, and has one for all.
#[derive(Debug)]
struct Liar;

impl Penalty<f64> for Liar {
    fn terms<'t>(&self, d: Var<'t, f64>) -> Var<'t, f64> {
        d.square().sum()
    }

    fn each_number(&self) -> bool {
        true
    }
}

#[test]
fn what_a_caller_can_get_wrong() {
    let mut params = store();
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    let coupling = Coupling::with(&mut params, pairing, Liar, Strength::Coupled(0.5)).unwrap();
    let weighted = coupling.clone().weighted(&params, |_, _| Some(Tensor::full([2], 1.0))).unwrap();
    assert_snapshot!(said(|| drop(weighted.penalty(&Tape::new(&params)))), @"Liar: a term for each number of [2], found []");
    assert_snapshot!(said(|| coupling.proximal_step(&mut params, -1.0)), @"proximal_step(): expected a finite rate of at least 0, found -1");
    assert_snapshot!(said(|| coupling.clone().consolidate(&mut params, Within::Relative(-1.0), |_| 0.0)), @"consolidate(): expected an ε of at least 0, found -1");
    assert_snapshot!(said(|| Fisher::estimate(&params, [(); 0], |tape, ()| tape.input(1.0))), @"Fisher::estimate() takes at least one example, found none");
    params.add("rel.a.w.b.w.shift", Tensor::scalar(0.0));
    assert_snapshot!(said(|| coupling.clone().affine(&mut params, "rel")), @"a parameter named `rel.a.w.b.w.shift` exists already, of shape []");
}
