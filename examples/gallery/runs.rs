//! Builds and runs the experiments, and reads what they left.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::Flags;
use super::support::experiment::Kept;

/// What became of an experiment.
pub struct Run {
    /// The name of the program.
    pub name: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// What it found, or why it found nothing.
    pub found: Result<Found, String>,
}

/// What an experiment left.
pub struct Found {
    pub kept: Kept,
    /// Names and contents.
    pub pictures: Vec<(String, String)>,
}

/// Builds these examples; the programs of those that could be built, by name.
///
/// # Errors
/// If there is no cargo.
pub fn build(names: &[&str]) -> Result<BTreeMap<String, PathBuf>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // One that is not there would keep cargo from building the others.
    let sources = |name: &str| [format!("examples/{name}.rs"), format!("examples/{name}/main.rs")];
    let there = |name: &&&str| sources(name).iter().any(|source| root.join(source).exists());
    let there: Vec<&&str> = names.iter().filter(there).collect();
    if there.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--keep-going", "--message-format", "json-render-diagnostics"]);
    cargo.arg("--manifest-path").arg(root.join("Cargo.toml"));
    cargo.args(there.iter().flat_map(|name| ["--example", name]));
    let built = cargo.stderr(Stdio::inherit()).output().map_err(|error| format!("cannot start cargo: {error}"))?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program =
        |message: Value| Some((message["target"]["name"].as_str()?.into(), message["executable"].as_str()?.into()));
    Ok(messages.filter_map(program).collect())
}

impl Run {
    /// Runs a program.
    pub fn of(name: &'static str, program: &Path, flags: &Flags, out: &Path) -> Run {
        let start = Instant::now();
        let ended = run(program, flags, out);
        Run { name, seconds: start.elapsed().as_secs_f64(), found: ended.and_then(|()| read(name, out)) }
    }

    /// One that could not be run.
    pub fn failed(name: &'static str, reason: String) -> Run {
        Run { name, seconds: 0.0, found: Err(reason) }
    }
}

/// Its tables are on the page; its bars are for the terminal.
fn run(program: &Path, flags: &Flags, out: &Path) -> Result<(), String> {
    let terminal = io::stderr().is_terminal();
    let mut command = Command::new(program);
    command.arg("--out").arg(out).args(flags.quick.then_some("--quick"));
    if let Some(threads) = flags.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(if terminal { Stdio::inherit() } else { Stdio::piped() });
    let mut child = command.spawn().map_err(|error| format!("It could not be started: {error}"))?;
    let said = pass_on(&mut child);
    let status = child.wait().map_err(|error| format!("It was lost: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = if terminal { "what it said stands in the terminal.".into() } else { said };
    Err(format!("It ended with {status}: {}", said.strip_prefix("error: ").unwrap_or(&said)))
}

/// What a program says on standard error, which is also passed on: the last lines.
fn pass_on(child: &mut Child) -> String {
    let mut all: Vec<String> = Vec::new();
    let lines = child.stderr.take().map(|said| BufReader::new(said).split(b'\n'));
    for line in lines.into_iter().flatten().map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        eprintln!("{line}");
        all.push(line);
    }
    // Who debugs has the backtrace in the terminal.
    let end = all.iter().position(|line| line == "stack backtrace:").unwrap_or(all.len());
    all[end.saturating_sub(12)..end].join("\n")
}

/// What a program left in its files.
fn read(name: &str, out: &Path) -> Result<Found, String> {
    let text = |file: &str| {
        fs::read_to_string(out.join(file)).map_err(|error| format!("It left no `{file}` that can be read: {error}"))
    };
    let file = format!("{name}.json");
    let kept: Kept = serde_json::from_str(&text(&file)?).map_err(|error| format!("`{file}` is no report: {error}"))?;
    let picture = |file: &String| Ok::<_, String>((file.clone(), text(file)?));
    let pictures = kept.pictures.iter().map(picture).collect::<Result<_, _>>()?;
    Ok(Found { kept, pictures })
}
