//! Where and when: what figures of time depend on.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use tandem::autograd::kernels::Instructions;

/// A machine, what was built on it, and a day.
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    /// What products use of it.
    pub instructions: &'static str,
    pub system: String,
    pub compiler: Option<String>,
    /// The commit, and whether files differ from it.
    pub commit: Option<(String, bool)>,
    /// Year, month, day, of universal time.
    pub date: String,
}

impl Machine {
    /// This one, now.
    pub fn this() -> Machine {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let git = |arguments: &[&str]| {
            said("git", [OsStr::new("-C"), root.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new)))
        };
        let commit = git(&["rev-parse", "--short=12", "HEAD"]);
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|files| !files.is_empty());
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Machine {
            processor: processor(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            instructions: match Instructions::current() {
                Instructions::Portable => "portable instructions",
                Instructions::Avx2 => "AVX2",
                Instructions::Avx512 => "AVX-512",
            },
            system: env::consts::OS.into(),
            compiler: said(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), ["--version".as_ref()]),
            commit: commit.map(|commit| (commit, changed)),
            date: date(seconds / 86_400),
        }
    }

    /// In a few sentences.
    pub fn describe(&self) -> String {
        let Machine { processor, cores, instructions, system, date, .. } = self;
        let cores = format!("{cores} core{}", if *cores == 1 { "" } else { "s" });
        let mut text = format!("{processor}, {cores}, {instructions}, {system}; {date}");
        text.extend(self.compiler.iter().map(|compiler| format!("; {compiler}")));
        text.extend(
            self.commit
                .iter()
                .map(|(commit, changed)| format!("; commit {commit}{}", if *changed { " with changes" } else { "" })),
        );
        text + "."
    }
}

/// What a program prints, if there is one and it succeeds.
fn said<'a>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = &'a OsStr>) -> Option<String> {
    let ended = Command::new(program).args(arguments).output().ok()?;
    ended.status.success().then(|| String::from_utf8_lossy(&ended.stdout).trim().into())
}

/// As the system calls it.
fn processor() -> String {
    let linux = || {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let mac = || said("sysctl", ["-n", "machdep.cpu.brand_string"].map(OsStr::new));
    linux().or_else(mac).unwrap_or_else(|| env::consts::ARCH.into())
}

/// The date so many days after 1970-01-01. Years start in March here, so that a leap day is the last of its year.
fn date(days: u64) -> String {
    // 719,468 days lie between 0000-03-01 and 1970-01-01; an era is 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", 400 * era + year + next)
}
