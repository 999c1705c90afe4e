//! What parameter sharing does to memory: four networks with the same feature maps, dense,
//! unshared, tiled and convolutional, on handwritten digits.
//!
//! ```text
//! cargo run --release --example convnet_memory
//! cargo run --release --example convnet_memory -- --help
//! ```
//!
//! Each network's memory is predicted from its description, measured by an allocator that counts,
//! and shown beside its accuracy. Then the same code computes the figures of well-known networks.

mod cli;
mod known;
mod networks;
mod report;
mod study;
#[path = "../support/mod.rs"]
mod support;
mod training;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use cli::Task;
use networks::Sharing;
use support::{bars, output};
use tandem::autograd::kernels;
use tandem::memory::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let task = Task::from_command_line();
    output::finish(run(&task, &mut io::stdout().lock()))
}

fn run(task: &Task, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    kernels::set_threads(task.threads);
    // Whether anybody reads this does not matter to the files.
    let heading = print_heading(task, out);
    let mut networks = Vec::new();
    for sharing in Sharing::ALL {
        networks.push(study::study(task, sharing)?);
    }
    write_files(task, &networks)?;
    heading?;
    writeln!(out, "{}", report::table(&networks))?;
    writeln!(out, "Bytes are at the peak of a step, wherever in the step that is; the seven categories add up to the")?;
    writeln!(
        out,
        "total. × less: against dense. ±: the standard deviation of the seeds. Peak resident memory is that of"
    )?;
    writeln!(out, "the whole process, with its code, its libraries and the data.")?;
    let verdict = report::verdict(&networks);
    writeln!(out, "{}\n", verdict.as_ref().unwrap_or_else(|complaint| complaint))?;
    writeln!(out, "{}", report::activations(task, &networks))?;
    writeln!(
        out,
        "Sharing shrinks parameters, gradients and optimizer state. It does not shrink what is kept for the"
    )?;
    writeln!(out, "backward sweep, which grows with the batch: try --batch.\n")?;
    if task.per_layer {
        for network in &networks {
            writeln!(out, "{}", report::per_layer(network, task.batch))?;
        }
    }
    print_known(task, out)?;
    writeln!(out, "\nPicture: {}", task.picture.display())?;
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what will be done.
fn print_heading(task: &Task, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Data: {}.", task.data)?;
    writeln!(out, "Networks: {}; between the maps, weights that are shared more and more.", task.plan.describe())?;
    let seeds = match (task.seeds.start, task.seeds.end - 1) {
        (first, last) if first == last => format!("seed {first}"),
        (first, last) => format!("seeds {first} to {last}"),
    };
    writeln!(
        out,
        "Training: {}, learning rate {}, batch {}, epochs: {}, {seeds}, f32, threads: {}.\n",
        task.optimizer.name(),
        task.lr,
        task.batch,
        task.epochs,
        task.threads
    )
}

/// Writes the picture, and the figures where a flag says so.
fn write_files(task: &Task, networks: &[study::Network]) -> Result<(), output::OutputError> {
    output::write(&task.picture, &bars::svg(&report::chart(task, networks)))?;
    if let Some(path) = &task.json {
        output::write(path, &report::json(task, networks))?;
    }
    if let Some(path) = &task.csv {
        output::write(path, &report::csv(networks))?;
    }
    Ok(())
}

/// Prints what is known of networks from the literature.
fn print_known(task: &Task, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Well-known networks, computed from their descriptions without allocating them:\n")?;
    known::edge_detection().print(out)?;
    writeln!(out)?;
    let rows = known::table();
    known::print(&rows, out)?;
    if task.per_layer { known::print_layers(&rows, out) } else { Ok(()) }
}
