//! A bar that shows how a training goes. It stays silent when its output is no terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// A bar of so many steps, of which `done` are done, with their speed and the time that is left.
pub fn bar(name: &str, steps: u64, done: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix:13} {wide_bar} {msg}, {speed}, {eta} left").expect("a valid template");
    let style = style.with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{:.0} steps/s", state.per_sec());
    });
    let bar = ProgressBar::new(steps).with_style(style).with_prefix(name.to_string()).with_message("starting");
    bar.with_position(done).with_elapsed(std::time::Duration::ZERO)
}
