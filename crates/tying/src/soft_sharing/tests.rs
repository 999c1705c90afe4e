use tandem_autograd::{Gradients, SlotId, dry_run};

use super::*;

mod groups;

/// Weights in three tensors, one of them with a second name, and a number without axes.
fn store<T: Float>() -> Params<T> {
    let mut params = Params::new();
    let mut k = 0;
    for (path, shape) in [("a.weight", &[4, 3][..]), ("b.weight", &[2, 2, 2]), ("c.weight", &[]), ("a.bias", &[3])] {
        let shape = tandem_autograd::Shape::new(shape);
        let numbers = (0..shape.len()).map(|_| {
            k += 1;
            T::from_f64(f64::from(k) * 0.37 % 1.0 - 0.45)
        });
        params.add(path, Tensor::new(shape, numbers.collect()));
    }
    let (first, again) = (params.find("b.weight").unwrap(), params.add("again.weight", Tensor::zeros([2, 2, 2])));
    params.tie(again, first).unwrap();
    params
}

/// Three components for the 21 weights of the store, none like another.
fn share<T: Float>(params: &mut Params<T>, strength: f64) -> SoftSharing {
    let chosen = |name: &str| name.ends_with("weight");
    let sharing = SoftSharing::new(params, "mix", chosen, 3, 0.05, strength).unwrap();
    for (path, step) in [("mix.logits", 0.4), ("mix.log_widths", 0.3)] {
        change(params, path, |x| x.iter_mut().enumerate().for_each(|(j, x)| *x += T::from_f64(step * j as f64)));
    }
    sharing
}

fn change<T: Float>(params: &mut Params<T>, path: &str, write: impl FnOnce(&mut [T])) {
    params.update(params.slot(params.find(path).unwrap()), write);
}

fn vector<T: Float>(params: &Params<T>, path: &str) -> Vec<T> {
    params.get(params.find(path).unwrap()).data().to_vec()
}

/// A loss with a gradient for some of the weights only, so that the penalty adds to some and begins others.
fn loss<'t, T: Float>(tape: &'t Tape<'_, T>) -> Var<'t, T> {
    let w = tape.param(tape.params().find("a.weight").unwrap());
    (w.tanh() - 0.3).square().sum()
}

fn descend(params: &mut Params<f64>, gradients: &Gradients<f64>, rate: f64) {
    for slot in params.slots().collect::<Vec<_>>() {
        if let Some(g) = gradients.get(slot) {
            params.update(slot, |w| w.iter_mut().zip(g.data()).for_each(|(w, &g)| *w -= rate * g));
        }
    }
}

/// No gradients, as of a loss that depends on nothing.
fn none<T: Float>(params: &Params<T>) -> Gradients<T> {
    Tape::new(params).constant(T::ZERO).backward()
}

/// The value of the penalty, and all gradients of it and the loss, on the tape and fused.
fn both<T: Float>(params: &Params<T>, sharing: &SoftSharing) -> [(f64, Gradients<T>); 2] {
    let tape = Tape::new(params);
    let penalty = sharing.penalty(&tape);
    let on_tape = (penalty.item().to_f64(), (loss(&tape) + penalty).backward());
    let mut gradients = loss(&Tape::new(params)).backward();
    let value = sharing.add_gradients(params, &mut gradients);
    [on_tape, (value, gradients)]
}

/// Panics unless all gradients of both agree, relative to the largest number of each tensor.
fn check_agree<T: Float>(params: &Params<T>, sharing: &SoftSharing, tolerance: f64) -> Gradients<T> {
    let [(value, on_tape), (fused_value, fused)] = both(params, sharing);
    assert!((value - fused_value).abs() <= tolerance * value.abs(), "{value:e} against {fused_value:e}");
    let slots = |gradients: &Gradients<T>| gradients.iter().map(|(slot, _)| slot).collect::<Vec<SlotId>>();
    assert_eq!(slots(&on_tape), slots(&fused));
    for (slot, expected) in on_tape.iter() {
        let found = fused.get(slot).unwrap();
        assert_eq!(
            (found.shape(), found.bytes_of(Kind::Gradient)),
            (expected.shape(), expected.bytes_of(Kind::Gradient))
        );
        let largest = expected.data().iter().fold(0.0_f64, |largest, x| largest.max(x.to_f64().abs()));
        for (found, expected) in found.data().iter().zip(expected.data()) {
            let apart = (found.to_f64() - expected.to_f64()).abs();
            assert!(apart <= tolerance * largest, "{slot:?}: {found} against {expected}, {apart:e} apart");
        }
    }
    fused
}

