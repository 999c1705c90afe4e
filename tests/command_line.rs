//! The `convnet_memory` example as a user runs it: bad input gets one line and status 2 before any
//! work, good input gets everything that was asked for.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tandem::nn::data::{Idx, IdxValues};

/// Runs the example with these flags.
fn run(flags: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "--quiet", "--example", "convnet_memory", "--"]);
    cargo.args(flags).output().expect("cargo runs")
}

fn images(count: usize, side: usize) -> Vec<u8> {
    let pixels = (0..count * side * side).map(|i| (i * 37 % 251) as u8).collect();
    Idx { shape: vec![count, side, side], values: IdxValues::U8(pixels) }.encode()
}

fn labels(count: usize, classes: usize) -> Vec<u8> {
    Idx { shape: vec![count], values: IdxValues::U8((0..count).map(|i| (i % classes) as u8).collect()) }.encode()
}

/// Files named like MNIST's in a new directory.
fn directory(train: [Vec<u8>; 2]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"];
    for (name, bytes) in names.iter().zip(train.into_iter().chain([images(20, 28)])) {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let gz = fs::File::create(directory.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    GzEncoder::new(gz, Compression::fast()).write_all(&labels(20, 10)).unwrap();
    directory
}

#[test]
fn bad_input_gets_one_line_and_status_2() {
    let truncated = directory([images(64, 28)[..5000].to_vec(), labels(64, 10)]);
    let mislabelled = directory([b"\x89PNG not an IDX file".to_vec(), labels(64, 10)]);
    let lengths = directory([images(64, 28), labels(63, 10)]);
    let range = directory([images(64, 28), labels(64, 11)]);
    let sizes = directory([images(64, 27), labels(64, 10)]);
    let tiny = directory([images(64, 3), labels(64, 10)]);
    fs::write(tiny.path().join("t10k-images-idx3-ubyte"), images(20, 3)).unwrap();
    let empty = directory([images(64, 0), labels(64, 10)]);
    fs::write(empty.path().join("t10k-images-idx3-ubyte"), images(20, 0)).unwrap();
    let path = |directory: &tempfile::TempDir| directory.path().to_str().unwrap().to_string();
    let file = path(&truncated) + "/train-images-idx3-ubyte";
    let table: &[(&[&str], &[&str])] = &[
        (&["--batch", "0"], &["--batch", "'0'", "at least 1"]),
        (&["--batch", "-3"], &["--batch", "'-3'", "at least 1"]),
        (&["--batch", "1030"], &["--batch", "at most 1029", "found 1030"]),
        (&["--epochs", "many"], &["--epochs", "'many'", "whole number"]),
        (&["--seed", "-1"], &["--seed", "'-1'", "from 0 to 18446744073709551615"]),
        (&["--seeds", "0"], &["--seeds", "'0'", "at least 1"]),
        (&["--lr", "-1"], &["--lr", "'-1'", "positive number"]),
        (&["--lr", "NaN"], &["--lr", "'NaN'", "positive number"]),
        (&["--fold", "4"], &["--fold", "'4'", "0, 1, 2 or 3"]),
        (&["--threads", "0"], &["--threads", "'0'", "from 1 to 256"]),
        (&["--optimizer", "newton"], &["--optimizer", "'newton'", "sgd, momentum, adam"]),
        (&["--fast"], &["'--fast'"]),
        (&["--data", "nowhere"], &["nowhere", "train-images-idx3-ubyte", "No such file"]),
        (&["--data", "src"], &["src", "train-images-idx3-ubyte", "found none of them"]),
        (&["--data", &path(&truncated)], &[&file, "data at byte 16", "[64, 28, 28] values", "found 4984 bytes"]),
        (&["--data", &path(&mislabelled)], &["train-images-idx3-ubyte", "header at byte 0", "00 00", "89 50"]),
        (&["--data", &path(&lengths)], &["train-labels-idx1-ubyte", "expected 64 labels", "found 63"]),
        (&["--data", &path(&range)], &["train-labels-idx1-ubyte", "byte 18", "from 0 to 9", "found 10"]),
        (&["--data", &path(&sizes)], &["64 images of 27×27", "20 images of 28×28"]),
        (&["--data", &path(&tiny)], &["at least 4×4", "found 3×3"]),
        (&["--data", &path(&empty)], &["at least 4×4", "found 0×0"]),
        (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
        (&["--json", "src/lib.rs/figures.json"], &["src/lib.rs/figures.json", "is a directory"]),
        (&["--json", "target/f", "--csv", "./src/../target/f"], &["--json and --csv", "two files", "target/f"]),
        (&["--out", "target", "--csv", "target/footprint.svg"], &["--out and --csv", "two files"]),
        (&["--csv", "src"], &["`src`", "not a file"]),
    ];
    for (flags, fragments) in table {
        let Output { status, stdout, stderr } = run(flags);
        let line = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{flags:?}: {line}");
        assert!(stdout.is_empty(), "{flags:?}: work had begun");
        assert!(line.starts_with("error: ") && line.lines().count() == 1, "{flags:?}: {line}");
        for fragment in *fragments {
            assert!(line.contains(fragment), "{flags:?} names no {fragment:?}: {line}");
        }
    }
    assert!(!Path::new("Cargo.toml/footprint.svg").exists());
}

#[test]
fn images_of_another_size_are_studied_and_every_file_is_written() {
    let data = directory([images(64, 28), labels(64, 10)]);
    let out = tempfile::tempdir().unwrap();
    let at = |name: &str| out.path().join("made/on/demand").join(name).to_str().unwrap().to_string();
    let Output { status, stdout, stderr } = run(&[
        "--quick",
        "--per-layer",
        "--data",
        data.path().to_str().unwrap(),
        "--out",
        &at(""),
        "--json",
        &at("f.json"),
        "--csv",
        &at("f.csv"),
        "--optimizer",
        "momentum",
        "--batch",
        "16",
        "--seed",
        "7",
        "--threads",
        "1",
    ]);
    let (text, complaints) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success() && complaints.is_empty(), "{complaints}");
    assert!(text.contains("Predicted = measured, to the byte"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(at("f.json")).unwrap()).unwrap();
    let networks = json["networks"].as_array().unwrap();
    assert_eq!((networks.len(), &json["seeds"]), (4, &serde_json::json!([7])));
    for network in networks {
        let parameters = network["parameters"].as_u64().unwrap();
        assert!(parameters < 2_000_000, "{parameters}");
        for phase in ["training", "inference"] {
            let predicted = &network[phase]["predicted"];
            assert_eq!(predicted["total"], network[phase]["measured"]);
            assert_eq!(predicted["parameters"], 4 * parameters);
        }
        assert_eq!(network["training"]["predicted"]["optimizer_state"], 4 * parameters, "momentum: one number each");
        for category in ["parameters", "gradients", "optimizer_state"] {
            let of_names = network["names"].as_array().unwrap().iter().map(|name| name[category].as_u64().unwrap());
            assert_eq!(network["training"]["predicted"][category], of_names.sum::<u64>(), "{category}");
            let connections = network["connections"].as_u64().unwrap();
            assert_eq!(network["as_if_unshared"][category], 4 * connections, "{category}");
        }
    }
    let csv = fs::read_to_string(at("f.csv")).unwrap();
    let columns: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [columns[0]; 5]);
    assert!(fs::read_to_string(at("footprint.svg")).unwrap().contains("convolutional"));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let out = tempfile::tempdir().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "--quiet", "--example", "convnet_memory", "--"]);
    cargo.args(["--quick", "--out", out.path().to_str().unwrap()]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!(status.success() && stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    assert!(out.path().join("footprint.svg").exists(), "the picture is for another reader");
}
