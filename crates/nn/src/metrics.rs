//! What was right: accuracy, and which class was taken for which.
//!
//! A row of logits guesses the class of its largest one; of several that are equal, the first. A row with a NaN
//! guesses nothing, and is never right: a network whose numbers are lost must not pass for one that always says 0.

use std::fmt;

use tandem_autograd::{Float, Tensor};

/// The share of rows, from 0 to 1, whose largest logit is that of their label. A row with a NaN is not right.
/// NaN if there are no rows, and in a dry run.
///
/// Logits of shape `[…, classes]`, and a label for each row, in row-major order.
///
/// ```
/// use tandem_autograd::Tensor;
/// use tandem_nn::accuracy;
/// let logits = Tensor::new([4, 2], vec![1.0, 0.0, 0.0, 1.0, 2.0, 2.0, f64::NAN, 0.0]);
/// assert_eq!(accuracy(&logits, &[0, 0, 0, 0]), 0.5);
/// ```
///
/// # Panics
/// If there are not as many labels as rows, or a label is not a class.
#[track_caller]
pub fn accuracy<T: Float>(logits: &Tensor<T>, labels: &[usize]) -> f64 {
    let (mut right, mut rows) = (0, 0);
    each_row("accuracy", logits, labels, |label, guess| {
        rows += 1;
        right += usize::from(guess == Some(label));
    });
    share(right, rows)
}

/// How often each class was taken for which, over any number of batches. Printed as a table with a row for each
/// true class and a column for each guess; a last column counts rows with a NaN, if there are any.
///
/// ```
/// use tandem_autograd::Tensor;
/// use tandem_nn::Confusion;
/// let mut confusion = Confusion::new(2);
/// confusion.add(&Tensor::new([3, 2], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]), &[0, 0, 1]);
/// assert_eq!((confusion.count(0, 1), confusion.accuracy()), (1, 2.0 / 3.0));
/// assert_eq!((confusion.recall(0), confusion.precision(1)), (0.5, 0.5));
/// let table = "\
/// truth \\ guess  0  1
///             0  1  1
///             1  0  1
/// ";
/// assert_eq!(confusion.to_string(), table);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// For each class, its rows by guess; those that guess nothing stand last.
    counts: Vec<usize>,
}

impl Confusion {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Confusion {
        Confusion { classes, counts: vec![0; classes * (classes + 1)] }
    }

    /// Counts the rows of a batch. Logits of shape `[…, classes]`, and a label for each row.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let mut confusion = tandem_nn::Confusion::new(2);
    /// for labels in [[0, 1], [1, 1]] {
    ///     confusion.add(&Tensor::new([2, 2], vec![1.0, 0.0, 0.0, 1.0]), &labels);    // guesses 0, then 1
    /// }
    /// assert_eq!([confusion.count(0, 0), confusion.count(1, 1), confusion.count(1, 0)], [1, 2, 1]);
    /// ```
    ///
    /// # Panics
    /// If the logits are of another number of classes, there are not as many labels as rows, or a label is not a
    /// class.
    #[track_caller]
    pub fn add<T: Float>(&mut self, logits: &Tensor<T>, labels: &[usize]) {
        let (classes, shape) = (self.classes, logits.shape());
        assert!(
            shape.dims().last().is_some_and(|&last| last as usize == classes),
            "Confusion::add({shape}): expected {classes} classes along the last axis"
        );
        each_row("Confusion::add", logits, labels, |label, guess| {
            self.counts[label * (classes + 1) + guess.unwrap_or(classes)] += 1;
        });
    }

    /// How many rows of class `truth` were taken for class `guess`.
    ///
    /// # Panics
    /// If one is not a class.
    #[track_caller]
    pub fn count(&self, truth: usize, guess: usize) -> usize {
        self.check_class(truth);
        self.check_class(guess);
        self.row(truth)[guess]
    }

