//! DataFusion's source of JSON files, but for two things: a number or a boolean is a text where the
//! table has texts, as inference has found some, and a file that is one array is read as a whole.

use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow_json::ReaderBuilder;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileSource, JsonSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion_datasource::boundary_stream::AlignedBoundaryStream;
use datafusion_datasource::decoder::{DecoderDeserializer, deserialize_stream};
use datafusion_datasource_json::JsonDecoder;
use datafusion_datasource_json::utils::JsonArrayToNdjsonReader;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};

use crate::csv::open;

/// Batches of an array that wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// The reader of `schema`, here and where a broken row is looked for.
pub(crate) fn reader(schema: SchemaRef) -> ReaderBuilder {
    ReaderBuilder::new(schema).with_coerce_primitive(true)
}

/// Reads JSON files: one object a line, or one array of objects a file.
#[derive(Clone)]
pub(crate) struct JsonFiles {
    lines: bool,
    batch_size: Option<usize>,
    /// What plans with it, and never reads.
    planned: Arc<dyn FileSource>,
}

impl JsonFiles {
    pub(crate) fn new(table: TableSchema, lines: bool) -> Self {
        Self {
            lines,
            batch_size: None,
            planned: Arc::new(JsonSource::new(table)),
        }
    }

    /// Whether a file holds one object a line.
    pub(crate) fn lines(&self) -> bool {
        self.lines
    }
}

impl FileSource for JsonFiles {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.table_schema().file_schema();
        let projection = match self.projection() {
            Some(projection) => SplitProjection::new(file_schema, projection),
            None => SplitProjection::unprojected(self.table_schema()),
        };
        let opener = Arc::new(Opener {
            schema: Arc::new(file_schema.project(&projection.file_indices)?),
            batch_size: self.batch_size.unwrap_or(config.batch_size.unwrap_or(8192)),
            compression: config.file_compression_type,
            lines: self.lines,
            store,
        });
        ProjectionOpener::try_new(projection, opener, file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        self.planned.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            batch_size: Some(batch_size),
            ..self.clone()
        })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.planned.projection()
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let planned = self.planned.try_pushdown_projection(projection)?;
        Ok(planned.map(|planned| -> Arc<dyn FileSource> {
            Arc::new(Self {
                planned,
                ..self.clone()
            })
        }))
    }

    // No part of an array tells where its objects begin.
    fn supports_repartitioning(&self) -> bool {
        self.lines
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.planned.metrics()
    }

    fn file_type(&self) -> &str {
        self.planned.file_type()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.planned.apply_expressions(f)
    }
}

#[derive(Clone)]
struct Opener {
    schema: SchemaRef,
    batch_size: usize,
    compression: FileCompressionType,
    lines: bool,
    store: Arc<dyn ObjectStore>,
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let opener = self.clone();
        Ok(Box::pin(async move {
            match opener.lines {
                true => opener.lines_of(file).await,
                false => opener.array(file).await,
            }
        }))
    }
}

type Batches = BoxStream<'static, Result<RecordBatch>>;

impl Opener {
    fn reader(&self) -> ReaderBuilder {
        reader(Arc::clone(&self.schema)).with_batch_size(self.batch_size)
    }

    async fn lines_of(&self, file: PartitionedFile) -> Result<Batches> {
        let path = file.object_meta.location;
        let bytes = match file.range {
            Some(range) => {
                let (start, end) = (range.start.unsigned_abs(), range.end.unsigned_abs());
                let (store, size) = (Arc::clone(&self.store), file.object_meta.size);
                let lines = AlignedBoundaryStream::new(store, path, start, end, size, b'\n');
                lines.await?.boxed()
            }
            None => match self.store.get(&path).await?.payload {
                // Read where it is decoded, as DataFusion does: on a thread of the query's.
                GetResultPayload::File(file, _) => {
                    let bytes = BufReader::new(self.compression.convert_read(file)?);
                    let batches = self.reader().build(bytes)?;
                    return Ok(futures::stream::iter(batches).map_err(Into::into).boxed());
                }
                GetResultPayload::Stream(bytes) => bytes,
            },
        };
        let bytes = bytes.map_err(DataFusionError::from).boxed();
        let bytes = self.compression.convert_stream(bytes)?.fuse();
        let decoder = JsonDecoder::new(self.reader().build_decoder()?);
        let batches = deserialize_stream(bytes, DecoderDeserializer::new(decoder));
        Ok(batches.map_err(Into::into).boxed())
    }

    async fn array(&self, file: PartitionedFile) -> Result<Batches> {
        let bytes = open(&self.store, &file.object_meta.location).await?;
        let schema = Arc::clone(&self.schema);
        let mut batches = RecordBatchReceiverStreamBuilder::new(schema, BATCHES_AHEAD);
        let (reader, sender) = (self.reader(), batches.tx());
        batches.spawn_blocking(move || {
            let decoded = decode_array(bytes, reader, |batch| {
                sender.blocking_send(Ok(batch)).is_ok()
            });
            decoded.map_err(DataFusionError::from)
        });
        Ok(batches.build().boxed())
    }
}

/// Gives the batches of an array to `send`, until it wants no more.
fn decode_array(
    bytes: impl Read,
    reader: ReaderBuilder,
    mut send: impl FnMut(RecordBatch) -> bool,
) -> Result<(), ArrowError> {
    let mut objects = JsonArrayToNdjsonReader::new(bytes);
    for batch in reader.build(&mut objects)? {
        if !send(batch?) {
            return Ok(());
        }
    }
    Ok(objects.validate_complete()?)
}
