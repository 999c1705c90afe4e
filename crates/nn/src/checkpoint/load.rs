//! From a file to a program: first everything is compared, then everything is read, and only then does
//! anything change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use safetensors::tensor::TensorInfo;
use serde::de::DeserializeOwned;
use tandem_autograd::{Float, Kind, ParamId, Params, Shape, SlotId, StateId, Tensor};

use super::file::{Source, dtype};
use super::{Checkpoint, CheckpointError, FORMAT, LAYOUT, PARTS, Part, Problem, SHARED, VALUES, moment};
use crate::layout::Layout;
use crate::optimizer::inherited;

/// What a part is to remember.
type Entries<T> = Vec<(SlotId, u64, Vec<Tensor<T>>)>;

/// A load on its way.
struct Load<T: Float> {
    source: Source,
    /// The name of the tensor that each of the file's names stands for.
    tensor_of: BTreeMap<String, String>,
    /// Whether the file was written here, so that its names for shared tensors are all names of parameters.
    own: bool,
    /// The tensors that nobody has asked for yet.
    left: BTreeSet<String>,
    problems: Vec<Problem>,
    /// What the store will be.
    staged: Params<T>,
}

impl<T: Float> Checkpoint<'_, T> {
    /// Takes everything from a file. Parts and values that the file has and the program does not list are passed
    /// over: a model can be loaded from a training's file.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::{Checkpoint, CheckpointError, Problem};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let (mut small, mut large) = (Params::<f32>::new(), Params::<f32>::new());
    /// let w = small.add("w", Tensor::scalar(1.0));
    /// Checkpoint::of(&mut small).save(&path)?;
    /// large.add("w", Tensor::zeros([2]));
    /// large.add("b", Tensor::zeros([2]));
    /// let Err(CheckpointError::Misfit { problems, .. }) = Checkpoint::of(&mut large).load(&path) else { panic!() };
    /// assert_eq!(problems.len(), 2);                     // all at once, and nothing was loaded
    /// assert_eq!(problems[0], Problem::Missing { name: "b".into() });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file can't be read or is no whole safetensors file; or with all names that are missing, unexpected, of
    /// another shape or type, or tied otherwise, and all parts and values that do not fit. Nothing has changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let source = Source::open(path.as_ref())?;
        self.check_layout(&source)?;
        let shared: Vec<Vec<String>> = json(&source, SHARED)?;
        let parts: BTreeMap<String, Part> = json(&source, PARTS)?;
        let values: serde_json::Map<String, serde_json::Value> = json(&source, VALUES)?;
        let (own, left) = (!shared.is_empty(), source.tensors.keys().cloned().collect());
        let tensor_of = names(&source, shared);
        let mut load = Load { source, tensor_of, own, left, problems: self.check(), staged: self.params.clone() };

        self.take_params(&mut load)?;
        self.take_states(&mut load)?;
        let found =
            self.parts.keys().map(|part| self.take_part(part, &parts, &mut load)).collect::<Result<Vec<_>, _>>()?;
        self.refuse_unexpected(&parts, &mut load);
        let Load { mut problems, staged, .. } = load;

        let mut put = Vec::new();
        for (name, value) in &mut self.values {
            match values.get(name).map(|json| value.read(json)) {
                Some(Ok(ready)) => put.push(ready),
                Some(Err(cause)) => problems.push(Problem::Value { name: name.clone(), cause }),
                None => problems.push(Problem::Missing { name: name.clone() }),
            }
        }
        if !problems.is_empty() {
            problems.sort();
            problems.dedup();
            return Err(CheckpointError::Misfit { path: path.as_ref().into(), problems });
        }
        for put in put {
            put();
        }
        for (memory, entries) in self.parts.values_mut().zip(found) {
            memory.restore(&staged, entries);
        }
        *self.params = staged;
        Ok(())
    }

    /// Where a file says in which layouts it is, they have to be the ones that are asked for: of square matrices the shapes
    /// would not tell.
    fn check_layout(&self, source: &Source) -> Result<(), CheckpointError> {
        let said = |key: &str| source.metadata.get(key).map(String::as_str);
        let of_pytorch = match said(LAYOUT) {
            Some(layout) => layout == "pytorch",
            None if said(FORMAT.0) == Some(FORMAT.1) => true,
            None => return Ok(()),
        };
        if of_pytorch == self.layouts.is_some() {
            return Ok(());
        }
        let name = |of_pytorch: bool| if of_pytorch { "PyTorch's, as pytorch() has them" } else { "this crate's own" };
        let (expected, found) = (name(self.layouts.is_some()).into(), name(of_pytorch).into());
        Err(CheckpointError::Format { path: source.path.clone(), field: "layouts", expected, found })
    }

    /// Values and ties of the parameters.
    fn take_params(&self, load: &mut Load<T>) -> Result<(), CheckpointError> {
        // The names that a tensor is for, and the tensors that a slot's names stand for.
        let mut of_tensor: BTreeMap<String, Vec<ParamId>> = BTreeMap::new();
        let mut of_slot: BTreeMap<SlotId, Vec<String>> = BTreeMap::new();
        for (id, name) in self.params.names().filter(|(_, name)| self.wants(name)) {
            let layout = self.layout(id);
            let shape = self.params.get(id).shape();
            if let Some(tensor) = load.find(&(self.rename)(name), layout.map_or(shape, |layout| layout.theirs)) {
                of_tensor.entry(tensor.clone()).or_default().push(id);
                let tensors = of_slot.entry(self.params.slot(id)).or_default();
                if !tensors.contains(&tensor) {
                    tensors.push(tensor);
                }
            }
        }
        let file_names =
            |ids: &[ParamId]| ids.iter().map(|&id| (self.rename)(self.params.name(id))).collect::<Vec<_>>();
        let inward = |load: &mut Load<T>, id: ParamId, tensor: &str| {
            load.read(tensor, self.params.get(id).shape(), self.layout(id), Kind::Parameter)
        };
        for tensors in of_slot.values().filter(|tensors| tensors.len() > 1) {
            let ids: Vec<ParamId> = tensors.iter().flat_map(|tensor| of_tensor[tensor].iter().copied()).collect();
            if self.untying {
                for id in ids {
                    load.staged.untie(id);
                }
                continue;
            }
            let mut values = Vec::new();
            for tensor in tensors {
                values.push(inward(load, of_tensor[tensor][0], tensor)?);
            }
            if !values.iter().all(|value| same(value, &values[0])) {
                load.problems.push(Problem::Differ { names: file_names(&ids) });
            }
        }
        for (tensor, ids) in &of_tensor {
            let first = ids[0];
            let apart = |staged: &Params<T>, id: ParamId| staged.slot(id) != staged.slot(first);
            // What was just parted is put together again as the file has it.
            let tied = |id: &ParamId| self.params.slot(*id) == self.params.slot(first);
            if !self.tying && !ids.iter().all(tied) {
                load.problems.push(Problem::Retied { names: file_names(ids) });
                continue;
            }
            for &id in ids {
                if apart(&load.staged, id) {
                    load.staged.tie(id, first).expect("both have the tensor's shape");
                }
            }
            if load.problems.is_empty() {
                let value = inward(load, first, tensor)?;
                load.staged.set(first, value).expect("the shape was compared");
            }
        }
        Ok(())
    }

    fn take_states(&self, load: &mut Load<T>) -> Result<(), CheckpointError> {
        let wanted: Vec<(StateId, String)> = self
            .params
            .states()
            .filter(|(_, name)| self.wants(name))
            .map(|(id, name)| (id, (self.rename)(name)))
            .collect();
        for (id, name) in wanted {
            let (shape, layout) =
                (self.params.state(id).shape(), self.layouts.and_then(|layouts| layouts.of_state(id)));
            let found = load.find(&name, layout.map_or(shape, |layout| layout.theirs));
            if let Some(tensor) = found
                && load.problems.is_empty()
            {
                let value = load.read(&tensor, shape, layout, Kind::Parameter)?;
                load.staged.set_state(id, value).expect("the shape was compared");
            }
        }
        Ok(())
    }

    /// What the file has for a part: for each slot that has taken a step, under whichever of its names.
    fn take_part(
        &self,
        part: &str,
        parts: &BTreeMap<String, Part>,
        load: &mut Load<T>,
    ) -> Result<Entries<T>, CheckpointError> {
        let memory = &self.parts[part];
        let Some(described) = parts.get(part) else {
            load.problems.push(Problem::Missing { name: part.into() });
            return Ok(Vec::new());
        };
        if described.kind != memory.kind() {
            let (expected, found) = (memory.kind().into(), described.kind.clone());
            load.problems.push(Problem::Kind { name: part.into(), expected, found });
            let prefix = format!("{part}/");
            load.left.retain(|name| !name.starts_with(&prefix));
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        let slots = self.by_slot(&load.staged);
        // What is not meant keeps what is remembered of it.
        for slot in load.staged.slots().filter(|slot| slots.iter().all(|(meant, _)| meant != slot)) {
            let present = inherited(self.params, slot, |slot| memory.of_slot(slot));
            entries.extend(present.map(|(steps, tensors)| (slot, steps, tensors.to_vec())));
        }
        for (slot, names) in slots {
            // The slot's tensors in the file, which have steps under their own names.
            let tensors: BTreeSet<&String> = names.iter().filter_map(|name| load.tensor_of.get(name)).collect();
            let stepped: Vec<_> = tensors.iter().filter_map(|tensor| described.steps.get_key_value(*tensor)).collect();
            let &[(name, &steps)] = &stepped[..] else {
                if stepped.len() > 1 {
                    let names = stepped.iter().map(|(name, _)| format!("{part}/{name}")).collect();
                    load.problems.push(Problem::Differ { names });
                }
                continue;
            };
            let id = load.staged.names_of(slot).next().expect("a slot has a name").0;
            let (shape, layout) = (load.staged.value(slot).shape(), self.layout(id));
            let mut tensors = Vec::new();
            for each in memory.moments() {
                let found = load.find(&moment(part, each, name), layout.map_or(shape, |layout| layout.theirs));
                if let Some(tensor) = found
                    && load.problems.is_empty()
                {
                    tensors.push(load.read(&tensor, shape, layout, Kind::Optimizer)?);
                }
            }
            entries.push((slot, steps, tensors));
        }
        Ok(entries)
    }

    /// Names of the file that nobody asked for.
    fn refuse_unexpected(&self, parts: &BTreeMap<String, Part>, load: &mut Load<T>) {
        if self.only.is_some() {
            return;
        }
        let listed = |name: &str| self.parts.keys().any(|part| name.starts_with(&format!("{part}/")));
        let of_part = |name: &str| parts.keys().any(|part| name.starts_with(&format!("{part}/")));
        let count = |name: &str| self.layouts.is_some() && name.ends_with("num_batches_tracked");
        let known: BTreeSet<String> = self.params.names().map(|(_, name)| (self.rename)(name)).collect();
        let aliases =
            load.tensor_of.iter().filter(|(name, tensor)| load.own && name != tensor && !known.contains(*name));
        let unexpected = load.left.iter().filter(|name| listed(name) || !(of_part(name) || count(name)));
        let names = unexpected.chain(aliases.map(|(name, _)| name));
        load.problems.extend(names.map(|name| Problem::Unexpected { name: name.clone() }));
    }
}

