//! Where training with a coupling ends, and from which rate on it does not.

use std::f64::consts::PI;

use tandem::autograd::{Params, Tape};
use tandem::nn::{Optimizer, Sgd};
use tandem::tying::{Coupling, ModelGraph, Pairing, SquaredL2, Strength};

use super::{Way, assert_close, names, noise, numbers, over, pair, scalars, step};

/// a/2 (w − u)² and b/2 (w′ − v)².
const WELLS: [[f64; 2]; 2] = [[1.0, 2.0], [3.0, -1.0]];
const DISTANCE: f64 = 3.0;
/// 1/a + 1/b.
const C: f64 = 4.0 / 3.0;
/// (au + bv)/(a + b).
const TOGETHER: f64 = -0.25;

/// Both models after training.
fn train(way: Way, strength: Strength, rate: f64, steps: usize) -> [f64; 2] {
    let mut params = scalars(&[0.3, 0.1]);
    let pairing = Pairing::by_path(&params, "0", "1").unwrap();
    let coupling = Coupling::new(&mut params, pairing, strength).unwrap();
    for _ in 0..steps {
        step(&mut params, &coupling, way, &WELLS, &mut Sgd::new(rate));
    }
    [0, 1].map(|i| numbers(&params, i)[0])
}

#[test]
fn a_pair_of_quadratics_ends_at_the_distance_of_the_closed_form() {
    for lambda in [1e-6, 1e-3, 0.1, 1.0, 30.0, 1e3, 1e6] {
        let strength = Strength::Coupled(lambda);
        let mut found = vec![train(Way::Proximal(0.3), strength, 0.3, 200)];
        if lambda <= 30.0 {
            // Half of the bound 2/(h + 4λ).
            let rate = 1.0 / (3.0 + 4.0 * lambda);
            let steps = (60.0 * (1.0 + lambda)) as usize + 100;
            found.extend([Way::Tape, Way::Fused].map(|way| train(way, strength, rate, steps)));
        }
        let expected = DISTANCE / (1.0 + 2.0 * lambda * C);
        for [w, w2] in found {
            assert_close(w - w2, expected, 1e-14, &format!("λ = {lambda}"));
            // a(w − u) + b(w′ − v) = 0. The roundings of the last 2λ steps or so are still there.
            let bound = 4e-15 * (1.0 + lambda.min(30.0));
            assert_close(w + 3.0 * w2, 4.0 * TOGETHER, bound, &format!("λ = {lambda}, the weighted mean"));
        }
    }
}

#[test]
fn as_lambda_grows_the_distance_falls_like_its_inverse_and_the_limit_is_sharing() {
    let [w, w2] = train(Way::Tape, Strength::Shared, 0.2, 200);
    assert_eq!(w.to_bits(), w2.to_bits());
    assert_close(w, TOGETHER, 1e-15, "shared");
    for lambda in [1e3, 1e4, 1e5] {
        let [near, far] =
            [lambda, 10.0 * lambda].map(|lambda| train(Way::Proximal(0.3), Strength::Coupled(lambda), 0.3, 200));
        let slope = ((far[0] - far[1]) / (near[0] - near[1])).log10();
        assert_close(slope, -1.0, 1.0 / lambda, "slope");
        // (u − v)/(2c), up to 1/λ.
        let constant = DISTANCE / (2.0 * C);
        assert_close((far[0] - far[1]) * 10.0 * lambda, constant, constant / lambda, "distance · λ");
        for x in far {
            assert_close(x, w, 1.0 / lambda, "the limit");
        }
    }
}

/// How much larger the penalty is after some steps of its own gradient alone.
fn growth(mut params: Params<f64>, coupling: &Coupling<f64>, mut optimizer: Sgd<f64>) -> f64 {
    let value = |params: &Params<f64>| coupling.penalty(&Tape::new(params)).item();
    let before = value(&params);
    for _ in 0..3_000 {
        let gradients = coupling.penalty(&Tape::new(&params)).backward();
        optimizer.step(&mut params, &gradients);
    }
    value(&params) / before
}

