//! Chapter 5: a derivative on its function's tape, and how large a step may be.

use tandem::autograd::{Params, Tape, Tensor, Var};

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

pub fn figures() -> Vec<Figure> {
    vec![("ch05_tape", tape()), ("ch05_steps", steps())]
}

fn tape() -> String {
    let mut params = Params::<f64>::new();
    let id = params.add("w", Tensor::scalar(0.7));
    let tape = Tape::new(&params);
    let w = tape.param(id);
    let z = w.clone().square().tanh();
    let _derivative = tape.grad(&z, [&w]);
    tandem::draw::svg(&tape.graph(), "tanh w² and, behind it, its derivative")
}

fn rosenbrock<'t>(w: &Var<'t, f64>) -> Var<'t, f64> {
    let [x, y] = w.clone().split(0, [1, 1]);
    ((1.0 - x.clone()).square() + 100.0 * (y - x.square()).square()).sum()
}

fn gradient(at: [f64; 2]) -> [f64; 2] {
    let params = Params::new();
    let tape = Tape::new(&params);
    let w = tape.input(Tensor::new([2], at.to_vec()));
    let [gradient] = tape.grad(&rosenbrock(&w), [&w]);
    [gradient.value().data()[0], gradient.value().data()[1]]
}

/// The larger eigenvalue of the Hessian (802, −400; −400, 200) at the minimum.
fn largest_curvature() -> f64 {
    f64::midpoint(1002.0, (1002.0_f64.powi(2) - 1600.0).sqrt())
}

fn steps() -> String {
    let line = |part: f64, colour| {
        let step = part * 2.0 / largest_curvature();
        let mut w = [1.0 + 1e-4_f64, 1.0_f64];
        let points = (0..=40).map(|i| {
            let distance = (w[0] - 1.0).hypot(w[1] - 1.0);
            let slope = gradient(w);
            w = [w[0] - step * slope[0], w[1] - step * slope[1]];
            Point { x: f64::from(i), y: distance, spread: None }
        });
        Series { label: format!("{part} · 2 / h_max"), colour, look: Look::Line, points: points.collect() }
    };
    let panel = Panel {
        x: Axis { label: "step".into(), ..Axis::default() },
        y: Axis { label: "distance from the minimum".into(), log: true, ..Axis::default() },
        series: vec![line(0.5, 0), line(0.95, 1), line(1.05, 2)],
        ..Panel::default()
    };
    plot::svg(&Plot {
        title: "A step too large by five per cent".into(),
        subtitle: "gradient descent on Rosenbrock's function, from (1.0001, 1), beside its minimum at (1, 1)".into(),
        columns: 1,
        panels: vec![panel],
    })
}
