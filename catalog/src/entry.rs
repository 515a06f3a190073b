//! What a catalog holds: schemas and relations, each with an id that outlives its names.

use std::fmt;
use std::sync::Arc;

use crate::body::RelationBody;
use crate::{Name, RelationName};

/// Identity of an entry. It survives rename, replacement, drop and restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub uuid::Uuid);

impl EntryId {
    /// A new identity, unlike any other.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Number of commits since the catalog was made. Version 1 is the new catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

impl Version {
    /// The version that the next commit makes.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A schema (Hive and Spark say database).
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaEntry {
    /// Identity.
    pub id: EntryId,
    /// Its name.
    pub name: Name,
    /// Who made it.
    pub owner: String,
    /// What `COMMENT` said.
    pub comment: Option<String>,
    /// What `WITH DBPROPERTIES` said.
    pub properties: std::collections::BTreeMap<String, String>,
}

/// Whether a relation is a view or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    /// A stored query.
    View,
    /// Files that Mica only reads.
    ExternalTable,
}

impl RelationKind {
    /// As messages and statements name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::ExternalTable => "table",
        }
    }

    /// As Flight SQL and `information_schema` name it.
    pub fn table_type(self) -> &'static str {
        match self {
            Self::View => "VIEW",
            Self::ExternalTable => "TABLE",
        }
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a snapshot knows of a relation without reading its body.
#[derive(Clone, Debug)]
pub struct RelationHead {
    /// Identity.
    pub id: EntryId,
    /// The version that wrote this state of the entry; with `id` the key of the body.
    pub since: Version,
    /// Where it stands.
    pub name: RelationName,
    /// View or table.
    pub kind: RelationKind,
    /// The body, where it is not stored yet (a snapshot that holds uncommitted changes).
    pub(crate) uncommitted: Option<Arc<RelationBody>>,
}

impl RelationHead {
    /// The body, if this head belongs to a snapshot with uncommitted changes and is one of them.
    pub fn uncommitted_body(&self) -> Option<&Arc<RelationBody>> {
        self.uncommitted.as_ref()
    }
}

/// A relation with its body.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Identity.
    pub id: EntryId,
    /// The version that wrote this state.
    pub since: Version,
    /// Where it stands.
    pub name: RelationName,
    /// Definition, columns and the rest.
    pub body: Arc<RelationBody>,
}

impl Relation {
    /// View or table.
    pub fn kind(&self) -> RelationKind {
        self.body.kind()
    }
}
