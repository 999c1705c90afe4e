//! Well-known convolutional networks: how many numbers they store, how many they would store if
//! nothing were shared, and what a training step would take.
//!
//! Nothing of this size is ever allocated. Each network is built and trained for two steps in a
//! [`dry_run`], where tensors have shapes but no numbers. The as-if-unshared networks are built
//! too, with a `LocallyConnected2d` for each `Conv2d`, so that what sharing saves is counted in two
//! ways.
//!
//! Left out, because they have no parameters: AlexNet's local response normalisation, and dropout.
//! Left out, because it is fixed: the layer of radial basis functions behind F6 of LeNet-5, whose
//! centre for an example's class, 84 numbers, stands in the loss as the target of F6. The tanh of
//! LeNet-5 is plain, without the paper's scales.

use std::io::{self, Write};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_autograd::{Footprint, Kind, Params, Probe, Shape, Tape, Tensor, Var, dry_run};
use tandem_nn::{Adam, Conv2d, Init, Kernel, Layer, LayerRow, Mode, Optimizer, Sgd};

use super::support::format::{Table, bytes, count, times};
use networks::Builder;
pub use networks::NETWORKS;

#[path = "known/networks.rs"]
mod networks;

/// A network from the literature.
pub struct KnownNetwork {
    /// What it is called.
    pub name: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// Rows, columns and channels of an example.
    pub image: [usize; 3],
    /// What is minimised.
    pub loss: Loss,
    /// How its convolutions can be built.
    pub variants: &'static [Sharing],
    layers: fn(Builder) -> Builder,
}

/// Whether a convolution has one kernel for all positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One kernel: `Conv2d`.
    Shared,
    /// One kernel a position: `LocallyConnected2d`.
    Unshared,
}

/// What a network minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The cross-entropy of class indices.
    CrossEntropy,
    /// The squared distance to a fixed code for each example's class: the output for that class of
    /// LeNet-5's radial basis functions, and its first criterion (LeCun et al. 1998, equation 8).
    TargetCodes,
}

/// What one network has, under one way of building its convolutions.
pub struct Row {
    /// The network.
    pub name: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// How its convolutions are built.
    pub sharing: Sharing,
    /// Numbers in the store: each shared one once.
    pub parameters: usize,
    /// Numbers as if nothing were shared.
    pub connections: usize,
    /// The layers that have parameters.
    pub layers: Vec<LayerRow>,
    /// What training takes, for every batch size.
    pub training: Vec<Training>,
}

/// What training a network takes, in bytes of `f32`.
pub struct Training {
    /// Examples in a batch.
    pub batch: usize,
    /// What the tape keeps at the end of the forward pass: inputs, results, residuals.
    pub activations: usize,
    /// For every optimizer, by name, the second step at the moment when it had asked most of the
    /// system. Where more waits in the pool than it keeps, gradients come short of the parameters:
    /// the rest had been given back at that moment.
    pub footprints: Vec<(&'static str, Footprint)>,
}

/// Makes an optimizer.
pub type Make = fn() -> Box<dyn Optimizer<f32>>;

/// Names and makers of the optimizers.
pub const OPTIMIZERS: [(&str, Make); 3] = [
    ("SGD", || Box::new(Sgd::new(0.01))),
    ("momentum", || Box::new(Sgd::new(0.01).momentum(0.9))),
    ("Adam", || Box::new(Adam::new(0.001))),
];

/// Examples in a batch.
const BATCHES: [usize; 2] = [1, 32];

impl KnownNetwork {
    /// Everything that is known of this network with its convolutions built in this way.
    pub fn row(&self, sharing: Sharing) -> Row {
        let (parameters, layers) = dry_run(|_: &Probe<f32>| {
            let built = self.build(sharing);
            let rows = built.net.rows(&built.params, self.image.into()).expect("checked as it was built");
            (built.params.numel(), rows.into_iter().filter(|row| row.parameters > 0).collect::<Vec<_>>())
        });
        let connections = layers.iter().map(LayerRow::connections).sum();
        let training = BATCHES.iter().map(|&batch| Training {
            batch,
            activations: self.activations(sharing, batch),
            footprints: OPTIMIZERS.iter().map(|&(name, make)| (name, self.footprint(sharing, batch, make))).collect(),
        });
        Row {
            name: self.name,
            source: self.source,
            sharing,
            parameters,
            connections,
            layers,
            training: training.collect(),
        }
    }

