//! Images, kernels and windows that do not fit.

use insta::assert_snapshot;
use tandem::autograd::{Conv, Params, Tape, Tensor, Window};

use crate::said;

const PLAIN: Conv = Conv { stride: [1; 2], pad: [0; 2], dilation: [1; 2], groups: 1 };

#[test]
fn convolutions() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    assert_snapshot!(said(|| x(&[8, 8, 3]).conv(x(&[3, 3, 3, 4]), PLAIN)), @"conv([8, 8, 3], [3, 3, 3, 4]): images have shape [n, height, width, channels], found [8, 8, 3]");
    assert_snapshot!(said(|| x(&[1, 8, 8, 3]).conv(x(&[3, 3, 4]), PLAIN)), @"conv([1, 8, 8, 3], [3, 3, 4]): kernels have shape [kh, kw, c/groups, o], or six axes with the tile in front, found [3, 3, 4]");
    assert_snapshot!(said(|| x(&[1, 8, 8, 3]).conv(x(&[3, 3, 1, 4]), PLAIN)), @"conv([1, 8, 8, 3], [3, 3, 1, 4]): axis 3 of the images has 3 channels; axis 2 of the kernels has 1, which in 1 groups makes 1");
    assert_snapshot!(said(|| x(&[1, 8, 8, 4]).conv(x(&[3, 3, 2, 5]), Conv { groups: 2, ..PLAIN })), @"conv([1, 8, 8, 4], [3, 3, 2, 5]): axis 3 of the kernels has 5 channels, which do not split into 2 groups");
    assert_snapshot!(said(|| x(&[1, 8, 4, 1]).conv(x(&[3, 3, 1, 4]), Conv { dilation: [1, 2], ..PLAIN })), @"conv([1, 8, 4, 1], [3, 3, 1, 4]): axis 2: a kernel of 3 with dilation 2 does not fit in 4 places and padding 0");
    assert_snapshot!(said(|| x(&[1, 8, 8, 1]).conv(x(&[3, 3, 1, 4]), Conv { stride: [0, 1], ..PLAIN })), @"conv([1, 8, 8, 1], [3, 3, 1, 4]): stride [0, 1], dilation [1, 1], tile [1, 1] and groups 1 are at least 1");
    assert_snapshot!(said(|| x(&[1, 8, 8, 1]).conv(x(&[7, 1, 3, 3, 1, 4]), PLAIN)), @"conv([1, 8, 8, 1], [7, 1, 3, 3, 1, 4]): axis 0 of the kernels: a tile of 7 for 6 positions; the surplus would never be used");
    assert_snapshot!(said(|| x(&[8, 3]).conv1d(x(&[3, 3, 4]), PLAIN)), @"conv1d([8, 3], [3, 3, 4]): takes rows [n, l, c] and kernels [k, c/groups, o]");
    assert_snapshot!(said(|| x(&[1, 8, 3]).conv1d(x(&[3, 1, 4]), PLAIN)), @"conv1d([1, 8, 3], [3, 1, 4]): as images [1, 1, 8, 3] one row high, with kernels [1, 3, 1, 4]: axis 3 of the images has 3 channels; axis 2 of the kernels has 1, which in 1 groups makes 1");
    assert_snapshot!(said(|| x(&[1, 8, 1]).conv1d(x(&[9, 1, 4]), PLAIN)), @"conv1d([1, 8, 1], [9, 1, 4]): as images [1, 1, 8, 1] one row high, with kernels [1, 9, 1, 4]: axis 2: a kernel of 9 with dilation 1 does not fit in 8 places and padding 0");
    assert_snapshot!(said(|| x(&[4, 4, 2]).conv_transpose(x(&[3, 3, 1, 2]), PLAIN, [6, 6])), @"conv_transpose([4, 4, 2], [3, 3, 1, 2]): takes [n, oh, ow, o] and kernels [kh, kw, c/groups, o]");
    assert_snapshot!(said(|| x(&[1, 4, 4, 2]).conv_transpose(x(&[3, 3, 1, 2]), PLAIN, [7, 6])), @"conv_transpose([1, 4, 4, 2], [3, 3, 1, 2]): results of shape [1, 5, 4, 2] belong to these images and kernels, found [1, 4, 4, 2]");
    assert_snapshot!(said(|| x(&[1, 4, 4, 2]).conv_transpose(x(&[3, 3, 1, 3]), PLAIN, [6, 6])), @"conv_transpose([1, 4, 4, 2], [3, 3, 1, 3]): results of shape [1, 4, 4, 3] belong to these images and kernels, found [1, 4, 4, 2]");
    assert_snapshot!(said(|| x(&[8, 8, 3]).unfold(PLAIN, [3, 3])), @"unfold([8, 8, 3]): images have shape [n, height, width, channels], found [8, 8, 3]");
    assert_snapshot!(said(|| x(&[1, 8, 8, 3]).unfold(PLAIN, [9, 3])), @"unfold([1, 8, 8, 3]): axis 1: a kernel of 9 with dilation 1 does not fit in 8 places and padding 0");
    assert_snapshot!(said(|| x(&[1, 6, 6, 3]).fold(PLAIN, [8, 8])), @"fold([1, 6, 6, 3]): patches have shape [n, rows, columns, kh, kw, channels], found [1, 6, 6, 3]");
    assert_snapshot!(said(|| x(&[1, 6, 6, 3, 3, 2]).fold(PLAIN, [9, 8])), @"fold([1, 6, 6, 3, 3, 2]): [1, 6, 6, 3, 3, 2] patches for images that have [1, 7, 6, 3, 3, 2]");
}

#[test]
fn windows() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let x = |shape: &[usize]| tape.input(Tensor::zeros(shape));
    let window = Window::square(3);
    assert_snapshot!(said(|| x(&[1, 4, 2, 1]).max_pool(window)), @"max_pool([1, 4, 2, 1]): axis 2: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| x(&[1, 4, 2, 1]).avg_pool(window)), @"avg_pool([1, 4, 2, 1]): axis 2: a window of 3 does not fit in 2 places, padding included");
    assert_snapshot!(said(|| x(&[4, 2]).sum_pool(window)), @"sum_pool([4, 2]): pooling takes images of shape [n, height, width, channels], found [4, 2]");
    assert_snapshot!(said(|| x(&[1, 4, 4, 1]).max_pool(Window { pad: [2, 0], ..window })), @"max_pool([1, 4, 4, 1]): a window of size 3, stride 3 and padding 2: size and stride are at least 1, padding is at most half the size");
    assert_snapshot!(said(|| x(&[1, 0, 4, 1]).max_pool(Window { size: [2, 1], pad: [1, 0], ..window })), @"max_pool([1, 0, 4, 1]): axis 1: a window would have nothing but padding");
}
