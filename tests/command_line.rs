//! The examples `convnet_memory`, `coupling_report`, `scaling`, `counts`, `gallery` and the experiments as a user runs them:
//! bad input gets one line and status 2 before any work, good input gets everything that was asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tandem::nn::data::{Idx, IdxValues};

/// An example with these flags.
fn example(name: &str, flags: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "--quiet", "--example", name, "--"]).args(flags);
    cargo
}

fn run(name: &str, flags: &[&str]) -> Output {
    example(name, flags).output().expect("cargo runs")
}

/// Runs the example with each set of flags: what it says of them has all the fragments.
fn refuses(name: &str, table: &[(&[&str], &[&str])]) {
    for (flags, fragments) in table {
        let Output { status, stdout, stderr } = run(name, flags);
        let line = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{flags:?}: {line}");
        assert!(stdout.is_empty(), "{flags:?}: work had begun");
        assert!(line.starts_with("error: ") && line.lines().count() == 1, "{flags:?}: {line}");
        for fragment in *fragments {
            assert!(line.contains(fragment), "{flags:?} names no {fragment:?}: {line}");
        }
    }
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
    refuses("convnet_memory", table);
    assert!(!Path::new("Cargo.toml/footprint.svg").exists());
}

#[test]
fn images_of_another_size_are_studied_and_every_file_is_written() {
    let data = directory([images(64, 28), labels(64, 10)]);
    let out = tempfile::tempdir().unwrap();
    let at = |name: &str| out.path().join("made/on/demand").join(name).to_str().unwrap().to_string();
    let Output { status, stdout, stderr } = run(
        "convnet_memory",
        &[
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
        ],
    );
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
    for (name, picture) in
        [("convnet_memory", "footprint.svg"), ("coupling_report", "coupling.svg"), ("scaling", "scaling.svg")]
    {
        let out = tempfile::tempdir().unwrap();
        let mut cargo = example(name, &["--quick", "--out", out.path().to_str().unwrap()]);
        let mut child = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert!(status.success() && stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&stderr));
        assert!(out.path().join(picture).exists(), "the picture is for another reader");
    }
}

