use super::*;

#[test]
fn schedules_start_and_end_where_they_say() {
    let (from, to) = (0.01, 100.0);
    for steps in [0, 1, 4] {
        for schedule in [Schedule::Linear { from, to, steps }, Schedule::Geometric { from, to, steps }] {
            assert_eq!(schedule.at(0), if steps == 0 { to } else { from }, "{schedule:?}");
            assert_eq!([steps, steps + 1, u64::MAX].map(|step| schedule.at(step)), [to; 3], "{schedule:?}");
        }
    }
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12 * b;
    assert!(close(Schedule::Geometric { from, to, steps: 4 }.at(1), 0.1));
    assert!(close(Schedule::Linear { from, to, steps: 4 }.at(1), 0.75 * from + 0.25 * to));
    // No end is too far.
    assert!(close(Schedule::Geometric { from: 1e-200, to: 1e200, steps: 2 }.at(1), 1.0));
    // Down as well as up.
    assert!(close(Schedule::Geometric { from: to, to: from, steps: 4 }.at(3), 0.1));
}

#[test]
fn the_first_of_the_best_strengths_is_chosen_and_what_is_no_number_is_not() {
    let losses = [f64::NAN, 2.0, 1.0, 1.0, f64::INFINITY];
    let strength = |i: usize| Strength::Coupled(i as f64);
    let run = |losses: &[f64]| {
        let index = |strength| if let Strength::Coupled(i) = strength { i as usize } else { unreachable!() };
        by_validation((0..losses.len()).map(strength), |strength| Ok::<_, ()>(losses[index(strength)])).unwrap()
    };
    let validation = run(&losses).unwrap();
    assert_eq!((validation.best, validation.tried.len()), (strength(2), 5));
    assert_eq!((run(&[f64::NAN; 2]), run(&[])), (None, None));
    assert_eq!(by_validation([Strength::Free, Strength::Shared], |_| Err("no data")), Err("no data"));
}

#[test]
fn the_most_probable_strength_is_where_its_terms_are_least() {
    for (shape, rate, order, omega) in [(1.0, 0.5, 3.0, 0.2), (2.0, 0.1, 0.5, 4.0), (0.7, 2.0, 100.0, 0.0)] {
        let gamma = Gamma { shape, rate };
        let cost = |lambda: f64| lambda * omega + gamma.term(order, lambda);
        let best = gamma.most_probable(order, omega);
        for factor in [0.5, 0.99, 1.01, 2.0] {
            assert!(cost(best) < cost(factor * best), "{gamma:?} {order} {omega}");
        }
        assert!(best <= (order + shape - 1.0) / rate);
    }
    // A shape below 1 with nothing to hold: the cost falls towards λ = 0, where it is finite no more.
    assert_eq!(Gamma { shape: 0.5, rate: 1.0 }.most_probable(0.0, 1.0), 0.0);
    assert_eq!(Gamma { shape: 1.0, rate: 1.0 }.term(0.0, 0.0), 0.0);
}
