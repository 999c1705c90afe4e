//! Panels: a few columns of B, as the register tile wants to read them.
//!
//! The tile reads the numbers of one step of the sum side by side. Where B lies like that it is read
//! in place, or copied together if it is far apart and read often. Where instead the steps of the sum
//! lie side by side, as in A · Bᵀ, the copy is a transposition, made of small squares in registers.

use std::ops::Range;
use std::slice;

use super::instructions::Instructions;
use super::tile::Element;

/// A panel that is used at most so often is read where it lies if that is possible at all: copying
/// it would take longer than is won.
const FEW_USES: usize = 96;

/// Fewer columns than this are copied one by one.
const FEW_COLS: usize = 16;

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
    /// in the scratch space, with zeros for the columns that are missing to the width of the tile.
    ///
    /// # Safety
    /// All sums of an address from each table lead from `b` to a number. The processor has the
    /// instructions.
    pub(super) unsafe fn place<T: Element>(
        &self,
        instructions: Instructions,
        b: *const T,
        scratch: &mut [T],
    ) -> (*const T, isize) {
        let (sums, cols, width) = (self.sums, self.cols, self.width);
        let neighbours = self.col_step == Some(1);
        if neighbours
            && cols.len() == width
            && let Some(stride) = self.sum_step
            && (self.uses <= FEW_USES || stride == width as isize)
        {
            return (b.wrapping_offset(cols[0] + sums.first().unwrap_or(&0)), stride);
        }
        let scratch = &mut scratch[..sums.len() * width];
        if cols.len() < width {
            scratch.fill(T::default());
        }
        if neighbours && cols.len() >= FEW_COLS {
            for (line, &sum) in scratch.chunks_exact_mut(width).zip(sums) {
                let from = b.wrapping_offset(sum + cols[0]);
                // SAFETY: the columns are neighbours, and the caller vouches for each of them.
                line[..cols.len()].copy_from_slice(unsafe { slice::from_raw_parts(from, cols.len()) });
            }
        } else if self.sum_step == Some(1) && instructions != Instructions::Portable {
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
