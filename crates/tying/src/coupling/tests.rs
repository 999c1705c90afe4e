use tandem_autograd::{Gradients, ParamId, Tensor};

use super::*;

const W: [usize; 2] = [2, 3];

/// Two models `a` and `b` of a matrix and a vector, all numbers different.
fn store<T: Float>() -> Params<T> {
    let mut params = Params::new();
    for (i, model) in ["a", "b"].into_iter().enumerate() {
        let number = |k: usize| T::from_f64(((i + 2) * (k + 1)) as f64 * 0.37 % 1.0 - 0.5);
        params.add(&format!("{model}.weight"), Tensor::new(W, (0..6).map(number).collect()));
        params.add(&format!("{model}.bias"), Tensor::new([3], (6..9).map(number).collect()));
    }
    params
}

fn couple<T: Float>(params: &mut Params<T>, strength: Strength) -> Coupling<T> {
    let pairing = Pairing::by_path(params, "a", "b").unwrap();
    Coupling::new(params, pairing, strength).unwrap()
}

/// A step of gradient descent over slots. A slot without a gradient stays as it is.
fn descend<T: Float>(params: &mut Params<T>, gradients: &Gradients<T>, rate: f64) {
    for slot in params.slots().collect::<Vec<_>>() {
        if let Some(gradient) = gradients.get(slot) {
            let rate = T::from_f64(rate);
            params.update(slot, |w| w.iter_mut().zip(gradient.data()).for_each(|(w, &g)| *w = *w - rate * g));
        }
    }
}

fn numbers<T: Float>(params: &Params<T>) -> Vec<f64> {
    params.names().flat_map(|(id, _)| params.get(id).data().iter().map(|w| w.to_f64())).collect()
}

#[test]
fn the_gradient_of_the_penalty_is_twice_lambda_times_the_difference() {
    let (mut params, lambda) = (store::<f64>(), 0.7);
    let coupling = couple(&mut params, Strength::Coupled(lambda));
    let tape = Tape::new(&params);
    let penalty = coupling.penalty(&tape);
    assert!((penalty.item() - lambda * coupling.distance(&params).powi(2)).abs() < 1e-14);
    let gradients = penalty.backward();
    for pair in Pairing::by_path(&params, "a", "b").unwrap().pairs() {
        let [a, b] = [pair.first.id, pair.second.id].map(|id| params.get(id).data());
        let [of_a, of_b] = [pair.first.id, pair.second.id].map(|id| gradients.of(&params, id).unwrap().data());
        for i in 0..a.len() {
            let expected = 2.0 * lambda * (a[i] - b[i]);
            assert!(expected.abs() > 0.01 && (of_a[i] - expected).abs() < 1e-14 && of_b[i] == -of_a[i]);
        }
    }
}

#[test]
fn the_gradient_of_the_penalty_agrees_with_finite_differences() {
    let mut params = store::<f64>();
    let coupling = couple(&mut params, Strength::Coupled(0.3));
    let ids: Vec<ParamId> = params.names().map(|(id, _)| id).collect();
    let value = |params: &Params<f64>| coupling.penalty(&Tape::new(params)).item();
    let tape = Tape::new(&params);
    let gradients = coupling.penalty(&tape).backward();
    for id in ids {
        for i in 0..params.get(id).len() {
            let moved = |step: f64| {
                let mut moved = params.clone();
                let slot = moved.slot(id);
                moved.update(slot, |w| w[i] += step);
                value(&moved)
            };
            let numeric = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!((gradients.of(&params, id).unwrap().data()[i] - numeric).abs() < 1e-10);
        }
    }
}

#[test]
fn at_distance_zero_the_gradient_is_exactly_zero() {
    let mut params = store::<f32>();
    let mut coupling = couple(&mut params, Strength::Shared);
    coupling.set_strength(&mut params, Strength::Coupled(1e6)).unwrap();
    assert_eq!((params.slots().count(), coupling.distance(&params)), (4, 0.0));
    let tape = Tape::new(&params);
    let penalty = coupling.penalty(&tape);
    assert_eq!(penalty.item(), 0.0);
    let gradients = penalty.backward();
    assert_eq!(gradients.iter().count(), 4);
    assert!(gradients.iter().all(|(_, gradient)| gradient.data().iter().all(|&g| g == 0.0)));
}