#[test]
fn tape_and_fused_agree_at_every_step() {
    // By what is frozen: one of the weights, one of the mixture, all of the mixture, and nothing.
    let cases: [&[&str]; 4] = [&[], &["b.weight"], &["mix.means"], &["mix.logits", "mix.means", "mix.log_widths"]];
    for frozen in cases {
        let mut params = store::<f64>();
        let sharing = share(&mut params, 0.7);
        for path in frozen {
            params.set_trainable(params.find(path).unwrap(), false);
        }
        let start = sharing.mixture(&params);
        for _ in 0..50 {
            let gradients = check_agree(&params, &sharing, 1e-13);
            assert_eq!(gradients.iter().count(), 6 - frozen.len());
            descend(&mut params, &gradients, 1e-3);
        }
        assert_eq!(sharing.mixture(&params) == start, frozen.len() == 3);
    }
    let mut params = store::<f32>();
    let sharing = share(&mut params, 0.7);
    check_agree(&params, &sharing, 1e-5);
    // So far from every mean that each density is 0 as a number.
    change(&mut params, "c.weight", |w| w[0] = 1e4);
    check_agree(&params, &sharing, 1e-5);
}

#[test]
fn the_gradient_agrees_with_finite_differences() {
    let mut params = store::<f64>();
    let sharing = share(&mut params, 0.7);
    let gradients = sharing.penalty(&Tape::new(&params)).backward();
    assert_eq!(gradients.iter().count(), 6);
    for (slot, gradient) in gradients.iter() {
        for (i, &computed) in gradient.data().iter().enumerate() {
            let moved = |step: f64| {
                let mut moved = params.clone();
                moved.update(slot, |w| w[i] += step);
                sharing.penalty(&Tape::new(&moved)).item()
            };
            let h = 1e-3;
            let numeric = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            assert!((computed - numeric).abs() < 1e-8 * (1.0 + numeric.abs()), "{slot:?}[{i}]: {computed}, {numeric}");
        }
    }
}

#[test]
fn one_component_is_weight_decay_towards_its_mean() {
    let (mut params, floor, lambda) = (store::<f64>(), 0.2, 0.3);
    assert_eq!(HALF_LN_TAU, 0.5 * std::f64::consts::TAU.ln());
    // Two names of one slot, which counts once.
    let chosen = |name: &str| ["b.weight", "again.weight"].contains(&name);
    let sharing = SoftSharing::new(&mut params, "mix", chosen, 1, floor, lambda).unwrap();
    let w = vector(&params, "b.weight");
    let (mean, excess) = (vector(&params, "mix.means")[0], vector(&params, "mix.log_widths")[0].exp());
    let (width, n) = (floor + excess, w.len() as f64);
    let distance: f64 = w.iter().map(|w| (w - mean).powi(2)).sum();
    let expected = lambda * (distance / (2.0 * width.powi(2)) + n * (width * std::f64::consts::TAU.sqrt()).ln());
    let mut gradients = none(&params);
    let value = sharing.add_gradients(&params, &mut gradients);
    assert!((value - expected).abs() < 1e-14 * expected.abs() && value > 0.0);
    let of = |path: &str| gradients.of(&params, params.find(path).unwrap()).unwrap().data();
    for (g, w) in of("b.weight").iter().zip(&w) {
        assert!((g - lambda * (w - mean) / width.powi(2)).abs() < 1e-14);
    }
    let of_log_width = lambda * excess * (n / width - distance / width.powi(3));
    assert!((of("mix.log_widths")[0] - of_log_width).abs() < 1e-13 && of("mix.logits") == [0.0]);
}

