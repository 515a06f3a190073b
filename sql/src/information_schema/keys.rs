//! The rows of `information_schema` about declared keys.

use mica_catalog::{CATALOG, Constraint, Key, Relation, RelationName};

use super::SystemTable;
use super::rows::{Cell, qualified, text};

/// The rows of a view about keys for the keys of one relation; none for other views.
pub(super) fn rows(table: SystemTable, relation: &Relation) -> Vec<Vec<Cell>> {
    let constraints = relation.body.constraints.iter();
    match table {
        SystemTable::TableConstraints => constraints
            .map(|constraint| table_constraint(relation, constraint))
            .collect(),
        SystemTable::KeyColumnUsage => constraints
            .flat_map(|constraint| key_columns(relation, constraint))
            .collect(),
        SystemTable::ConstraintColumnUsage => constraints
            .flat_map(|constraint| used_columns(relation, constraint))
            .collect(),
        SystemTable::ReferentialConstraints => constraints
            .filter_map(|constraint| referential(relation, constraint))
            .collect(),
        _ => Vec::new(),
    }
}

/// Catalog, schema and name of a constraint.
fn named(relation: &Relation, constraint: &Constraint) -> Vec<Cell> {
    vec![
        text(CATALOG),
        text(relation.name.schema.as_str()),
        text(constraint.name.as_str()),
    ]
}

fn table_constraint(relation: &Relation, constraint: &Constraint) -> Vec<Cell> {
    let mut row = named(relation, constraint);
    row.extend(qualified(&relation.name));
    row.push(text(match constraint.key {
        Key::Primary => "PRIMARY KEY",
        Key::Foreign { .. } => "FOREIGN KEY",
    }));
    row
}

fn key_columns<'a>(
    relation: &'a Relation,
    constraint: &'a Constraint,
) -> impl Iterator<Item = Vec<Cell>> + 'a {
    let foreign = matches!(constraint.key, Key::Foreign { .. });
    constraint
        .columns
        .iter()
        .enumerate()
        .map(move |(at, column)| {
            let place = at as i64 + 1;
            let mut row = named(relation, constraint);
            row.extend(qualified(&relation.name));
            row.extend([
                text(column.as_str()),
                Cell::Number(Some(place)),
                Cell::Number(foreign.then_some(place)),
            ]);
            row
        })
}

/// The columns that a constraint is about: a foreign key's are the other relation's.
fn used_columns<'a>(
    relation: &'a Relation,
    constraint: &'a Constraint,
) -> impl Iterator<Item = Vec<Cell>> + 'a {
    let (of, columns): (&RelationName, &[String]) = match &constraint.key {
        Key::Primary => (&relation.name, &constraint.columns),
        Key::Foreign {
            relation: other,
            columns,
            ..
        } => (other, columns),
    };
    columns.iter().map(move |column| {
        let mut row = qualified(of);
        row.push(text(column.as_str()));
        row.extend(named(relation, constraint));
        row
    })
}

fn referential(relation: &Relation, constraint: &Constraint) -> Option<Vec<Cell>> {
    let Key::Foreign {
        relation: other,
        primary_key,
        ..
    } = &constraint.key
    else {
        return None;
    };
    let mut row = named(relation, constraint);
    row.extend([
        text(CATALOG),
        text(other.schema.as_str()),
        Cell::Text(primary_key.clone()),
        text("NONE"),
        text("NO ACTION"),
        text("NO ACTION"),
    ]);
    Some(row)
}
