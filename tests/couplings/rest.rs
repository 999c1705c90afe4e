//! Where proximal steps rest under an optimizer.

use tandem::autograd::Tape;
use tandem::nn::{Adam, Optimizer, Sgd};
use tandem::tying::{GroupLasso, Groups, Huber, L1, Penalty, SquaredL2};

use super::proximal::{DELTA, soft};
use super::{Way, assert_close, numbers, pair, scalars, step, wells};

const WELLS: [[f64; 2]; 2] = [[1.0, 2.0], [3.0, -1.0]];

/// Where a pair of quadratics rests: its distance, and the balance of the data's forces on both.
fn rest(penalty: impl Penalty<f64> + 'static, lambda: f64, rate: f64, optimizer: &mut dyn Optimizer<f64>) -> [f64; 2] {
    let mut params = scalars(&[0.3, 0.1]);
    let coupling = pair(&mut params, penalty, lambda);
    for _ in 0..4_000 {
        step(&mut params, &coupling, Way::Proximal(rate), &WELLS, optimizer);
    }
    let [w, w2] = [0, 1].map(|i| numbers(&params, i)[0]);
    let tape = Tape::new(&params);
    let gradients = wells(&tape, &WELLS).backward();
    [w - w2, gradients.iter().map(|(_, g)| g.item()).sum()]
}

/// The distance of the optimum: at a(w − u) = −λΩ′ and b(w′ − v) = λΩ′ it is D − cλΩ′(d), with c = 1/a + 1/b.
fn optimum(penalty: &str, lambda: f64) -> f64 {
    let [[a, u], [b, v]] = WELLS;
    let (distance, c) = (u - v, 1.0 / a + 1.0 / b);
    match penalty {
        "squared" => distance / (1.0 + 2.0 * c * lambda),
        "huber" if distance > DELTA * (1.0 + c * lambda) => distance - c * lambda * DELTA,
        "huber" => distance / (1.0 + c * lambda),
        _ => soft(distance, c * lambda),
    }
}

#[test]
fn descent_and_proximal_steps_rest_where_loss_and_penalty_are_least() {
    for lambda in [0.05, 0.8, 3.0] {
        for (eta, momentum) in [(0.3, 0.0), (0.1, 0.0), (0.05, 0.5), (0.02, 0.9)] {
            let context = format!("λ = {lambda}, η = {eta}, μ = {momentum}");
            let sgd = || Sgd::new(eta).momentum(momentum);
            let rate = eta / (1.0 - momentum);
            for (name, [d, forces]) in [
                ("squared", rest(SquaredL2, lambda, rate, &mut sgd())),
                ("l1", rest(L1, lambda, rate, &mut sgd())),
                ("group", rest(GroupLasso { groups: Groups::Whole }, lambda, rate, &mut sgd())),
                ("huber", rest(Huber::new(DELTA), lambda, rate, &mut sgd())),
            ] {
                assert_close(d, optimum(name, lambda), 1e-13, &format!("{name}, {context}"));
                assert_close(forces, 0.0, 1e-13, &format!("{name}, {context}"));
            }
            // With η in place of η/(1 − μ), the strength is λ(1 − μ).
            let [d, _] = rest(SquaredL2, lambda, eta, &mut sgd());
            assert_close(d, optimum("squared", lambda * (1.0 - momentum)), 1e-13, &format!("η alone, {context}"));
        }
    }
}

#[test]
fn under_adam_a_proximal_step_rests_where_the_data_hardly_count() {
    // A lasting gradient moves a number by η whatever its size: d = (d + 2η)/(1 + 4ηλ), so that d = 1/(2λ).
    let adam = || Adam::new(0.01).betas([0.9, 0.99]);
    for lambda in [0.4, 2.0, 20.0] {
        let [d, forces] = rest(SquaredL2, lambda, 0.01, &mut adam());
        assert_close(d, 0.5 / lambda, 1e-7, &format!("λ = {lambda}"));
        let off = d / optimum("squared", lambda) - 1.0;
        assert!(off < -0.1, "λ = {lambda}: {off}");
        // Opposite signs are all that it takes to rest: the forces need not balance.
        assert!(forces.abs() > 0.1, "λ = {lambda}: {forces}");
    }
}