impl<T: Float> Load<T> {
    /// The tensor that a name stands for, if its shape and type are right; says what is not.
    fn find(&mut self, name: &str, shape: Shape) -> Option<String> {
        let Some(tensor) = self.tensor_of.get(name) else {
            self.problems.push(Problem::Missing { name: name.into() });
            return None;
        };
        self.left.remove(tensor);
        let TensorInfo { dtype: found_type, shape: found_shape, .. } = &self.source.tensors[tensor];
        let [right_type, right_shape] = [*found_type == dtype::<T>(), *found_shape == shape.to_vec()];
        if !right_type {
            let (expected, found) = (dtype::<T>().to_string(), found_type.to_string());
            self.problems.push(Problem::Type { name: name.into(), expected, found });
        }
        if !right_shape {
            self.problems.push(Problem::Shape {
                name: name.into(),
                expected: shape.to_vec(),
                found: found_shape.clone(),
            });
        }
        (right_type && right_shape).then(|| tensor.clone())
    }

    /// The numbers of a tensor, laid out as they are here.
    fn read(
        &mut self,
        tensor: &str,
        shape: Shape,
        layout: Option<&Layout>,
        kind: Kind,
    ) -> Result<Tensor<T>, CheckpointError> {
        let Some(layout) = layout else { return self.source.read(tensor, shape, kind) };
        Ok(layout.from_pytorch(&self.source.read(tensor, layout.theirs, Kind::Workspace)?))
    }
}

