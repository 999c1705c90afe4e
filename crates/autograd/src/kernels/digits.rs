//! Indices made of digits, and the addresses they stand for.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::wide::wide;

/// How many digits an index may have: image, row and column of a position are three, and one is left.
pub const MAX_DIGITS: usize = 4;

/// An index that is a number of up to four digits, the slowest first. Every digit has a length and
/// a stride in each of N operands: the index with digits d₀, d₁, … lies at Σ dᵢ · strideᵢ.
///
/// One digit is a plain axis. Several describe what no single stride can, such as the positions of
/// a kernel over the inside of a padded image. Strides may overlap, be 0 or be negative.
///
/// ```
/// use tandem_autograd::kernels::Digits;
/// // The four positions of a 2×2 kernel in an image five numbers wide: 0, 1, 5, 6.
/// let positions = Digits::new(&[(2, [5]), (2, [1])]);
/// assert_eq!(positions.len(), 4);
/// assert!(Digits::new(&[(2, [5]), (0, [1])]).is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Digits<const N: usize> {
    digits: [(usize, [isize; N]); MAX_DIGITS],
    count: usize,
}

impl<const N: usize> Digits<N> {
    /// From length and strides of each digit, the slowest first. No digits make an index of length
    /// 1, which lies at 0.
    ///
    /// Digits that are steps of one longer digit are joined, and those of length 1 left out.
    ///
    /// ```
    /// use tandem_autograd::kernels::Digits;
    /// // Five digits, but without gaps: one of 48 places.
    /// let dense = [(2, [24]), (2, [12]), (3, [4]), (2, [2]), (2, [1])];
    /// assert_eq!(Digits::new(&dense).len(), 48);
    /// let gaps = dense.map(|(len, [stride])| (len, [stride * stride]));
    /// assert!(std::panic::catch_unwind(|| Digits::new(&gaps)).is_err());
    /// ```
    ///
    /// # Panics
    /// If more than four digits are left.
    pub fn new(digits: &[(usize, [isize; N])]) -> Self {
        let mut joined = Self { digits: [(1, [0; N]); MAX_DIGITS], count: 1 };
        for &(len, strides) in digits.iter().filter(|digit| digit.0 != 1) {
            let (outer, outer_strides) = &mut joined.digits[joined.count - 1];
            let continues = *outer_strides == strides.map(|stride| stride.wrapping_mul(len as isize));
            if *outer == 1 || continues {
                (*outer, *outer_strides) = (*outer * len, strides);
            } else {
                assert!(joined.count < MAX_DIGITS, "an index has at most {MAX_DIGITS} digits");
                joined.digits[joined.count] = (len, strides);
                joined.count += 1;
            }
        }
        joined
    }

    /// How many indices there are.
    pub fn len(&self) -> usize {
        self.digits().iter().map(|digit| digit.0).product()
    }

    /// Whether there is no index.
    pub fn is_empty(&self) -> bool {
        self.digits().iter().any(|digit| digit.0 == 0)
    }

    /// Length and strides of each digit.
    pub(super) fn digits(&self) -> &[(usize, [isize; N])] {
        &self.digits[..self.count]
    }

    /// The lowest and the highest address of any index in one operand. There has to be an index.
    pub(super) fn span(&self, operand: usize) -> [i128; 2] {
        let mut span = [0; 2];
        for &(len, strides) in self.digits() {
            let reach = (len as i128 - 1) * strides[operand] as i128;
            span[usize::from(reach > 0)] += reach;
        }
        span
    }

    /// The distance from each index to the next in one operand, if it is always the same.
    pub(super) fn step(&self, operand: usize) -> Option<isize> {
        let digits = self.digits();
        let continues = |pair: &[(usize, [isize; N])]| pair[0].1[operand] == pair[1].1[operand] * pair[1].0 as isize;
        digits.windows(2).all(continues).then(|| digits[digits.len() - 1].1[operand])
    }

