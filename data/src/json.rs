//! JSON files: one object a line, or one array of objects a file.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Instant;

use arrow_json::reader::{ValueIter, infer_json_schema_from_iterator};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use object_store::{ObjectMeta, ObjectStore};

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

/// The columns of all files together.
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
    let started = Instant::now();
    let mut schemas: Vec<Schema> = Vec::new();
    let (mut bytes, mut note) = (0, None);
    for file in files {
        let source = open(store, &file.location).await?;
        let path = format!("/{}", file.location);
        let seconds_max = limits.seconds_max;
        let read = move || infer_file(BufReader::new(source), lines, &path, started, seconds_max);
        let (schema, whole) = blocking(read).await?;
        schemas.extend(schema);
        bytes += file.size;
        if bytes >= limits.bytes_max || !whole {
            note = Some(format!(
                "columns were inferred from the first files only (--infer-max-bytes {}, \
                 --infer-max-seconds {}); declare them if later objects differ",
                limits.bytes_max, limits.seconds_max
            ));
            break;
        }
    }
    let location = || {
        files
            .first()
            .map_or_else(String::new, |file| format!("/{}", file.location))
    };
    let merged = Schema::try_merge(schemas).map_err(|error| Error::Malformed {
        path: location(),
        format: "JSON",
        reason: error.to_string(),
    })?;
    if merged.fields().is_empty() {
        return Err(Error::Empty {
            location: location(),
        });
    }
    Ok(Inferred {
        columns: Schema::new(settled(merged.fields(), spark)),
        note,
    })
}

/// The schema of one file, and whether all of it was read.
fn infer_file(
    reader: BufReader<impl std::io::Read>,
    lines: bool,
    path: &str,
    started: Instant,
    seconds_max: u64,
) -> Result<(Option<Schema>, bool)> {
    let malformed = |reason: String| Error::Malformed {
        path: path.to_owned(),
        format: "JSON",
        reason,
    };
    if !lines {
        let values: serde_json_values::Values =
            serde_json_values::read(reader).map_err(malformed)?;
        let schema = infer_json_schema_from_iterator(values.into_iter().map(Ok));
        let schema = schema.map_err(|error| malformed(error.to_string()))?;
        return Ok((Some(schema), true));
    }
    let mut late = false;
    let mut count = 0_u64;
    let values = ValueIter::new(reader, None).take_while(|_| {
        count += 1;
        late = count.is_multiple_of(4096) && started.elapsed().as_secs() >= seconds_max;
        !late
    });
    let mut line = 0_u64;
    let counted = values.inspect(|_| line += 1);
    let schema = infer_json_schema_from_iterator(counted);
    match schema {
        Ok(schema) => Ok((Some(schema), !late)),
        Err(ArrowError::JsonError(reason)) => Err(malformed(format!("line {line}: {reason}"))),
        Err(error) => Err(malformed(error.to_string())),
    }
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

/// Arrays of objects.
mod serde_json_values {
    use std::io::Read;

    pub(super) type Values = Vec<serde_json::Value>;

    pub(super) fn read(reader: impl Read) -> Result<Values, String> {
        serde_json::from_reader(reader).map_err(|error| error.to_string())
    }
}