/// Whether two tensors are the same to the bit, so that NaN equals itself.
fn same<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> bool {
    let bits = |x: &T| x.to_f64().to_bits();
    a.shape() == b.shape() && a.data().iter().map(bits).eq(b.data().iter().map(bits))
}

/// What the metadata says under this key, as JSON; nothing if it says nothing.
fn json<V: DeserializeOwned + Default>(source: &Source, key: &'static str) -> Result<V, CheckpointError> {
    let Some(text) = source.metadata.get(key) else { return Ok(V::default()) };
    serde_json::from_str(text).map_err(|error| CheckpointError::Format {
        path: source.path.clone(),
        field: key,
        expected: "what a checkpoint of this project writes there".into(),
        found: error.to_string(),
    })
}

/// All names that the file has for its tensors: their own, those that share them, and those that Hugging Face's
/// tools say were left out for another.
fn names(source: &Source, shared: Vec<Vec<String>>) -> BTreeMap<String, String> {
    let mut tensor_of: BTreeMap<String, String> =
        source.tensors.keys().map(|name| (name.clone(), name.clone())).collect();
    let in_file = |name: &String| source.tensors.contains_key(name);
    let groups = shared.into_iter().filter_map(|names| Some((names.iter().find(|name| in_file(name))?.clone(), names)));
    for (tensor, names) in groups.collect::<Vec<_>>() {
        for name in names {
            tensor_of.entry(name).or_insert_with(|| tensor.clone());
        }
    }
    let left_out = source.metadata.iter().filter(|(key, tensor)| *key != FORMAT.0 && in_file(tensor));
    for (name, tensor) in left_out {
        tensor_of.entry(name.clone()).or_insert_with(|| tensor.clone());
    }
    tensor_of
}
