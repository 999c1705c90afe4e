//! Checkpoints: what a program has learnt, in a file that other systems open.
//!
//! A [`Checkpoint`] lists what belongs together, by reference; the same list is saved and loaded.
//!
//! ```
//! use rand::SeedableRng;
//! use tandem_autograd::{Params, Tensor};
//! use tandem_nn::{Adam, Generator, Optimizer};
//! use tandem_nn::checkpoint::Checkpoint;
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("model.safetensors");
//! let mut params = Params::<f32>::new();
//! let [a, b] = ["embedding", "projection"].map(|name| params.add(name, Tensor::full([4, 3], 0.5)));
//! params.tie(b, a)?;
//! let (mut adam, mut epoch, mut generator) = (Adam::new(1e-3), 3_u64, Generator::seed_from_u64(7));
//!
//! let mut all = Checkpoint::of(&mut params).slots("optimizer", &mut adam);
//! all = all.value("epoch", &mut epoch).value("generator", &mut generator);
//! all.save(&path)?;
//! all.load(&path)?;                                  // everything is as it was when it was saved
//! assert!(params.is_shared(a));                      // one tensor in the file, with two names
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A model goes to PyTorch, or comes from there, through the layouts that its layers note, and under the names that it has
//! there:
//!
//! ```
//! # use rand::SeedableRng;
//! # use tandem_autograd::Params;
//! # use tandem_nn::checkpoint::Checkpoint;
//! # use tandem_nn::{Activation, Conv2d, Flatten, Generator, Init, Kernel, Layouts, Linear, Sequential};
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("model.safetensors");
//! # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
//! let mut net = Sequential::new();
//! net.push("conv", Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 8]), Init::Uniform, &mut rng));
//! net.push("relu", Activation::Relu);
//! net.push("flatten", Flatten);
//! net.push("out", Linear::new(&mut params, "out", [6 * 6 * 8, 10], Init::Uniform, &mut rng));
//! let mut layouts = Layouts::default();
//! layouts.add(&net, &params, [8, 8, 1].into())?;
//! // nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
//! let theirs = |name: &str| name.replace("conv.", "0.").replace("out.", "3.");
//! let mut model = Checkpoint::of(&mut params).pytorch(&layouts).renamed(&theirs);
//! model.save(&path)?;                                // safetensors.torch.load_model(model, path)
//! model.load(&path)?;                                // safetensors.torch.save_model(model, path)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The file is in the format of [safetensors](https://github.com/huggingface/safetensors):
//!
//! | entry | holds |
//! |---|---|
//! | a tensor under each parameter's name | its slot: once, under the first of its names in the order of the alphabet |
//! | a tensor under each state's name | the state |
//! | tensors `PART/MOMENT/NAME` | what [`PerSlot`] parts remember of a slot: `optimizer/exp_avg/fc.weight` |
//! | metadata `tandem.shared` | JSON: the lists of names that share a tensor, sorted |
//! | metadata under every other name that shares | the tensor's name, as Hugging Face's tools write and read it |
//! | metadata `tandem.parts` | JSON: of each part the kind, and the steps that each slot has taken |
//! | metadata `tandem.values` | JSON: the values |
//! | metadata `tandem.layout` | `tandem`, or `pytorch` for files in [PyTorch's layouts](Checkpoint::pytorch), which also say `format`: `pt` |
//!
//! The same content makes the same bytes. A file is written whole or not at all, and loaded whole or not at
//! all: everything that does not fit is in one [`CheckpointError`], and nothing has changed then.
//!
//! What the program says in its code is not in the file: an optimizer's rate, decay and groups, the network's layers. Only
//! tensors of the program's own type are read; [`Params::cast`](tandem_autograd::Params::cast) goes to another.
//!
//! A tie survives both ways. Names that share a slot are one tensor in the file. A file whose names share where the
//! program's do not, or in which tied names have different values, is refused, unless the caller asks for
//! [`tying`](Checkpoint::tying) or [`untying`](Checkpoint::untying).
//!
//! Not to be confused with [`Checkpointed`](crate::Checkpointed), which computes things again to save memory.

mod error;
mod file;
mod load;
mod save;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tandem_autograd::{Float, ParamId, Params};

pub use self::error::{CheckpointError, Problem};
use self::value::Kept;
use crate::layout::{Layout, Layouts};
use crate::optimizer::PerSlot;

const SHARED: &str = "tandem.shared";
const PARTS: &str = "tandem.parts";
const VALUES: &str = "tandem.values";
const LAYOUT: &str = "tandem.layout";
/// What Hugging Face's transformers write and ask for.
const FORMAT: (&str, &str) = ("format", "pt");

/// What a file says of a part: an optimizer, a moving average.
#[derive(Serialize, Deserialize)]
struct Part {
    kind: String,
    /// By the slot's name, the steps that it has taken.
    steps: BTreeMap<String, u64>,
}