    fn build(&self, sharing: Sharing) -> Builder {
        (self.layers)(Builder::new(self.image.into(), sharing))
    }

    /// A batch of images, and what the network's results for them are compared with.
    fn batch(&self, size: usize, output: Shape) -> (Tensor, Tensor) {
        let [rows, columns, channels] = self.image;
        let expected = match self.loss {
            Loss::CrossEntropy => Tensor::zeros([size]),
            Loss::TargetCodes => Tensor::zeros([size, output.len()]),
        };
        (Tensor::zeros([size, rows, columns, channels]), expected)
    }

    fn activations(&self, sharing: Sharing, batch: usize) -> usize {
        dry_run(|probe: &Probe<f32>| {
            let Builder { params, net, shape, .. } = self.build(sharing);
            let (x, y) = self.batch(batch, shape);
            let tape = Tape::new(&params);
            let loss = self.loss.of(net.forward(&tape, tape.constant(x), Mode::Eval), tape.constant(y));
            let activations = probe.now(0).activations;
            drop(loss);
            activations
        })
    }

    /// What the second of two training steps takes, predicted.
    pub fn footprint(&self, sharing: Sharing, batch: usize, make: Make) -> Footprint {
        dry_run(|probe: &Probe<f32>| {
            self.train(sharing, batch, make, || probe.forget_peak(), |lists| probe.footprint(lists))
        })
    }

    /// Two training steps on zeros; the first one makes the optimizer's state. Between them `begin`
    /// runs. What `end` finds, given the bytes of all lists, while everything still exists.
    pub fn train<R>(
        &self,
        sharing: Sharing,
        batch: usize,
        make: Make,
        begin: impl FnOnce(),
        end: impl FnOnce(usize) -> R,
    ) -> R {
        let Builder { mut params, net, shape, .. } = self.build(sharing);
        let mut optimizer = make();
        let (x, y) = self.batch(batch, shape);
        let mut step = || {
            let tape = Tape::new(&params);
            let found = net.forward(&tape, tape.constant(x.clone()), Mode::Eval);
            let gradients = self.loss.of(found, tape.constant(y.clone())).backward();
            optimizer.step(&mut params, &gradients);
        };
        step();
        begin();
        step();
        let optimizer = optimizer.bookkeeping_bytes() + size_of_val(&*optimizer);
        end(params.bookkeeping_bytes() + net.bookkeeping_bytes() + optimizer)
    }
}

impl Loss {
    /// The mean over a batch.
    fn of<'t>(self, found: Var<'t>, expected: Var<'t>) -> Var<'t> {
        match self {
            Loss::CrossEntropy => found.cross_entropy(expected),
            Loss::TargetCodes => {
                let examples = f64::from(found.shape()[0]);
                (found - expected).square().sum() / examples
            }
        }
    }
}

impl Row {
    /// Parameters and connections of the convolutions alone.
    pub fn convolutions(&self) -> (usize, usize) {
        let convolutions = self.layers.iter().filter(|layer| ["conv", "table conv", "unshared"].contains(&layer.kind));
        convolutions.fold((0, 0), |(p, c), layer| (p + layer.parameters, c + layer.connections()))
    }
}

/// A row for every network and every way of building it.
pub fn table() -> Vec<Row> {
    NETWORKS.iter().flat_map(|net| net.variants.iter().map(|&sharing| net.row(sharing))).collect()
}

/// A convolution that finds vertical edges, against the matrix that does the same (Deep Learning,
/// figure 9.6).
pub struct EdgeDetection {
    /// Numbers in the kernel.
    pub kernel: usize,
    /// Multiplications and additions of the convolution.
    pub convolution_operations: usize,
    /// Entries of the dense matrix.
    pub dense: usize,
    /// Multiplications and additions of the product with it, counting two an entry.
    pub dense_operations: usize,
    /// Entries of the matrix that are not zero.
    pub sparse: usize,
}

/// Counts for images of 280 rows and 320 columns and the kernel \[1, 2\] with results of 280 × 319.
pub fn edge_detection() -> EdgeDetection {
    let image = Shape::from([280, 320, 1]);
    dry_run(|_: &Probe<f32>| {
        let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(0));
        let kernel = Kernel::new([1, 2], [1, 1]).without_bias();
        let edges = Conv2d::new(&mut params, "edges", kernel, Init::Zeros, &mut rng);
        let kernel = params.numel();
        let result = edges.output(&params, image).expect("the kernel fits");
        let sparse = edges.uses(&params, image).expect("the kernel fits").iter().map(|each| each.connections).sum();
        params.add("matrix", Tensor::build([image.len(), result.len()], Kind::Parameter, |matrix| matrix.fill(0.0)));
        let dense = params.numel() - kernel;
        // A sum of k products takes k multiplications and k − 1 additions. For the matrix, where k
        // is large, k of each are counted.
        let convolution_operations = result.len() * (2 * kernel - 1);
        EdgeDetection { kernel, convolution_operations, dense, dense_operations: 2 * dense, sparse }
    })
}

