//! Makes the book's chapters into pages of `cargo doc`.
//!
//! In `docs/guide` a link leads to a file, as a code host shows it. On a page of `cargo doc` the same link has to lead
//! to an item, a chapter or a page of source, and a figure has to be part of the page. Here the one becomes the other,
//! so that a chapter is written once.

use std::path::{Component, Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=build.rs");
    let mut pages = vec![PathBuf::from("ARCHITECTURE.md"), "CONTRIBUTING.md".into(), "docs/RESULTS.md".into()];
    for entry in fs::read_dir("docs/guide")? {
        pages.push(entry?.path());
    }
    println!("cargo::rerun-if-changed=docs/guide");
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        println!("cargo::rerun-if-changed={}", page.display());
        let text = fs::read_to_string(page)?;
        fs::write(out.join(page.file_name().expect("a file has a name")), Page { file: page }.converted(&text))?;
    }
    Ok(())
}

struct Page<'a> {
    file: &'a Path,
}

impl Page<'_> {
    /// The text with links that lead somewhere on a page of `cargo doc`. Blocks of code stay as they are.
    fn converted(&self, text: &str) -> String {
        let mut in_code = false;
        let lines = text.lines().map(|line| {
            in_code ^= line.trim_start().starts_with("```");
            match line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
                _ if in_code => line.into(),
                Some((label, path)) => self.definition(label, path),
                None => self.inline(line),
            }
        });
        lines.collect::<Vec<String>>().join("\n")
    }

    /// The line that says where links with this label lead.
    fn definition(&self, label: &str, path: &str) -> String {
        match self.target(label, path) {
            Some(target) => format!("[{label}]: {target}"),
            None => panic!("{}: no page for [{label}]: {path}", self.file.display()),
        }
    }

    /// A line whose inline links are replaced; of one that leads to no page, the text stays.
    fn inline(&self, line: &str) -> String {
        let (mut to, mut rest) = (String::new(), line);
        while let Some((before, after)) = rest.split_once("](") {
            let (Some((before, text)), Some((path, next))) = (before.rsplit_once('['), after.split_once(')')) else {
                break;
            };
            to += before;
            to += &self.target(text, path).map_or(text.into(), |target| format!("[{text}]({target})"));
            rest = next;
        }
        to + rest
    }

    /// Where a link with this text, to this path, leads on a page; `None` if there is no page for it.
    fn target(&self, text: &str, path: &str) -> Option<String> {
        if path.starts_with("https:") || path.starts_with('#') {
            return Some(path.into());
        }
        let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
        let file = resolved(&self.file.parent().expect("a file is in a directory").join(path));
        let name = file.to_string_lossy();
        if file.extension().is_some_and(|extension| extension == "svg") {
            println!("cargo::rerun-if-changed={name}");
            // The program that makes the figures depends on this package: it must be built before there is one.
            return Some(fs::read(&file).map_or_else(|_| path.into(), |svg| as_data(&svg)));
        }
        if let Some(page) = page_of(&name) {
            let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
            return Some(format!("crate::guide{page}{anchor}"));
        }
        let (module, page) = source_of(&name)?;
        Some(match text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
            Some(item) => format!("crate::{module}{}", item.trim_end_matches("()")),
            None => format!("{}src/{page}.html", self.up()),
        })
    }

    /// From the page of this file to the root of all pages.
    fn up(&self) -> &'static str {
        if self.file.ends_with("guide/README.md") { "../../" } else { "../../../" }
    }
}

/// The module below `guide` that shows this file, if there is one.
fn page_of(name: &str) -> Option<String> {
    Some(match name {
        "docs/guide/README.md" => String::new(),
        "ARCHITECTURE.md" => "::architecture".into(),
        "CONTRIBUTING.md" => "::contributing".into(),
        "docs/RESULTS.md" => "::results".into(),
        _ => format!("::{}", name.strip_prefix("docs/guide/")?.strip_suffix(".md")?),
    })
}

/// The module of the root crate whose source is in this file, and the page of the source.
fn source_of(name: &str) -> Option<(String, String)> {
    let stem = name.strip_suffix(".rs")?;
    if let Some(file) = stem.strip_prefix("src/") {
        return Some((String::new(), format!("tandem/{file}.rs")));
    }
    let (krate, file) = stem.strip_prefix("crates/")?.split_once("/src/")?;
    Some((format!("{krate}::"), format!("tandem_{krate}/{file}.rs")))
}

/// A path without `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut resolved, part| {
        match part {
            Component::ParentDir => drop(resolved.pop()),
            Component::CurDir => {}
            part => resolved.push(part),
        }
        resolved
    })
}

/// A picture as an address that contains it.
fn as_data(svg: &[u8]) -> String {
    let escaped = svg.iter().map(|&byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' | b':' | b'=' | b';' | b',' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    format!("data:image/svg+xml,{}", escaped.collect::<String>())
}
