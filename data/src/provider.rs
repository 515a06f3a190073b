//! External tables as DataFusion reads them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result as DfResult, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt, TryStreamExt};
use mica_catalog::{EntryId, ExternalTable, Relation, Version, fold};
use object_store::{ObjectMeta, ObjectStore};

use crate::csv::{Layout, Layouts, scan_group, uncompressed_name};
use crate::json::JsonFiles;
use crate::listing::{Listing, StatementListings, list};
use crate::options::{CsvOptions, JsonOptions};
use crate::renew::Recipe;
use crate::scan::{Group, Scan, local_store_url, table_schema};
use crate::{Error, Location, Result, Roots, parquet, partitions};

/// What all tables of a warehouse share.
#[derive(Clone, Debug, Default)]
pub struct TableContext {
    /// Where files may lie besides their own location.
    pub roots: Roots,
    layouts: Arc<Layouts>,
}

impl TableContext {
    /// A context with these roots.
    pub fn new(roots: Roots) -> Self {
        Self {
            roots,
            layouts: Arc::default(),
        }
    }
}

/// Headers that are read at once.
const HEADERS_AT_ONCE: usize = 16;

/// Reads one external table. Its schema has folded names; its files keep their spelling.
pub struct ExternalTableProvider {
    key: (EntryId, Version),
    name: String,
    table: ExternalTable,
    context: TableContext,
    /// All columns, folded, partition columns last.
    schema: SchemaRef,
    /// The columns as stored.
    stored: SchemaRef,
    partitions: Vec<FieldRef>,
}

