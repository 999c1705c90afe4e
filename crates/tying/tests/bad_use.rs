//! What can be got wrong in a coupling, and what is said then: both sides are named, and nothing has changed.

use insta::assert_snapshot;
use tandem_autograd::{Params, Tape, Tensor, Var};
use tandem_tying::{
    Anchor, Coupling, Gamma, GroupLasso, Groups, Huber, Keep, L1, ModelGraph, Pairing, Penalty, Schedule, Side,
    SquaredL2, Strength, rows,
};

/// Two models of two matrices, and a third with one of another shape.
fn store() -> Params<f64> {
    let mut params = Params::new();
    for (path, shape) in [
        ("a.0", &[4, 3][..]),
        ("a.1", &[3]),
        ("b.0", &[4, 3]),
        ("b.1", &[3]),
        ("c.0", &[2, 3]),
        ("c.2", &[3]),
        ("scalar", &[]),
    ] {
        params.add(path, Tensor::full(shape, 0.5));
    }
    params
}

fn message<R>(result: Result<R, impl ToString>) -> String {
    result.err().expect("this is wrong").to_string()
}

fn pairs(params: &Params<f64>) -> Pairing {
    Pairing::by_path(params, "a", "b").unwrap()
}

#[test]
fn names_that_do_not_pair() {
    let params = store();
    assert_snapshot!(message(Pairing::by_path(&params, "a", "d")), @r"
    `a` and `d` do not pair:
      no parameter is named `d` or `d.…`
    ");
    assert_snapshot!(message(Pairing::by_path(&params, "a", "c")), @r"
    `a` and `c` do not pair:
      `a.1` has no partner `c.1`
      `c.2` has no partner `a.2`
      `a.0` has shape [4, 3], but `c.0` has shape [2, 3]
    ");
    assert_snapshot!(message(Pairing::by_glob(&params, "a", "b", "*.weight")), @r"
    `a` and `b` do not pair:
      no parameter was chosen
    ");
    assert_snapshot!(message(Pairing::by_glob(&params, "a", "b", "[0")), @r"
    `a` and `b` do not pair:
      `[0` is no pattern: invalid range pattern
    ");
    let by_leaf = |path: &str| {
        let (model, leaf) = path.split_once('.')?;
        Some((if model == "a" { Side::First } else { Side::Second }, leaf.to_string()))
    };
    assert_snapshot!(message(Pairing::by_key(&params, by_leaf)), @r#"
    the keys do not pair:
      `c.2` has no partner of key `2`
      key `0` may mean any of ["a.0", "b.0", "c.0"]
    "#);
    assert_snapshot!(message(Pairing::by_key(&params, |_| None)), @r"
    the keys do not pair:
      no parameter was chosen
    ");
}

#[test]
fn lists_that_do_not_pair() {
    let params = store();
    let list = [
        (rows("a.0", ..2), rows("c.0", ..)),
        (rows("a.0", 2..9), rows("c.0", ..)),
        (rows("scalar", ..1), rows("a.1", ..)),
        (rows("a.0", 3..3), rows("a.1", ..)),
        (rows("b.0", ..), rows("a.0", 1..)),
        (rows("a.2", ..), rows("b.2", ..)),
        (rows("a.1", ..), rows("b.1", ..)),
        (rows("b.1", ..), rows("a.1", ..)),
    ];
    assert_snapshot!(message(Pairing::list(&params, list)), @r"
    the list does not pair:
      `a.0` of shape [4, 3] has no rows 2..9
      `scalar` of shape [] has no rows 0..1
      `a.0` of shape [4, 3] has no rows 3..3
      there is no parameter `a.2`
      there is no parameter `b.2`
      `b.0` has shape [4, 3], but `a.0[1..4]` has shape [3, 3]
      `b.1` and `a.1` are paired twice
    ");
    assert_snapshot!(message(Pairing::list(&params, [("a.0", "b.0"); 0])), @r"
    the list does not pair:
      no parameter was chosen
    ");
}

#[test]
fn graphs_that_do_not_pair() {
    let params = store();
    let graph = ModelGraph::new(["a", "b"])
        .edge("a", "b", 1.0)
        .edge("b", "a", 0.5)
        .edge("c", "d", f64::NAN)
        .edge("a", "c", -1.0);
    assert_snapshot!(message(Pairing::over(&params, &graph)), @r#"
    the models of the graph do not pair:
      `b` and `a` are paired twice
      the edge `c` to `d` leads to an unknown model `c`; the models are ["a", "b"]
      the edge `c` to `d` leads to an unknown model `d`; the models are ["a", "b"]
      the edge `c` to `d`: expected a finite weight of at least 0, found NaN
      the edge `a` to `c` leads to an unknown model `c`; the models are ["a", "b"]
      the edge `a` to `c`: expected a finite weight of at least 0, found -1
    "#);
    assert_snapshot!(message(Pairing::over(&params, &ModelGraph::chain(["a", "b", "c"]))), @r"
    the models of the graph do not pair:
      `b.1` has no partner `c.1`
      `c.2` has no partner `b.2`
      `b.0` has shape [4, 3], but `c.0` has shape [2, 3]
    ");
    assert_snapshot!(message(Pairing::over(&params, &ModelGraph::star("centre", ["a", "b"]))), @r"
    the models of the graph do not pair:
      no parameter is named `centre` or `centre.…`
    ");
    assert_snapshot!(message(Pairing::over(&params, &ModelGraph::new(["a"]))), @r"
    the models of the graph do not pair:
      no parameter was chosen
    ");
}

#[test]
fn anchors_that_do_not_fit() {
    let (params, mut other) = (store(), Params::new());
    other.add("before.0", Tensor::zeros([3, 4]));
    assert_snapshot!(message(Anchor::of(&params, "a", &other, "before")), @r"
    `a` does not pair with its anchor:
      `a.0` has shape [4, 3], but `before.0 (the anchor)` has shape [3, 4]
      `a.1` has no partner `before.1` in the anchor
    ");
    assert_snapshot!(message(Anchor::zero(&params, "z")), @r"
    `z` does not pair with its anchor:
      no parameter is named `z` or `z.…`
    ");
    let anchor = Anchor::here(&params, "a").unwrap();
    assert_snapshot!(message(Coupling::toward(&params, anchor, SquaredL2, Strength::Shared)), @r"
    Strength::Shared: some pairs can't be one:
      `a.0` and its anchor: an anchor has no slot
      `a.1` and its anchor: an anchor has no slot
    ");
}

#[test]
fn strengths_that_make_no_sense() {
    let (mut params, (from, to, steps)) = (store(), (0.0, f64::INFINITY, 10));
    let pairing = pairs(&params);
    let mut of = |strength| message(Coupling::new(&mut params, pairing.clone(), strength));
    assert_snapshot!(of(Strength::Coupled(-1.0)), @"Strength::Coupled: expected a finite λ of at least 0, found -1");
    assert_snapshot!(of(Strength::Coupled(f64::NAN)), @"Strength::Coupled: expected a finite λ of at least 0, found NaN");
    assert_snapshot!(of(Strength::Scheduled(Schedule::Linear { from, to, steps })), @"Schedule::Linear, to: expected a finite λ of at least 0, found inf");
    assert_snapshot!(of(Strength::Scheduled(Schedule::Geometric { from, to, steps })), @"Schedule::Geometric, from: expected a finite λ above 0, found 0");
    assert_snapshot!(of(Strength::Learned(Gamma { shape: 1.0, rate: 0.0 })), @"Gamma, rate: expected a finite number above 0, found 0");
    assert_snapshot!(of(Strength::Learned(Gamma { shape: f64::NAN, rate: 1.0 })), @"Gamma, shape: expected a finite number above 0, found NaN");
    let learned = Strength::Learned(Gamma { shape: 1.0, rate: 1.0 });
    assert_snapshot!(message(Coupling::with(&mut params, pairing, Huber::new(1.0), learned)), @"Strength::Learned: expected a penalty with a degree (squared L2, L1, group lasso), found Huber { delta: 1.0 }");
}

#[test]
fn what_can_not_be_one() {
    let mut params = store();
    let list = [(rows("a.0", ..2), "c.0"), (rows("a.1", ..), "b.1")];
    let pairing = Pairing::list(&params, list).unwrap();
    assert_snapshot!(message(pairing.tie(&mut params, Keep::First)), @r"
    some pairs can't be one:
      `a.0[0..2]` and `c.0`: only whole parameters are stored once
    ");
    assert_snapshot!(message(Coupling::new(&mut params, pairing, Strength::Shared)), @r"
    Strength::Shared: some pairs can't be one:
      `a.0[0..2]` and `c.0`: only whole parameters are stored once
    ");
    let pairing = pairs(&params);
    let mut related = Coupling::new(&mut params, pairing, Strength::Free).unwrap().affine(&mut params, "rel").unwrap();
    assert_snapshot!(message(related.set_strength(&mut params, Strength::Shared)), @r"
    Strength::Shared: some pairs can't be one:
      `a.0` and `b.0`: what is related is not equal
      `a.1` and `b.1`: what is related is not equal
    ");
    assert_eq!(params.slots().count(), params.names().count());
}

#[test]
fn weights_that_do_not_fit() {
    let mut params = store();
    let pairing = pairs(&params);
    let squared = Coupling::new(&mut params, pairing.clone(), Strength::Coupled(1.0)).unwrap();
    let weigh = |weight: Tensor<f64>| message(squared.clone().weighted(&params, |_, _| Some(weight.clone())));
    assert_snapshot!(weigh(Tensor::full([3, 4], 1.0)), @"weights of `a.0`: expected one number, or shape [4, 3], found shape [3, 4]");
    assert_snapshot!(weigh(Tensor::scalar(-0.5)), @"weights of `a.0`: expected finite numbers of at least 0, found -0.5");
    assert_snapshot!(weigh(Tensor::full([4, 3], f64::NAN)), @"weights of `a.0`: expected finite numbers of at least 0, found NaN");
    let penalty = GroupLasso { groups: Groups::Filters };
    let groups = Coupling::with(&mut params, pairing, penalty, Strength::Coupled(1.0)).unwrap();
    assert_snapshot!(message(groups.weighted(&params, |_, _| Some(Tensor::full([4, 3], 1.0)))), @"weights of `a.0`: expected one number for the whole pair, with GroupLasso { groups: Filters }, found shape [4, 3]");
}

/// d⁴, which says no more than that.
#[derive(Debug)]
struct Fourth;

impl Penalty<f64> for Fourth {
    fn terms<'t>(&self, d: Var<'t, f64>) -> Var<'t, f64> {
        d.square().square()
    }
}

#[test]
fn steps_that_there_are_not() {
    let mut params = store();
    let coupled = Strength::Coupled(1.0);
    let before: Vec<Tensor<f64>> = params.names().map(|(id, _)| params.get(id).clone()).collect();
    let chain = Pairing::list(&params, [("a.1", "b.1"), ("b.1", "c.2")]).unwrap();
    let of = |params: &mut Params<f64>, coupling: Coupling<f64>| message(coupling.proximal_step(params, 0.1));
    let pairing = pairs(&params);
    let coupling = Coupling::with(&mut params, pairing.clone(), Fourth, coupled).unwrap();
    assert_snapshot!(of(&mut params, coupling), @"no proximal step: Fourth does not know its proximal operator");
    let coupling = Coupling::with(&mut params, chain.clone(), L1, coupled).unwrap();
    assert_snapshot!(of(&mut params, coupling), @"no proximal step: `a.1` is of several pairs: expected squared L2 with one weight a pair, found L1, one weight a pair");
    let weights = |_: &str, _: &str| Some(Tensor::full([3], 1.0));
    let coupling = Coupling::new(&mut params, chain, coupled).unwrap().weighted(&params, weights).unwrap();
    assert_snapshot!(of(&mut params, coupling), @"no proximal step: `a.1` is of several pairs: expected squared L2 with one weight a pair, found SquaredL2, one weight a number");
    let sliding = Pairing::list(&params, [(rows("a.0", ..3), rows("a.0", 1..))]).unwrap();
    let coupling = Coupling::new(&mut params, sliding, coupled).unwrap();
    assert_snapshot!(of(&mut params, coupling), @"no proximal step: `a.0[0..3]` and `a.0[1..4]` overlap");
    let coupling = Coupling::new(&mut params, pairing, coupled).unwrap().affine(&mut params, "rel").unwrap();
    assert_snapshot!(of(&mut params, coupling), @"no proximal step: `a.0` and `b.0` are in a learned relation");
    assert!(params.names().zip(before).all(|((id, _), before)| *params.get(id) == before));
}

#[test]
fn what_is_one_already_counts_as_zero_and_is_reported() {
    let mut params = store();
    let [a, b] = ["a.1", "b.1"].map(|name| params.find(name).unwrap());
    params.tie(b, a).unwrap();
    let pairing = Pairing::list(&params, [("a.0", "a.0"), ("a.1", "b.1"), ("a.0", "b.0")]).unwrap();
    assert_snapshot!(pairing.table(&params), @r"
    first  second  shape   status
    a.0    a.0     [4, 3]  one name, counts as zero
    a.1    b.1     [3]     shared
    a.0    b.0     [4, 3]  free
    ");
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(3.0)).unwrap();
    assert_snapshot!(coupling.report(&params, None), @r"
    SquaredL2, coupled, λ = 3
    first  second  shape   distance  relative  strength  pull  regime   saved  savable
    a.0    a.0     [4, 3]  0.0000    0.0000    ∞         –     shared   0      0
    a.1    b.1     [3]     0.0000    0.0000    ∞         –     shared   24     0
    a.0    b.0     [4, 3]  0.0000    0.0000    3         –     coupled  0      96
    ");
    let itself = Pairing::list(&params, [("a.0", "a.0")]).unwrap();
    let coupling = Coupling::new(&mut params, itself, Strength::Coupled(3.0)).unwrap();
    let tape = Tape::new(&params);
    assert_eq!((coupling.penalty(&tape).item(), coupling.distance(&params)), (0.0, 0.0));
    let mut gradients = tape.param(a).square().sum().backward();
    assert_eq!((coupling.add_gradients(&params, &mut gradients), gradients.iter().count()), (0.0, 1));
}

#[test]
#[should_panic(expected = "proximal_step(): expected a finite rate of at least 0, found NaN")]
fn a_rate_is_a_number() {
    let mut params = store();
    let pairing = pairs(&params);
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0)).unwrap();
    let _ = coupling.proximal_step(&mut params, f64::NAN);
}

#[test]
#[should_panic(expected = "Huber: expected a finite δ above 0, found 0")]
fn the_quadratic_part_has_a_width() {
    Huber::new(0.0);
}
