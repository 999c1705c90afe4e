//! What the programs in Rust share: the numbers from which all systems start, the clock and the report.
//!
//! A program hands [`main`] a function that builds a workload, and is started as
//! `program WORKLOAD THREADS SECONDS [VARIANT]`. It prints one line of JSON. `harness.py` is the same for Python.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// What a process is asked to do.
pub struct Cell {
    /// `W1` to `W8`.
    pub workload: String,
    /// On how many threads.
    pub threads: usize,
    /// What else the program is to know, such as the name of a backend.
    pub variant: String,
}

/// One step, which returns the figures in which all systems must agree.
pub type Step = Box<dyn FnMut() -> Vec<f64>>;

/// Steps after which the figures are compared.
const COMPARED: [usize; 3] = [0, 1, 10];

/// No phase of a cell takes longer than this and a step.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a cell as the command line says and prints the report.
///
/// The warm-up lasts to the last compared step, and a quarter of the time at least. Peak memory is that of the
/// steps: what the preparation took at its height does not count.
///
/// # Panics
/// If the command line is not as above.
pub fn main(build: impl FnOnce(&Cell) -> Step) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, threads, seconds, variant @ ..] = &arguments[..] else {
        panic!("give WORKLOAD THREADS SECONDS [VARIANT], found {arguments:?}");
    };
    let cell = Cell {
        workload: workload.clone(),
        threads: threads.parse().expect("a count of threads"),
        variant: variant.first().cloned().unwrap_or_default(),
    };
    let seconds = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));

    let before = memory("VmRSS");
    let mut step = build(&cell);
    // Makes the kernel forget the peak so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");

    let (mut figures, start) = (Vec::new(), Instant::now());
    for i in 0.. {
        let done = i > COMPARED[2] && start.elapsed() > seconds / 4;
        if i > 0 && (done || start.elapsed() > PATIENCE) {
            break;
        }
        let found = step();
        if COMPARED.contains(&i) {
            figures.push(found);
        }
    }
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < seconds || times.len() < 10 {
        if seconds.is_zero() || start.elapsed() > PATIENCE {
            break;
        }
        let begin = Instant::now();
        std::hint::black_box(step());
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    println!("{}", report(&figures, times, before));
}

/// The report as JSON: figures, milliseconds and mebibytes.
fn report(figures: &[Vec<f64>], mut times: Vec<f64>, before: f64) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let time = times.get((times.len() as f64 * share) as usize);
        time.map_or("null".to_owned(), f64::to_string)
    };
    let (figures, steps) = (list(figures.iter().map(list)), times.len());
    let (ms, p10, p90, peak) = (at(0.5), at(0.1), at(0.9), memory("VmHWM"));
    let times = format!(r#""ms": {ms}, "p10": {p10}, "p90": {p90}, "steps": {steps}"#);
    format!(r#"{{"figures": {figures}, {times}, "before": {before:.2}, "peak": {peak:.2}}}"#)
}

/// Items in brackets.
fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// A line of this process's status, in mebibytes.
fn memory(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kibibytes.unwrap_or(f64::NAN) / 1024.0
}

/// Number `i` of stream `s`: uniform in [−1, 1), and exact in `f32`, as in Tandem's own workloads.
fn number(s: u64, i: u64) -> f64 {
    let mut z = ((s << 32) + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// The first numbers of a stream: inputs.
pub fn inputs(shape: &[usize], s: u64) -> Vec<f32> {
    let count = shape.iter().product::<usize>() as u64;
    (0..count).map(|i| number(s, i) as f32).collect()
}

/// A weight whose last axis is the outputs: a stream times √(3 / fan-in).
pub fn weight(shape: &[usize], s: u64) -> Vec<f32> {
    let fan_in: usize = shape[..shape.len() - 1].iter().product();
    let factor = (3.0 / fan_in as f64).sqrt();
    let count = shape.iter().product::<usize>() as u64;
    (0..count).map(|i| (number(s, i) * factor) as f32).collect()
}

/// Classes for `n` examples.
pub fn labels(n: usize) -> impl Iterator<Item = usize> {
    (0..n).map(|i| (7 * i + 3) % 10)
}

/// An array with its axes in another order: axis `k` of the result is axis `axes[k]` of the array.
pub fn permuted(array: &[f32], shape: [usize; 4], axes: [usize; 4]) -> Vec<f32> {
    let [_, b, c, d] = shape;
    let strides = [b * c * d, c * d, d, 1];
    let [s0, s1, s2, s3] = axes.map(|axis| strides[axis]);
    let [n0, n1, n2, n3] = axes.map(|axis| shape[axis]);
    let mut result = Vec::with_capacity(array.len());
    for i in 0..n0 {
        for j in 0..n1 {
            for k in 0..n2 {
                result.extend((0..n3).map(|l| array[i * s0 + j * s1 + k * s2 + l * s3]));
            }
        }
    }
    result
}

/// The axes that take images from n, h, w, c to n, c, h, w.
pub const CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];

/// The axes that take kernels from h, w, c, o to o, c, h, w; and, seen as kernels, the weights after a flattening.
pub const OUTPUTS_FIRST: [usize; 4] = [3, 2, 0, 1];
