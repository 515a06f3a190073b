//! Parquet files: columns and statistics from their footers.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use futures::{StreamExt, TryStreamExt};
use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};

use crate::{Error, Result};

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;
/// Files beyond which the footers are not read for statistics before a query starts.
const STATISTICS_FILES_MAX: usize = 512;

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

/// Puts the statistics of their footers on `files`. Footers are remembered by DataFusion's cache.
///
/// # Errors
/// What DataFusion says of a footer.
pub(crate) async fn with_statistics(
    session: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    table: &SchemaRef,
    files: Vec<PartitionedFile>,
) -> datafusion::common::Result<Vec<PartitionedFile>> {
    if files.len() > STATISTICS_FILES_MAX {
        return Ok(files);
    }
    let format = &ParquetFormat::default();
    futures::stream::iter(files)
        .map(|file| async move {
            let meta = &file.object_meta;
            let statistics: Statistics = format
                .infer_stats(session, store, Arc::clone(table), meta)
                .await?;
            Ok::<_, DataFusionError>(file.with_statistics(Arc::new(statistics)))
        })
        .buffered(FOOTERS_AT_ONCE)
        .try_collect()
        .await
}
