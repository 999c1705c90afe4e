//! Chapter 10: how far apart two coupled weights stand; and four penalties, with what their proximal steps do.

use tandem::autograd::{Params, Tape, Tensor};
use tandem::tying::{Coupling, GroupLasso, Groups, Huber, L1, Pairing, Penalty, SquaredL2, Strength};

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

pub fn figures() -> Vec<Figure> {
    vec![("ch10_distance", distance()), ("ch10_penalties", penalties())]
}

fn at(x: f64, y: f64) -> Point {
    Point { x, y, spread: None }
}

/// Where ½(w − 2)² + 3/2 (w′ + 1)² + λ(w − w′)² is least, by descent with proximal steps.
fn rest(lambda: f64) -> [f64; 2] {
    let mut params = Params::<f64>::new();
    let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::scalar(0.0)));
    let pairing = Pairing::by_path(&params, "a", "b").expect("both are there");
    let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(lambda)).expect("λ is a strength");
    for _ in 0..2000 {
        let tape = Tape::new(&params);
        let data = 0.5 * (tape.param(a) - 2.0).square() + 1.5 * (tape.param(b) + 1.0).square();
        let gradients = data.backward();
        for id in [a, b] {
            let step = 0.1 * gradients.of(&params, id).expect("it was used").item();
            let slot = params.slot(id);
            params.update(slot, |w| w[0] -= step);
        }
        coupling.proximal_step(&mut params, 0.1).expect("squared L2 has one");
    }
    [a, b].map(|id| params.get(id).item())
}

fn distance() -> String {
    let found: Vec<(f64, [f64; 2])> =
        (-12..=16).map(|k| 10_f64.powf(f64::from(k) / 4.0)).map(|x| (x, rest(x))).collect();
    let series = |label: &str, colour, y: &dyn Fn([f64; 2]) -> f64| Series {
        label: label.into(),
        colour,
        look: Look::Line,
        points: found.iter().map(|&(lambda, w)| at(lambda, y(w))).collect(),
    };
    let strength = || Axis { label: "strength λ".into(), log: true, ..Axis::default() };
    let apart = Panel {
        title: "how far apart".into(),
        x: strength(),
        y: Axis { label: "w − w′".into(), log: true, ..Axis::default() },
        series: vec![series("w − w′", 2, &|[w, w2]| w - w2)],
        ..Panel::default()
    };
    let where_they_stand = Panel {
        title: "where they stand".into(),
        x: strength(),
        y: Axis { label: "weight".into(), ..Axis::default() },
        series: vec![
            series("w, curvature 1, wants 2", 0, &|[w, _]| w),
            series("w′, curvature 3, wants −1", 1, &|[_, w2]| w2),
        ],
        marks: vec![plot::Mark::Horizontal(-0.25, "shared: −0.25".into())],
    };
    plot::svg(&Plot {
        title: "From free to as good as shared".into(),
        subtitle: "½(w − 2)² + 3/2 (w′ + 1)² + λ(w − w′)², minimised by 2000 proximal steps of length 0.1".into(),
        columns: 2,
        panels: vec![apart, where_they_stand],
    })
}

fn penalties() -> String {
    type Named = (&'static str, fn() -> Box<dyn Fn(f64) -> [f64; 2]>);
    let all: [Named; 3] = [
        ("squared L2", || Box::new(|d| values(SquaredL2, d))),
        ("L1, and the group lasso of one number", || Box::new(|d| values(L1, d))),
        ("Huber, δ = 1", || Box::new(|d| values(Huber::new(1.0), d))),
    ];
    let group = |d: f64| values(GroupLasso { groups: Groups::Whole }, d);
    for d in [-2.0, 0.3, 1.5] {
        assert!((group(d)[0] - values(L1, d)[0]).abs() + (group(d)[1] - values(L1, d)[1]).abs() < 1e-12);
    }
    let panel = |title: &str, y: &str, which: usize| {
        let series = all.iter().enumerate().map(|(colour, (label, penalty))| {
            let penalty = penalty();
            let points = (-60..=60).map(|k| f64::from(k) / 20.0).map(|d| at(d, penalty(d)[which])).collect();
            Series { label: (*label).into(), colour, look: Look::Curve, points }
        });
        let plain = Series {
            label: "no penalty".into(),
            colour: 5,
            look: Look::Dashed,
            points: vec![at(-3.0, -3.0), at(3.0, 3.0)],
        };
        Panel {
            title: title.into(),
            x: Axis { label: "difference d".into(), ..Axis::default() },
            y: Axis { label: y.into(), range: (which == 0).then_some([0.0, 4.0]), ..Axis::default() },
            series: series.chain((which == 1).then_some(plain)).collect(),
            ..Panel::default()
        }
    };
    plot::svg(&Plot {
        title: "What a difference costs, and what is left of it".into(),
        subtitle: "left: Ω(d); right: d after a proximal step with t = 2ηλ = 1".into(),
        columns: 2,
        panels: vec![panel("penalty", "Ω(d)", 0), panel("proximal step", "d afterwards", 1)],
    })
}

/// Ω(d), and d after a proximal step with t = 1.
fn values(penalty: impl Penalty<f64> + 'static, d: f64) -> [f64; 2] {
    let mut params = Params::<f64>::new();
    let [a, b] = [("a", d), ("b", 0.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    let pairing = Pairing::by_path(&params, "a", "b").expect("both are there");
    let coupling = Coupling::with(&mut params, pairing, penalty, Strength::Coupled(0.5)).expect("½ is a strength");
    let omega = 2.0 * coupling.penalty(&Tape::new(&params)).item();
    coupling.proximal_step(&mut params, 1.0).expect("all of these have one");
    [omega, params.get(a).item() - params.get(b).item()]
}
