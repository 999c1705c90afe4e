//! Chapter 12.

use super::{expect, expect_all_close, expect_close};
use crate::ch12::{Verdict, bytes_saved, honest_lead, paired, verdict};

#[test]
fn paired_forgets_what_the_seeds_have_in_common() {
    let received = paired(&[64.0, 72.0, 69.0, 77.0], &[62.0, 71.0, 66.0, 75.0]);
    let why =
        "The differences are 2, 1, 3, 2: their mean is 2, the sum of squares around it 2, and √(2/3/4) is the error.";
    let expected = [2.0, (1.0_f64 / 6.0).sqrt()];
    expect_all_close("ch12::paired", "(64, 72, 69, 77) and (62, 71, 66, 75)", &received, &expected, why);
}

#[test]
fn paired_has_no_error_where_the_lead_is_the_same_on_every_seed() {
    let received = paired(&[11.0, 51.0, 91.0], &[10.0, 50.0, 90.0]);
    let why = "Seeds differ by 40 points, and the lead is 1 on each of them.";
    expect_all_close("ch12::paired", "(11, 51, 91) and (10, 50, 90)", &received, &[1.0, 0.0], why);
}

#[test]
fn honest_lead_reports_on_the_other_half() {
    let leads = [vec![4.0, 2.0, -1.0, 0.0], vec![0.0, -1.0, 2.0, 3.0]];
    let why = "The first half picks the first λ, which has −½ on the second; the second picks the other, with −½ on the first.";
    expect_close("ch12::honest_lead", format!("{leads:?}"), honest_lead(&leads), -0.5, why);
}

#[test]
fn honest_lead_halves_need_not_pick_one_strength() {
    let leads = [vec![3.0, 3.0, 1.0, 1.0], vec![1.0, 1.0, 2.0, 2.0], vec![0.0, 0.0, 0.0, 0.0]];
    let why = "1 of the first λ on the second half, 1 of the second λ on the first half.";
    expect_close("ch12::honest_lead", format!("{leads:?}"), honest_lead(&leads), 1.0, why);
}

#[test]
fn verdict_reads_the_map() {
    for (figures, expected, why) in [
        (
            [[26.6, 1.4], [-0.1, 0.1], [26.8, 1.4]],
            Verdict::Share,
            "Coupling is behind sharing, and sharing leads over free by 26.8 ± 1.4.",
        ),
        (
            [[1.9, 0.4], [1.2, 0.5], [0.7, 0.7]],
            Verdict::Couple,
            "1.9 is more than 2 · 0.4, and 1.2 more than 2 · 0.5: coupling beats both ends.",
        ),
        (
            [[-0.7, 0.3], [5.3, 0.5], [-6.0, 0.7]],
            Verdict::Separate,
            "Coupling is behind free, and sharing is behind free by 6.0 ± 0.7.",
        ),
        (
            [[0.0, 0.4], [-0.2, 0.4], [0.2, 0.6]],
            Verdict::Open,
            "Not one of the three differs from zero by two standard errors.",
        ),
    ] {
        let [over_free, over_shared, shared] = figures;
        let input = format!("coupled − free, coupled − shared, shared − free: {figures:?}");
        expect("ch12::verdict", input, verdict(over_free, over_shared, shared), expected, why);
    }
}

#[test]
fn verdict_wants_more_than_two_errors_and_a_fifth_of_a_point() {
    let received = verdict([0.1, 0.01], [3.0, 0.1], [-2.9, 0.1]);
    let why = "0.1 ± 0.01 is sure and too little to matter: free beats shared, and coupling beats free by a trifle.";
    expect("ch12::verdict", "0.1 ± 0.01, 3 ± 0.1, −2.9 ± 0.1", received, Verdict::Separate, why);
    let received = verdict([5.0, 3.0], [5.0, 3.0], [0.0, 0.1]);
    let why = "5 ± 3 is much, and may well be chance.";
    expect("ch12::verdict", "5 ± 3, 5 ± 3, 0 ± 0.1", received, Verdict::Open, why);
}

#[test]
fn bytes_saved_counts_one_copy_of_each_shared_pair() {
    let received = bytes_saved(&[8000, 1000, 1000], &[true, false, true]);
    let why = "4 bytes each of value, gradient and two moments, of one of the two copies of 9,000 numbers.";
    expect("ch12::bytes_saved", "8000, 1000, 1000; the first and the last", received, 144_000, why);
}
