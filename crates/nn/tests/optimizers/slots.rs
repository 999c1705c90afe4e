//! What is remembered for a slot when slots come, go, freeze and part; and gradients and averages over slots.

use tandem_autograd::{Gradients, Kind, ParamId, Params, SlotId, Tape, Tensor};
use tandem_nn::{Adam, AdamW, Ema, Group, Optimizer, PerSlot, Sgd, clip_norm, clip_value, gradient_norm};

/// All that remember something, and plain SGD, which does not.
fn optimizers() -> [Box<dyn Optimizer<f64>>; 4] {
    let heavy = Sgd::new(0.1).momentum(0.9).nesterov();
    [Box::new(Sgd::new(0.1)), Box::new(heavy), Box::new(Adam::new(0.1)), Box::new(AdamW::new(0.1))]
}

/// The gradients of Σ (strength · w + w²) over names.
fn gradients(params: &Params<f64>, names: &[(ParamId, f64)]) -> Gradients<f64> {
    let tape = Tape::new(params);
    let terms = names.iter().map(|&(id, strength)| (strength * tape.param(id) + tape.param(id).square()).sum());
    terms.reduce(|sum, term| sum + term).unwrap().backward()
}

/// Steps and numbers that are remembered for a name.
fn kept(of: &(impl PerSlot<f64> + ?Sized), params: &Params<f64>, id: ParamId) -> Option<(u64, Vec<Vec<f64>>)> {
    let (steps, tensors) = of.of_slot(params.slot(id))?;
    Some((steps, tensors.iter().map(|tensor| tensor.data().to_vec()).collect()))
}

#[test]
fn what_is_remembered_parts_with_the_slot() {
    for mut optimizer in optimizers() {
        let (kind, count) = (optimizer.kind(), optimizer.moments().len());
        let mut params = Params::new();
        let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::full([2], 1.0)));
        params.tie(b, a).unwrap();
        assert_eq!(kept(&*optimizer, &params, a), None, "{kind}, before the first step");
        for _ in 0..3 {
            let gradients = gradients(&params, &[(a, 1.0), (b, 2.0)]);
            optimizer.step(&mut params, &gradients);
        }
        let shared = kept(&*optimizer, &params, a);
        assert_eq!(shared.as_ref().map(|(steps, moments)| (*steps, moments.len())), (count > 0).then_some((3, count)));
        assert_eq!(optimizer.state_bytes(params.slot(a)), count * 2 * size_of::<f64>());

        // Untied, both go on from the same moments and the same count.
        params.untie(b);
        let alike = gradients(&params, &[(a, 1.0), (b, 1.0)]);
        optimizer.step(&mut params, &alike);
        assert_eq!(kept(&*optimizer, &params, a).map(|(steps, _)| steps), (count > 0).then_some(4));
        assert_eq!(kept(&*optimizer, &params, b), kept(&*optimizer, &params, a), "{kind}");
        assert_eq!(params.get(a), params.get(b));

        // Tied, what one of them remembered is gone; a new parameter in its place begins at 1.
        let left = params.slot(b);
        params.tie(b, a).unwrap();
        let c = params.add("c", Tensor::full([3], 1.0));
        assert_eq!(params.slot(c).index(), left.index());
        let gradients = gradients(&params, &[(a, 1.0), (b, 1.0), (c, 1.0)]);
        optimizer.step(&mut params, &gradients);
        assert!(optimizer.of_slot(left).is_none());
        for (id, steps) in [(a, 5), (b, 5), (c, 1)] {
            assert_eq!(kept(&*optimizer, &params, id).map(|(steps, _)| steps), (count > 0).then_some(steps), "{kind}");
        }
    }
}

#[test]
fn a_frozen_parameter_keeps_what_it_had_and_one_unfrozen_later_begins_at_1() {
    for mut optimizer in optimizers().into_iter().skip(1) {
        let mut params = Params::new();
        let [a, late] = ["a", "late"].map(|name| params.add(name, Tensor::full([2], 1.0)));
        let mut step = |params: &mut Params<f64>, frozen| {
            for id in [a, late] {
                params.set_trainable(id, id != frozen);
            }
            let gradients = gradients(params, &[(a, 1.0), (late, 1.0)]);
            optimizer.step(params, &gradients);
            [a, late].map(|id| kept(&*optimizer, params, id))
        };
        step(&mut params, late);
        let [of_a, none] = step(&mut params, late);
        assert_eq!((of_a.as_ref().unwrap().0, none, params.get(late).data()), (2, None, &[1.0; 2][..]));
        let [still, of_late] = step(&mut params, a);
        assert_eq!((still, of_late.unwrap().0), (of_a, 1));
    }
}

