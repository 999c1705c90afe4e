//! PyTorch's layouts, and what Hugging Face's tools write.

use std::fs;

use rand::SeedableRng;
use tandem_autograd::{Params, Shape, Tape, Tensor};
use tandem_nn::checkpoint::Checkpoint;
use tandem_nn::{
    Adam, Flatten, Generator, Init, Layer, Layout, Layouts, Linear, Mode, Optimizer, PerSlot, RnnCell, Sequential,
    Unflatten,
};

use super::{content, data, directory, header, raw, refusal, store};

#[test]
fn what_hugging_faces_tools_write_for_shared_tensors_is_understood() {
    let (_directory, path) = directory();
    let header =
        r#"{"__metadata__":{"head":"body","format":"pt"},"body":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    fs::write(&path, raw(header, &[[0, 0, 128, 63]; 2].concat())).unwrap();
    let (mut params, layouts) = (store(&["body", "head"], &[["head", "body"]], 1), Layouts::default());
    Checkpoint::of(&mut params).pytorch(&layouts).load(&path).unwrap();
    assert_eq!(data(&params, "head"), [1.0, 1.0]);
    let mut apart = store(&["body", "head"], &[], 1);
    assert!(
        Checkpoint::of(&mut apart)
            .pytorch(&layouts)
            .load(&path)
            .unwrap_err()
            .to_string()
            .contains("not tied in the program")
    );
    // A program that has no head does not miss it.
    Checkpoint::of(&mut store(&["body"], &[], 1)).pytorch(&layouts).load(&path).unwrap();
    // Nor is such a file taken for one of ours, or ours for one of theirs.
    let expected = "layouts: expected this crate's own, found PyTorch's, as pytorch() has them";
    assert!(refusal(|params| Checkpoint::of(params).load(&path), &mut params).ends_with(expected));
    Checkpoint::of(&mut params).save(&path).unwrap();
    let expected = "layouts: expected PyTorch's, as pytorch() has them, found this crate's own";
    assert!(refusal(|params| Checkpoint::of(params).pytorch(&layouts).load(&path), &mut params).ends_with(expected));
}

#[test]
fn a_layout_holds_for_the_slot_whichever_of_its_names_a_layer_has() {
    let (_directory, path) = directory();
    let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(1));
    let [a, b] = ["a", "b"].map(|name| Linear::new(&mut params, name, [2, 3], Init::Uniform, &mut rng));
    params.tie(b.weight, a.weight).unwrap();
    let mut layouts = Layouts::default();
    layouts.add(&b, &params, [2].into()).unwrap();
    let mut adam = Adam::new(0.1);
    let tape = Tape::new(&params);
    let x = tape.constant(Tensor::full([1, 2], 1.0));
    let loss = (a.forward(&tape, x.clone(), Mode::Eval) + b.forward(&tape, x, Mode::Eval)).square().sum();
    let gradients = loss.backward();
    adam.step(&mut params, &gradients);

    Checkpoint::of(&mut params).slots("adam", &mut adam).pytorch(&layouts).save(&path).unwrap();
    for name in ["a.weight", "adam/exp_avg/a.weight", "adam/exp_avg_sq/a.weight"] {
        assert!(header(&path).contains(&format!(r#""{name}":{{"dtype":"F32","shape":[3,2]"#)), "{}", header(&path));
    }
    let (expected, remembered) = (content(&params), adam.of_slot(params.slot(a.weight)).unwrap().1.to_vec());
    let mut other = Adam::new(0.1);
    for slot in params.slots().collect::<Vec<_>>() {
        params.update(slot, |w| w.fill(0.0));
    }
    Checkpoint::of(&mut params).slots("adam", &mut other).pytorch(&layouts).load(&path).unwrap();
    assert_eq!(content(&params), expected);
    assert_eq!(other.of_slot(params.slot(a.weight)).unwrap().1, remembered);
}

#[test]
fn what_has_no_clear_layout_in_pytorch_is_refused() {
    let (_directory, path) = directory();
    let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(1));
    let [a, b] = ["a", "b"].map(|name| Linear::new(&mut params, name, [8, 8], Init::Uniform, &mut rng));
    let cell = RnnCell::new(&mut params, "cell", [8, 8], &mut rng);
    let of = |pushed: &[Linear], example: &[usize]| {
        let mut net = Sequential::new();
        net.push("flatten", Flatten);
        for (name, layer) in ["one", "two"].into_iter().zip(pushed) {
            net.push(name, *layer);
        }
        (net, Shape::from(example))
    };
    let mut layouts = Layouts::default();
    let add =
        |layouts: &mut Layouts, (net, example): (Sequential, Shape)| layouts.add(&net, &params, example).map(drop);
    add(&mut layouts, of(&[a], &[2, 2, 2])).unwrap();
    add(&mut layouts, of(&[b], &[8])).unwrap();
    // What a network ends with is not what the next one begins with.
    let mut after = Layouts::default();
    add(&mut after, of(&[], &[2, 2, 2])).unwrap();
    after.add(&b, &params, [8].into()).unwrap();
    assert_eq!(after.of(b.weight), Some(&Layout::linear([8, 8].into())));
    // Several rows are not one row that a linear layer has made.
    let mut rows = Sequential::new();
    rows.push("rows", b);
    rows.push("maps", Unflatten(Shape::from([4, 4, 2])));
    let message = Layouts::default().add(&rows, &params, [4, 8].into()).unwrap_err().to_string();
    assert!(message.starts_with("layer `maps`: rows become maps [4, 4, 2]: in PyTorch, "), "{message}");
    // Used after maps, and after rows.
    let message = add(&mut layouts.clone(), of(&[a, a], &[2, 2, 2])).unwrap_err().to_string();
    assert!(message.starts_with("layer `two`: what is used twice would have two layouts in PyTorch: "), "{message}");
    // Nobody has noted the cell's; the two that are tied have different ones.
    let message = Checkpoint::of(&mut params.clone()).pytorch(&layouts).save(&path).unwrap_err().to_string();
    assert!(message.contains("`cell.weight_hh`: no layer has noted how it stands in PyTorch"), "{message}");
    cell.layouts(&params, &mut layouts).unwrap();
    Checkpoint::of(&mut params).pytorch(&layouts).save(&path).unwrap();
    params.tie(b.weight, a.weight).unwrap();
    let message = Checkpoint::of(&mut params).pytorch(&layouts).save(&path).unwrap_err().to_string();
    assert!(message.contains("`a.weight`, `b.weight`: tied, but with different layouts in PyTorch"), "{message}");
}
