//! Proximal steps: closed forms, the condition of an optimum, and graphs.

use tandem::autograd::{Params, Tensor, Var};
use tandem::tying::{
    Anchor, Coupling, GroupLasso, Groups, Huber, L1, ModelGraph, Pairing, Penalty, SquaredL2, Strength, rows,
};

use super::{assert_close, graphs, laplacian, models, names, noise, numbers, over, pair};

const SHAPE: [usize; 2] = [4, 3];
const N: usize = 12;
pub(super) const DELTA: f64 = 0.4;
const ETA: f64 = 0.7;

/// A penalty on paper: Ω(d) with weights, and the d′ at which ½‖d′ − d‖² + t Ω(d′) is least.
struct Paper {
    omega: fn(&[f64], &[f64]) -> f64,
    proximal: fn(&[f64], &[f64], f64) -> Vec<f64>,
}

fn each(d: &[f64], c: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    d.iter().zip(c).map(|(&d, &c)| f(d, c)).collect()
}

pub(super) fn soft(d: f64, t: f64) -> f64 {
    d.signum() * (d.abs() - t).max(0.0)
}

const SQUARED: Paper = Paper {
    omega: |d, c| each(d, c, |d, c| c * d * d).iter().sum(),
    proximal: |d, c, t| each(d, c, |d, c| d / (1.0 + 2.0 * t * c)),
};
const ABSOLUTE: Paper = Paper {
    omega: |d, c| each(d, c, |d, c| c * d.abs()).iter().sum(),
    proximal: |d, c, t| each(d, c, |d, c| soft(d, t * c)),
};
/// d′ + t φ′(d′) = d: within ±δ it is (1 + t)d′ = d, beyond d′ = d ∓ tδ.
const HUBER: Paper = Paper {
    omega: |d, c| {
        let phi = |d: f64| if d.abs() <= DELTA { 0.5 * d * d } else { DELTA * (d.abs() - 0.5 * DELTA) };
        each(d, c, |d, c| c * phi(d)).iter().sum()
    },
    proximal: |d, c, t| {
        each(d, c, |d, c| {
            let within = d / (1.0 + t * c);
            if within.abs() <= DELTA { within } else { d - t * c * DELTA * d.signum() }
        })
    },
};

/// Σ √|g| ‖d_g‖ over these groups of numbers, all of one weight.
fn group_omega(groups: &[Vec<usize>], d: &[f64], c: &[f64]) -> f64 {
    let norm = |group: &Vec<usize>| group.iter().map(|&i| d[i] * d[i]).sum::<f64>().sqrt();
    c[0] * groups.iter().map(|group| (group.len() as f64).sqrt() * norm(group)).sum::<f64>()
}

fn group_proximal(groups: &[Vec<usize>], d: &[f64], c: &[f64], t: f64) -> Vec<f64> {
    let mut out = d.to_vec();
    for group in groups {
        let norm = group.iter().map(|&i| d[i] * d[i]).sum::<f64>().sqrt();
        let factor = (1.0 - t * c[0] * (group.len() as f64).sqrt() / norm).max(0.0);
        for &i in group {
            out[i] *= factor;
        }
    }
    out
}

fn whole() -> Vec<Vec<usize>> {
    vec![(0..N).collect()]
}

fn in_rows() -> Vec<Vec<usize>> {
    (0..4).map(|row| (3 * row..3 * row + 3).collect()).collect()
}

fn in_columns() -> Vec<Vec<usize>> {
    (0..3).map(|column| (column..N).step_by(3).collect()).collect()
}

const WHOLE: Paper =
    Paper { omega: |d, c| group_omega(&whole(), d, c), proximal: |d, c, t| group_proximal(&whole(), d, c, t) };
const ROWS: Paper =
    Paper { omega: |d, c| group_omega(&in_rows(), d, c), proximal: |d, c, t| group_proximal(&in_rows(), d, c, t) };
const FILTERS: Paper = Paper {
    omega: |d, c| group_omega(&in_columns(), d, c),
    proximal: |d, c, t| group_proximal(&in_columns(), d, c, t),
};

