//! The types that drivers list in `SQLGetTypeInfo`.

use std::sync::Arc;

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};

/// Name, code, size in digits or characters, and the quotes of a literal.
type Row = (
    &'static str,
    XdbcDataType,
    i32,
    Option<(&'static str, &'static str)>,
);

const ROWS: [Row; 13] = [
    ("BOOLEAN", XdbcDataType::XdbcBit, 1, None),
    ("TINYINT", XdbcDataType::XdbcTinyint, 3, None),
    ("BIGINT", XdbcDataType::XdbcBigint, 19, None),
    (
        "VARBINARY",
        XdbcDataType::XdbcVarbinary,
        i32::MAX,
        Some(("X'", "'")),
    ),
    ("DECIMAL", XdbcDataType::XdbcDecimal, 38, None),
    ("INTEGER", XdbcDataType::XdbcInteger, 10, None),
    ("SMALLINT", XdbcDataType::XdbcSmallint, 5, None),
    ("FLOAT", XdbcDataType::XdbcReal, 7, None),
    ("DOUBLE", XdbcDataType::XdbcDouble, 15, None),
    (
        "VARCHAR",
        XdbcDataType::XdbcVarchar,
        i32::MAX,
        Some(("'", "'")),
    ),
    ("DATE", XdbcDataType::XdbcDate, 10, Some(("DATE '", "'"))),
    ("TIME", XdbcDataType::XdbcTime, 15, Some(("TIME '", "'"))),
    (
        "TIMESTAMP",
        XdbcDataType::XdbcTimestamp,
        26,
        Some(("TIMESTAMP '", "'")),
    ),
];

fn row((name, code, size, quotes): Row) -> XdbcTypeInfo {
    let subcode = match code {
        XdbcDataType::XdbcDate => Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
        XdbcDataType::XdbcTime => Some(XdbcDatetimeSubcode::XdbcSubcodeTime),
        XdbcDataType::XdbcTimestamp => Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
        _ => None,
    };
    let decimal = code == XdbcDataType::XdbcDecimal;
    let number = quotes.is_none() && code != XdbcDataType::XdbcBit;
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type: code,
        column_size: Some(size),
        literal_prefix: quotes.map(|(prefix, _)| prefix.to_owned()),
        literal_suffix: quotes.map(|(_, suffix)| suffix.to_owned()),
        create_params: decimal.then(|| vec!["precision".to_owned(), "scale".to_owned()]),
        nullable: Nullable::NullabilityNullable,
        case_sensitive: code == XdbcDataType::XdbcVarchar,
        searchable: Searchable::Full,
        unsigned_attribute: number.then_some(false),
        fixed_prec_scale: false,
        auto_increment: number.then_some(false),
        local_type_name: Some(name.to_owned()),
        minimum_scale: decimal.then_some(0),
        maximum_scale: decimal.then_some(38),
        sql_data_type: match subcode {
            // SQL_DATETIME, with the subcode telling which.
            Some(_) => XdbcDataType::XdbcDatetime,
            None => code,
        },
        datetime_subcode: subcode,
        num_prec_radix: number.then_some(10),
        interval_precision: None,
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Internal {
        query_id: "-".to_owned(),
        detail: error.to_string(),
    }
}

fn data() -> Result<XdbcTypeInfoData> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for entry in ROWS {
        builder.append(row(entry));
    }
    builder.build().map_err(failed)
}

/// The schema of the answer.
pub(super) fn schema() -> SchemaRef {
    match data() {
        Ok(data) => data.schema(),
        Err(_) => Arc::new(datafusion::arrow::datatypes::Schema::empty()),
    }
}

/// All types, or those of one code.
pub(super) fn batch(code: Option<i32>) -> Result<RecordBatch> {
    data()?.record_batch(code).map_err(failed)
}
