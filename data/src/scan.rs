//! From files to an execution plan.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, Column, Literal, TryCastExpr, case, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::renew::Recipe;

/// Files that are read alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) files: Vec<PartitionedFile>,
}

impl Group {
    pub(crate) fn first_name(&self) -> &str {
        self.files
            .first()
            .map_or("", |file| file.object_meta.location.as_ref())
    }

    fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.object_meta.size).sum()
    }
}

/// One scan of a table: a group of files and how they are read.
pub(crate) struct Scan {
    pub(crate) source: Recipe,
    pub(crate) compression: FileCompressionType,
    /// Casts from text give NULL where they fail.
    pub(crate) lenient: bool,
    /// The text that stands for NULL, besides the empty one.
    pub(crate) null_value: Option<String>,
    /// Known statistics of all files, partition columns included.
    pub(crate) statistics: Option<Statistics>,
    pub(crate) group: Group,
}

/// The columns of files, and the partition columns that their folders add.
pub(crate) fn table_schema(files: SchemaRef, partitions: &[FieldRef]) -> TableSchema {
    TableSchema::builder(files)
        .with_table_partition_cols(partitions.to_vec())
        .build()
}

/// The local disk's object store.
pub(crate) fn local_store_url() -> ObjectStoreUrl {
    ObjectStoreUrl::local_filesystem()
}

impl Scan {
    /// The plan that gives `wanted` (folded names and types), in that order. `file_name` gives a
    /// column's name in the files, or none for a column that they lack.
    ///
    /// # Errors
    /// What DataFusion says of the scan.
    pub(crate) fn into_exec(
        self,
        wanted: &Schema,
        file_name: impl Fn(&str) -> Option<String>,
        partitions: usize,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = self.source.source();
        let table = source.table_schema().table_schema();
        let (places, outputs) = placed(table, wanted, file_name);
        let read = Arc::new(table.project(&places)?);
        let size_bytes = self.group.size_bytes();
        let statistics = match self.statistics {
            Some(statistics) => statistics,
            None => estimated(table, size_bytes),
        };
        let mut files = self.group.files;
        self.source.attach(&mut files);
        let groups = FileGroup::new(files).split_files(partitions.max(1));
        let config = FileScanConfigBuilder::new(local_store_url(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_file_compression_type(self.compression)
            .with_limit(limit)
            .with_projection_indices(Some(places))?
            .build();
        let exec: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        let null_value = self.null_value.as_deref();
        if null_value.is_none() && unchanged(wanted, &read, &outputs) {
            return Ok(exec);
        }
        let exprs = wanted.fields().iter().zip(&outputs).map(|(field, place)| {
            let expr = output(field.data_type(), *place, &read, self.lenient, null_value)?;
            Ok((expr, field.name().clone()))
        });
        let exprs: Vec<(Arc<dyn PhysicalExpr>, String)> = exprs.collect::<Result<_>>()?;
        Ok(Arc::new(ProjectionExec::try_new(exprs, exec)?))
    }
}

/// The columns of `table` to read, each once, and where each wanted one stands among those; none
/// for one that the files lack.
fn placed(
    table: &Schema,
    wanted: &Schema,
    file_name: impl Fn(&str) -> Option<String>,
) -> (Vec<usize>, Vec<Option<usize>>) {
    let mut places: Vec<usize> = Vec::with_capacity(wanted.fields().len());
    let output = |field: &FieldRef| {
        let place = table.index_of(&file_name(field.name())?).ok()?;
        let known = places.iter().position(|known| *known == place);
        Some(known.unwrap_or_else(|| {
            places.push(place);
            places.len() - 1
        }))
    };
    let outputs = wanted.fields().iter().map(output).collect();
    (places, outputs)
}

/// Whether the columns that are read are the wanted ones already.
fn unchanged(wanted: &Schema, read: &Schema, places: &[Option<usize>]) -> bool {
    let same = |(at, (wanted, read)): (usize, (&FieldRef, &FieldRef))| {
        places[at] == Some(at)
            && wanted.name() == read.name()
            && wanted.data_type() == read.data_type()
    };
    let mut pairs = wanted.fields().iter().zip(read.fields()).enumerate();
    places.len() == read.fields().len() && pairs.all(same)
}

fn output(
    to: &DataType,
    place: Option<usize>,
    read: &Schema,
    lenient: bool,
    null_value: Option<&str>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let Some(place) = place else {
        return Ok(Arc::new(Literal::new(ScalarValue::try_from(to)?)));
    };
    let field = read.field(place);
    let mut column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), place));
    if let Some(null) = null_value.filter(|_| *field.data_type() == DataType::Utf8) {
        column = null_if(column, null)?;
    }
    if field.data_type() == to {
        return Ok(column);
    }
    Ok(match lenient {
        true => Arc::new(TryCastExpr::new(column, to.clone())),
        false => Arc::new(CastExpr::new(column, to.clone(), None)),
    })
}

/// `CASE WHEN column <> 'null' THEN column END`
fn null_if(column: Arc<dyn PhysicalExpr>, null: &str) -> Result<Arc<dyn PhysicalExpr>> {
    let is_value = BinaryExpr::new(Arc::clone(&column), Operator::NotEq, lit(null));
    case(None, vec![(Arc::new(is_value), column)], None)
}

/// Text files have no row counts, and without one DataFusion joins in the order of the text. The
/// number of rows follows from the size and what values of these types take.
fn estimated(columns: &Schema, size_bytes: u64) -> Statistics {
    let width = |data_type: &DataType| -> u64 {
        match data_type {
            DataType::Boolean => 5,
            DataType::Date32 => 11,
            DataType::Timestamp(..) => 20,
            DataType::Utf8 => 13,
            data_type if data_type.is_numeric() => 7,
            _ => 40,
        }
    };
    let row: u64 = columns
        .fields()
        .iter()
        .map(|field| width(field.data_type()))
        .sum();
    let rows = size_bytes / row.max(1);
    let mut statistics = Statistics::new_unknown(columns);
    statistics.num_rows = Precision::Inexact(rows.max(1) as usize);
    statistics.total_byte_size = Precision::Inexact(size_bytes as usize);
    statistics
}
