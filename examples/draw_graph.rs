//! Draws what a tape has recorded, as text, DOT or SVG: `--model lenet --format svg --out lenet.svg`.

#[path = "../benches/support/mod.rs"]
mod networks;
#[path = "support/mod.rs"]
mod support;

use clap::Parser;
use std::{error::Error, io::Write, path::PathBuf, process::ExitCode};
use tandem::autograd::{Graph, Params, Tape, Tensor};
use tandem::nn::{Layer, Mode};
use tandem::tying::{Coupling, Keep, Pairing, Strength};

/// Draws the graph that a small model records.
#[derive(Parser)]
struct Flags {
    /// LeNet; two perceptrons, shared, coupled and free layer by layer; or one cell at three steps
    #[arg(long, default_value = "lenet", value_parser = ["lenet", "tied", "recurrent"])]
    model: String,
    /// How to draw it
    #[arg(long, default_value = "text", value_parser = ["text", "dot", "svg"])]
    format: String,
    /// Where the drawing goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    support::output::finish(draw(&Flags::parse()))
}

fn draw(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let mut params = Params::new();
    let (title, graph) = match &*flags.model {
        "tied" => ("Two perceptrons: the first layer shared, the second coupled, the last free", tied(&mut params)?),
        "recurrent" => ("A recurrent cell at three steps in time", recurrent(&mut params)),
        _ => ("LeNet, a batch of 64", lenet(&mut params)),
    };
    let drawing = match &*flags.format {
        "svg" => tandem::draw::svg(&graph, title),
        "dot" => tandem::draw::dot(&graph),
        _ => graph.to_string(),
    };
    match &flags.out {
        Some(path) => support::output::write(path, &drawing)?,
        None => std::io::stdout().write_all(drawing.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn lenet(params: &mut Params) -> Graph {
    let net = networks::lenet(params, &mut networks::rng());
    let tape = Tape::new(params);
    let logits = net.forward(&tape, tape.constant(Tensor::zeros([64, 28, 28, 1])), Mode::Eval);
    let _part = tape.enter("loss");
    let _loss = logits.cross_entropy(tape.constant(Tensor::zeros([64])));
    tape.graph()
}

fn tied(params: &mut Params) -> Result<Graph, Box<dyn Error>> {
    let [a, b] = ["a", "b"].map(|path| networks::mlp(params, path, &mut networks::rng()));
    Pairing::by_path(params, "a.0", "b.0")?.tie(params, Keep::First)?;
    let second = Pairing::by_path(params, "a.1", "b.1")?;
    let coupling = Coupling::new(params, second, Strength::Coupled(0.01))?;
    let tape = Tape::new(params);
    let [loss_a, loss_b] = [("a", a), ("b", b)].map(|(name, model)| {
        let _part = tape.enter(name);
        let logits = model.forward(&tape, tape.constant(Tensor::zeros([64, 784])), Mode::Eval);
        logits.cross_entropy(tape.constant(Tensor::zeros([64])))
    });
    let _loss = loss_a + loss_b + coupling.penalty(&tape);
    Ok(tape.graph())
}

fn recurrent(params: &mut Params) -> Graph {
    let shapes: [(&str, &[usize]); 3] = [("input.weight", &[8, 16]), ("state.weight", &[16, 16]), ("bias", &[16])];
    let [input, state, bias] = shapes.map(|(path, shape)| params.add(path, Tensor::zeros(shape)));
    let tape = Tape::new(params);
    let mut h = tape.constant(Tensor::zeros([32, 16]));
    for step in 1..=3 {
        let _part = tape.enter(&format!("step {step}"));
        let x = tape.constant(Tensor::zeros([32, 8]));
        h = (x.matmul(tape.param(input)) + h.matmul(tape.param(state)) + tape.param(bias)).tanh();
    }
    let _loss = h.square().mean();
    tape.graph()
}