impl fmt::Debug for ExternalTableProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalTableProvider")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ExternalTableProvider {
    /// The provider of a stored table. Touches no file.
    ///
    /// # Errors
    /// [`Error::Format`] if the relation is not a table of a known format.
    pub fn new(relation: &Relation, context: TableContext) -> Result<Self> {
        let mica_catalog::Definition::ExternalTable(table) = &relation.body.definition else {
            return Err(Error::Format {
                format: "view".to_owned(),
            });
        };
        let folded =
            |field: &FieldRef| Field::new(fold(field.name()), field.data_type().clone(), true);
        let fields: Vec<Field> = relation.body.columns.fields().iter().map(folded).collect();
        let is_partition = |field: &&Field| {
            table
                .partition_columns
                .iter()
                .any(|name| fold(name) == *field.name())
        };
        let partitions = fields
            .iter()
            .filter(is_partition)
            .cloned()
            .map(Arc::new)
            .collect();
        Ok(Self {
            key: (relation.id, relation.since),
            name: relation.name.to_string(),
            table: table.clone(),
            context,
            schema: Arc::new(Schema::new(fields)),
            stored: Arc::clone(&relation.body.columns),
            partitions,
        })
    }

    /// The table's files, listed once per statement.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::OutsideRoots`], [`Error::Store`].
    pub async fn listing(&self, session: &dyn Session) -> Result<Arc<Listing>> {
        let list = async {
            let store = self.store(session)?;
            let location = Location::stored(&self.table.location, &self.context.roots)?;
            list(&store, &location, &self.table.format, &self.context.roots).await
        };
        match session.config().get_extension::<StatementListings>() {
            Some(listings) => listings.get(self.key, list).await,
            None => list.await.map(Arc::new),
        }
    }

    fn store(&self, session: &dyn Session) -> Result<Arc<dyn ObjectStore>> {
        let store = session.runtime_env().object_store(local_store_url());
        store.map_err(|source| Error::DataFusion {
            path: self.table.location.clone(),
            source,
        })
    }

    /// The files that `filters` on partition columns may want, with their partition values.
    async fn files(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> DfResult<Vec<PartitionedFile>> {
        let listing = self.listing(session).await?;
        if self.partitions.is_empty() {
            let files = listing.files.iter().cloned();
            return Ok(files.map(PartitionedFile::new_from_meta).collect());
        }
        let location = Location::stored(&self.table.location, &self.context.roots)?;
        let values = listing
            .files
            .iter()
            .map(|file| partitions::values(file, &location.base, &self.partitions))
            .collect::<Result<Vec<_>>>()?;
        let wanted = partitions::matching(session, filters, &self.partitions, &values)?;
        let files = listing.files.iter().zip(values).zip(wanted);
        Ok(files
            .filter(|(_, wanted)| *wanted)
            .map(|((file, values), _)| {
                PartitionedFile::new_from_meta(file.clone()).with_partition_values(values)
            })
            .collect())
    }

    /// The files' own columns, without partition columns, in the spelling of `names`.
    fn file_columns(&self, stored: bool) -> SchemaRef {
        let names = if stored { &self.stored } else { &self.schema };
        let fields = names.fields().iter().filter(|field| {
            let folded = fold(field.name());
            !self
                .partitions
                .iter()
                .any(|partition| *partition.name() == folded)
        });
        let plain = |field: &FieldRef| Field::new(field.name(), field.data_type().clone(), true);
        Arc::new(Schema::new(fields.map(plain).collect::<Vec<_>>()))
    }

    async fn scans(
        &self,
        session: &dyn Session,
        files: Vec<PartitionedFile>,
    ) -> DfResult<Vec<Scan>> {
        match self.table.format.as_str() {
            "CSV" => self.csv_scans(session, files).await,
            "JSON" => self.json_scans(files),
            "PARQUET" => self.parquet_scan(session, files).await,
            other => Err(Error::Format {
                format: other.to_owned(),
            }
            .into()),
        }
    }

    async fn csv_scans(
        &self,
        session: &dyn Session,
        files: Vec<PartitionedFile>,
    ) -> DfResult<Vec<Scan>> {
        let options = CsvOptions::from_map(&self.table.options)?;
        let store = self.store(session)?;
        let columns = self.file_columns(false);
        let layouts: Vec<Layout> = if options.has_header {
            let metas: Vec<ObjectMeta> = files.iter().map(|f| f.object_meta.clone()).collect();
            futures::stream::iter(metas)
                .map(|file| self.layout(&store, file, &options))
                .buffered(HEADERS_AT_ONCE)
                .try_collect()
                .await?
        } else {
            let names: Layout = columns
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            vec![names; files.len()]
        };
        let mut groups: Vec<(Layout, Group)> = Vec::new();
        for (file, layout) in files.into_iter().zip(layouts) {
            let name = file.object_meta.location.to_string();
            let fits = |(known, group): &&mut (Layout, Group)| {
                *known == layout && suffix(group.first_name()) == suffix(&name)
            };
            match groups.iter_mut().find(fits) {
                Some((_, group)) => group.files.push(file),
                None => groups.push((layout, Group { files: vec![file] })),
            }
        }
        let scan = |(layout, group): (Layout, Group)| {
            scan_group(group, &layout, &columns, &self.partitions, &options)
        };
        Ok(groups.into_iter().map(scan).collect())
    }

    /// The layout of a file; it must have at least one of the table's columns.
    async fn layout(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: ObjectMeta,
        options: &CsvOptions,
    ) -> Result<Layout> {
        let layout = self.context.layouts.get(store, &file, options).await?;
        let known = |name: &String| self.schema.field_with_name(name).is_ok();
        if layout.iter().any(known) || file.size == 0 || layout.is_empty() {
            return Ok(layout);
        }
        let wanted: Vec<&str> = self
            .stored
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .collect();
        Err(Error::Columns {
            problem: format!(
                "the header of '/{}' names none of the columns of '{}': it has {}, the table {} \
                 (has_header 'false' if there is no header)",
                file.location,
                self.name,
                layout.join(", "),
                wanted.join(", ")
            ),
        })
    }

    fn json_scans(&self, files: Vec<PartitionedFile>) -> DfResult<Vec<Scan>> {
        let options = JsonOptions::from_map(&self.table.options)?;
        let columns = self.file_columns(true);
        let (plain, packed): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| uncompressed_name(file.object_meta.location.as_ref()));
        let mut groups: Vec<Group> = Vec::new();
        if !plain.is_empty() {
            groups.push(Group { files: plain });
        }
        for file in packed {
            let name = file.object_meta.location.to_string();
            let same = groups
                .iter_mut()
                .find(|group| suffix(group.first_name()) == suffix(&name));
            match same {
                Some(group) => group.files.push(file),
                None => groups.push(Group { files: vec![file] }),
            }
        }
        let scan = |group: Group| {
            let table = table_schema(Arc::clone(&columns), &self.partitions);
            let lines = options.lines.unwrap_or(true);
            Scan {
                source: Recipe::new(move || JsonFiles::new(table.clone(), lines)),
                compression: crate::csv::compression_of(group.first_name()),
                lenient: false,
                null_value: None,
                statistics: None,
                group,
            }
        };
        Ok(groups.into_iter().map(scan).collect())
    }

    async fn parquet_scan(
        &self,
        session: &dyn Session,
        files: Vec<PartitionedFile>,
    ) -> DfResult<Vec<Scan>> {
        let columns = self.file_columns(true);
        let store = self.store(session)?;
        let files = parquet::with_footers(session, &store, &columns, files).await?;
        let table = table_schema(Arc::clone(&columns), &self.partitions);
        let statistics = summed(&files, table.table_schema());
        let cache = session
            .runtime_env()
            .cache_manager
            .get_file_metadata_cache();
        let factory = CachedParquetFileReaderFactory::new(store, cache);
        let options = session.config_options().execution.parquet.clone();
        let options = datafusion::common::config::TableParquetOptions {
            global: options,
            ..Default::default()
        };
        let factory: Arc<dyn ParquetFileReaderFactory> = Arc::new(factory);
        let source = Recipe::new(move || {
            ParquetSource::new(table.clone())
                .with_table_parquet_options(options.clone())
                .with_parquet_file_reader_factory(Arc::clone(&factory))
        });
        Ok(vec![Scan {
            source,
            compression: crate::csv::compression_of(""),
            lenient: false,
            null_value: None,
            statistics,
            group: Group { files },
        }])
    }

    /// The name of a column in the files: text files of our own reading have folded names.
    fn file_name(&self, folded: &str) -> Option<String> {
        if self.table.format == "CSV" || self.partitions.iter().any(|p| p.name() == folded) {
            return Some(folded.to_owned());
        }
        let at = self.schema.index_of(folded).ok()?;
        Some(self.stored.field(at).name().clone())
    }
}

