//! A small pool of threads for loops whose rounds do not depend on each other.
//!
//! A loop is one job on the stack of the thread that calls [`for_each`]. Its address is put
//! into the slot of every thread that is to take part; a thread that takes it out draws task numbers
//! from one counter, as does the caller. When no task is left, the caller takes the address back
//! from those who have not come, so it never waits for a thread to wake up. Nothing is allocated: a
//! call costs some atomic operations, and a signal to those that sleep.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, Thread};

/// How often a waiting thread looks before it goes to sleep: some tens of microseconds.
const LOOKS: usize = 1 << 11;

/// How many threads loops may use; 0 until somebody asks.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// The threads that wait for work. Whoever holds the lock may give it to them.
static POOL: Mutex<Vec<Worker>> = Mutex::new(Vec::new());

/// A thread of the pool and the slot through which it is given work.
struct Worker {
    thread: Thread,
    slot: &'static Slot,
}

/// The address of a job for one thread, or null.
type Slot = AtomicPtr<Job<'static>>;

/// A loop in progress.
struct Job<'a> {
    body: &'a (dyn Fn(usize, usize) + Sync),
    tasks: usize,
    /// How many tasks have been drawn from the front, and from the [back](BACK).
    drawn: AtomicU64,
    /// How many threads of the pool may still use the address of this job.
    holders: AtomicUsize,
    caller: Thread,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// One task from the back, in the upper half of [`Job::drawn`].
const BACK: u64 = 1 << 32;

impl Job<'_> {
    /// Draws tasks until none is left. A panic ends the loop for all threads and is kept.
    fn work(&self, worker: usize) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            while let Some(task) = self.draw(worker) {
                (self.body)(worker, task);
            }
        }));
        if let Err(panic) = result {
            self.drawn.store(self.tasks as u64, Ordering::Relaxed);
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            if first.is_none() {
                *first = Some(panic);
            } else {
                // What it carries might panic when dropped, while others still use the job.
                mem::forget(panic);
            }
        }
    }

    /// A task that nobody has drawn. Every other worker draws from the back: so the same part of a tensor is
    /// mostly the same thread's, loop after loop, and still in its cache.
    fn draw(&self, worker: usize) -> Option<usize> {
        let from_back = worker % 2 == 1;
        let drawn = self.drawn.fetch_add(if from_back { BACK } else { 1 }, Ordering::Relaxed);
        let [front, back] = [drawn % BACK, drawn / BACK].map(|n| n as usize);
        let left = front + back < self.tasks;
        left.then(|| if from_back { self.tasks - 1 - back } else { front })
    }
}

/// Sets how many threads, the caller included, loops may use from now on: at least 1.
///
/// ```standalone_crate
/// use tandem_autograd::kernels::{set_threads, threads};
/// set_threads(1);
/// assert_eq!(threads(), 1);
/// set_threads(0);                                           // at least the caller
/// assert_eq!(threads(), 1);
/// ```
pub fn set_threads(n: usize) {
    THREADS.store(n.max(1), Ordering::Relaxed);
}

/// How many threads, the caller included, loops may use. Unless [set](set_threads), one for each processor.
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let n = thread::available_parallelism().map_or(1, usize::from);
            // A number that was set meanwhile stays.
            THREADS.compare_exchange(0, n, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|set| set, |_| n)
        }
        n => n,
    }
}

/// Starts the threads now instead of with the first loop, so that their memory is not counted as
/// the loop's.
pub fn start() {
    hire(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner), threads());
    // The system's handle of the calling thread is made when it is first asked for.
    drop(thread::current());
}

/// Calls `body(worker, task)` once for every task in `0..tasks`, on up to [`threads`] threads, and
/// returns when all calls have. `worker` is less than [`threads`], and no two calls with the same
/// `worker` run at once: it may name a piece of scratch space.
///
/// A loop inside a loop, or beside another thread's loop, runs on the calling thread alone.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use tandem_autograd::kernels::threads::for_each;
/// let sum = AtomicUsize::new(0);
/// for_each(100, |_worker, task| {
///     sum.fetch_add(task, Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 4950);                         // 0 + 1 + … + 99
/// ```
///
/// # Panics
/// If a task panics, with its panic; tasks that have not begun by then may be left out.
pub fn for_each(tasks: usize, body: impl Fn(usize, usize) + Sync) {
    for_each_on(threads(), tasks, body);
}

