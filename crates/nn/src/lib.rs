//! Layers, optimizers and data on [`tandem_autograd`].
//!
//! A layer is a description: it holds [`ParamId`](tandem_autograd::ParamId)s and sizes, and its
//! numbers live in a [`Params`](tandem_autograd::Params). Copying a layer therefore shares its
//! parameters.
//!
//! ```
//! use rand::SeedableRng;
//! use tandem_autograd::{Params, Tape, Tensor};
//! use tandem_nn::{Activation, Adam, Init, Layer, Mlp, Optimizer};
//! let (mut params, mut rng) = (Params::<f32>::new(), rand::rngs::StdRng::seed_from_u64(0));
//! let net = Mlp::new(&mut params, "net", &[2, 8, 2], Activation::Tanh, Init::Glorot, &mut rng);
//! let mut optimizer = Adam::new(0.05);
//! let (x, y) = (Tensor::new([4, 2], vec![0., 0., 0., 1., 1., 0., 1., 1.]), Tensor::new([4], vec![0., 1., 1., 0.]));
//! let mut loss = f32::NAN;
//! for _ in 0..200 {
//!     let tape = Tape::new(&params);
//!     let logits = net.forward(&tape, tape.constant(x.clone()));
//!     let objective = logits.cross_entropy(tape.constant(y.clone()));
//!     loss = objective.item();
//!     let gradients = objective.backward();
//!     optimizer.step(&mut params, &gradients);
//! }
//! assert!(loss < 0.05, "exclusive or was not learnt: {loss}");
//! ```

mod convolution;
pub mod data;
mod init;
mod layer;
mod linear;
mod optimizer;
mod simple;
mod subsample;
mod table_conv;

pub use convolution::{Conv2d, Kernel, LocallyConnected2d, TiledConv2d};
pub use init::Init;
pub use layer::{Layer, LayerRow, Sequential, Use};
pub use linear::{Linear, Mlp};
pub use optimizer::{Adam, Optimizer, Sgd};
pub use simple::{Activation, AvgPool2d, Flatten, MaxPool2d, Unflatten};
pub use subsample::Subsample2d;
pub use table_conv::TableConv2d;
