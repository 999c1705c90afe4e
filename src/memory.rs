//! Memory measured, by an allocator that counts what a program asks of the system; and told name by name
//! ([`MemoryByName`]).
//!
//! The allocator knows nothing of tensors and shares no counter with the prediction of
//! [`dry_run`](crate::autograd::dry_run), so that the two can be held against each other.
//!
//! ```
//! use tandem::memory::{CountingAllocator, live_bytes, peak_bytes, reset_peak};
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let before = live_bytes();
//! reset_peak();
//! drop(vec![0_u8; 1000]);
//! assert_eq!((live_bytes(), peak_bytes()), (before, before + 1000));
//! ```
//!
//! All figures are bytes as the program asked for them: what the system's allocator adds to a block, or keeps back
//! after it was freed, is not seen here; [`peak_resident_bytes`] sees it, and code and libraries as well. The counters
//! are those of the whole process, with all its threads, and with what the first call of
//! [`threads`](crate::autograd::kernels::threads()) asks the system: a program that compares calls
//! [`set_threads`](crate::autograd::kernels::set_threads) before. In a program whose allocator is another one they stay 0.
//!
//! Deliberately absent: who asked for a block, and where. What memory is for is told by
//! [`Footprint`](crate::autograd::Footprint), before it is asked for.

mod by_name;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub use by_name::{MemoryByName, NameBytes, NameRow};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static REQUESTED: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with counters. A program that wants its memory counted makes it its
/// `#[global_allocator]`.
///
/// ```
/// use tandem::memory::{CountingAllocator, live_bytes};
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let before = live_bytes();
/// let mut numbers: Vec<f32> = Vec::with_capacity(100);
/// assert_eq!(live_bytes() - before, 400);
/// numbers.push(1.0);                                 // there is room
/// assert_eq!(live_bytes() - before, 400);
/// ```
pub struct CountingAllocator;

fn grow(bytes: usize) {
    REQUESTED.fetch_add(bytes, Relaxed);
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
}

fn shrink(bytes: usize) {
    LIVE.fetch_sub(bytes, Relaxed);
}

// SAFETY: every call is handed on to the system's allocator with the arguments it came with, and
// its answer is handed back; the counters touch no memory that is handed out.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is `System`'s too.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            grow(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            grow(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as for `alloc`.
        let new = unsafe { System.realloc(block, layout, size) };
        if !new.is_null() {
            shrink(layout.size());
            grow(size);
        }
        new
    }
}

/// Bytes that have been asked of the allocator and not given back.
///
/// The [module](self)'s example reads it, and the peak.
pub fn live_bytes() -> usize {
    LIVE.load(Relaxed)
}

/// The most live bytes since the start, or since [`reset_peak`].
pub fn peak_bytes() -> usize {
    PEAK.load(Relaxed)
}

/// Makes the present live bytes the peak.
///
/// ```
/// # use tandem::memory::{CountingAllocator, live_bytes, peak_bytes, reset_peak};
/// # #[global_allocator]
/// # static ALLOCATOR: CountingAllocator = CountingAllocator;
/// drop(Vec::<u8>::with_capacity(1_000_000));
/// assert!(peak_bytes() >= live_bytes() + 1_000_000);
/// reset_peak();
/// assert_eq!(peak_bytes(), live_bytes());
/// ```
pub fn reset_peak() {
    PEAK.store(LIVE.load(Relaxed), Relaxed);
}

/// All bytes ever asked of the allocator: if it does not grow, nothing was allocated.
///
/// ```
/// # use tandem::memory::{CountingAllocator, requested_bytes};
/// # #[global_allocator]
/// # static ALLOCATOR: CountingAllocator = CountingAllocator;
/// let before = requested_bytes();
/// for _ in 0..3 {
///     drop(Vec::<u8>::with_capacity(100));
/// }
/// assert_eq!(requested_bytes() - before, 300);       // what was given back counts as well
/// ```
pub fn requested_bytes() -> usize {
    REQUESTED.load(Relaxed)
}

/// Makes the present resident memory its peak, where the system allows it.
///
/// [`peak_resident_bytes`] has an example.
pub fn reset_peak_resident() {
    // Linux resets the mark when a 5 is written here; elsewhere there is nothing to reset.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory of the process that was in RAM at once, since the start or since
/// [`reset_peak_resident`], as the system reports it, code and
/// libraries included; `None` where it does not.
///
/// ```
/// use tandem::memory::{peak_resident_bytes, reset_peak_resident};
/// reset_peak_resident();
/// let block = std::hint::black_box(vec![1_u8; 64 << 20]);
/// assert!(peak_resident_bytes().is_none_or(|peak| peak >= block.len()));
/// ```
pub fn peak_resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
