//! The prior: weights drawn to the means of a mixture that is learned with them, or fitted to weights that stay.

use tandem::autograd::{Params, Tape};
use tandem::nn::data::Images;
use tandem::nn::{Adam, Optimizer};
use tandem::tying::{Codebook, Mixture, SoftSharing, SoftSharingError};

use crate::network::{Course, MIXTURE, Net, is_weight, slots};
use crate::{FIT_RATE, FLOOR, Fallible, RAMP, Setting, WATCHED};

/// Weights at one moment of the training, and the mixture if there is one.
pub struct Moment {
    pub title: String,
    pub weights: Vec<f32>,
    pub mixture: Option<Mixture>,
}

/// Adds a mixture that starts at the weights as they are.
fn share(net: &mut Net, components: usize) -> Result<SoftSharing, SoftSharingError> {
    SoftSharing::new(&mut net.params, MIXTURE, is_weight, components, FLOOR, 1.0)
}

/// Trains under the prior, whose strength rises from 0; `moments` are put down on the way.
pub fn train(
    net: &mut Net,
    setting: &Setting,
    rows: &Images,
    course: Course,
    seed: u64,
    mut moments: Option<&mut Vec<Moment>>,
) -> Fallible<SoftSharing> {
    let mut sharing = share(net, setting.components)?;
    let steps = course.steps(rows.len());
    let watched = WATCHED.map(|part| (part * steps as f64) as u64);
    net.train(rows, course, seed, |step, params, gradients| {
        let share = ((step + 1) as f64 / (RAMP * steps as f64)).min(1.0);
        sharing.set_strength(setting.strength * share).expect("a part of a strength");
        sharing.add_gradients(params, gradients);
        if let Some(moments) = moments.as_deref_mut().filter(|_| watched.contains(&step)) {
            let title = if step == 0 {
                "trained plainly; first mixture".into()
            } else {
                format!("prior: step {step} of {steps}")
            };
            moments.push(Moment::now(title, params, Some(&sharing)));
        }
    })?;
    if let Some(moments) = moments {
        moments.push(Moment::now(format!("prior: step {steps} of {steps}"), &net.params, Some(&sharing)));
    }
    Ok(sharing)
}

/// The network with the means of a mixture in place of its weights: one that is fitted to them as they are.
pub fn fitted(net: &Net, components: usize, steps: u64) -> Result<Net, SoftSharingError> {
    let mut net = net.clone();
    let sharing = share(&mut net, components)?;
    net.set_trainable(|name| !name.starts_with(MIXTURE), false);
    let mut optimizer = Adam::new(FIT_RATE);
    for _ in 0..steps {
        let mut gradients = Tape::new(&net.params).constant(0.0).backward();
        sharing.add_gradients(&net.params, &mut gradients);
        optimizer.step(&mut net.params, &gradients);
    }
    net.set_trainable(|name| !name.starts_with(MIXTURE), true);
    consolidate(&mut net, &sharing);
    Ok(net)
}

/// Every weight becomes the mean of its group. Means that came to lie within half of the least width are one group:
/// components that moved to one place share its weights, and differ by rounding only.
pub fn consolidate(net: &mut Net, sharing: &SoftSharing) -> Codebook {
    let components = sharing.mixture(&net.params).components;
    let mut order: Vec<usize> = (0..components.len()).collect();
    order.sort_by(|&j, &k| components[j].mean.total_cmp(&components[k].mean));
    let mut means = vec![0.0; components.len()];
    for group in order.chunk_by(|&j, &k| components[k].mean - components[j].mean < FLOOR / 2.0) {
        let share: f64 = group.iter().map(|&j| components[j].share).sum();
        let mean = group.iter().map(|&j| components[j].share * components[j].mean).sum::<f64>() / share;
        for &j in group {
            means[j] = mean as f32;
        }
    }
    if let Some(id) = net.params.find(&format!("{MIXTURE}.means")) {
        net.params.update(net.params.slot(id), |numbers| numbers.copy_from_slice(&means));
    }
    let codebook = sharing.consolidate(&mut net.params, |_| 0.0);
    net.set_trainable(|name| name.starts_with(MIXTURE), false);
    codebook
}

impl Moment {
    /// The weights as they are, and the mixture.
    pub fn now(title: impl Into<String>, params: &Params, sharing: Option<&SoftSharing>) -> Moment {
        let of = |slot| params.value(slot).data();
        let weights = slots(params).flat_map(of).copied().collect();
        Moment { title: title.into(), weights, mixture: sharing.map(|sharing| sharing.mixture(params)) }
    }
}
