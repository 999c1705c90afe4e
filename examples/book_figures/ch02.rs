//! Chapters 2 and 3: what their tapes have recorded.

use tandem::autograd::{Params, Tape};
use tandem::draw::svg;

use crate::Figure;

pub fn figures() -> Vec<Figure> {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let w = tape.input(0.7);
    let _z = (&w * &w).tanh();
    let once = svg(&tape.graph(), "tanh(w · w)");

    let tape = Tape::new(&params);
    let a = tape.input(1.0);
    let b = &a + &a;
    let _c = &b + &b;
    vec![("ch02_graph", once), ("ch03_twice", svg(&tape.graph(), "b = a + a; c = b + b"))]
}
