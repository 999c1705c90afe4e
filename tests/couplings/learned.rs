//! A strength that is learned.

use tandem::autograd::{Params, Tape, Tensor};
use tandem::nn::Sgd;
use tandem::tying::{Coupling, Gamma, GroupLasso, Groups, L1, ModelGraph, Pairing, Penalty, SquaredL2, Strength};

use super::{Way, assert_close, models, names, noise, numbers, pair, scalars, step, wells};

const GAMMA: Gamma = Gamma { shape: 1.5, rate: 0.2 };

/// a/2 (w − u)² and b/2 (w′ − v)², with 1/a + 1/b = 4/3, `distance` apart.
fn data(distance: f64) -> [[f64; 2]; 2] {
    [[1.0, 0.3 + distance], [3.0, 0.3]]
}
const C: f64 = 4.0 / 3.0;

fn learned(params: &mut Params<f64>, penalty: impl Penalty<f64> + 'static, graph: &ModelGraph) -> Coupling<f64> {
    let pairing = Pairing::over(params, graph).unwrap();
    Coupling::with(params, pairing, penalty, Strength::Learned(GAMMA)).unwrap()
}

/// Data, penalty and prior at these weights, with the λ that suits them best.
fn objective(params: &Params<f64>, coupling: &Coupling<f64>, data: &[[f64; 2]]) -> f64 {
    let mut coupling = coupling.clone();
    coupling.advance(params);
    let tape = Tape::new(params);
    (wells(&tape, data) + coupling.penalty(&tape)).item()
}

#[test]
fn weights_and_strength_end_in_a_minimum_of_both() {
    for (way, distance) in [(Way::Tape, 3.0), (Way::Fused, 3.0), (Way::Proximal(0.05), 3.0), (Way::Tape, 0.4)] {
        let mut params = scalars(&[0.0, 1.0]);
        let mut coupling = learned(&mut params, SquaredL2, &ModelGraph::chain(names(2)));
        for _ in 0..4_000 {
            step(&mut params, &coupling, way, &data(distance), &mut Sgd::new(0.05));
            coupling.advance(&params);
        }
        let context = format!("{way:?}, {distance} apart");
        let (d, lambda) = (numbers(&params, 0)[0] - numbers(&params, 1)[0], coupling.lambda());
        // n = 1, p = 2: λ = (½ + shape − 1)/(d² + rate), and d = D/(1 + 2λc).
        assert_close(lambda, (0.5 + GAMMA.shape - 1.0) / (d * d + GAMMA.rate), 1e-12, &context);
        assert_close(d, distance / (1.0 + 2.0 * lambda * C), 1e-12, &context);
        // λ(Ω + rate) − (½ + shape − 1) ln λ, on the tape and fused.
        let prior = lambda * (d * d + GAMMA.rate) - (GAMMA.shape - 0.5) * lambda.ln();
        let tape = Tape::new(&params);
        let mut gradients = wells(&tape, &data(distance)).backward();
        assert_close(coupling.add_gradients(&params, &mut gradients), prior, 1e-13, &context);
        assert_close(coupling.penalty(&Tape::new(&params)).item(), prior, 1e-13, &context);
        let least = objective(&params, &coupling, &data(distance));
        for (i, by) in [(0, 1e-3), (0, -1e-3), (1, 1e-3), (1, -1e-3)] {
            let mut moved = params.clone();
            moved.update(moved.slot(moved.find(&format!("{i}.w")).unwrap()), |w| w[0] += by);
            assert!(objective(&moved, &coupling, &data(distance)) > least + 1e-8, "{context}: model {i} moved by {by}");
        }
        // And λ for weights that stay.
        let at = |lambda: f64| lambda * (d * d + GAMMA.rate) - (GAMMA.shape - 0.5) * lambda.ln();
        assert!(at(lambda) < at(0.99 * lambda) && at(lambda) < at(1.01 * lambda), "{context}");
    }
}

