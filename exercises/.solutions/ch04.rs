//! Chapter 4: from numbers to tensors.

pub fn broadcast_shape(x: &[usize], y: &[usize]) -> Option<Vec<usize>> {
    let rank = x.len().max(y.len());
    let aligned = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing { 1 } else { shape[axis - missing] }
    };
    let meet = |axis| match (aligned(x, axis), aligned(y, axis)) {
        (a, b) if a == b => Some(a),
        (1, b) => Some(b),
        (a, 1) => Some(a),
        _ => None,
    };
    (0..rank).map(meet).collect()
}

pub fn sum_to(x: &[f64], from: &[usize], to: &[usize]) -> Vec<f64> {
    let missing = from.len() - to.len();
    let mut sums = vec![0.0; to.iter().product()];
    for (mut place, &x) in x.iter().enumerate() {
        // The digits of the place, from the last axis to the first.
        let (mut at, mut step) = (0, 1);
        for axis in (0..from.len()).rev() {
            let digit = place % from[axis];
            place /= from[axis];
            if axis >= missing && to[axis - missing] > 1 {
                at += digit * step;
                step *= to[axis - missing];
            }
        }
        sums[at] += x;
    }
    sums
}

pub fn product_gradients(x: &[f64], y: &[f64], g: &[f64], [m, k, n]: [usize; 3]) -> (Vec<f64>, Vec<f64>) {
    let (mut of_x, mut of_y) = (vec![0.0; m * k], vec![0.0; k * n]);
    for i in 0..m {
        for l in 0..k {
            for j in 0..n {
                of_x[i * k + l] += g[i * n + j] * y[l * n + j];
                of_y[l * n + j] += g[i * n + j] * x[i * k + l];
            }
        }
    }
    (of_x, of_y)
}

pub fn conv1d(x: &[f64], kernel: &[f64], stride: usize) -> Vec<f64> {
    let positions = (x.len() - kernel.len()) / stride + 1;
    (0..positions).map(|p| kernel.iter().zip(&x[p * stride..]).map(|(k, x)| k * x).sum()).collect()
}

pub fn conv_transpose(g: &[f64], kernel: &[f64], stride: usize, len: usize) -> Vec<f64> {
    let mut x = vec![0.0; len];
    for (p, g) in g.iter().enumerate() {
        for (i, k) in kernel.iter().enumerate() {
            x[p * stride + i] += g * k;
        }
    }
    x
}

pub fn gather_adjoint(g: &[f64], index: &[usize], len: usize) -> Vec<f64> {
    let mut x = vec![0.0; len];
    for (&g, &at) in g.iter().zip(index) {
        x[at] += g;
    }
    x
}
