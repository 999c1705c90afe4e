//! The page: one file of HTML with everything in it.

use std::fmt::Write;

use tandem::draw::escape;

use super::Gallery;
use super::runs::{Found, Run};
use super::support::experiment::CAUTION;
use super::support::format::duration;

/// A line of the table of contents.
pub struct Line {
    pub name: &'static str,
    pub title: String,
    pub words: String,
}

/// What all of it is about.
pub const INTRO: &str = "Each experiment tests a claim: of Deep Learning (Goodfellow, Bengio and Courville), section 7.9, \
                         or of a paper. Below each claim stands what holds of it, and where it does not.";

/// Where, when and how long.
pub fn preface(gallery: &Gallery) -> String {
    let all: f64 = gallery.runs.iter().map(|run| run.seconds).sum();
    let quick = if gallery.quick {
        " Made with --quick: few seeds and settings, to be looked at and not to be quoted."
    } else {
        ""
    };
    format!("{CAUTION} {} All of it took {}.{quick}", gallery.machine.describe(), duration(all))
}

/// One line for each experiment.
pub fn contents(gallery: &Gallery) -> Vec<Line> {
    let line = |run: &Run| match &run.found {
        Ok(Found { kept, .. }) => {
            Line { name: run.name, title: kept.report.title.clone(), words: format!("claim: {}", kept.report.claim) }
        }
        Err(_) => Line { name: run.name, title: run.name.into(), words: "it failed".into() },
    };
    gallery.runs.iter().map(line).collect()
}

/// "Seeds 0 to 19".
pub fn seeds([first, last]: [u64; 2]) -> String {
    if first == last { format!("Seed {first}") } else { format!("Seeds {first} to {last}") }
}

/// A caption, as what it names and the rest: up to the first colon or full stop that is not between brackets.
pub fn caption(caption: &str) -> [&str; 2] {
    let mut depth = 0;
    for (at, c) in caption.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        let (head, rest) = caption.split_at(at + c.len_utf8());
        if depth == 0 && matches!(c, ':' | '.') && rest.starts_with(' ') {
            return [head, rest];
        }
    }
    [caption, ""]
}

/// The page.
pub fn html(gallery: &Gallery) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Tandem: the experiments</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>Independent, close or equal</h1>\n<p>What coupling and sharing of parameters buy, by figures. {}</p>\n\
         <p class=\"quiet\">{}</p>\n</header>\n<nav id=\"contents\">\n<ol>\n",
        escape(INTRO),
        escape(&preface(gallery))
    );
    for Line { name, title, words } in contents(gallery) {
        let _ = writeln!(
            page,
            "<li><a href=\"#{name}\">{}</a><br><span class=\"quiet\">{}</span></li>",
            escape(&title),
            escape(&words)
        );
    }
    page += "</ol>\n</nav>\n<main>\n";
    for run in &gallery.runs {
        page += &section(run);
    }
    page + "</main>\n</body>\n</html>\n"
}

