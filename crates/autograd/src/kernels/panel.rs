//! Panels: a few columns of B, as the register tile wants to read them.
//!
//! The tile reads the numbers of one step of the sum side by side. Where B lies like that it is read
//! in place, or copied together if it is far apart and read often. Where instead the steps of the sum
//! lie side by side, as in A · Bᵀ, the copy is a transposition, made of small squares in registers.

use std::ops::Range;

use super::instructions::Instructions;
use super::lane::{Lane, LaneLoop};
use super::tile::Element;

/// A panel that is used at most so often is read where it lies if that is possible at all: copying
/// it would take longer than is won.
const FEW_USES: usize = 96;

/// One panel of B over one stretch of the sum.
pub(super) struct Panel<'a> {
    /// The addresses of the steps of the sum, and the distance between them if there is one.
    pub(super) sums: &'a [isize],
    pub(super) sum_step: Option<isize>,
    /// The same of the columns.
    pub(super) cols: &'a [isize],
    pub(super) col_step: Option<isize>,
    /// The width of the tile: at least as many as there are columns.
    pub(super) width: usize,
    /// How many rows of A it is multiplied with.
    pub(super) uses: usize,
}

impl Panel<'_> {
    /// Where the panel lies with neighbouring columns, and its stride along the sum: in B itself, or
    /// in the scratch space. Columns that are missing to the width of the tile have zeros there, or
    /// whatever else follows in B: what is made of them goes nowhere.
    ///
    /// # Safety
    /// All sums of an address from each table lead from `b` to a number, and so does every address
    /// between them and `b_end`. The processor has the instructions.
    pub(super) unsafe fn place<T: Element>(
        &self,
        instructions: Instructions,
        b: *const T,
        b_end: *const T,
        scratch: &mut [T],
    ) -> (*const T, isize) {
        let (sums, cols, width) = (self.sums, self.cols, self.width);
        let neighbours = self.col_step == Some(1);
        if neighbours
            && let Some(stride) = self.sum_step
            && (self.uses <= FEW_USES || stride == width as isize)
            && let (Some(&first), Some(&last)) = (sums.first(), sums.last())
            && (cols.len() == width || b.wrapping_offset(cols[0] + first.max(last)).wrapping_add(width) <= b_end)
        {
            return (b.wrapping_offset(cols[0] + first), stride);
        }
        let scratch = &mut scratch[..sums.len() * width];
        if neighbours {
            // SAFETY: as the caller vouches; the columns are neighbours.
            unsafe { T::run(instructions, Lines { panel: self, b, to: scratch }) };
            return (scratch.as_ptr(), width as isize);
        }
        if cols.len() < width {
            scratch.fill(T::default());
        }
        if self.sum_step == Some(1) && instructions != Instructions::Portable {
            // SAFETY: as the caller vouches.
            unsafe { self.transpose(b, scratch) };
        } else {
            // SAFETY: as the caller vouches.
            unsafe { self.by_columns(b, 0..sums.len(), 0..cols.len(), scratch) };
        }
        (scratch.as_ptr(), width as isize)
    }

    /// Copies some steps of the sum of some columns, one number at a time. If the steps of the sum are
    /// neighbours, a column is read by whole lines of the cache, and the lines written meanwhile stay
    /// in the cache as well.
    ///
    /// # Safety
    /// As for [`place`](Self::place).
    unsafe fn by_columns<T: Element>(&self, b: *const T, sums: Range<usize>, cols: Range<usize>, scratch: &mut [T]) {
        const LINES: usize = 16;
        let lines = &mut scratch[sums.start * self.width..];
        for (lines, sums) in lines.chunks_mut(LINES * self.width).zip(self.sums[sums].chunks(LINES)) {
            for j in cols.clone() {
                let from = b.wrapping_offset(self.cols[j]);
                for (line, &sum) in lines.chunks_exact_mut(self.width).zip(sums) {
                    // SAFETY: as the caller vouches.
                    line[j] = unsafe { *from.wrapping_offset(sum) };
                }
            }
        }
    }

    /// Copies a panel in which the steps of the sum are neighbours: whole squares first, then what is
    /// left of the columns and below them.
    ///
    /// # Safety
    /// As for [`place`](Self::place); the processor has AVX.
    unsafe fn transpose<T: Element>(&self, b: *const T, scratch: &mut [T]) {
        let (sums, cols, side) = (self.sums.len(), self.cols.len(), T::SQUARE);
        let (whole_sums, whole_cols) = (sums / side * side, cols / side * side);
        if whole_sums > 0 {
            let first = b.wrapping_offset(self.sums[0]);
            for j in (0..whole_cols).step_by(side) {
                let to = scratch[j..].as_mut_ptr();
                // SAFETY: as the caller vouches; the scratch space has a line for each step of the sum.
                unsafe { T::transpose(first, &self.cols[j..j + side], whole_sums, to, self.width) };
            }
        }
        // SAFETY: as the caller vouches.
        unsafe {
            self.by_columns(b, 0..sums, whole_cols..cols, scratch);
            self.by_columns(b, whole_sums..sums, 0..whole_cols, scratch);
        }
    }
}

/// Copies a panel whose columns are neighbours, line by line, with zeros to the width of the tile.
struct Lines<'a, T> {
    panel: &'a Panel<'a>,
    b: *const T,
    to: &'a mut [T],
}

impl<T: Element> LaneLoop<T> for Lines<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lane<Number = T>>(self) {
        let Panel { sums, cols, width, .. } = *self.panel;
        for (line, &sum) in self.to.chunks_exact_mut(width).zip(sums) {
            let from = self.b.wrapping_offset(sum + cols[0]);
            for (j, to) in line.chunks_mut(L::LEN).enumerate() {
                let (from, count) = (from.wrapping_add(j * L::LEN), cols.len().saturating_sub(j * L::LEN));
                // SAFETY: the caller vouches for all columns, of which `count` are left here.
                unsafe {
                    if count >= L::LEN && to.len() == L::LEN {
                        L::load(from).store(to.as_mut_ptr());
                    } else {
                        L::load_first(from, count.min(to.len())).store_first(to.as_mut_ptr(), to.len());
                    }
                }
            }
        }
    }
}
