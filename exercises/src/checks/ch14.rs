//! Chapter 14.

use std::cell::RefCell;
use std::rc::Rc;

use tandem::autograd::Tensor;
use tandem::nn::Layout;

use super::expect;
use crate::ch14::{Model, copied, flatten_order, kernel_to_pytorch, linear_from_pytorch};

fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| i as f64).collect()
}

#[test]
fn kernel_to_pytorch_puts_the_result_first() {
    for shape in [[1, 2, 1, 2], [2, 3, 1, 1], [2, 2, 3, 4]] {
        let x = numbers(shape.iter().product());
        let expected = Layout::kernel(shape.into()).to_pytorch(&Tensor::new(shape, x.clone()));
        let why = "Four loops in their order; each number is read at ((row · kw + column) · c + channel) · o + out.";
        let received = kernel_to_pytorch(&x, shape);
        expect(
            "ch14::kernel_to_pytorch",
            format!("0, 1, 2, … of shape {shape:?}"),
            received,
            expected.data().to_vec(),
            why,
        );
    }
}

#[test]
fn flatten_order_walks_through_a_channel_at_a_time() {
    let why = "First all places of channel 0, which here are c apart.";
    expect("ch14::flatten_order", "[1, 3, 2]", flatten_order([1, 3, 2]), vec![0, 2, 4, 1, 3, 5], why);
    expect(
        "ch14::flatten_order",
        "[2, 2, 1]",
        flatten_order([2, 2, 1]),
        vec![0, 1, 2, 3],
        "One channel: the same row.",
    );
}

#[test]
fn linear_from_pytorch_permutes_its_inputs() {
    for (maps, outputs) in [([1, 2, 2], 1), ([2, 2, 3], 4)] {
        let [h, w, c] = maps;
        let x = numbers(h * w * c * outputs);
        let layout = Layout::linear_after_flatten([h * w * c, outputs].into(), maps);
        let expected = layout.from_pytorch(&Tensor::new([outputs, h * w * c], x.clone()));
        let input = format!("0, 1, 2, … for maps {maps:?} and {outputs} outputs");
        let why = "Transposed, and each input at the place that flatten_order gives for it.";
        let received = linear_from_pytorch(&x, maps, outputs);
        expect("ch14::linear_from_pytorch", input, received, expected.data().to_vec(), why);
    }
}

/// Three layers, of which the first and the last share.
fn tied() -> Model {
    let weight = |x| Rc::new(RefCell::new(vec![x; 2]));
    let (shared, own) = (weight(1.0), weight(5.0));
    Model { layers: vec![Rc::clone(&shared), own, shared] }
}

#[test]
fn copied_keeps_the_tie() {
    let copy = copied(&tied());
    let same = [Rc::ptr_eq(&copy.layers[0], &copy.layers[2]), Rc::ptr_eq(&copy.layers[0], &copy.layers[1])];
    let why =
        "Remember which weight of the model became which of the copy: a weight that comes again is not copied again.";
    let input = "layers 0 and 2 share, layer 1 does not; are 0 and 2 one in the copy, are 0 and 1?";
    expect("ch14::copied", input, same, [true, false], why);
}

#[test]
fn copied_moves_together_and_apart_from_the_model() {
    let model = tied();
    let copy = copied(&model);
    copy.layers[0].borrow_mut()[0] = 7.0;
    copy.step(1.0);
    let first = |model: &Model| model.layers.iter().map(|weight| weight.borrow()[0]).collect::<Vec<_>>();
    let why = "What is written to layer 0 of the copy is read in its layer 2, and nowhere in the model.";
    let input = "the copy's layer 0 set to 7, then a step of 1; the copy's layers, then the model's";
    expect("ch14::copied", input, [first(&copy), first(&model)], [vec![8.0, 6.0, 8.0], vec![1.0, 5.0, 1.0]], why);
}
