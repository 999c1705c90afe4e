//! Loops that move numbers without changing them.

use crate::shape::{MAX_RANK, Shape};

/// Copies `len` places along `axis`, from place `from` of x to place `to` of out. The shapes agree
/// in the other axes.
///
/// ```
/// use tandem_autograd::{Shape, kernels::layout::copy_slab};
/// let mut out = [0; 6];
/// // Column 1 of a 2×2 matrix becomes column 2 of a 2×3 matrix.
/// copy_slab(&mut out, Shape::from([2, 3]), 2, &[1, 2, 3, 4], Shape::from([2, 2]), 1, 1, 1);
/// assert_eq!(out, [0, 0, 2, 0, 0, 4]);
/// ```
///
/// # Panics
/// If the places do not lie within the axis.
#[expect(clippy::too_many_arguments, reason = "two tensors and a place in each")]
pub fn copy_slab<T: Copy>(
    out: &mut [T],
    out_shape: Shape,
    to: usize,
    x: &[T],
    x_shape: Shape,
    from: usize,
    axis: usize,
    len: usize,
) {
    let inner: usize = x_shape.dims()[axis + 1..].iter().map(|&d| d as usize).product();
    let (out_row, x_row) = (out_shape[axis] as usize * inner, x_shape[axis] as usize * inner);
    if len * inner == 0 {
        return;
    }
    for (out, x) in out.chunks_exact_mut(out_row).zip(x.chunks_exact(x_row)) {
        out[to * inner..(to + len) * inner].copy_from_slice(&x[from * inner..(from + len) * inner]);
    }
}

/// Calls `visit` for every place along the first `outer` axes of a shape, in row-major order, with the
/// offsets that these strides give it in N tensors.
///
/// ```
/// use tandem_autograd::{Shape, kernels::layout::walk};
/// let (matrix, mut seen) = (Shape::from([2, 3]), Vec::new());
/// let (rows, transposed) = (matrix.strides_in(&matrix), [1, 2, 0, 0, 0, 0]);
/// walk(matrix, 2, [rows, transposed], |[at, other]| seen.push((at, other)));
/// assert_eq!(seen, [(0, 0), (1, 2), (2, 4), (3, 1), (4, 3), (5, 5)]);
/// ```
#[inline]
pub fn walk<const N: usize>(
    shape: Shape,
    outer: usize,
    strides: [[usize; MAX_RANK]; N],
    mut visit: impl FnMut([usize; N]),
) {
    let dims = &shape.dims()[..outer];
    if dims.contains(&0) {
        return;
    }
    let (mut digits, mut at) = ([0; MAX_RANK], [0; N]);
    loop {
        visit(at);
        let mut axis = outer;
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            digits[axis] += 1;
            at.iter_mut().zip(&strides).for_each(|(at, stride)| *at += stride[axis]);
            if digits[axis] < dims[axis] {
                break;
            }
            at.iter_mut().zip(&strides).for_each(|(at, stride)| *at -= stride[axis] * digits[axis] as usize);
            digits[axis] = 0;
        }
    }
}

/// out = x with its axes in another order: axis i of out is axis `order[i]` of x.
///
/// ```
/// use tandem_autograd::{Shape, kernels::layout::permute_into};
/// let mut out = [0; 6];
/// permute_into(&mut out, Shape::from([3, 2]), &[1, 2, 3, 4, 5, 6], Shape::from([2, 3]), &[1, 0]);
/// assert_eq!(out, [1, 4, 2, 5, 3, 6]);
/// ```
pub fn permute_into<T: Copy>(out: &mut [T], out_shape: Shape, x: &[T], x_shape: Shape, order: &[u8]) {
    let dense = x_shape.strides_in(&x_shape);
    let mut strides = [0; MAX_RANK];
    for (stride, &from) in strides.iter_mut().zip(order) {
        *stride = dense[from as usize];
    }
    let mut out = out.iter_mut();
    walk(out_shape, out_shape.rank(), [strides], |[at]| {
        if let Some(out) = out.next() {
            *out = x[at];
        }
    });
}
