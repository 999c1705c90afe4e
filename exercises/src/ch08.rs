//! Chapter 8: convolution is sharing.
//!
//! An image is a list of rows. There is one channel, the stride is 1, nothing is padded: a kernel of kh × kw fits into an
//! image of h × w at (h − kh + 1) × (w − kw + 1) positions.

/// The convolution of an image with a kernel, by its definition:
/// z\[y\]\[x\] = Σ over i, j of image\[y + i\]\[x + j\] · kernel\[i\]\[j\].
pub fn convolve(image: &[Vec<f64>], kernel: &[Vec<f64>]) -> Vec<Vec<f64>> {
    todo!("ch08::convolve")
}

/// The gradient of the kernel, of `size` = \[kh, kw\], from the cotangent of each place of the result: the sum over the
/// positions at which the kernel was applied.
pub fn kernel_gradient(image: &[Vec<f64>], cotangent: &[Vec<f64>], size: [usize; 2]) -> Vec<Vec<f64>> {
    todo!("ch08::kernel_gradient")
}

/// The gradient of the image, from the cotangent of each place of the result: transposed convolution. It is larger than
/// the cotangent, by kh − 1 rows and kw − 1 columns.
pub fn transposed(cotangent: &[Vec<f64>], kernel: &[Vec<f64>]) -> Vec<Vec<f64>> {
    todo!("ch08::transposed")
}

/// How the entries of a layer's matrix are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Every number of the image is joined with every number of the result, by a parameter of its own.
    Dense,
    /// A kernel for each position.
    Unshared,
    /// So many rows and columns of kernels that take turns.
    Tiled([usize; 2]),
    /// One kernel for all positions.
    Shared,
}

/// Parameters and connections (the parameters there would be if nothing were shared) of a layer that takes one image of
/// `image` = \[h, w\] to `maps` results, with kernels of `kernel` = \[kh, kw\] and no bias.
pub fn counts(sharing: Sharing, image: [usize; 2], kernel: [usize; 2], maps: usize) -> [usize; 2] {
    todo!("ch08::counts")
}

/// The tiled convolution of a row of pixels, one z for each position: so many kernels of the same length take turns, the
/// first at position 0, the second at position 1, and so on, and then the first again.
///
/// Wrong on purpose. Mend it.
pub fn tiled(row: &[f64], kernels: &[Vec<f64>]) -> Vec<f64> {
    let width = kernels[0].len();
    let positions = row.len() - width + 1;
    let z = |y: usize| {
        let kernel = &kernels[y * kernels.len() / positions];
        row[y..y + width].iter().zip(kernel).map(|(x, k)| x * k).sum()
    };
    (0..positions).map(z).collect()
}
