//! The three convolutions against their definition, written as loops, and against each other.
//!
//! All numbers are small and whole, so that every sum is exact in any order and results must be equal
//! to the bit.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::autograd::{Conv, Float, Op, Params, Shape, Tape, Tensor, Var};
use tandem::nn::{Conv2d, Init, Kernel, Layer, LocallyConnected2d, Mode, TiledConv2d};

/// Whole numbers from −4 to 4.
fn numbers<T: Float>(shape: impl Into<Shape>, rng: &mut StdRng) -> Tensor<T> {
    let shape = shape.into();
    Tensor::new(shape, (0..shape.len()).map(|_| T::from_f64(f64::from(rng.random_range(-4..=4)))).collect())
}

/// Result, image gradient and kernel gradient of a convolution; the last two for this cotangent.
type Answers<T> = [Tensor<T>; 3];

/// By the definition: each product of a number of an image, X, and one of a kernel, K, that the
/// formula in the documentation of [`Conv`] contains adds X · K to a result, and so its cotangent z̄
/// adds z̄ · K to the gradient of X and z̄ · X to that of K.
fn by_definition<T: Float>(conv: Conv, image: &Tensor<T>, kernel: &Tensor<T>, cotangent: &Tensor<T>) -> Answers<T> {
    let ([n, h, w, c], [_, rows, columns, channels]) = (sides(image.shape()), sides(cotangent.shape()));
    let [kh, kw, group, _] = sides(kernel.shape());
    let [th, tw] = if kernel.shape().rank() == 6 { [0, 1].map(|i| kernel.shape()[i] as usize) } else { [1; 2] };
    let mut found = [cotangent, image, kernel].map(|like| vec![T::ZERO; like.len()]);
    for [n, y, x, o] in places([n, rows, columns, channels]) {
        for [i, j, k, _] in places([kh, kw, group, 1]) {
            // What lies outside of the image is zero and adds nothing.
            let row = (y * conv.stride[0] + i * conv.dilation[0]).checked_sub(conv.pad[0]).filter(|&row| row < h);
            let column = (x * conv.stride[1] + j * conv.dilation[1]).checked_sub(conv.pad[1]).filter(|&at| at < w);
            let (Some(row), Some(column)) = (row, column) else { continue };
            let in_image = ((n * h + row) * w + column) * c + o / (channels / conv.groups) * group + k;
            let in_kernel = (((((y % th) * tw + x % tw) * kh + i) * kw + j) * group + k) * channels + o;
            let in_result = ((n * rows + y) * columns + x) * channels + o;
            let [image, kernel, g] = [image.data()[in_image], kernel.data()[in_kernel], cotangent.data()[in_result]];
            found[0][in_result] += image * kernel;
            found[1][in_image] += g * kernel;
            found[2][in_kernel] += g * image;
        }
    }
    let [result, of_image, of_kernel] = found;
    [
        Tensor::new(cotangent.shape(), result),
        Tensor::new(image.shape(), of_image),
        Tensor::new(kernel.shape(), of_kernel),
    ]
}

/// The lengths of the last four axes.
fn sides(shape: Shape) -> [usize; 4] {
    [4, 3, 2, 1].map(|i| shape[shape.rank() - i] as usize)
}

/// All places of a tensor with these sides.
fn places(sides: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let [a, b, c, d] = sides;
    (0..a * b * c * d).map(move |i| [i / (b * c * d), i / (c * d) % b, i / d % c, i % d])
}

/// By the readable definition: patches as rows of a matrix, times the kernel of their position.
fn unfolded<'t, T: Float>(x: Var<'t, T>, kernel: Var<'t, T>, conv: Conv) -> Var<'t, T> {
    let [kh, kw, group, channels] = sides(kernel.shape());
    let [n, rows, columns] = {
        let out = Op::<T>::shape(&conv, &[x.shape(), kernel.shape()]).unwrap();
        [0, 1, 2].map(|axis| out[axis] as usize)
    };
    let [th, tw] = if kernel.shape().rank() == 6 { [0, 1].map(|i| kernel.shape()[i] as usize) } else { [1; 2] };
    let turns = |len: usize, tile: usize| (0..len).map(|i| T::from_f64((i % tile) as f64)).collect();
    let of_row = x.constant(Tensor::new([rows, 1, 1], turns(rows, th)));
    let of_column = x.constant(Tensor::new([1, columns, 1], turns(columns, tw)));
    let kernels = kernel.reshape([th, tw, kh * kw * group * channels]).gather(0, of_row).gather(1, of_column);
    let kernels = kernels.reshape([rows * columns, kh * kw * group, channels]);
    let patches = x.unfold(conv, [kh, kw]);
    let each = channels / conv.groups;
    let groups = (0..conv.groups).map(|g| {
        let patches = patches.clone().slice(5, g * group, group).reshape([n, rows * columns, kh * kw * group]);
        let kernels = kernels.clone().slice(2, g * each, each);
        patches.permute(&[1, 0, 2]).matmul(kernels).permute(&[1, 0, 2]).reshape([n, rows, columns, each])
    });
    Var::concat(3, groups)
}

