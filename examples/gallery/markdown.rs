//! The figures as Markdown.

use std::fmt::Write;

use super::runs::{Found, Run};
use super::support::format::{duration, markdown};
use super::{Gallery, page};

/// All that was found, without the pictures.
pub fn text(gallery: &Gallery) -> String {
    let mut text =
        format!("# What the experiments found\n\n{}\n\n{}\n", markdown(page::INTRO), markdown(&page::preface(gallery)));
    for line in page::contents(gallery) {
        let link = anchor(&line.title);
        let _ = write!(text, "\n- [{}](#{link}): {}", markdown(&line.title), markdown(&line.words));
    }
    text += "\n";
    for run in &gallery.runs {
        match &run.found {
            Ok(found) => text += &section(run, found),
            Err(reason) => {
                let reason = reason.replace('\n', "\n    ");
                let _ = write!(text, "\n## {}\n\nIt failed.\n\n    {reason}\n", markdown(run.name));
            }
        }
    }
    text
}

fn section(run: &Run, Found { kept, .. }: &Found) -> String {
    let report = &kept.report;
    let facts = format!("{}, {}.", page::seeds(kept.seeds), duration(run.seconds));
    let mut text = format!(
        "\n## {}\n\n**The claim.** {}\n\n**What the figures show.** {}\n\n**Where it does not hold.** {}\n\n```sh\n{}\n```\n\n{} {}\n",
        markdown(&report.title),
        markdown(&report.claim),
        markdown(&report.shows),
        markdown(&report.limits),
        kept.command,
        markdown(&facts),
        markdown(&report.setting),
    );
    for (caption, table) in &report.tables {
        let [head, rest] = page::caption(caption).map(markdown);
        let _ = write!(text, "\n**{head}**{rest}\n\n{}", table.markdown());
    }
    text
}

/// The anchor that a heading gets where Markdown is shown.
fn anchor(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    title.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}
