//! Figures as lines of JSON, one a line, so that a reader can follow while they are written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::output::{self, OutputError};

/// A file of lines.
pub struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// A new file, or one that is there with those of its lines that are `kept`; a last one that is broken off is not.
    ///
    /// # Errors
    /// If it can't be read or written, or holds something else than such lines.
    pub fn open(path: &Path, kept: impl Fn(&Value) -> bool) -> Result<Lines, OutputError> {
        let error = |found| OutputError { path: path.into(), expected: "to be able to add lines".into(), found };
        let text = match std::fs::read_to_string(path) {
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(error)?,
        };
        let mut lines = String::new();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let value = serde_json::from_str(line).map_err(|_| OutputError {
                path: path.into(),
                expected: "no file, or one with lines of JSON".into(),
                found: io::Error::other(format!("`{}`", line.trim_end())),
            })?;
            if kept(&value) {
                lines += line;
            }
        }
        output::write(path, &lines)?;
        let file = File::options().append(true).open(path).map_err(error)?;
        Ok(Lines { path: path.into(), file })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn add(&mut self, figures: &impl Serialize) -> Result<(), OutputError> {
        let line = serde_json::to_string(figures).map(|line| line + "\n").map_err(io::Error::from);
        line.and_then(|line| self.file.write_all(line.as_bytes())).map_err(|found| OutputError {
            path: self.path.clone(),
            expected: "to add a line".into(),
            found,
        })
    }
}
