//! Chapter 11: two models.

use tandem::autograd::Params;
use tandem::tying::{Pairing, Strength};

pub fn pair_up(names: &[&str], first: &str, second: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    let under = |name: &str, prefix: &str| name.strip_prefix(prefix)?.strip_prefix('.').map(String::from);
    let partner = |name: &str| match (under(name, first), under(name, second)) {
        (Some(rest), _) => Some(format!("{second}.{rest}")),
        (_, Some(rest)) => Some(format!("{first}.{rest}")),
        _ => None,
    };
    let alone = |name: &&&str| partner(name).is_some_and(|partner| !names.contains(&partner.as_str()));
    let missing: Vec<String> = names.iter().filter(alone).map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let pair = |name: &&str| under(name, first).map(|rest| (name.to_string(), format!("{second}.{rest}")));
    Ok(names.iter().filter_map(pair).collect())
}

pub fn joint_objective(
    theta: [f64; 2],
    tilde: [f64; 2],
    labelled: &[(f64, usize)],
    unlabelled: &[f64],
    sigma: f64,
) -> f64 {
    let density = |x: f64, mean: f64| (-0.5 * (x - mean).powi(2)).exp();
    let sum = |x: f64, means: [f64; 2]| density(x, means[0]) + density(x, means[1]);
    let discriminative = labelled.iter().map(|&(x, class)| -(density(x, theta[class]) / sum(x, theta)).ln());
    let all = labelled.iter().map(|&(x, _)| x).chain(unlabelled.iter().copied());
    let generative = all.map(|x| -sum(x, tilde).ln());
    let apart = (theta[0] - tilde[0]).powi(2) + (theta[1] - tilde[1]).powi(2);
    discriminative.sum::<f64>() + generative.sum::<f64>() + apart / (2.0 * sigma * sigma)
}

pub fn strength(alpha: f64) -> Strength {
    match alpha {
        0.0 => Strength::Shared,
        1.0 => Strength::Free,
        _ => Strength::Coupled(0.5 * ((1.0 - alpha) / alpha).powi(4)),
    }
}

pub fn relative_distances(params: &Params<f64>, pairing: &Pairing) -> Vec<f64> {
    let norm = |numbers: &[f64]| numbers.iter().map(|w| w * w).sum::<f64>().sqrt();
    let relative = pairing.pairs().iter().map(|pair| {
        let [a, b] = [pair.first, pair.second].map(|part| params.get(part.id).data());
        let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let size = norm(a).max(norm(b));
        if size == 0.0 { 0.0 } else { norm(&d) / size }
    });
    relative.collect()
}
