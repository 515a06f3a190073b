//! JSON files: one object a line, or one array of objects a file.

mod broken;
mod source;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_json::reader::{ValueIter, infer_json_schema_from_iterator};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion_datasource_json::utils::JsonArrayToNdjsonReader;
use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};

use crate::budget::Budget;
use crate::csv::open;
use crate::define::{InferenceLimits, Inferred};
use crate::{Error, Result};

pub(crate) use broken::broken_row;
pub(crate) use source::JsonFiles;

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
    limits: &InferenceLimits,
) -> Result<Inferred> {
    let mut budget = Budget::new(limits);
    let mut columns = Fields::empty();
    for (at, file) in files.iter().enumerate() {
        if at > 0 && !budget.another_file() {
            break;
        }
        let source = open(store, &file.location).await?;
        let path = format!("/{}", file.location);
        let differs = |reason| malformed(&format!("/{}", file.location), reason);
        let read = move || match lines {
            true => lines_schema(source, &path, &mut budget).map(|schema| (schema, budget)),
            false => array_schema(source, &path, &mut budget).map(|schema| (schema, budget)),
        };
        let (schema, after) = blocking(read).await?;
        columns = merged(&columns, schema.fields()).map_err(differs)?;
        budget = after;
    }
    if columns.is_empty() {
        let location = files.first().map(|file| format!("/{}", file.location));
        return Err(Error::Empty {
            location: location.unwrap_or_default(),
        });
    }
    refuse_twins(&columns)?;
    Ok(Inferred {
        columns: Schema::new(settled(&columns)),
        note: budget.note(),
        has_newlines: false,
    })
}

/// Names of columns have no case, keys of objects do.
fn refuse_twins(columns: &Fields) -> Result<()> {
    let mut known: HashMap<String, &str> = HashMap::new();
    for column in columns {
        if let Some(twin) = known.insert(fold(column.name()), column.name()) {
            return Err(Error::Columns {
                problem: format!(
                    "the keys '{twin}' and '{}' differ in case alone; declare the columns to read, as in \
                     (\"{twin}\" BIGINT)",
                    column.name()
                ),
            });
        }
    }
    Ok(())
}

/// The fields of files before and of another one, as if all stood in one file.
///
/// # Errors
/// A field that is an object in one and none in the other.
fn merged(before: &Fields, more: &Fields) -> Result<Fields, String> {
    let both = before.iter().map(|field| match more.find(field.name()) {
        Some((_, twin)) => {
            let merged = merged_type(field.name(), field.data_type(), twin.data_type())?;
            Ok(Arc::new(field.as_ref().clone().with_data_type(merged)))
        }
        None => Ok(Arc::clone(field)),
    });
    let added = more
        .iter()
        .filter(|field| before.find(field.name()).is_none());
    both.chain(added.cloned().map(Ok)).collect()
}

fn merged_type(name: &str, before: &DataType, more: &DataType) -> Result<DataType, String> {
    use DataType::{Float64, Int64, List, Null, Struct, Utf8};
    Ok(match (before, more) {
        (one, other) if one == other => one.clone(),
        (Null, known) | (known, Null) => known.clone(),
        (Struct(before), Struct(more)) => Struct(merged(before, more)?),
        (Struct(_), _) | (_, Struct(_)) => {
            return Err(format!(
                "'{name}' is an object in one file, and none in another"
            ));
        }
        (List(before), List(more)) => {
            list_of(merged_type(name, before.data_type(), more.data_type())?)
        }
        (List(element), single) | (single, List(element)) => {
            list_of(merged_type(name, element.data_type(), single)?)
        }
        (Int64, Float64) | (Float64, Int64) => Float64,
        _ => Utf8,
    })
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
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

/// Columns without values are text. All come in the order of their names, as Spark's do: the order
/// in which inference gives them differs from one time to the next.
fn settled(fields: &Fields) -> Vec<Field> {
    let mut settled: Vec<Field> = fields
        .iter()
        .map(|field| Field::new(field.name(), settled_type(field.data_type()), true))
        .collect();
    settled.sort_by(|a, b| a.name().cmp(b.name()));
    settled
}

fn settled_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(settled(fields).into()),
        DataType::List(element) => list_of(settled_type(element.data_type())),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Schema {
        let mut budget = Budget::new(&InferenceLimits::default());
        lines_schema(text.as_bytes(), "/f.json", &mut budget).unwrap()
    }

    #[test]
    fn files_of_different_types_have_one_that_holds_all() {
        let one = r#"{"n": 1, "s": {"a": 1}, "l": [1], "m": 1, "z": null, "one": 1}"#;
        let other = r#"{"n": 1.5, "s": {"b": "x"}, "l": 0.5, "m": true, "z": 2, "other": 1}"#;
        let apart = merged(schema(one).fields(), schema(other).fields()).unwrap();
        let together = schema(&format!("{one}\n{other}"));
        assert_eq!(settled(&apart), settled(together.fields()));
    }

    #[test]
    fn an_object_is_nothing_else() {
        let (object, number) = (schema(r#"{"a": {"b": 1}}"#), schema(r#"{"a": 1}"#));
        let reason = merged(object.fields(), number.fields()).unwrap_err();
        assert!(reason.contains("'a' is an object"), "{reason}");
    }
}
