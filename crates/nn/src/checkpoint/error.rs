//! What can be wrong with a checkpoint.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a checkpoint was not saved or not loaded. Nothing has changed then: not the file, not the program's
/// parameters.
///
/// ```
/// use tandem_autograd::Params;
/// use tandem_nn::checkpoint::{Checkpoint, CheckpointError};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("torn.safetensors");
/// std::fs::write(&path, [0; 3])?;
/// let error = Checkpoint::of(&mut Params::<f32>::new()).load(&path).unwrap_err();
/// assert!(matches!(error, CheckpointError::Format { field: "header", .. }));
/// assert!(error.to_string().ends_with("torn.safetensors: header: expected at least 8 bytes, found 3"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("{path}: cannot be {attempted}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `opened`, `read`, `written`, `renamed into place`.
        attempted: &'static str,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The file is no safetensors file, or a torn one.
    #[error("{path}: {field}: expected {expected}, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        field: &'static str,
        /// What would have been right.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file and the program do not fit each other: everything that does not, by kind and name.
    #[error("{path}: {}", list(problems))]
    Misfit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!(
        "{} that do not fit:{}",
        if problems.len() == 1 { "1 entry".into() } else { format!("{} entries", problems.len()) },
        lines.concat()
    )
    .replace("1 entry that do not fit", "1 entry that does not fit")
}

/// One way in which a file and a program do not fit each other. Names are the file's.
///
/// ```
/// use tandem_nn::checkpoint::Problem;
/// let problem = Problem::Shape { name: "fc.weight".into(), expected: vec![3, 2], found: vec![2, 3] };
/// assert_eq!(problem.to_string(), "`fc.weight`: expected shape [3, 2], found [2, 3]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// The program has it, the file does not.
    Missing {
        /// The name.
        name: String,
    },
    /// The file has it, the program does not.
    Unexpected {
        /// The name.
        name: String,
    },
    /// The shapes differ.
    Shape {
        /// The name.
        name: String,
        /// The program's shape, as the file would have it.
        expected: Vec<usize>,
        /// The file's.
        found: Vec<usize>,
    },
    /// The element types differ.
    Type {
        /// The name.
        name: String,
        /// The program's, as safetensors calls it.
        expected: String,
        /// The file's.
        found: String,
    },
    /// The names share one tensor in the file, but not in the program.
    Retied {
        /// The names.
        names: Vec<String>,
    },
    /// The names share one slot in the program, but have different values in the file.
    Differ {
        /// The names.
        names: Vec<String>,
    },
    /// Two parameters or states would have one name in the file.
    Clash {
        /// The name.
        name: String,
    },
    /// Of the program's parameters none was meant, so that nothing would be saved or loaded.
    Nothing,
    /// How the parameter stands in PyTorch is not clear.
    Layout {
        /// The names that share it.
        names: Vec<String>,
        /// How many layouts were noted.
        layouts: usize,
    },
    /// What is remembered for each slot is of another kind: an optimizer's, say.
    Kind {
        /// The part of the checkpoint.
        name: String,
        /// The program's kind.
        expected: String,
        /// The file's.
        found: String,
    },
    /// A value can't be written, or can't be read as what the program has in its place.
    Value {
        /// The value's name.
        name: String,
        /// Why.
        cause: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { name } => write!(f, "`{name}`: missing in the file"),
            Problem::Unexpected { name } => write!(f, "`{name}`: unexpected, the program has no such name"),
            Problem::Shape { name, expected, found } => {
                write!(f, "`{name}`: expected shape {expected:?}, found {found:?}")
            }
            Problem::Type { name, expected, found } => write!(f, "`{name}`: expected type {expected}, found {found}"),
            Problem::Retied { names } => {
                write!(
                    f,
                    "{}: one tensor in the file, but not tied in the program (tying() would tie them)",
                    quoted(names)
                )
            }
            Problem::Differ { names } => {
                write!(
                    f,
                    "{}: tied in the program, but of different values in the file (untying() would part them)",
                    quoted(names)
                )
            }
            Problem::Nothing => write!(f, "only(): no parameter of the program is meant"),
            Problem::Layout { names, layouts: 0 } => {
                write!(f, "{}: no layer has noted how it stands in PyTorch", quoted(names))
            }
            Problem::Layout { names, .. } => {
                write!(f, "{}: tied, but with different layouts in PyTorch", quoted(names))
            }
            Problem::Clash { name } => write!(f, "`{name}`: the name of two entries"),
            Problem::Kind { name, expected, found } => {
                write!(f, "`{name}`: expected that of {expected}, found {found}")
            }
            Problem::Value { name, cause } => write!(f, "`{name}`: {cause}"),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
