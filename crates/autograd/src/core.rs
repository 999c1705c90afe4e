//! The part of a tape that variables refer to: it runs ops and records them.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arena::{Arena, NONE};
use crate::float::Float;
use crate::local::give_back;
use crate::op::{Needs, Out};
use crate::ops::Stored;
use crate::params::Params;
use crate::pool::Kind;
use crate::shape::{Shape, fit};
use crate::tensor::Tensor;
use crate::trace::{Range, Trace};
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

    /// Runs an op on operands with these values, shapes and nodes, and records it if one of them is
    /// recorded. The result's memory is of this kind.
    #[track_caller]
    #[inline]
    pub(crate) fn run<O: Stored<T>>(
        &self,
        op: O,
        x: &mut [Tensor<T>],
        shapes: &[Shape],
        ids: &[u32],
        kind: Kind,
    ) -> Var<'_, T> {
        if self.trace.is_on() {
            return self.run_traced(op, x, shapes, ids, kind);
        }
        let shape = fit(op.name(), shapes, op.shape(shapes));
        if ids.iter().all(|&id| id == NONE) {
            return self.constant(op.forward(x, Out { shape, kind }));
        }
        self.check_not_spent(op.name());
        let saves = op.saves(Needs::new(ids.iter().map(|&id| id != NONE)));
        // No borrow is held while the op runs. Should it panic, what it had saved stays behind its
        // predecessor's residuals, where nobody looks.
        let residuals = self.arena.borrow_mut().save_operands(saves, x);
        let value = op.forward(x, Out { shape, kind });
        let mut arena = self.arena.borrow_mut();
        if saves.has_result() {
            arena.residuals.push(value.clone());
        }
        let node = arena.push_op(op, self.line(), saves, residuals, self.scope.get());
        arena.edges.extend_from_slice(ids);
        arena.push_shapes(shapes);
        Var { value, core: self, node }
    }

    /// Records an op that has computed z of these numbers, of which one is recorded.
    ///
    /// A function of its own that takes and gives single words: so a program's loop over numbers keeps them in registers.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn record_numbers<const N: usize>(&self, op: impl Stored<T>, x: [T; N], ids: [u32; N], z: T) -> u32 {
        self.check_not_spent(op.name());
        let saves = op.saves(Needs::new(ids.iter().map(|&id| id != NONE)));
        let mut arena = self.arena.borrow_mut();
        let residuals = arena.save_operands(saves, &x.map(Tensor::scalar));
        if saves.has_result() {
            arena.residuals.push(Tensor::scalar(z));
        }
        let node = arena.push_op(op, self.line(), saves, residuals, self.scope.get());
        arena.edges.extend_from_slice(&ids);
        node
    }

    /// As [`run`](Core::run), and then looks at what the op made.
    #[cold]
    #[track_caller]
    fn run_traced<O: Stored<T>>(
        &self,
        op: O,
        x: &mut [Tensor<T>],
        shapes: &[Shape],
        ids: &[u32],
        kind: Kind,
    ) -> Var<'_, T> {
        // Before the op may write into them.
        let (from, name) = (x.iter().map(Range::of).collect(), op.name());
        let paused = self.trace.pause();
        let made = self.run(op, x, shapes, ids, kind);
        drop(paused);
        let path = || self.arena.borrow().path(self.scope.get());
        self.trace.look(from, name, false, &made.value, self.line(), path);
        made
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
