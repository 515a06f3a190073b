//! The columns of a new table, declared or found in its files, and its options as they are stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use mica_catalog::fold;

use super::{Definition, Files, InferenceLimits};
use crate::location::Kind;
use crate::options::{CsvOptions, JsonOptions, check_parquet};
use crate::{Error, Result, csv, json, parquet, partitions};

/// Columns that were inferred from files.
pub(crate) struct Inferred {
    pub(crate) columns: Schema,
    pub(crate) note: Option<String>,
    /// Whether a file of lines has values that go over the end of theirs.
    pub(crate) has_newlines: bool,
}

/// The options as stored, and the columns of the files.
pub(super) async fn of_files(
    definition: &Definition,
    format: &str,
    files: &Files<'_>,
    session: &dyn Session,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    match format {
        "CSV" => csv_columns(definition, files, limits).await,
        "JSON" => json_columns(definition, files, limits).await,
        "PARQUET" => {
            check_parquet(&definition.options)?;
            let inferred = match declared(definition) {
                Some(declared) => declared,
                None => Inferred {
                    columns: parquet::infer(session, &files.store, &files.files).await?,
                    note: None,
                    has_newlines: false,
                },
            };
            Ok((BTreeMap::new(), inferred))
        }
        other => Err(Error::Format {
            format: other.to_owned(),
        }),
    }
}

fn declared(definition: &Definition) -> Option<Inferred> {
    let columns = definition.columns.as_ref()?;
    Some(Inferred {
        columns: (**columns).clone(),
        note: None,
        has_newlines: false,
    })
}

async fn csv_columns(
    definition: &Definition,
    files: &Files<'_>,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    let text_file = definition.format == "TEXTFILE";
    let mut options = CsvOptions::defaults(definition.spark, text_file);
    options.apply(&definition.options)?;
    let inferred = match declared(definition) {
        Some(declared) => declared,
        None => {
            let (store, spark) = (&files.store, definition.spark);
            csv::infer(store, &files.files, &options, spark, limits).await?
        }
    };
    // Large files are read in parts, which must not begin within a value. Spark does not look, nor do
    // we where columns are declared.
    let is_told = ["newlines_in_values", "multiline"]
        .iter()
        .any(|key| definition.options.contains_key(*key));
    let is_unknown = definition.columns.is_some() && !definition.spark && !text_file;
    options.newlines_in_values |= inferred.has_newlines || is_unknown && !is_told;
    let mut stored = options.to_map();
    if definition.spark && options.infer {
        // Not Spark's default; REFRESH must know.
        stored.insert("infer_schema".to_owned(), "true".to_owned());
    }
    Ok((stored, inferred))
}

async fn json_columns(
    definition: &Definition,
    files: &Files<'_>,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    let options = JsonOptions::from_map(&definition.options)?;
    let lines = match (options.lines, files.files.first()) {
        (Some(lines), _) => lines,
        (None, Some(first)) => json::is_lines(&files.store, first).await?,
        (None, None) => true,
    };
    let inferred = match declared(definition) {
        Some(declared) => declared,
        None => json::infer(&files.store, &files.files, lines, limits).await?,
    };
    let stored = ("newline_delimited".to_owned(), lines.to_string());
    Ok((BTreeMap::from([stored]), inferred))
}

/// Columns with partition columns last, and the names of those.
pub(super) fn arranged(
    definition: &Definition,
    files: &Files<'_>,
    columns: Schema,
) -> Result<(SchemaRef, Vec<String>)> {
    let found = match files.location.kind {
        Kind::File => Vec::new(),
        _ => partitions::infer(&files.files, &files.location.base, definition.spark)?,
    };
    let names: Vec<String> = match definition.partition_columns.as_slice() {
        [] if definition.columns.is_none() => {
            found.iter().map(|field| field.name().clone()).collect()
        }
        declared => declared.to_vec(),
    };
    let is_partition = |name: &str| names.iter().any(|known| fold(known) == fold(name));
    let (declared, data): (Vec<&FieldRef>, Vec<&FieldRef>) = columns
        .fields()
        .iter()
        .partition(|field| is_partition(field.name()));
    let mut fields: Vec<Field> = data.into_iter().map(|field| plain(field)).collect();
    for name in &names {
        let declared = declared.iter().map(|field| field.as_ref());
        fields.push(partition_column(name, declared.chain(&found))?);
    }
    let spelled: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let unique = csv::unique_names(&spelled);
    let fields = fields
        .into_iter()
        .zip(unique)
        .map(|(field, name)| field.with_name(name));
    Ok((Arc::new(Schema::new(fields.collect::<Vec<_>>())), names))
}

/// The column `name` with the type of the first of that name in `known`.
fn partition_column<'a>(name: &str, mut known: impl Iterator<Item = &'a Field>) -> Result<Field> {
    match known.find(|field| fold(field.name()) == fold(name)) {
        Some(field) => Ok(plain(field).with_name(name)),
        None => Err(Error::Columns {
            problem: format!(
                "the partition column '{name}' is neither declared nor a folder's key"
            ),
        }),
    }
}

/// Name and type alone, nullable.
fn plain(field: &Field) -> Field {
    Field::new(field.name(), field.data_type().clone(), true)
}