#[test]
fn descent_on_the_penalty_alone_is_stable_below_its_bound_and_not_above() {
    let lambda = 2.5;
    let largest_of_chain = 2.0 - 2.0 * (PI * 3.0 / 4.0).cos();
    let star = ModelGraph::star("0", names(5).skip(1));
    // Each with how many models it has and the ηλ at which it stops converging; the largest eigenvalue of a star
    // of n, as of a complete graph, is n.
    let mut cases = vec![
        ("mean of 2".to_string(), ModelGraph::mean(names(2)), 2, 0.0, 1.0),
        ("mean of 3".into(), ModelGraph::mean(names(3)), 3, 0.0, 1.0),
        ("mean of 6".into(), ModelGraph::mean(names(6)), 6, 0.0, 1.0),
        ("chain of 4".into(), ModelGraph::chain(names(4)), 4, 0.0, 1.0 / largest_of_chain),
        ("star of 5".into(), star, 5, 0.0, 1.0 / 5.0),
        ("complete of 5".into(), ModelGraph::complete(names(5)), 5, 0.0, 1.0 / 5.0),
    ];
    for beta in [0.0, 0.5, 0.9] {
        cases.push((format!("pair, β = {beta}"), ModelGraph::chain(names(2)), 2, beta, 0.5 * (1.0 + beta)));
    }
    for (name, graph, n, beta, bound) in cases {
        let mut params = scalars(&noise(11, n));
        let coupling = over(&mut params, &graph, lambda);
        let run = |share: f64| growth(params.clone(), &coupling, Sgd::new(share * bound / lambda).momentum(beta));
        let (below, above) = (run(0.99), run(1.01));
        assert!(below < 1e-3, "{name}: just below its bound, the penalty became {below:e} of what it was");
        assert!(above.is_nan() || above > 1e3, "{name}: just above its bound, it became {above:e} of what it was");
    }
}

/// The linear map from the clients' means to what they learn, column by column.
fn map_of_clients(k: usize, lambda: f64) -> Vec<Vec<f64>> {
    (0..k)
        .map(|j| {
            let mut params = scalars(&noise(j as u64, k));
            let coupling = over(&mut params, &ModelGraph::mean(names(k)), lambda);
            let data: Vec<[f64; 2]> = (0..k).map(|i| [2.0, f64::from(u8::from(i == j))]).collect();
            for _ in 0..60 {
                step(&mut params, &coupling, Way::Proximal(0.3), &data, &mut Sgd::new(0.3));
            }
            (0..k).map(|i| numbers(&params, i)[0]).collect()
        })
        .collect()
}

/// E ‖Mx̄ − θ‖²/K with θ_k ~ N(θ, τ²) and x̄_k ~ N(θ_k, s²/n): since M leaves what all have in common as it is,
/// the error is (M − I)u + Me, with u of variance τ² and e of variance s²/n.
fn risk(map: &[Vec<f64>], noise: f64, spread: f64) -> f64 {
    let k = map.len();
    let entry = |(i, j): (usize, usize)| {
        let own = f64::from(u8::from(i == j));
        spread * (map[j][i] - own).powi(2) + noise * map[j][i].powi(2)
    };
    (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).map(entry).sum::<f64>() / k as f64
}

#[test]
fn the_best_strength_of_clients_is_the_noise_over_the_spread() {
    for k in 2..=5 {
        for lambda in [0.0, 0.3, 1.0, 7.0] {
            for (j, column) in map_of_clients(k, lambda).iter().enumerate() {
                for (i, &entry) in column.iter().enumerate() {
                    let expected = (f64::from(u8::from(i == j)) + lambda / k as f64) / (1.0 + lambda);
                    assert_close(entry, expected, 1e-14, &format!("{k} clients, λ = {lambda}"));
                }
            }
        }
    }
    for (k, n, s2, tau2) in [(2, 1.0, 1.0, 1.0), (3, 5.0, 2.0, 0.1), (4, 10.0, 0.5, 0.3), (6, 4.0, 3.0, 0.25)] {
        let best = s2 / (n * tau2);
        let risk = |lambda: f64| risk(&map_of_clients(k, lambda), s2 / n, tau2);
        let [least, below, above] = [best, 0.95 * best, 1.05 * best].map(risk);
        let context = format!("{k} clients, n = {n}, s² = {s2}, τ² = {tau2}");
        assert!(least < below - 1e-8 && least < above - 1e-8, "{context}: {below} {least} {above}");
        assert!(least < risk(0.0) && least < risk(1e6), "{context}: neither alone nor as one");
    }
}

#[test]
fn a_penalty_moves_both_sides_alike() {
    // Whatever the strength, a step on the penalty alone leaves the mean as it is, in every way.
    for way in [Way::Tape, Way::Fused, Way::Proximal(0.1)] {
        let mut params = scalars(&[0.75, -0.25]);
        let coupling = pair(&mut params, SquaredL2, 1.0);
        step(&mut params, &coupling, way, &[[0.0, 0.0]; 2], &mut Sgd::new(0.1));
        let [w, w2] = [0, 1].map(|i| numbers(&params, i)[0]);
        assert_close(w + w2, 0.5, 1e-16, &format!("{way:?}"));
        let factor = if let Way::Proximal(_) = way { 1.0 / 1.4 } else { 0.6 };
        assert_close(w - w2, factor, 1e-15, &format!("{way:?}"));
    }
}
