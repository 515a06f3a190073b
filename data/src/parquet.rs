//! Parquet files: columns and statistics from their footers.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use crate::{Error, Result};

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;
/// Files beyond which the footers are not read for statistics before a query starts.
const STATISTICS_FILES_MAX: usize = 512;

/// The columns of all files together, as their footers say.
///
/// # Errors
/// [`Error::DataFusion`] for a footer that cannot be read, or types that do not fit together.
pub(crate) async fn infer(
    session: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
) -> Result<Schema> {
    let format = ParquetFormat::default().with_force_view_types(false);
    let schema = format.infer_schema(session, store, files).await;
    let schema = schema.map_err(|source| failed(files, source))?;
    Ok((*schema).clone())
}

fn failed(files: &[ObjectMeta], source: DataFusionError) -> Error {
    let path = match files {
        [file] => format!("/{}", file.location),
        files => files.first().map_or_else(String::new, |file| {
            format!("/{} and {} more", file.location, files.len() - 1)
        }),
    };
    Error::DataFusion { path, source }
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
