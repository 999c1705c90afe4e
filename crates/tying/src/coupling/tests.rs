use tandem_autograd::{Gradients, ParamId, Tensor};

use super::*;
use crate::fused::Pass;
use crate::penalty::{GroupLasso, Groups, L1};
use crate::{Gamma, ModelGraph, Schedule};

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

#[test]
fn sharing_keeps_what_was_chosen_and_a_schedule_starts_anew_with_the_strength() {
    let mut params = store::<f64>();
    let mean = f64::midpoint(numbers(&params)[0], numbers(&params)[9]);
    let annealed = Strength::Scheduled(Schedule::Linear { from: 0.0, to: 4.0, steps: 4 });
    let mut coupling = couple(&mut params, annealed).keeping(Keep::Mean);
    for _ in 0..2 {
        for lambda in [0.0, 1.0, 2.0, 3.0, 4.0, 4.0] {
            assert_eq!(coupling.lambda(), lambda);
            coupling.advance(&params);
        }
        coupling.set_strength(&mut params, annealed).unwrap();
    }
    coupling.set_strength(&mut params, Strength::Shared).unwrap();
    coupling.advance(&params);
    assert_eq!((numbers(&params)[0], coupling.lambda()), (mean, 0.0));
}

#[test]
fn what_was_untied_is_no_longer_this_couplings_to_part() {
    let mut params = store::<f32>();
    let mut coupling = couple(&mut params, Strength::Shared);
    coupling.untie(&mut params);
    Pairing::by_path(&params, "a", "b").unwrap().tie(&mut params, Keep::First).unwrap();
    coupling.set_strength(&mut params, Strength::Free).unwrap();
    assert_eq!(params.numel(), 9);
}

#[test]
fn weights_multiply_in_any_order() {
    let mut params = store::<f64>();
    let pairing = Pairing::over(&params, &ModelGraph::new(["a", "b"]).edge("a", "b", 0.5)).unwrap();
    let numbers = |name: &str| Tensor::full(if name.ends_with("weight") { &[2, 3][..] } else { &[3] }, 3.0);
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0)).unwrap();
    let square = coupling.distance(&params).powi(2);
    let twice = |first: bool| {
        let weigh = |coupling: Coupling<f64>, numbers_now: bool| {
            let weight = |name: &str, _: &str| Some(if numbers_now { numbers(name) } else { Tensor::scalar(7.0) });
            coupling.weighted(&params, weight).unwrap()
        };
        weigh(weigh(coupling.clone(), first), !first)
    };
    for first in [true, false] {
        let penalty = twice(first).penalty(&Tape::new(&params)).item();
        assert!((penalty - 0.5 * 3.0 * 7.0 * square).abs() < 1e-13, "{first}");
    }
    // Rows take theirs of the weights of all.
    let list = Pairing::list(&params, [(crate::rows("a.weight", 1..), crate::rows("b.weight", ..1))]).unwrap();
    let of_rows = Coupling::new(&mut params, list, Strength::Coupled(1.0)).unwrap();
    let [mut of_all, square] = [Tensor::full([2, 3], 9.0), Tensor::scalar(of_rows.distance(&params).powi(2))];
    of_all.update(|c| c[3..].fill(2.0));
    let of_rows = of_rows.weighted(&params, |name, other| {
        assert_eq!((name, other), ("a.weight", "b.weight[0..1]"));
        Some(of_all.clone())
    });
    assert!((of_rows.unwrap().penalty(&Tape::new(&params)).item() - 2.0 * square.item()).abs() < 1e-13);
}

#[test]
fn anchors_of_tied_names_count_once_and_can_be_chosen() {
    let mut params = store::<f64>();
    let [a, b] = ["a.bias", "b.bias"].map(|path| params.find(path).unwrap());
    params.tie(b, a).unwrap();
    let all: f64 = ["a.weight", "b.weight", "a.bias"].map(|path| squares(&params, path)).iter().sum();
    let toward = |anchor: Anchor<f64>| Coupling::toward(&params, anchor, SquaredL2, Strength::Coupled(1.0)).unwrap();
    let both = Anchor { values: ["a", "b"].map(|model| Anchor::zero(&params, model).unwrap().values).concat() };
    assert!((toward(both.clone()).penalty(&Tape::new(&params)).item() - all).abs() < 1e-14);
    let biases = both.clone().only(&params, |name| name.ends_with("bias")).unwrap();
    assert!((toward(biases).distance(&params).powi(2) - squares(&params, "a.bias")).abs() < 1e-14);
    let none = both.only(&params, |_| false).unwrap_err().to_string();
    assert_eq!(none, "an anchor:\n  no parameter was chosen");
}

