//! The trait that every catalog backend implements.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Commit, EntryId, ProjectFile, Relation, RelationBody, RelationHead, RelationKind, RelationName,
    Result, Snapshot, Version,
};

/// Where a catalog is stored. Every backend passes [`crate::conformance`].
///
/// # Contract
/// * A commit lands whole or not at all, and is durable when `commit` returns.
/// * Of two commits made for the same version, exactly one succeeds.
/// * A snapshot never changes; commits of other processes appear in later snapshots.
#[async_trait]
pub trait CatalogStore: Send + Sync + std::fmt::Debug {
    /// The newest version, commits of other processes included.
    async fn snapshot(&self) -> Result<Snapshot>;

    /// An older version.
    ///
    /// # Errors
    /// [`crate::Error::VersionGone`] if it was purged or never made.
    async fn snapshot_at(&self, version: Version) -> Result<Snapshot>;

    /// Makes the next version.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if the newest version is not `commit.base`;
    /// [`crate::Error::Cycle`]; what [`Snapshot::apply`] says.
    async fn commit(&self, commit: Commit) -> Result<Version>;

    /// Bodies of relations, in the order asked for, from a bounded cache where possible.
    async fn bodies(&self, keys: &[(EntryId, Version)]) -> Result<Vec<Arc<RelationBody>>>;

    /// The views of `snapshot` that read one of `names` directly, each once.
    async fn dependents(
        &self,
        snapshot: &Snapshot,
        names: &[RelationName],
    ) -> Result<Vec<Arc<RelationHead>>>;

    /// Every kept state of every relation that stood at `name`, and of their other names, newest
    /// first.
    async fn history(&self, name: &RelationName) -> Result<Vec<HistoryRow>>;

    /// The files of a project as they were last applied, by path.
    async fn project_files(&self, project: &str) -> Result<Vec<ProjectFile>>;

    /// Forgets states that ended before `before_ms` (ms since 1970). Never a live one.
    /// Returns how many.
    async fn purge(&self, before_ms: i64) -> Result<u64>;

    /// Verifies everything stored. Empty means sound.
    async fn verify(&self) -> Result<Vec<Finding>>;

    /// The key under which tickets and handles are authenticated, the same for all processes on
    /// this catalog.
    fn ticket_key(&self) -> [u8; 32];
}

/// Something that [`CatalogStore::verify`] found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it concerns.
    pub object: String,
    /// What is wrong.
    pub problem: String,
}

/// One state of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Identity.
    pub id: EntryId,
    /// The version that wrote this state.
    pub since: Version,
    /// The version that ended it; none for a live one.
    pub until: Option<Version>,
    /// Its name in this state.
    pub name: RelationName,
    /// View or table.
    pub kind: RelationKind,
    /// When it was committed, in ms since 1970.
    pub committed_at_ms: i64,
    /// Who committed it.
    pub author: String,
    /// What the commit said it did.
    pub summary: String,
}

/// Loads the bodies of `heads`, in order.
///
/// # Errors
/// What [`CatalogStore::bodies`] returns.
pub async fn load(store: &dyn CatalogStore, heads: &[Arc<RelationHead>]) -> Result<Vec<Relation>> {
    let stored: Vec<(EntryId, Version)> = heads
        .iter()
        .filter(|head| head.uncommitted.is_none())
        .map(|head| (head.id, head.since))
        .collect();
    let mut bodies = store.bodies(&stored).await?.into_iter();
    let mut relations = Vec::with_capacity(heads.len());
    for head in heads {
        let body = match &head.uncommitted {
            Some(body) => Some(Arc::clone(body)),
            None => bodies.next(),
        };
        relations.extend(body.map(|body| Relation {
            id: head.id,
            since: head.since,
            name: head.name.clone(),
            body,
        }));
    }
    Ok(relations)
}
