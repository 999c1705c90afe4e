mod gaussians;
#[path = "../support/mod.rs"]
mod support;
use gaussians::*;
type Failure = Box<dyn std::error::Error + Send + Sync>;
use support::minimize::Effort;
fn main() {
    tandem::autograd::kernels::set_threads(1);
    let s = [Setting { mean: [0.8, 0.6], deviation: [1.0, 0.6], labels: 2 }, Setting { mean: [1.0, 0.5], deviation: [1.0, 0.6], labels: 4 }];
    let tol: f64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let inv: f64 = std::env::args().nth(3).unwrap().parse().unwrap();
    let effort = Effort { tolerance: tol, steps: 3000, rate: 1.0 / inv };
    for s in &s {
        println!("{s:?} best {}", best(s));
        for alpha in [0.0, 0.4, 0.5, 1.0] {
            let t = std::time::Instant::now();
            let fits: Vec<_> = (0..n).map(|seed| hybrid(s, alpha, seed, effort).unwrap()).collect();
            let a: Vec<f64> = fits.iter().map(|f| 100.0 * f.accuracy).collect();
            let st: Vec<f64> = fits.iter().map(|f| f.steps as f64).collect();
            let e = support::stats::Estimate::with_deviation(&a);
            println!("{alpha:.2} {e:.2} se {:.2} steps {:.0} max {:.0} dist {:.4} {:?}/fit", support::stats::standard_error(&a).unwrap(), support::stats::mean(&st), st.iter().copied().fold(0.0, f64::max), fits.iter().map(|f|f.distance).sum::<f64>()/n as f64, t.elapsed() / n as u32);
        }
    }
}
