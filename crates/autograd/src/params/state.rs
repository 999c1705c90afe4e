//! State: what a model remembers beside its parameters. It is named, cloned and saved with them, but
//! not differentiated, not counted among the parameters, and never tied.

use std::sync::Arc;

use super::{Params, ShapeMismatch, next_stamp};
use crate::float::Float;
use crate::local::list_bytes;
use crate::pool::Kind;
use crate::tensor::Tensor;

/// The index of a state in a [`Params`]. Plain data: a copy of a layer shares its state. The example is at
/// [`Params::add_state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId {
    index: u32,
    /// As that of a [`ParamId`](super::ParamId).
    stamp: u32,
}

#[derive(Clone)]
pub(super) struct State<T: Float> {
    path: Box<str>,
    value: Tensor<T>,
    stamp: u32,
}

impl<T: Float> State<T> {
    pub(super) fn cast<U: Float>(&self) -> State<U> {
        State { path: self.path.clone(), value: self.value.cast_for(Kind::Parameter), stamp: self.stamp }
    }
}

impl<T: Float> Params<T> {
    /// Stores a state under a new name: running statistics, say. In PyTorch this is called a buffer.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// let mut params = Params::<f32>::new();
    /// let mean = params.add_state("norm.running_mean", Tensor::zeros([3]));
    /// params.set_state(mean, Tensor::full([3], 0.5))?;
    /// assert_eq!(params.clone().state(mean).data(), [0.5; 3]);
    /// assert_eq!((params.numel(), params.slots().count()), (0, 0));     // it is no parameter
    /// # Ok::<(), tandem_autograd::ShapeMismatch>(())
    /// ```
    ///
    /// # Panics
    /// If a parameter or a state has the name.
    #[track_caller]
    pub fn add_state(&mut self, path: &str, mut value: Tensor<T>) -> StateId {
        self.check_new(path);
        value.mark(Kind::Parameter);
        let id = StateId { index: self.states.len() as u32, stamp: next_stamp() };
        Arc::make_mut(&mut self.states).push(State { path: path.into(), value, stamp: id.stamp });
        id
    }

    #[track_caller]
    fn state_entry(&self, id: StateId) -> &State<T> {
        match self.states.get(id.index as usize) {
            Some(state) if state.stamp == id.stamp => state,
            _ => panic!("this id ({}) is of a state of another store", id.index),
        }
    }

    /// The value of a state.
    #[track_caller]
    pub fn state(&self, id: StateId) -> &Tensor<T> {
        &self.state_entry(id).value
    }

    /// The path under which the state was added.
    #[track_caller]
    pub fn state_name(&self, id: StateId) -> &str {
        &self.state_entry(id).path
    }

    /// Replaces the value of a state, whose memory it keeps. The example is at [`Params::add_state`].
    ///
    /// # Errors
    /// If the shape is another one.
    #[track_caller]
    pub fn set_state(&mut self, id: StateId, value: Tensor<T>) -> Result<(), ShapeMismatch> {
        let expected = self.state(id).shape();
        ShapeMismatch::unless_same(self.state_name(id), expected, "the new value", value.shape())?;
        // Into the memory that it has: what a training step brings goes back to the pool.
        let state = &mut Arc::make_mut(&mut self.states)[id.index as usize].value;
        state.update(|state| state.copy_from_slice(value.data()));
        state.mark(Kind::Parameter);
        Ok(())
    }

    /// All states with their paths, in the order in which they were added.
    pub fn states(&self) -> impl Iterator<Item = (StateId, &str)> {
        let id = |(index, state): (usize, &State<T>)| StateId { index: index as u32, stamp: state.stamp };
        self.states.iter().enumerate().map(move |each| (id(each), &*each.1.path))
    }

    /// The id of a state's name, if there is one.
    pub fn find_state(&self, path: &str) -> Option<StateId> {
        self.states().find(|(_, name)| *name == path).map(|(id, _)| id)
    }

    /// Bytes of the list of states and of their paths.
    pub(super) fn state_list_bytes(&self) -> usize {
        let paths: usize = self.states.iter().map(|state| state.path.len()).sum();
        size_of::<[usize; 2]>() + size_of::<Vec<State<T>>>() + list_bytes(&self.states) + paths
    }
}
