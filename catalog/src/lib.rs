#![doc = include_str!("../README.md")]

mod body;
mod change;
pub mod conformance;
mod constraint;
mod entry;
mod error;
mod graph;
mod memory;
mod name;
mod snapshot;
mod sqlite;
mod store;
mod stored;

pub use body::{
    COMMENT_KEY, Definition, Dependency, ExternalTable, RelationBody, SchemaMode, Source, View,
};
pub use change::{Change, Commit};
pub use constraint::{Constraint, Key, settle_foreign_keys};
pub use entry::{EntryId, Relation, RelationHead, RelationKind, SchemaEntry, Version};
pub use error::{Error, Result};
pub use memory::MemoryStore;
pub use name::{Name, RelationName, fold, near_matches};
pub use snapshot::{ProjectFile, Snapshot};
pub use sqlite::{FORMAT_VERSION, SqliteOptions, SqliteStore, UpgradeOutcome, upgrade};
pub use store::{CatalogStore, Finding, HistoryRow, load};
pub use stored::{decode_body, encode_body};

/// The catalog that every name belongs to; Mica has exactly one.
pub const CATALOG: &str = "mica";
/// The schema that exists in a new catalog and that unqualified names resolve to.
pub const DEFAULT_SCHEMA: &str = "default";
/// The virtual schema of metadata views; no entry may use its name.
pub const INFORMATION_SCHEMA: &str = "information_schema";
