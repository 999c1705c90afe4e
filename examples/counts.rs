//! Counts where noise would hide a regression: instructions and bytes of one warm step of each workload.
//!
//! ```text
//! cargo run --release --example counts              # against benches/counts.json
//! cargo run --release --example counts -- --write   # what is now is what shall be
//! ```
//!
//! Each count is a process of its own under valgrind's callgrind, which knows no AVX-512: the path that is counted is
//! that of AVX2, on one thread, on every machine. Bytes are those of the counting allocator.

#[path = "../benches/support/mod.rs"]
mod benches;
#[path = "support/mod.rs"]
mod support;
#[path = "../benches/support/workloads.rs"]
mod workloads;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use serde::{Deserialize, Serialize};
use tandem::autograd::kernels::{Instructions, set_threads, with_instructions};
use tandem::memory::{CountingAllocator, live_bytes, peak_bytes, requested_bytes, reset_peak};

use benches::ops::Case;
use support::{flags, format, output};
use workloads::Workload;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// How far instructions may be from the file, in per cent. Bytes are compared exactly.
const TOLERANCE: f64 = 2.0;

/// The largest workloads are counted with this part of their examples, or links.
const PART: usize = 8;

/// The ops that are counted beside the workloads.
const OPS: [&str; 6] = ["tanh", "add-a-row", "cross-entropy", "embedding", "max-pool", "matmul-4x4x4"];

/// Counts instructions and bytes of a warm step of each workload, and compares them with a file.
#[derive(Parser)]
struct Flags {
    /// Writes the file instead
    #[arg(long)]
    write: bool,

    /// The file
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.json"))]
    file: PathBuf,

    /// Only what has this name
    #[arg(long, value_name = "NAME", conflicts_with = "write")]
    only: Option<String>,

    /// Runs one workload, for who counts
    #[arg(long, value_name = "NAME", hide = true)]
    run: Option<String>,

    /// How many of its steps go before
    #[arg(long, value_name = "STEPS", hide = true, default_value_t = 0)]
    after: usize,
}

