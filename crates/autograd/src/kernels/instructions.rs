//! Sets of instructions that processors may have, and which of them products use.

use std::cell::Cell;

/// A set of instructions for which there are tiles.
///
/// ```
/// use tandem_autograd::kernels::{Instructions, with_instructions};
/// assert!(Instructions::Portable.available() && Instructions::current().available());
/// with_instructions(Instructions::Portable, || {
///     assert_eq!(Instructions::current(), Instructions::Portable);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// What every processor has. Products are rounded before they are added.
    Portable,
    /// AVX2 and FMA: 16 registers of 32 bytes.
    Avx2,
    /// AVX-512, with the instructions for shorter registers and for whole numbers: 32 registers of 64 bytes.
    Avx512,
}

/// Bytes of the widest tile there is.
pub(super) const WIDEST: usize = 256;

/// Bytes of the narrowest tile that every instruction set has.
pub(super) const NARROWEST: usize = 32;

thread_local! {
    /// What [`with_instructions`] has set for this thread, else, once somebody has asked, the best that there is.
    static CHOSEN: Cell<Option<Instructions>> = const { Cell::new(None) };
}

impl Instructions {
    /// All sets, the slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Whether this processor has them.
    pub fn available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Those that products started by this thread use: the best that there are, unless [`with_instructions`] says
    /// otherwise. The example is at [`Instructions`].
    #[inline]
    pub fn current() -> Self {
        CHOSEN.get().unwrap_or_else(Self::choose)
    }

    /// The best that there are, to be remembered by this thread.
    #[cold]
    fn choose() -> Self {
        let best = Self::ALL.into_iter().rev().find(|set| set.available()).unwrap_or(Self::Portable);
        CHOSEN.set(Some(best));
        best
    }

    /// The widths of the tiles in bytes, the widest first.
    pub(super) fn widths(self) -> &'static [usize] {
        match self {
            Self::Portable => &[NARROWEST],
            Self::Avx2 => &[64, NARROWEST],
            Self::Avx512 => &[WIDEST, 192, 128, 64, NARROWEST],
        }
    }
}

/// Calls `f`; products that it starts on this thread use these instructions. For tests, which hold
/// the sets against each other, and for counting. The example is at [`Instructions`].
///
/// # Panics
/// If the processor does not have them.
pub fn with_instructions<R>(instructions: Instructions, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Instructions>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CHOSEN.set(self.0);
        }
    }
    assert!(instructions.available(), "this processor does not have {instructions:?}");
    let _restore = Restore(CHOSEN.replace(Some(instructions)));
    f()
}
