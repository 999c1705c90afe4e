//! Where pairs stand, and from soft to hard.

use insta::assert_snapshot;
use tandem_autograd::{Gradients, Params, Tape, Tensor};
use tandem_tying::{Anchor, Coupling, Gamma, Keep, ModelGraph, Pairing, Regime, SquaredL2, Strength, Within, rows};

/// Three models of a matrix and a number, all different.
fn store() -> Params<f64> {
    let mut params = Params::new();
    for (model, x) in [("a", 1.0), ("b", 1.1), ("c", 3.0)] {
        params.add(&format!("{model}.w"), Tensor::full([3, 4], x));
        params.add(&format!("{model}.x"), Tensor::scalar(10.0 * x));
    }
    params
}

/// Of Σ w³/3: the square of each number.
fn cubes(params: &Params<f64>) -> Gradients<f64> {
    let tape = Tape::new(params);
    let sums = params.names().map(|(id, _)| tape.param(id).powf(3.0).sum() / 3.0);
    sums.reduce(|a, b| a + b).unwrap().backward()
}

#[test]
fn a_report_tells_distance_strength_pull_regime_and_bytes() {
    let mut params = store();
    let [a, b] = ["a.x", "b.x"].map(|name| params.find(name).unwrap());
    params.tie(b, a).unwrap();
    let list = [
        (rows("a.w", ..), rows("b.w", ..)),
        (rows("a.x", ..), rows("b.x", ..)),
        (rows("a.w", ..1), rows("c.w", 2..)),
        (rows("b.w", ..), rows("c.w", ..)),
    ];
    let pairing = Pairing::list(&params, list).unwrap();
    let weight = |name: &str, _: &str| (name == "b.w").then(|| Tensor::scalar(0.0));
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.25)).unwrap();
    let coupling = coupling.weighted(&params, weight).unwrap();
    let report = coupling.report(&params, Some(&cubes(&params)));
    assert_snapshot!(report, @r"
    SquaredL2, coupled, λ = 0.25
    first      second     shape   distance  relative  strength  pull    regime   saved  savable
    a.w        b.w        [3, 4]  0.3464    0.0909    0.25      0.045   coupled  0      96
    a.x        b.x        []      0.0000    0.0000    ∞         –       shared   8      0
    a.w[0..1]  c.w[2..3]  [1, 4]  4.0000    0.6667    0.25      0.1562  coupled  0      0
    b.w        c.w        [3, 4]  6.5818    0.6333    0         0       free     0      96
    ");
    // ‖2λd‖ on both sides, against squares of 1 and 1.1.
    let pull = (2.0_f64 * (0.5 * 0.1_f64).powi(2)).sqrt() / (1.0_f64 + 1.1_f64.powi(4)).sqrt();
    assert!((report.pairs[0].pull.unwrap() - pull).abs() < 1e-14);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["pairs"].as_array().unwrap().len(), 4);
    assert_eq!((&json["lambda"], &json["pairs"][1]["regime"]), (&0.25.into(), &"shared".into()));
    assert_eq!(
        (&json["pairs"][1]["strength"], &json["pairs"][1]["bytes_saved"]),
        (&serde_json::Value::Null, &8.into())
    );
    assert_eq!(json["pairs"][0]["pull"].as_f64(), report.pairs[0].pull);
    // Without gradients, or with those of a loss that does not depend on the pair, there is nothing to compare with.
    assert_eq!(coupling.report(&params, None).pairs[0].pull, None);
}

#[test]
fn an_optimum_is_where_the_pull_is_one() {
    let mut params = Params::<f64>::new();
    let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::scalar(0.0)));
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.3)).unwrap();
    let data = |params: &Params<f64>| {
        let tape = Tape::new(params);
        ((tape.param(a) - 1.0).square() + 2.0 * (tape.param(b) - 2.0).square()).backward()
    };
    for _ in 0..2000 {
        let mut gradients = data(&params);
        coupling.add_gradients(&params, &mut gradients);
        for slot in [params.slot(a), params.slot(b)] {
            params.update(slot, |w| w[0] -= 0.1 * gradients.get(slot).unwrap().item());
        }
    }
    let row = &coupling.report(&params, Some(&data(&params))).pairs[0];
    assert!((row.pull.unwrap() - 1.0).abs() < 1e-12 && row.distance > 0.1, "{row:?}");
}

