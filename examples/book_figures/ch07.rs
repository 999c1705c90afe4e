//! Chapter 7: a training with two lengths of step, and what becomes of numbers over layers.
//!
//! In `f64`, so that what differs from machine to machine is too small to be drawn.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::autograd::{ParamId, Params, Tape, Tensor, Var};
use tandem::nn::data::{self, Images};
use tandem::nn::{Init, accuracy};

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

pub fn figures() -> Vec<Figure> {
    let (train, test) = data::digits("data").expect("the digits ship with the repository");
    vec![("ch07_epochs", epochs(&train, &test)), ("ch07_init", sizes())]
}

fn epochs(train: &Images, test: &Images) -> String {
    let [usual, too_long] = [0.5, 2.0].map(|rate| accuracies(train, test, rate));
    let line = |label: &str, colour, percent: &[[f64; 2]], which: usize| {
        let points = percent.iter().enumerate();
        let points = points.map(|(i, percent)| Point { x: (i + 1) as f64, y: percent[which], spread: None });
        Series { label: label.into(), colour, look: Look::Line, points: points.collect() }
    };
    let series = vec![
        line("training rows, η = 0.5", 0, &usual, 0),
        line("other writers' rows, η = 0.5", 1, &usual, 1),
        line("other writers' rows, η = 2", 3, &too_long, 1),
    ];
    let panel = Panel {
        x: Axis { label: "epoch".into(), ..Axis::default() },
        y: Axis { label: "accuracy, %".into(), range: Some([0.0, 100.0]), ..Axis::default() },
        series,
        ..Panel::default()
    };
    one_panel("Seen rows, unseen rows, and a step that is too long", "64 pixels, 64 hidden units, 10 digits", panel)
}

/// For each epoch, the accuracy on both sets, in per cent.
fn accuracies(train: &Images, test: &Images, rate: f64) -> Vec<[f64; 2]> {
    let mut params = Params::new();
    let mut rng = StdRng::seed_from_u64(0);
    let w = [[64, 64], [64, 10]].map(|[inputs, outputs]| {
        let bound = (6.0 / inputs as f64).sqrt();
        let numbers = (0..inputs * outputs).map(|_| rng.random_range(-bound..bound)).collect();
        params.add(&format!("w{outputs}"), Tensor::new([inputs, outputs], numbers))
    });
    let b = [64, 10].map(|outputs| params.add(&format!("b{outputs}"), Tensor::zeros([outputs])));
    let epoch = |_| {
        for start in (0..train.len()).step_by(32) {
            let (x, y) = rows(train, start..train.len().min(start + 32));
            let tape = Tape::new(&params);
            let gradients = logits(&tape, w, b, x).cross_entropy(tape.constant(y)).backward();
            for (slot, gradient) in gradients.iter() {
                params.update(slot, |w| w.iter_mut().zip(gradient.data()).for_each(|(w, g)| *w -= rate * g));
            }
        }
        [train, test].map(|images| {
            let tape = Tape::without_gradients(&params);
            100.0 * accuracy(logits(&tape, w, b, rows(images, 0..images.len()).0).value(), &images.labels)
        })
    };
    (0..20).map(epoch).collect()
}

fn logits<'t>(tape: &'t Tape<'_, f64>, w: [ParamId; 2], b: [ParamId; 2], x: Tensor<f64>) -> Var<'t, f64> {
    let hidden = (tape.constant(x).matmul(tape.param(w[0])) + tape.param(b[0])).relu();
    hidden.matmul(tape.param(w[1])) + tape.param(b[1])
}

fn rows(images: &Images, rows: std::ops::Range<usize>) -> (Tensor<f64>, Tensor<f64>) {
    let rows: Vec<usize> = rows.collect();
    let (mut x, mut y) = (Tensor::zeros([rows.len(), images.size()]), Tensor::zeros([rows.len()]));
    x.update(|x| y.update(|y| images.gather(&rows, x, y)));
    (x, y)
}

fn sizes() -> String {
    let line = |label: &str, colour, init: Init| {
        let (params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(0));
        let tape = Tape::new(&params);
        let mut x = tape.constant(Init::Normal(1.0).draw([200, 100], 100, 100, &mut rng));
        let points = (0..=10).map(|layer| {
            if layer > 0 {
                x = x.clone().matmul(tape.constant(init.draw([100, 100], 100, 100, &mut rng))).relu();
            }
            Point { x: f64::from(layer), y: x.clone().square().mean().item().sqrt(), spread: None }
        });
        let points = points.collect();
        Series { label: label.into(), colour, look: Look::Line, points }
    };
    let series = vec![
        line("deviation 0.3", 3, Init::Normal(0.3)),
        line("He: √(2/100) ≈ 0.14", 0, Init::He),
        line("deviation 0.05", 1, Init::Normal(0.05)),
    ];
    let panel = Panel {
        x: Axis { label: "layers passed".into(), ..Axis::default() },
        y: Axis { label: "root mean square of the numbers".into(), log: true, ..Axis::default() },
        series,
        ..Panel::default()
    };
    one_panel("Initial weights: too small, right, too large", "Layers of 100 units with ReLU, normal weights", panel)
}

fn one_panel(title: &str, subtitle: &str, panel: Panel) -> String {
    plot::svg(&Plot { title: title.into(), subtitle: subtitle.into(), columns: 1, panels: vec![panel] })
}