impl EdgeDetection {
    /// Writes the counts.
    ///
    /// # Errors
    /// If writing fails.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{:40}{:>16}{:>18}", "Edges in an image of 280 × 320", "numbers", "operations")?;
        for (name, numbers, operations) in [
            ("convolution, one kernel", self.kernel, self.convolution_operations),
            ("matrix, entries that are not zero", self.sparse, self.convolution_operations),
            ("matrix, dense", self.dense, self.dense_operations),
        ] {
            writeln!(out, "{name:40}{:>16}{:>18}", count(numbers), count(operations))?;
        }
        Ok(())
    }
}

/// Writes what the rows say as two aligned tables, counts of numbers and bytes of training, and
/// where the networks are described.
///
/// # Errors
/// If writing fails.
pub fn print(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:18}{:>14}{:>18}{:>8}{:>17}", "Numbers", "shared", "as if unshared", "times", "in f32")?;
    for row in rows.iter().filter(|row| row.sharing == Sharing::Shared) {
        let whole = (row.name, row.parameters, row.connections);
        let (parameters, connections) = row.convolutions();
        for (name, shared, unshared) in [whole, ("  convolutions", parameters, connections)] {
            let (more, size) = (times(unshared, shared), bytes(unshared * size_of::<f32>()));
            writeln!(out, "{name:18}{:>14}{:>18}{more:>8}{size:>17}", count(shared), count(unshared))?;
        }
    }
    writeln!(out)?;
    write!(out, "{:28}{:>6}{:>12}{:>12}", "Training, bytes of f32", "batch", "parameters", "activations")?;
    OPTIMIZERS.iter().try_for_each(|(optimizer, _)| write!(out, "{optimizer:>12}"))?;
    writeln!(out)?;
    for row in rows {
        for Training { batch, activations, footprints } in &row.training {
            let name = if row.sharing == Sharing::Shared { row.name.into() } else { format!("{}, unshared", row.name) };
            let parameters = bytes(row.parameters * size_of::<f32>());
            write!(out, "{name:28}{batch:>6}{parameters:>12}{:>12}", bytes(*activations))?;
            footprints.iter().try_for_each(|(_, footprint)| write!(out, "{:>12}", bytes(footprint.total())))?;
            writeln!(out)?;
        }
    }
    writeln!(out)?;
    let mut described = rows.iter().filter(|row| row.sharing == Sharing::Shared);
    described.try_for_each(|row| writeln!(out, "{}: {}", row.name, row.source))
}

/// Writes the layers that have parameters, network by network.
///
/// # Errors
/// If writing fails.
pub fn print_layers(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    for row in rows.iter().filter(|row| row.sharing == Sharing::Shared) {
        let mut table = Table::new(["layer", "kind", "result", "parameters", "connections"]);
        for layer in &row.layers {
            let counts = [layer.parameters, layer.connections()].map(count);
            table.row([layer.name.clone(), layer.kind.into(), layer.output.to_string()].into_iter().chain(counts));
        }
        write!(out, "\n{}, layer by layer:\n{table}", row.name)?;
    }
    Ok(())
}
