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
    /// A new file, or one that is there with those of its lines that are `kept`; what is broken off in it is not.
    ///
    /// # Errors
    /// If it can't be read or written.
    pub fn open(path: &Path, kept: impl Fn(&Value) -> bool) -> Result<Lines, OutputError> {
        let error = |found| OutputError { path: path.into(), expected: "to be able to add lines".into(), found };
        let text = match std::fs::read_to_string(path) {
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(error)?,
        };
        let stays = |line: &&str| serde_json::from_str(line).is_ok_and(|value| kept(&value));
        let lines: Vec<String> = text.lines().filter(stays).map(|line| format!("{line}\n")).collect();
        output::write(path, &lines.concat())?;
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
