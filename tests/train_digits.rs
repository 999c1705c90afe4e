//! The example `train_digits` as a user runs it: bad input, Ctrl-C, and going on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The example with these flags. It is no child of cargo, so that a signal reaches it.
fn example(flags: &[&str]) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let program = BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(2).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--example", "train_digits"]);
        if target.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        target.join("examples/train_digits")
    });
    let mut command = Command::new(program);
    command.args(flags).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn run(flags: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = example(flags).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a training leaves in its directory.
fn results(directory: &Path) -> [Vec<u8>; 2] {
    ["seed-3.safetensors", "metrics.jsonl"].map(|name| fs::read(directory.join(name)).unwrap())
}

fn lines(directory: &Path) -> usize {
    fs::read_to_string(directory.join("metrics.jsonl")).map_or(0, |text| text.lines().count())
}

const FLAGS: [&str; 6] = ["--epochs", "30", "--batch", "128", "--seed", "3"];

fn with<'f>(more: &[&'f str]) -> Vec<&'f str> {
    FLAGS.iter().chain(more).copied().collect()
}

#[cfg(unix)]
#[test]
fn a_training_that_ctrl_c_stopped_goes_on_to_the_same_bits() {
    let temporary = tempfile::tempdir().unwrap();
    let [whole, stopped] = ["whole", "stopped"].map(|name| temporary.path().join(name));
    let (status, whole_out, stderr) = run(&with(&["--out", text(&whole)]));
    assert_eq!((status, &*stderr), (Some(0), ""), "no terminal, no bar");

    // Stopped in the second epoch or later, three times.
    let mut resume: Vec<&str> = Vec::new();
    for stop in 1..=3 {
        let flags = [&with(&["--out", text(&stopped)])[..], &resume].concat();
        let child = example(&flags).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while lines(&stopped) < 3 * stop - 1 {
            assert!(begun.elapsed() < Duration::from_mins(2), "no epoch came to an end");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * stop as u64));
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(130), "{stderr}");
        assert!(stderr.starts_with("stopped after step ") && stderr.lines().count() == 1, "{stderr}");
        resume = vec!["--resume"];
    }
    let (status, stdout, stderr) = run(&[&with(&["--out", text(&stopped)])[..], &resume].concat());
    assert_eq!((status, &*stderr), (Some(0), ""));
    assert!(results(&whole) == results(&stopped), "other bits");
    assert_eq!(stdout, whole_out);
    assert_eq!(lines(&whole), 30);

    // One that is complete is only tested again; one with other settings is not gone on with, nor written over.
    let before = results(&stopped);
    let (status, stdout, _) = run(&with(&["--out", text(&stopped), "--resume"]));
    assert_eq!((status, stdout), (Some(0), whole_out));
    for (flags, code, fragments) in [
        (
            with(&["--out", text(&stopped), "--resume", "--rate", "0.01"]),
            1,
            &["seed-3.safetensors", "found --rate 0.002 instead of 0.01"][..],
        ),
        (with(&["--out", text(&stopped)]), 2, &["--out", "seed-3.safetensors", "--resume"]),
    ] {
        let (status, _, stderr) = run(&flags);
        assert_eq!(status, Some(code), "{stderr}");
        for fragment in fragments {
            assert!(stderr.starts_with("error: ") && stderr.contains(fragment), "{fragment}: {stderr}");
        }
    }
    // A torn file is named, and stays as it is.
    let file: PathBuf = stopped.join("seed-3.safetensors");
    fs::write(&file, &before[0][..1000]).unwrap();
    let (status, _, stderr) = run(&with(&["--out", text(&stopped), "--resume"]));
    assert_eq!(status, Some(1));
    assert!(stderr.contains("seed-3.safetensors: length of the header: expected at most 992"), "{stderr}");
    assert_eq!(fs::read(file).unwrap(), &before[0][..1000]);
}

#[test]
fn each_seed_has_its_lines_and_other_rows_are_another_training() {
    let temporary = tempfile::tempdir().unwrap();
    let out = text(temporary.path());
    let flags = ["--epochs", "2", "--batch", "512", "--seed", "3", "--fold", "1"];
    let (status, stdout, _) = run(&[&flags[..], &["--out", out, "--seeds", "2"]].concat());
    assert_eq!((status, lines(temporary.path())), (Some(0), 4), "{stdout}");
    assert!(stdout.contains("mean: "), "{stdout}");
    // As many rows, but others.
    let flags = ["--epochs", "2", "--batch", "512", "--seed", "3", "--fold", "2"];
    let (status, _, stderr) = run(&[&flags[..], &["--out", out, "--resume"]].concat());
    assert_eq!(status, Some(1));
    assert!(
        stderr.contains(
            "seed-3.safetensors: expected a training of the same settings, found other rows (--data, --fold)"
        ),
        "{stderr}"
    );
    assert_eq!(lines(temporary.path()), 4);
    // What is no file of metrics is not written over.
    let notes = temporary.path().join("notes");
    fs::write(&notes, "not mine\n").unwrap();
    let (status, _, stderr) = run(&[&flags[..], &["--metrics", text(&notes)]].concat());
    assert_eq!((status, fs::read_to_string(notes).unwrap()), (Some(1), "not mine\n".to_string()));
    assert!(stderr.contains("expected no file, or one with lines of JSON; found: `not mine`"), "{stderr}");
    // A rate that is too high ends it, with the step.
    let (status, _, stderr) = run(&["--epochs", "1", "--batch", "512", "--rate", "1e30"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("expected a finite loss, found NaN; try a lower --rate"), "{stderr}");
}

#[test]
fn bad_input_gets_one_line_and_status_2() {
    for (flags, fragments) in [
        (&["--epochs", "0"][..], &["--epochs", "'0'", "at least 1"][..]),
        (&["--rate", "inf"], &["--rate", "'inf'", "positive number"]),
        (&["--seed", "18446744073709551615"], &["--seed", "no room for 1 seeds"]),
        (&["--epochs", "18446744073709551615"], &["--epochs", "expected fewer"]),
        (&["--resume"], &["--out"]),
        (&["--fast"], &["'--fast'"]),
        (&["--data", "nowhere"], &["nowhere", "train-images-idx3-ubyte"]),
        (&["--out", "Cargo.toml"], &["Cargo.toml", "is a directory"]),
        (&["--metrics", "src"], &["`src`", "not a file"]),
    ] {
        let (status, stdout, stderr) = run(flags);
        assert_eq!(status, Some(2), "{flags:?}: {stderr}");
        assert!(stdout.is_empty() && stderr.lines().count() == 1, "{flags:?}: {stderr}");
        for fragment in fragments {
            assert!(
                stderr.starts_with("error: ") && stderr.contains(fragment),
                "{flags:?} names no {fragment:?}: {stderr}"
            );
        }
    }
}