/// What a file's name tells about its compression.
fn suffix(name: &str) -> &str {
    let last = name.rsplit('.').next().unwrap_or_default();
    if ["gz", "zst", "bz2", "xz"].contains(&last) {
        last
    } else {
        ""
    }
}

/// Statistics of all files together, if each has some.
fn summed(files: &[PartitionedFile], schema: &SchemaRef) -> Option<Statistics> {
    let all = files.iter().map(|file| file.statistics.as_deref());
    let all: Vec<&Statistics> = all.collect::<Option<_>>()?;
    Statistics::try_merge_iter(all, schema).ok()
}

#[async_trait]
impl TableProvider for ExternalTableProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let answer =
            |filter: &&Expr| match partitions::is_partition_filter(filter, &self.partitions) {
                true => TableProviderFilterPushDown::Exact,
                // Footers and pages are skipped by it; rows are filtered above.
                false if self.table.format == "PARQUET" => TableProviderFilterPushDown::Inexact,
                false => TableProviderFilterPushDown::Unsupported,
            };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let wanted = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let files = self.files(session, filters).await?;
        let empty = || -> Arc<dyn ExecutionPlan> { Arc::new(EmptyExec::new(Arc::clone(&wanted))) };
        if files.is_empty() {
            return Ok(empty());
        }
        let partitions = session.config().target_partitions();
        let mut execs = self
            .scans(session, files)
            .await?
            .into_iter()
            .map(|scan| scan.into_exec(&wanted, |name| self.file_name(name), partitions, limit))
            .collect::<DfResult<Vec<_>>>()?;
        match execs.len() {
            0 => Ok(empty()),
            1 => Ok(execs.remove(0)),
            _ => UnionExec::try_new(execs),
        }
    }
}