/// Whether r is a subgradient of Ω at d, from which Ω(y) ≥ Ω(d) + r·(y − d) follows for all y, near and far.
fn assert_subgradient(paper: &Paper, c: &[f64], d: &[f64], r: &[f64], context: &str) {
    for (seed, scale) in (0..40).zip([1e-4, 1e-2, 1.0, 10.0].into_iter().cycle()) {
        let y: Vec<f64> = noise(seed + 50, N).iter().zip(d).map(|(e, d)| d + scale * e).collect();
        let rise: f64 = r.iter().zip(y.iter().zip(d)).map(|(r, (y, d))| r * (y - d)).sum();
        let gap = (paper.omega)(&y, c) - (paper.omega)(d, c) - rise;
        assert!(gap >= -1e-12, "{context}: at a distance of {scale} Ω is lower than its tangent, by {gap:e}");
    }
}

/// A coupling of two models, of which one may stay where it is, or of the first to an anchor.
fn held_by<P: Penalty<f64> + Copy + 'static>(
    params: &mut Params<f64>,
    penalty: P,
    lambda: f64,
    held: &str,
) -> Coupling<f64> {
    let anchor = match held {
        "anchor" => Anchor::of(params, "0", params, "1").unwrap(),
        "zero" => Anchor::zero(params, "0").unwrap(),
        stays => {
            let trainable = [("0.w", stays != "first stays"), ("1.w", stays != "second stays")];
            for (name, trainable) in trainable {
                params.set_trainable(params.find(name).unwrap(), trainable);
            }
            return pair(params, penalty, lambda);
        }
    };
    Coupling::toward(params, anchor, penalty, Strength::Coupled(lambda)).unwrap()
}

/// All the pairs that a step may be of, against the paper.
fn closed_form<P: Penalty<f64> + Copy + 'static>(penalty: P, paper: &Paper) {
    for lambda in [0.02, 0.3, 4.0] {
        for (weighting, c) in [("none", vec![1.0; N]), ("pair", vec![2.5; N]), ("numbers", noise(8, N))] {
            let c: Vec<f64> = c.into_iter().map(f64::abs).collect();
            let weight = match weighting {
                "none" => None,
                "pair" => Some(Tensor::scalar(2.5)),
                _ if penalty.each_number() => Some(Tensor::new(SHAPE, c.clone())),
                _ => continue,
            };
            for held in ["pair", "second stays", "first stays", "anchor", "zero"] {
                let context = format!("{penalty:?}, λ = {lambda}, weights: {weighting}, {held}");
                let other = if held == "zero" { vec![0.0; N] } else { noise(2, N) };
                let mut params = models(&SHAPE, [noise(1, N), other]);
                let coupling = held_by(&mut params, penalty, lambda, held);
                let coupling = coupling.weighted(&params, |_, _| weight.clone()).unwrap();
                let both = |params: &Params<f64>| [0, 1].map(|i| numbers(params, i).to_vec());
                let [a, b] = both(&params);
                coupling.proximal_step(&mut params, ETA).unwrap();
                let [a2, b2] = both(&params);
                let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
                let movers = if held == "pair" { 2.0 } else { 1.0 };
                let expected = (paper.proximal)(&minus(&a, &b), &c, movers * ETA * lambda);
                let d = minus(&a2, &b2);
                for i in 0..N {
                    assert_close(d[i], expected[i], 1e-15, &context);
                    match held {
                        "pair" => assert_close(a2[i] + b2[i], a[i] + b[i], 5e-16, &context),
                        "first stays" => assert_eq!(a2[i].to_bits(), a[i].to_bits(), "{context}"),
                        _ => assert_eq!(b2[i].to_bits(), b[i].to_bits(), "{context}"),
                    }
                    assert_eq!(expected[i] == 0.0, a2[i] == b2[i], "{context}: exact zeros");
                }
                // (w − w′)/ηλ is a subgradient of Ω by w, that is ±∂Ω(d).
                let pulls = [(a, a2, 1.0), (b, b2, -1.0)].map(|(w, w2, sign)| {
                    w.iter().zip(w2).map(|(w, w2)| sign * (w - w2) / (ETA * lambda)).collect::<Vec<_>>()
                });
                let moved: &[usize] = match held {
                    "pair" => &[0, 1],
                    "first stays" => &[1],
                    _ => &[0],
                };
                for &side in moved {
                    assert_subgradient(paper, &c, &d, &pulls[side], &context);
                }
            }
        }
    }
}

