//! Rows in a seeded random order: mini-batches and the validation splits.

use std::slice::Chunks;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::DataError;

/// What becomes of the last batch of an epoch if it is not full.
///
/// ```
/// use tandem_nn::data::{Batches, Last};
/// let [keep, drop] = [Last::Keep, Last::Drop].map(|last| Batches::new(10, 4, 1, last));
/// assert_eq!(keep?.iter().map(<[usize]>::len).collect::<Vec<_>>(), [4, 4, 2]);
/// assert_eq!(drop?.iter().map(<[usize]>::len).collect::<Vec<_>>(), [4, 4]);
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It is handed out, shorter than the others.
    Keep,
    /// It is left out, so that every batch has the same size. The shuffle decides anew in each epoch
    /// which rows that concerns.
    Drop,
}

/// Row indices in shuffled mini-batches.
///
/// The order in epoch k is a permutation of all rows that depends on the number of rows, the seed and
/// k alone, not on the epochs before. A run that was interrupted in epoch k goes on with `epoch(k)`
/// and skips the batches it has already seen.
///
/// The permutation is a Fisher–Yates shuffle driven by xoshiro256++, one of the generators that `rand`
/// documents as portable and that a published algorithm defines. Its `StdRng` may change with any
/// release, and its own shuffle with a minor one; so neither is used here. Nothing is allocated after
/// construction.
///
/// ```
/// use tandem_nn::data::{Batches, Last};
/// let mut batches = Batches::new(10, 4, 1, Last::Keep)?;
/// let sizes: Vec<usize> = batches.epoch(0).iter().map(<[usize]>::len).collect();
/// assert_eq!(sizes, [4, 4, 2]);
///
/// let mut resumed = Batches::new(10, 4, 1, Last::Keep)?;
/// assert!(batches.epoch(3).iter().eq(resumed.epoch(3)));
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    order: Vec<usize>,
    batch: usize,
    /// How many rows of the order are handed out.
    kept: usize,
    seed: u64,
}

impl Batches {
    /// Batches of `batch` of the rows 0 to `rows` − 1, in the order of epoch 0.
    ///
    /// ```
    /// use tandem_nn::data::{Batches, Last};
    /// let error = Batches::new(10, 32, 1, Last::Drop).unwrap_err();
    /// assert_eq!(error.to_string(), "batch: expected at most 10, the number of rows, with Last::Drop, found 32");
    /// ```
    ///
    /// # Errors
    /// [`DataError::Argument`] if `rows` or `batch` is 0, or if every batch would be dropped: a
    /// training run would then silently do nothing.
    pub fn new(rows: usize, batch: usize, seed: u64, last: Last) -> Result<Batches, DataError> {
        let refuse = |argument, expected: String, found: usize| {
            Err(DataError::Argument { argument, expected, found: found.to_string() })
        };
        if rows == 0 {
            return refuse("rows", "at least 1".into(), rows);
        }
        if batch == 0 {
            return refuse("batch", "at least 1".into(), batch);
        }
        if last == Last::Drop && batch > rows {
            return refuse("batch", format!("at most {rows}, the number of rows, with Last::Drop"), batch);
        }
        let kept = if last == Last::Drop { rows - rows % batch } else { rows };
        let mut batches = Batches { order: vec![0; rows], batch, kept, seed };
        batches.epoch(0);
        Ok(batches)
    }

    /// Puts the rows into the order of epoch k, in place, and returns the batches to be walked through.
    ///
    /// ```
    /// use tandem_nn::data::{Batches, Last};
    /// let mut batches = Batches::new(100, 100, 1, Last::Keep)?;
    /// let mut order = |k| batches.epoch(k).iter().next().unwrap().to_vec();
    /// let (first, second) = (order(0), order(1));
    /// assert_ne!(first, second);
    /// assert_eq!(first, order(0));                       // an epoch does not depend on the one before
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    pub fn epoch(&mut self, k: u64) -> &Batches {
        // The shuffle starts from the rows in sequence, lest an epoch depend on the one before.
        self.order.iter_mut().enumerate().for_each(|(row, place)| *place = row);
        shuffle(&mut self.order, &mut generator(self.seed, k));
        self
    }

