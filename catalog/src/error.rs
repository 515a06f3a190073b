//! Why a catalog operation failed.

use std::path::PathBuf;

use crate::{RelationName, Version};

/// Why a catalog operation failed. A variant names the cause, not the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No relation of that name.
    #[error("relation '{name}' does not exist{}", offer(near))]
    NotFound {
        /// The name that was looked up.
        name: RelationName,
        /// Names that look alike.
        near: Vec<String>,
    },
    /// No schema of that name.
    #[error("schema '{name}' does not exist{}", offer(near))]
    SchemaNotFound {
        /// The name that was looked up.
        name: String,
        /// Names that look alike.
        near: Vec<String>,
    },
    /// The name is taken.
    #[error("{kind} '{name}' already exists")]
    AlreadyExists {
        /// What stands there: `schema`, `view` or `table`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The name cannot be used.
    #[error("'{name}' cannot be used as a name: {reason}")]
    BadName {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A schema that still holds relations was to be dropped.
    #[error(
        "schema '{name}' is not empty: it holds {relations} relations; drop them first or add CASCADE"
    )]
    SchemaNotEmpty {
        /// The schema.
        name: String,
        /// How many relations it holds.
        relations: usize,
    },
    /// The views would read each other in a circle.
    #[error("views may not form a cycle: {}", cycle_text(path))]
    Cycle {
        /// The names along the circle; the first is not repeated at the end.
        path: Vec<RelationName>,
    },
    /// Somebody else committed since `expected` was read.
    #[error("the catalog is at version {found}, not {expected}: another commit came first")]
    Conflict {
        /// The version that the commit was made for.
        expected: Version,
        /// The version found.
        found: Version,
    },
    /// The version was purged, or was never made.
    #[error("catalog version {version} is not kept; the oldest kept version is {oldest}")]
    VersionGone {
        /// The version asked for.
        version: Version,
        /// The oldest version that can be read.
        oldest: Version,
    },
    /// Another process held the catalog's write lock for too long.
    #[error("the catalog '{path}' is locked by another process")]
    Busy {
        /// The catalog.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is damaged.
    #[error(
        "the catalog '{path}' is damaged: {what}; restore a backup (mica backup) or run mica check for the extent"
    )]
    Corrupt {
        /// The catalog.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// Commits that were acknowledged are missing.
    #[error(
        "the catalog '{path}' is at version {found}, but version {acknowledged} was acknowledged: the file or its write-ahead log was emptied, truncated or damaged. Restore a backup; if an older copy was put here on purpose, remove '{head}'"
    )]
    LostCommits {
        /// The catalog.
        path: PathBuf,
        /// The version that the file holds.
        found: Version,
        /// The newest version that a commit was acknowledged for.
        acknowledged: Version,
        /// The file that records acknowledged versions.
        head: PathBuf,
    },
    /// A newer Mica wrote the file.
    #[error(
        "the catalog '{path}' has format {found}; this Mica reads format {supported}: use a newer Mica"
    )]
    NewerFormat {
        /// The catalog.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The format that this build reads.
        supported: u32,
    },
    /// An older Mica wrote the file.
    #[error(
        "the catalog '{path}' has format {found}; this Mica reads format {supported}: run mica upgrade"
    )]
    OlderFormat {
        /// The catalog.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The format that this build reads.
        supported: u32,
    },
    /// The file is something else.
    #[error("'{path}' is not a Mica catalog: {reason}")]
    NotACatalog {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// SQLite's shared memory does not work there.
    #[error("'{path}' is on a network file system ({kind}): a SQLite catalog needs a local disk")]
    NetworkFileSystem {
        /// The catalog.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// The target of a backup exists.
    #[error("'{path}' exists already; a backup never overwrites")]
    BackupExists {
        /// The target.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} '{path}'")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("cannot {action} in the catalog '{path}'")]
    Sqlite {
        /// What was tried, as a verb.
        action: &'static str,
        /// The catalog.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A stored definition cannot be encoded.
    #[error("cannot store the definition of '{name}'")]
    Encode {
        /// The relation.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A result whose error is a catalog [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `; did you mean 'a' or 'b'?`, or nothing.
fn offer(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("'{name}'")).collect();
    format!("; did you mean {}?", quoted.join(" or "))
}

fn cycle_text(path: &[RelationName]) -> String {
    let mut names: Vec<String> = path.iter().map(ToString::to_string).collect();
    if let Some(first) = names.first().cloned() {
        names.push(first);
    }
    names.join(" -> ")
}
