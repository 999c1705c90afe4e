//! What a checkpoint keeps beside tensors: a schedule, an epoch, a generator.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A value of the program that can be written as JSON, and replaced by what was read.
pub(super) trait Kept {
    /// The value as JSON, from which it can be made again.
    fn write(&self) -> Result<Value, String>;

    /// What puts the value of this JSON in place of the present one.
    fn read<'k>(&'k mut self, json: &Value) -> Result<Box<dyn FnOnce() + 'k>, String>;
}

impl<V: Serialize + DeserializeOwned> Kept for V {
    fn write(&self) -> Result<Value, String> {
        let json = serde_json::to_value(self).map_err(|error| format!("cannot be written as JSON: {error}"))?;
        // JSON knows no infinity and no NaN: they would be written as `null`, and be missed when it is too late.
        serde_json::from_value::<V>(json.clone())
            .map_err(|error| format!("written as {json}, it can't be read again: {error}"))?;
        Ok(json)
    }

    fn read<'k>(&'k mut self, json: &Value) -> Result<Box<dyn FnOnce() + 'k>, String> {
        let value = serde_json::from_value(json.clone()).map_err(|error| format!("found {json}: {error}"))?;
        Ok(Box::new(move || *self = value))
    }
}
