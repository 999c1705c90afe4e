//! What a thread keeps from one tape to the next, for each element type: it makes a training step
//! that asks the system for nothing.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::arena::Arena;
use crate::float::Float;
use crate::gradients::BySlot;
use crate::params::Slot;
use crate::pool::Pool;

/// Everything that one thread keeps for one element type.
#[doc(hidden)]
pub struct Local<T: Float> {
    pub(crate) pool: Pool<T>,
    /// The arenas of the last tapes that lived at a time, empty, to be used by the next ones.
    pub(crate) arenas: Vec<Arena<T>>,
    /// The list of the last snapshots of a store, empty, for the next ones.
    pub(crate) snapshots: Vec<Vec<Slot<T>>>,
    /// The list of the last gradients, empty, to be used by the next ones.
    pub(crate) gradients: Option<BySlot<T>>,
}

impl<T: Float> Local<T> {
    pub(crate) const fn new() -> Local<T> {
        Local { pool: Pool::new(), arenas: Vec::new(), snapshots: Vec::new(), gradients: None }
    }

    /// For a dry run, with a number of its own.
    pub(crate) fn dry() -> Local<T> {
        static RUNS: AtomicU16 = AtomicU16::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed) % u16::MAX + 1;
        Local { pool: Pool::dry(run), ..Local::new() }
    }

    /// Bytes of all lists that are kept, as they have grown.
    pub(crate) fn list_bytes(&self) -> usize {
        let arenas: usize = self.arenas.iter().map(Arena::bytes).sum();
        let snapshots: usize = self.snapshots.iter().map(list_bytes).sum();
        let gradients = self.gradients.as_ref().map_or(0, list_bytes);
        let lists = arenas + snapshots + gradients + self.pool.list_bytes();
        lists + list_bytes(&self.arenas) + list_bytes(&self.snapshots)
    }
}

/// Bytes of a list as it has grown, without what its items hold elsewhere.
pub(crate) fn list_bytes<I>(list: &Vec<I>) -> usize {
    list.capacity() * size_of::<I>()
}

/// Lets `keep` put something back for the next user. While a thread ends, what it keeps may be gone
/// already; then `keep` does not run, and the system takes what it holds.
#[inline]
pub(crate) fn give_back<T: Float>(keep: impl FnOnce(&mut Local<T>)) {
    let _ = T::local().try_with(|local| {
        if let Ok(mut local) = local.try_borrow_mut() {
            keep(&mut local);
        }
    });
}

/// Gives all idle memory of this thread back to the system, the arena of the last tape too.
///
/// The steps that follow allocate afresh. Useful before a measurement, or after a phase that
/// needed far more memory than the next one will. Not meant for a dry run, which it would end.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, release_memory};
/// let step = || {
///     let params = Params::<f32>::new();
///     Tape::new(&params).constant(Tensor::full([1000], 2.0)).square().into_value()
/// };
/// let before = step();
/// release_memory::<f32>();                                 // what is in use stays
/// assert_eq!(before, step());
/// ```
pub fn release_memory<T: Float>() {
    drop(T::local().replace(Local::new()));
}