    /// The share of rows that are right, from 0 to 1: Σ count(k, k) / rows. NaN if there are none.
    pub fn accuracy(&self) -> f64 {
        share((0..self.classes).map(|class| self.row(class)[class]).sum(), self.counts.iter().sum())
    }

    /// Of the rows of a class, the share that was taken for it. NaN if there are none.
    ///
    /// count(class, class) / Σ over guesses of count(class, guess), where "nothing" is a guess, too.
    ///
    /// ```
    /// # let mut confusion = tandem_nn::Confusion::new(2);
    /// # let says_one = tandem_autograd::Tensor::new([1, 2], vec![0.0, 1.0]);
    /// for label in [1, 1, 1, 0] {
    ///     confusion.add(&says_one, &[label]);            // the guess is always 1
    /// }
    /// assert_eq!([confusion.recall(0), confusion.recall(1)], [0.0, 1.0]);
    /// assert_eq!((confusion.precision(1), confusion.precision(0).is_nan()), (0.75, true));
    /// ```
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn recall(&self, class: usize) -> f64 {
        share(self.count(class, class), self.row(class).iter().sum())
    }

    /// Of the rows that were taken for a class, the share that is of it. NaN if there are none.
    ///
    /// count(class, class) / Σ over truths of count(truth, class). See [`recall`](Confusion::recall) for an example.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn precision(&self, class: usize) -> f64 {
        share(self.count(class, class), (0..self.classes).map(|truth| self.row(truth)[class]).sum())
    }

    /// The rows of a class, by guess.
    fn row(&self, truth: usize) -> &[usize] {
        &self.counts[truth * (self.classes + 1)..][..=self.classes]
    }

    #[track_caller]
    fn check_class(&self, class: usize) {
        assert!(class < self.classes, "class {class} is not in 0..{}", self.classes);
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "truth \\ guess";
        let lost = (0..self.classes).any(|truth| self.row(truth)[self.classes] > 0);
        let columns = self.classes + usize::from(lost);
        let head = |column: usize| if column < self.classes { column.to_string() } else { "NaN".into() };
        let longest = |column: usize| {
            let counts = (0..self.classes).map(|truth| self.row(truth)[column].to_string());
            counts.chain([head(column)]).map(|cell| cell.len()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(longest).collect();
        f.write_str(CORNER)?;
        for (column, &width) in widths.iter().enumerate() {
            write!(f, "  {:>width$}", head(column))?;
        }
        for truth in 0..self.classes {
            write!(f, "\n{truth:>0$}", CORNER.len())?;
            for (count, &width) in self.row(truth).iter().zip(&widths) {
                write!(f, "  {count:>width$}")?;
            }
        }
        f.write_str("\n")
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Hands each row's label and guess to `see`, in order; none in a dry run.
#[track_caller]
fn each_row<T: Float>(method: &str, logits: &Tensor<T>, labels: &[usize], mut see: impl FnMut(usize, Option<usize>)) {
    let shape = logits.shape();
    let classes = shape.dims().last().map_or(0, |&last| last as usize);
    assert!(classes > 0, "{method}({shape}): there is no last axis with a class");
    if logits.data().len() < shape.len() {
        // A dry run: there are no logits, and no labels either if they come from a tensor.
        return;
    }
    let rows = shape.len() / classes;
    assert!(rows == labels.len(), "{method}({shape}): {rows} rows need as many labels, found {}", labels.len());
    for (i, &label) in labels.iter().enumerate() {
        assert!(label < classes, "{method}({shape}): label {label}, at place {i}, is not in 0..{classes}");
    }
    for (row, &label) in logits.data().chunks(classes).zip(labels) {
        see(label, guess(row));
    }
}

/// The place of the first largest number; none if there is a NaN.
fn guess<T: Float>(row: &[T]) -> Option<usize> {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return None;
        }
        if x > row[best] {
            best = i;
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use tandem_autograd::dry_run;

    use super::*;
    use crate::Generator;

    #[test]
    fn a_row_guesses_its_first_largest_number_and_nothing_if_one_is_lost() {
        const LOW: f64 = f64::NEG_INFINITY;
        let table = [
            ([1.0, 3.0, 2.0], Some(1)),
            ([3.0, 1.0, 3.0], Some(0)),
            ([1.0, 2.0, 2.0], Some(1)),
            ([0.0, -0.0, -1.0], Some(0)),
            ([LOW, LOW, LOW], Some(0)),
            ([LOW, -LOW, -LOW], Some(1)),
            ([f64::NAN, 1.0, 2.0], None),
            ([1.0, f64::NAN, 2.0], None),
            ([1.0, 2.0, -f64::NAN], None),
        ];
        for (row, guess) in table {
            let logits = Tensor::new([1, 3], row.to_vec());
            let right = [0, 1, 2].map(|label| accuracy(&logits, &[label]));
            assert_eq!(right, [0, 1, 2].map(|label| if guess == Some(label) { 1.0 } else { 0.0 }), "{row:?}");
        }
    }

    #[test]
    fn a_confusion_counts_what_was_taken_for_what() {
        let (mut rng, mut confusion) = (Generator::seed_from_u64(5), Confusion::new(3));
        let (mut all, mut labels) = (Vec::new(), Vec::new());
        for shape in [[2, 4, 3], [5, 1, 3], [0, 2, 3], [3, 3, 3]] {
            let count = shape[0] * shape[1] * shape[2];
            let logits = Tensor::new(shape, (0..count).map(|_| rng.random::<f32>()).collect());
            let of: Vec<usize> = (0..count / 3).map(|_| rng.random_range(0..2)).collect();
            confusion.add(&logits, &of);
            all.extend_from_slice(logits.data());
            labels.extend(of);
        }
        assert_eq!(labels.len(), 22);
        let logits = Tensor::new([22, 3], all);
        assert_eq!(confusion.accuracy(), accuracy(&logits, &labels));
        let taken = |truth, guess| {
            let is = |row: &[f32]| (0..3).all(|other| other == guess || row[other] < row[guess]);
            logits.data().chunks(3).zip(&labels).filter(|&(row, &label)| label == truth && is(row)).count()
        };
        for (truth, guess) in [0, 1, 2].into_iter().flat_map(|truth| [0, 1, 2].map(|guess| (truth, guess))) {
            assert_eq!(confusion.count(truth, guess), taken(truth, guess));
        }
        let sum = |counts: [usize; 3]| counts.iter().sum::<usize>() as f64;
        let is = |class| taken(class, class) as f64;
        assert_eq!(confusion.recall(1), is(1) / sum([0, 1, 2].map(|guess| taken(1, guess))));
        assert_eq!(confusion.precision(1), is(1) / sum([0, 1, 2].map(|truth| taken(truth, 1))));
        assert!(confusion.recall(2).is_nan(), "no row is of class 2");
        assert_eq!(confusion.precision(2), 0.0);
    }

    #[test]
    fn a_lost_row_counts_against_its_class_in_a_column_of_its_own() {
        let mut confusion = Confusion::new(2);
        assert!(confusion.accuracy().is_nan() && accuracy(&Tensor::<f32>::zeros([0, 2]), &[]).is_nan());
        confusion.add(&Tensor::full([11, 2], 1.0), &[0; 11]);
        confusion.add(&Tensor::new([2, 2], vec![0.0, f64::NAN, 0.0, 1.0]), &[1, 1]);
        let table = "\
truth \\ guess   0  1  NaN
            0  11  0    0
            1   0  1    1
";
        assert_eq!(confusion.to_string(), table);
        assert_eq!((confusion.recall(1), confusion.precision(1)), (0.5, 1.0));
        assert_eq!(confusion.accuracy(), 12.0 / 13.0);
    }

    #[test]
    fn a_dry_run_knows_no_accuracy() {
        let of = |labels: &[usize]| dry_run::<f32, _>(|_| accuracy(&Tensor::<f32>::zeros([3, 2]), labels));
        assert!(of(&[0, 1, 0]).is_nan() && of(&[]).is_nan());
    }
}
