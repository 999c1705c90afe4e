//! Training or evaluation: said in every call, held by no layer.

use std::cell::{RefCell, RefMut};

use rand::{Rng, SeedableRng};
use tandem_autograd::{Float, Params, StateId, Tensor};

/// The generator from which a training draws. Its seed, stream and position can be saved, so that a
/// training that was stopped goes on with the same draws; those of `rand`'s `StdRng` cannot.
///
/// ```
/// use rand::{Rng, SeedableRng};
/// use tandem_nn::Generator;
/// let mut generator = Generator::seed_from_u64(7);
/// generator.next_u64();
/// let saved = serde_json::to_string(&generator)?;    // as a checkpoint does
/// let mut again: Generator = serde_json::from_str(&saved)?;
/// assert_eq!(again.next_u64(), generator.next_u64());
/// # Ok::<(), serde_json::Error>(())
/// ```
pub type Generator = rand_chacha::ChaCha8Rng;

/// What a forward pass is for. In PyTorch this is hidden state, `model.train()` and `model.eval()`.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{Dropout, Generator, Layer, Mode, Training};
/// let (params, training) = (Params::<f32>::new(), Training::new(Generator::seed_from_u64(0)));
/// let tape = Tape::new(&params);
/// let lost = |mode| {
///     let y = Dropout(0.5).forward(&tape, tape.constant(Tensor::full([100], 1.0)), mode);
///     y.value().data().iter().filter(|&&y| y == 0.0).count()
/// };
/// assert_eq!(lost(Mode::Eval), 0);
/// assert!((30..70).contains(&lost(Mode::Train(&training))));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Mode<'m, T: Float = f32> {
    /// Dropout draws; batch norm takes the statistics of the batch, and notes the running ones.
    Train(&'m Training<T>),
    /// Dropout does nothing; batch norm takes the running statistics.
    Eval,
}

/// What the forward passes of a training draw from, and what they note: new states, until they are
/// [committed](Training::commit).
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{BatchNorm, Generator, Layer, Mode, Training};
/// let mut params = Params::<f64>::new();
/// let norm = BatchNorm::new(&mut params, "norm", 1);
/// let mut training = Training::new(Generator::seed_from_u64(7));
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([2, 1], vec![3.0, 5.0]));
/// let y = norm.forward(&tape, x, Mode::Train(&training));     // the mean of the batch is 4
/// assert!((y.value().data()[1] - 1.0).abs() < 1e-5);
/// training.commit(&mut params);                               // the tape is gone, the store is free
/// assert_eq!(params.state(norm.mean).data(), [0.1 * 4.0]);
/// ```
#[derive(Debug)]
pub struct Training<T: Float = f32> {
    generator: RefCell<Generator>,
    noted: RefCell<Noted<T>>,
    /// Whether this is a pass that was made before and is made again.
    again: bool,
}

/// States and their new values.
pub(crate) type Noted<T> = Vec<(StateId, Tensor<T>)>;

impl<T: Float> Training<T> {
    /// A training that draws from this generator.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_nn::{Generator, Training};
    /// let mut training = Training::<f32>::new(Generator::seed_from_u64(7));
    /// assert_eq!(*training.generator(), Generator::seed_from_u64(7));
    /// ```
    pub fn new(generator: Generator) -> Training<T> {
        Training { generator: RefCell::new(generator), noted: RefCell::default(), again: false }
    }

    /// A training that draws from the generator of this seed, and has noted this.
    pub(crate) fn going_on(seed: u64, noted: Noted<T>) -> Training<T> {
        Training { noted: noted.into(), ..Training::new(Generator::seed_from_u64(seed)) }
    }

    /// A training that draws from the generator of this seed once more, and notes nothing.
    pub(crate) fn again(seed: u64) -> Training<T> {
        Training { again: true, ..Training::new(Generator::seed_from_u64(seed)) }
    }

    /// Draws from the generator.
    ///
    /// ```
    /// use rand::{RngExt, SeedableRng};
    /// use tandem_nn::{Generator, Training};
    /// let training = Training::<f32>::new(Generator::seed_from_u64(7));
    /// let [one, other] = [(); 2].map(|()| training.draw(|rng| rng.random::<f64>()));
    /// assert_ne!(one, other);                            // the generator has moved on
    /// ```
    pub fn draw<R>(&self, draw: impl FnOnce(&mut Generator) -> R) -> R {
        draw(&mut self.generator.borrow_mut())
    }

