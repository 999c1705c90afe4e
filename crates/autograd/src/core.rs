//! The part of a tape that variables refer to: what has been recorded, and how it is being recorded.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arena::{Arena, NONE};
use crate::float::Float;
use crate::local::give_back;
use crate::params::Params;
use crate::tensor::Tensor;
use crate::trace::Trace;
use crate::var::Var;

/// The part of a tape that variables refer to. It does not borrow the store, so that the tape may
/// be dropped after the store has changed.
#[doc(hidden)]
pub struct Core<T: Float> {
    pub(crate) arena: RefCell<Arena<T>>,
    /// Set by a sweep that freed the residuals.
    pub(crate) spent: Cell<bool>,
    /// Tells this tape from every other, also after it is gone.
    pub(crate) stamp: u64,
    /// The part of the model that is being recorded.
    pub(crate) scope: Cell<u32>,
    /// The line that stands for whoever records, if it is known better than by who called.
    pub(crate) at: Cell<Option<&'static Location<'static>>>,
    /// Whether a segment runs of which nothing is recorded but which parameters it uses.
    pub(crate) noting: Cell<bool>,
    /// The store as the segments saw it that are computed again in the sweep.
    pub(crate) snapshot: RefCell<Option<Params<T>>>,
    pub(crate) trace: Trace,
}

/// A cell that holds another value until this is dropped, after a panic too.
pub(crate) struct Meanwhile<'a, V: Copy> {
    cell: &'a Cell<V>,
    /// The value that it comes back to.
    pub(crate) before: V,
}

impl<'a, V: Copy> Meanwhile<'a, V> {
    pub(crate) fn set(cell: &'a Cell<V>, value: V) -> Meanwhile<'a, V> {
        Meanwhile { cell, before: cell.replace(value) }
    }
}

impl<V: Copy> Drop for Meanwhile<'_, V> {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

static NEXT_STAMP: AtomicU64 = AtomicU64::new(0);

impl<T: Float> Core<T> {
    pub(crate) fn new() -> Core<T> {
        let kept = T::local().with_borrow_mut(|local| local.arenas.pop());
        Core {
            arena: RefCell::new(kept.unwrap_or_default()),
            spent: Cell::new(false),
            stamp: NEXT_STAMP.fetch_add(1, Ordering::Relaxed),
            scope: Cell::new(NONE),
            at: Cell::new(None),
            noting: Cell::new(false),
            snapshot: RefCell::new(None),
            trace: Trace::default(),
        }
    }

    /// The line that records now.
    #[track_caller]
    #[inline]
    pub(crate) fn line(&self) -> &'static Location<'static> {
        match self.at.get() {
            Some(at) => at,
            None => Location::caller(),
        }
    }

    #[track_caller]
    pub(crate) fn check_not_spent(&self, what: &str) {
        assert!(
            !self.spent.get(),
            "{what}: this tape is spent: a backward sweep freed what it had kept; start a new tape"
        );
    }

    /// Panics if no sweep can start now.
    #[track_caller]
    pub(crate) fn check_can_sweep(&self, what: &str) {
        self.check_not_spent(what);
        assert!(!self.noting.get(), "{what}: nothing is recorded in a checkpointed segment when it first runs");
    }

    #[inline]
    pub(crate) fn constant(&self, value: Tensor<T>) -> Var<'_, T> {
        Var { value, core: self, node: NONE }
    }
}

impl<T: Float> Core<T> {
    /// Keeps the store as it is now, for segments that are computed again.
    pub(crate) fn take_snapshot(&self, params: &Params<T>) {
        if self.snapshot.borrow().is_none() {
            let list = T::local().with_borrow_mut(|local| local.snapshots.pop());
            self.snapshot.replace(Some(params.clone_into_list(list.unwrap_or_default())));
        }
    }

    /// Lets go of the store: it may be changed without a copy.
    pub(crate) fn forget_snapshot(&self) {
        if let Some(list) = self.snapshot.take().map(Params::into_list) {
            give_back::<T>(|local| local.snapshots.push(list));
        }
    }
}

impl<T: Float> Drop for Core<T> {
    fn drop(&mut self) {
        self.forget_snapshot();
        let mut arena = std::mem::take(self.arena.get_mut());
        // Clearing flat lists never recurses, however long the tape.
        arena.clear();
        give_back::<T>(|local| local.arenas.push(arena));
    }
}
