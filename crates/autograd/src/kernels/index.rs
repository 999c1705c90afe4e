//! Loops that pick numbers by index, and add them back.

use super::layout::walk;
use crate::float::Float;
use crate::shape::Shape;

/// Where the numbers lie that an index picks along one axis.
///
/// ```
/// use tandem_autograd::{Shape, kernels::index::Picks};
/// let [from, picked, index] = [[3, 2], [2, 2], [2, 1]].map(Shape::from);
/// let picks = Picks { from, picked, index, axis: 0 };
/// let mut runs = Vec::new();
/// picks.each(&[2.0, 0.0], |to, from, run| runs.push((to, from, run)));      // rows 2 and 0, of two numbers each
/// assert_eq!(runs, [(0, 4, 2), (2, 0, 2)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Picks {
    /// The shape of what is picked from.
    pub from: Shape,
    /// The shape of what is picked.
    pub picked: Shape,
    /// The shape of the index: as `picked`, or 1 along axes other than `axis`, where it is repeated.
    pub index: Shape,
    /// The axis along which the index picks.
    pub axis: usize,
}

impl Picks {
    /// Calls `visit(offset in what is picked, offset in what it is picked from, run)` for every run of
    /// numbers that lie side by side in both.
    ///
    /// # Panics
    /// If an index is not a whole number within the axis.
    pub fn each<T: Float>(&self, index: &[T], mut visit: impl FnMut(usize, usize, usize)) {
        let Picks { from, picked, axis, .. } = *self;
        let width = from[axis] as usize;
        // Behind the last axis along which the index moves, whole stretches are picked.
        let moves = |&i: &usize| i == axis || self.index[i] > 1;
        let outer = (0..picked.rank()).rev().find(moves).map_or(0, |last| last + 1);
        let run: usize = picked.dims()[outer..].iter().map(|&len| len as usize).product();
        let mut strides = from.strides_in(&from);
        let stride: usize = from.dims()[axis + 1..].iter().map(|&len| len as usize).product();
        strides[axis] = 0;
        let mut at = 0;
        walk(picked, outer, [strides, self.index.strides_in(&picked)], |[start, k]| {
            visit(at, start + place(index[k], width) * stride, run);
            at += run;
        });
    }
}

/// Whether k is a whole number in 0..width.
///
/// ```
/// use tandem_autograd::kernels::index::is_place;
/// assert_eq!([0.0, 2.0, 3.0, 0.5, -1.0, f64::NAN].map(|k| is_place(k, 3)), [true, true, false, false, false, false]);
/// ```
pub fn is_place<T: Float>(k: T, width: usize) -> bool {
    let k = k.to_f64();
    k >= 0.0 && k < width as f64 && k.fract() == 0.0
}

fn place<T: Float>(k: T, width: usize) -> usize {
    assert!(is_place(k, width), "index {k} is not in 0..{width}, the range of the axis");
    k.to_f64() as usize
}

/// out\[row\] = the place of the first largest of the row's `width` numbers. A NaN is the largest.
///
/// ```
/// use tandem_autograd::kernels::index::first_largest_into;
/// let mut out = [0.0; 2];
/// first_largest_into(&mut out, &[1.0, 7.0, 7.0, 3.0, f64::NAN, 9.0], 3);
/// assert_eq!(out, [1.0, 1.0]);
/// ```
///
/// # Panics
/// If `width` is 0.
pub fn first_largest_into<T: Float>(out: &mut [T], x: &[T], width: usize) {
    for (out, row) in out.iter_mut().zip(x.chunks_exact(width)) {
        let mut best = 0;
        for (i, &x) in row.iter().enumerate() {
            if x > row[best] || (x.is_nan() && !row[best].is_nan()) {
                best = i;
            }
        }
        *out = T::from_f64(best as f64);
    }
}
