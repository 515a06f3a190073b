//! The commands about keys, answered from what was declared.

use std::sync::Arc;

use arrow_flight::sql::Command;
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt8Array};
use datafusion::arrow::datatypes::SchemaRef;
use mica_catalog::{
    CATALOG, CatalogStore, Constraint, Key, Relation, RelationHead, RelationName, Snapshot, fold,
    load, settle_foreign_keys,
};

use crate::error::{Error, Result};

/// `UPDATE_DELETE_RULES_NO_ACTION` of FlightSql.proto: nothing is enforced, so nothing follows.
const NO_ACTION: u8 = 3;
/// Relations whose bodies are read at once.
const PAGE: usize = 500;

/// A relation as a command names it: catalog and schema may be left open.
struct Asked<'a> {
    catalog: &'a Option<String>,
    schema: &'a Option<String>,
    table: &'a str,
}

impl Asked<'_> {
    fn is(&self, name: &RelationName) -> bool {
        let fits = |asked: &Option<String>, folded: &str| {
            asked.as_ref().is_none_or(|asked| fold(asked) == folded)
        };
        fits(self.catalog, CATALOG)
            && fits(self.schema, name.schema.folded())
            && fold(self.table) == name.relation.folded()
    }
}

/// The relation that holds the keys that a command asks for, and the one that they refer to, where
/// the command says so; none for commands that are not about keys.
fn asked(command: &Command) -> Option<(Option<Asked<'_>>, Option<Asked<'_>>)> {
    fn one<'a>(
        catalog: &'a Option<String>,
        schema: &'a Option<String>,
        table: &'a str,
    ) -> Option<Asked<'a>> {
        Some(Asked {
            catalog,
            schema,
            table,
        })
    }
    Some(match command {
        Command::CommandGetPrimaryKeys(c) => (one(&c.catalog, &c.db_schema, &c.table), None),
        Command::CommandGetImportedKeys(c) => (one(&c.catalog, &c.db_schema, &c.table), None),
        Command::CommandGetExportedKeys(c) => (None, one(&c.catalog, &c.db_schema, &c.table)),
        Command::CommandGetCrossReference(c) => (
            one(&c.fk_catalog, &c.fk_db_schema, &c.fk_table),
            one(&c.pk_catalog, &c.pk_db_schema, &c.pk_table),
        ),
        _ => return None,
    })
}

/// The answer to a command about keys, in `schema`; none for other commands.
///
/// # Errors
/// Those of the catalog.
pub(super) async fn batch(
    store: &dyn CatalogStore,
    snapshot: &Snapshot,
    command: &Command,
    schema: &SchemaRef,
) -> Result<Option<RecordBatch>> {
    let Some((holder, referred)) = asked(command) else {
        return Ok(None);
    };
    let is = |asked: &Option<Asked<'_>>, name: &RelationName| {
        asked.as_ref().is_none_or(|asked| asked.is(name))
    };
    let heads = snapshot.relations().filter(|head| is(&holder, &head.name));
    let mut relations = bodies(store, heads.cloned().collect()).await?;
    settle_foreign_keys(store, snapshot, &mut relations).await?;
    if let Command::CommandGetPrimaryKeys(_) = command {
        return primary(&relations, schema).map(Some);
    }
    let mut keys = foreign(&relations);
    keys.retain(|key| is(&referred, key.to));
    match command {
        Command::CommandGetImportedKeys(_) => keys.sort_by_key(|key| (key.to, key.at)),
        _ => keys.sort_by_key(|key| (&key.from.name, key.at)),
    }
    foreign_batch(&keys, schema).map(Some)
}

async fn bodies(store: &dyn CatalogStore, heads: Vec<Arc<RelationHead>>) -> Result<Vec<Relation>> {
    let mut relations = Vec::new();
    for page in heads.chunks(PAGE) {
        let loaded = load(store, page).await?;
        relations.extend(
            loaded
                .into_iter()
                .filter(|r| !r.body.constraints.is_empty()),
        );
    }
    Ok(relations)
}

/// Ordered by the name of the key, as the columns of one key come after another.
fn primary(relations: &[Relation], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut rows: Vec<(&Relation, &Constraint, usize, &String)> = Vec::new();
    for relation in relations {
        let keys = relation.body.constraints.iter();
        for key in keys.filter(|constraint| constraint.key == Key::Primary) {
            let columns = key.columns.iter().enumerate();
            rows.extend(columns.map(|(at, column)| (relation, key, at, column)));
        }
    }
    let text = |of: fn(&(&Relation, &Constraint, usize, &String)) -> String| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|row| Some(of(row)))
                .collect::<StringArray>(),
        )
    };
    let sequence: Int32Array = rows.iter().map(|row| Some(row.2 as i32 + 1)).collect();
    build(
        schema,
        vec![
            text(|_| CATALOG.to_owned()),
            text(|row| row.0.name.schema.to_string()),
            text(|row| row.0.name.relation.to_string()),
            text(|row| row.3.clone()),
            Arc::new(sequence),
            text(|row| row.1.name.clone()),
        ],
    )
}

/// A column of a foreign key.
struct ForeignColumn<'a> {
    from: &'a Relation,
    constraint: &'a Constraint,
    to: &'a RelationName,
    to_column: &'a String,
    to_key: Option<&'a String>,
    at: usize,
}

fn foreign(relations: &[Relation]) -> Vec<ForeignColumn<'_>> {
    let mut found = Vec::new();
    for from in relations {
        for constraint in &from.body.constraints {
            let Key::Foreign {
                relation: to,
                columns,
                primary_key,
            } = &constraint.key
            else {
                continue;
            };
            found.extend(
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, to_column)| ForeignColumn {
                        from,
                        constraint,
                        to,
                        to_column,
                        to_key: primary_key.as_ref(),
                        at,
                    }),
            );
        }
    }
    found
}

fn foreign_batch(keys: &[ForeignColumn<'_>], schema: &SchemaRef) -> Result<RecordBatch> {
    let text = |of: fn(&ForeignColumn<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(keys.iter().map(of).collect::<StringArray>())
    };
    let sequence: Int32Array = keys.iter().map(|key| Some(key.at as i32 + 1)).collect();
    let rule = || -> ArrayRef { Arc::new(UInt8Array::from(vec![NO_ACTION; keys.len()])) };
    build(
        schema,
        vec![
            text(|_| Some(CATALOG.to_owned())),
            text(|key| Some(key.to.schema.to_string())),
            text(|key| Some(key.to.relation.to_string())),
            text(|key| Some(key.to_column.clone())),
            text(|_| Some(CATALOG.to_owned())),
            text(|key| Some(key.from.name.schema.to_string())),
            text(|key| Some(key.from.name.relation.to_string())),
            text(|key| key.constraint.columns.get(key.at).cloned()),
            Arc::new(sequence),
            text(|key| Some(key.constraint.name.clone())),
            text(|key| key.to_key.cloned()),
            rule(),
            rule(),
        ],
    )
}

fn build(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| Error::Internal {
        query_id: "-".to_owned(),
        detail: error.to_string(),
    })
}
