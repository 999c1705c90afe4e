//! How much data a lead is worth.

use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tandem::nn::Generator;

use crate::support::format::count;
use crate::support::stats::mean;

/// Draws of seeds, with replacement, from which the interval is read.
const RESAMPLES: usize = 2000;
/// The interval leaves so many of them on each side.
const TAIL: f64 = 0.05;

/// How many images one network needs to be as good as another with a given number.
#[derive(Clone, Copy, Serialize)]
pub struct Worth {
    /// By the means over all seeds. Infinite where all the images do not do; 0 where the fewest do.
    pub images: f64,
    /// The ends of the interval that has 90 % of the resamples.
    pub interval: [f64; 2],
}

/// For each number of images, what they are worth with the `better` network, in images of the `other` one. Accuracies
/// are by number of images and by seed; both networks have seen the same draws.
///
/// The other's accuracy is interpolated between the numbers of images, linearly in their logarithm; of several places
/// where it is high enough, the first counts. The interval is that of the bootstrap over seeds (Efron 1979).
pub fn worth(images: &[usize], better: &[&[f64]], other: &[&[f64]]) -> Vec<Worth> {
    let seeds = better[0].len();
    let of = |seeds: &[usize]| -> Vec<f64> {
        let mean = |values: &&[f64]| mean(&seeds.iter().map(|&seed| values[seed]).collect::<Vec<_>>());
        let curve: Vec<f64> = other.iter().map(mean).collect();
        better.iter().map(|values| first_place(images, &curve, mean(values))).collect()
    };
    let all = of(&(0..seeds).collect::<Vec<_>>());
    let mut rng = Generator::seed_from_u64(0);
    let resamples: Vec<Vec<f64>> =
        (0..RESAMPLES).map(|_| of(&(0..seeds).map(|_| rng.random_range(0..seeds)).collect::<Vec<_>>())).collect();
    let interval = |place: usize| {
        let mut values: Vec<f64> = resamples.iter().map(|worths| worths[place]).collect();
        values.sort_by(f64::total_cmp);
        [TAIL, 1.0 - TAIL].map(|share| values[(share * (RESAMPLES - 1) as f64).round() as usize])
    };
    all.iter().enumerate().map(|(place, &images)| Worth { images, interval: interval(place) }).collect()
}

/// The smallest number of images at which the curve is as high as this.
fn first_place(images: &[usize], curve: &[f64], height: f64) -> f64 {
    match curve.iter().position(|&value| value >= height) {
        None => f64::INFINITY,
        Some(0) if curve[0] > height => 0.0,
        Some(0) => images[0] as f64,
        Some(place) => {
            let [from, to] = [place - 1, place].map(|place| (images[place] as f64).ln());
            let share = (height - curve[place - 1]) / (curve[place] - curve[place - 1]);
            (from + share * (to - from)).exp()
        }
    }
}

impl Worth {
    /// "110 (103 to 117)"; what lies beyond the numbers of images that were tried, as "> 1,000 (874 to > 1,000)".
    pub fn words(&self, images: &[usize]) -> String {
        let [low, high] = self.interval.map(|end| number(end, images));
        if low == high && low == self.number(images) {
            low
        } else {
            format!("{} ({low} to {high})", self.number(images))
        }
    }

    /// The number alone: "110", "< 50" or "> 1,000".
    pub fn number(&self, images: &[usize]) -> String {
        number(self.images, images)
    }
}

fn number(worth: f64, images: &[usize]) -> String {
    let [first, last] = [images[0], images[images.len() - 1]];
    match worth {
        0.0 => format!("< {}", count(first)),
        _ if worth.is_infinite() => format!("> {}", count(last)),
        _ => count(worth.round() as usize),
    }
}
