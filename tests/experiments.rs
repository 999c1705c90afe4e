//! What the experiments compute with: minima that are known, fair picks, the same figures on any number of threads.

#[path = "../examples/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::eigen::{eigenvalues, principal};
use support::experiment::shipped_digits;
use support::minimize::{Effort, minimize, softmax_curvature};
use support::pair::Pair;
use support::stats::{Estimate, best_on_the_other_half, slope};
use support::tasks::Tasks;
use support::versus::{Versus, differences};
use tandem::autograd::{Params, Tape, Tensor};
use tandem::tying::{Coupling, L1, Pairing, SquaredL2, Strength};

#[test]
fn minima_with_a_coupling_are_those_on_paper() {
    // ½a(w − u)² + ½b(w′ − v)²: with λ(w − w′)² the distance is (u − v)/(1 + 2λ(1/a + 1/b)); with λ|w − w′| both meet
    // where λ is large enough, at (au + bv)/(a + b).
    let (a, b, u, v) = (1.0, 40.0, 3.0, -2.0);
    let fit = |coupled: &dyn Fn(&mut Params<f64>, Pairing) -> Coupling<f64>| {
        let mut params = Params::new();
        let [w, other] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::scalar(0.0)));
        let pairing = Pairing::by_path(&params, "a", "b").unwrap();
        let coupling = coupled(&mut params, pairing);
        let effort = Effort { rate: 1.0 / b, tolerance: 1e-12, steps: 5000 };
        let gradient = |params: &Params<f64>| {
            let tape = Tape::new(params);
            let of = |id, curvature: f64, to: f64| 0.5 * curvature * (tape.param(id) - to).square();
            (of(w, a, u) + of(other, b, v)).backward()
        };
        let steps =
            minimize(&mut params, effort, gradient, |params, rate| coupling.proximal_step(params, rate).unwrap());
        assert!(steps < 1000, "{steps} steps");
        [w, other].map(|id| params.get(id).item())
    };
    for lambda in [0.0, 0.3, 1e2, 1e6] {
        let [w, other] = fit(&|params, pairing| Coupling::new(params, pairing, Strength::Coupled(lambda)).unwrap());
        let expected = (u - v) / (1.0 + 2.0 * lambda * (1.0 / a + 1.0 / b));
        assert!((w - other - expected).abs() < 1e-9, "λ = {lambda}: {} and {expected}", w - other);
    }
    let [w, other] = fit(&|params, pairing| Coupling::with(params, pairing, L1, Strength::Coupled(30.0)).unwrap());
    assert!(w == other && (w - (a * u + b * v) / (a + b)).abs() < 1e-9, "{w} and {other}");
}

#[test]
fn no_direction_is_curved_more_than_the_bound() {
    let (train, _) = shipped_digits().unwrap();
    let images = train.subset(0..100);
    let bound = softmax_curvature(&images);
    // Two logits that are equal have the softmax of the largest curvature: along w and −w it is ½·mean (x·w)²/‖w‖².
    let along: Vec<f64> = (0..64).map(|place| (0..100).map(|row| f64::from(images.image(row)[place])).sum()).collect();
    let squares: f64 = (0..100)
        .map(|row| images.image(row).iter().zip(&along).map(|(x, w)| f64::from(*x) * w).sum::<f64>().powi(2))
        .sum();
    let curvature = 0.5 * squares / 100.0 / along.iter().map(|w| w * w).sum::<f64>();
    assert!(curvature < bound && bound < 1.2 * curvature, "{curvature} and {bound}");
}

#[test]
fn the_line_ends_where_separate_and_shared_models_are() {
    let (train, test) = shipped_digits().unwrap();
    let draw = Tasks::new(&train.followed_by(&test), 20.0).draw([60, 20], 0, 5).unwrap();
    let mut pair = Pair::<f64>::new(&draw, SquaredL2, 1e-2, 1e-9).unwrap();
    let mut at = |strength| {
        pair.fit(strength).unwrap();
        (pair.objective(), pair.coupling.distance(&pair.params))
    };
    let (free, shared) = (at(Strength::Free), at(Strength::Shared));
    let (weak, strong) = (at(Strength::Coupled(1e-7)), at(Strength::Coupled(1e5)));
    assert!((weak.0 / free.0 - 1.0).abs() < 1e-4 && weak.0 > free.0, "{weak:?} and {free:?}");
    assert!((strong.0 / shared.0 - 1.0).abs() < 1e-4 && strong.0 < shared.0, "{strong:?} and {shared:?}");
    assert!(shared.1 == 0.0 && strong.1 < 1e-4 && strong.1 > 0.0);
}

#[test]
fn a_pick_is_judged_on_other_seeds() {
    // The first setting is best on even seeds by luck, the second on odd ones: neither keeps its luck.
    let lucky = [vec![9.0, 1.0, 9.0, 1.0], vec![1.0, 9.0, 1.0, 9.0]];
    assert_eq!(best_on_the_other_half(&lucky), [1.0; 4]);
    assert_eq!(best_on_the_other_half(&[vec![5.0, 6.0, 5.0], vec![4.0, 4.0, 4.0]]), [5.0, 6.0, 5.0]);
    assert_eq!(best_on_the_other_half(&[vec![1.0], vec![2.0]]), [2.0]);
    assert!((slope(&[[0.0, 1.0], [1.0, -1.0], [2.0, -3.0]]) + 2.0).abs() < 1e-12);
}

