//! Where the bytes go: a program's memory, predicted by running it without numbers.
//!
//! A prediction shares nothing with a measurement: it adds up what blocks of these shapes would
//! take and how long the lists have grown; it asks no allocator. A counting allocator then has to
//! see the same number of bytes, and does (see the `convnet_memory` example).

use std::fmt;
use std::marker::PhantomData;

use crate::local::Local;
use crate::pool::{Meter, Tally, header_bytes};
use crate::{Float, Kind, Tape};

/// Bytes of a program at one moment, by what they are for: [now](Probe::now), or when it had asked
/// [most of the system](Probe::footprint).
///
/// The fields add up to all that the store, the tape, the optimizer and the pool have asked for.
///
/// The examples are at [`dry_run`] and [`Footprint::categories`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Values in the store, each slot once, and its states.
    pub parameters: usize,
    /// Gradients of parameters, each slot once: buffers that hold one, or that wait in the pool for
    /// the next step's.
    pub gradients: usize,
    /// What the optimizer remembers, each slot once.
    pub optimizer: usize,
    /// Inputs, results, residuals and passing cotangents. Sharing parameters does not shrink them.
    pub activations: usize,
    /// Scratch space of the kernel that ran at that moment.
    pub workspace: usize,
    /// All other buffers that waited in the pool at that moment.
    pub idle: usize,
    /// Names, lists of nodes, headers of blocks: everything that holds no numbers of tensors.
    pub bookkeeping: usize,
}

impl Footprint {
    /// Every category with its name, in the order of the fields: what there is of each parameter, of
    /// each example, and the rest.
    ///
    /// ```
    /// use tandem_autograd::Footprint;
    /// let footprint = Footprint { parameters: 40, optimizer: 80, ..Footprint::default() };
    /// assert_eq!(footprint.categories()[2], ("optimizer state", 80));
    /// assert_eq!(footprint.total(), 120);
    /// ```
    pub fn categories(&self) -> [(&'static str, usize); 7] {
        [
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("optimizer state", self.optimizer),
            ("activations", self.activations),
            ("workspace", self.workspace),
            ("idle buffers", self.idle),
            ("bookkeeping", self.bookkeeping),
        ]
    }

    /// All bytes.
    pub fn total(&self) -> usize {
        self.categories().iter().map(|(_, bytes)| bytes).sum()
    }
}

/// One line a category, in bytes, and the total.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (category, bytes) in self.categories() {
            writeln!(f, "{category:15}  {bytes:>12}")?;
        }
        write!(f, "{:15}  {:>12}", "total", self.total())
    }
}

/// Reads the meter of a dry run: what is there [now](Probe::now), and what was there [at the
/// peak](Probe::footprint). Made by [`dry_run`].
pub struct Probe<T: Float>(PhantomData<T>);

impl<T: Float> Probe<T> {
    /// Forgets the largest use so far: what [`footprint`](Probe::footprint) reports is the peak
    /// after this.
    ///
    /// ```
    /// use tandem_autograd::{Tensor, dry_run};
    /// let [first, later] = dry_run::<f32, _>(|probe| {
    ///     drop(Tensor::<f32>::zeros([1000]));
    ///     let first = probe.footprint(0);
    ///     probe.forget_peak();
    ///     let _small = Tensor::<f32>::zeros([10]);
    ///     [first, probe.footprint(0)]
    /// });
    /// assert_eq!((first.activations, later.activations), (4000, 40));
    /// ```
    pub fn forget_peak(&self) {
        with_meter::<T, _>(|meter| meter.peak = meter.now);
    }

    /// The footprint at the moment when most had been asked of the system. `lists` are the bytes of
    /// lists that the program holds beside the tape:
    /// [`Params::bookkeeping_bytes`](crate::Params::bookkeeping_bytes) and the like.
    ///
    /// Each category is what it was at that moment: there may have been more activations at another.
    ///
    /// Meant to be read between steps, while the store and the optimizer exist and no tape does.
    ///
    /// ```
    /// use tandem_autograd::{Tensor, dry_run};
    /// let peak = dry_run::<f32, _>(|probe| {
    ///     drop(Tensor::<f32>::zeros([1000]));
    ///     let _kept = Tensor::<f32>::zeros([10]);
    ///     probe.footprint(0)
    /// });
    /// // The first 4,000 bytes went to the pool, where they wait: all that was asked of the system counts.
    /// assert_eq!((peak.activations, peak.idle), (40, 4000));
    /// ```
    pub fn footprint(&self, lists: usize) -> Footprint {
        by_purpose::<T>(with_meter::<T, _>(|meter| meter.peak), lists)
    }

    /// The footprint now. It may be read within a step too: then `lists` includes those of the
    /// [tape](crate::Tape::bookkeeping_bytes) and of the
    /// [gradients](crate::Gradients::bookkeeping_bytes) that exist.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor, dry_run};
    /// let [within, between] = dry_run::<f32, _>(|probe| {
    ///     let mut params = Params::<f32>::new();
    ///     let w = params.add("w", Tensor::zeros([30, 10]));
    ///     let tape = Tape::new(&params);
    ///     let x = tape.constant(Tensor::zeros([5, 30]));
    ///     let gradients = x.matmul(tape.param(w)).sum().backward();
    ///     let lists = tape.bookkeeping_bytes() + gradients.bookkeeping_bytes();
    ///     let within = probe.now(params.bookkeeping_bytes() + lists);
    ///     drop((gradients, tape));
    ///     [within, probe.now(params.bookkeeping_bytes())]
    /// });
    /// assert_eq!((within.parameters, within.gradients), (1200, 1200));
    /// // Nothing has been given back: it waits for the next step.
    /// assert_eq!((between.gradients, between.activations + between.idle), (1200, within.activations + within.idle));
    /// ```
    pub fn now(&self, lists: usize) -> Footprint {
        by_purpose::<T>(with_meter::<T, _>(|meter| meter.now), lists)
    }
}

