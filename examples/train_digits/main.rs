//! Trains a convolutional network on handwritten digits, as a program of one's own would: it can be stopped at
//! any step and goes on to the same bits.
//!
//! ```text
//! cargo run --release --example train_digits
//! cargo run --release --example train_digits -- --out target/train_digits     # Ctrl-C …
//! cargo run --release --example train_digits -- --out target/train_digits --resume
//! ```

mod cli;
#[path = "../support/mod.rs"]
mod support;
mod training;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use cli::Task;
use support::interrupt::{Interrupt, STATUS};
use support::lines::Lines;
use support::output;
use support::stats::Estimate;
use training::{Ended, Run};

fn main() -> ExitCode {
    let task = Task::from_command_line();
    output::finish(run(&task, &mut io::stdout().lock()))
}

fn run(task: &Task, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let interrupt = Interrupt::listen()?;
    tandem::autograd::kernels::set_threads(task.threads);
    writeln!(out, "{}", task.data)?;
    let mut accuracies = Vec::new();
    for seed in task.seeds.clone() {
        let mut run = Run::new(task, seed)?;
        let file = task.out.as_ref().map(|out| out.join(format!("seed-{seed}.safetensors")));
        if let Some(file) = file.as_ref().filter(|file| task.resume && file.exists()) {
            run.load(file)?;
        }
        let path = task.metrics.clone().or_else(|| Some(task.out.as_ref()?.join("metrics.jsonl")));
        let mut lines = path.map(|path| Lines::open(&path, |line| run.has_written(line))).transpose()?;
        if let Ended::Interrupted = run.train(task, &interrupt, file.as_deref(), lines.as_mut())? {
            match file {
                Some(file) => eprintln!("stopped after step {}; --resume goes on from {}", run.step(), file.display()),
                None => eprintln!("stopped after step {}; with --out it could go on", run.step()),
            }
            return Ok(ExitCode::from(STATUS));
        }
        let confusion = run.test(&task.test, task.batch);
        writeln!(
            out,
            "seed {seed}: {} parameters, {:.2} % of the test rows",
            run.parameters(),
            100.0 * confusion.accuracy()
        )?;
        if task.seeds.end - task.seeds.start == 1 {
            writeln!(out, "\n{confusion}")?;
        }
        accuracies.push(100.0 * confusion.accuracy());
    }
    if accuracies.len() > 1 {
        writeln!(out, "mean: {:.2} % (± standard deviation)", Estimate::with_deviation(&accuracies))?;
    }
    Ok(ExitCode::SUCCESS)
}