#[test]
fn principal_components_have_the_variances_of_a_turned_ellipse() {
    // Half axes of 3 and 1, turned by 30°: four points at their ends have the variances 9/2 and 1/2.
    let (sin, cos) = 30f32.to_radians().sin_cos();
    let rows: Vec<f32> = [(3.0, 0.0), (-3.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
        .into_iter()
        .flat_map(|(x, y): (f32, f32)| [5.0 + cos * x - sin * y, -2.0 + sin * x + cos * y])
        .collect();
    let variances = principal(&rows, 2);
    assert!((variances[0] - 4.5).abs() < 1e-5 && (variances[1] - 0.5).abs() < 1e-5, "{variances:?}");
    // A larger matrix: the sum of the eigenvalues is the trace, that of their squares the sum of all squares.
    let n = 20;
    let matrix: Vec<f64> = (0..n * n).map(|k| ((k / n + k % n) as f64).sin()).collect();
    let values = eigenvalues(matrix.clone(), n);
    let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
    let squares: f64 = matrix.iter().map(|x| x * x).sum();
    assert!((values.iter().sum::<f64>() - trace).abs() < 1e-10);
    assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-10);
    assert!(values.is_sorted_by(|a, b| a >= b));
}

#[test]
fn two_models_are_compared_draw_by_draw() {
    let (names, x, y) = (["one", "many"], "images", "accuracy, %");
    let versus = Versus { names, x, y, less: false, decimals: 1, cases: Vec::new() };
    // At 10 images the shared model is better on each draw by 1 and 3, at 20 worse by 2 on both.
    let results = [vec![91.0, 83.0], vec![90.0, 80.0], vec![92.0, 94.0], vec![94.0, 96.0]];
    let versus = versus.fill(&["digits"], &[10, 20], &results, |&accuracy| accuracy);
    let expected = "on digits, with 10 to 20 images, it is from −2.0 to +2.0 \
                    (beyond two standard errors better in none of 2 cases, worse in 1)";
    assert_eq!(versus.words(0), expected);
    let table = versus.table().to_string();
    assert_eq!(table.lines().last().unwrap(), "digits      20  93.0 ± 1.0  95.0 ± 1.0  −2.0 ± 0.0");
}

#[test]
fn differences_in_words_are_true_for_all_signs() {
    let check = |pairs: &[(f64, f64)], less: bool, expected: &str| {
        let estimate = |&(mean, spread): &(f64, f64)| Estimate { mean, spread: spread.is_finite().then_some(spread) };
        assert_eq!(differences(&pairs.iter().map(estimate).collect::<Vec<_>>(), less, 1), expected);
    };
    let unknown = f64::NAN;
    check(&[(1.2, 0.3)], false, "+1.2 ± 0.3 (better beyond two standard errors)");
    check(&[(1.2, 0.3)], true, "+1.2 ± 0.3 (worse beyond two standard errors)");
    check(&[(-1.2, 0.7)], false, "−1.2 ± 0.7 (neither better nor worse beyond doubt)");
    check(&[(0.04, 0.01)], false, "0.0 ± 0.0 (neither better nor worse beyond doubt)");
    check(&[(1.2, unknown)], false, "+1.2 ± ? (one draw has no standard error)");
    check(&[(1.2, unknown), (-0.3, unknown)], false, "from −0.3 to +1.2 (one draw has no standard error)");
    let beyond = |found: &str| format!("{found} (beyond two standard errors better in ");
    let all = beyond("from +7.2 to +20.3") + "2 of 2 cases, worse in none)";
    check(&[(7.2, 0.5), (20.3, 1.0)], false, &all);
    let some = beyond("from −7.2 to +0.2") + "1 of 3 cases, worse in none; 0.0 counts as neither)";
    check(&[(-7.2, 0.5), (-0.04, 0.01), (0.2, 0.3)], true, &some);
    let even = beyond("+2.0 each time") + "none of 2 cases, worse in 1)";
    check(&[(2.0, 0.5), (2.01, 2.0)], true, &even);
}

/// Seeds run on any number of threads, in any order.
#[test]
fn an_experiment_has_the_same_figures_on_one_thread_and_on_three() {
    let out = tempfile::tempdir().unwrap();
    for name in ["tied_autoencoder", "shared_in_time"] {
        let figures = |threads: &str| {
            let place = out.path().join(threads);
            let flags = ["--quick", "--seeds", "3", "--threads", threads, "--out", place.to_str().unwrap()];
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "--quiet", "--example", name, "--"]);
            assert!(cargo.args(flags).status().unwrap().success());
            let read = |file: String| fs::read(Path::new(&place).join(file)).unwrap();
            [read(format!("{name}.json")), read(format!("{name}.svg"))]
        };
        assert!(figures("1") == figures("3"), "{name}");
    }
}