/// What is remembered for all slots, to be handed to another one.
fn entries(of: &(impl PerSlot<f64> + ?Sized), params: &Params<f64>) -> Vec<(SlotId, u64, Vec<Tensor<f64>>)> {
    let entry = |slot| of.of_slot(slot).map(|(steps, tensors)| (slot, steps, tensors.to_vec()));
    params.slots().filter_map(entry).collect()
}

#[test]
fn an_optimizer_goes_on_where_another_one_was() {
    for (mut optimizer, mut other) in optimizers().into_iter().zip(optimizers()) {
        let mut params = Params::new();
        let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::full([2], 1.0)));
        let gradients = gradients(&params, &[(a, 1.0), (b, 2.0)]);
        // What the other one remembered is replaced.
        other.step(&mut params.clone(), &gradients);
        for _ in 0..3 {
            optimizer.step(&mut params, &gradients);
        }
        other.restore(&params, entries(&*optimizer, &params));
        assert_eq!(optimizer.state_bytes(params.slot(a)), other.state_bytes(params.slot(a)));
        let mut copy = params.clone();
        for _ in 0..2 {
            optimizer.step(&mut params, &gradients);
            other.step(&mut copy, &gradients);
        }
        assert_eq!([params.get(a), params.get(b)], [copy.get(a), copy.get(b)], "{}", optimizer.kind());
        other.restore(&params, Vec::new());
        assert!(kept(&*other, &params, a).is_none());
    }
}

#[test]
fn the_first_group_that_matches_has_a_name_and_names_may_come_and_move() {
    let mut params = Params::<f64>::new();
    let [w, b, v] = ["w", "b", "v"].map(|name| params.add(name, Tensor::scalar(0.0)));
    // The step of a gradient of 1 is the rate.
    let mut optimizer = Sgd::new(1.0)
        .group(|name| name == "b", Group::new().rate(2.0))
        .group(|name| name != "w", Group::new().rate(3.0));
    let mut moved = |params: &mut Params<f64>, names: &[ParamId]| -> Vec<f64> {
        let gradients = {
            let tape = Tape::new(params);
            names.iter().map(|&id| tape.param(id)).reduce(|sum, term| sum + term).unwrap().backward()
        };
        let before = params.clone();
        optimizer.step(params, &gradients);
        names.iter().map(|&id| (before.get(id).item() - params.get(id).item()).round()).collect()
    };
    assert_eq!(moved(&mut params, &[w, b, v]), [1.0, 2.0, 3.0]);
    let u = params.add("u", Tensor::scalar(0.0));
    assert_eq!(moved(&mut params, &[w, b, v, u]), [1.0, 2.0, 3.0, 3.0]);
    // Names of one group may share: two terms, one step.
    params.tie(u, v).unwrap();
    assert_eq!(moved(&mut params, &[w, b, v, u]), [1.0, 2.0, 6.0, 6.0]);
    // Another store with slots at the same places.
    let mut other = Params::new();
    let names = ["b", "w", "x"].map(|name| other.add(name, Tensor::scalar(0.0)));
    assert_eq!(moved(&mut other, &names), [2.0, 1.0, 3.0]);
}