/// What is saved together, and loaded together; see [the module](self).
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_nn::checkpoint::Checkpoint;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("model.safetensors");
/// let mut params = Params::<f32>::new();
/// let w = params.add("w", Tensor::scalar(1.0));
/// Checkpoint::of(&mut params).save(&path)?;
/// params.set(w, Tensor::scalar(2.0))?;
/// Checkpoint::of(&mut params).load(&path)?;
/// assert_eq!(params.get(w).item(), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Checkpoint<'a, T: Float = f32> {
    params: &'a mut Params<T>,
    parts: BTreeMap<String, &'a mut dyn PerSlot<T>>,
    values: BTreeMap<String, &'a mut dyn Kept>,
    rename: &'a dyn Fn(&str) -> String,
    only: Option<&'a dyn Fn(&str) -> bool>,
    layouts: Option<&'a Layouts>,
    tying: bool,
    untying: bool,
}

impl<'a, T: Float> Checkpoint<'a, T> {
    /// The parameters and the states of a store.
    pub fn of(params: &'a mut Params<T>) -> Checkpoint<'a, T> {
        Checkpoint {
            params,
            parts: BTreeMap::new(),
            values: BTreeMap::new(),
            rename: &|name| name.to_string(),
            only: None,
            layouts: None,
            tying: false,
            untying: false,
        }
    }

    /// With what is remembered for each slot: an optimizer's moments, a moving average.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// use tandem_nn::checkpoint::Checkpoint;
    /// use tandem_nn::{Adam, Optimizer, PerSlot};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("training.safetensors");
    /// let mut params = Params::<f32>::new();
    /// let w = params.add("w", Tensor::scalar(1.0));
    /// let mut adam = Adam::new(0.1);
    /// let gradients = Tape::new(&params).param(w).square().backward();
    /// adam.step(&mut params, &gradients);
    /// Checkpoint::of(&mut params).slots("optimizer", &mut adam).save(&path)?;
    ///
    /// let mut resumed = Adam::new(0.1);
    /// Checkpoint::of(&mut params).slots("optimizer", &mut resumed).load(&path)?;
    /// let slot = params.slot(w);
    /// assert_eq!(resumed.of_slot(slot), adam.of_slot(slot));         // after one step, the same moments
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If there is a part of this name.
    #[track_caller]
    pub fn slots(mut self, part: &str, memory: &'a mut dyn PerSlot<T>) -> Checkpoint<'a, T> {
        assert!(self.parts.insert(part.into(), memory).is_none(), "slots(): a part named `{part}` is listed already");
        self
    }

    /// With a value, as JSON: a schedule, an epoch, a [`Generator`](crate::Generator) with its seed, stream and
    /// position.
    ///
    /// ```
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("training.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// let mut epoch = 3_u64;
    /// Checkpoint::of(&mut params).value("epoch", &mut epoch).save(&path)?;
    /// epoch = 0;
    /// Checkpoint::of(&mut params).value("epoch", &mut epoch).load(&path)?;
    /// assert_eq!(epoch, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If there is a value of this name.
    #[track_caller]
    pub fn value(
        mut self,
        name: &str,
        value: &'a mut (impl Serialize + serde::de::DeserializeOwned),
    ) -> Checkpoint<'a, T> {
        assert!(self.values.insert(name.into(), value).is_none(), "value(): a value named `{name}` is listed already");
        self
    }

    /// Under other names in the file: `rename` makes the file's of the program's.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// params.add("fc.weight", Tensor::scalar(1.0));
    /// Checkpoint::of(&mut params).renamed(&|name| format!("model.{name}")).save(&path)?;
    /// let bytes = std::fs::read(&path)?;
    /// let file = safetensors::SafeTensors::deserialize(&bytes)?;
    /// assert_eq!(file.names(), ["model.fc.weight"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn renamed(mut self, rename: &'a dyn Fn(&str) -> String) -> Checkpoint<'a, T> {
        self.rename = rename;
        self
    }

    /// Those names of the program alone: a part of the model, for fine-tuning say. When loading, what else the file has
    /// is no concern then.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// let [body, head] = ["body.w", "head.w"].map(|name| params.add(name, Tensor::scalar(1.0)));
    /// Checkpoint::of(&mut params).save(&path)?;
    /// for id in [body, head] {
    ///     params.set(id, Tensor::scalar(2.0))?;
    /// }
    /// Checkpoint::of(&mut params).only(&|name| name.starts_with("body.")).load(&path)?;
    /// assert_eq!([body, head].map(|id| params.get(id).item()), [1.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn only(mut self, wanted: &'a dyn Fn(&str) -> bool) -> Checkpoint<'a, T> {
        self.only = Some(wanted);
        self
    }

