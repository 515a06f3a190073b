//! One immutable version of a catalog.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    Change, EntryId, Error, INFORMATION_SCHEMA, Name, RelationHead, RelationName, Result,
    SchemaEntry, Version, fold, near_matches,
};

/// One immutable version of a catalog: names and ids in maps that share their structure with the
/// versions before and after. Looking a name up does no I/O and takes no lock; bodies are loaded
/// from the store by (id, version).
///
/// # Invariants
/// * Names are unique without case, per schema.
/// * Every relation's schema exists.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    version: Version,
    schemas: OrdMap<Box<str>, Arc<SchemaEntry>>,
    relations: OrdMap<Box<str>, OrdMap<Box<str>, Arc<RelationHead>>>,
    ids: imbl::HashMap<EntryId, RelationName>,
}

/// A file of a project as it was last applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Name of the project.
    pub project: String,
    /// Path inside the project, with `/`.
    pub path: String,
    /// Hash of the text and of everything else that decides what the file creates.
    pub digest: [u8; 32],
    /// What the file creates.
    pub relations: Vec<RelationName>,
    /// How many validation queries it holds; they run at every apply.
    pub queries: u32,
    /// The version that recorded this state; zero in a [`Change`].
    pub since: Version,
}

impl Snapshot {
    pub(crate) fn load(
        version: Version,
        schemas: impl IntoIterator<Item = SchemaEntry>,
        relations: impl IntoIterator<Item = RelationHead>,
    ) -> Self {
        let mut snapshot = Self {
            version,
            ..Self::default()
        };
        for schema in schemas {
            snapshot.insert_schema(schema);
        }
        for relation in relations {
            snapshot.insert_relation(relation);
        }
        snapshot
    }

    pub(crate) fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The version that this is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The schema of that name.
    pub fn schema(&self, name: &str) -> Option<&Arc<SchemaEntry>> {
        match self.schemas.get(name) {
            Some(schema) => Some(schema),
            None => self.schemas.get(fold(name).as_str()),
        }
    }

    /// The schema of that name.
    ///
    /// # Errors
    /// [`Error::SchemaNotFound`] with near matches; [`Error::BadName`] for that of the metadata
    /// views, which nobody changes.
    pub fn require_schema(&self, name: &str) -> Result<&Arc<SchemaEntry>> {
        self.schema(name).ok_or_else(|| match fold(name) {
            folded if folded == INFORMATION_SCHEMA => metadata_schema(name),
            _ => Error::SchemaNotFound {
                name: name.to_owned(),
                near: near_matches(name, self.schemas().map(|schema| schema.name.as_str())),
            },
        })
    }