#[test]
fn the_order_of_components_and_copies_of_them_change_nothing() {
    let mut params = store::<f64>();
    let sharing = share(&mut params, 1.0);
    let value = |params: &Params<f64>, sharing: &SoftSharing| sharing.penalty(&Tape::new(params)).item();
    let before = value(&params, &sharing);
    let mixture = ["logits", "means", "log_widths"].map(|leaf| vector(&params, &format!("mix.{leaf}")));
    // As two mixtures: in another order; and with one component cut into halves, and one without a share.
    let half = 0.5_f64.ln();
    for order in [vec![(2, 0.0), (0, 0.0), (1, 0.0)], vec![(0, 0.0), (1, half), (1, half), (2, 0.0), (0, -800.0)]] {
        let mut params = store::<f64>();
        let again =
            SoftSharing::new(&mut params, "mix", |name| name.ends_with("weight"), order.len(), 0.05, 1.0).unwrap();
        for (leaf, numbers) in ["logits", "means", "log_widths"].into_iter().zip(&mixture) {
            let shift = |shift: f64| if leaf == "logits" { shift } else { 0.0 };
            change(&mut params, &format!("mix.{leaf}"), |x| {
                x.iter_mut().zip(&order).for_each(|(x, &(j, by))| *x = numbers[j] + shift(by));
            });
        }
        let after = value(&params, &again);
        assert!((after - before).abs() < 1e-13 * before.abs(), "{order:?}: {after} against {before}");
        check_agree(&params, &again, 1e-13);
    }
}

#[test]
fn without_a_floor_a_component_on_one_weight_would_sink_without_bound() {
    // One component stands on the first weight, and shrinks; the other one takes care of the second.
    let penalty = |floor: f64, log_width: f64| {
        let mut params = Params::<f64>::new();
        params.add("w", Tensor::new([2], vec![0.0, 1.0]));
        let sharing = SoftSharing::new(&mut params, "mix", |_| true, 2, floor, 1.0).unwrap();
        change(&mut params, "mix.means", |x| x.copy_from_slice(&[0.0, 1.0]));
        change(&mut params, "mix.log_widths", |x| x.copy_from_slice(&[log_width, 0.0]));
        check_agree_of_value(&params, &sharing)
    };
    for floor in [f64::MIN_POSITIVE, 1e-2] {
        let bound = 2.0 * (floor * std::f64::consts::TAU.sqrt()).ln();
        let sinking = [-10.0, -30.0, -100.0, -300.0].map(|log_width| penalty(floor, log_width));
        assert!(sinking.iter().all(|&value| value > bound));
        let falls = sinking[0] - sinking[3];
        if floor < 1e-2 {
            // −ln N = s + ½ ln 2π at distance zero: it falls as far as s does.
            assert!((falls - 290.0).abs() < 1e-3 && sinking[3] < -290.0, "{sinking:?}");
        } else {
            assert!(falls < 0.01 && sinking[2] == sinking[3], "{sinking:?}");
        }
    }
}

fn check_agree_of_value(params: &Params<f64>, sharing: &SoftSharing) -> f64 {
    let value = sharing.penalty(&Tape::new(params)).item();
    let mut gradients = none(params);
    let fused = sharing.add_gradients(params, &mut gradients);
    assert!((fused - value).abs() <= 1e-13 * value.abs() && value.is_finite(), "{fused} against {value}");
    assert!(gradients.iter().all(|(_, g)| g.data().iter().all(|g| g.is_finite())));
    value
}

#[test]
fn the_mixture_starts_evenly_over_the_range_of_the_weights() {
    let nan = f64::NAN;
    let cases: [(&[f64], usize, &[f64], f64); 6] = [
        (&[3.0, -1.0, 0.0], 4, &[-0.5, 0.5, 1.5, 2.5], 1.0),
        (&[3.0, -1.0, nan, f64::INFINITY], 1, &[1.0], 4.0),
        // Without a range, around the value; without a value, around zero.
        (&[-2.0, -2.0], 2, &[-2.5, -1.5], 1.0),
        (&[0.0], 2, &[-0.25, 0.25], 0.5),
        (&[], 1, &[0.0], 1.0),
        (&[nan], 1, &[0.0], 1.0),
    ];
    for (weights, components, means, spacing) in cases {
        let mut params = Params::<f64>::new();
        params.add("w", Tensor::new([weights.len()], weights.to_vec()));
        let sharing = SoftSharing::new(&mut params, "mix", |name| name == "w", components, 0.25, 1.0).unwrap();
        let mixture = sharing.mixture(&params).components;
        assert_eq!(mixture.iter().map(|component| component.mean).collect::<Vec<_>>(), means);
        for component in mixture {
            assert!((component.share - 1.0 / components as f64).abs() < 1e-15);
            assert!((component.width - (0.25 + spacing)).abs() < 1e-15);
        }
        if weights.iter().all(|w| w.is_finite()) && !weights.is_empty() {
            check_agree_of_value(&params, &sharing);
        }
    }
}

