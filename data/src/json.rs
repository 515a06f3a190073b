//! JSON files: one object a line, or one array of objects a file.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_json::reader::{ValueIter, infer_json_schema_from_iterator};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion_datasource_json::utils::JsonArrayToNdjsonReader;
use object_store::{ObjectMeta, ObjectStore};

use crate::budget::Budget;
use crate::csv::open;
use crate::define::{InferenceLimits, Inferred};
use crate::{Error, Result};

/// Whether a file holds one object a line, told by its first character.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn is_lines(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<bool> {
    let source = open(store, &file.location).await?;
    let read = move || {
        let mut reader = BufReader::new(source);
        loop {
            let Ok(buffer) = reader.fill_buf() else {
                return true;
            };
            if buffer.is_empty() {
                return true;
            }
            let blank =
                |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
            match buffer.iter().find(|byte| !blank(byte)) {
                Some(first) => return *first != b'[',
                None => {
                    let length = buffer.len();
                    reader.consume(length);
                }
            }
        }
    };
    Ok(blocking(read).await)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The columns of all files together. Stops at the limits, and says so.
///
/// # Errors
/// [`Error::Malformed`] with file and line; [`Error::Empty`].
pub(crate) async fn infer(
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
    lines: bool,
    spark: bool,
    limits: &InferenceLimits,
) -> Result<Inferred> {
    let mut budget = Budget::new(limits);
    let mut schemas: Vec<Schema> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if at > 0 && !budget.another_file() {
            break;
        }
        let source = open(store, &file.location).await?;
        let path = format!("/{}", file.location);
        let read = move || match lines {
            true => lines_schema(source, &path, &mut budget).map(|schema| (schema, budget)),
            false => array_schema(source, &path, &mut budget).map(|schema| (schema, budget)),
        };
        let (schema, after) = blocking(read).await?;
        schemas.push(schema);
        budget = after;
    }
    let location = files.first().map(|file| format!("/{}", file.location));
    let location = location.unwrap_or_default();
    let merged =
        Schema::try_merge(schemas).map_err(|error| malformed(&location, error.to_string()))?;
    if merged.fields().is_empty() {
        return Err(Error::Empty { location });
    }
    Ok(Inferred {
        columns: Schema::new(settled(merged.fields(), spark)),
        note: budget.note(),
    })
}

fn malformed(path: &str, reason: String) -> Error {
    Error::Malformed {
        path: path.to_owned(),
        format: "JSON",
        reason,
    }
}

/// The schema of a file with one object a line, as far as the budget goes.
fn lines_schema(source: impl Read, path: &str, budget: &mut Budget) -> Result<Schema> {
    let reader = BufReader::new(budget.counting(source));
    let mut line = 0_u64;
    let values = ValueIter::new(reader, None)
        .inspect(|_| line += 1)
        .take_while(|_| budget.record());
    infer_json_schema_from_iterator(values).map_err(|error| match error {
        ArrowError::JsonError(reason) => malformed(path, format!("line {line}: {reason}")),
        error => malformed(path, error.to_string()),
    })
}

/// The schema of a file that is one array of objects, as far as the budget goes. The array is never
/// in memory as a whole.
fn array_schema(source: impl Read, path: &str, budget: &mut Budget) -> Result<Schema> {
    let mut objects = JsonArrayToNdjsonReader::new(budget.counting(source));
    let (mut object, mut whole) = (0_u64, true);
    let values = serde_json::Deserializer::from_reader(&mut objects)
        .into_iter::<serde_json::Value>()
        .inspect(|_| object += 1)
        .take_while(|_| {
            whole = budget.record();
            whole
        })
        .map(|value| value.map_err(|error| ArrowError::JsonError(error.to_string())));
    let schema = infer_json_schema_from_iterator(values).map_err(|error| {
        let reason = error.to_string();
        // Its lines are those of the objects, not of the file.
        let reason = reason.split(" at line ").next().unwrap_or(&reason);
        malformed(path, format!("object {object}: {reason}"))
    })?;
    if whole {
        let complete = objects.validate_complete();
        complete.map_err(|error| malformed(path, error.to_string()))?;
    }
    Ok(schema)
}

/// Columns without values are text; Spark's columns come in the order of their names.
fn settled(fields: &Fields, spark: bool) -> Vec<Field> {
    let mut settled: Vec<Field> = fields
        .iter()
        .map(|field| Field::new(field.name(), settled_type(field.data_type(), spark), true))
        .collect();
    if spark {
        settled.sort_by(|a, b| a.name().cmp(b.name()));
    }
    settled
}

fn settled_type(data_type: &DataType, spark: bool) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(settled(fields, spark).into()),
        DataType::List(element) => {
            let element = settled_type(element.data_type(), spark);
            DataType::List(Arc::new(Field::new_list_field(element, true)))
        }
        other => other.clone(),
    }
}
