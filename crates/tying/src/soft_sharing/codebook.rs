//! From close to equal: every weight becomes the mean of its group.

use std::fmt;

use tandem_autograd::{Float, ParamId, Params};

use super::SoftSharing;
use super::mixture::Term;

/// The values that are left after [`SoftSharing::consolidate`], and what that saves and costs.
///
/// The store still holds a whole tensor for each parameter. The bytes are what a file with a table of
/// the values would take.
///
/// ```
/// # use tandem_autograd::{Params, Tensor};
/// # use tandem_tying::{CodebookEntry, SoftSharing};
/// # let mut params = Params::<f32>::new();
/// params.add("w", Tensor::new([4], vec![-1.0, 0.25, 0.75, 1.0]));
/// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 1.0)?;
/// let codebook = sharing.consolidate(&mut params, |_| 0.0);
/// assert_eq!(codebook.entries[1], CodebookEntry { component: 1, value: 0.5, weights: 3 });
/// assert_eq!((codebook.distinct, codebook.bits_per_weight), (2, 1));
/// assert_eq!((codebook.bytes_before, codebook.bytes_after), (4 * 4, 2 * 4 + 1));     // 4 bits fill a byte
/// # Ok::<(), tandem_tying::SoftSharingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    /// The components that got weights, in the order of the mixture.
    pub entries: Vec<CodebookEntry>,
    /// How many different values are left: fewer than entries if two means are the same number.
    pub distinct: usize,
    /// ⌈log₂ distinct⌉: what tells the values apart.
    pub bits_per_weight: u32,
    /// Bytes of the chosen weights; those that share a slot count once.
    pub bytes_before: usize,
    /// Bytes of a table of the distinct values and of the bits of all weights, rounded up to whole bytes
    /// for each tensor.
    pub bytes_after: usize,
    /// The loss with the weights as they were.
    pub loss_before: f64,
    /// The loss with the means in their place.
    pub loss_after: f64,
}

/// A value, and how many weights have it.
///
/// ```
/// # use tandem_tying::{Codebook, CodebookEntry};
/// let codebook = Codebook {
///     entries: vec![CodebookEntry { component: 3, value: -0.5, weights: 12 }],
///     distinct: 1,
///     bits_per_weight: 0,
///     bytes_before: 48,
///     bytes_after: 4,
///     loss_before: 1.0,
///     loss_after: 1.5,
/// };
/// assert_eq!(codebook.to_string().lines().nth(1), Some("        3   -5.0000e-1         12"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodebookEntry {
    /// The place of the component in the mixture.
    pub component: usize,
    /// Its mean: the value.
    pub value: f64,
    /// How many weights became this value.
    pub weights: usize,
}

/// One line a value, then the sums.
impl fmt::Display for Codebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9}  {:>11}  {:>9}", "component", "value", "weights")?;
        for CodebookEntry { component, value, weights } in &self.entries {
            writeln!(f, "{component:>9}  {value:>11.4e}  {weights:>9}")?;
        }
        writeln!(f, "distinct values: {}, bits a weight: {}", self.distinct, self.bits_per_weight)?;
        writeln!(f, "bytes: {}, in a file with a table {}", self.bytes_before, self.bytes_after)?;
        write!(f, "loss: {:?}, after {:?}", self.loss_before, self.loss_after)
    }
}

impl SoftSharing {
    /// Sets every chosen weight, frozen or not, to the mean of the component that is most responsible
    /// for it (the first one of several); one that is not finite stays, and is counted nowhere. Components that get no weight drop out of the report. The
    /// mixture stays as it is, and so does the memory that the store takes: see [`Codebook`].
    ///
    /// `loss` is asked twice, before and after.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::SoftSharing;
    /// # let mut params = Params::<f64>::new();
    /// let w = params.add("w", Tensor::new([4], vec![-1.0, 0.25, 0.75, 1.0]));
    /// let sharing = SoftSharing::new(&mut params, "groups", |name| name == "w", 2, 0.5, 1.0)?;
    /// let sum = |params: &Params<f64>| params.get(w).data().iter().sum();
    /// let codebook = sharing.consolidate(&mut params, sum);
    /// assert_eq!(params.get(w).data(), [-0.5, 0.5, 0.5, 0.5]);
    /// assert_eq!((codebook.loss_before, codebook.loss_after), (1.0, 1.0));
    /// # Ok::<(), tandem_tying::SoftSharingError>(())
    /// ```
    ///
    /// # Panics
    /// If this is of another store.
    #[track_caller]
    pub fn consolidate<T: Float>(&self, params: &mut Params<T>, mut loss: impl FnMut(&Params<T>) -> f64) -> Codebook {
        self.belongs(params);
        let loss_before = loss(params);
        let terms: Vec<Term> = self.terms(params).collect();
        let means = params.get(self.means).clone();
        let unique: Vec<ParamId> = self.unique(params).collect();
        let mut counts = vec![0; terms.len()];
        for &id in &unique {
            params.update(params.slot(id), |weights| {
                for w in weights {
                    if let Some(j) = most_responsible(&terms, w.to_f64()) {
                        counts[j] += 1;
                        *w = means.data()[j];
                    }
                }
            });
        }
        let entries: Vec<CodebookEntry> = (counts.into_iter().enumerate().filter(|(_, weights)| *weights > 0))
            .map(|(component, weights)| CodebookEntry { component, value: terms[component].component.mean, weights })
            .collect();
        let mut values: Vec<f64> = entries.iter().map(|entry| entry.value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let distinct = values.len();
        let bits_per_weight = distinct.next_power_of_two().trailing_zeros();
        let lengths = || unique.iter().map(|&id| params.get(id).len());
        Codebook {
            entries,
            distinct,
            bits_per_weight,
            bytes_before: lengths().sum::<usize>() * size_of::<T>(),
            bytes_after: distinct * size_of::<T>()
                + lengths().map(|len| (len * bits_per_weight as usize).div_ceil(8)).sum::<usize>(),
            loss_before,
            loss_after: loss(params),
        }
    }
}

/// The first component of the largest density at w; none for what is no finite number.
fn most_responsible(terms: &[Term], w: f64) -> Option<usize> {
    if !w.is_finite() {
        return None;
    }
    let densities = terms.iter().map(|term| term.log_density(w)).enumerate();
    densities.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(j, _)| j)
}