fn section(run: &Run) -> String {
    let name = run.name;
    let Found { kept, pictures } = match &run.found {
        Ok(found) => found,
        Err(reason) => {
            let reason = reason.lines().map(escape).collect::<Vec<_>>().join("\n");
            return format!(
                "<section id=\"{name}\">\n<h2>{name}</h2>\n<p>It failed.</p>\n<pre>{reason}</pre>\n{UP}\n</section>\n"
            );
        }
    };
    let report = &kept.report;
    let mut text = format!(
        "<section id=\"{name}\">\n<h2>{}</h2>\n<p class=\"claim\"><b>The claim.</b> {}</p>\n<p><b>What the figures show.</b> {}</p>\n\
         <p><b>Where it does not hold.</b> {}</p>\n",
        escape(&report.title),
        escape(&report.claim),
        escape(&report.shows),
        escape(&report.limits)
    );
    for (file, picture) in pictures {
        // The file beside the page also says the figures of a point to who points at it.
        let (source, alt, file) = (data(picture), escape(&title(picture, file)), escape(file));
        let _ = writeln!(
            text,
            "<figure>\n<div class=\"wide\"><a href=\"{file}\"><img src=\"{source}\" alt=\"{alt}\"></a></div>\n\
             <figcaption class=\"quiet\"><a href=\"{file}\">{file}</a> opens alone; point at a mark for its figures\
             </figcaption>\n</figure>"
        );
    }
    let _ = writeln!(text, "<p class=\"quiet\">{}</p>", escape(&report.setting));
    for (words, table) in &report.tables {
        let [head, rest] = caption(words).map(escape);
        let rest = if rest.is_empty() { rest } else { format!("<span class=\"quiet\">{rest}</span>") };
        let _ = writeln!(
            text,
            "<p class=\"caption\"><b>{head}</b>{rest}</p>\n<div class=\"wide\">\n{}</div>",
            table.html()
        );
    }
    let _ = writeln!(
        text,
        "<pre>{}</pre>\n<p class=\"quiet\">{}, {}.</p>\n{UP}\n</section>",
        escape(&kept.command),
        seeds(kept.seeds),
        duration(run.seconds)
    );
    text
}

/// What a picture is called, which is its file's name if it has none. As text, not as XML.
fn title(picture: &str, file: &str) -> String {
    let between = || picture.split_once("<title>")?.1.split_once("</title>");
    let unescaped = |title: &str| {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
            .iter()
            .fold(title.to_string(), |title, (entity, c)| title.replace(entity, c))
    };
    between().map_or_else(|| file.into(), |(title, _)| unescaped(title))
}

/// A picture as an address. Style sheets of pictures, whose classes have the same names, stay apart like this.
fn data(picture: &str) -> String {
    let mut address = String::from("data:image/svg+xml,");
    for byte in picture.trim_end().bytes() {
        match byte {
            // What stands for itself in an address.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'=' | b',' | b';' => {
                address.push(byte.into());
            }
            _ => {
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
}

/// The end of a section.
const UP: &str = "<p class=\"up\"><a href=\"#contents\">↑ contents</a></p>";

/// Light and dark; what is wider than the window scrolls by itself.
const STYLE: &str = "\
:root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--ink:#1c1e21;--quiet:#5c6066;--line:#e3e4e6;--link:#27548a}
@media (prefers-color-scheme:dark){:root{--page:#0e1013;--card:#16181d;--ink:#e8e9eb;--quiet:#a2a7ae;--line:#32363d;--link:#7fb2e6}}
body{margin:0 auto;max-width:760px;padding:8px 12px 48px;background:var(--page);color:var(--ink);\
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7em;line-height:1.2;margin:.8em 0 .3em}h2{font-size:1.25em;line-height:1.25;margin:.2em 0 .5em}
p{margin:.5em 0}a{color:var(--link)}.quiet{color:var(--quiet);font-size:.875em}.claim{font-size:1.06em}
nav ol{padding-left:1.4em}nav li{margin:.3em 0}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:20px 0;padding:16px 18px}
figure{margin:14px 0}img{display:block;max-width:100%;height:auto;margin:0 auto 4px}
.caption{margin-top:1.2em}.caption b{font-weight:600}.wide,pre{overflow-x:auto}.up{text-align:right;font-size:.875em;margin:0}
pre{background:var(--page);border-radius:6px;padding:8px 10px;font-size:.8125em;overflow-wrap:normal}
table{border-collapse:separate;border-spacing:0;font-size:.875em;font-variant-numeric:tabular-nums;overflow-wrap:normal}
th,td{padding:3px 12px 3px 0;text-align:left;white-space:pre;border-bottom:1px solid var(--line)}
th{font-weight:600;vertical-align:bottom;white-space:normal}th.number,td.number{text-align:right}
th:first-child,td:first-child{position:sticky;left:0;background:var(--card)}
@media (max-width:500px){section{padding:12px 10px;margin:14px -6px}img{min-width:600px}\
td:first-child{white-space:normal;min-width:5em;max-width:32vw}}
";