#[test]
fn anchors_and_learned_strengths_are_reported() {
    let params = store();
    let learned = Strength::Learned(Gamma { shape: 1.0, rate: 3.0 });
    let zero = Coupling::toward(&params, Anchor::zero(&params, "a").unwrap(), SquaredL2, learned).unwrap();
    // 13 numbers of which p is 2, and Ω = 12·1² + 10².
    assert_eq!(zero.lambda(), 6.5 / (112.0 + 3.0));
    assert_snapshot!(zero.report(&params, Some(&cubes(&params))), @r"
    SquaredL2, coupled, λ ~ Gamma(1, 3)
    first  second  shape   distance  relative  strength  pull    regime   saved  savable
    a.w    0       [3, 4]  3.4641    1.0000    0.0565    0.113   coupled  0      0
    a.x    0       []      10.0000   1.0000    0.0565    0.0113  coupled  0      0
    ");
}

#[test]
fn what_came_close_becomes_one_and_the_rest_stays_coupled() {
    let mut params = store();
    let pairing = Pairing::over(&params, &ModelGraph::complete(["a", "b", "c"])).unwrap();
    let mut coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5)).unwrap().keeping(Keep::Mean);
    let loss = |params: &Params<f64>| params.names().map(|(id, _)| params.get(id).data()[0].powi(2)).sum::<f64>();
    // a and b are within a tenth of each other.
    let done = coupling.consolidate(&mut params, Within::Relative(0.1), loss);
    assert_snapshot!(done, @r"
    first  second  distance  now
    a.w    b.w     0.3464    shared
    a.x    b.x     1.0000    shared
    a.w    c.w     6.9282    apart
    a.x    c.x     20.0000   apart
    b.w    c.w     6.5818    apart
    b.x    c.x     19.0000   apart
    104 bytes freed; loss 1132.2100 to 1131.7050, a cost of -0.5050
    ");
    assert_eq!((done.shared.len(), done.apart.len(), done.bytes_freed), (2, 4, 13 * 8));
    let [a, b] = ["a.w", "b.w"].map(|name| params.find(name).unwrap());
    assert!(params.slot(a) == params.slot(b) && (params.get(a).data()[0] - 1.05).abs() < 1e-15);
    let regimes: Vec<Regime> = coupling.report(&params, None).pairs.iter().map(|row| row.regime).collect();
    assert_eq!(regimes[..3], [Regime::Shared, Regime::Shared, Regime::Coupled]);
    // What is one counts once: (a, c) and (b, c) are the same pair now.
    let expected = 0.5 * (12.0 * 1.95_f64.powi(2) + 19.5_f64.powi(2));
    assert!((coupling.penalty(&Tape::new(&params)).item() - expected).abs() < 1e-12);
    // Nothing more is that close; within an absolute ε, the numbers are, and the chain makes all three one.
    assert_eq!(coupling.consolidate(&mut params, Within::Relative(0.1), loss).shared.len(), 0);
    let done = coupling.consolidate(&mut params, Within::Absolute(20.0), loss);
    assert_eq!((params.slots().count(), done.bytes_freed), (2, 13 * 8));
    // The third model's value counts as much as that of the two before it.
    assert!((params.get(a).data()[0] - f64::midpoint(1.05, 3.0)).abs() < 1e-15);
    coupling.set_strength(&mut params, Strength::Free).unwrap();
    assert_eq!(params.slots().count(), 6);
}

#[test]
fn rows_and_anchors_stay_apart_however_close() {
    let mut params = store();
    let pairing = Pairing::list(&params, [(rows("a.w", ..1), rows("b.w", ..1))]).unwrap();
    let mut of_rows = Coupling::new(&mut params, pairing, Strength::Free).unwrap();
    let mut anchored =
        Coupling::toward(&params, Anchor::here(&params, "a").unwrap(), SquaredL2, Strength::Free).unwrap();
    for (coupling, apart) in [(&mut of_rows, 1), (&mut anchored, 2)] {
        let done = coupling.consolidate(&mut params, Within::Absolute(f64::INFINITY), |_| 0.0);
        assert_eq!((done.shared.len(), done.apart.len(), done.bytes_freed), (0, apart, 0));
        assert!(coupling.report(&params, None).pairs.iter().all(|row| row.bytes_savable == 0));
    }
}

#[test]
#[should_panic(expected = "consolidate(): expected an ε of at least 0, found NaN")]
fn close_is_a_number() {
    let mut params = store();
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    let mut coupling = Coupling::new(&mut params, pairing, Strength::Free).unwrap();
    coupling.consolidate(&mut params, Within::Absolute(f64::NAN), |_| 0.0);
}