/// By the tape: by the op, or by the definition in terms of other ops.
fn by_tape<T: Float>(
    convolve: impl for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
    image: &Tensor<T>,
    kernel: &Tensor<T>,
    cotangent: &Tensor<T>,
) -> Answers<T> {
    let params = Params::new();
    let tape = Tape::new(&params);
    let [x, k] = [image, kernel].map(|value| tape.input(value.clone()));
    let z = convolve(x.clone(), k.clone());
    let result = z.value().clone();
    let gradients = z.backward_with(cotangent.clone());
    [result, gradients.wrt(&x).unwrap().clone(), gradients.wrt(&k).unwrap().clone()]
}

/// A random convolution with images and kernels that fit, and the positions along rows and columns.
fn random(rng: &mut StdRng) -> (Conv, [usize; 4], [usize; 4], [usize; 2]) {
    loop {
        let mut below = |low: usize, high: usize| rng.random_range(low..=high);
        let groups = below(1, 3);
        let conv = Conv {
            stride: [below(1, 3), below(1, 3)],
            pad: [below(0, 2), below(0, 2)],
            dilation: [below(1, 2), below(1, 3)],
            groups,
        };
        let (image, group_c) = ([below(1, 3), below(1, 9), below(1, 9)], below(1, 3));
        let kernel = [below(1, 4), below(1, 4), group_c, groups * below(1, 9)];
        let positions = [0, 1].map(|axis| conv.positions(axis, image[1 + axis], kernel[axis]));
        if let [Some(rows), Some(columns)] = positions {
            return (conv, [image[0], image[1], image[2], groups * group_c], kernel, [rows, columns]);
        }
    }
}

fn op_is_its_definition<T: Float>(seed: u64) {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut uneven = 0;
    for round in 0..400 {
        let (conv, image, kernel, out) = random(rng);
        // One kernel, a tile that may not divide the positions, a kernel for each position.
        let tile = out.map(|places| rng.random_range(1..=places));
        uneven += usize::from(!out[0].is_multiple_of(tile[0]) || !out[1].is_multiple_of(tile[1]));
        for tile in [None, Some([1; 2]), Some(tile), Some(out)] {
            let kernel = [tile.as_ref().map_or(&[][..], |tile| tile), &kernel].concat();
            let (image, kernel) = (numbers::<T>(image, rng), numbers(kernel.as_slice(), rng));
            let shape = Op::<T>::shape(&conv, &[image.shape(), kernel.shape()]).unwrap();
            let cotangent = numbers(shape, rng);
            let found = by_tape(|x, k| x.conv(k, conv), &image, &kernel, &cotangent);
            let readable = by_tape(|x, k| unfolded(x, k, conv), &image, &kernel, &cotangent);
            assert_eq!(found, readable, "round {round}, {conv:?}, unfolded");
            let expected = by_definition(conv, &image, &kernel, &cotangent);
            for (which, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    found == expected,
                    "round {round}, {} of {conv:?} with images {:?} and kernels {:?}: {found:?} for {expected:?}",
                    ["the result", "the image gradient", "the kernel gradient"][which],
                    image.shape(),
                    kernel.shape(),
                );
            }
        }
    }
    assert!(uneven > 50, "only {uneven} tiles did not divide the positions");
}

#[test]
fn results_and_gradients_are_those_of_the_definition() {
    op_is_its_definition::<f64>(1);
    op_is_its_definition::<f32>(2);
}

/// The settings for the layers: images of 7 × 6 with 4 channels, results with 6.
fn layers() -> [Kernel; 6] {
    let kernel = Kernel::new([3, 2], [4, 6]);
    [
        kernel,
        kernel.pad([1, 1]),
        kernel.stride([2, 1]),
        kernel.stride([2, 3]).pad([2, 1]),
        kernel.dilation([2, 3]).pad([1, 2]),
        kernel.groups(2).stride([1, 2]).pad([1, 0]),
    ]
}

