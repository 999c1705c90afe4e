//! Chapter 11: two models.

use tandem::autograd::Params;
use tandem::tying::{Pairing, Strength};

/// The pairs `first.rest` and `second.rest` among these names, in the order of the first ones; or, if any name under
/// one of the prefixes has no partner, the names without one, in their order.
///
/// A prefix is made of whole segments: `a` is a prefix of `a.weight`, not of `ab.weight`. Names under neither prefix
/// are nobody's business.
pub fn pair_up(names: &[&str], first: &str, second: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    todo!("ch11::pair_up")
}

/// The objective of the hybrid, for two classes with p(x, c|θ) = ½N(x; θ_c, 1):
///
/// Σ −ln p(c|x, θ) over the labelled points + Σ −ln p(x|θ̃) over all points + ‖θ − θ̃‖²/2σ²
///
/// without the priors of θ and θ̃, and without −ln(½/√2π) in p(x|θ̃), which is the same for all parameters: of a point,
/// −ln(e^(−(x − θ̃₀)²/2) + e^(−(x − θ̃₁)²/2)) is left. All points are those with a label and those without.
pub fn joint_objective(
    theta: [f64; 2],
    tilde: [f64; 2],
    labelled: &[(f64, usize)],
    unlabelled: &[f64],
    sigma: f64,
) -> f64 {
    todo!("ch11::joint_objective")
}

/// The strength for a place α between the ends: λ = 1/(2σ²) with σ = (α/(1 − α))².
///
/// At α = 0 the two are one, at α = 1 they do not know of each other. Neither end is a division.
pub fn strength(alpha: f64) -> Strength {
    todo!("ch11::strength")
}

/// For each pair, ‖wA − wB‖ / max(‖wA‖, ‖wB‖), and 0 if both are 0.
///
/// Wrong on purpose: it divides by the size of the first one, and a model that starts from zero is infinitely far
/// away from it.
pub fn relative_distances(params: &Params<f64>, pairing: &Pairing) -> Vec<f64> {
    let norm = |numbers: &[f64]| numbers.iter().map(|w| w * w).sum::<f64>().sqrt();
    let relative = pairing.pairs().iter().map(|pair| {
        let [a, b] = [pair.first, pair.second].map(|part| params.get(part.id).data());
        let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        norm(&d) / norm(a)
    });
    relative.collect()
}
