//! `DESCRIBE`: columns, and with `EXTENDED` everything that is known of a relation.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::Schema;
use mica_catalog::{
    CATALOG, COMMENT_KEY, Definition, ExternalTable, Relation, SchemaEntry, View,
    settle_foreign_keys,
};

use super::table::Table;
use super::timestamp;
use crate::planner::{Against, Planned, Planner};
use crate::statement::Describe;
use crate::{Dialect, Result, StatementText, references, render, types};

impl Planner {
    /// The rows of a `DESCRIBE` statement.
    pub(crate) async fn describe(
        &self,
        describe: &Describe,
        text: &StatementText,
        against: Against<'_>,
    ) -> Result<Planned> {
        let dialect = against.scope.dialect;
        match describe {
            Describe::Relation { name, extended } => {
                let mut relations = [self.relation(name, against).await?];
                let store = &**self.store();
                settle_foreign_keys(store, against.snapshot, &mut relations).await?;
                let [relation] = relations;
                let mut table = described(&relation.body.columns, dialect);
                if *extended {
                    for (key, value) in details(&relation, dialect) {
                        table.row([key.to_owned(), value, String::new()]);
                    }
                }
                table.planned()
            }
            Describe::Query(query) => {
                let planned = self.query(query, text, against, None).await?;
                described(&planned.columns, dialect).planned()
            }
            Describe::Schema(parts) => {
                let name = references::resolve_schema(parts)?;
                schema(against.snapshot.require_schema(name)?).planned()
            }
        }
    }
}

fn schema(schema: &SchemaEntry) -> Table {
    let mut table = Table::new(&["info_name", "info_value"]);
    let comment = schema.comment.clone().unwrap_or_default();
    table.row(["Catalog Name".to_owned(), CATALOG.to_owned()]);
    table.row(["Namespace Name".to_owned(), schema.name.to_string()]);
    table.row(["Comment".to_owned(), comment]);
    table.row(["Owner".to_owned(), schema.owner.clone()]);
    table
}

fn described(columns: &Schema, dialect: Dialect) -> Table {
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["col_name", "data_type", "comment"],
        Dialect::Ansi => &["column_name", "data_type", "comment"],
    });
    for field in columns.fields() {
        let name = match dialect {
            Dialect::Spark => types::spark_name(field.data_type()),
            Dialect::Ansi => types::sql_name(field.data_type()),
        };
        let comment = field.metadata().get(COMMENT_KEY).cloned();
        table.row_with_nulls([Some(field.name().clone()), Some(name), comment]);
    }
    table
}

/// Keys, as Spark calls them, and values.
type Details = Vec<(&'static str, String)>;

/// What `EXTENDED` adds.
fn details(relation: &Relation, dialect: Dialect) -> Details {
    let body = &relation.body;
    let mut details = vec![
        ("", String::new()),
        ("# Detailed Table Information", String::new()),
        ("Catalog", CATALOG.to_owned()),
        ("Database", relation.name.schema.to_string()),
        ("Table", relation.name.relation.to_string()),
        ("Owner", body.owner.clone()),
        ("Created Time", timestamp(body.created_at_ms)),
        ("Version", relation.since.to_string()),
    ];
    details.extend(match &body.definition {
        Definition::View(view) => of_view(view),
        Definition::ExternalTable(table) => of_table(table),
    });
    if let Some(source) = &body.source {
        details.push(("Project", source.project.clone()));
        details.push(("Layer", source.layer.clone()));
        details.push(("File", source.file.clone()));
    }
    if let Some(comment) = &body.comment {
        details.push(("Comment", comment.clone()));
    }
    if !body.properties.is_empty() {
        details.push(("Table Properties", pairs(&body.properties)));
    }
    for constraint in &body.constraints {
        let clause = render::constraint_clause(constraint, dialect);
        details.push(("Constraint", clause));
    }
    if let Some(broken) = &body.broken {
        details.push(("Broken", broken.clone()));
    }
    details
}

fn of_view(view: &View) -> Details {
    let reads = view.dependencies.iter().map(|dep| dep.name.to_string());
    vec![
        ("Type", "VIEW".to_owned()),
        ("View Text", view.text.clone()),
        ("View Dialect", view.dialect.clone()),
        ("View Default Schema", view.default_schema.clone()),
        ("Schema Mode", view.schema_mode.as_str().to_owned()),
        ("Reads", reads.collect::<Vec<_>>().join(", ")),
    ]
}

fn of_table(table: &ExternalTable) -> Details {
    let mut details = vec![
        ("Type", "EXTERNAL".to_owned()),
        ("Provider", table.format.to_lowercase()),
        ("Location", table.location.clone()),
        ("Options", pairs(&table.options)),
    ];
    if !table.partition_columns.is_empty() {
        details.push(("Partition Columns", table.partition_columns.join(", ")));
    }
    details
}

fn pairs(map: &BTreeMap<String, String>) -> String {
    let pairs = map.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}
