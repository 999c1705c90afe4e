//! The identities of a coupling: what it computes equals what follows on paper.
//!
//! Models are called `0`, `1`, … and have one parameter `w` each.

#[path = "couplings/learned.rs"]
mod learned;
#[path = "couplings/optimum.rs"]
mod optimum;
#[path = "couplings/proximal.rs"]
mod proximal;
#[path = "couplings/rest.rs"]
mod rest;
#[path = "couplings/spectrum.rs"]
mod spectrum;
#[path = "couplings/ways.rs"]
mod ways;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::nn::Optimizer;
use tandem::tying::{Anchor, Coupling, Fisher, ModelGraph, Pairing, Penalty, SquaredL2, Strength};

/// Numbers between −1 and 1.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Models of these values.
fn models(shape: &[usize], values: impl IntoIterator<Item = Vec<f64>>) -> Params<f64> {
    let mut params = Params::new();
    for (i, value) in values.into_iter().enumerate() {
        params.add(&format!("{i}.w"), Tensor::new(shape, value));
    }
    params
}

/// Models of one number each.
fn scalars(values: &[f64]) -> Params<f64> {
    models(&[], values.iter().map(|&x| vec![x]))
}

/// The numbers of model `i`.
fn numbers(params: &Params<f64>, i: usize) -> &[f64] {
    params.get(params.find(&format!("{i}.w")).unwrap()).data()
}

/// Models `0` and `1`, coupled.
fn pair(params: &mut Params<f64>, penalty: impl Penalty<f64> + 'static, lambda: f64) -> Coupling<f64> {
    let pairing = Pairing::by_path(params, "0", "1").unwrap();
    Coupling::with(params, pairing, penalty, Strength::Coupled(lambda)).unwrap()
}

/// Models coupled over a graph by the squared norm.
fn over(params: &mut Params<f64>, graph: &ModelGraph, lambda: f64) -> Coupling<f64> {
    let pairing = Pairing::over(params, graph).unwrap();
    Coupling::new(params, pairing, Strength::Coupled(lambda)).unwrap()
}

/// The names of the first models.
fn names(count: usize) -> impl Iterator<Item = &'static str> {
    ["0", "1", "2", "3", "4", "5"].into_iter().take(count)
}

/// Σ a/2 (w − u)² over models, each with its [a, u].
fn wells<'t>(tape: &'t Tape<'_, f64>, wells: &[[f64; 2]]) -> Var<'t, f64> {
    let well = |(i, &[a, u]): (usize, &[f64; 2])| {
        0.5 * a * (tape.param(tape.params().find(&format!("{i}.w")).unwrap()) - u).square()
    };
    wells.iter().enumerate().map(well).reduce(|sum, term| sum + term).unwrap()
}

/// How a coupling comes into a step; a proximal step has a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Tape,
    Fused,
    Proximal(f64),
}

/// One step on the data and the coupling.
fn step(
    params: &mut Params<f64>,
    coupling: &Coupling<f64>,
    way: Way,
    data: &[[f64; 2]],
    optimizer: &mut dyn Optimizer<f64>,
) {
    let tape = Tape::new(params);
    let loss = wells(&tape, data);
    let mut gradients = if way == Way::Tape { loss + coupling.penalty(&tape) } else { loss }.backward();
    if way == Way::Fused {
        coupling.add_gradients(params, &mut gradients);
    }
    optimizer.step(params, &gradients);
    if let Way::Proximal(rate) = way {
        coupling.proximal_step(params, rate).unwrap();
    }
}

#[track_caller]
fn assert_close(found: f64, expected: f64, bound: f64, context: &str) {
    assert!((found - expected).abs() <= bound, "{context}: {found:e} for {expected:e}, off by {:e}", found - expected);
}

/// wᵀ(L ⊗ I)w of a graph, by its Laplacian as a matrix.
fn quadratic_form(laplacian: &[Vec<f64>], params: &Params<f64>) -> f64 {
    let dot = |s, t| numbers(params, s).iter().zip(numbers(params, t)).map(|(x, y)| x * y).sum::<f64>();
    let n = laplacian.len();
    (0..n).flat_map(|s| (0..n).map(move |t| (s, t))).map(|(s, t)| laplacian[s][t] * dot(s, t)).sum()
}

