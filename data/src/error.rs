//! Why files cannot be read.

use datafusion::common::DataFusionError;

/// Why files cannot be read. A variant names the cause, not the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such file or folder.
    #[error("'{location}' does not exist")]
    Missing {
        /// The location, resolved.
        location: String,
    },
    /// The folder or pattern holds no file of the format.
    #[error("'{location}' holds no {format} files")]
    NoFiles {
        /// The location, resolved.
        location: String,
        /// The format.
        format: String,
    },
    /// The file has no content to infer columns from.
    #[error("'{location}' is empty: there is nothing to infer columns from; declare them")]
    Empty {
        /// The file, or the location if all files are empty.
        location: String,
    },
    /// The location, or where a link leads, lies outside of what may be read.
    #[error("'{path}' lies outside of the folders that may be read (--data-root)")]
    OutsideRoots {
        /// The path as written, or as a link led to it.
        path: String,
    },
    /// Locations of this kind cannot be read.
    #[error("locations of the kind '{scheme}://' are not supported")]
    Scheme {
        /// The scheme of the URL.
        scheme: String,
    },
    /// The location cannot be understood.
    #[error("'{location}' is not a location: {reason}")]
    BadLocation {
        /// As written.
        location: String,
        /// Why not.
        reason: String,
    },
    /// The format has no such option.
    #[error("the format {format} has no option '{key}'; it has {known}")]
    UnknownOption {
        /// The format.
        format: String,
        /// The option.
        key: String,
        /// Those that there are.
        known: String,
    },
    /// The option has no such value.
    #[error("'{value}' is not a value of the option '{key}': expected {expected}")]
    BadOption {
        /// The option.
        key: String,
        /// What was given.
        value: String,
        /// What works.
        expected: &'static str,
    },
    /// The format is not one of ours.
    #[error("the format '{format}' is not supported")]
    Format {
        /// The format.
        format: String,
    },
    /// A table with columns that its files cannot fill.
    #[error("{problem}")]
    Columns {
        /// What does not fit.
        problem: String,
    },
    /// A row of a text file is broken.
    #[error("{path}, line {line}: {problem}")]
    BadRow {
        /// The file.
        path: String,
        /// The line in it, from one.
        line: u64,
        /// What is wrong, with column and value where there is one.
        problem: String,
    },
    /// A file's content is not of its format.
    #[error("cannot read '{path}' as {format}: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// The format.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} '{path}'")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The object store refused.
    #[error("cannot read '{path}'")]
    Store {
        /// The object.
        path: String,
        /// Why.
        source: object_store::Error,
    },
    /// DataFusion refused.
    #[error("cannot read '{path}'")]
    DataFusion {
        /// The file or location.
        path: String,
        /// Why.
        source: DataFusionError,
    },
}

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
