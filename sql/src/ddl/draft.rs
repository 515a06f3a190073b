//! Changes that are not committed yet, on a snapshot that shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mica_catalog::{
    Change, EntryId, ProjectFile, Relation, RelationBody, RelationName, Snapshot, fold,
};

use crate::Result;

/// Why the readers of a relation have to be planned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// Its columns changed, or it is new.
    Columns,
    /// It is gone. `refuse` if its readers forbid that.
    Gone {
        /// Whether a reader makes the statement fail.
        refuse: bool,
    },
}

/// Changes on top of a snapshot.
#[derive(Clone, Debug)]
pub struct Draft {
    base: Snapshot,
    current: Snapshot,
    changes: Vec<Change>,
    touched: BTreeMap<RelationName, Touched>,
    /// What statements put; not what only followed them.
    put: BTreeSet<RelationName>,
    /// Relations as they were before their first change.
    originals: BTreeMap<RelationName, Relation>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Draft {
    /// No changes yet.
    pub fn new(base: Snapshot) -> Self {
        Self {
            current: base.clone(),
            base,
            changes: Vec::new(),
            touched: BTreeMap::new(),
            put: BTreeSet::new(),
            originals: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// What the changes were made for.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// The catalog as it would be.
    pub fn snapshot(&self) -> &Snapshot {
        &self.current
    }

    /// What has changed.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    pub(super) fn touched(&mut self) -> BTreeMap<RelationName, Touched> {
        std::mem::take(&mut self.touched)
    }

    pub(super) fn was_put(&self, name: &RelationName) -> bool {
        self.put.contains(name)
    }

    /// Adds a change.
    ///
    /// # Errors
    /// What [`Snapshot::apply`] says.
    pub(crate) fn push(&mut self, change: Change) -> Result<()> {
        self.current = self.current.apply(std::slice::from_ref(&change))?;
        self.changes.push(change);
        Ok(())
    }

    /// Puts what a statement gives, unless `old` is the same already. Returns whether anything
    /// changed.
    ///
    /// # Errors
    /// What [`Snapshot::apply`] says.
    pub(crate) fn put(
        &mut self,
        name: &RelationName,
        body: RelationBody,
        old: Option<&Relation>,
    ) -> Result<bool> {
        self.put.insert(name.clone());
        self.put_body(name, body, old)
    }

    /// Puts a reader that was planned again, as [`Draft::put`]; another change may follow.
    ///
    /// # Errors
    /// What [`Snapshot::apply`] says.
    pub(super) fn follow(&mut self, body: RelationBody, old: &Relation) -> Result<bool> {
        self.put_body(&old.name, body, Some(old))
    }

    fn put_body(
        &mut self,
        name: &RelationName,
        mut body: RelationBody,
        old: Option<&Relation>,
    ) -> Result<bool> {
        let id = old.map_or_else(EntryId::random, |old| old.id);
        if let Some(old) = old {
            body.created_at_ms = old.body.created_at_ms;
            body.owner.clone_from(&old.body.owner);
            if *old.body == body && old.name == *name {
                return Ok(false);
            }
            let is_of_base = self.base.relation(name).is_some_and(|head| head.id == id);
            if is_of_base && !self.originals.contains_key(name) {
                self.originals.insert(name.clone(), old.clone());
            }
        }
        if old.is_none_or(|old| !same_columns(&old.body, &body) || old.body.broken.is_some()) {
            self.touch(name, Touched::Columns);
        }
        self.push(Change::Put {
            name: name.clone(),
            id,
            body: Arc::new(body),
        })?;
        Ok(true)
    }

    /// Takes back the changes of relations that ended as they began, as where a project creates one
    /// again and then alters it again. Returns their names.
    ///
    /// # Errors
    /// What [`Snapshot::apply`] says.
    pub(crate) fn settle(&mut self) -> Result<BTreeSet<RelationName>> {
        let mut last: BTreeMap<&RelationName, &RelationBody> = BTreeMap::new();
        for change in &self.changes {
            match change {
                Change::Put { name, body, .. } => {
                    last.insert(name, body);
                }
                Change::Drop(name) => {
                    last.remove(name);
                }
                _ => {}
            }
        }
        let originals = self.originals.iter();
        let settled: BTreeSet<RelationName> = originals
            .filter(|(name, old)| last.get(name) == Some(&&*old.body))
            .map(|(name, _)| name.clone())
            .collect();
        if settled.is_empty() {
            return Ok(settled);
        }
        let is_settled =
            |change: &Change| matches!(change, Change::Put { name, .. } if settled.contains(name));
        self.changes.retain(|change| !is_settled(change));
        self.current = self.base.apply(&self.changes)?;
        Ok(settled)
    }

    /// Removes a relation; its readers are looked at before the commit.
    ///
    /// # Errors
    /// What [`Snapshot::apply`] says.
    pub(crate) fn drop(&mut self, name: &RelationName, refuse: bool) -> Result<()> {
        self.touch(name, Touched::Gone { refuse });
        self.put.remove(name);
        self.push(Change::Drop(name.clone()))
    }

    pub(crate) fn touch(&mut self, name: &RelationName, touched: Touched) {
        self.touched.insert(name.clone(), touched);
    }

    /// Remembers a file of a project as applied.
    ///
    /// # Errors
    /// Never at present; changes of files do not conflict.
    pub fn put_file(&mut self, file: ProjectFile) -> Result<()> {
        self.push(Change::PutProjectFile(file))
    }

    /// Forgets a file of a project.
    ///
    /// # Errors
    /// Never at present.
    pub fn drop_file(&mut self, project: &str, path: &str) -> Result<()> {
        self.push(Change::DropProjectFile {
            project: project.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Whether readers see the same columns: names without case, and types.
fn same_columns(a: &RelationBody, b: &RelationBody) -> bool {
    let (a, b) = (a.columns.fields(), b.columns.fields());
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| fold(a.name()) == fold(b.name()) && a.data_type() == b.data_type())
}
