//! Chapter 4: from numbers to tensors.

/// The shape that both broadcast to, or `None`: shapes are aligned at their ends, and an axis that is missing, or of
/// length 1, is repeated.
pub fn broadcast_shape(x: &[usize], y: &[usize]) -> Option<Vec<usize>> {
    todo!("ch04::broadcast_shape")
}

/// The numbers of x, of shape `from`, summed to the shape `to`, which broadcasts to `from`.
///
/// Each number of x is added to the one place of the result from which broadcasting would have read it.
pub fn sum_to(x: &[f64], from: &[usize], to: &[usize]) -> Vec<f64> {
    todo!("ch04::sum_to")
}

/// Of z = x · y, with x of shape [m, k] and y of shape [k, n], the gradients of x and y for the cotangent g of z.
///
/// By loops over numbers, without transposing anything.
pub fn product_gradients(x: &[f64], y: &[f64], g: &[f64], [m, k, n]: [usize; 3]) -> (Vec<f64>, Vec<f64>) {
    todo!("ch04::product_gradients")
}

/// A convolution in one dimension: z_p = Σ_i x_{p·stride + i} · kernel_i, for each position p at which the kernel fits.
pub fn conv1d(x: &[f64], kernel: &[f64], stride: usize) -> Vec<f64> {
    let positions = (x.len() - kernel.len()) / stride + 1;
    (0..positions).map(|p| kernel.iter().zip(&x[p * stride..]).map(|(k, x)| k * x).sum()).collect()
}

/// The adjoint of [`conv1d`] for inputs of `len` numbers: the gradient of x, given that of z.
///
/// In the libraries this is called a transposed convolution. Its own rule is `conv1d`.
pub fn conv_transpose(g: &[f64], kernel: &[f64], stride: usize, len: usize) -> Vec<f64> {
    todo!("ch04::conv_transpose")
}

/// The adjoint of reading z_k = x_{index_k} from x of `len` numbers: the gradient of x, given that of z.
///
/// This one is wrong on purpose. It is right for most indices.
pub fn gather_adjoint(g: &[f64], index: &[usize], len: usize) -> Vec<f64> {
    let mut x = vec![0.0; len];
    for (&g, &at) in g.iter().zip(index) {
        x[at] = g;
    }
    x
}