#[test]
fn without_a_hyperprior_models_collapse_where_the_data_leave_no_root() {
    // λ = ½/d² in d(1 + 2λc) = D gives d² − Dd + c = 0: no root if D² < 4c, and then d falls to zero.
    for (distance, root) in [(2.2, false), (2.5, true), (4.0, true)] {
        assert_eq!(distance * distance >= 4.0 * C, root);
        let mut params = scalars(&[0.3 + distance, 0.3]);
        let mut coupling = pair(&mut params, SquaredL2, 0.0);
        for _ in 0..3_000 {
            let omega = coupling.distance(&params).powi(2);
            if omega < 1e-12 {
                break;
            }
            coupling.set_strength(&mut params, Strength::Coupled(0.5 / omega)).unwrap();
            step(&mut params, &coupling, Way::Proximal(0.1), &data(distance), &mut Sgd::new(0.1));
        }
        let d = coupling.distance(&params);
        let expected = if root { 0.5 * (distance + (distance * distance - 4.0 * C).sqrt()) } else { 0.0 };
        assert_close(d, expected, 1e-6, &format!("{distance} apart"));

        // With one, λ is bounded, and so is the distance from zero.
        let mut params = scalars(&[0.3 + distance, 0.3]);
        let mut coupling = learned(&mut params, SquaredL2, &ModelGraph::chain(names(2)));
        for _ in 0..3_000 {
            step(&mut params, &coupling, Way::Proximal(0.1), &data(distance), &mut Sgd::new(0.1));
            coupling.advance(&params);
        }
        let bound = (GAMMA.shape - 0.5) / GAMMA.rate;
        assert!(coupling.lambda() < bound);
        assert!(coupling.distance(&params) > distance / (1.0 + 2.0 * bound * C), "{distance} apart");
    }
}

/// λ of models that agree: (n/p + shape − 1)/rate tells what n/p is counted as.
fn order(coupling: &Coupling<f64>) -> f64 {
    coupling.lambda() * GAMMA.rate - (GAMMA.shape - 1.0)
}

#[test]
fn the_numbers_that_can_differ_are_counted() {
    let equal = |n: usize| models(&[6], (0..n).map(|_| noise(1, 6)));
    // Two models of 6 numbers: n = 6.
    let p = 1.0;
    let counts = [
        order(&learned(&mut equal(2), SquaredL2, &ModelGraph::chain(names(2)))) * 2.0,
        order(&learned(&mut equal(2), L1, &ModelGraph::chain(names(2)))) * p,
        order(&learned(&mut equal(2), GroupLasso { groups: Groups::Whole }, &ModelGraph::chain(names(2)))) * p,
    ];
    for n in counts {
        assert_close(n, 6.0, 1e-13, "a pair");
    }
    // Over a connected graph, the differences of n models have the dimension of n − 1: the rank of its Laplacian.
    let no_first = ModelGraph::new(names(3)).edge("0", "1", 0.0).edge("1", "2", 1.0).edge("2", "0", 0.5);
    let no_last = ModelGraph::new(names(3)).edge("0", "1", 1.0).edge("1", "2", 1.0).edge("2", "0", 0.0);
    let two_parts =
        ModelGraph::new(names(5)).edge("0", "1", 1.0).edge("2", "3", 1.0).edge("3", "4", 2.0).edge("4", "2", 1.0);
    for (name, graph, n, rank) in [
        ("ring of 3", ModelGraph::complete(names(3)), 3, 2.0),
        ("mean of 5", ModelGraph::mean(names(5)), 5, 4.0),
        ("chain of 4", ModelGraph::chain(names(4)), 4, 3.0),
        ("star of 5", ModelGraph::star("0", names(5).skip(1)), 5, 4.0),
        ("two parts", two_parts, 5, 3.0),
        ("a ring whose last edge weighs nothing", no_last, 3, 2.0),
        ("a ring whose first edge weighs nothing", no_first, 3, 2.0),
    ] {
        let mut params = equal(n);
        assert_close(2.0 * order(&learned(&mut params, SquaredL2, &graph)), 6.0 * rank, 1e-13, name);
    }
    // What weighs nothing is free.
    let mut params = equal(2);
    let weights = Tensor::new([6], vec![1.0, 0.0, 2.0, 0.0, 0.0, 0.5]);
    let coupling = learned(&mut params, SquaredL2, &ModelGraph::chain(names(2)));
    let coupling = coupling.weighted(&params, |_, _| Some(weights.clone())).unwrap();
    assert_close(2.0 * order(&coupling), 3.0, 1e-13, "weights of zero");
}
