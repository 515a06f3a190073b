//! The stored columns of a relation: their names, and the comments on them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use mica_catalog::{COMMENT_KEY, Relation, fold, near_matches};

use crate::statement::ViewColumn;
use crate::{Error, Result};

/// The query's columns under the names of the statement's head, with their comments.
pub(super) fn named(columns: SchemaRef, named: &[ViewColumn]) -> Result<SchemaRef> {
    if named.is_empty() {
        return Ok(columns);
    }
    if named.len() != columns.fields().len() {
        return Err(Error::invalid(format!(
            "the view names {} columns, its query has {}",
            named.len(),
            columns.fields().len()
        )));
    }
    let fields = columns.fields().iter().zip(named).map(|(field, column)| {
        let field = Field::new(&column.name, field.data_type().clone(), true);
        match &column.comment {
            Some(comment) => {
                field.with_metadata([(COMMENT_KEY.to_owned(), comment.clone())].into())
            }
            None => field,
        }
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// Refuses two columns of one name.
pub(super) fn check_unique(columns: &Schema) -> Result<()> {
    let mut seen = HashSet::new();
    let twice = columns
        .fields()
        .iter()
        .find(|field| !seen.insert(fold(field.name())));
    match twice {
        Some(field) => Err(Error::invalid(format!(
            "two columns of the view are called '{}'; give one an alias",
            field.name()
        ))),
        None => Ok(()),
    }
}

/// Comments of `old` on the columns of `new` that have the same name.
pub(super) fn keep_comments(new: &Schema, old: &Schema) -> SchemaRef {
    let comments: BTreeMap<String, &String> = old
        .fields()
        .iter()
        .filter_map(|field| Some((fold(field.name()), field.metadata().get(COMMENT_KEY)?)))
        .collect();
    let fields = new.fields().iter().map(|field| {
        let mut field = field.as_ref().clone();
        if let Some(comment) = comments.get(&fold(field.name())) {
            let metadata = [(COMMENT_KEY.to_owned(), (*comment).clone())];
            field.set_metadata(metadata.into());
        }
        field
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of `relation` with another comment on one of them, or none.
pub(super) fn commented(
    relation: &Relation,
    column: &str,
    comment: Option<&str>,
) -> Result<SchemaRef> {
    let folded = fold(column);
    let mut found = false;
    let fields = relation.body.columns.fields().iter().map(|field| {
        let mut field = field.as_ref().clone();
        if fold(field.name()) == folded {
            found = true;
            let entry = comment.map(|comment| (COMMENT_KEY.to_owned(), comment.to_owned()));
            field.set_metadata(entry.into_iter().collect());
        }
        field
    });
    let fields: Vec<Field> = fields.collect();
    match found {
        true => Ok(Arc::new(Schema::new(fields))),
        false => Err(missing(relation, column)),
    }
}

/// The error for a column that `relation` does not have.
pub(super) fn missing(relation: &Relation, column: &str) -> Error {
    let fields = relation.body.columns.fields().iter();
    let near = near_matches(column, fields.map(|field| field.name().as_str()));
    let near = near
        .first()
        .map_or(String::new(), |near| format!("; did you mean '{near}'?"));
    let name = &relation.name;
    Error::invalid(format!("'{name}' has no column '{column}'{near}"))
}