/// Cuts slices of one length into chunks of `len` numbers, the last perhaps shorter, and calls
/// `body(chunk, [this chunk of each slice])` once for every chunk, on up to [`threads`] threads.
///
/// ```
/// use tandem_autograd::kernels::threads::for_each_chunk;
/// let (mut a, mut b) = ([1, 2, 3, 4, 5], [0; 5]);
/// for_each_chunk([&mut a[..], &mut b[..]], 2, |chunk, [a, b]| {
///     for (a, b) in a.iter_mut().zip(b) {
///         (*a, *b) = (chunk, *a);
///     }
/// });
/// assert_eq!((a, b), ([0, 0, 1, 1, 2], [1, 2, 3, 4, 5]));
/// ```
///
/// # Panics
/// If the slices differ in length, or `len` is 0; and if a task panics.
#[track_caller]
pub fn for_each_chunk<T: Send, const N: usize>(
    slices: [&mut [T]; N],
    len: usize,
    body: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    for_each_chunk_with(&mut [], 0, slices, len, |chunk, slices, _| body(chunk, slices));
}

/// [`for_each_chunk`] in which each thread has `each` numbers of `space` for itself, where anything may stand. With
/// less space than for all threads, fewer work.
#[track_caller]
pub(super) fn for_each_chunk_with<T: Send, const N: usize>(
    space: &mut [T],
    each: usize,
    slices: [&mut [T]; N],
    len: usize,
    body: impl Fn(usize, [&mut [T]; N], &mut [T]) + Sync,
) {
    let total = slices.first().map_or(0, |slice| slice.len());
    assert!(len > 0 && slices.iter().all(|slice| slice.len() == total), "chunks are cut from slices of one length");
    let starts = slices.map(|slice| AtomicPtr::new(slice.as_mut_ptr()));
    for_each_with(space, each, total.div_ceil(len), |chunk, space| {
        let (from, n) = (chunk * len, len.min(total - chunk * len));
        // SAFETY: the slices are borrowed as long as the loop runs and hold `total` numbers each; a chunk is
        // one task, each task runs once, and no two chunks overlap.
        let cut = |start: &AtomicPtr<T>| unsafe {
            std::slice::from_raw_parts_mut(start.load(Ordering::Relaxed).add(from), n)
        };
        body(chunk, std::array::from_fn(|i| cut(&starts[i])), space);
    });
}

/// [`for_each`] as `body(task, space)`, in which each thread has `each` numbers of `space` for itself, where anything
/// may stand. With less space than for all threads, fewer work.
///
/// # Panics
/// If the space is not even enough for one thread.
#[track_caller]
pub(super) fn for_each_with<T: Send>(
    space: &mut [T],
    each: usize,
    tasks: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    assert!(space.len() >= each, "a task needs space for {each} numbers, found {}", space.len());
    let limit = space.len().checked_div(each).map_or(threads(), |n| n.min(threads()));
    let start = AtomicPtr::new(space.as_mut_ptr());
    for_each_on(limit, tasks, |worker, task| {
        // SAFETY: `worker` is less than `limit`, and no two calls with the same `worker` run at once.
        let space = unsafe { std::slice::from_raw_parts_mut(start.load(Ordering::Relaxed).add(worker * each), each) };
        body(task, space);
    });
}

/// [`for_each`] on at most `limit` threads: `worker` is less than `limit`.
pub(super) fn for_each_on(limit: usize, tasks: usize, body: impl Fn(usize, usize) + Sync) {
    let team = limit.min(tasks);
    // More tasks than can be counted are the caller's.
    let Some(pool) = (if team > 1 && (tasks as u64) < BACK / 2 { try_pool() } else { None }) else {
        return (0..tasks).for_each(|task| body(0, task));
    };
    share(pool, team, tasks, &body);
}

