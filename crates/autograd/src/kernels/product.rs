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

use super::digits::Table;
pub use super::digits::{Digits, MAX_DIGITS};
pub use super::instructions::{Instructions, with_instructions};
use super::instructions::{NARROWEST, WIDEST};
use super::panel::Panel;
use super::plan::{COLS, MANY, Plan, ROWS, SUMS, Task};
use super::threads::{for_each_with, threads};
use super::tile::Block;
pub use super::tile::Element;

/// A product: C\[p, i, j\] (+)= Σₖ A\[p, i, k\] · B\[p, k, j\]. A number of A lies at base + p + i + k, each by its
/// strides in A, counted in numbers; so do those of B and C.
///
/// ```
/// use tandem_autograd::kernels::{Contraction, Digits, contract, scratch_len};
/// // The 2×3 matrix A times the vector B.
/// let product = Contraction {
///     batch: Digits::new(&[]),
///     rows: Digits::new(&[(2, [3, 1])]),
///     cols: Digits::new(&[]),
///     sums: Digits::new(&[(3, [1, 1])]),
///     base: [0; 3],
/// };
/// let (a, b, mut c) = ([1., 2., 3., 4., 5., 6.], [1., 10., 100.], [0.0_f32; 2]);
/// let mut scratch = vec![0.0; scratch_len::<f32>(&product)];
/// contract(&product, &a, &b, &mut c, false, &mut scratch);
/// assert_eq!(c, [321., 654.]);
/// contract(&product, &a, &b, &mut c, true, &mut scratch);              // once more, added
/// assert_eq!(c, [642., 1308.]);
/// ```
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
///
/// The example is at [`Contraction`].
pub fn scratch_len<T: Element>(spec: &Contraction) -> usize {
    let team = if spec.is_large() { threads() } else { 1 };
    team * spec.panel_len::<T>()
}

/// Computes a product; the example is at [`Contraction`]. With `accumulate` it is added to C, else it replaces
/// what is in C.
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
    let space = if spec.is_large() { scratch } else { &mut scratch[..each] };
    let product = Product {
        spec,
        plan,
        a: a.as_ptr(),
        b: b.as_ptr(),
        b_end: b.as_ptr_range().end,
        c: c.as_mut_ptr(),
        accumulate,
    };
    for_each_with(space, each, product.plan.tasks(), |task, scratch| product.run(task, scratch));
}

impl Contraction {
    /// How many multiplications it takes.
    pub(super) fn multiplications(&self) -> usize {
        let lengths = [self.batch.len(), self.rows.len(), self.cols.len(), self.sums.len()];
        lengths.into_iter().fold(1, usize::saturating_mul)
    }

    /// Whether the product is worth more than one thread.
    pub(super) fn is_large(&self) -> bool {
        self.multiplications() >= MANY
    }

    /// How many numbers a block of B in a panel has at most, whatever the instructions.
    pub(super) fn panel_len<T: Element>(&self) -> usize {
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
        let (mut strides, mut count) = ([(0, 1); 3 * MAX_DIGITS], 0);
        let batch = self.batch.digits().iter().map(|&(len, strides)| (strides[2].unsigned_abs(), len));
        let matrix = [&self.rows, &self.cols].into_iter().flat_map(Digits::digits);
        let matrix = matrix.map(|&(len, strides)| (strides[1].unsigned_abs(), len));
        for digit in batch.chain(matrix).filter(|digit| digit.1 > 1) {
            strides[count] = digit;
            count += 1;
        }
        let strides = &mut strides[..count];
        strides.sort_unstable();
        let mut reach = 0;
        strides.iter().all(|&(stride, len)| {
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
    /// Behind the last number of B.
    b_end: *const T,
    c: *mut T,
    accumulate: bool,
}

// SAFETY: A and B are only read. Tasks write to parts of C that do not overlap: they have different
// numbers of C, and `Contraction::check` has made sure that these lie in different places.
unsafe impl<T: Element> Sync for Product<'_, T> {}

impl<T: Element> Product<'_, T> {
    /// Computes the numbers of one task.
    fn run(&self, task: usize, scratch: &mut [T]) {
        let Task { batch, rows, cols, width } = self.plan.task(task);
        let spec = self.spec;
        let (mut a_rows, mut c_rows) = (Table::<ROWS>::new(), Table::<ROWS>::new());
        let a_rows = a_rows.fill(&spec.rows, 0, rows.clone());
        let c_rows = c_rows.fill(&spec.rows, 1, rows.clone());
        let (mut b_cols, mut c_cols) = (Table::<COLS>::new(), Table::<COLS>::new());
        let b_cols = b_cols.fill(&spec.cols, 0, cols.clone());
        let c_cols = c_cols.fill(&spec.cols, 1, cols.clone());
        let neighbours = spec.cols.step(1) == Some(1);
        let (mut a_sums, mut b_sums) = (Table::<SUMS>::new(), Table::<SUMS>::new());
        let mut start = 0;
        loop {
            let sums = start..self.plan.sums.min(start + self.plan.depth);
            let a_sums = a_sums.fill(&spec.sums, 0, sums.clone());
            let panel = Panel {
                sums: b_sums.fill(&spec.sums, 1, sums.clone()),
                sum_step: spec.sums.step(1),
                cols: b_cols,
                col_step: spec.cols.step(0),
                width,
                uses: rows.len(),
            };
            let add = self.accumulate || start > 0;
            for (a, b, c) in batch.clone().map(|p| self.origin(p)) {
                // SAFETY: all steps of the sum and all columns lead from `b` to numbers of B, as
                // `Contraction::check` has made sure, and from there on B goes to its end.
                let (b, b_step) = unsafe { panel.place(self.plan.instructions, b, self.b_end, scratch) };
                let block = Block { a, a_rows, a_sums, b, b_step, c, c_rows, c_cols, neighbours, add };
                // SAFETY: `Contraction::check` has made sure that all addresses lie inside of A and
                // C, and `Panel` that there are numbers for all columns of the tile, whose width
                // comes from the list of the instructions.
                unsafe { T::multiply(self.plan.instructions, width, &block) };
            }
            start = sums.end;
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

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
