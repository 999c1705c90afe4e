//! Chapter 8: convolution is sharing.

pub fn convolve(image: &[Vec<f64>], kernel: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [h, w] = size(image);
    let [kh, kw] = size(kernel);
    let mut z = vec![vec![0.0; w - kw + 1]; h - kh + 1];
    each(size(&z), [kh, kw], |y, x, i, j| z[y][x] += image[y + i][x + j] * kernel[i][j]);
    z
}

pub fn kernel_gradient(image: &[Vec<f64>], cotangent: &[Vec<f64>], [kh, kw]: [usize; 2]) -> Vec<Vec<f64>> {
    let mut gradient = vec![vec![0.0; kw]; kh];
    each(size(cotangent), [kh, kw], |y, x, i, j| gradient[i][j] += cotangent[y][x] * image[y + i][x + j]);
    gradient
}

pub fn transposed(cotangent: &[Vec<f64>], kernel: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [rows, columns] = size(cotangent);
    let [kh, kw] = size(kernel);
    let mut image = vec![vec![0.0; columns + kw - 1]; rows + kh - 1];
    each([rows, columns], [kh, kw], |y, x, i, j| image[y + i][x + j] += cotangent[y][x] * kernel[i][j]);
    image
}

/// Every product in a convolution: a position of the kernel, and a place in the kernel. The three functions above are one
/// loop, and differ in which of its three numbers they add to.
fn each([rows, columns]: [usize; 2], [kh, kw]: [usize; 2], mut visit: impl FnMut(usize, usize, usize, usize)) {
    for y in 0..rows {
        for x in 0..columns {
            for i in 0..kh {
                (0..kw).for_each(|j| visit(y, x, i, j));
            }
        }
    }
}

fn size(rows: &[Vec<f64>]) -> [usize; 2] {
    [rows.len(), rows[0].len()]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Dense,
    Unshared,
    Tiled([usize; 2]),
    Shared,
}

pub fn counts(sharing: Sharing, [h, w]: [usize; 2], [kh, kw]: [usize; 2], maps: usize) -> [usize; 2] {
    let positions = (h - kh + 1) * (w - kw + 1);
    let kernel = kh * kw * maps;
    let parameters = match sharing {
        Sharing::Dense => return [h * w * positions * maps; 2],
        Sharing::Unshared => positions * kernel,
        Sharing::Tiled([th, tw]) => th * tw * kernel,
        Sharing::Shared => kernel,
    };
    [parameters, positions * kernel]
}

pub fn tiled(row: &[f64], kernels: &[Vec<f64>]) -> Vec<f64> {
    let width = kernels[0].len();
    let positions = row.len() - width + 1;
    let z = |y: usize| {
        let kernel = &kernels[y % kernels.len()];
        row[y..y + width].iter().zip(kernel).map(|(x, k)| x * k).sum()
    };
    (0..positions).map(z).collect()
}
