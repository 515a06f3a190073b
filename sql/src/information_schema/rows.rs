//! The rows of `information_schema`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use mica_catalog::{
    CATALOG, COMMENT_KEY, INFORMATION_SCHEMA, Relation, RelationHead, RelationKind, RelationName,
    Snapshot,
};

use super::{SystemTable, keys};
use crate::types;

/// A value of a row.
pub(super) enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

pub(super) fn text(value: impl Into<String>) -> Cell {
    Cell::Text(Some(value.into()))
}

const NULL: Cell = Cell::Text(None);

fn batch(table: SystemTable, rows: &[Vec<Cell>]) -> Result<RecordBatch> {
    let schema = table.schema();
    let column = |at: usize| -> ArrayRef {
        if *schema.field(at).data_type() == DataType::Int64 {
            let numbers = rows.iter().map(|row| match &row[at] {
                Cell::Number(number) => *number,
                Cell::Text(_) => None,
            });
            return Arc::new(numbers.collect::<Int64Array>());
        }
        let texts = rows.iter().map(|row| match &row[at] {
            Cell::Text(text) => text.as_deref(),
            Cell::Number(_) => None,
        });
        Arc::new(texts.collect::<StringArray>())
    };
    let columns = (0..schema.fields().len()).map(column).collect();
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// One row a schema, `information_schema` included.
pub(super) fn schemata(snapshot: &Snapshot) -> Result<RecordBatch> {
    let mut rows: Vec<Vec<Cell>> = snapshot
        .schemas()
        .map(|schema| {
            vec![
                text(CATALOG),
                text(schema.name.as_str()),
                text(schema.owner.as_str()),
                Cell::Text(schema.comment.clone()),
            ]
        })
        .collect();
    rows.push(vec![
        text(CATALOG),
        text(INFORMATION_SCHEMA),
        text("mica"),
        NULL,
    ]);
    batch(SystemTable::Schemata, &rows)
}

pub(super) fn qualified(name: &RelationName) -> Vec<Cell> {
    vec![
        text(CATALOG),
        text(name.schema.as_str()),
        text(name.relation.as_str()),
    ]
}

/// The rows of `information_schema`'s own views.
pub(super) fn system(table: SystemTable) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for name in super::names() {
        let name = RelationName::new(INFORMATION_SCHEMA, name);
        match table {
            SystemTable::Tables => {
                let mut row = qualified(&name);
                row.extend([text("VIEW"), NULL]);
                rows.push(row);
            }
            SystemTable::Columns => {
                let Some(relation) = super::relation(&name) else {
                    continue;
                };
                rows.extend(columns_of(&name, relation.body.columns.fields()));
            }
            _ => {}
        }
    }
    batch(table, &rows)
}

/// The rows of a page of relations.
pub(super) fn relations(
    table: SystemTable,
    _heads: &[Arc<RelationHead>],
    relations: &[Relation],
) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for relation in relations {
        match table {
            SystemTable::Tables => rows.push(table_row(relation)),
            SystemTable::Columns => {
                rows.extend(columns_of(&relation.name, relation.body.columns.fields()));
            }
            SystemTable::Views => rows.extend(view_row(relation)),
            SystemTable::Schemata => {}
            table => rows.extend(keys::rows(table, relation)),
        }
    }
    batch(table, &rows)
}

fn table_row(relation: &Relation) -> Vec<Cell> {
    let mut row = qualified(&relation.name);
    row.push(text(match relation.kind() {
        RelationKind::View => "VIEW",
        RelationKind::ExternalTable => "BASE TABLE",
    }));
    row.push(Cell::Text(relation.body.comment.clone()));
    row
}

fn view_row(relation: &Relation) -> Option<Vec<Cell>> {
    let view = relation.body.as_view()?;
    let mut row = qualified(&relation.name);
    row.extend([
        text(view.text.as_str()),
        text("NONE"),
        text("NO"),
        text(view.dialect.as_str()),
    ]);
    Some(row)
}

fn columns_of<'a>(
    name: &'a RelationName,
    fields: &'a [Arc<Field>],
) -> impl Iterator<Item = Vec<Cell>> + 'a {
    fields.iter().enumerate().map(move |(at, field)| {
        let (precision, scale) = numeric(field.data_type());
        let datetime = match field.data_type() {
            DataType::Timestamp(..) | DataType::Time64(_) | DataType::Time32(_) => Some(6),
            DataType::Date32 => Some(0),
            _ => None,
        };
        let mut row = qualified(name);
        row.extend([
            text(field.name().as_str()),
            Cell::Number(Some(at as i64 + 1)),
            NULL,
            text("YES"),
            text(types::sql_name(field.data_type())),
            Cell::Number(None),
            Cell::Number(precision),
            Cell::Number(scale),
            Cell::Number(datetime),
            Cell::Text(field.metadata().get(COMMENT_KEY).cloned()),
        ]);
        row
    })
}

/// Precision and scale as SQL counts them: digits for exact numbers, bits for floats.
fn numeric(data_type: &DataType) -> (Option<i64>, Option<i64>) {
    match data_type {
        DataType::Int8 => (Some(3), Some(0)),
        DataType::Int16 => (Some(5), Some(0)),
        DataType::Int32 => (Some(10), Some(0)),
        DataType::Int64 => (Some(19), Some(0)),
        DataType::Float32 => (Some(24), None),
        DataType::Float64 => (Some(53), None),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (Some(i64::from(*precision)), Some(i64::from(*scale)))
        }
        _ => (None, None),
    }
}
