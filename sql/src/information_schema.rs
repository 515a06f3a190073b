//! `information_schema`, answered from the catalog.
//!
//! DataFusion's own plans every view to list one. Here names come from the snapshot and columns
//! from stored bodies, a page of relations at a time; equality filters on schema and table names
//! decide which relations are looked at. Types have SQL's names, as BI tools want them.

mod columns;
mod keys;
mod provider;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use mica_catalog::{
    CatalogStore, Definition, EntryId, ExternalTable, INFORMATION_SCHEMA, Relation, RelationBody,
    RelationName, Snapshot, Version,
};

use crate::{Error, Result};

/// A view of `information_schema`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SystemTable {
    Schemata,
    Tables,
    Columns,
    Views,
    TableConstraints,
    KeyColumnUsage,
    ConstraintColumnUsage,
    ReferentialConstraints,
}

use SystemTable::{
    Columns, ConstraintColumnUsage, KeyColumnUsage, ReferentialConstraints, Schemata,
    TableConstraints, Tables, Views,
};

const ALL: [(&str, SystemTable); 8] = [
    ("columns", Columns),
    ("constraint_column_usage", ConstraintColumnUsage),
    ("key_column_usage", KeyColumnUsage),
    ("referential_constraints", ReferentialConstraints),
    ("schemata", Schemata),
    ("table_constraints", TableConstraints),
    ("tables", Tables),
    ("views", Views),
];

impl SystemTable {
    fn find(name: &RelationName) -> Option<Self> {
        if name.schema.folded() != INFORMATION_SCHEMA {
            return None;
        }
        let wanted = name.relation.folded();
        ALL.iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, table)| *table)
    }

    /// Names of the columns; those with a `#` are numbers.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Schemata => columns::SCHEMATA,
            Tables => columns::TABLES,
            Columns => columns::COLUMNS,
            Views => columns::VIEWS,
            TableConstraints => columns::TABLE_CONSTRAINTS,
            KeyColumnUsage => columns::KEY_COLUMN_USAGE,
            ConstraintColumnUsage => columns::CONSTRAINT_COLUMN_USAGE,
            ReferentialConstraints => columns::REFERENTIAL_CONSTRAINTS,
        }
    }

    fn schema(self) -> SchemaRef {
        let field = |name: &&str| match name.strip_suffix('#') {
            Some(name) => Field::new(name, DataType::Int64, true),
            None => Field::new(*name, DataType::Utf8, true),
        };
        Arc::new(Schema::new(
            self.columns().iter().map(field).collect::<Vec<_>>(),
        ))
    }
}

/// Names of the views of `information_schema`, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The columns of a view of `information_schema`.
pub fn columns(name: &str) -> Option<SchemaRef> {
    let name = RelationName::new(INFORMATION_SCHEMA, name);
    SystemTable::find(&name).map(SystemTable::schema)
}

/// The view of that name, in the form of a stored relation.
pub(crate) fn relation(name: &RelationName) -> Option<Relation> {
    let table = SystemTable::find(name)?;
    let body = RelationBody {
        columns: table.schema(),
        comment: None,
        owner: "mica".to_owned(),
        properties: BTreeMap::new(),
        created_at_ms: 0,
        source: None,
        constraints: Vec::new(),
        broken: None,
        definition: Definition::ExternalTable(ExternalTable {
            location: String::new(),
            format: "SYSTEM".to_owned(),
            options: BTreeMap::new(),
            partition_columns: Vec::new(),
            statement: None,
        }),
    };
    Some(Relation {
        id: EntryId(Default::default()),
        since: Version(0),
        name: name.clone(),
        body: Arc::new(body),
    })
}

/// The rows of a view, as of `snapshot`.
pub(crate) fn provider(
    name: &RelationName,
    snapshot: Snapshot,
    store: Arc<dyn CatalogStore>,
) -> Result<Arc<dyn TableProvider>> {
    let Some(table) = SystemTable::find(name) else {
        return Err(Error::Catalog(snapshot.not_found(name)));
    };
    Ok(Arc::new(provider::SystemProvider::new(
        table, snapshot, store,
    )))
}
