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
    let mut pages = vec![PathBuf::from("ARCHITECTURE.md"), "docs/RESULTS.md".into()];
    for entry in fs::read_dir("docs/guide")? {
        pages.push(entry?.path());
    }
    println!("cargo::rerun-if-changed=docs/guide");
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        println!("cargo::rerun-if-changed={}", page.display());
        let text = fs::read_to_string(page)?;
        fs::write(out.join(page.file_name().expect("a file has a name")), Page { file: page }.converted(&text)?)?;
    }
    Ok(())
}

struct Page<'a> {
    file: &'a Path,
}

impl Page<'_> {
    /// The text with links that lead somewhere on a page of `cargo doc`. Blocks of code stay as they are.
    fn converted(&self, text: &str) -> io::Result<String> {
        let (mut to, mut in_code) = (String::new(), false);
        for line in text.lines() {
            in_code ^= line.trim_start().starts_with("```");
            match line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
                _ if in_code => to += line,
                Some((label, path)) => {
                    let Some(target) = self.target(label, path)? else {
                        panic!("{}: no page for [{label}]: {path}", self.file.display());
                    };
                    to += &format!("[{label}]: {target}");
                }
                None => to += &self.inline(line)?,
            }
            to.push('\n');
        }
        Ok(to)
    }

    /// A line whose inline links are replaced; of one that leads to no page, the text stays.
    fn inline(&self, line: &str) -> io::Result<String> {
        let mut to = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let (Some(open), Some((path, next))) = (before.rfind('['), after.split_once(')')) else { break };
            let text = &before[open + 1..];
            match self.target(text, path)? {
                Some(target) => to += &format!("{}[{text}]({target})", &before[..open]),
                None => to += &format!("{}{text}", &before[..open]),
            }
            rest = next;
        }
        Ok(to + rest)
    }

    /// Where a link with this text, to this path, leads on a page; `None` if there is no page for it.
    fn target(&self, text: &str, path: &str) -> io::Result<Option<String>> {
        if path.starts_with("https:") || path.starts_with('#') {
            return Ok(Some(path.into()));
        }
        let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
        let file = resolved(&self.file.parent().expect("a file is in a directory").join(path));
        let name = file.to_string_lossy();
        if name.ends_with(".svg") {
            println!("cargo::rerun-if-changed={name}");
            // The program that makes the figures depends on this package: it must be built before there is one.
            return Ok(Some(fs::read_to_string(&file).map_or_else(|_| path.into(), |svg| as_data(&svg))));
        }
        if let Some(page) = page_of(&name) {
            let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
            return Ok(Some(format!("crate::guide{page}{anchor}")));
        }
        Ok(source_of(&name).map(|(module, page)| {
            match text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
                Some(item) => format!("crate::{module}{}", item.trim_end_matches("()")),
                None => format!("{}src/{page}.html", self.up()),
            }
        }))
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
    if !name.ends_with(".rs") {
        return None;
    }
    if let Some(file) = name.strip_prefix("src/") {
        return Some((String::new(), format!("tandem/{file}")));
    }
    let (krate, file) = name.strip_prefix("crates/")?.split_once("/src/")?;
    Some((format!("{krate}::"), format!("tandem_{krate}/{file}")))
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
fn as_data(svg: &str) -> String {
    let mut address = String::from("data:image/svg+xml,");
    for byte in svg.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'=' | b';' | b',' => {
                address.push(byte.into());
            }
            byte => address += &format!("%{byte:02X}"),
        }
    }
    address
}
