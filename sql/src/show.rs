//! `SHOW` and `DESCRIBE`: rows from the catalog and the session.
//!
//! In the spark dialect they have Spark's columns, in ansi those that BI tools look for.

mod describe;
mod listings;
mod pattern;
mod table;
mod values;

use mica_catalog::{Relation, settle_foreign_keys};
use sqlparser::ast::ObjectName;

use self::table::Table;
use crate::graph::Loader;
use crate::planner::{Against, Planned, Planner};
use crate::render::{constraint_statements, create_statement, dialect_of};
use crate::statement::Show;
use crate::{Result, references};

impl Planner {
    /// The rows of a `SHOW` statement; `SHOW QUERIES` is the server's.
    pub(crate) async fn show(&self, show: &Show, against: Against<'_>) -> Result<Planned> {
        let dialect = against.scope.dialect;
        let table = match show {
            Show::Catalogs => listings::catalogs(),
            Show::Schemas(pattern) => listings::schemas(pattern.as_deref(), against),
            Show::Relations {
                views,
                schema,
                pattern,
            } => listings::relations(*views, schema.as_deref(), pattern.as_deref(), against)?,
            Show::Columns { relation, pattern } => {
                let relation = self.relation(relation, against).await?;
                listings::columns(&relation, pattern.as_deref(), dialect)
            }
            Show::Functions(pattern) => listings::functions(pattern.as_deref(), dialect),
            Show::Create(relation) => {
                let mut relations = [self.relation(relation, against).await?];
                let store = &**self.store();
                settle_foreign_keys(store, against.snapshot, &mut relations).await?;
                let [relation] = relations;
                let mut table = Table::new(&["createtab_stmt"]);
                // A view's text has the dialect that it was written in, whoever asks.
                let dialect = match relation.body.as_view() {
                    Some(_) => dialect_of(&relation),
                    None => dialect,
                };
                let mut statements = vec![create_statement(&relation, dialect)];
                statements.extend(constraint_statements(&relation, dialect));
                table.row([statements.join(";\n")]);
                table
            }
            Show::Properties(relation, key) => {
                let relation = self.relation(relation, against).await?;
                values::properties(&relation, key.as_deref())
            }
            Show::History(relation) => self.history(relation, against).await?,
            Show::Setting(key) => values::settings(key.as_deref(), against.scope)?,
            Show::Queries => Table::new(&["query_id"]),
        };
        table.planned()
    }

    /// A temporary, virtual or stored relation.
    pub(crate) async fn relation(
        &self,
        name: &ObjectName,
        against: Against<'_>,
    ) -> Result<Relation> {
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let Some(relation) = against.temporary.get(&ident.value)
        {
            return Ok(relation.clone());
        }
        let name = references::resolve_object(name, against.scope)?;
        let loader = Loader {
            store: &**self.store(),
            snapshot: against.snapshot,
            temporary: against.temporary,
        };
        let mut found = loader.sources(std::slice::from_ref(&name)).await?;
        match found.remove(&name) {
            Some(source) => Ok(source.relation.clone()),
            None => Err(references::missing(against.snapshot, &name, None)),
        }
    }

    async fn history(&self, relation: &ObjectName, against: Against<'_>) -> Result<Table> {
        let name = references::resolve_object(relation, against.scope)?;
        let history = self.store().history(&name).await?;
        if history.is_empty() {
            return Err(references::missing(against.snapshot, &name, None));
        }
        let mut table = Table::new(&[
            "version",
            "until_version",
            "name",
            "kind",
            "committed_at",
            "author",
            "statement",
        ]);
        // A row of the history knows its schema by the folded name alone.
        let schema = against.snapshot.schema(name.schema.folded());
        let schema = schema.map_or(&name.schema, |schema| &schema.name);
        for row in history {
            table.row_with_nulls([
                Some(row.since.to_string()),
                row.until.map(|until| until.to_string()),
                Some(format!("{schema}.{}", row.name.relation)),
                Some(row.kind.to_string()),
                Some(timestamp(row.committed_at_ms)),
                Some(row.author),
                Some(row.summary),
            ]);
        }
        Ok(table)
    }
}

/// `2024-05-15 14:30:00` in UTC.
fn timestamp(at_ms: i64) -> String {
    let at = datafusion::arrow::temporal_conversions::timestamp_ms_to_datetime(at_ms);
    at.map_or(String::new(), |at| {
        at.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}