/// What a layer computes for these images, and the gradients of its weight and its bias, from a
/// cotangent that the results' shape decides.
fn through<T: Float>(layer: &impl Layer<T>, params: &Params<T>, images: &Tensor<T>) -> Answers<T> {
    let tape = Tape::new(params);
    let z = layer.forward(&tape, tape.constant(images.clone()), Mode::Eval);
    let (value, cotangent) = (z.value().clone(), numbers(z.shape(), &mut StdRng::seed_from_u64(4)));
    let gradients = z.backward_with(cotangent);
    let of = |path: &str| gradients.of(params, params.find(path).unwrap()).unwrap().clone();
    [value, of("layer.weight"), of("layer.bias")]
}

/// The tensors that take turns in x, `[th, tw, …]`, written out for all positions, `[oh, ow, …]`.
fn in_turns<T: Float>(x: &Tensor<T>, [oh, ow]: [usize; 2]) -> Tensor<T> {
    let one = x.shape().example().example();
    let [th, tw] = [0, 1].map(|axis| x.shape()[axis] as usize);
    let turn = |i: usize| (i / ow % th * tw + i % ow % tw) * one.len();
    let all = (0..oh * ow).flat_map(|i| &x.data()[turn(i)..turn(i) + one.len()]);
    Tensor::new(one.batched(ow).batched(oh), all.copied().collect())
}

/// The sums over the positions at which it is each one's turn: `[oh, ow, …]` to `[th, tw, …]`.
fn sum_of_turns<T: Float>(x: &Tensor<T>, [th, tw]: [usize; 2]) -> Tensor<T> {
    let one = x.shape().example().example();
    let ow = x.shape()[1] as usize;
    let mut sums = vec![T::ZERO; th * tw * one.len()];
    for (i, x) in x.data().chunks(one.len()).enumerate() {
        let turn = (i / ow % th * tw + i % ow % tw) * one.len();
        sums[turn..].iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
    }
    Tensor::new(one.batched(tw).batched(th), sums)
}

/// Sets weight and bias of one store to functions of those of another.
fn set<T: Float>(to: &mut Params<T>, from: &Params<T>, value: impl Fn(&Tensor<T>) -> Tensor<T>) {
    for (id, path) in from.names() {
        to.set(to.find(path).unwrap(), value(from.get(id))).unwrap();
    }
}

fn layers_agree<T: Float>() {
    const IMAGE: [usize; 2] = [7, 6];
    for kernel in layers() {
        let rng = &mut StdRng::seed_from_u64(3);
        let images = numbers::<T>([2, IMAGE[0], IMAGE[1], 4], rng);
        let out = kernel.positions(IMAGE).unwrap();
        let [mut one, mut each] = [(); 2].map(|()| Params::<T>::new());
        let shared = Conv2d::new(&mut one, "layer", kernel, Init::Zeros, rng);
        let unshared = LocallyConnected2d::new(&mut each, "layer", IMAGE, kernel, Init::Zeros, rng);
        for tile in [[1, 1], [2, 2], [3, 1], out] {
            let mut some = Params::<T>::new();
            let tiled = TiledConv2d::new(&mut some, "layer", (tile[0], tile[1]), kernel, Init::Zeros, rng);
            let zeros = some.clone();
            set(&mut some, &zeros, |like| numbers(like.shape(), &mut StdRng::seed_from_u64(like.len() as u64)));
            // The same numbers at every position that shares them: gradients add up over positions. With
            // a tile as large as the result, no two positions share any.
            set(&mut each, &some, |value| in_turns(value, out));
            let (of_tiled, of_unshared) = (through(&tiled, &some, &images), through(&unshared, &each, &images));
            assert_eq!(of_tiled[0], of_unshared[0], "tile {tile:?}, {kernel:?}");
            for which in [1, 2] {
                assert_eq!(of_tiled[which], sum_of_turns(&of_unshared[which], tile), "tile {tile:?}, {kernel:?}");
            }
            if tile == [1, 1] {
                set(&mut one, &some, |value| value.clone().reshape(value.shape().example().example()));
                let of_shared = through(&shared, &one, &images);
                assert_eq!(of_shared.each_ref().map(Tensor::data), of_tiled.each_ref().map(Tensor::data), "{kernel:?}");
            }
        }
    }
}

#[test]
fn tiles_lead_from_shared_to_unshared_and_gradients_add_up_over_positions() {
    layers_agree::<f64>();
    layers_agree::<f32>();
}
