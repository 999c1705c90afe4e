//! Where tensors' memory comes from and goes to: one pool a thread and element type.
//!
//! A training step asks for the same buffers again and again. The pool keeps what is dropped, by
//! exact size, and hands it out again, so that after the first steps nothing is asked of the
//! system. What it has not handed out it does not keep. In a *dry run* ([`crate::footprint`]) the
//! same code runs with blocks that have a shape but no numbers, and the pool's [`Meter`] counts
//! what the numbers would have taken.

use std::sync::Arc;

use crate::float::Float;
use crate::kernels::Buffer;
use crate::local::{Local, give_back, list_bytes};
use crate::shape::Shape;

/// What a block of memory is for. The footprint report adds up bytes by kind.
///
/// ```
/// use tandem_autograd::{Kind, Params, Tensor};
/// let mut params = Params::<f32>::new();
/// let w = params.add("w", Tensor::zeros([10]));            // in the store, it is a parameter
/// assert_eq!(params.get(w).bytes_of(Kind::Parameter), 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A value in the store.
    Parameter,
    /// A gradient of a parameter.
    Gradient,
    /// What an optimizer remembers between steps.
    Optimizer,
    /// Inputs, results, residuals and the cotangents that pass through the tape.
    Activation,
    /// Scratch space of one kernel call.
    Workspace,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 5;

/// Who may have a block's memory after its user of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Next {
    /// Whoever needs so many numbers.
    Anyone,
    /// Gradients only, for which it was made: what a step needs for them can be told from the rest
    /// at any moment.
    Gradients,
    /// Nobody, because it did not come from the pool: a loop that brings its own numbers to every
    /// step would fill the pool with them.
    Nobody,
}

/// A shape and its numbers, row-major, in memory of their own. In a dry run `data` is empty.
pub(crate) struct Block<T: Float> {
    pub(crate) shape: Shape,
    pub(crate) kind: Kind,
    pub(crate) next: Next,
    /// The dry run in which it was made, or 0. Another one neither counts nor keeps it.
    run: u16,
    pub(crate) data: Buffer<T>,
}

impl<T: Float> Block<T> {
    /// Bytes of the numbers, had they been allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.shape.len() * size_of::<T>()
    }
}

/// Bytes that a block costs beside its numbers: the two counts of an `Arc`, shape, kind and the
/// pointer to the numbers.
pub(crate) const fn header_bytes<T: Float>() -> usize {
    2 * size_of::<usize>() + size_of::<Block<T>>()
}

/// Bytes of numbers at one moment: in use, by kind, and idle.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) live: [usize; KINDS],
    /// Idle blocks, by who may have them next: anyone, or gradients only.
    pub(crate) idle: [usize; 2],
    /// Blocks that exist, in use or idle.
    pub(crate) blocks: usize,
}

impl Tally {
    /// All that the system has been asked for, and how much of it is in use.
    fn size(&self) -> (usize, usize) {
        let live: usize = self.live.iter().sum();
        (live + self.idle.iter().sum::<usize>(), live)
    }
}

/// What a dry run counts: now, and at the moment when most had been asked of the system; of several
/// such moments, the last one at which most was in use.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Meter {
    pub(crate) now: Tally,
    pub(crate) peak: Tally,
}

impl Meter {
    fn add(&mut self, kind: Kind, bytes: usize) {
        self.now.live[kind as usize] += bytes;
        if self.now.size() >= self.peak.size() {
            self.peak = self.now;
        }
    }

    /// Numbers that did not come from the pool have entered it.
    fn adopt(&mut self, kind: Kind, bytes: usize) {
        self.now.blocks += 1;
        self.add(kind, bytes);
    }
}

/// The blocks that may take each other's place: how many numbers they hold, and for whom they are.
type Class = (usize, Next);

/// Idle blocks of one thread, sorted by class.
pub(crate) struct Pool<T: Float> {
    classes: Vec<(Class, Vec<Arc<Block<T>>>)>,
    /// Bytes of numbers in idle blocks.
    pub(crate) idle: usize,
    /// Most bytes to keep idle; what is beyond goes back to the system.
    cap: usize,
    /// Present in a dry run.
    pub(crate) meter: Option<Meter>,
    /// The number of the dry run, or 0.
    run: u16,
}

impl<T: Float> Pool<T> {
    pub(crate) const fn new() -> Pool<T> {
        Pool { classes: Vec::new(), idle: 0, cap: 1 << 30, meter: None, run: 0 }
    }

    /// For the dry run of this number, which is not 0.
    pub(crate) fn dry(run: u16) -> Pool<T> {
        Pool { meter: Some(Meter::default()), run, ..Pool::new() }
    }

    /// A block for this shape, not yet marked with it; its numbers are whatever the last user left there.
    pub(crate) fn take(&mut self, shape: Shape, kind: Kind) -> Arc<Block<T>> {
        let next = if kind == Kind::Gradient { Next::Gradients } else { Next::Anyone };
        let len = shape.len();
        let bytes = len * size_of::<T>();
        if let Ok(at) = self.classes.binary_search_by_key(&(len, next), |class| class.0)
            && let Some(block) = self.classes[at].1.pop()
        {
            self.idle -= bytes;
            if let Some(meter) = &mut self.meter {
                meter.now.idle[next as usize] -= bytes;
                meter.add(kind, bytes);
            }
            return block;
        }
        let data = match &mut self.meter {
            Some(meter) => {
                meter.adopt(kind, bytes);
                Buffer::empty()
            }
            None => Buffer::zeros(len),
        };
        Arc::new(Block { shape, kind, next, run: self.run, data })
    }