/// The pool, if no other loop is using it.
fn try_pool() -> Option<MutexGuard<'static, Vec<Worker>>> {
    match POOL.try_lock() {
        Ok(pool) => Some(pool),
        Err(TryLockError::Poisoned(pool)) => Some(pool.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Runs a loop on `team` threads and waits for all of them.
fn share(mut pool: MutexGuard<'_, Vec<Worker>>, team: usize, tasks: usize, body: &(dyn Fn(usize, usize) + Sync)) {
    hire(&mut pool, team);
    let others = &pool[..team - 1];
    let job = Job {
        body,
        tasks,
        drawn: AtomicU64::new(0),
        holders: AtomicUsize::new(others.len()),
        caller: thread::current(),
        panic: Mutex::new(None),
    };
    for worker in others {
        // The lifetime is forgotten here. `job` outlives every use of this address: a worker does
        // not touch it after it has subtracted itself from `holders`, nothing between here and the
        // wait for `holders` can unwind, and the wait ends only when all are gone.
        worker.slot.store(ptr::from_ref(&job).cast_mut().cast(), Ordering::Release);
        worker.thread.unpark();
    }
    job.work(0);
    for worker in others {
        if !worker.slot.swap(ptr::null_mut(), Ordering::Relaxed).is_null() {
            job.holders.fetch_sub(1, Ordering::Relaxed);
        }
    }
    wait_until(|| (job.holders.load(Ordering::Acquire) == 0).then_some(()));
    drop(pool);
    if let Some(panic) = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
}

/// Adds threads to the pool until a team of `team`, the caller included, can be made, and waits
/// until they run: what a thread allocates as it starts, it has allocated then.
fn hire(pool: &mut Vec<Worker>, team: usize) {
    while pool.len() + 1 < team {
        let index = pool.len() + 1;
        let (slot, runs): &'static (Slot, AtomicBool) = Box::leak(Box::default());
        let life = move || {
            runs.store(true, Ordering::Release);
            serve(index, slot);
        };
        let builder = thread::Builder::new().name(format!("kernels-{index}"));
        let handle = builder.spawn(life).expect("the system refused a thread");
        pool.push(Worker { thread: handle.thread().clone(), slot });
        while !runs.load(Ordering::Acquire) {
            thread::yield_now();
        }
    }
}

/// The life of worker `index`: takes a job, helps with it, lets go of it.
fn serve(index: usize, slot: &Slot) {
    let take = || {
        let there = !slot.load(Ordering::Relaxed).is_null();
        if there { ptr::NonNull::new(slot.swap(ptr::null_mut(), Ordering::Acquire)) } else { None }
    };
    loop {
        let job = wait_until(take);
        // SAFETY: the address was in the slot, so `share` has not taken it back and keeps the job
        // alive until `holders` is 0, which it cannot be before this thread subtracts itself below.
        let job = unsafe { job.as_ref() };
        job.work(index);
        let caller = job.caller.clone();
        if job.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            caller.unpark();
        }
    }
}

/// Looks for something until it is there: eagerly at first, then asleep between looks. Whoever
/// makes it be there has to wake this thread.
fn wait_until<R>(look: impl Fn() -> Option<R>) -> R {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        std::hint::spin_loop();
    }
    loop {
        if let Some(found) = look() {
            return found;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_and_workers_do_not_meet() {
        for team in [1, 2, 3, 5] {
            for tasks in [0, 1, 2, 7, 100] {
                let runs: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                let busy: Vec<_> = (0..team).map(|_| AtomicUsize::new(0)).collect();
                for_each_on(team, tasks, |worker, task| {
                    assert_eq!(busy[worker].fetch_add(1, Ordering::SeqCst), 0);
                    runs[task].fetch_add(1, Ordering::SeqCst);
                    busy[worker].fetch_sub(1, Ordering::SeqCst);
                });
                assert!(runs.iter().all(|n| n.load(Ordering::SeqCst) == 1));
            }
        }
    }

    #[test]
    fn a_loop_may_stand_inside_a_loop() {
        let sum = AtomicUsize::new(0);
        for_each_on(2, 10, |_, i| {
            for_each_on(2, 10, |_, j| {
                sum.fetch_add(10 * i + j, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), (0..100).sum::<usize>());
    }

    #[test]
    fn loops_may_stand_beside_each_other() {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let sum = AtomicUsize::new(0);
                        for_each_on(3, 20, |_, i| {
                            sum.fetch_add(i, Ordering::Relaxed);
                        });
                        assert_eq!(sum.into_inner(), 190);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_the_pool_in_order() {
        for _ in 0..20 {
            let result = catch_unwind(|| for_each_on(2, 50, |_, task| assert!(task != 13, "unlucky")));
            assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"unlucky"));
            let sum = AtomicUsize::new(0);
            for_each_on(2, 50, |_, task| {
                sum.fetch_add(task, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), (0..50).sum::<usize>());
        }
    }
}