/// Two models and the weight of their edge.
type Edge = (usize, usize, f64);

/// Graphs of so many models, with their edges as they are on paper.
fn graphs(n: usize) -> Vec<(&'static str, ModelGraph, Vec<Edge>)> {
    let all = move || (0..n).flat_map(move |s| (s + 1..n).map(move |t| (s, t)));
    let random: Vec<_> = all().zip(noise(7, n * n)).map(|((s, t), c)| (s, t, c.abs())).collect();
    let named = |graph: ModelGraph, &(s, t, c): &Edge| graph.edge(&s.to_string(), &t.to_string(), c);
    vec![
        ("chain", ModelGraph::chain(names(n)), (1..n).map(|t| (t - 1, t, 1.0)).collect()),
        ("star", ModelGraph::star("0", names(n).skip(1)), (1..n).map(|t| (0, t, 1.0)).collect()),
        ("complete", ModelGraph::complete(names(n)), all().map(|(s, t)| (s, t, 1.0)).collect()),
        ("mean", ModelGraph::mean(names(n)), all().map(|(s, t)| (s, t, 1.0 / n as f64)).collect()),
        ("random", random.iter().fold(ModelGraph::new(names(n)), named), random),
    ]
}

fn laplacian(n: usize, edges: &[Edge]) -> Vec<Vec<f64>> {
    let mut l = vec![vec![0.0; n]; n];
    for &(s, t, c) in edges {
        for (s, t) in [(s, t), (t, s)] {
            l[s][s] += c;
            l[s][t] -= c;
        }
    }
    l
}

#[test]
fn over_a_graph_the_penalty_is_the_quadratic_form_of_its_laplacian() {
    for n in 2..=6 {
        let mut params = models(&[2, 3], (0..n as u64).map(|i| noise(i, 6)));
        for (name, graph, edges) in graphs(n) {
            let coupling = over(&mut params, &graph, 0.7);
            let found = coupling.penalty(&Tape::new(&params)).item();
            let expected = 0.7 * quadratic_form(&laplacian(n, &edges), &params);
            assert_close(found, expected, 1e-14 * n as f64 * n as f64, &format!("{name} of {n}"));
        }
    }
}

#[test]
fn the_mean_form_is_the_sum_of_squares_around_the_mean() {
    for n in 2..=6 {
        let mut params = models(&[5], (0..n as u64).map(|i| noise(i + 20, 5)));
        let found = over(&mut params, &ModelGraph::mean(names(n)), 1.0).penalty(&Tape::new(&params)).item();
        let at = |k: usize| (0..n).map(|t| numbers(&params, t)[k]).collect::<Vec<_>>();
        let around = |x: Vec<f64>| {
            let mean = x.iter().sum::<f64>() / n as f64;
            x.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
        };
        let pairs = |x: Vec<f64>| (0..n).map(|t| x[..t].iter().map(|y| (x[t] - y).powi(2)).sum::<f64>()).sum::<f64>();
        assert_close(found, (0..5).map(|k| around(at(k))).sum(), 1e-14, "around the mean");
        assert_close(found, (0..5).map(|k| pairs(at(k))).sum::<f64>() / n as f64, 1e-14, "over pairs");
        if n == 2 {
            let half = pair(&mut params, SquaredL2, 0.5).penalty(&Tape::new(&params)).item();
            assert_close(found, half, 1e-15, "½‖wA − wB‖²");
        }
    }
}

