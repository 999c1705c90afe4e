//! Loops that are compiled once for each set of instructions.
//!
//! The crate is built for every processor of its kind, so that the compiler may only use the narrow registers that all
//! of them have. A loop that [`wide!`] wraps is compiled two more times, for AVX2 and for AVX-512, and the best that
//! the processor has is chosen when it is called. Nothing is written in intrinsics, and the same operations are done
//! on every number: multiplications and additions are never fused, so results are the same to the bit.

/// `wide! { fn name[generics](arguments) -> Result { body } }`: a function whose body is compiled for each set of
/// instructions.
///
/// What the body calls has to be inlined into it, or it is compiled for the narrow registers: functions should be
/// `#[inline(always)]`, and closures short.
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident[$($generics:tt)*]($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name<$($generics)*>($($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            fn plain<$($generics)*>($($arg: $type),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
            fn avx512<$($generics)*>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$($generics)*>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }
            match $crate::kernels::Instructions::current() {
                // SAFETY: `current` names none that the processor lacks.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Instructions::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Instructions::Avx2 => unsafe { avx2($($arg),*) },
                _ => plain($($arg),*),
            }
        }
    };
}
pub(crate) use wide;
