//! Principal components, by which linear autoencoders can be judged.

/// The variances along the principal components of rows of so many numbers, from the largest: what the best linear
/// code of k numbers leaves of the mean squared distance is the sum from the kth on (Pearson 1901; Baldi and Hornik
/// 1989).
///
/// # Panics
/// If there are no rows.
#[track_caller]
pub fn principal(rows: &[f32], size: usize) -> Vec<f64> {
    assert!(rows.len() >= size && rows.len().is_multiple_of(size), "rows of {size} numbers, found {}", rows.len());
    let count = (rows.len() / size) as f64;
    let row = |i: usize| &rows[i * size..][..size];
    let mut mean = vec![0.0; size];
    for i in 0..rows.len() / size {
        mean.iter_mut().zip(row(i)).for_each(|(mean, &x)| *mean += f64::from(x) / count);
    }
    let mut covariance = vec![0.0; size * size];
    for i in 0..rows.len() / size {
        let x: Vec<f64> = row(i).iter().zip(&mean).map(|(&x, mean)| f64::from(x) - mean).collect();
        for (out, a) in covariance.chunks_mut(size).zip(&x) {
            out.iter_mut().zip(&x).for_each(|(out, b)| *out += a * b / count);
        }
    }
    eigenvalues(covariance, size)
}

/// The eigenvalues of a symmetric matrix, from the largest: rotations zero one number after another off the diagonal
/// (Jacobi 1846), sweep by sweep until nothing of weight is left there.
pub fn eigenvalues(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    let trace: f64 = (0..n).map(|i| a[i * n + i].abs()).sum();
    for _ in 0..SWEEPS {
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q].abs() > trace * f64::EPSILON {
                    rotate(&mut a, n, [p, q]);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
    values.sort_by(|x, y| y.total_cmp(x));
    values
}

/// More than matrices of a few hundred rows need; a sweep over a diagonal matrix costs next to nothing.
const SWEEPS: usize = 20;

/// Turns the plane of two axes so that the number that joins them becomes 0.
fn rotate(a: &mut [f64], n: usize, [p, q]: [usize; 2]) {
    let slope = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
    let t = slope.signum() / (slope.abs() + (slope * slope + 1.0).sqrt());
    let cos = 1.0 / (t * t + 1.0).sqrt();
    let sin = t * cos;
    let mut turn = |i: usize, j: usize| {
        let (x, y) = (a[i], a[j]);
        (a[i], a[j]) = (cos * x - sin * y, sin * x + cos * y);
    };
    (0..n).for_each(|k| turn(k * n + p, k * n + q));
    (0..n).for_each(|k| turn(p * n + k, q * n + k));
}