#[test]
fn a_pair_counts_once_however_it_is_told() {
    let mut params = models(&[3], (0..3).map(|i| noise(i, 3)));
    let once = over(&mut params, &ModelGraph::chain(names(3)), 0.7).penalty(&Tape::new(&params)).item();
    let list = Pairing::list(&params, [("1.w", "0.w"), ("1.w", "2.w")]).unwrap();
    let chain = Pairing::over(&params, &ModelGraph::chain(names(3))).unwrap();
    let both = Coupling::new(&mut params, list.and(chain), Strength::Coupled(0.7)).unwrap();
    assert_close(both.penalty(&Tape::new(&params)).item(), once, 1e-15, "a list and a chain");

    // Of three names in a ring, two are of one slot: one pair is left, in every way.
    let mut two = models(&[3], (0..2).map(|i| noise(i, 3)));
    let coupling = pair(&mut two, SquaredL2, 0.7);
    let mut tied = models(&[3], (0..3).map(|i| noise(i, 3)));
    let [last, first] = ["2.w", "0.w"].map(|name| tied.find(name).unwrap());
    tied.tie(last, first).unwrap();
    let ring = Pairing::over(&tied, &ModelGraph::complete(names(3))).unwrap();
    // Not by a strength that is set, which would part them.
    let ring = Coupling::new(&mut tied.clone(), ring, Strength::Coupled(0.7)).unwrap();
    let [one, other] = [(&two, &coupling), (&tied, &ring)].map(|(params, coupling)| {
        let tape = Tape::new(params);
        let mut gradients = (0.0 * tape.param(params.find("0.w").unwrap()).sum()).backward();
        let fused = coupling.add_gradients(params, &mut gradients);
        let mut moved = params.clone();
        coupling.proximal_step(&mut moved, 0.3).unwrap();
        (coupling.penalty(&Tape::new(params)).item(), fused, numbers(&moved, 0).to_vec(), numbers(&moved, 1).to_vec())
    });
    assert_eq!(one, other);
}

/// Weights of a coupling toward the values of now, by a Fisher information; the penalty's gradient from elsewhere.
fn consolidate(params: &mut Params<f64>, fisher: &Fisher<f64>, moved: f64) -> (f64, f64) {
    let w = params.find("0.w").unwrap();
    let anchor = Anchor::here(params, "0").unwrap();
    let coupling = Coupling::toward(params, anchor, SquaredL2, Strength::Coupled(0.7)).unwrap();
    let coupling = coupling.weighted(params, |name, _| fisher.of(params, name)).unwrap();
    params.update(params.slot(w), |w| w[0] += moved);
    let tape = Tape::new(params);
    let penalty = coupling.penalty(&tape);
    (penalty.item(), penalty.backward().of(params, w).unwrap().data()[0])
}

#[test]
fn the_fisher_information_is_the_mean_of_squares_and_weighs_each_number() {
    // −ln N(x; w, s²): the gradient is (w − x)/s², which is zero on average at the mean.
    let (x, variance) = (noise(3, 40), 0.3);
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let gaussian = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64 / (variance * variance);
    let mut params = scalars(&[mean]);
    let w = params.find("0.w").unwrap();
    let fisher = Fisher::estimate(&params, x.iter().copied(), |tape, x| 0.5 / variance * (tape.param(w) - x).square());
    let found = fisher.of(&params, "0.w").unwrap().item();
    assert_close(found, gaussian, 1e-14 * gaussian, "Gaussian");
    let (value, gradient) = consolidate(&mut params, &fisher, 0.25);
    assert_close(value, 0.7 * gaussian * 0.25 * 0.25, 1e-13, "λF(θ − θ*)²");
    assert_close(gradient, 2.0 * 0.7 * gaussian * 0.25, 1e-13, "2λF(θ − θ*)");

    // −ln p(y|x, w) of two inputs, y = ±1: the gradient is −y σ(−y wᵀx) x.
    let mut params = models(&[2], [vec![0.4, -1.1]]);
    let w = params.find("0.w").unwrap();
    let examples: Vec<([f64; 2], f64)> =
        noise(4, 60).chunks(3).map(|x| ([2.0 * x[0], 3.0 * x[1]], x[2].signum())).collect();
    let fisher = Fisher::estimate(&params, &examples, |tape, &(x, y)| {
        (-y * (tape.constant(Tensor::new([2], x.to_vec())) * tape.param(w)).sum()).softplus()
    });
    let squared = |(x, y): &([f64; 2], f64), i: usize| {
        let margin = y * (0.4 * x[0] - 1.1 * x[1]);
        (x[i] / (1.0 + margin.exp())).powi(2)
    };
    for i in [0, 1] {
        let expected = examples.iter().map(|example| squared(example, i)).sum::<f64>() / examples.len() as f64;
        assert_close(fisher.of(&params, "0.w").unwrap().data()[i], expected, 1e-14 * expected, "logistic");
    }
    let first = fisher.of(&params, "0.w").unwrap().data()[0];
    let (_, gradient) = consolidate(&mut params, &fisher, -0.5);
    assert_close(gradient, 2.0 * 0.7 * first * -0.5, 1e-14, "number by number");
}
