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

pub fn paired(ours: &[f64], theirs: &[f64]) -> Lead {
    let n = ours.len() as f64;
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect();
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
    [mean, (squares / (n - 1.0) / n).sqrt()]
}

pub fn honest_lead(leads: &[Vec<f64>]) -> f64 {
    let mean = |leads: &[f64]| leads.iter().sum::<f64>() / leads.len() as f64;
    let reported = |pick: fn(&[f64]) -> [&[f64]; 2]| {
        let halves = leads.iter().map(|leads| pick(leads));
        let best = halves.max_by(|a, b| mean(a[0]).total_cmp(&mean(b[0])));
        best.map_or(f64::NAN, |best| mean(best[1]))
    };
    let first = reported(|leads| {
        let (one, two) = leads.split_at(leads.len() / 2);
        [one, two]
    });
    let second = reported(|leads| {
        let (one, two) = leads.split_at(leads.len() / 2);
        [two, one]
    });
    f64::midpoint(first, second)
}

pub fn verdict(coupled_over_free: Lead, coupled_over_shared: Lead, shared: Lead) -> Verdict {
    let wins = |[lead, error]: Lead| lead > 2.0 * error && lead >= 0.2;
    if wins(coupled_over_free) && wins(coupled_over_shared) {
        Verdict::Couple
    } else if wins(shared) {
        Verdict::Share
    } else if wins([-shared[0], shared[1]]) {
        Verdict::Separate
    } else {
        Verdict::Open
    }
}

pub fn bytes_saved(sizes: &[usize], shared: &[bool]) -> usize {
    let saved = sizes.iter().zip(shared).filter(|(_, shared)| **shared);
    saved.map(|(size, _)| 16 * size).sum()
}
