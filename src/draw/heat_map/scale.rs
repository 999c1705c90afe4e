//! A logarithmic scale between round numbers, cut into levels of colour.

/// How many colours there are.
pub const LEVELS: usize = 10;
/// Over how many powers of ten they reach at most. What lies further below has the lowest colour.
const DECADES: i32 = 8;
/// As many labels as a scale has room for.
const LABELS: i32 = 5;

/// From a low end to a high end, both round: 1, 2 or 5 times a power of ten. They are kept as places in the
/// order …, 0.5, 1, 2, 5, 10, …, in which 1 has place 0.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    low: i32,
    high: i32,
    /// Whether there are numbers below the low end.
    pub cut: bool,
}

impl Scale {
    /// The narrowest scale that holds the numbers, all of which are finite and above 0. None if there are none.
    pub fn over(numbers: impl Iterator<Item = f64>) -> Option<Scale> {
        let ends = |(low, high): (f64, f64), x: f64| (low.min(x), high.max(x));
        let (least, most) = numbers.fold((f64::INFINITY, 0.0), ends);
        if most == 0.0 {
            return None;
        }
        let [first, last] = [least, most].map(place);
        let high = last + i32::from(round(last) < most);
        // One colour alone would be no scale.
        let low = first.min(high - 1);
        let lowest = 3 * (high.div_euclid(3) - DECADES);
        Some(Scale { low: low.max(lowest), high, cut: low < lowest })
    }

    /// Where a number stands between the two ends, from 0 to 1.
    pub fn at(&self, x: f64) -> f64 {
        let [low, high] = [self.low, self.high].map(|place| round(place).log10());
        ((x.log10() - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Its colour, from 0 to `LEVELS` − 1.
    pub fn level(&self, x: f64) -> usize {
        ((self.at(x) * LEVELS as f64) as usize).min(LEVELS - 1)
    }

    /// Numbers on the scale to label it with: all the round ones if they are few, else powers of ten.
    pub fn ticks(&self) -> Vec<f64> {
        let [low, high] = [self.low, self.high];
        if high - low < LABELS {
            return (low..=high).map(round).collect();
        }
        let decades = -(-low).div_euclid(3)..=high.div_euclid(3);
        let many = decades.end() - decades.start();
        decades.step_by((many / LABELS + 1) as usize).map(|decade| round(3 * decade)).collect()
    }
}

/// The round number at a place.
fn round(place: i32) -> f64 {
    let digit = [1, 2, 5][place.rem_euclid(3) as usize];
    format!("{digit}e{}", place.div_euclid(3)).parse().expect("a number in scientific notation")
}

/// The place of the largest round number that is not above x, within what numbers can express.
fn place(x: f64) -> i32 {
    let decade = 3 * (x.log10().floor() as i32).clamp(-300, 300);
    // The logarithm may be off by its last bit.
    (decade - 1..decade + 4).rev().find(|&place| round(place) <= x).unwrap_or(decade - 1)
}
