//! Loops that move numbers without changing them.

use crate::shape::{MAX_RANK, Shape};

/// Copies `len` places along `axis`, from place `from` of x to place `to` of out. The shapes agree
/// in the other axes.
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