    /// The batches in the order of the current epoch, each a slice of row indices.
    ///
    /// ```
    /// use tandem_nn::data::{Batches, Last};
    /// let batches = Batches::new(5, 2, 1, Last::Keep)?;
    /// let mut rows: Vec<usize> = batches.iter().flatten().copied().collect();
    /// rows.sort_unstable();
    /// assert_eq!(rows, [0, 1, 2, 3, 4]);                 // each once
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    pub fn iter(&self) -> Chunks<'_, usize> {
        self.order[..self.kept].chunks(self.batch)
    }

    /// How many batches an epoch has: rows / batch, rounded up with [`Last::Keep`] and down with
    /// [`Last::Drop`], and at least 1.
    ///
    /// ```
    /// use tandem_nn::data::{Batches, Last};
    /// assert_eq!(Batches::new(10, 4, 1, Last::Keep)?.count(), 3);
    /// assert_eq!(Batches::new(10, 4, 1, Last::Drop)?.count(), 2);
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    pub fn count(&self) -> usize {
        self.kept.div_ceil(self.batch)
    }
}

impl<'b> IntoIterator for &'b Batches {
    type Item = &'b [usize];
    type IntoIter = Chunks<'b, usize>;

    fn into_iter(self) -> Chunks<'b, usize> {
        self.iter()
    }
}

/// Divides the rows 0 to `rows` − 1 at random into (fit, validation), both in ascending order. `fraction` · `rows`
/// go to validation, rounded to the nearest integer. This is just [`stratified_split`] with a single class.
///
/// # Errors
/// [`DataError::Argument`] if `fraction` is not in 0..=1.
///
/// ```
/// use tandem_nn::data::split;
/// let (fit, validation) = split(10, 0.3, 7)?;
/// assert_eq!((fit.len(), validation.len()), (7, 3));
/// assert!((0..10).all(|row| fit.contains(&row) != validation.contains(&row)));
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
pub fn split(rows: usize, fraction: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    stratified_split(&vec![0; rows], fraction, seed)
}

/// Divides the rows 0 to n − 1, which have these labels, at random into (fit, validation), both in
/// ascending order. Of the c rows of each class, `fraction` · c go to validation, rounded to the
/// nearest integer, so that both parts have the classes in the proportions of the whole.
///
/// The split depends on the arguments alone, on every platform, as the order of [`Batches`] does.
///
/// # Errors
/// [`DataError::Argument`] if `fraction` is not in 0..=1.
///
/// ```
/// use tandem_nn::data::stratified_split;
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1];
/// let (fit, validation) = stratified_split(&labels, 0.25, 7)?;
/// assert_eq!((fit.len(), validation.len()), (6, 2));
/// assert_eq!((labels[validation[0]], labels[validation[1]]), (0, 1));
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
pub fn stratified_split(labels: &[usize], fraction: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    if !(0.0..=1.0).contains(&fraction) {
        let (expected, found) = ("0 to 1".into(), fraction.to_string());
        return Err(DataError::Argument { argument: "fraction", expected, found });
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    // No run comes to this epoch, so the split is independent of the batches drawn with the same seed.
    shuffle(&mut order, &mut generator(seed, u64::MAX));
    // The sort is stable: within each class, the rows stay shuffled.
    order.sort_by_key(|&row| labels[row]);
    let (mut fit, mut validation) = (Vec::new(), Vec::new());
    for class in order.chunk_by(|&a, &b| labels[a] == labels[b]) {
        let (aside, rest) = class.split_at((fraction * class.len() as f64).round() as usize);
        validation.extend_from_slice(aside);
        fit.extend_from_slice(rest);
    }
    fit.sort_unstable();
    validation.sort_unstable();
    Ok((fit, validation))
}

/// The generator of epoch k. The first draw from the seed separates seeds that lie close together,
/// where seed + k would make epoch 1 of seed 0 epoch 0 of seed 1.
fn generator(seed: u64, k: u64) -> Xoshiro256PlusPlus {
    let base = Xoshiro256PlusPlus::seed_from_u64(seed).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(base ^ k)
}

/// Fisher and Yates's shuffle: every order of the rows is equally likely.
fn shuffle(rows: &mut [usize], rng: &mut impl Rng) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, below(last as u64 + 1, rng) as usize);
    }
}