fn squares(params: &Params<f64>, path: &str) -> f64 {
    params.get(params.find(path).unwrap()).data().iter().map(|w| w * w).sum()
}

#[test]
fn what_is_shared_can_not_be_related() {
    let mut params = store::<f64>();
    let refused = couple(&mut params, Strength::Shared).affine(&mut params, "rel").unwrap_err().to_string();
    assert!(refused.contains("`a.weight` and `b.weight`: what is related is not equal"), "{refused}");
    assert_eq!((params.names().count(), params.numel()), (4, 9));
}

/// Σ|d| and √n‖d‖ at once.
#[derive(Debug)]
struct Both;

impl<T: Float> Penalty<T> for Both {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        let whole = GroupLasso { groups: Groups::Whole }.terms(d.clone()).sum();
        L1.terms(d).sum() + whole
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        L1.fused(pass);
        GroupLasso { groups: Groups::Whole }.fused(pass);
    }
}

#[test]
fn passes_add_up_and_empty_tensors_add_nothing() {
    let mut params = store::<f64>();
    for path in ["a.none", "b.none"] {
        params.add(path, Tensor::zeros([0, 3]));
    }
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    let both = Coupling::with(&mut params, pairing.clone(), Both, Strength::Coupled(0.3)).unwrap();
    let squared = Coupling::new(&mut params, pairing, Strength::Coupled(0.3)).unwrap();
    let zero = Coupling::toward(&params, Anchor::zero(&params, "a").unwrap(), L1, Strength::Coupled(0.3)).unwrap();
    for coupling in [both, squared, zero] {
        let tape = Tape::new(&params);
        let penalty = coupling.penalty(&tape);
        let value = penalty.item();
        let on_tape = penalty.backward();
        let mut fused = Tape::new(&params).input(1.0).backward();
        assert!((coupling.add_gradients(&params, &mut fused) - value).abs() < 1e-14, "{coupling:?}");
        for (slot, gradient) in on_tape.iter() {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-14;
            assert!(gradient.data().iter().zip(fused.get(slot).unwrap().data()).all(close), "{coupling:?}");
        }
        coupling.proximal_step(&mut params.clone(), 0.1).ok();
    }
}

#[test]
fn a_divergence_does_not_switch_a_learned_strength_off() {
    let mut params = store::<f64>();
    let mut coupling = couple(&mut params, Strength::Learned(Gamma { shape: 1.0, rate: 1.0 }));
    let slot = params.slot(params.find("a.bias").unwrap());
    params.update(slot, |w| w[0] = f64::NAN);
    coupling.advance(&params);
    assert!(coupling.lambda().is_nan() && coupling.penalty(&Tape::new(&params)).item().is_nan());
}

#[test]
fn a_dry_run_records_what_a_run_does_and_ties_nothing() {
    let of = |strength: Strength| {
        let mut params = store::<f64>();
        let mut coupling = couple(&mut params, strength);
        coupling.advance(&params);
        let tape = Tape::new(&params);
        let _penalty = coupling.penalty(&tape);
        let recorded = tape.recorded();
        coupling.consolidate(&mut params, Within::Relative(0.0), |_| 0.0);
        (recorded, params.slots().count())
    };
    for strength in [Strength::Coupled(0.1), Strength::Learned(Gamma { shape: 1.0, rate: 1.0 }), Strength::Shared] {
        assert_eq!(tandem_autograd::dry_run::<f64, _>(|_| of(strength)), of(strength), "{strength}");
    }
}

#[test]
fn a_reader_sees_the_nodes_in_a_part_of_their_own_at_the_line_that_asked_for_them() {
    let mut params = store::<f64>();
    let coupling = couple(&mut params, Strength::Coupled(0.5));
    let tape = Tape::new(&params);
    let line = line!() + 1;
    let penalty = coupling.penalty(&tape);
    assert_eq!(tape.path(&penalty), "coupling");
    let graph = tape.graph().to_string();
    // Two differences, squares and sums, what adds these, and λ; four parameters are recorded there, too.
    let here = format!("coupling/tests.rs:{line}");
    assert_eq!(graph.lines().filter(|node| node.contains(&here)).count(), 2 * 3 + 2 + 4, "{graph}");
}
