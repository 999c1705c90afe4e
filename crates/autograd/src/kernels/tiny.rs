//! Tiny products of matrices, as plain loops: planning such a product would take longer than it does.

use super::tile::Element;

/// A product of at most so many multiplications is tiny.
const TINY: usize = 1 << 11;

/// C\[i, j\] = Σₖ A\[i, k\] · B\[k, j\] for matrices that lie dense and may be read transposed.
///
/// ```
/// use tandem_autograd::kernels::Matrices;
/// let product = Matrices { sides: [2, 1, 2], transposed: [true, false] };
/// let mut c = [0.0; 2];
/// product.multiply(&[1., 2., 3., 4.], &[1., 10.], &mut c);               // Aᵀ · B
/// assert_eq!((c, product.are_tiny()), ([31., 42.], true));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Matrices {
    /// Rows and columns of C, and the length of the sum.
    pub sides: [usize; 3],
    /// Whether A and B are stored transposed.
    pub transposed: [bool; 2],
}

impl Matrices {
    /// Whether loops are the fastest way to compute it, because it has few multiplications.
    ///
    /// ```
    /// use tandem_autograd::kernels::Matrices;
    /// let [tiny, more] = [8, 9].map(|k| Matrices { sides: [16, 16, k], transposed: [false; 2] });
    /// assert_eq!((tiny.are_tiny(), more.are_tiny()), (true, false));         // 2,048 and 2,304
    /// ```
    pub fn are_tiny(&self) -> bool {
        self.sides.into_iter().fold(1, usize::saturating_mul) <= TINY
    }

    /// Computes the product; the example is at [`Matrices`].
    ///
    /// # Panics
    /// If the slices are shorter than the matrices.
    pub fn multiply<T: Element>(&self, a: &[T], b: &[T], c: &mut [T]) {
        let [m, n, k] = self.sides;
        let (row, step) = if self.transposed[0] { (1, m) } else { (k, 1) };
        for i in 0..m {
            let c = &mut c[i * n..][..n];
            if !self.transposed[1] {
                c.fill(T::default());
                for l in 0..k {
                    let x = a[i * row + l * step];
                    for (c, &y) in c.iter_mut().zip(&b[l * n..][..n]) {
                        *c += x * y;
                    }
                }
            } else if self.transposed[0] {
                for (j, c) in c.iter_mut().enumerate() {
                    *c = T::default();
                    for (l, &y) in b[j * k..][..k].iter().enumerate() {
                        *c += a[i + l * m] * y;
                    }
                }
            } else {
                let a = &a[i * k..][..k];
                for (j, c) in c.iter_mut().enumerate() {
                    *c = dot(a, &b[j * k..][..k]);
                }
            }
        }
    }
}

/// Σ x · y, in eight sums that do not wait for each other.
fn dot<T: Element>(x: &[T], y: &[T]) -> T {
    let (mut sums, mut sum) = ([T::default(); 8], T::default());
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    for (x, y) in x.iter().zip(y) {
        for (sum, (&x, &y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    for (&x, &y) in x_rest.iter().zip(y_rest) {
        sum += x * y;
    }
    for x in sums {
        sum += x;
    }
    sum
}
