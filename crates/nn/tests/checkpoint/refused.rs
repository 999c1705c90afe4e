//! Files that are none, and files that do not fit the program.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use insta::assert_snapshot;
use tandem_autograd::{Params, Tensor};
use tandem_nn::checkpoint::Checkpoint;

use super::{directory, raw, refusal, store};

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
