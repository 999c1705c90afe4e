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
    match run(&task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<ExitCode, Box<dyn Error>> {
    kernels::set_threads(task.threads);
    println!("Data: {}.", task.data);
    println!("Networks: {}; between the maps, weights that are shared more and more.", task.plan.describe());
    println!(
        "Training: {}, learning rate {}, batch {}, {} epochs, seeds {} to {}, f32, {} threads.\n",
        task.optimizer.name(),
        task.lr,
        task.batch,
        task.epochs,
        task.seeds.start,
        task.seeds.end - 1,
        task.threads
    );
    let mut networks = Vec::new();
    for sharing in Sharing::ALL {
        networks.push(study::study(task, sharing)?);
    }
    println!("{}", report::table(&networks));
    println!("Bytes are at the peak of a step, wherever in the step that is; the seven categories add up to the");
    println!("total. × less: against dense.");
    let verdict = report::verdict(&networks);
    println!("{}\n", verdict.as_ref().unwrap_or_else(|complaint| complaint));
    println!("{}", report::activations(task, &networks));
    println!("Sharing shrinks parameters, gradients and optimizer state. It does not shrink what is kept for the");
    println!("backward sweep, which grows with the batch: try --batch.\n");
    if task.per_layer {
        for network in &networks {
            println!("{}", report::per_layer(network, task.batch));
        }
    }
    println!("Well-known networks, computed from their descriptions without allocating them:\n");
    known::edge_detection().print(&mut std::io::stdout())?;
    println!();
    let rows = known::table();
    known::print(&rows, &mut std::io::stdout())?;
    if task.per_layer {
        known::print_layers(&rows, &mut std::io::stdout())?;
    }

    output::write(&task.picture, &bars::svg(&report::chart(task, &networks)))?;
    println!("\nPicture: {}", task.picture.display());
    if let Some(path) = &task.json {
        output::write(path, &report::json(task, &networks))?;
    }
    if let Some(path) = &task.csv {
        output::write(path, &report::csv(&networks))?;
    }
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
