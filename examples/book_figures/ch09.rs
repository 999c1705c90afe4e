//! Chapter 9: what a chain takes at the peak, over the length of the segments that are run again.

use tandem::autograd::{Params, Segment, Tape, Tensor, Var, dry_run};

use crate::Figure;
use crate::support::plot::{self, Axis, Look, Panel, Plot, Point, Series};

/// Layers of the chain: a number with many divisors.
const LAYERS: usize = 360;

pub fn figures() -> Vec<Figure> {
    let lengths: Vec<usize> = (1..=LAYERS).filter(|&each| LAYERS.is_multiple_of(each)).collect();
    let line = |label: &str, colour, look, peak: &dyn Fn(usize) -> f64| {
        let point = |&each: &usize| Point { x: each as f64, y: peak(each), spread: None };
        Series { label: label.into(), colour, look, points: lengths.iter().map(point).collect() }
    };
    let panel = Panel {
        x: Axis { label: "layers in a segment".into(), log: true, ..Axis::default() },
        y: Axis { label: "tensors at the peak".into(), log: true, ..Axis::default() },
        series: vec![
            line("inputs and one inside: n/k + k", 1, Look::Dashed, &|each| (LAYERS / each + each) as f64),
            line("a dry run", 0, Look::Line, &|each| tensors_at_the_peak(each) as f64),
        ],
        ..Panel::default()
    };
    let plot = Plot {
        title: "Too many inputs, too long an inside".into(),
        subtitle: format!("A step through {LAYERS} layers that keep their results, in segments that are run again"),
        columns: 1,
        panels: vec![panel],
    };
    vec![("ch09_segments", plot::svg(&plot))]
}

fn tensors_at_the_peak(each: usize) -> usize {
    dry_run::<f32, _>(|probe| {
        let params = Params::new();
        let tape = Tape::new(&params);
        let segment = Segment::new(move |_, x: Var<'_>| (0..each).fold(x, |x, _| x.tanh()));
        let x = tape.input(Tensor::zeros([256]));
        let z = (0..LAYERS / each).fold(x, |x, _| tape.checkpoint(&segment, x));
        drop(z.sum().backward());
        probe.footprint(0).activations / (256 * size_of::<f32>())
    })
}
