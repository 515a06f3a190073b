//! Changes, and the commit that carries them.

use std::sync::Arc;

use crate::{EntryId, Name, ProjectFile, RelationBody, RelationName, SchemaEntry, Version};

/// One change of a catalog. A commit's changes apply in order, and all or none of them.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new schema.
    CreateSchema(SchemaEntry),
    /// New comment, owner or properties of the schema with that id.
    AlterSchema(SchemaEntry),
    /// Removes an empty schema.
    DropSchema(Name),
    /// Creates the relation, or replaces what has the same id; another name renames it.
    Put {
        /// Where it shall stand.
        name: RelationName,
        /// New for a new relation, the old one for a replaced, renamed or restored one.
        id: EntryId,
        /// The whole new state.
        body: Arc<RelationBody>,
    },
    /// Removes a relation. What reads it is the caller's business.
    Drop(RelationName),
    /// Remembers a file of a project, so that it need not be planned again until it changes.
    PutProjectFile(ProjectFile),
    /// Forgets a file of a project.
    DropProjectFile {
        /// The project.
        project: String,
        /// Path of the file inside the project.
        path: String,
    },
}

/// Changes against a version: all of them land, or none.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The version that the changes were made for.
    pub base: Version,
    /// Who commits.
    pub author: String,
    /// One line for `SHOW HISTORY`: what was done.
    pub summary: String,
    /// What changes, in order.
    pub changes: Vec<Change>,
}
