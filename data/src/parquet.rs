//! Parquet files: columns and statistics from their footers.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use futures::{StreamExt, TryStreamExt};
use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};

use crate::{Error, Result};

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;
/// Files beyond which the footers are not read before a query starts.
const FOOTER_FILES_MAX: usize = 512;

/// The columns of all files together, as their footers say: those of the first file, then what
/// others add, each in a type that holds the values of all.
///
/// # Errors
/// [`Error::DataFusion`] for a footer that cannot be read; [`Error::Columns`] for types that have
/// nothing in common.
pub(crate) async fn infer(
    session: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
) -> Result<Schema> {
    let format = &ParquetFormat::default().with_force_view_types(false);
    let mut schemas = futures::stream::iter(files.to_vec())
        .map(|file| async move {
            let path = format!("/{}", file.location);
            match format.infer_schema(session, store, &[file]).await {
                Ok(schema) => Ok((path, schema)),
                Err(source) => Err(Error::DataFusion { path, source }),
            }
        })
        .buffered(FOOTERS_AT_ONCE);
    let (mut columns, mut places) = (Vec::new(), HashMap::new());
    while let Some((path, schema)) = schemas.try_next().await? {
        for field in schema.fields() {
            add(&mut columns, &mut places, field, &path)?;
        }
    }
    Ok(Schema::new(columns))
}

/// Adds a file's column to those of the files before it. `places` tells where a folded name stands.
fn add(
    columns: &mut Vec<Field>,
    places: &mut HashMap<String, usize>,
    field: &Field,
    path: &str,
) -> Result<()> {
    let place = *places.entry(fold(field.name())).or_insert(columns.len());
    let Some(known) = columns.get_mut(place) else {
        columns.push(field.clone().with_nullable(true));
        return Ok(());
    };
    let (one, other) = (known.data_type(), field.data_type());
    if one == other {
        return Ok(());
    }
    let common = type_union_coercion(one, other).ok_or_else(|| Error::Columns {
        problem: format!(
            "column '{}' is {other} in {path} and {one} in another file",
            field.name()
        ),
    })?;
    known.set_data_type(common);
    Ok(())
}

/// Puts on `files` what their footers say: statistics, and the types to read them in. Footers are
/// remembered by DataFusion's cache.
///
/// # Errors
/// What DataFusion says of a footer.
pub(crate) async fn with_footers(
    session: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    table: &SchemaRef,
    files: Vec<PartitionedFile>,
) -> datafusion::common::Result<Vec<PartitionedFile>> {
    if files.len() > FOOTER_FILES_MAX {
        return Ok(files);
    }
    let cache = session
        .runtime_env()
        .cache_manager
        .get_file_metadata_cache();
    let cache = &cache;
    futures::stream::iter(files)
        .map(|file| async move {
            let footer = DFParquetMetadata::new(store, &file.object_meta)
                .with_file_metadata_cache(Some(Arc::clone(cache)));
            let statistics = footer.fetch_statistics(table).await?;
            let written = footer.fetch_schema().await?;
            let file = match plain_fields(written.fields()) {
                Some(fields) => file.with_arrow_schema(Arc::new(Schema::new_with_metadata(
                    fields,
                    written.metadata().clone(),
                ))),
                None => file,
            };
            Ok::<_, DataFusionError>(file.with_statistics(Arc::new(statistics)))
        })
        .buffered(FOOTERS_AT_ONCE)
        .try_collect()
        .await
}

/// `fields` in the types that tables have, or none if they are already.
///
/// A writer of Arrow data notes its own types in the footer, such as `Utf8View`, and readers follow
/// them. Reading text as a table has it costs nothing; casting it afterwards copies it.
fn plain_fields(fields: &Fields) -> Option<Fields> {
    let plain: Vec<Option<FieldRef>> = fields.iter().map(plain_field).collect();
    plain.iter().any(Option::is_some).then(|| {
        let known = fields.iter().zip(plain);
        known
            .map(|(field, plain)| plain.unwrap_or_else(|| Arc::clone(field)))
            .collect()
    })
}

fn plain_field(field: &FieldRef) -> Option<FieldRef> {
    let data_type = plain_type(field.data_type())?;
    Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
}

fn plain_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => Some(DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary => Some(DataType::Binary),
        DataType::Dictionary(_, value) => {
            Some(plain_type(value).unwrap_or_else(|| value.as_ref().clone()))
        }
        DataType::List(item) => plain_field(item).map(DataType::List),
        DataType::Struct(fields) => plain_fields(fields).map(DataType::Struct),
        DataType::Map(entries, sorted) => {
            plain_field(entries).map(|entries| DataType::Map(entries, *sorted))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: DataType, read: Option<DataType>) {
        assert_eq!(plain_type(&written), read, "{written}");
    }

    #[test]
    fn text_is_read_as_tables_have_it() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
        check(DataType::Utf8, None);
        check(DataType::Int64, None);
        check(DataType::Utf8View, Some(DataType::Utf8));
        check(dictionary.clone(), Some(DataType::Utf8));
        check(list(DataType::Int64), None);
        check(list(dictionary), Some(list(DataType::Utf8)));
    }
}