    /// The generator for a draw that is recorded at the caller's line, which a closure would not know.
    pub(crate) fn rng(&self) -> RefMut<'_, Generator> {
        self.generator.borrow_mut()
    }

    /// The generator, to save or to replace it, or for draws outside of layers.
    ///
    /// ```
    /// use rand::{Rng, SeedableRng};
    /// use tandem_nn::{Generator, Training};
    /// let mut training = Training::<f32>::new(Generator::seed_from_u64(7));
    /// let first = training.draw(|rng| rng.next_u64());
    /// *training.generator() = Generator::seed_from_u64(7);           // once more from the start
    /// assert_eq!(training.draw(|rng| rng.next_u64()), first);
    /// ```
    pub fn generator(&mut self) -> &mut Generator {
        self.generator.get_mut()
    }

    /// Notes the next value of a state, once: where a [checkpointed](crate::Checkpointed) layer is computed again,
    /// nothing is noted. What a layer computes in training must therefore not depend on what it notes.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::{Generator, Training};
    /// let mut params = Params::<f32>::new();
    /// let id = params.add_state("seen", Tensor::scalar(0.0));
    /// let mut training = Training::new(Generator::seed_from_u64(0));
    /// training.note(id, Tensor::scalar(training.state(&params, id).item() + 1.0));
    /// assert_eq!((params.state(id).item(), training.state(&params, id).item()), (0.0, 1.0));
    /// training.commit(&mut params);
    /// assert_eq!(params.state(id).item(), 1.0);
    /// ```
    pub fn note(&self, id: StateId, value: Tensor<T>) {
        if self.again {
            return;
        }
        let mut noted = self.noted.borrow_mut();
        match noted.iter_mut().find(|(other, _)| *other == id) {
            Some((_, old)) => *old = value,
            None => noted.push((id, value)),
        }
    }

    /// The value of a state as a layer finds it: the one noted last, else the store's. A layer that is used
    /// twice in a pass goes on from its first use.
    #[track_caller]
    pub fn state(&self, params: &Params<T>, id: StateId) -> Tensor<T> {
        let noted = self.noted.borrow();
        // Not in a closure, which would not know the caller's line.
        match noted.iter().find(|(other, _)| *other == id) {
            Some((_, value)) => value.clone(),
            None => params.state(id).clone(),
        }
    }

    /// Puts what was noted into the store. To call after a step; to leave a step out, [`forget`](Training::forget).
    ///
    /// # Panics
    /// If the store is not the one of the passes, or a clone of it.
    #[track_caller]
    pub fn commit(&mut self, params: &mut Params<T>) {
        // A loop, because a closure would not know the caller's line.
        for (id, value) in self.noted.get_mut().drain(..) {
            if let Err(error) = params.set_state(id, value) {
                panic!("commit(): {error}");
            }
        }
    }

    /// Forgets what was noted.
    ///
    /// ```
    /// # use rand::SeedableRng;
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_nn::{Generator, Training};
    /// # let mut params = Params::<f32>::new();
    /// # let id = params.add_state("seen", Tensor::scalar(0.0));
    /// # let mut training = Training::new(Generator::seed_from_u64(0));
    /// training.note(id, Tensor::scalar(1.0));
    /// training.forget();
    /// training.commit(&mut params);                      // of nothing
    /// assert_eq!(params.state(id).item(), 0.0);
    /// ```
    pub fn forget(&mut self) {
        self.noted.get_mut().clear();
    }

    /// A word that decides all draws of a part of a pass, so that they can be drawn again.
    pub(crate) fn word(&self) -> u64 {
        self.draw(Rng::next_u64)
    }

    /// What was noted so far, for a part of the pass to go on from; [`give`](Training::give) puts it back.
    pub(crate) fn take(&self) -> Noted<T> {
        self.noted.take()
    }

    pub(crate) fn give(&self, noted: Noted<T>) {
        self.noted.replace(noted);
    }

    /// Bytes of the list of what was noted, as it has grown.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.noted.borrow().capacity() * size_of::<(StateId, Tensor<T>)>()
    }
}