#[test]
fn at_the_ends_of_the_spectrum_the_penalty_is_a_constant_zero() {
    for strength in [Strength::Free, Strength::Shared] {
        let mut params = store::<f32>();
        let coupling = couple(&mut params, strength);
        let tape = Tape::new(&params);
        let penalty = coupling.penalty(&tape);
        assert_eq!((penalty.item(), penalty.is_recorded(), tape.len()), (0.0, false, 0), "{strength}");
    }
}

#[test]
fn one_dimensional_quadratics_meet_where_the_formula_says() {
    let (a, b, u, v) = (1.0, 3.0, 2.0, -1.0);
    for lambda in [0.0, 0.1, 1.0, 10.0, 100.0] {
        let mut params = Params::<f64>::new();
        let (w, w2) = (params.add("a", Tensor::scalar(5.0)), params.add("b", Tensor::scalar(7.0)));
        let coupling = couple(&mut params, Strength::Coupled(lambda));
        // Half of the bound 2 / (largest curvature of the data terms + 4λ).
        let rate = 1.0 / (b + 4.0 * lambda);
        for _ in 0..10_000 {
            let tape = Tape::new(&params);
            let losses = (tape.param(w) - u).square() * (a / 2.0) + (tape.param(w2) - v).square() * (b / 2.0);
            let gradients = (losses + coupling.penalty(&tape)).backward();
            descend(&mut params, &gradients, rate);
        }
        let apart = params.get(w).item() - params.get(w2).item();
        let expected = (u - v) / (1.0 + 2.0 * lambda * (1.0 / a + 1.0 / b));
        assert!((apart - expected).abs() < 1e-9, "λ = {lambda}: {apart} against {expected}");
        assert_eq!(coupling.distance(&params), apart.abs());
    }
}

#[test]
fn training_shared_is_training_one_model_to_the_bit() {
    let (mut one, mut two) = (Params::<f32>::new(), store::<f32>());
    for (_, path) in store::<f32>().names().filter(|(_, path)| path.starts_with("a.")) {
        one.add(path, two.get(two.find(path).unwrap()).clone());
    }
    let coupling = couple(&mut two, Strength::Shared);
    let x = |i: usize| Tensor::new([4, 2], (0..8).map(|k| ((k + i) as f32).sin()).collect());
    let train = |params: &mut Params<f32>, models: [&str; 2], coupling: Option<&Coupling<f32>>| {
        let [a, b] =
            models.map(|model| ["weight", "bias"].map(|leaf| params.find(&format!("{model}.{leaf}")).unwrap()));
        for _ in 0..50 {
            let tape = Tape::new(params);
            let loss = |[weight, bias]: [ParamId; 2], i: usize| {
                let y = tape.constant(x(i)).matmul(tape.param(weight)) + tape.param(bias);
                y.cross_entropy(tape.constant(Tensor::new([4], vec![0.0, 2.0, 1.0, i as f32])))
            };
            let losses = loss(a, 0) + loss(b, 1);
            let loss = coupling.map_or_else(|| losses.clone(), |coupling| losses.clone() + coupling.penalty(&tape));
            let gradients = loss.backward();
            descend(params, &gradients, 0.5);
        }
    };
    let start = numbers(&one);
    train(&mut one, ["a", "a"], None);
    train(&mut two, ["a", "b"], Some(&coupling));
    assert_ne!(numbers(&one), start);
    assert_eq!(numbers(&two), [numbers(&one), numbers(&one)].concat());
    assert_eq!(two.numel(), one.numel());
}

