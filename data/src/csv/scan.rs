//! Scans of CSV files that share a layout.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::config::CsvOptions as DfCsvOptions;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::CsvSource;

use super::reader::compression;
use crate::options::CsvOptions;
use crate::renew::Recipe;
use crate::scan::{Group, Scan, table_schema};

/// Types that the CSV reader parses itself; others are read as text and cast.
fn is_parsed(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal128(..)
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Time64(_)
            | DataType::Utf8
    )
}

/// The scan of files whose columns are `layout`, for a table with `columns` (folded).
pub(crate) fn scan_group(
    group: Group,
    layout: &[String],
    columns: &Schema,
    partitions: &[FieldRef],
    options: &CsvOptions,
) -> Scan {
    // DataFusion's scan knows no word for NULL: columns are then read as text, and `Scan` compares.
    let as_text = options.lenient || options.null_value.is_some();
    let field = |name: &String| {
        let declared = columns.field_with_name(name).map(Field::data_type);
        let data_type = match declared {
            Ok(data_type) if is_parsed(data_type) && !as_text => data_type.clone(),
            _ => DataType::Utf8,
        };
        Field::new(name, data_type, true)
    };
    let fields: Vec<Field> = layout.iter().map(field).collect();
    let file_schema = Arc::new(Schema::new(fields));
    let table_schema = table_schema(file_schema, partitions);
    let compressed = compression(group.first_name());
    let read = df_options(options, compressed);
    Scan {
        source: Recipe::new(move || {
            CsvSource::new(table_schema.clone()).with_csv_options(read.clone())
        }),
        compression: compressed,
        lenient: options.lenient,
        null_value: options.null_value.clone(),
        statistics: None,
        group,
    }
}

fn df_options(options: &CsvOptions, compressed: FileCompressionType) -> DfCsvOptions {
    DfCsvOptions {
        has_header: Some(options.has_header),
        delimiter: options.delimiter,
        // A byte that no UTF-8 text contains stands for no quote at all.
        quote: options.quote.unwrap_or(0xff),
        escape: options.escape,
        comment: options.comment,
        newlines_in_values: Some(options.newlines_in_values),
        truncated_rows: Some(options.truncated_rows),
        compression: variant(compressed),
        ..DfCsvOptions::default()
    }
}

fn variant(compressed: FileCompressionType) -> CompressionTypeVariant {
    *compressed.get_variant()
}
