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
    pub fn constant(rate: f64) -> RateSchedule {
        RateSchedule::new(rate, Course::Constant)
    }

    /// From `rate`, times `factor` after every so many steps (0: never).
    pub fn step(rate: f64, every: u64, factor: f64) -> RateSchedule {
        RateSchedule::new(rate, Course::Step { every, factor })
    }

    /// From `rate` down to the floor in so many steps, along half a wave of the cosine.
    pub fn cosine(rate: f64, steps: u64) -> RateSchedule {
        RateSchedule::new(rate, Course::Cosine { steps })
    }

    /// The rate at which a cosine ends, and which steps do not fall below; 0 if it is not set.
    pub fn floor(self, floor: f64) -> RateSchedule {
        RateSchedule { floor, ..self }
    }

    /// Behind a warm-up of so many steps, in which the rate grows by equal amounts to where the rest begins.
    pub fn warm_up(self, steps: u64) -> RateSchedule {
        RateSchedule { warm_up: steps, ..self }
    }

    /// The rate at a step.
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
