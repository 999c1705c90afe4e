//! How time and memory of a training step grow with batch, width, depth and the side of the images.
//!
//! ```text
//! cargo run --release --example scaling -- --out target/scaling
//! cargo run --release --example scaling -- --help
//! ```
//!
//! One network, of which one size at a time changes. The slope on a log–log plot is the power with which the cost grows;
//! it is fitted over the upper sizes and stands beside the one that theory predicts. Memory is predicted by a dry run,
//! and measured by an allocator that counts.

mod chart;
mod network;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tandem::autograd::kernels;
use tandem::memory::CountingAllocator;

use network::{Point, Size};
use support::{flags, format, output, progress};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures how a training step grows with batch, width, depth and the side of the images.
#[derive(Parser)]
#[command(name = "scaling")]
struct Flags {
    /// Smaller sizes alone, and fewer steps of each
    #[arg(long)]
    quick: bool,

    /// How many threads a step may use
    #[arg(long, value_name = "N", default_value = "1", value_parser = flags::threads)]
    threads: usize,

    /// Where scaling.svg and scaling.json go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One size that changes while the others stay.
#[derive(Serialize)]
pub struct Series {
    /// What changes.
    pub axis: &'static str,
    /// By rising size.
    pub points: Vec<Point>,
    /// The power with which time grows, in theory and over the upper sizes.
    pub time: Slope,
    /// That with which memory grows.
    pub memory: Slope,
}

/// A power.
#[derive(Clone, Copy, Serialize)]
pub struct Slope {
    /// The least and the most that theory predicts for large sizes.
    pub theory: [f64; 2],
    /// That of a straight line through the logarithms of the upper sizes.
    pub fitted: f64,
}

impl Slope {
    fn fit(theory: [f64; 2], upper: &[Point], of: impl Fn(&Point) -> f64) -> Slope {
        let logarithms = || upper.iter().map(|point| ((point.size as f64).ln(), of(point).ln()));
        let n = upper.len() as f64;
        let [x, y] = [logarithms().map(|(x, _)| x).sum::<f64>() / n, logarithms().map(|(_, y)| y).sum::<f64>() / n];
        let products: f64 = logarithms().map(|(a, b)| (a - x) * (b - y)).sum();
        Slope { theory, fitted: products / logarithms().map(|(a, _)| (a - x).powi(2)).sum::<f64>() }
    }

    /// What theory says, in words: a number, or two.
    pub fn in_theory(&self) -> String {
        let [least, most] = self.theory;
        if least < most { format!("{least} to {most}") } else { least.to_string() }
    }
}

/// Bytes of a MiB.
pub const MIB: f64 = 1024.0 * 1024.0;

/// What changes, to which sizes, of what, and the powers that theory predicts for time and memory.
type Plan = (&'static str, Vec<usize>, fn(Size, usize) -> Size, [f64; 2], [f64; 2]);

/// How many of the largest sizes a line is fitted to.
pub const UPPER: usize = 4;

fn main() -> ExitCode {
    let flags: Flags = flags::parse();
    let files = flags.out.as_ref().map(|out| ["scaling.svg", "scaling.json"].map(|name| out.join(name)));
    for path in files.iter().flatten() {
        output::check_writable(path).unwrap_or_else(|error| flags::refuse(error));
    }
    output::finish(run(&flags, files.as_ref()))
}

fn run(flags: &Flags, files: Option<&[PathBuf; 2]>) -> Result<ExitCode, Box<dyn Error>> {
    kernels::set_threads(flags.threads);
    kernels::start();
    let base = Size { batch: 16, width: 32, depth: 8, side: 16 };
    let powers = |first: u32, last: u32| (first..=if flags.quick { last - 3 } else { last }).map(|k| 1 << k);
    // An activation is kept for each example, layer, channel and pixel; a kernel is stored for each pair of channels.
    let plan: [Plan; 4] = [
        ("batch", powers(0, 9).collect(), |base, batch| Size { batch, ..base }, [1.0; 2], [1.0; 2]),
        ("width", powers(2, 8).collect(), |base, width| Size { width, ..base }, [2.0; 2], [1.0, 2.0]),
        ("depth", powers(0, 7).collect(), |base, depth| Size { depth, ..base }, [1.0; 2], [1.0; 2]),
        ("image side", powers(2, 7).collect(), |base, side| Size { side, ..base }, [2.0; 2], [2.0; 2]),
    ];
    let bar = progress::bar("scaling", plan.iter().map(|(_, sizes, ..)| sizes.len() as u64).sum(), 0);
    let mut all = Vec::new();
    for (axis, sizes, at, of_time, of_memory) in plan {
        let measure = |size: usize| {
            bar.set_message(format!("{axis} {size}"));
            let point = Point::measure(size, at(base, size), flags.quick);
            bar.inc(1);
            point
        };
        let points: Vec<Point> = sizes.into_iter().map(measure).collect();
        let upper = &points[points.len().saturating_sub(UPPER)..];
        let time = Slope::fit(of_time, upper, |point| point.milliseconds);
        let memory = Slope::fit(of_memory, upper, |point| point.measured_bytes as f64);
        all.push(Series { axis, points, time, memory });
    }
    bar.finish_and_clear();

    if let Some([picture, figures]) = files {
        output::write(picture, &chart::svg(&base, flags.threads, &all))?;
        output::write(figures, &(serde_json::to_string_pretty(&all)? + "\n"))?;
    }
    report(&all)?;
    Ok(ExitCode::SUCCESS)
}

/// Every point, then the slopes beside theory's.
fn report(all: &[Series]) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let mut points = format::Table::new(["what", "size", "milliseconds", "bytes, predicted", "bytes, measured"]);
    let mut slopes = format::Table::new(["growth with", "of time", "in theory", "of memory", "in theory"]);
    for series in all {
        for point in &series.points {
            let bytes = [point.predicted_bytes, point.measured_bytes].map(format::count);
            let [predicted, measured] = bytes;
            let time = format!("{:.3}", point.milliseconds);
            points.row([series.axis.into(), point.size.to_string(), time, predicted, measured]);
        }
        let [time, memory] = [series.time, series.memory].map(|slope| format!("{:.2}", slope.fitted));
        slopes.row([series.axis.into(), time, series.time.in_theory(), memory, series.memory.in_theory()]);
    }
    write!(out, "{points}\nPowers, over the {UPPER} largest sizes:\n{slopes}")?;
    Ok(())
}