#[test]
fn bad_flags_of_a_coupling_get_one_line_and_status_2() {
    let strength = "free, shared, a number of at least 0, or two above 0";
    refuses(
        "coupling_report",
        &[
            (&["--strength", "strong"], &["--strength", "'strong'", strength]),
            (&["--strength", "-1"], &["--strength", "'-1'", strength]),
            (&["--strength=-1..2"], &["--strength", "'-1..2'", strength]),
            (&["--strength", "NaN"], &["--strength", "'NaN'", strength]),
            (&["--strength", "0..1"], &["--strength", "'0..1'", strength]),
            (&["--strength", "1..inf"], &["--strength", "'1..inf'", strength]),
            (&["--strength", "1..2..3"], &["--strength", "'1..2..3'", strength]),
            (&["--penalty", "l3"], &["--penalty", "'l3'", "l2, l1, huber, group"]),
            (&["--way", "fast"], &["--way", "'fast'", "tape, fused, proximal"]),
            (&["--steps", "3"], &["'--steps'"]),
            (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
        ],
    );
}

#[test]
fn bad_flags_of_what_measures_get_one_line_and_status_2() {
    refuses(
        "scaling",
        &[
            (&["--threads", "0"], &["--threads", "'0'", "from 1 to 256"]),
            (&["--batch", "3"], &["'--batch'"]),
            (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
        ],
    );
    refuses(
        "gallery",
        &[
            (&["--only", "nothing"], &["--only", "'nothing'", "coupled_digits"]),
            (&["--threads", "0"], &["--threads", "'0'", "from 1 to 256"]),
            (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
            (&["--results", "Cargo.toml/below"], &["Cargo.toml", "is a directory"]),
        ],
    );
    // Every experiment reads its flags in one place.
    refuses(
        "tied_autoencoder",
        &[
            (&["--seeds", "0"], &["--seeds", "'0'", "at least 1"]),
            (&["--seed", "-1"], &["--seed", "'-1'", "from 0 to 18446744073709551615"]),
            (&["--seed", "18446744073709551615", "--seeds", "2"], &["--seed", "no room for 2 seeds"]),
            (&["--threads", "0"], &["--threads", "'0'", "from 1 to 256"]),
            (&["--fast"], &["'--fast'"]),
            (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
        ],
    );
    refuses(
        "counts",
        &[
            (&["--only", "W9"], &["--only", "W1", "matmul-4x4x4", "found \"W9\""]),
            (&["--only", "W7", "--write"], &["--only", "--write"]),
            (&["--file", "nowhere.json"], &["nowhere.json", "No such file"]),
        ],
    );
}

#[test]
fn what_a_step_takes_is_predicted_at_every_size() {
    let out = tempfile::tempdir().unwrap();
    let Output { status, stdout, .. } = run("scaling", &["--quick", "--out", out.path().to_str().unwrap()]);
    assert!(status.success() && String::from_utf8(stdout).unwrap().contains("Powers, over the 4 largest sizes"));
    let written = files(out.path());
    let series: serde_json::Value = serde_json::from_str(&written["scaling.json"]).unwrap();
    let mut points = 0;
    for series in series.as_array().unwrap() {
        for point in series["points"].as_array().unwrap() {
            assert_eq!(point["predicted_bytes"], point["measured_bytes"], "{}: {point}", series["axis"]);
            points += 1;
        }
    }
    assert_eq!(written["scaling.svg"].matches("<title>measured, ").count(), 2 * points, "time and memory");
}

/// What is in the directory after a run, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entry =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
    fs::read_dir(directory).unwrap().map(|found| entry(found.unwrap())).collect()
}

#[test]
fn a_coupling_writes_its_history_whatever_holds_it() {
    let table: &[&[&str]] = &[
        &[],
        &["--strength", "free"],
        &["--strength", "shared"],
        &["--strength", "0.01", "--way", "tape", "--penalty", "huber"],
        &["--strength", "0.001..1000", "--way", "proximal", "--penalty", "group"],
        &["--penalty", "l1"],
    ];
    for flags in table {
        let out = tempfile::tempdir().unwrap();
        let directory = out.path().join("made/on/demand");
        let flags: Vec<&str> =
            ["--quick", "--out", directory.to_str().unwrap()].iter().chain(*flags).copied().collect();
        let Output { status, stdout, stderr } = run("coupling_report", &flags);
        assert!(status.success() && stderr.is_empty(), "{flags:?}: {}", String::from_utf8_lossy(&stderr));
        let written = files(&directory);
        assert_eq!(written.keys().collect::<Vec<_>>(), ["coupling.json", "coupling.svg"]);
        let history: serde_json::Value = serde_json::from_str(&written["coupling.json"]).unwrap();
        let history = history.as_array().unwrap();
        let steps: Vec<u64> = history.iter().map(|report| report["step"].as_u64().unwrap()).collect();
        assert!(steps.is_sorted() && steps.len() > 3, "{steps:?}");
        // Six pairs are six lines, and what one of them reports at the end stands beside it.
        let last = history.last().unwrap()["pairs"].as_array().unwrap();
        assert_eq!(last.len(), 6);
        for pair in last {
            let bytes = match pair["regime"].as_str().unwrap() {
                "shared" => format!(">{} saved</text>", pair["bytes_saved"]),
                _ => format!(">{} savable</text>", pair["bytes_savable"]),
            };
            assert!(written["coupling.svg"].contains(&bytes), "{flags:?}: {bytes}");
        }
        assert!(String::from_utf8(stdout).unwrap().contains("accuracy of b, %"), "the table");
        // The same run writes the same bytes.
        assert!(run("coupling_report", &flags).status.success());
        assert_eq!(files(&directory), written);
    }
}

#[test]
fn a_coupling_too_strong_for_its_way_says_so() {
    let out = tempfile::tempdir().unwrap();
    let flags = ["--quick", "--strength", "1000", "--out", out.path().to_str().unwrap()];
    let Output { status, stderr, .. } = run("coupling_report", &flags);
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{line}");
    for fragment in ["error: step ", "expected finite", "found", "λ = 1000", "--way proximal"] {
        assert!(line.contains(fragment) && line.lines().count() == 1, "no {fragment:?}: {line}");
    }
    assert!(files(out.path())["coupling.svg"].contains("not finite"), "the picture shows where");
}