    /// The address of one index in each operand.
    pub(super) fn address(&self, index: usize) -> [isize; N] {
        let (mut rest, mut address) = (index, [0; N]);
        for &(len, strides) in self.digits().iter().rev() {
            for (address, stride) in address.iter_mut().zip(strides) {
                *address += (rest % len) as isize * stride;
            }
            rest /= len;
        }
        address
    }
}

wide! {
    /// Writes the addresses of the indices from `start` on in one operand, to the end of the table.
    fn write_addresses[const N: usize](
        digits: &[(usize, [isize; N])],
        operand: usize,
        start: usize,
        table: &mut [MaybeUninit<isize>],
    ) {
        if table.is_empty() {
            return;
        }
        let last = digits.len() - 1;
        let (mut at, mut rest, mut address) = ([0; MAX_DIGITS], start, 0);
        for (i, &(len, strides)) in digits.iter().enumerate().rev() {
            (rest, at[i]) = (rest / len, rest % len);
            address += at[i] as isize * strides[operand];
        }
        let (len, stride) = (digits[last].0, digits[last].1[operand]);
        let mut table = table;
        loop {
            // As far as the last digit goes, addresses follow each other at its stride.
            let run = (len - at[last]).min(table.len());
            let (now, later) = table.split_at_mut(run);
            for (i, entry) in now.iter_mut().enumerate() {
                entry.write(address + i as isize * stride);
            }
            if later.is_empty() {
                return;
            }
            table = later;
            address -= at[last] as isize * stride;
            at[last] = 0;
            for i in (0..last).rev() {
                let (len, stride) = (digits[i].0, digits[i].1[operand]);
                at[i] += 1;
                address += stride;
                if at[i] < len {
                    break;
                }
                address -= len as isize * stride;
                at[i] = 0;
            }
        }
    }
}

/// Room for the addresses of up to LEN indices. It is not cleared first: in small products that
/// would take longer than filling it.
pub(super) struct Table<const LEN: usize>([MaybeUninit<isize>; LEN]);

impl<const LEN: usize> Table<LEN> {
    pub(super) const fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; LEN])
    }

    /// The addresses of some indices in one operand.
    pub(super) fn fill<const N: usize>(
        &mut self,
        digits: &Digits<N>,
        operand: usize,
        indices: Range<usize>,
    ) -> &[isize] {
        let table = &mut self.0[..indices.len()];
        write_addresses(digits.digits(), operand, indices.start, table);
        // SAFETY: `write_addresses` has written all of it.
        unsafe { &*(std::ptr::from_ref::<[MaybeUninit<isize>]>(table) as *const [isize]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_an_odometer() {
        let digits = Digits::new(&[(3, [100, -7]), (1, [9, 9]), (2, [10, 0]), (5, [2, 1])]);
        let mut expected = [[0; 2]; 30];
        for (i, entry) in (0_isize..).zip(&mut expected) {
            let (x, y, z) = (i / 10, i / 5 % 2, i % 5);
            *entry = [100 * x + 10 * y + 2 * z, -7 * x + z];
        }
        for (start, &address) in expected.iter().enumerate() {
            for operand in 0..2 {
                let mut table = Table::<30>::new();
                let table = table.fill(&digits, operand, start..30);
                assert!(table.iter().eq(expected[start..].iter().map(|expected| &expected[operand])));
            }
            assert_eq!(digits.address(start), address);
        }
        assert_eq!((digits.span(0), digits.span(1)), ([0, 218], [-14, 4]));
        assert_eq!((digits.step(0), digits.step(1)), (None, None));
    }

    #[test]
    fn digits_that_continue_each_other_are_joined() {
        let joined = Digits::new(&[(4, [30, 3]), (1, [5, 5]), (3, [10, 1])]);
        assert_eq!(joined.digits(), [(12, [10, 1])]);
        let apart = Digits::new(&[(4, [30, 4]), (3, [10, 1])]);
        assert_eq!((apart.digits().len(), apart.step(0), apart.step(1)), (2, Some(10), None));
        assert_eq!((Digits::<2>::new(&[]).len(), Digits::new(&[(2, [3]), (0, [1])]).len()), (1, 0));
    }
}
