//! Whenever a process that saves is killed, the old file is there or the new one.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use tandem_autograd::{Params, Tensor};
use tandem_nn::Generator;
use tandem_nn::checkpoint::Checkpoint;

/// Tells the child where to save.
const CHILD: &str = "TANDEM_SAVES_UNTIL_KILLED";

/// A file's content number k: every number of the tensors is k.
fn store(k: u32) -> Params<f32> {
    let mut params = Params::new();
    for name in ["a", "b", "c"] {
        params.add(name, Tensor::full([100_000], k as f32));
    }
    params
}

/// The number of the content, if it is whole.
fn content(path: &Path) -> u32 {
    let (mut params, mut k) = (store(0), 0);
    Checkpoint::of(&mut params).value("k", &mut k).load(path).unwrap();
    for slot in params.slots() {
        assert!(params.value(slot).data().iter().all(|&number| number == k as f32), "a torn file");
    }
    k
}

/// The child: saves one content after another, until it is killed. As a test of its own it does nothing.
#[test]
fn child() {
    let Some(path) = env::var_os(CHILD) else { return };
    for mut k in 1.. {
        Checkpoint::of(&mut store(k)).value("k", &mut k).save(&path).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let mut rng = Generator::seed_from_u64(1);
    Checkpoint::of(&mut store(0)).value("k", &mut 0_u32).save(&path).unwrap();
    let (mut older, mut newer, mut left_over) = (0, 0, 0);
    for _ in 0..200 {
        Checkpoint::of(&mut store(0)).value("k", &mut 0_u32).save(&path).unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(CHILD, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Kills are to hit saves, not the start of a process: wait until one has begun.
        let begun = Instant::now();
        let partial = directory.path().join(".model.safetensors.partial");
        while !partial.exists() && content(&path) == 0 {
            assert!(begun.elapsed() < Duration::from_mins(1), "the child saves nothing");
        }
        sleep(Duration::from_micros(rng.random_range(0..4000)));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        *(if content(&path) == 0 { &mut older } else { &mut newer }) += 1;
        left_over += u32::from(partial.exists());
    }
    // The kills did hit all the moments that matter.
    assert!(older > 0 && newer > 0 && left_over > 0, "{older} {newer} {left_over}");
}