#[test]
fn a_coupling_moves_along_the_spectrum_and_back() {
    let mut params = store::<f32>();
    let start = numbers(&params);
    let mut coupling = couple(&mut params, Strength::Coupled(0.5));
    assert_eq!((numbers(&params), params.numel(), coupling.strength()), (start.clone(), 18, Strength::Coupled(0.5)));
    // Twice, because what is shared can be shared again.
    for _ in 0..2 {
        coupling.set_strength(&mut params, Strength::Shared).unwrap();
        assert_eq!((params.numel(), params.bytes(), coupling.distance(&params)), (9, 36, 0.0));
    }
    let shared = [&start[..9], &start[..9]].concat();
    coupling.set_strength(&mut params, Strength::Free).unwrap();
    assert_eq!((numbers(&params), params.numel(), coupling.strength()), (shared, 18, Strength::Free));
    // Free indeed: one moves without the other.
    let slot = params.slot(params.find("b.bias").unwrap());
    params.update(slot, |w| w.iter_mut().for_each(|w| *w += 2.0));
    assert!((coupling.distance(&params) - 12.0_f64.sqrt()).abs() < 1e-6);
    // What someone else has tied stays one and counts as zero, until it is untied.
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    pairing.tie(&mut params, Keep::First).unwrap();
    coupling.set_strength(&mut params, Strength::Coupled(1.0)).unwrap();
    assert_eq!((params.numel(), coupling.penalty(&Tape::new(&params)).item()), (9, 0.0));
    coupling.untie(&mut params);
    assert_eq!((params.numel(), coupling.strength()), (18, Strength::Free));
}

#[test]
fn a_tie_to_a_third_model_outlives_sharing() {
    let mut params = store::<f32>();
    let [a, b] = ["a.bias", "b.bias"].map(|path| params.find(path).unwrap());
    let third = params.add("third", Tensor::zeros([3]));
    params.tie(third, b).unwrap();
    let mut coupling = couple(&mut params, Strength::Free);
    // Twice, because sharing again must not forget what the first time changed.
    for _ in 0..2 {
        coupling.set_strength(&mut params, Strength::Shared).unwrap();
        assert_eq!((params.slot(third), params.slot(b)), (params.slot(a), params.slot(a)));
    }
    coupling.set_strength(&mut params, Strength::Coupled(1.0)).unwrap();
    assert_eq!(params.slot(third), params.slot(b));
    assert_ne!(params.slot(third), params.slot(a));
}

#[test]
fn what_is_shared_counts_once_or_as_zero() {
    let mut params = store::<f64>();
    for model in ["a", "b"] {
        let like = params.find(&format!("{model}.weight")).unwrap();
        let id = params.add(&format!("{model}.again"), Tensor::zeros(W));
        params.tie(id, like).unwrap();
    }
    let coupling = couple(&mut params, Strength::Coupled(1.0));
    let without = Pairing::by_path_where(&params, "a", "b", |rest| rest != "again").unwrap();
    let without = Coupling::new(&mut params, without, Strength::Coupled(1.0)).unwrap();
    assert_eq!((coupling.links.len(), without.links.len()), (3, 2));
    assert_eq!(coupling.distance(&params), without.distance(&params));
    assert_eq!(coupling.penalty(&Tape::new(&params)).item(), without.penalty(&Tape::new(&params)).item());

    let itself = Pairing::by_path(&params, "a", "a").unwrap();
    let itself = Coupling::new(&mut params, itself, Strength::Coupled(1.0)).unwrap();
    Pairing::by_path(&params, "a", "b").unwrap().tie(&mut params, Keep::First).unwrap();
    for zero in [itself, coupling] {
        let tape = Tape::new(&params);
        assert_eq!((zero.penalty(&tape).item(), tape.len()), (0.0, 0));
        assert_eq!(zero.distance(&params).to_bits(), 0.0_f64.to_bits());
    }
}

#[test]
fn a_strength_that_makes_no_sense_is_refused_and_changes_nothing() {
    let mut params = store::<f32>();
    let mut coupling = couple(&mut params, Strength::Shared);
    for (lambda, found) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let expected = format!("Strength::Coupled: expected a finite λ of at least 0, found {found}");
        let refused = coupling.set_strength(&mut params, Strength::Coupled(lambda)).unwrap_err();
        assert_eq!(refused.to_string(), expected);
        assert_eq!((coupling.strength(), params.numel()), (Strength::Shared, 9));
        let pairing = Pairing::by_path(&params, "a", "b").unwrap();
        let refused = Coupling::new(&mut params, pairing, Strength::Coupled(lambda)).unwrap_err();
        assert_eq!((refused.to_string(), params.numel()), (expected, 9));
    }
}
