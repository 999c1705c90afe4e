//! The product: one sum over the indices that two operands share.
//!
//! C\[p, i, j\] = Σₖ A\[p, i, k\] · B\[p, k, j\], where each of p, i, j and k is a bundle of
//! [`Digits`]. Products of matrices, plain, transposed and in batches, are of this form; so are
//! convolution, its gradients and locally connected layers, read from a padded image by strides
//! that overlap.
//!
//! A *task* computes some rows of C in one *panel*, a few columns as wide as a register tile, and
//! no other task touches them. It walks the sum in blocks. The part of B that belongs to a block
//! and the panel is read many times, so it is copied together first unless it lies well; A is read
//! from where it is. In a block the sum of each number is made in a register and then brought into C.
//!
//! The order of additions follows from the lengths alone. How many threads take part, and which
//! task is whose, cannot be seen in a result.

use std::slice;

pub use super::digits::{Digits, MAX_DIGITS};
use super::plan::{COLS, MANY, Plan, ROWS, SUMS, Task};
use super::threads::{for_each_on, threads};
use super::tile::{Block, NARROWEST, WIDEST};
pub use super::tile::{Element, Instructions, with_instructions};

/// With at most so many rows, B is read where it lies if that is possible at all: copying it would
/// take longer than is won.
const FEW_ROWS: usize = 96;

/// Fewer columns than this are copied one by one.
const FEW_COLS: usize = 16;

/// A product: C\[p, i, j\] (+)= Σₖ A\[p, i, k\] · B\[p, k, j\].
#[derive(Clone, Copy, Debug)]
pub struct Contraction {
    /// The index p, with strides in A, B and C.
    pub batch: Digits<3>,
    /// The index i, with strides in A and C.
    pub rows: Digits<2>,
    /// The index j, with strides in B and C.
    pub cols: Digits<2>,
    /// The index k, with strides in A and B.
    pub sums: Digits<2>,
    /// Where all indices are 0: addresses in A, B and C.
    pub base: [usize; 3],
}

/// How many numbers of scratch space [`contract`] uses. It follows from the lengths, the type and
/// [`threads`]; what instructions the processor has does not matter.
pub fn scratch_len<T: Element>(spec: &Contraction) -> usize {
    let team = if spec.is_large() { threads() } else { 1 };
    team * spec.panel_len::<T>()
}

/// Computes a product. With `accumulate` it is added to C, else it replaces what is in C.
///
/// `scratch` holds [`scratch_len`] numbers, which may be anything; with less, fewer threads work.
/// Numbers of C that do not belong to the product are left alone.
///
/// # Panics
/// If an index reaches beyond A, B or C, if the strides of C could put two numbers in one place, or
/// if `scratch` is not even enough for one thread.
pub fn contract<T: Element>(spec: &Contraction, a: &[T], b: &[T], c: &mut [T], accumulate: bool, scratch: &mut [T]) {
    if spec.batch.is_empty() || spec.rows.is_empty() || spec.cols.is_empty() {
        return;
    }
    spec.check([a.len(), b.len(), c.len()]);
    let plan = Plan::new::<T>(spec);
    let each = spec.panel_len::<T>();
    assert!(scratch.len() >= each, "the product needs scratch space for {each} numbers, found {}", scratch.len());
    // A large product has sums, so `each` is not 0.
    let team = if spec.is_large() { threads().min(scratch.len() / each) } else { 1 };
    let product = Product {
        spec,
        plan,
        a: a.as_ptr(),
        b: b.as_ptr(),
        c: c.as_mut_ptr(),
        accumulate,
        scratch: scratch.as_mut_ptr(),
        each,
    };
    for_each_on(team, product.plan.tasks(), |worker, task| product.run(worker, task));
}

impl Contraction {
    /// Whether the product is worth more than one thread.
    pub(super) fn is_large(&self) -> bool {
        let lengths = [self.batch.len(), self.rows.len(), self.cols.len(), self.sums.len()];
        lengths.into_iter().fold(1, usize::saturating_mul) >= MANY
    }

