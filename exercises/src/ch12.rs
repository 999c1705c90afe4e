//! Chapter 12: when to share, to couple, to separate.

/// Which of the three is to be done, if the figures say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Share,
    Couple,
    Separate,
    /// No choice beats the others by enough.
    Open,
}

/// A difference in points, and its standard error.
pub type Lead = [f64; 2];

/// The mean of the differences `ours[i] − theirs[i]` and its standard error, √(Σ(dᵢ − d̄)² / (n − 1) / n).
///
/// Wrong on purpose: it takes the error of each mean by itself, as if the two had run on different seeds.
pub fn paired(ours: &[f64], theirs: &[f64]) -> Lead {
    let n = ours.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let squared_error = |values: &[f64]| {
        let mean = mean(values);
        values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n
    };
    [mean(ours) - mean(theirs), (squared_error(ours) + squared_error(theirs)).sqrt()]
}

/// The mean lead of the best λ, honestly: `leads[k][i]` is the lead of the k-th λ on seed i, and there is an even
/// number of seeds. The λ that is best on the first half of the seeds is reported on the second half, and the other way
/// round; returned is the mean of all these reports.
///
/// Wrong on purpose: it picks the best λ on all seeds and reports it on the same.
pub fn honest_lead(leads: &[Vec<f64>]) -> f64 {
    let mean = |leads: &Vec<f64>| leads.iter().sum::<f64>() / leads.len() as f64;
    leads.iter().map(mean).fold(f64::NEG_INFINITY, f64::max)
}

/// The verdict of the map: coupling wins if it leads over both ends, by more than two standard errors and by at least
/// 0.2 points over each. Otherwise an end wins that so leads over the other end; `shared` is the lead of sharing over
/// free, which is negative where free is better. Otherwise it is open.
pub fn verdict(coupled_over_free: Lead, coupled_over_shared: Lead, shared: Lead) -> Verdict {
    todo!("ch12::verdict")
}

/// The bytes that sharing gives back in training, in f32 with Adam: `sizes` are those of the pairs, in numbers, and
/// `shared` says which of them are shared.
///
/// A number takes its value, its gradient and two moments. A pair that is shared stores one copy in place of two.
pub fn bytes_saved(sizes: &[usize], shared: &[bool]) -> usize {
    todo!("ch12::bytes_saved")
}