    /// Takes back a block that nobody uses any more. The memory of a parameter goes back to the
    /// system, and that of an optimizer's state: a training step asks for neither.
    fn give(&mut self, block: Arc<Block<T>>) {
        if block.run != self.run {
            return;
        }
        let (bytes, kind) = (block.bytes(), block.kind);
        let class = (block.shape.len(), block.next);
        let wanted = block.next != Next::Nobody && !matches!(kind, Kind::Parameter | Kind::Optimizer);
        let keep = wanted && self.idle + bytes <= self.cap;
        if let Some(Meter { now, .. }) = &mut self.meter {
            now.live[kind as usize] -= bytes;
            if keep { now.idle[class.1 as usize] += bytes } else { now.blocks -= 1 }
        }
        if !keep {
            return;
        }
        self.idle += bytes;
        match self.classes.binary_search_by_key(&class, |class| class.0) {
            Ok(at) => self.classes[at].1.push(block),
            Err(at) => self.classes.insert(at, (class, vec![block])),
        }
    }

    /// Marks a block as of another kind.
    fn mark(&mut self, block: &mut Arc<Block<T>>, kind: Kind) {
        let Some(inner) = Arc::get_mut(block) else { return };
        if let Some(meter) = &mut self.meter
            && inner.run == self.run
        {
            meter.now.live[inner.kind as usize] -= inner.bytes();
            meter.add(kind, inner.bytes());
        }
        inner.kind = kind;
    }

    /// Bytes of the lists of idle blocks.
    pub(crate) fn list_bytes(&self) -> usize {
        list_bytes(&self.classes) + self.classes.iter().map(|(_, idle)| list_bytes(idle)).sum::<usize>()
    }
}

/// A shared reference to a block, which goes back to the pool when the last one is dropped; or none.
#[derive(Clone)]
pub(crate) struct Handle<T: Float>(Option<Arc<Block<T>>>);

impl<T: Float> Handle<T> {
    /// A block of this shape, whose numbers `write` fills in, but not in a dry run.
    #[inline]
    pub(crate) fn build(shape: Shape, kind: Kind, write: impl FnOnce(&mut [T])) -> Handle<T> {
        let take = |local: &mut Local<T>| (local.pool.take(shape, kind), local.pool.meter.is_some());
        let (mut block, dry) = T::local().with_borrow_mut(take);
        let inner = Arc::get_mut(&mut block).expect("an idle block has one owner");
        (inner.shape, inner.kind) = (shape, kind);
        if !dry {
            write(&mut inner.data);
        }
        Handle(Some(block))
    }

    /// A block of numbers that do not come from the pool.
    pub(crate) fn adopt(shape: Shape, numbers: &[T]) -> Handle<T> {
        debug_assert_eq!(shape.len(), numbers.len());
        let kind = Kind::Activation;
        let (dry, run) = T::local().with_borrow_mut(|local| {
            let pool = &mut local.pool;
            (pool.meter.as_mut().map(|meter| meter.adopt(kind, shape.len() * size_of::<T>())).is_some(), pool.run)
        });
        let data = if dry { Buffer::empty() } else { Buffer::from(numbers) };
        Handle(Some(Arc::new(Block { shape, kind, next: Next::Nobody, run, data })))
    }

    /// No block.
    pub(crate) const NONE: Handle<T> = Handle(None);

    #[inline]
    pub(crate) fn block(&self) -> Option<&Arc<Block<T>>> {
        self.0.as_ref()
    }

    /// Whether nobody else refers to the block, if there is one.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        self.0.as_ref().is_none_or(|block| Arc::strong_count(block) == 1)
    }

    /// The block, if nobody else refers to it.
    #[inline]
    pub(crate) fn unique(&mut self) -> Option<&mut Block<T>> {
        self.0.as_mut().and_then(Arc::get_mut)
    }

    pub(crate) fn mark(&mut self, kind: Kind) {
        if let Some(block) = self.0.as_mut().filter(|block| block.kind != kind) {
            T::local().with_borrow_mut(|local| local.pool.mark(block, kind));
        }
    }
}

impl<T: Float> Drop for Handle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(block) = self.0.take() {
            let_go(block);
        }
    }
}

/// Gives up one reference to a block. The last one takes it back to the pool; should two threads let go of the last two
/// at the same instant, the system frees it.
fn let_go<T: Float>(block: Arc<Block<T>>) {
    if Arc::strong_count(&block) == 1 {
        give_back::<T>(|local| local.pool.give(block));
    }
}

/// Whether this thread is in a dry run: then no kernel may run, because there are no numbers.
#[inline]
pub(crate) fn is_dry<T: Float>() -> bool {
    T::local().with_borrow(|local| local.pool.meter.is_some())
}
