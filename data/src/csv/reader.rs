//! Reading CSV text ourselves: for headers, types and broken rows. Queries read with DataFusion.

use std::io::Read;
use std::sync::Arc;

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::options::CsvOptions;
use crate::{Error, Result};

/// The compression that the name of a file tells.
pub(crate) fn compression(name: &str) -> FileCompressionType {
    match name.rsplit('.').next() {
        Some("gz") => FileCompressionType::GZIP,
        Some("zst") => FileCompressionType::ZSTD,
        Some("bz2") => FileCompressionType::BZIP2,
        Some("xz") => FileCompressionType::XZ,
        _ => FileCompressionType::UNCOMPRESSED,
    }
}

/// Whether a file's name tells no compression.
pub(crate) fn uncompressed_name(name: &str) -> bool {
    !compression(name).is_compressed()
}

/// The decompressed content of an object. The reader blocks: use it on a blocking thread.
///
/// # Errors
/// [`Error::Store`], [`Error::DataFusion`].
pub(crate) async fn open(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
) -> Result<Box<dyn Read + Send>> {
    let object = store.get(path).await.map_err(|source| Error::Store {
        path: format!("/{path}"),
        source,
    })?;
    let bytes = object.into_stream().map_err(DataFusionError::from);
    let stream = compression(path.as_ref()).convert_stream(Box::pin(bytes));
    let stream = stream.map_err(|source| Error::DataFusion {
        path: format!("/{path}"),
        source,
    })?;
    let reader = StreamReader::new(stream.map_err(std::io::Error::other));
    Ok(Box::new(SyncIoBridge::new(Box::pin(reader))))
}

/// A reader of records with the table's options; it accepts rows of any length.
pub(crate) fn builder(options: &CsvOptions) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder
        .has_headers(false)
        .flexible(true)
        .delimiter(options.delimiter)
        .escape(options.escape)
        .comment(options.comment);
    match options.quote {
        Some(quote) => builder.quote(quote),
        None => builder.quoting(false),
    };
    builder
}