    /// How many numbers a block of B in a panel has at most, whatever the instructions.
    fn panel_len<T: Element>(&self) -> usize {
        let width = self.cols.len().clamp(NARROWEST / size_of::<T>(), WIDEST / size_of::<T>());
        width.next_power_of_two() * self.sums.len().min(SUMS)
    }

    /// Panics unless all addresses lie in slices of these lengths and those of C differ.
    fn check(&self, lens: [usize; 3]) {
        let reads = !self.sums.is_empty();
        if reads {
            self.check_operand(0, [self.rows.span(0), self.sums.span(0)], lens[0]);
            self.check_operand(1, [self.cols.span(0), self.sums.span(1)], lens[1]);
        }
        self.check_operand(2, [self.rows.span(1), self.cols.span(1)], lens[2]);
        assert!(self.is_injective(), "two numbers of a product would share a place");
    }

    /// Panics unless all addresses in one operand are below `len`.
    fn check_operand(&self, operand: usize, spans: [[i128; 2]; 2], len: usize) {
        let [low, high] = spans.iter().fold(self.batch.span(operand), |sum, span| [sum[0] + span[0], sum[1] + span[1]]);
        let base = self.base[operand] as i128;
        assert!(
            base + low >= 0 && base + high < len as i128,
            "the product reaches from {} to {} in operand {operand}, which has {len} numbers",
            base + low,
            base + high,
        );
    }

    /// Whether the strides of C put every number in a place of its own: each stride is longer than
    /// all smaller ones together reach.
    fn is_injective(&self) -> bool {
        let mut strides = [(0, 1); 3 * MAX_DIGITS];
        let batch = self.batch.digits().iter().map(|&(len, strides)| (strides[2].unsigned_abs(), len));
        let matrix = [&self.rows, &self.cols].into_iter().flat_map(Digits::digits);
        let matrix = matrix.map(|&(len, strides)| (strides[1].unsigned_abs(), len));
        for (entry, digit) in strides.iter_mut().zip(batch.chain(matrix)) {
            *entry = digit;
        }
        strides.sort_unstable();
        let mut reach = 0;
        strides.iter().filter(|digit| digit.1 > 1).all(|&(stride, len)| {
            let clear = stride > reach;
            reach = stride.saturating_mul(len - 1).saturating_add(reach);
            clear
        })
    }
}

/// A product under way.
struct Product<'a, T> {
    spec: &'a Contraction,
    plan: Plan,
    a: *const T,
    b: *const T,
    c: *mut T,
    accumulate: bool,
    scratch: *mut T,
    /// How much of the scratch space each worker has.
    each: usize,
}

// SAFETY: A and B are only read. Tasks write to parts of C that do not overlap: they have different
// numbers of C, and `Contraction::check` has made sure that these lie in different places. No two
// tasks use the scratch space of one worker at a time.
unsafe impl<T: Element> Sync for Product<'_, T> {}