#[test]
fn a_step_is_the_closed_form_and_meets_the_condition_of_an_optimum() {
    closed_form(SquaredL2, &SQUARED);
    closed_form(L1, &ABSOLUTE);
    closed_form(Huber::new(DELTA), &HUBER);
    closed_form(GroupLasso { groups: Groups::Whole }, &WHOLE);
    closed_form(GroupLasso { groups: Groups::Rows }, &ROWS);
    closed_form(GroupLasso { groups: Groups::Filters }, &FILTERS);
}

/// x of Ax = b, by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            let row = a[k].clone();
            a[i].iter_mut().zip(row).for_each(|(entry, above)| *entry -= factor * above);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        b[k] = (b[k] - (k + 1..n).map(|j| a[k][j] * b[j]).sum::<f64>()) / a[k][k];
    }
    b
}

/// Over every graph of n models of five numbers, some of them frozen: calls `check(context, Laplacian, before, after)`.
fn graph_steps(n: usize, frozen: &[usize], lambda: f64, check: impl Fn(&str, &[Vec<f64>], Vec<f64>, Vec<f64>)) {
    for (name, graph, edges) in graphs(n) {
        let mut params = models(&[5], (0..n as u64).map(|i| noise(i, 5)));
        for i in frozen {
            params.set_trainable(params.find(&format!("{i}.w")).unwrap(), false);
        }
        let before = params.clone();
        over(&mut params, &graph, lambda).proximal_step(&mut params, ETA).unwrap();
        let context = format!("{name} of {n}, λ = {lambda:e}, {frozen:?} frozen");
        for k in 0..5 {
            let at = |params: &Params<f64>| (0..n).map(|i| numbers(params, i)[k]).collect();
            check(&context, &laplacian(n, &edges), at(&before), at(&params));
        }
    }
}

#[test]
fn over_a_graph_a_step_solves_the_system_of_its_laplacian() {
    for (n, frozen) in [(2, vec![]), (3, vec![]), (5, vec![]), (6, vec![]), (5, vec![2]), (6, vec![0, 4])] {
        for lambda in [1e-3, 0.4, 20.0] {
            graph_steps(n, &frozen, lambda, |context, laplacian, before, after| {
                let row = |i: usize| {
                    let entry = |j: usize| {
                        let own = f64::from(u8::from(i == j));
                        own + if frozen.contains(&i) { 0.0 } else { 2.0 * ETA * lambda * laplacian[i][j] }
                    };
                    (0..n).map(entry).collect()
                };
                let expected = solve((0..n).map(row).collect(), before);
                // The elimination loses digits as the system's condition grows.
                let bound = 1e-15 * (1.0 + 2.0 * ETA * lambda * n as f64);
                after.iter().zip(expected).for_each(|(&x, expected)| assert_close(x, expected, bound, context));
            });
        }
    }
}

#[test]
fn at_any_strength_a_step_over_a_graph_loses_no_digit() {
    // At 1e12 all models are within some 1/λ of the limit, at 1e18 at it.
    for (lambda, bound) in [(1e12, 2e-11), (1e18, 1e-15)] {
        for n in 2..=6 {
            graph_steps(n, &[], lambda, |context, _, before, after| {
                let mean = before.iter().sum::<f64>() / n as f64;
                for x in after {
                    assert_close(x, mean, bound, context);
                }
            });
            graph_steps(n, &[0], lambda, |context, _, before, after| {
                for x in after {
                    assert_close(x, before[0], bound, context);
                }
            });
        }
    }
}

