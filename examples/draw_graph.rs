//! Draws what a tape has recorded: as text, in DOT for Graphviz, or as SVG.
//!
//! ```text
//! cargo run --release --example draw_graph -- --model lenet --format svg --out lenet.svg
//! ```

#[path = "../benches/support/mod.rs"]
mod networks;
#[path = "support/mod.rs"]
mod support;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use tandem::autograd::{Graph, Params, Tape, Tensor, Var};
use tandem::nn::{Activation, Init, Layer, Mlp};

/// Draws the graph that a small model records.
#[derive(Parser)]
struct Flags {
    /// LeNet; two perceptrons, tied in their first layer; or one cell at three steps in time
    #[arg(long, default_value = "lenet", value_parser = ["lenet", "tied", "recurrent"])]
    model: String,
    /// How to draw it
    #[arg(long, default_value = "text", value_parser = ["text", "dot", "svg"])]
    format: String,
    /// Where the drawing goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let (title, graph) = match &*flags.model {
        "tied" => ("Two perceptrons, tied in their first layer", tied()?),
        "recurrent" => ("A recurrent cell at three steps in time", recurrent()),
        _ => ("LeNet, a batch of 64", lenet()),
    };
    let drawing = match &*flags.format {
        "svg" => tandem::draw::svg(&graph, title),
        "dot" => graph.to_dot(),
        _ => graph.to_string(),
    };
    match flags.out {
        Some(path) => Ok(support::output::write(&path, &drawing)?),
        None => Ok(io::stdout().write_all(drawing.as_bytes())?),
    }
}

fn lenet() -> Graph {
    let mut params = Params::new();
    let net = networks::lenet(&mut params, &mut networks::rng());
    let tape = Tape::new(&params);
    let logits = net.forward(&tape, tape.constant(Tensor::zeros([64, 28, 28, 1])));
    let _part = tape.enter("loss");
    let _loss = logits.cross_entropy(tape.constant(Tensor::zeros([64])));
    tape.graph()
}

fn tied() -> Result<Graph, Box<dyn Error>> {
    let (mut params, mut rng) = (Params::new(), networks::rng());
    let widths = [64, 16, 10];
    let [a, b] = ["a", "b"].map(|path| Mlp::new(&mut params, path, &widths, Activation::Tanh, Init::Glorot, &mut rng));
    params.tie(b.layers[0].weight, a.layers[0].weight)?;
    params.tie(b.layers[0].bias, a.layers[0].bias)?;
    let tape = Tape::new(&params);
    let loss = |name: &str, model: &Mlp| -> Var {
        let _part = tape.enter(name);
        let logits = model.forward(&tape, tape.constant(Tensor::zeros([32, 64])));
        logits.cross_entropy(tape.constant(Tensor::zeros([32])))
    };
    let _loss = loss("a", &a) + loss("b", &b);
    Ok(tape.graph())
}

fn recurrent() -> Graph {
    let mut params = Params::<f32>::new();
    let shapes: [(&str, &[usize]); 3] = [("input.weight", &[8, 16]), ("state.weight", &[16, 16]), ("bias", &[16])];
    let [input, state, bias] = shapes.map(|(name, shape)| params.add(name, Tensor::zeros(shape)));
    let tape = Tape::new(&params);
    let mut h = tape.constant(Tensor::zeros([32, 16]));
    for step in 1..=3 {
        let _part = tape.enter(&format!("step {step}"));
        let x = tape.constant(Tensor::zeros([32, 8]));
        h = (x.matmul(tape.param(input)) + h.matmul(tape.param(state)) + tape.param(bias)).tanh();
    }
    let _loss = h.square().mean();
    tape.graph()
}
