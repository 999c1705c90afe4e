//! What of a schedule PyTorch's does not show: its ends, and its text.

use tandem_nn::RateSchedule;

#[test]
fn rates_at_the_ends() {
    let cosine = RateSchedule::cosine(1.0, 4);
    let table: [(RateSchedule, &[(u64, f64)]); 6] = [
        (cosine.clone(), &[(0, 1.0), (2, 0.5), (4, 0.0), (5, 0.0), (u64::MAX, 0.0)]),
        (cosine.floor(0.2).warm_up(3), &[(0, 0.25), (2, 0.75), (3, 1.0), (5, 0.6), (7, 0.2), (8, 0.2)]),
        (RateSchedule::cosine(1.0, 0).floor(0.3), &[(0, 0.3), (1, 0.3)]),
        (RateSchedule::step(1.0, 2, 0.5), &[(1, 1.0), (2, 0.5), (3, 0.5), (4, 0.25), (u64::MAX, 0.0)]),
        (RateSchedule::step(1.0, 2, 0.5).floor(0.3).warm_up(1), &[(0, 0.5), (1, 1.0), (3, 0.5), (5, 0.3), (99, 0.3)]),
        (RateSchedule::step(1.0, 0, 0.5), &[(0, 1.0), (u64::MAX, 1.0)]),
    ];
    for (schedule, rates) in table {
        for &(step, expected) in rates {
            let found = schedule.at(step);
            assert!((found - expected).abs() <= f64::EPSILON, "{schedule:?} at {step}: {found} for {expected}");
        }
    }
}

#[test]
fn a_schedule_is_read_back_as_it_was_written() {
    for course in [RateSchedule::constant(0.3), RateSchedule::step(0.3, 7, 0.1), RateSchedule::cosine(0.3, 9)] {
        let schedule = course.floor(0.01).warm_up(5);
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<RateSchedule>(&text).unwrap(), schedule, "{text}");
    }
}