#[test]
fn names_of_one_value_with_anchors_of_their_own_meet_between_them() {
    let [mut named, mut other] = [Params::new(), Params::new()];
    for (name, x) in [("m.0", 5.0), ("m.1", -1.0)] {
        named.add(name, Tensor::scalar(1.5));
        other.add(name, Tensor::scalar(x));
    }
    let ids = ["m.0", "m.1"].map(|name| named.find(name).unwrap());
    named.tie(ids[1], ids[0]).unwrap();
    let anchor = Anchor::of(&named, "m", &other, "m").unwrap();
    for lambda in [0.3, 1e12] {
        let coupling = Coupling::toward(&named, anchor.clone(), SquaredL2, Strength::Coupled(lambda)).unwrap();
        let mut moved = named.clone();
        coupling.proximal_step(&mut moved, ETA).unwrap();
        // x − w + 2ηλ(x − 5) + 2ηλ(x + 1) = 0.
        let t = 2.0 * ETA * lambda;
        assert_close(moved.get(ids[0]).item(), (1.5 + t * 4.0) / (1.0 + 2.0 * t), 1e-15, "between its anchors");
    }
}

/// Σ ½d²: squared L2 by another name.
#[derive(Clone, Copy, Debug)]
struct Half;

impl Penalty<f64> for Half {
    fn terms<'t>(&self, d: Var<'t, f64>) -> Var<'t, f64> {
        0.5 * d.square()
    }

    fn quadratic(&self) -> Option<f64> {
        Some(0.5)
    }
}

#[test]
fn rows_of_one_parameter_are_nodes_like_any() {
    let values = noise(1, 12);
    let mut params = Params::<f64>::new();
    let id = params.add("w", Tensor::new([4, 3], values.clone()));
    let chain = (1..4).map(|row| (rows("w", row - 1..row), rows("w", row..=row)));
    let pairing = Pairing::list(&params, chain).unwrap();
    Coupling::with(&mut params, pairing, Half, Strength::Coupled(0.8))
        .unwrap()
        .proximal_step(&mut params, ETA)
        .unwrap();
    let mut apart = models(&[3], values.chunks(3).map(<[f64]>::to_vec));
    over(&mut apart, &ModelGraph::chain(names(4)), 0.4).proximal_step(&mut apart, ETA).unwrap();
    let expected: Vec<f64> = (0..4).flat_map(|i| numbers(&apart, i).to_vec()).collect();
    assert_eq!(params.get(id).data(), expected);

    // What overlaps and moves has no step, what stays may overlap: x − w + 2ηλ(2x − f₁ − f₂) = 0.
    let mut params = models(&[2], [vec![1.0, 2.0]]);
    let frozen = params.add("f", Tensor::new([3], vec![1.0, 5.0, 8.0]));
    let pairing =
        Pairing::list(&params, [(rows("0.w", ..), rows("f", ..2)), (rows("0.w", ..), rows("f", 1..))]).unwrap();
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.8)).unwrap();
    let refused = coupling.proximal_step(&mut params, ETA).unwrap_err().to_string();
    assert_eq!(refused, "no proximal step: `f[0..2]` and `f[1..3]` overlap");
    params.set_trainable(frozen, false);
    coupling.proximal_step(&mut params, ETA).unwrap();
    for (x, (w, f)) in numbers(&params, 0).iter().zip([(1.0, 6.0), (2.0, 13.0)]) {
        let t = 2.0 * ETA * 0.8;
        assert_close(*x, (w + t * f) / (1.0 + 2.0 * t), 2e-15, "held by frozen rows");
    }
}

#[test]
fn what_weighs_nothing_stays_to_the_bit() {
    let (a, b) = (vec![1.0, 1.0, 0.3], vec![1e-20, 0.1, 0.7]);
    for weights in [vec![0.0; 3], vec![1.0, 0.0, 1.0]] {
        for frozen in [None, Some("0.w"), Some("1.w")] {
            let mut params = models(&[3], [a.clone(), b.clone()]);
            if let Some(name) = frozen {
                params.set_trainable(params.find(name).unwrap(), false);
            }
            let weight = Tensor::new([3], weights.clone());
            let coupling = pair(&mut params, L1, 0.2).weighted(&params, |_, _| Some(weight.clone())).unwrap();
            coupling.proximal_step(&mut params, ETA).unwrap();
            for k in (0..3).filter(|&k| weights[k] == 0.0) {
                assert_eq!([numbers(&params, 0)[k], numbers(&params, 1)[k]], [a[k], b[k]], "{weights:?}, {frozen:?}");
            }
        }
    }
}