    /// In PyTorch's layouts, in both directions; see [`Layer::layouts`](crate::Layer::layouts). PyTorch's counts of
    /// batches, `num_batches_tracked`, are passed over.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::Params;
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # use tandem_nn::{Generator, Init, Layouts, Linear};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let layer = Linear::new(&mut params, "fc", [3, 2], Init::Uniform, &mut rng);
    /// let mut layouts = Layouts::default();
    /// layouts.add(&layer, &params, [3].into())?;
    /// Checkpoint::of(&mut params).pytorch(&layouts).save(&path)?;
    /// let bytes = std::fs::read(&path)?;
    /// let file = safetensors::SafeTensors::deserialize(&bytes)?;
    /// assert_eq!(file.tensor("fc.weight")?.shape(), [2, 3]);         // [outputs, inputs]
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pytorch(mut self, layouts: &'a Layouts) -> Checkpoint<'a, T> {
        self.layouts = Some(layouts);
        self
    }

    /// Names that share a tensor in the file are tied by loading, where the program has them apart.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::full([4], 1.0)));
    /// params.tie(b, a)?;
    /// Checkpoint::of(&mut params).save(&path)?;
    /// params.untie(b);
    /// assert!(Checkpoint::of(&mut params).load(&path).is_err());
    /// Checkpoint::of(&mut params).tying().load(&path)?;
    /// assert!(params.is_shared(b));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tying(mut self) -> Checkpoint<'a, T> {
        self.tying = true;
        self
    }

    /// Names that the program has tied are parted by loading, where the file has a tensor for each. (Without this,
    /// tensors of equal values are taken for what they are in files of other systems: copies of a shared one.)
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = [("a", 1.0), ("b", 2.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// Checkpoint::of(&mut params).save(&path)?;
    /// params.tie(b, a)?;
    /// assert!(Checkpoint::of(&mut params).load(&path).is_err());     // 1 and 2 can't be one
    /// Checkpoint::of(&mut params).untying().load(&path)?;
    /// assert_eq!((params.is_shared(b), params.get(b).item()), (false, 2.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn untying(mut self) -> Checkpoint<'a, T> {
        self.untying = true;
        self
    }

    /// Whether this name of the program is meant.
    fn wants(&self, name: &str) -> bool {
        self.only.is_none_or(|only| only(name))
    }

    /// The layout that the file has for a parameter: the one that a layer has noted for any of the names that share it.
    fn layout(&self, id: ParamId) -> Option<&'a Layout> {
        let layouts = self.layouts?;
        self.params.names_of(self.params.slot(id)).find_map(|(other, _)| layouts.of(other))
    }

    /// What can't be done, whatever the file is like: names that a renaming makes one; slots of several axes whose
    /// layout nobody has noted, or that have two.
    fn check(&self) -> Vec<Problem> {
        let wanted = |name: &&str| self.wants(name);
        let names = self.params.names().map(|(_, name)| name).chain(self.params.states().map(|(_, name)| name));
        let mut times = BTreeMap::new();
        for name in names.filter(wanted) {
            *times.entry((self.rename)(name)).or_insert(0) += 1;
        }
        let twice = times.into_iter().filter(|(_, times)| *times > 1);
        let mut problems: Vec<Problem> = twice.map(|(name, _)| Problem::Clash { name }).collect();
        if self.only.is_some() && !self.params.names().any(|(_, name)| self.wants(name)) {
            problems.push(Problem::Nothing);
        }
        let Some(layouts) = self.layouts else { return problems };
        for slot in self.params.slots() {
            let sharing: Vec<_> = self.params.names_of(slot).collect();
            let noted: Vec<&Layout> = sharing.iter().filter_map(|(id, _)| layouts.of(*id)).collect();
            let clear = noted.iter().all(|layout| *layout == noted[0])
                && !(noted.is_empty() && self.params.value(slot).shape().rank() > 1);
            if !clear && sharing.iter().any(|(_, name)| self.wants(name)) {
                let names = sharing.iter().map(|(_, name)| (self.rename)(name)).collect();
                problems.push(Problem::Layout { names, layouts: noted.len() });
            }
        }
        problems
    }

    /// The file's names of each slot's parameters that are meant, sorted: the slot is saved under the first.
    fn by_slot(&self, params: &Params<T>) -> Vec<(tandem_autograd::SlotId, BTreeSet<String>)> {
        let mut slots: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (id, name) in params.names().filter(|(_, name)| self.wants(name)) {
            slots.entry(params.slot(id)).or_default().insert((self.rename)(name));
        }
        slots.into_iter().collect()
    }
}

/// The name of what a part remembers for a slot.
fn moment(part: &str, moment: &str, slot: &str) -> String {
    format!("{part}/{moment}/{slot}")
}
