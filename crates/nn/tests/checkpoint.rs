//! Checkpoints: what comes back, what is refused, and that nothing changes when it is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rand::{Rng, SeedableRng};
use tandem_autograd::{Params, Tape, Tensor};
use tandem_nn::checkpoint::{Checkpoint, CheckpointError};
use tandem_nn::{
    Adam, Ema, Flatten, Generator, Init, Layer, Layouts, Linear, Mode, Optimizer, PerSlot, RnnCell, Sequential, Sgd,
};
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    (directory, path)
}

/// Parameters of these names and one number each, which are drawn from the seed; `ties` are pairs of names.
fn store(names: &[&str], ties: &[[&str; 2]], seed: u64) -> Params<f32> {
    let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(seed));
    for name in names {
        params.add(name, Tensor::new([2], vec![rng.next_u32() as f32, rng.next_u32() as f32]));
    }
    for [name, with] in ties {
        let [name, with] = [name, with].map(|name| params.find(name).unwrap());
        params.tie(name, with).unwrap();
    }
    params
}

/// Every name with its slot's place and its numbers.
fn content(params: &Params<f32>) -> Vec<(String, usize, Vec<f32>)> {
    let states = params.states().map(|(id, name)| (name.to_string(), usize::MAX, params.state(id).data().to_vec()));
    let of = |(id, name): (_, &str)| (name.to_string(), params.slot(id).index(), params.get(id).data().to_vec());
    params.names().map(of).chain(states).collect()
}

fn data<'p>(params: &'p Params<f32>, name: &str) -> &'p [f32] {
    params.get(params.find(name).unwrap()).data()
}

/// A safetensors file, by hand.
fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// The header of a file.
fn header(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    String::from_utf8(bytes[8..8 + length].to_vec()).unwrap().trim_end().to_string()
}

/// What a load says, without the folder; and it has to leave the program as it was.
fn refusal(mut load: impl FnMut(&mut Params<f32>) -> Result<(), CheckpointError>, params: &mut Params<f32>) -> String {
    let before = content(params);
    let message = load(params).unwrap_err().to_string();
    assert_eq!(content(params), before, "{message}");
    let start = message.find("model.safetensors").unwrap();
    message[start..].to_string()
}

