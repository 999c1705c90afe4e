//! A bar that shows how a training goes. It stays silent when its output is no terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// A bar of so many steps, of which `done` are done, with steps a second and the time that is left.
pub fn bar(name: &str, steps: u64, done: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {msg}, {speed}, {eta} left").expect("a valid template");
    let style = style.with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    });
    let bar = ProgressBar::new(steps).with_style(style).with_prefix(name.to_string()).with_message("starting");
    let bar = bar.with_position(done);
    // The steps of an earlier run took no time of this one.
    bar.reset_eta();
    bar
}