    /// All schemas, by folded name.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<SchemaEntry>> {
        self.schemas.values()
    }

    /// The relation of that name.
    pub fn relation(&self, name: &RelationName) -> Option<&Arc<RelationHead>> {
        self.relations
            .get(name.schema.folded())?
            .get(name.relation.folded())
    }

    /// The relation of that name.
    ///
    /// # Errors
    /// [`Error::SchemaNotFound`] or [`Error::NotFound`], with near matches.
    pub fn require_relation(&self, name: &RelationName) -> Result<&Arc<RelationHead>> {
        if let Some(head) = self.relation(name) {
            return Ok(head);
        }
        self.require_schema(name.schema.as_str())?;
        Err(self.not_found(name))
    }

    /// The error for a name that is not here: near matches from its own schema, else qualified
    /// ones from all.
    pub fn not_found(&self, name: &RelationName) -> Error {
        let own = self.relations_of(name.schema.folded());
        let mut near = near_matches(
            name.relation.as_str(),
            own.map(|head| head.name.relation.as_str()),
        );
        if near.is_empty() {
            let elsewhere: Vec<String> = self
                .relations()
                .filter(|head| head.name.relation == name.relation)
                .map(|head| head.name.to_string())
                .collect();
            near = elsewhere.into_iter().take(3).collect();
        }
        Error::NotFound {
            name: name.clone(),
            near,
        }
    }

    /// The relation with that id.
    pub fn relation_by_id(&self, id: EntryId) -> Option<&Arc<RelationHead>> {
        self.relation(self.ids.get(&id)?)
    }

    /// All relations, by folded schema and name.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<RelationHead>> {
        self.relations.values().flat_map(|inner| inner.values())
    }

    /// The relations of one schema (folded), by folded name.
    pub fn relations_of(&self, schema: &str) -> impl Iterator<Item = &Arc<RelationHead>> {
        self.relations
            .get(schema)
            .into_iter()
            .flat_map(|inner| inner.values())
    }

    /// Number of relations.
    pub fn relation_count(&self) -> usize {
        self.ids.len()
    }

    /// This snapshot after `changes`, with the same version number: what the next commit would
    /// make. New bodies hang on their heads.
    ///
    /// # Errors
    /// The first change that does not fit: a name that is taken, missing or not allowed.
    pub fn apply(&self, changes: &[Change]) -> Result<Self> {
        let mut next = self.clone();
        for change in changes {
            next.apply_one(change, self.version.next())?;
        }
        Ok(next)
    }

    fn apply_one(&mut self, change: &Change, since: Version) -> Result<()> {
        match change {
            Change::CreateSchema(schema) => self.create_schema(schema),
            Change::AlterSchema(schema) => {
                self.require_schema(schema.name.as_str())?;
                self.insert_schema(schema.clone());
                Ok(())
            }
            Change::DropSchema(name) => self.drop_schema(name),
            Change::Put { name, id, body } => self.put(RelationHead {
                id: *id,
                since,
                name: name.clone(),
                kind: body.kind(),
                uncommitted: Some(Arc::clone(body)),
            }),
            Change::Drop(name) => {
                let head = Arc::clone(self.require_relation(name)?);
                self.remove_relation(&head);
                Ok(())
            }
            Change::PutProjectFile(_) | Change::DropProjectFile { .. } => Ok(()),
        }
    }

    fn create_schema(&mut self, schema: &SchemaEntry) -> Result<()> {
        check_name(&schema.name)?;
        if schema.name.folded() == INFORMATION_SCHEMA {
            return Err(metadata_schema(schema.name.as_str()));
        }
        if self.schema(schema.name.folded()).is_some() {
            return Err(Error::AlreadyExists {
                kind: "schema",
                name: schema.name.to_string(),
            });
        }
        self.insert_schema(schema.clone());
        Ok(())
    }

    fn drop_schema(&mut self, name: &Name) -> Result<()> {
        self.require_schema(name.as_str())?;
        let relations = self.relations.get(name.folded()).map_or(0, OrdMap::len);
        if relations > 0 {
            return Err(Error::SchemaNotEmpty {
                name: name.to_string(),
                relations,
            });
        }
        self.schemas.remove(name.folded());
        Ok(())
    }

    fn put(&mut self, mut head: RelationHead) -> Result<()> {
        check_name(&head.name.relation)?;
        let schema = Arc::clone(self.require_schema(head.name.schema.as_str())?);
        head.name.schema = schema.name.clone();
        if let Some(there) = self.relation(&head.name)
            && there.id != head.id
        {
            return Err(Error::AlreadyExists {
                kind: there.kind.as_str(),
                name: there.name.to_string(),
            });
        }
        if let Some(old) = self.relation_by_id(head.id).cloned() {
            self.remove_relation(&old);
        }
        self.insert_relation(head);
        Ok(())
    }

    pub(crate) fn insert_schema(&mut self, schema: SchemaEntry) {
        self.schemas
            .insert(schema.name.folded().into(), Arc::new(schema));
    }

    pub(crate) fn remove_schema(&mut self, folded: &str) {
        self.schemas.remove(folded);
    }

    pub(crate) fn insert_relation(&mut self, head: RelationHead) {
        self.ids.insert(head.id, head.name.clone());
        self.relations
            .entry(head.name.schema.folded().into())
            .or_default()
            .insert(head.name.relation.folded().into(), Arc::new(head));
    }

    pub(crate) fn remove_relation(&mut self, head: &RelationHead) {
        self.ids.remove(&head.id);
        if let Some(inner) = self.relations.get_mut(head.name.schema.folded()) {
            inner.remove(head.name.relation.folded());
            if inner.is_empty() {
                self.relations.remove(head.name.schema.folded());
            }
        }
    }
}

/// Longest name, in bytes. Long enough for every tool, short enough for every index.
const NAME_BYTES_MAX: usize = 255;

fn metadata_schema(name: &str) -> Error {
    Error::BadName {
        name: name.to_owned(),
        reason: "it is the schema of the metadata views",
    }
}

fn check_name(name: &Name) -> Result<()> {
    let bad = |reason| {
        Err(Error::BadName {
            name: name.to_string(),
            reason,
        })
    };
    if name.as_str().is_empty() {
        return bad("it is empty");
    }
    if name.as_str().len() > NAME_BYTES_MAX || name.folded().len() > NAME_BYTES_MAX {
        return bad("it is longer than 255 bytes");
    }
    if name.as_str().chars().any(char::is_control) {
        return bad("it contains a control character");
    }
    Ok(())
}
