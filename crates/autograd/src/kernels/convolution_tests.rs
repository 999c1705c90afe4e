//! Convolutions and their gradients against the definition, written as loops.

use super::*;
use crate::kernels::{Instructions, set_threads, with_instructions};

/// Small whole numbers that look random: sums of their products are exact, in any order.
fn numbers<T: Element>(len: usize, seed: usize) -> Vec<T> {
    (0..len).map(|i| T::rounded(((i * 7_919 + seed * 31 + i * i % 13) % 9) as f64 - 4.0)).collect()
}

/// Calls `visit(image, kernel, result)`, three addresses, for every product of the definition.
fn for_each_product(g: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let ([c, o], [rows, columns]) = (g.channels, g.image);
    let (group_c, group_o) = (c / g.groups, o / g.groups);
    let mut at_place = |[n, y, x]: [usize; 3], [i, j]: [usize; 2]| {
        let row = (y * g.stride[0] + i * g.dilation[0]).wrapping_sub(g.pad[0]);
        let column = (x * g.stride[1] + j * g.dilation[1]).wrapping_sub(g.pad[1]);
        if row >= rows || column >= columns {
            return;
        }
        let turn = y % g.tile[0] * g.tile[1] + x % g.tile[1];
        for (in_group, out) in (0..group_c).flat_map(|c| (0..o).map(move |o| (c, o))) {
            let channel = out / group_o * group_c + in_group;
            let kernel = (((turn * g.kernel[0] + i) * g.kernel[1] + j) * group_c + in_group) * o + out;
            let result = ((n * g.out[0] + y) * g.out[1] + x) * o + out;
            visit(((n * rows + row) * columns + column) * c + channel, kernel, result);
        }
    };
    for position in 0..g.images * g.out[0] * g.out[1] {
        let [n, y, x] = [position / g.out[1] / g.out[0], position / g.out[1] % g.out[0], position % g.out[1]];
        for place in 0..g.kernel[0] * g.kernel[1] {
            at_place([n, y, x], [place / g.kernel[1], place % g.kernel[1]]);
        }
    }
}

/// Holds all three operations against the definition, with all instructions.
fn check<T: Element + PartialEq>(g: &Geometry) {
    let kernels = g.tile[0] * g.tile[1] * g.kernel[0] * g.kernel[1] * g.channels[0] / g.groups * g.channels[1];
    let x = numbers::<T>(g.images * g.image[0] * g.image[1] * g.channels[0], 1);
    let (kernel, z) = (numbers::<T>(kernels, 2), numbers::<T>(g.images * g.out[0] * g.out[1] * g.channels[1], 3));
    let zeros = |len: usize| vec![T::default(); len];
    let (mut forwards, mut of_image, mut of_kernel) = (zeros(z.len()), zeros(x.len()), zeros(kernels));
    for_each_product(g, |image, place, result| {
        forwards[result] += x[image] * kernel[place];
        of_image[image] += z[result] * kernel[place];
        of_kernel[place] += x[image] * z[result];
    });
    // Whatever is in the space must not matter.
    let space = |len: usize| vec![T::rounded(99.0); len];
    for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
        let (mut found, mut scratch) = (zeros(z.len()), space(forward_space::<T>(g)));
        with_instructions(set, || forward(g, &x, &kernel, &mut found, &mut scratch));
        assert!(found == forwards, "forward, {set:?}: {g:?}");
        let (mut found, mut scratch) = (zeros(x.len()), space(input_gradient_space::<T>(g)));
        with_instructions(set, || input_gradient(g, &z, &kernel, &mut found, &mut scratch));
        assert!(found == of_image, "input gradient, {set:?}: {g:?}");
        let (mut found, mut scratch) = (zeros(kernels), space(kernel_gradient_space::<T>(g)));
        with_instructions(set, || kernel_gradient(g, &x, &z, &mut found, &mut scratch));
        assert!(found == of_kernel, "kernel gradient, {set:?}: {g:?}");
    }
}

/// What the geometries below differ from; `with_out` counts the positions.
const PLAIN: Geometry = Geometry {
    images: 2,
    image: [9, 11],
    channels: [3, 5],
    kernel: [3; 2],
    stride: [1; 2],
    pad: [1; 2],
    dilation: [1; 2],
    groups: 1,
    tile: [1; 2],
    out: [0; 2],
};

#[test]
fn every_way_to_compute_them_is_the_definition() {
    for channels in [[1, 6], [6, 16], [7, 8], [8, 3], [16, 16], [17, 33]] {
        for g in [
            Geometry { channels, ..PLAIN },
            Geometry { channels, kernel: [5; 2], pad: [0, 2], ..PLAIN },
            Geometry { channels, kernel: [2, 4], pad: [0; 2], stride: [2, 3], ..PLAIN },
            Geometry { channels, kernel: [3, 1], dilation: [2, 3], pad: [3, 0], ..PLAIN },
            Geometry { channels, kernel: [1, 5], dilation: [1, 2], ..PLAIN },
            Geometry { channels, image: [3, 2], kernel: [3, 4], stride: [1, 2], ..PLAIN },
            Geometry { channels, tile: [2, 3], ..PLAIN },
            Geometry { channels, tile: [9, 11], ..PLAIN },
            Geometry { channels, tile: [4, 3], kernel: [2, 4], pad: [0; 2], stride: [2, 3], ..PLAIN },
            Geometry { channels, tile: [7, 9], dilation: [2, 2], ..PLAIN },
            Geometry { channels: channels.map(|len| 2 * len), groups: 2, ..PLAIN },
            Geometry { channels, images: 0, ..PLAIN },
        ] {
            let g = with_out(g);
            check::<f64>(&g);
            with_direct_convolution(|| check::<f32>(&g));
        }
    }
}

/// The geometry with as many positions as there are.
fn with_out(g: Geometry) -> Geometry {
    let out = |axis: usize| {
        let reach = g.dilation[axis] * (g.kernel[axis] - 1) + 1;
        (g.image[axis] + 2 * g.pad[axis] - reach) / g.stride[axis] + 1
    };
    Geometry { out: [out(0), out(1)], ..g }
}

#[test]
fn many_images_in_tasks_are_as_few() {
    let many = Geometry { images: 17, image: [13, 11], channels: [6, 16], kernel: [5; 2], pad: [2, 1], ..PLAIN };
    for g in [
        many,
        Geometry { images: 9, channels: [1, 130], pad: [0; 2], ..many },
        Geometry { images: 8, channels: [16, 17], kernel: [3; 2], ..many },
        Geometry { channels: [20, 12], stride: [2, 1], ..many },
        Geometry { channels: [32, 24], groups: 2, pad: [0; 2], ..many },
    ] {
        let g = with_out(g);
        assert!(Tasks::new(&g).count() > 1, "{g:?}");
        for threads in [1, 2] {
            set_threads(threads);
            with_direct_convolution(|| check::<f32>(&g));
        }
    }
}
