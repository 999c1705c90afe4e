//! Chapter 11: a classifier and a model of the data, from one set of parameters to two.

use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::tying::{Coupling, Pairing, Strength};

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

const LABELLED: [f64; 4] = [-1.2, -0.1, 0.4, 2.5];

pub fn figures() -> Vec<Figure> {
    let places: Vec<(f64, [[f64; 2]; 2])> = (0..=40).map(|k| f64::from(k) / 40.0).map(|x| (x, fit(x))).collect();
    let series = |label: &str, colour, look, y: &dyn Fn([[f64; 2]; 2]) -> f64| Series {
        label: label.into(),
        colour,
        look,
        points: places.iter().map(|&(x, at)| Point { x, y: y(at), spread: None }).collect(),
    };
    let panel = Panel {
        x: Axis {
            label: "α: 0 is one set of parameters, 1 is two that do not know of each other".into(),
            ..Axis::default()
        },
        y: Axis { label: "place on the line of inputs".into(), ..Axis::default() },
        series: vec![
            series("class means of θ", 0, Look::Curve, &|[theta, _]| theta[0]),
            series("class means of θ", 0, Look::Curve, &|[theta, _]| theta[1]),
            series("class means of θ̃", 1, Look::Curve, &|[_, tilde]| tilde[0]),
            series("class means of θ̃", 1, Look::Curve, &|[_, tilde]| tilde[1]),
            series("where θ changes its mind", 2, Look::Dashed, &|[theta, _]| f64::midpoint(theta[0], theta[1])),
        ],
        ..Panel::default()
    };
    let plot = Plot {
        title: "From a generative to a discriminative model".into(),
        subtitle: "p(x, c) = ½N(x; θ_c, 1); four labels, 46 inputs; λ = 1/2σ² with σ = (α/(1 − α))²".into(),
        columns: 1,
        panels: vec![panel],
    };
    vec![("ch11_hybrid", plot::svg(&plot))]
}

/// ln p(x, c) but for a constant, `[points, class]`.
fn joint<'t>(tape: &'t Tape<'_, f64>, theta: Var<'t, f64>, x: &[f64]) -> Var<'t, f64> {
    -0.5 * (tape.constant(Tensor::new([x.len(), 1], x.to_vec())) - theta).square()
}

fn strength(alpha: f64) -> Strength {
    match alpha {
        0.0 => Strength::Shared,
        1.0 => Strength::Free,
        _ => Strength::Coupled(0.5 * ((1.0 - alpha) / alpha).powi(4)),
    }
}

/// θ and θ̃.
fn fit(alpha: f64) -> [[f64; 2]; 2] {
    let spread = |i: i32| f64::from(i - 10) / 10.0;
    let points = (0..=20).flat_map(|i| [-1.0 + 0.5 * spread(i), 1.5 + 2.0 * spread(i)]);
    let all: Vec<f64> = points.chain(LABELLED).collect();
    let mut params = Params::new();
    let ids = ["theta", "tilde"].map(|name| params.add(name, Tensor::new([2], vec![-1.0, 1.0])));
    let pairing = Pairing::by_path(&params, "theta", "tilde").expect("both are there");
    let coupling = Coupling::new(&mut params, pairing, strength(alpha)).expect("whole parameters can be one");
    for _ in 0..2000 {
        let tape = Tape::new(&params);
        let [theta, tilde] = ids.map(|id| tape.param(id));
        let classes = tape.constant(Tensor::new([4], vec![0.0, 0.0, 1.0, 1.0]));
        let discriminative = 4.0 * joint(&tape, theta.clone(), &LABELLED).cross_entropy(classes);
        let generative = -1.0 * joint(&tape, tilde.clone(), &all).log_sum_exp(&[1]).sum();
        let priors = (theta.square().sum() + tilde.square().sum()) / 8.0;
        let gradients = (discriminative + generative + priors).backward();
        for slot in params.slots().collect::<Vec<_>>() {
            let g = gradients.get(slot).expect("it was used").clone();
            params.update(slot, |w| w.iter_mut().zip(g.data()).for_each(|(w, g)| *w -= 0.02 * g));
        }
        coupling.proximal_step(&mut params, 0.02).expect("squared L2 has one");
    }
    ids.map(|id| params.get(id).data()).map(|w| [w[0], w[1]])
}