fn by_purpose<T: Float>(tally: Tally, lists: usize) -> Footprint {
    let kept = T::local().with_borrow(Local::list_bytes);
    let live = |kind: Kind| tally.live[kind as usize];
    let [idle, waiting] = tally.idle;
    Footprint {
        parameters: live(Kind::Parameter),
        gradients: live(Kind::Gradient) + waiting,
        optimizer: live(Kind::Optimizer),
        activations: live(Kind::Activation),
        workspace: live(Kind::Workspace),
        idle,
        bookkeeping: tally.blocks * header_bytes::<T>() + kept + lists,
    }
}

impl<T: Float> Tape<'_, T> {
    /// Bytes of the tape's lists, as they have grown, without the values that they keep. One of the summands that
    /// [`Probe::now`] takes.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.core.arena.borrow().bytes()
    }
}

fn with_meter<T: Float, R>(read: impl FnOnce(&mut Meter) -> R) -> R {
    T::local().with_borrow_mut(|local| read(local.pool.meter.as_mut().expect("a probe lives within its dry run")))
}

/// Runs `body` without numbers: tensors have shapes but no memory, kernels are skipped, names and
/// lists are real. A network of any size takes kilobytes and microseconds.
///
/// The body must not decide by values, which are missing: a single number reads as NaN. It makes
/// its own store and tensors: those that come from outside are not counted, and those that leave
/// have no numbers there either.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, dry_run, Kind};
/// // A matrix of 57 GiB, stored twice: as itself and as its gradient.
/// let footprint = dry_run::<f32, _>(|probe| {
///     let mut params = Params::<f32>::new();
///     let w = params.add("w", Tensor::build([15_360, 1_000_192], Kind::Parameter, |_| unreachable!()));
///     let tape = Tape::new(&params);
///     let gradients = tape.param(w).sum().backward();
///     drop((gradients, tape));
///     probe.footprint(params.bookkeeping_bytes())
/// });
/// assert_eq!(footprint.parameters, 4 * 15_360 * 1_000_192);
/// assert_eq!(footprint.gradients, footprint.parameters);
/// ```
pub fn dry_run<T: Float, R>(body: impl FnOnce(&Probe<T>) -> R) -> R {
    /// Puts the thread's memory back, after a panic too.
    struct Restore<T: Float>(Option<Local<T>>);
    impl<T: Float> Drop for Restore<T> {
        fn drop(&mut self) {
            drop(T::local().replace(self.0.take().expect("restored once")));
        }
    }
    let _restore = Restore(Some(T::local().replace(Local::dry())));
    body(&Probe(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Params, Tape, Tensor};

    #[test]
    fn the_copy_that_a_reshaped_parameter_needs_is_no_parameter() {
        let footprint = dry_run::<f32, _>(|probe| {
            let mut params = Params::<f32>::new();
            let w = params.add("w", Tensor::zeros([2, 3]));
            let tape = Tape::new(&params);
            let copy = tape.param(w).reshape([6]);
            probe.forget_peak();
            drop(copy);
            probe.footprint(0)
        });
        assert_eq!((footprint.parameters, footprint.activations), (24, 24));
    }

    #[test]
    fn a_parameter_that_began_as_a_shared_tensor_is_one_once_it_changes() {
        let footprint = dry_run::<f32, _>(|probe| {
            let (start, mut params) = (Tensor::<f32>::zeros([6]), Params::<f32>::new());
            let w = params.add("w", start.clone());
            params.update(params.slot(w), |_| ());
            probe.footprint(0)
        });
        assert_eq!((footprint.parameters, footprint.activations), (24, 24));
    }

    #[test]
    fn a_dry_run_neither_counts_nor_keeps_what_others_made() {
        let outside = [4, 5].map(|n| Tensor::<f32>::zeros([n]));
        let mut renamed = Tensor::<f32>::zeros([6]);
        let left = dry_run::<f32, _>(|probe| {
            let (left, passed_on) = (Tensor::<f32>::zeros([7]), Tensor::<f32>::zeros([3]));
            let inner = dry_run::<f32, _>(|probe| {
                drop((outside, passed_on));
                renamed.mark(Kind::Parameter);
                let _own = Tensor::<f32>::zeros([3]);
                probe.footprint(0)
            });
            assert_eq!(inner.total() - inner.bookkeeping, 12);
            assert_eq!(probe.footprint(0).activations, 40);
            left
        });
        drop(left);
        // The block without numbers is not in this thread's pool.
        assert_eq!(Tensor::<f32>::full([7], 1.0).data(), [1.0; 7]);
    }

    #[test]
    fn a_panic_ends_a_dry_run() {
        let body = |_: &Probe<f32>| {
            let _x = Tensor::<f32>::zeros([5]);
            panic!("on purpose");
        };
        assert!(std::panic::catch_unwind(|| dry_run(body)).is_err());
        assert_eq!(Tensor::<f32>::full([5], 1.0).data(), [1.0; 5]);
    }

    #[test]
    fn numbers_that_are_brought_to_every_step_do_not_pile_up() {
        let footprint = dry_run::<f32, _>(|probe| {
            (0..9).for_each(|_| drop(Tensor::new([10], vec![0.0_f32; 10])));
            probe.footprint(0)
        });
        assert_eq!(footprint.total() - footprint.bookkeeping, 40);
    }
}