/// A number from 0 to n − 1, each equally likely: the upper word of n · x for a random 64-bit x.
/// The 2⁶⁴ values of x do not divide evenly among the n results; to draw again where the lower word is
/// less than 2⁶⁴ mod n leaves as many for each (Lemire 2019).
fn below(n: u64, rng: &mut impl Rng) -> u64 {
    let surplus = n.wrapping_neg() % n;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(n);
        if product as u64 >= surplus {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn order(rows: usize, seed: u64, k: u64) -> Vec<usize> {
        Batches::new(rows, 7, seed, Last::Keep).unwrap().epoch(k).iter().flatten().copied().collect()
    }

    #[test]
    fn an_epochs_order_is_a_permutation_that_seed_and_epoch_alone_decide() {
        let mut batches = Batches::new(100, 7, 3, Last::Keep).unwrap();
        assert_eq!(batches.iter().flatten().copied().collect::<Vec<_>>(), order(100, 3, 0));
        let mut seen = HashSet::new();
        for k in [5, 0, 2, 1, 5, u64::MAX] {
            let rows: Vec<usize> = batches.epoch(k).into_iter().flatten().copied().collect();
            assert_eq!(rows, order(100, 3, k), "epoch {k} depends on the epochs before");
            assert_ne!(rows, order(100, 4, k), "epoch {k} does not depend on the seed");
            seen.insert(rows.clone());
            let mut sorted = rows;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..100));
        }
        assert_eq!(seen.len(), 5, "epochs with the same order");
        assert_ne!(order(100, 0, 1), order(100, 1, 0));
    }

    /// The numbers come from a separate program written after the published algorithms. If they ever
    /// change, earlier runs can no longer be repeated.
    #[test]
    fn the_order_stays_the_same_across_versions() {
        assert_eq!(order(10, 1, 0), [3, 9, 4, 8, 5, 2, 6, 7, 0, 1]);
        assert_eq!(order(10, 1, 1), [5, 9, 0, 8, 2, 4, 1, 6, 7, 3]);
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = [0f64; 24];
        for k in 0..24_000 {
            let rows = order(4, 9, k);
            let rank = |place: usize| rows[place + 1..].iter().filter(|&&row| row < rows[place]).count();
            counts[rank(0) * 6 + rank(1) * 2 + rank(2)] += 1.0;
        }
        // Chi-square with 23 degrees of freedom exceeds 49.7 once in a thousand.
        let chi_square: f64 = counts.iter().map(|count| (count - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 49.7, "{chi_square}: {counts:?}");
    }

    #[test]
    fn the_last_batch_is_kept_or_dropped() {
        for (rows, batch, last, sizes) in [
            (10, 4, Last::Keep, &[4, 4, 2][..]),
            (10, 4, Last::Drop, &[4, 4]),
            (8, 4, Last::Keep, &[4, 4]),
            (8, 4, Last::Drop, &[4, 4]),
            (3, 4, Last::Keep, &[3]),
        ] {
            let batches = Batches::new(rows, batch, 0, last).unwrap();
            assert_eq!(batches.iter().map(<[usize]>::len).collect::<Vec<_>>(), sizes);
            assert_eq!(batches.count(), sizes.len());
        }
        for (rows, batch, last, message) in [
            (10, 0, Last::Keep, "batch: expected at least 1, found 0"),
            (0, 4, Last::Keep, "rows: expected at least 1, found 0"),
            (3, 4, Last::Drop, "batch: expected at most 3, the number of rows, with Last::Drop, found 4"),
        ] {
            assert_eq!(Batches::new(rows, batch, 0, last).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_split_keeps_the_proportions_of_the_classes() {
        let labels: Vec<usize> = (0..200).map(|row| if row % 10 < 7 { 3 } else { 1 }).collect();
        let (fit, validation) = stratified_split(&labels, 0.2, 5).unwrap();
        let threes = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == 3).count();
        assert_eq!((fit.len(), threes(&fit), validation.len(), threes(&validation)), (160, 112, 40, 28));
        assert!(fit.is_sorted() && validation.is_sorted());
        let mut all = [&fit[..], &validation].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..200));
        assert_eq!(stratified_split(&labels, 0.2, 5).unwrap().1, validation);
        assert_ne!(stratified_split(&labels, 0.2, 6).unwrap().1, validation);
        assert!(stratified_split(&labels, 1.0, 5).unwrap().0.is_empty());
        for fraction in [-0.1, 1.1, f64::NAN] {
            let message = stratified_split(&labels, fraction, 5).unwrap_err().to_string();
            assert_eq!(message, format!("fraction: expected 0 to 1, found {fraction}"));
        }
    }

    #[test]
    fn a_plain_split_takes_any_rows_and_every_row_once() {
        for (rows, fraction, aside) in [(200, 0.2, 40), (7, 0.5, 4), (7, 0.0, 0), (7, 1.0, 7), (0, 0.5, 0)] {
            let (fit, validation) = split(rows, fraction, 5).unwrap();
            assert_eq!(validation.len(), aside, "{fraction} of {rows}");
            assert!(fit.is_sorted() && validation.is_sorted());
            let mut all = [&fit[..], &validation].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows));
        }
        let aside = |seed| split(200, 0.2, seed).unwrap().1;
        assert_eq!(aside(5), aside(5));
        assert_ne!(aside(5), aside(6));
        // 40 of 200 rows: about half of them from the first half.
        let early = aside(5).iter().filter(|&&row| row < 100).count();
        assert!((10..=30).contains(&early), "{early}");
        assert_eq!(split(9, 1.5, 0).unwrap_err().to_string(), "fraction: expected 0 to 1, found 1.5");
    }
}
