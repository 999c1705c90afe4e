//! From a program to a file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use tandem_autograd::{Float, ParamId, Tensor};

use super::{Checkpoint, CheckpointError, FORMAT, LAYOUT, PARTS, Part, Problem, SHARED, VALUES, file, moment};
use crate::optimizer::{PerSlot, inherited};

/// The content of a file, while it is gathered.
struct Content<T: Float> {
    tensors: BTreeMap<String, Tensor<T>>,
    metadata: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl<T: Float> Content<T> {
    fn put(&mut self, name: String, tensor: Tensor<T>) {
        if name == "__metadata__" || self.tensors.contains_key(&name) {
            self.problems.push(Problem::Clash { name });
        } else {
            self.tensors.insert(name, tensor);
        }
    }

    fn say(&mut self, key: &str, value: String) {
        if self.metadata.insert(key.into(), value).is_some() {
            self.problems.push(Problem::Clash { name: key.into() });
        }
    }
}

impl<T: Float> Checkpoint<'_, T> {
    /// Writes everything to a file, in place of one that is there. The file is written beside it first, as
    /// `.NAME.partial`, synced and renamed: whenever the process stops, the old file is there or the new one.
    /// One process at a time may save under a name.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::checkpoint::Checkpoint;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let mut params = Params::<f32>::new();
    /// let [a, b] = ["a", "b"].map(|name| params.add(name, Tensor::zeros([1000])));
    /// params.tie(b, a)?;
    /// Checkpoint::of(&mut params).save(&path)?;
    /// let (first, length) = (std::fs::read(&path)?, std::fs::metadata(&path)?.len());
    /// assert!((4000..4400).contains(&length));           // a thousand f32 once, and a header
    /// Checkpoint::of(&mut params).save(&path)?;
    /// assert_eq!(std::fs::read(&path)?, first);          // the same content, the same bytes
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file can't be written, two entries have one name, or a value can't be written as JSON.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let mut content = Content { metadata: BTreeMap::new(), tensors: BTreeMap::new(), problems: self.check() };
        self.put_slots(&mut content);
        for (id, name) in self.params.states().filter(|(_, name)| self.wants(name)) {
            let layout = self.layouts.and_then(|layouts| layouts.of_state(id));
            let value = self.params.state(id);
            content.put((self.rename)(name), layout.map_or_else(|| value.clone(), |layout| layout.to_pytorch(value)));
        }
        let mut values = serde_json::Map::new();
        for (name, value) in &self.values {
            match value.write() {
                Ok(json) => drop(values.insert(name.clone(), json)),
                Err(cause) => content.problems.push(Problem::Value { name: name.clone(), cause }),
            }
        }
        if !values.is_empty() {
            content.say(VALUES, json!(values).to_string());
        }
        content.say(LAYOUT, if self.layouts.is_some() { "pytorch" } else { "tandem" }.into());
        if self.layouts.is_some() {
            content.say(FORMAT.0, FORMAT.1.into());
        }
        let Content { tensors, metadata, mut problems } = content;
        if problems.is_empty() {
            return file::write(path, &tensors, &metadata);
        }
        problems.sort();
        problems.dedup();
        Err(CheckpointError::Misfit { path: path.into(), problems })
    }

    /// Every slot once, with what its names and the parts say of it.
    fn put_slots(&self, content: &mut Content<T>) {
        let mut shared = Vec::new();
        let kind = |memory: &&mut dyn PerSlot<T>| memory.kind().to_string();
        let mut parts: BTreeMap<&String, Part> = self
            .parts
            .iter()
            .map(|(part, memory)| (part, Part { kind: kind(memory), steps: BTreeMap::new() }))
            .collect();
        for (slot, names) in self.by_slot(self.params) {
            let first = names.first().expect("a slot has a name");
            let id = self.params.names_of(slot).next().expect("a slot has a name").0;
            content.put(first.clone(), self.outward(id, self.params.value(slot)));
            for (part, memory) in &self.parts {
                let found = inherited(self.params, slot, |slot| memory.of_slot(slot));
                let Some((steps, tensors)) = found else { continue };
                parts.get_mut(part).expect("each part has an entry").steps.insert(first.clone(), steps);
                for (name, tensor) in memory.moments().iter().zip(tensors) {
                    content.put(moment(part, name, first), self.outward(id, tensor));
                }
            }
            for other in names.iter().skip(1) {
                content.say(other, first.clone());
            }
            if names.len() > 1 {
                shared.push(names);
            }
        }
        shared.sort();
        if !shared.is_empty() {
            content.say(SHARED, json!(shared).to_string());
        }
        if !parts.is_empty() {
            content.say(PARTS, json!(parts).to_string());
        }
    }

    /// A parameter's numbers, or some of the same shape, as the file has them.
    fn outward(&self, id: ParamId, value: &Tensor<T>) -> Tensor<T> {
        let layout = self.layout(id);
        layout.map_or_else(|| value.clone(), |layout| layout.to_pytorch(value))
    }
}
