//! Names of what there is: schemas, relations, columns, functions.

use mica_catalog::{CATALOG, INFORMATION_SCHEMA, Relation, RelationKind, fold};

use super::pattern::is_like;
use super::table::Table;
use crate::planner::Against;
use crate::registry::function_names;
use crate::{Dialect, Result, information_schema, references, types};

pub(super) fn catalogs() -> Table {
    let mut table = Table::new(&["catalog_name"]);
    table.row([CATALOG.to_owned()]);
    table
}

pub(super) fn schemas(pattern: Option<&str>, against: Against<'_>) -> Table {
    let dialect = against.scope.dialect;
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["namespace"],
        Dialect::Ansi => &["database_name"],
    });
    let stored = against
        .snapshot
        .schemas()
        .map(|schema| schema.name.as_str());
    let own = (dialect == Dialect::Ansi).then_some(INFORMATION_SCHEMA);
    for name in stored.chain(own) {
        if is_like(pattern, name, dialect) {
            table.row([name.to_owned()]);
        }
    }
    table
}

/// A relation in `SHOW TABLES`.
struct Listed<'a> {
    schema: &'a str,
    name: &'a str,
    kind: RelationKind,
    temporary: bool,
}

pub(super) fn relations(
    views: bool,
    schema: Option<&[String]>,
    pattern: Option<&str>,
    against: Against<'_>,
) -> Result<Table> {
    let dialect = against.scope.dialect;
    let mut table = Table::new(match (dialect, views) {
        (Dialect::Spark, false) => &["namespace", "tableName", "isTemporary"],
        (Dialect::Spark, true) => &["namespace", "viewName", "isTemporary"],
        (Dialect::Ansi, _) => &["schema_name", "table_name", "table_type"],
    });
    let schema = match schema {
        Some(parts) => references::resolve_schema(parts)?,
        None => against.scope.schema.as_str(),
    };
    let mut listed = in_schema(schema, against)?;
    listed.extend(temporary(against));
    for relation in listed {
        let wanted = !views || relation.kind == RelationKind::View;
        if !wanted || !is_like(pattern, relation.name, dialect) {
            continue;
        }
        let kind = relation.kind.table_type();
        let last = match dialect {
            Dialect::Spark => relation.temporary.to_string(),
            Dialect::Ansi if relation.temporary => format!("LOCAL TEMPORARY {kind}"),
            Dialect::Ansi => kind.to_owned(),
        };
        table.row([relation.schema.to_owned(), relation.name.to_owned(), last]);
    }
    Ok(table)
}

fn in_schema<'a>(schema: &str, against: Against<'a>) -> Result<Vec<Listed<'a>>> {
    if fold(schema) == INFORMATION_SCHEMA {
        let names = information_schema::names();
        return Ok(names
            .map(|name| Listed {
                schema: INFORMATION_SCHEMA,
                name,
                kind: RelationKind::View,
                temporary: false,
            })
            .collect());
    }
    let entry = against.snapshot.require_schema(schema)?;
    let heads = against.snapshot.relations_of(entry.name.folded());
    Ok(heads
        .map(|head| Listed {
            schema: entry.name.as_str(),
            name: head.name.relation.as_str(),
            kind: head.kind,
            temporary: false,
        })
        .collect())
}

/// The session's own, which are in no schema.
fn temporary(against: Against<'_>) -> impl Iterator<Item = Listed<'_>> {
    against.temporary.iter().map(|relation| Listed {
        schema: "",
        name: relation.name.relation.as_str(),
        kind: relation.kind(),
        temporary: true,
    })
}

pub(super) fn columns(relation: &Relation, pattern: Option<&str>, dialect: Dialect) -> Table {
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["col_name"],
        Dialect::Ansi => &["column_name", "data_type", "is_nullable"],
    });
    for field in relation.body.columns.fields() {
        if !is_like(pattern, field.name(), dialect) {
            continue;
        }
        let name = field.name().clone();
        match dialect {
            Dialect::Spark => table.row([name]),
            Dialect::Ansi => {
                table.row([name, types::sql_name(field.data_type()), "YES".to_owned()]);
            }
        }
    }
    table
}

pub(super) fn functions(pattern: Option<&str>, dialect: Dialect) -> Table {
    let mut table = Table::new(&["function"]);
    for name in function_names(dialect) {
        if is_like(pattern, name, dialect) {
            table.row([name.to_owned()]);
        }
    }
    table
}
