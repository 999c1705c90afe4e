//! Layers, losses, optimizers and data on [`tandem_autograd`].
//!
//! A layer is a description: it holds [`ParamId`](tandem_autograd::ParamId)s and sizes, and its
//! numbers live in a [`Params`](tandem_autograd::Params). Copying a layer therefore shares its
//! parameters.
//!
//! ```
//! use rand::SeedableRng;
//! use tandem_autograd::{Params, Tape, Tensor};
//! use tandem_nn::{Activation, Adam, Generator, Init, Layer, Mlp, Mode, Optimizer, Training};
//! let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
//! let net = Mlp::new(&mut params, "net", &[2, 8, 2], Activation::Tanh, Init::Glorot, &mut rng);
//! let (mut optimizer, training) = (Adam::new(0.05), Training::new(rng));
//! let (x, y) = (Tensor::new([4, 2], vec![0., 0., 0., 1., 1., 0., 1., 1.]), Tensor::new([4], vec![0., 1., 1., 0.]));
//! let mut loss = f32::NAN;
//! for _ in 0..200 {
//!     let tape = Tape::new(&params);
//!     let logits = net.forward(&tape, tape.constant(x.clone()), Mode::Train(&training));
//!     let objective = logits.cross_entropy(tape.constant(y.clone()));
//!     loss = objective.item();
//!     let gradients = objective.backward();
//!     optimizer.step(&mut params, &gradients);
//! }
//! assert!(loss < 0.05, "exclusive or was not learnt: {loss}");
//! ```
//!
//! | to | use |
//! |---|---|
//! | join every number with every other | [`Linear`], [`Mlp`] |
//! | put a function of each number between layers | [`Activation`] |
//! | share kernels: at all positions, in rotation, at none | [`Conv2d`], [`TiledConv2d`], [`LocallyConnected2d`], all of a [`Kernel`] |
//! | join some channels only | [`TableConv2d`] |
//! | make maps larger | [`ConvTranspose2d`] |
//! | make maps smaller; a number a channel | [`MaxPool2d`], [`AvgPool2d`], [`Subsample2d`]; [`GlobalAvgPool2d`], [`GlobalMaxPool2d`] |
//! | look words up, and predict them with the same matrix | [`Embedding`], [`Projection`] |
//! | share weights over time | [`Rnn`], [`RnnCell`], [`LastStep`] |
//! | put layers one after another, and count what they share | [`Sequential`], [`LayerRow`] |
//! | keep less for the backward sweep, and compute it again | [`Checkpointed`], [`Sequential::checkpointed`] |
//! | go between maps and rows of numbers | [`Flatten`], [`Unflatten`] |
//! | keep numbers in a good range | [`BatchNorm`], [`LayerNorm`] |
//! | leave numbers out at random | [`Dropout`] |
//! | say what a pass is for; draw at random; remember statistics | [`Mode`], [`Training`], [`Generator`] |
//! | draw first weights | [`Init`] |
//! | say how wrong a batch is | [`cross_entropy`], [`binary_cross_entropy`], [`mse`], [`huber`] |
//! | take steps | [`Sgd`], [`Adam`], [`AdamW`], [`Optimizer`], with other settings for a [`Group`] of names |
//! | change the learning rate from step to step | [`RateSchedule`] |
//! | cut gradients to a size | [`clip_norm`], [`clip_value`], [`gradient_norm`] |
//! | average the parameters over steps | [`Ema`] |
//! | count what is right, and what is taken for what | [`accuracy`], [`Confusion`] |
//! | read digits, change them at random, hand them out in batches | [`data`] |
//! | save a training, go on with it, exchange models with PyTorch | [`checkpoint`], [`PerSlot`], [`Layout`], [`Layouts`], [`Layer::layouts`] |
//! | write a layer | [`Layer`], [`Use`] |
//!
//! The files in reading order: `layer` and `mode`; `linear`, `activation`, `flatten`; `convolution`, `pooling`,
//! `conv_transpose`; `table_conv` and `subsample`, which LeNet-5 of 1998 needs; `embedding` and `rnn`, which share over
//! words and over time; `dropout` and `norm`, which ask for the mode; `checkpointed`; `init`, `loss`, `optimizer/`,
//! `schedule`, `clip`, `average`, `metrics`; `data/`; `layout` and `checkpoint/`, which go to files and other systems.
//!
//! # Panics
//!
//! As on the front page of [`tandem_autograd`]: what a programmer gets wrong panics at their own line. A layer's
//! `forward` does so if the batch does not fit, with the layer's kind or name and the shapes; its `new` if a name is
//! taken. What is wrong with a file, or does not fit it, is a `Result`.
//!
//! # Absent
//!
//! Deliberately absent:
//!
//! - couplings between parameters: they are `tandem-tying`'s, which knows names and slots and no layers;
//! - a framework around the training loop: the loop is the one above, and stays in sight;
//! - a mode inside layers, and parameters inside layers: the mode is an argument, the numbers are in the store;
//! - gated cells (LSTM, GRU), attention, convolutions over one or three axes: a [`Layer`] of one's own can be any of
//!   them, and none of them shares parameters in a way that is not here already;
//! - downloads and pretrained models: data sets and [`checkpoint`]s are files that are there;
//! - readers that work ahead on threads of their own: a data set is held in memory, as [`data`] has it;
//! - gradient scaling and mixed precision: numbers are `f32`, or `f64` to check derivatives.

mod activation;
mod average;
pub mod checkpoint;
mod checkpointed;
mod clip;
mod conv_transpose;
mod convolution;
pub mod data;
mod dropout;
mod embedding;
mod flatten;
mod init;
mod layer;
mod layout;
mod linear;
mod loss;
mod metrics;
mod mode;
mod norm;
mod optimizer;
mod pooling;
mod rnn;
mod schedule;
mod subsample;
mod table_conv;

pub use activation::Activation;
pub use average::Ema;
pub use checkpointed::Checkpointed;
pub use clip::{clip_norm, clip_value, gradient_norm};
pub use conv_transpose::ConvTranspose2d;
pub use convolution::{Conv2d, Kernel, LocallyConnected2d, TiledConv2d};
pub use dropout::Dropout;
pub use embedding::{Embedding, Projection};
pub use flatten::{Flatten, Unflatten};
pub use init::Init;
pub use layer::{Layer, LayerRow, Sequential, Use};
pub use layout::{Layout, Layouts};
pub use linear::{Linear, Mlp};
pub use loss::{binary_cross_entropy, cross_entropy, huber, mse};
pub use metrics::{Confusion, accuracy};
pub use mode::{Generator, Mode, Training};
pub use norm::{BatchNorm, LayerNorm};
pub use optimizer::{Adam, AdamLike, AdamW, Group, Optimizer, PerSlot, Sgd};
pub use pooling::{AvgPool2d, GlobalAvgPool2d, GlobalMaxPool2d, MaxPool2d};
pub use rnn::{LastStep, Rnn, RnnCell};
pub use schedule::RateSchedule;
pub use subsample::Subsample2d;
pub use table_conv::TableConv2d;
