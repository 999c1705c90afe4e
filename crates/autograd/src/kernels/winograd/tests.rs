//! Convolution by tiles against the sum as it is written.

use super::*;
use crate::kernels::convolution::{
    forward, forward_space, kernel_gradient, kernel_gradient_space, with_direct_convolution,
};

/// Numbers that look random, between -1 and 1.
fn numbers<T: Element>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::rounded((state >> 33) as f64 / f64::from(1 << 30) - 1.0)
    };
    (0..len).map(|_| draw()).collect()
}

fn geometry(images: usize, image: [usize; 2], pad: [usize; 2], channels: [usize; 2]) -> Geometry {
    let out = [0, 1].map(|axis| image[axis] + 2 * pad[axis] - 2);
    let ones = [1; 2];
    Geometry { images, image, channels, kernel: [3; 2], stride: ones, pad, dilation: ones, groups: 1, tile: ones, out }
}

/// Results and kernel gradient, by tiles with scratch space for `team` threads.
fn by_tiles<T: Element>(g: &Geometry, x: &[T], kernel: &[T], cotangent: &[T]) -> [Vec<T>; 2] {
    let winograd = Winograd::of(g).expect("a convolution that tiles can compute");
    let [mut z, mut gradient] = [cotangent.len(), kernel.len()].map(|len| vec![T::default(); len]);
    // Whatever is in the scratch space must not matter.
    winograd.forward(x, kernel, false, &mut z, &mut vec![T::rounded(99.0); winograd.forward_scratch::<T>()]);
    let mut scratch = vec![T::rounded(99.0); winograd.kernel_gradient_scratch::<T>()];
    winograd.kernel_gradient(x, cotangent, &mut gradient, &mut scratch);
    [z, gradient]
}

/// The same by the definition.
fn direct<T: Element>(g: &Geometry, x: &[T], kernel: &[T], cotangent: &[T]) -> [Vec<T>; 2] {
    let zeros = |len: usize| vec![T::default(); len];
    let [mut z, mut gradient] = [cotangent.len(), kernel.len()].map(zeros);
    with_direct_convolution(|| {
        forward(g, x, kernel, &mut z, &mut zeros(forward_space::<T>(g)));
        kernel_gradient(g, x, cotangent, &mut gradient, &mut zeros(kernel_gradient_space::<T>(g)));
    });
    [z, gradient]
}

/// The largest distance, as a part of the root of the mean square.
fn error<T: Element + Into<f64>>(found: &[T], expected: &[f64]) -> f64 {
    let scale = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
    found.iter().zip(expected).map(|(&x, y)| (x.into() - y).abs()).fold(0.0, f64::max) / scale
}

#[test]
fn tiles_make_the_same_sums() {
    for (seed, (images, image, pad, channels)) in [
        (1, [4, 4], [1, 1], [16, 16]),
        (2, [6, 6], [0, 0], [16, 32]),
        (3, [7, 5], [1, 1], [32, 16]),
        (2, [1, 9], [1, 0], [16, 48]),
        (1, [3, 8], [0, 2], [48, 16]),
        (1, [2, 2], [5, 6], [16, 16]),
        (5, [17, 13], [1, 2], [64, 80]),
        (0, [6, 6], [1, 1], [16, 16]),
    ]
    .into_iter()
    .enumerate()
    {
        let i = seed as u64;
        let g = geometry(images, image, pad, channels);
        let [c, o] = channels;
        let x = numbers::<f64>(images * image[0] * image[1] * c, i);
        let (kernel, z) = (numbers::<f64>(9 * c * o, i + 50), numbers::<f64>(images * g.out[0] * g.out[1] * o, i + 90));
        let expected = direct(&g, &x, &kernel, &z);
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            let found = with_instructions(set, || by_tiles(&g, &x, &kernel, &z));
            for (found, expected) in found.iter().zip(&expected) {
                assert!(images == 0 || error(found, expected) < 1e-12, "{set:?} {g:?}: {}", error(found, expected));
            }
        }
    }
}

#[test]
fn less_than_a_digit_is_lost_in_f32() {
    let g = geometry(2, [24, 24], [1, 1], [64, 64]);
    let [x, kernel, z] =
        [(2 * 24 * 24 * 64, 1), (9 * 64 * 64, 2), (2 * 24 * 24 * 64, 3)].map(|(n, i)| numbers::<f32>(n, i));
    let wide = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let expected = direct(&g, &wide(&x), &wide(&kernel), &wide(&z));
    let [direct, found] = [direct(&g, &x, &kernel, &z), by_tiles(&g, &x, &kernel, &z)];
    for i in 0..2 {
        let (direct, found) = (error(&direct[i], &expected[i]), error(&found[i], &expected[i]));
        assert!(direct < found && found < 10.0 * direct, "{found} by tiles, {direct} by the definition");
    }
}