#[test]
fn a_shared_parameter_is_one_term_of_the_norm_and_decays_once() {
    let mut params = Params::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| params.add(name, Tensor::full([2], 1.0)));
    params.tie(b, a).unwrap();
    // Of `a` 3 + 2 · 1 from its uses together, of `c` 0.
    let mut found = gradients(&params, &[(a, -1.0), (b, 0.0), (c, -2.0)]);
    assert_eq!(gradient_norm(&found), (2.0 * 9.0_f64).sqrt());
    clip_value(&mut found, 0.5);
    assert_eq!(found.of(&params, b).unwrap().data(), [0.5; 2]);
    for (mut optimizer, shrunk) in [
        (Box::new(Sgd::new(0.5).decay(0.5)) as Box<dyn Optimizer<f64>>, 0.75),
        (Box::new(AdamW::new(0.5).decay(0.5)), 0.75),
    ] {
        let mut params = params.clone();
        let mut gradients = gradients(&params, &[(a, 1.0), (b, 1.0), (c, 1.0)]);
        clip_value(&mut gradients, 0.0);
        optimizer.step(&mut params, &gradients);
        assert_eq!([a, b, c].map(|id| params.get(id).data()[0]), [shrunk; 3], "{}", optimizer.kind());
    }
}

#[test]
fn gradients_that_are_not_finite_are_told_and_left() {
    let mut params = Params::new();
    let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::full([2], 1.0)));
    for (bad, norm) in [(f64::INFINITY, f64::INFINITY), (f64::NAN, f64::NAN)] {
        let mut found = gradients(&params, &[(a, 1.0), (b, bad)]);
        assert_eq!(clip_norm(&mut found, 1.0).to_bits(), norm.to_bits());
        assert_eq!(found.of(&params, a).unwrap().data(), [3.0; 2]);
        assert!(!found.of(&params, b).unwrap().data()[0].is_finite());
        clip_value(&mut found, 2.0);
        assert_eq!(found.of(&params, a).unwrap().data(), [2.0; 2]);
        assert_eq!(found.of(&params, b).unwrap().data()[0].is_nan(), bad.is_nan());
    }
    // A norm of 0 is no reason for a factor.
    let mut zero = gradients(&params, &[(a, -2.0), (b, -2.0)]);
    assert_eq!(clip_norm(&mut zero, 0.0), 0.0);
    assert_eq!(zero.of(&params, a).unwrap().data(), [0.0; 2]);
}

#[test]
fn the_norm_counts_every_number() {
    let mut params = Params::<f32>::new();
    let ids = [3, 8, 21, 1].map(|len| params.add(&len.to_string(), Tensor::full([len], len as f32)));
    let tape = Tape::new(&params);
    let terms = ids.map(|id| 0.5 * tape.param(id).square().sum());
    let gradients = terms.into_iter().reduce(|sum, term| sum + term).unwrap().backward();
    let expected: f64 = [3.0, 8.0, 21.0, 1.0].iter().map(|len| len * len * len).sum();
    assert_eq!(gradient_norm(&gradients), expected.sqrt());
}

#[test]
fn an_average_keeps_ties_and_parts_with_the_slot() {
    let mut params = Params::new();
    let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::full([2], 1.0)));
    params.tie(b, a).unwrap();
    let mut average = Ema::new(0.5);
    assert_eq!(average.averaged(&params).get(a).data(), [1.0; 2]);
    average.update(&params);
    params.update(params.slot(a), |w| w.fill(2.0));
    average.update(&params);
    let averaged = average.averaged(&params);
    assert_eq!((averaged.get(b).data(), averaged.is_shared(b)), (&[1.5; 2][..], true));
    assert_eq!(average.state_bytes(params.slot(a)), 2 * size_of::<f64>());
    assert_eq!(averaged.get(a).bytes_of(Kind::Parameter), 2 * size_of::<f64>());
    // Untied and frozen, `b` goes on from the average that it shared; `c` from its first value.
    params.untie(b);
    params.set_trainable(b, false);
    let c = params.add("c", Tensor::full([2], 7.0));
    assert_eq!([a, b, c].map(|id| average.averaged(&params).get(id).data()[0]), [1.5, 1.5, 7.0]);
    average.update(&params);
    assert_eq!([a, b, c].map(|id| average.averaged(&params).get(id).data()[0]), [1.75, 1.75, 7.0]);
    assert_eq!([a, b, c].map(|id| kept(&average, &params, id).unwrap().0), [3, 3, 1]);
    // The store itself is as it was.
    assert_eq!([a, b, c].map(|id| params.get(id).data()[0]), [2.0, 2.0, 7.0]);
    let mut other = Ema::new(0.5);
    other.restore(&params, entries(&average, &params));
    assert_eq!(kept(&other, &params, b), kept(&average, &params, b));
}