#[test]
fn a_slot_is_saved_once_and_all_its_names_come_back_tied() {
    let (_directory, path) = directory();
    let mut params = store(&["out", "in", "bias", "third"], &[["out", "in"], ["third", "in"]], 1);
    params.add_state("running", Tensor::new([1], vec![0.25]));
    let expected = content(&params);
    Checkpoint::of(&mut params).save(&path).unwrap();
    assert_snapshot!(header(&path), @r#"{"__metadata__":{"out":"in","tandem.layout":"tandem","tandem.shared":"[[\"in\",\"out\",\"third\"]]","third":"in"},"bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"in":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"running":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}"#);
    // Into the same store, moved on, and into a new one of the same program.
    let slot = params.slot(params.find("in").unwrap());
    params.update(slot, |w| w.fill(7.0));
    Checkpoint::of(&mut params).load(&path).unwrap();
    assert_eq!(content(&params), expected);
    let mut fresh = store(&["out", "in", "bias", "third"], &[["out", "in"], ["third", "in"]], 2);
    fresh.add_state("running", Tensor::zeros([1]));
    Checkpoint::of(&mut fresh).load(&path).unwrap();
    assert_eq!(content(&fresh), expected);
}

#[test]
fn the_same_content_makes_the_same_bytes_in_whatever_order_it_was_made() {
    let (_directory, path) = directory();
    let mut files = Vec::new();
    for names in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
        let (mut params, mut x, mut y) = (Params::<f32>::new(), 3_u8, "text".to_string());
        for name in names {
            params.add(name, Tensor::full([3], f32::from(name.as_bytes()[0])));
        }
        for [name, with] in [["d", "a"], ["c", "b"]] {
            let [name, with] = [name, with].map(|name| params.find(name).unwrap());
            params.tie(name, with).unwrap();
        }
        Checkpoint::of(&mut params).value("x", &mut x).value("y", &mut y).save(&path).unwrap();
        files.push(fs::read(&path).unwrap());
    }
    assert_eq!(files[0], files[1]);
    // Saved over a file that is there, without a trace of the way.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn values_come_back_and_a_generator_goes_on_where_it_was() {
    let (_directory, path) = directory();
    let (mut params, mut generator) = (store(&["a"], &[], 1), Generator::seed_from_u64(5));
    generator.set_stream(9);
    assert_ne!([0; 13].map(|_| generator.next_u32()), [0; 13]);
    let (mut epoch, mut best) = (17_u64, Some(0.1_f64 + 0.2));
    let mut all = Checkpoint::of(&mut params).value("epoch", &mut epoch).value("best", &mut best);
    all = all.value("generator", &mut generator);
    all.save(&path).unwrap();
    let next: Vec<u64> = (0..9).map(|_| generator.next_u64()).collect();
    let (mut fresh, mut first, mut found) = (Generator::seed_from_u64(0), 0_u64, None::<f64>);
    let mut all = Checkpoint::of(&mut params).value("epoch", &mut first).value("best", &mut found);
    all = all.value("generator", &mut fresh);
    all.load(&path).unwrap();
    assert_eq!((first, found.map(f64::to_bits)), (epoch, best.map(f64::to_bits)));
    assert!((0..9).map(|_| fresh.next_u64()).eq(next));

    // What JSON can't hold is refused when it is saved, not when it is needed.
    let before = fs::read(&path).unwrap();
    let mut lost = f64::INFINITY;
    let message = Checkpoint::of(&mut params).value("lost", &mut lost).save(&path).unwrap_err().to_string();
    assert!(message.contains("`lost`: written as null, it can't be read again"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn everything_that_does_not_fit_is_in_one_error_and_nothing_changes() {
    let (_directory, path) = directory();
    let mut saved = store(&["kept", "left", "one", "other", "tied", "to"], &[["tied", "to"]], 1);
    saved.add("shape", Tensor::zeros([2, 3]));
    saved.add_state("state", Tensor::zeros([4]));
    let (mut text, mut number) = ("three".to_string(), 1_u8);
    Checkpoint::of(&mut saved).value("epoch", &mut text).value("more", &mut number).save(&path).unwrap();

    let mut params = store(&["kept", "more", "one", "other", "tied", "to"], &[["one", "other"]], 2);
    params.add("shape", Tensor::zeros([3, 2]));
    params.add_state("state", Tensor::zeros([5]));
    let (mut epoch, mut rate) = (8_u64, 0.5);
    let load = |params: &mut Params<f32>| {
        Checkpoint::of(params).value("epoch", &mut epoch).value("rate", &mut rate).load(&path)
    };
    assert_snapshot!(refusal(load, &mut params), @r#"
    model.safetensors: 8 entries that do not fit:
      `more`: missing in the file
      `rate`: missing in the file
      `left`: unexpected, the program has no such name
      `shape`: expected shape [3, 2], found [2, 3]
      `state`: expected shape [5], found [4]
      `tied`, `to`: one tensor in the file, but not tied in the program (tying() would tie them)
      `one`, `other`: tied in the program, but of different values in the file (untying() would part them)
      `epoch`: found "three": invalid type: string "three", expected u64
    "#);
    assert_eq!((epoch, rate), (8, 0.5));

    let mut precise = params.cast::<f64>();
    let message = Checkpoint::of(&mut precise).only(&|name| name == "kept").load(&path).unwrap_err().to_string();
    assert!(message.ends_with("1 entry that does not fit:\n  `kept`: expected type F64, found F32"), "{message}");
}

#[test]
fn ties_that_differ_are_refused_unless_the_caller_asks() {
    let (_directory, path) = directory();
    let names = ["a", "b", "c"];
    // Apart in the file, with different values for a and b, and tied in the program.
    Checkpoint::of(&mut store(&names, &[], 1)).save(&path).unwrap();
    let mut params = store(&names, &[["b", "a"], ["c", "a"]], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 1 entry that does not fit:
      `a`, `b`, `c`: tied in the program, but of different values in the file (untying() would part them)
    ");
    Checkpoint::of(&mut params).untying().load(&path).unwrap();
    assert_eq!((params.numel(), data(&params, "b")), (6, data(&store(&names, &[], 1), "b")));

    // Apart in the file, with equal values: the tie holds, unless the caller asks.
    let mut equal = store(&names, &[["b", "a"]], 1);
    equal.untie(equal.find("b").unwrap());
    Checkpoint::of(&mut equal).save(&path).unwrap();
    for ask in [false, true] {
        let mut params = store(&names, &[["b", "a"]], 2);
        let all = Checkpoint::of(&mut params);
        let mut all = if ask { all.untying() } else { all };
        all.load(&path).unwrap();
        assert_eq!((params.numel(), data(&params, "b")), (if ask { 6 } else { 4 }, data(&equal, "a")));
    }

    // Tied in the file and apart in the program.
    Checkpoint::of(&mut store(&names, &[["b", "a"]], 1)).save(&path).unwrap();
    let mut params = store(&names, &[], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 1 entry that does not fit:
      `a`, `b`: one tensor in the file, but not tied in the program (tying() would tie them)
    ");
    Checkpoint::of(&mut params).tying().load(&path).unwrap();
    assert_eq!((params.numel(), data(&params, "b")), (4, data(&store(&names, &[], 1), "a")));

    // a and b in the file, b and c in the program: both at once.
    let mut params = store(&names, &[["c", "b"]], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 2 entries that do not fit:
      `a`, `b`: one tensor in the file, but not tied in the program (tying() would tie them)
      `a`, `b`, `c`: tied in the program, but of different values in the file (untying() would part them)
    ");
    Checkpoint::of(&mut params).tying().untying().load(&path).unwrap();
    let tied =
        |one: &str, other: &str| params.slot(params.find(one).unwrap()) == params.slot(params.find(other).unwrap());
    assert_eq!((tied("a", "b"), tied("b", "c"), params.numel()), (true, false, 4));
}

#[test]
fn a_part_of_a_model_is_loaded_under_whatever_names() {
    let (_directory, path) = directory();
    let mut saved = store(&["encoder.w", "head.w", "encoder.b"], &[["head.w", "encoder.w"]], 1);
    Checkpoint::of(&mut saved).renamed(&|name| format!("model.{name}")).save(&path).unwrap();
    // The tensor stands under `model.encoder.w`; `model.head.w` is a name that shares it.
    let mut params = store(&["top.w", "top.v", "x"], &[["top.v", "top.w"]], 2);
    let before = data(&params, "x").to_vec();
    let theirs = |name: &str| name.replace("top", "model.head");
    Checkpoint::of(&mut params).renamed(&theirs).only(&|name| name == "top.w").load(&path).unwrap();
    assert_eq!(data(&params, "top.v"), data(&saved, "head.w"));
    assert_eq!(data(&params, "x"), before);

    // What loads nothing is no load.
    let message = refusal(|params| Checkpoint::of(params).only(&|name| name == "typo").load(&path), &mut params);
    assert!(message.ends_with("only(): no parameter of the program is meant"), "{message}");

    let mut one = store(&["a", "b"], &[], 1);
    let message = Checkpoint::of(&mut one).renamed(&|_| "same".into()).save(&path).unwrap_err().to_string();
    assert!(message.ends_with("1 entry that does not fit:\n  `same`: the name of two entries"), "{message}");
}

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
fn files_that_are_none_are_refused_before_memory_is_asked_for() {
    let (_directory, path) = directory();
    let tensor = |range: &str| format!(r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":{range}}}}}"#);
    let two = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#;
    let shared = r#"{"__metadata__":{"tandem.shared":"[3]"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut params = store(&["a"], &[], 1);
    let table: BTreeMap<&str, Vec<u8>> = [
        ("1 empty", vec![]),
        ("2 shorter than a word", vec![9; 7]),
        ("3 a header longer than the file", [&u64::MAX.to_le_bytes()[..], b"{}"].concat()),
        ("4 no JSON", raw("{\"a\"", &[])),
        ("5 no UTF-8", [&2_u64.to_le_bytes()[..], &[0xff, 0xfe]].concat()),
        ("6 a picture", b"\x89PNG\r\n\x1a\n and so on".to_vec()),
        ("7 more data promised", raw(&tensor("[0,8]"), &[0; 4])),
        ("8 less data promised", raw(&tensor("[0,8]"), &[0; 12])),
        ("9 a hole", raw(&tensor("[4,12]"), &[0; 12])),
        ("A a range of another length", raw(&tensor("[0,4]"), &[0; 4])),
        ("B ranges that overlap", raw(two, &[0; 6])),
        (
            "C a shape of more than all numbers",
            raw(&tensor("[0,8]").replace("[2]", "[4294967296,4294967296,2]"), &[0; 8]),
        ),
        ("D broken metadata", raw(shared, &[0; 8])),
        ("E a type that there is not", raw(&tensor("[0,8]").replace("F32", "F33"), &[0; 8])),
    ]
    .into();
    let mut said = String::new();
    for (what, bytes) in table {
        fs::write(&path, bytes).unwrap();
        let message = refusal(|params| Checkpoint::of(params).load(&path), &mut params);
        writeln!(said, "{what}: {}", message.strip_prefix("model.safetensors: ").unwrap()).unwrap();
    }
    assert_snapshot!(said, @r"
    1 empty: header: expected at least 8 bytes, found 0
    2 shorter than a word: header: expected at least 8 bytes, found 7
    3 a header longer than the file: length of the header: expected at most 2, in a file of 10 bytes, found 18446744073709551615
    4 no JSON: header: expected names, types, shapes and adjoining offsets, found EOF while parsing an object at line 1 column 4
    5 no UTF-8: header: expected names, types, shapes and adjoining offsets, found expected value at line 1 column 1
    6 a picture: length of the header: expected at most 10, in a file of 18 bytes, found 727905341920923785
    7 more data promised: data: expected 8 bytes, as the header says, found 4
    8 less data promised: data: expected 8 bytes, as the header says, found 12
    9 a hole: header: expected names, types, shapes and adjoining offsets, found invalid offset for tensor `a`
    A a range of another length: header: expected names, types, shapes and adjoining offsets, found invalid shape, data type, or offset for tensor
    B ranges that overlap: header: expected names, types, shapes and adjoining offsets, found invalid offset for tensor `b`
    C a shape of more than all numbers: header: expected names, types, shapes and adjoining offsets, found overflow computing buffer size from shape and/or element type
    D broken metadata: tandem.shared: expected what a checkpoint of this project writes there, found invalid type: integer `3`, expected a sequence at line 1 column 2
    E a type that there is not: header: expected names, types, shapes and adjoining offsets, found unknown variant `F33`, expected one of `BOOL`, `F4`, `F6_E2M3`, `F6_E3M2`, `U8`, `I8`, `F8_E5M2`, `F8_E4M3`, `F8_E8M0`, `F8_E4M3FNUZ`, `F8_E5M2FNUZ`, `I16`, `U16`, `F16`, `BF16`, `I32`, `U32`, `F32`, `C64`, `F64`, `I64`, `U64` at line 1 column 54
    ");
    // A header longer than the format allows, in a file that is long enough, but takes no room on the disk.
    fs::write(&path, 100_000_008_u64.to_le_bytes()).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(200_000_000).unwrap();
    let message = refusal(|params| Checkpoint::of(params).load(&path), &mut params);
    assert!(message.contains("expected at most 100000000, in a file of 200000000 bytes, found 100000008"), "{message}");
    // A good file, cut anywhere, and a file that is not there.
    Checkpoint::of(&mut params).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        refusal(|params| Checkpoint::of(params).load(&path), &mut params);
    }
    fs::remove_file(&path).unwrap();
    let message = refusal(|params| Checkpoint::of(params).load(&path), &mut params);
    assert!(message.starts_with("model.safetensors: cannot be opened: "), "{message}");
    let nowhere = path.join("below").join("model.safetensors");
    let message = refusal(|params| Checkpoint::of(params).save(&nowhere), &mut params);
    assert!(message.contains("cannot be written: "), "{message}");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0, "something was left");
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

/// A step on everything.
fn step(params: &mut Params<f32>, optimizer: &mut dyn Optimizer<f32>) {
    let gradients = {
        let tape = Tape::new(params);
        let ids: Vec<_> = params.names().map(|(id, _)| id).collect();
        let terms = ids.into_iter().map(|id| tape.param(id).square().sum());
        terms.reduce(|sum, term| sum + term).unwrap().backward()
    };
    optimizer.step(params, &gradients);
}

#[test]
fn what_is_remembered_goes_with_the_tensor_and_what_is_not_meant_keeps_its_own() {
    let (_directory, path) = directory();
    let mut saved = store(&["encoder.w", "head.w", "x"], &[["head.w", "encoder.w"]], 1);
    let mut adam = Adam::new(0.1);
    (0..3).for_each(|_| step(&mut saved, &mut adam));
    Checkpoint::of(&mut saved).slots("adam", &mut adam).save(&path).unwrap();
    let of = |adam: &Adam, params: &Params<f32>, name: &str| {
        let (steps, tensors) = adam.of_slot(params.slot(params.find(name).unwrap())).unwrap();
        (steps, tensors.to_vec())
    };

    // A program that knows the tensor by its other name, and has an `x` of another shape, which is not meant.
    let mut params = store(&["head.w"], &[], 2);
    params.add("x", Tensor::full([5], 1.0));
    let mut other = Adam::new(0.1);
    step(&mut params, &mut other);
    let before = of(&other, &params, "x");
    Checkpoint::of(&mut params).slots("adam", &mut other).only(&|name| name == "head.w").load(&path).unwrap();
    assert_eq!(of(&other, &params, "head.w"), of(&adam, &saved, "encoder.w"));
    assert_eq!((before.0, of(&other, &params, "x")), (1, before));

    // Saved alone, it is all that there is.
    Checkpoint::of(&mut params).slots("adam", &mut other).only(&|name| name == "x").save(&path).unwrap();
    assert!(!header(&path).contains("head.w"), "{}", header(&path));

    // Tied here, apart in the file: one slot can't go on from two memories.
    let mut apart = store(&["a", "b"], &[["b", "a"]], 1);
    apart.untie(apart.find("b").unwrap());
    let mut two = Adam::new(0.0);
    step(&mut apart, &mut two);
    Checkpoint::of(&mut apart).slots("adam", &mut two).save(&path).unwrap();
    let mut tied = store(&["a", "b"], &[["b", "a"]], 3);
    let message = refusal(|params| Checkpoint::of(params).slots("adam", &mut Adam::new(0.0)).load(&path), &mut tied);
    assert!(
        message.contains("`adam/a`, `adam/b`: tied in the program, but of different values in the file"),
        "{message}"
    );
}

#[test]
fn a_part_that_does_not_fit_leaves_the_rest_as_it_is() {
    let (_directory, path) = directory();
    let (mut saved, mut adam, mut epoch) = (store(&["a", "b"], &[], 1), Adam::new(0.1), 1_u8);
    step(&mut saved, &mut adam);
    Checkpoint::of(&mut saved).slots("optimizer", &mut adam).value("epoch", &mut epoch).save(&path).unwrap();
    let mut params = store(&["a", "b"], &[], 2);
    let (mut wrong, mut average, mut text) = (Sgd::new(0.1).momentum(0.9), Ema::new(0.5), "text".to_string());
    let mut load = |params: &mut Params<f32>| {
        let all = Checkpoint::of(params).slots("optimizer", &mut wrong).slots("average", &mut average);
        all.value("epoch", &mut text).load(&path)
    };
    let message = refusal(&mut load, &mut params);
    assert_snapshot!(message, @r"
    model.safetensors: 3 entries that do not fit:
      `average`: missing in the file
      `optimizer`: expected that of sgd, found adam
      `epoch`: found 1: invalid type: integer `1`, expected a string
    ");
    assert_eq!(text, "text");
    // Nor when values alone do not fit.
    let mut right = Adam::new(0.1);
    refusal(
        |params| Checkpoint::of(params).slots("optimizer", &mut right).value("epoch", &mut text).load(&path),
        &mut params,
    );
    assert!(right.of_slot(params.slots().next().unwrap()).is_none());
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
        (net, tandem_autograd::Shape::from(example))
    };
    let mut layouts = Layouts::default();
    let add = |layouts: &mut Layouts, (net, example): (Sequential, tandem_autograd::Shape)| {
        layouts.add(&net, &params, example).map(drop)
    };
    add(&mut layouts, of(&[a], &[2, 2, 2])).unwrap();
    add(&mut layouts, of(&[b], &[8])).unwrap();
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