#[test]
fn what_cannot_be_set_up_is_refused_and_changes_nothing() {
    let refused = |chosen: &str, components: usize, floor: f64, strength: f64| {
        let mut params = store::<f32>();
        params.add("taken.means", Tensor::zeros([2]));
        let before = params.names().count();
        let path = if strength == 2.0 { "taken" } else { "mix" };
        let error = SoftSharing::new(&mut params, path, |name| name.starts_with(chosen), components, floor, strength)
            .unwrap_err();
        assert_eq!(params.names().count(), before);
        error.to_string()
    };
    let cases = [
        (refused("x", 2, 0.1, 1.0), "SoftSharing: expected parameters to be chosen, found none"),
        (refused("a", 0, 0.1, 1.0), "SoftSharing: expected 1 to 256 components, found 0"),
        (refused("a", 257, 0.1, 1.0), "SoftSharing: expected 1 to 256 components, found 257"),
        (refused("a", 2, 0.0, 1.0), "SoftSharing: expected a finite floor above 0 in F32, found 0.0"),
        (refused("a", 2, -0.1, 1.0), "SoftSharing: expected a finite floor above 0 in F32, found -0.1"),
        (refused("a", 2, 1e-60, 1.0), "SoftSharing: expected a finite floor above 0 in F32, found 1e-60"),
        (refused("a", 2, f64::NAN, 1.0), "SoftSharing: expected a finite floor above 0 in F32, found NaN"),
        (refused("a", 2, 0.1, -1.0), "SoftSharing: expected a finite strength λ of at least 0, found -1"),
        (refused("a", 2, 0.1, f64::INFINITY), "SoftSharing: expected a finite strength λ of at least 0, found inf"),
        (refused("a", 2, 0.1, 2.0), "SoftSharing: expected names that are free, found taken.means"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
    let mut params = store::<f32>();
    let mut sharing = share(&mut params, 1.0);
    assert_eq!(
        sharing.set_strength(f64::NAN).unwrap_err().to_string(),
        "SoftSharing: expected a finite strength λ of at least 0, found NaN"
    );
    assert_eq!(sharing.strength(), 1.0);
    sharing.set_strength(0.0).unwrap();
    let [(on_tape, of_tape), (fused, of_fused)] = both(&params, &sharing);
    assert_eq!((on_tape, fused, of_tape.iter().count(), of_fused.iter().count()), (0.0, 0.0, 1, 1));
}

#[test]
fn a_dry_run_finds_the_gradients_and_no_more() {
    let [within, between] = dry_run::<f32, _>(|probe| {
        let mut params = store::<f32>();
        let sharing = share(&mut params, 0.7);
        let mut gradients = none(&params);
        sharing.add_gradients(&params, &mut gradients);
        let within = probe.now(0);
        probe.forget_peak();
        sharing.add_gradients(&params, &mut gradients);
        assert_eq!((probe.footprint(0), probe.now(0)), (within, within));
        drop(gradients);
        let between = probe.now(0);
        let without_scalar = SoftSharing::new(&mut params, "mix2", |name| name == "a.weight", 2, 0.1, 1.0).unwrap();
        assert!(without_scalar.add_gradients(&params, &mut none(&params)).is_nan());
        drop(sharing.penalty(&Tape::new(&params)).backward());
        assert_eq!(sharing.consolidate(&mut params, |_| 0.0).distinct, 0);
        [within, between]
    });
    // Of all but the bias, which was not chosen; the scalar has no block. They wait for the next step.
    assert_eq!((within.gradients, within.parameters), (4 * (12 + 8 + 9), 4 * (12 + 8 + 9 + 3)));
    assert_eq!((between.gradients, within.idle, between.idle), (within.gradients, 0, 0));
}
