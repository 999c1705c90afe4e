//! The learning rate as a function of the step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The learning rate as a function of the step, counted from 0.
///
/// | shape | rate at step t | in PyTorch |
/// |---|---|---|
/// | constant | η | |
/// | step | η·γ^⌊t/k⌋ | `StepLR` |
/// | cosine | floor + (η − floor) · (1 + cos(π·t/n)) / 2, from step n on the floor | `CosineAnnealingLR` |
/// | behind a warm-up of m steps | η·(t+1)/(m+1) if t < m, else the shape's at t − m | `LinearLR`, `SequentialLR` |
///
/// The cosine is that of Loshchilov and Hutter (2017), without restarts.
///
/// ```
/// use tandem_nn::{Adam, Optimizer, RateSchedule};
/// let schedule = RateSchedule::cosine(1e-3, 1_000).floor(1e-5).warm_up(100);
/// let mut optimizer = Adam::<f32>::new(schedule.at(0));
/// for step in 0..2_000 {
///     optimizer.set_rate(schedule.at(step));
///     // … optimizer.step(&mut params, &gradients);
/// }
/// assert_eq!((schedule.at(100), schedule.at(1_100), optimizer.rate()), (1e-3, 1e-5, 1e-5));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateSchedule {
    rate: f64,
    course: Course,
    floor: f64,
    warm_up: u64,
}

/// What comes after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Course {
    Constant,
    Step { every: u64, factor: f64 },
    Cosine { steps: u64 },
}

impl RateSchedule {
    fn new(rate: f64, course: Course) -> RateSchedule {
        RateSchedule { rate, course, floor: 0.0, warm_up: 0 }
    }

    /// The same rate at every step.
    ///
    /// ```
    /// let schedule = tandem_nn::RateSchedule::constant(0.1);
    /// assert_eq!([0, 1_000_000].map(|step| schedule.at(step)), [0.1, 0.1]);
    /// ```
    pub fn constant(rate: f64) -> RateSchedule {
        RateSchedule::new(rate, Course::Constant)
    }

    /// From `rate`, times `factor` after every so many steps (0: never).
    ///
    /// ```
    /// let schedule = tandem_nn::RateSchedule::step(1.0, 30, 0.5);
    /// assert_eq!([0, 29, 30, 59, 60].map(|step| schedule.at(step)), [1.0, 1.0, 0.5, 0.5, 0.25]);
    /// ```
    pub fn step(rate: f64, every: u64, factor: f64) -> RateSchedule {
        RateSchedule::new(rate, Course::Step { every, factor })
    }

    /// From `rate` down to the floor in so many steps, along half a wave of the cosine.
    ///
    /// ```
    /// let schedule = tandem_nn::RateSchedule::cosine(1.0, 100);
    /// assert!((schedule.at(50) - 0.5).abs() < 1e-15);
    /// assert_eq!([0, 100, 200].map(|step| schedule.at(step)), [1.0, 0.0, 0.0]);
    /// ```
    pub fn cosine(rate: f64, steps: u64) -> RateSchedule {
        RateSchedule::new(rate, Course::Cosine { steps })
    }

    /// The rate at which a cosine ends, and which steps do not fall below; 0 if it is not set.
    ///
    /// ```
    /// use tandem_nn::RateSchedule;
    /// assert_eq!(RateSchedule::cosine(1.0, 100).floor(0.2).at(100), 0.2);
    /// assert_eq!(RateSchedule::step(1.0, 1, 0.5).floor(0.2).at(3), 0.2);         // not 0.125
    /// ```
    pub fn floor(self, floor: f64) -> RateSchedule {
        RateSchedule { floor, ..self }
    }

    /// Behind a warm-up of so many steps, in which the rate grows by equal amounts to where the rest begins.
    ///
    /// ```
    /// let schedule = tandem_nn::RateSchedule::constant(1.0).warm_up(3);
    /// assert_eq!([0, 1, 2, 3, 4].map(|step| schedule.at(step)), [0.25, 0.5, 0.75, 1.0, 1.0]);
    /// ```
    pub fn warm_up(self, steps: u64) -> RateSchedule {
        RateSchedule { warm_up: steps, ..self }
    }

    /// The rate at a step.
    ///
    /// ```
    /// let schedule = tandem_nn::RateSchedule::step(0.8, 10, 0.1).warm_up(1);     // 0.4, then 10 times 0.8
    /// assert_eq!([0, 1, 10].map(|step| schedule.at(step)), [0.4, 0.8, 0.8]);
    /// assert!((schedule.at(11) - 0.08).abs() < 1e-15);
    /// ```
    pub fn at(&self, step: u64) -> f64 {
        let (rate, floor) = (self.rate, self.floor);
        let Some(step) = step.checked_sub(self.warm_up) else {
            return rate * (step + 1) as f64 / (self.warm_up + 1) as f64;
        };
        match self.course {
            Course::Constant => rate,
            Course::Step { every, factor } => {
                let times = step.checked_div(every).unwrap_or(0);
                (rate * factor.powf(times as f64)).max(floor)
            }
            Course::Cosine { steps } if step < steps => {
                floor + (rate - floor) * (1.0 + (PI * step as f64 / steps as f64).cos()) / 2.0
            }
            Course::Cosine { .. } => floor,
        }
    }
}