/// What a warm step takes.
#[derive(Serialize, Deserialize)]
struct Count {
    instructions: u64,
    /// Asked of the allocator by the step.
    requested_bytes: usize,
    /// Live at the peak of this step and all before it, the workload's own numbers included.
    peak_bytes: usize,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Counts {
    about: String,
    counts: BTreeMap<String, Count>,
}

fn main() -> ExitCode {
    let flags: Flags = flags::parse();
    if let Some(name) = &flags.run {
        run(name, flags.after);
        return ExitCode::SUCCESS;
    }
    output::finish(compare(&flags))
}

fn compare(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let names: Vec<&str> = workloads::NAMES.into_iter().chain(OPS).collect();
    let chosen = |name: &&str| flags.only.as_deref().is_none_or(|only| only == *name);
    let chosen: Vec<&str> = names.iter().copied().filter(chosen).collect();
    if chosen.is_empty() {
        flags::refuse(format!("--only: expected one of {names:?}, found {:?}", flags.only.as_deref().unwrap_or("")));
    }
    let known: BTreeMap<String, Count> = match fs::read_to_string(&flags.file) {
        Ok(text) => serde_json::from_str::<Counts>(&text)?.counts,
        Err(_) if flags.write => BTreeMap::new(),
        Err(error) => flags::refuse(format!("cannot read `{}`: {error}", flags.file.display())),
    };
    let mut table =
        format::Table::new(["one step", "instructions", "was", "%", "bytes asked for", "bytes at the peak"]);
    let (mut counts, mut complaints) = (BTreeMap::new(), Vec::new());
    for name in chosen {
        let count = count(name)?;
        let was = known.get(name);
        let change = was.map(|was| 100.0 * (count.instructions as f64 / was.instructions as f64 - 1.0));
        complaints.extend(complaint(name, &count, was));
        table.row([
            name.to_string(),
            format::count(count.instructions as usize),
            was.map_or("–".into(), |was| format::count(was.instructions as usize)),
            change.map_or("–".into(), |change| format!("{change:+.2}")),
            format::count(count.requested_bytes),
            format::count(count.peak_bytes),
        ]);
        counts.insert(name.to_string(), count);
    }
    print!("{table}");
    if flags.write {
        let counts = Counts { about: ABOUT.into(), counts };
        output::write(&flags.file, &(serde_json::to_string_pretty(&counts)? + "\n"))?;
    } else if !complaints.is_empty() {
        let advice = "If that is meant: cargo run --release --example counts -- --write";
        return Err(format!(
            "counts are not those of `{}`:\n  {}\n{advice}",
            flags.file.display(),
            complaints.join("\n  ")
        )
        .into());
    }
    Ok(ExitCode::SUCCESS)
}

const ABOUT: &str = "One warm step on one thread with AVX2, as valgrind's callgrind counts it: it knows no AVX-512. \
                     W3, W4 and W8 with an eighth of their examples or links. Renewed by: cargo run --release --example counts -- --write";

/// What is wrong with a count, each thing in a line.
fn complaint(name: &str, now: &Count, was: Option<&Count>) -> Vec<String> {
    let Some(was) = was else { return vec![format!("{name}: expected a count in the file, found none")] };
    let mut complaints = Vec::new();
    let change = 100.0 * (now.instructions as f64 / was.instructions as f64 - 1.0);
    if change.abs() > TOLERANCE {
        complaints.push(format!(
            "{name}: expected {} instructions, within {TOLERANCE} %, found {} ({change:+.1} %)",
            was.instructions, now.instructions
        ));
    }
    for (what, was, now) in [
        ("bytes asked for", was.requested_bytes, now.requested_bytes),
        ("bytes at the peak", was.peak_bytes, now.peak_bytes),
    ] {
        if was != now {
            complaints.push(format!("{name}: expected {was} {what}, found {now}"));
        }
    }
    complaints
}

/// Runs the workload in two processes of its own: one that asks the allocator, and one under callgrind, where a step
/// is slow and the second is as good as any.
fn count(name: &str) -> Result<Count, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let output = Command::new(&this).args(["--run", name, "--after", "3"]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let bytes: Vec<usize> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[requested_bytes, peak_bytes] = &bytes[..] else {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
    };

    let directory = tempfile::tempdir()?;
    let profile = directory.path().join("profile");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--toggle-collect=counts::counted*"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display())).arg(this);
    let output = valgrind.args(["--run", name, "--after", "1"]).output();
    let output = output.map_err(|error| format!("cannot run valgrind, which has to be installed: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} under valgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Count { instructions: total(&profile)?, requested_bytes, peak_bytes })
}

/// The instructions that a profile of callgrind has in all.
fn total(profile: &Path) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string(profile)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("callgrind: expected totals")?;
    Ok(total.trim().parse()?)
}

/// Some steps to warm up, and the one that counts; prints what it asked of the allocator, and the peak.
fn run(name: &str, after: usize) {
    set_threads(1);
    with_instructions(Instructions::Avx2, || {
        // What reading the flags took, the program's own path among it, is no workload's.
        reset_peak();
        let before = live_bytes();
        let mut workload = build(name);
        (0..after).for_each(|_| drop(workload.step()));
        let requested = requested_bytes();
        // The list of the answers is the program's own.
        let answers = size_of_val(&*counted(&mut *workload));
        println!("{} {}", requested_bytes() - requested - answers, peak_bytes() - before);
    });
}

/// What callgrind is told to count, by its name.
#[inline(never)]
fn counted(workload: &mut dyn Workload) -> Vec<f64> {
    std::hint::black_box(workload).step()
}

fn build(name: &str) -> Box<dyn Workload> {
    match name {
        "W3" | "W4" | "W8" => workloads::build_part(name, PART),
        _ => match Case::new(name) {
            Some(op) => Box::new(op),
            None => workloads::build(name),
        },
    }
}

impl Workload for Case {
    fn step(&mut self) -> Vec<f64> {
        Case::step(self);
        Vec::new()
    }
}