impl<T: Element> Product<'_, T> {
    /// Computes the numbers of one task.
    fn run(&self, worker: usize, task: usize) {
        let Task { batch, rows, cols, width } = self.plan.task(task);
        let (mut a_rows, mut c_rows) = ([0; ROWS], [0; ROWS]);
        let (a_rows, c_rows) = (&mut a_rows[..rows.len()], &mut c_rows[..rows.len()]);
        self.spec.rows.addresses(0, rows.start, a_rows);
        self.spec.rows.addresses(1, rows.start, c_rows);
        let (mut b_cols, mut c_cols) = ([0; COLS], [0; COLS]);
        let (b_cols, c_cols) = (&mut b_cols[..cols.len()], &mut c_cols[..cols.len()]);
        self.spec.cols.addresses(0, cols.start, b_cols);
        self.spec.cols.addresses(1, cols.start, c_cols);
        let direct = cols.len() == width && step(c_cols) == Some(1);
        // SAFETY: each worker has `each` numbers of the scratch space for itself.
        let scratch = unsafe { slice::from_raw_parts_mut(self.scratch.add(worker * self.each), self.each) };
        let (mut a_sums, mut b_sums) = ([0; SUMS], [0; SUMS]);
        let mut start = 0;
        loop {
            let depth = self.plan.depth.min(self.plan.sums - start);
            let (a_sums, b_sums) = (&mut a_sums[..depth], &mut b_sums[..depth]);
            self.spec.sums.addresses(0, start, a_sums);
            self.spec.sums.addresses(1, start, b_sums);
            let add = self.accumulate || start > 0;
            for (a, b, c) in batch.clone().map(|p| self.origin(p)) {
                // SAFETY: all steps of the sum and all columns lead from `b` to numbers of B, as
                // `Contraction::check` has made sure.
                let (b, b_step) = unsafe { panel(b, b_sums, b_cols, width, rows.len(), scratch) };
                let block = Block { a, a_rows, a_sums, b, b_step, c, c_rows, c_cols, direct, add };
                // SAFETY: `Contraction::check` has made sure that all addresses lie inside of A and
                // C, and `panel` that there are numbers for all columns of the tile, whose width
                // comes from the list of the instructions.
                unsafe { T::multiply(self.plan.instructions, width, &block) };
            }
            start += depth;
            if start >= self.plan.sums {
                return;
            }
        }
    }

    /// Where A, B and C of one product of the batch begin.
    fn origin(&self, index: usize) -> (*const T, *const T, *mut T) {
        let ([a, b, c], base) = (self.spec.batch.address(index), self.spec.base);
        (
            self.a.wrapping_add(base[0]).wrapping_offset(a),
            self.b.wrapping_add(base[1]).wrapping_offset(b),
            self.c.wrapping_add(base[2]).wrapping_offset(c),
        )
    }
}

/// The distance between the addresses of a table, if it is always the same.
fn step(table: &[isize]) -> Option<isize> {
    let step = table.get(1).map_or(1, |second| second - table[0]);
    table.windows(2).all(|pair| pair[1] - pair[0] == step).then_some(step)
}

/// A panel of B as a tile wants it, with neighbouring columns, and its stride along the sum:
/// where it lies, if it lies well, or else a copy in the scratch space, with zeros for the columns
/// that are missing to the width of the tile.
///
/// # Safety
/// All sums of an address from each table lead from `b` to a number.
unsafe fn panel<T: Element>(
    b: *const T,
    sums: &[isize],
    cols: &[isize],
    width: usize,
    rows: usize,
    scratch: &mut [T],
) -> (*const T, isize) {
    let neighbours = step(cols) == Some(1);
    if neighbours
        && cols.len() == width
        && let Some(stride) = step(sums)
        && (rows <= FEW_ROWS || stride == width as isize)
    {
        return (b.wrapping_offset(cols[0] + sums.first().unwrap_or(&0)), stride);
    }
    assert!(sums.len() * width <= scratch.len(), "a panel fits into the scratch space");
    if cols.len() < width {
        scratch[..sums.len() * width].fill(T::default());
    }
    if neighbours && cols.len() >= FEW_COLS {
        for (line, &sum) in scratch.chunks_exact_mut(width).zip(sums) {
            let from = b.wrapping_offset(sum + cols[0]);
            // SAFETY: the columns are neighbours, and the caller vouches for each of them.
            line[..cols.len()].copy_from_slice(unsafe { slice::from_raw_parts(from, cols.len()) });
        }
    } else {
        // SAFETY: as the caller vouches.
        unsafe { by_columns(b, sums, cols, width, scratch) };
    }
    (scratch.as_ptr(), width as isize)
}

/// Copies a panel column by column: one whose columns are no neighbours, or so few that a call for
/// each line would take longer. If instead the steps of the sum are, a column is
/// read by whole lines of the cache, and the lines written meanwhile stay in the cache as well.
///
/// # Safety
/// As for [`panel`].
unsafe fn by_columns<T: Element>(b: *const T, sums: &[isize], cols: &[isize], width: usize, scratch: &mut [T]) {
    const LINES: usize = 16;
    for (lines, sums) in scratch.chunks_mut(LINES * width).zip(sums.chunks(LINES)) {
        for (j, &col) in cols.iter().enumerate() {
            let from = b.wrapping_offset(col);
            for (line, &sum) in lines.chunks_exact_mut(width).zip(sums) {
                // SAFETY: as the caller vouches.
                line[j] = unsafe { *from.wrapping_offset(sum) };
            }
        }
    }
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
