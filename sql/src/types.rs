//! SQL types and Arrow types: one mapping for casts, declared columns and metadata.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::planner::TypePlanner;
use sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, TimezoneInfo};
use std::sync::Arc;

use crate::{Dialect, Error, Position, Result};

/// The Arrow type that a written type means.
///
/// # Errors
/// [`Error::Unsupported`] for types without one.
pub(crate) fn from_sql(
    sql: &SqlType,
    dialect: Dialect,
    position: Option<Position>,
) -> Result<DataType> {
    convert(sql, dialect).ok_or_else(|| Error::Unsupported {
        what: format!("the type {sql}"),
        position,
    })
}

fn convert(sql: &SqlType, dialect: Dialect) -> Option<DataType> {
    if let Some(number) = number(sql) {
        return Some(number);
    }
    Some(match sql {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::Numeric(size) | SqlType::Decimal(size) | SqlType::Dec(size) => {
            return decimal(size, dialect);
        }
        SqlType::Date | SqlType::Date32 => DataType::Date32,
        SqlType::Time(_, zone) if !zoned(zone) => DataType::Time64(TimeUnit::Nanosecond),
        SqlType::Timestamp(_, zone) => timestamp(zoned(zone)),
        SqlType::Datetime(_) | SqlType::TimestampNtz(_) => timestamp(false),
        SqlType::Binary(_)
        | SqlType::Varbinary(_)
        | SqlType::Blob(_)
        | SqlType::Bytea
        | SqlType::Bytes(_) => DataType::Binary,
        SqlType::Interval { .. } => DataType::Interval(IntervalUnit::MonthDayNano),
        SqlType::Array(element) => return array(element, dialect),
        SqlType::Struct(fields, _) => return structure(fields, dialect),
        SqlType::Map(key, value) => return map(key, value, dialect),
        SqlType::Custom(name, arguments) if arguments.is_empty() => {
            return custom(&name.to_string());
        }
        other if is_text(other) => DataType::Utf8,
        _ => return None,
    })
}

/// Integers and floats.
fn number(sql: &SqlType) -> Option<DataType> {
    /// Digits (binary) of a REAL; a FLOAT of more is a DOUBLE, as in PostgreSQL.
    const REAL_DIGITS_MAX: u64 = 24;
    Some(match sql {
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) | SqlType::Int16 => DataType::Int16,
        SqlType::Int(_)
        | SqlType::Integer(_)
        | SqlType::Int4(_)
        | SqlType::Int32
        | SqlType::MediumInt(_) => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int8(_) | SqlType::Int64 => DataType::Int64,
        SqlType::TinyIntUnsigned(_) => DataType::UInt8,
        SqlType::SmallIntUnsigned(_) | SqlType::Int2Unsigned(_) => DataType::UInt16,
        SqlType::IntUnsigned(_) | SqlType::IntegerUnsigned(_) => DataType::UInt32,
        SqlType::BigIntUnsigned(_) | SqlType::Int8Unsigned(_) => DataType::UInt64,
        SqlType::Float(ExactNumberInfo::Precision(digits)) if *digits > REAL_DIGITS_MAX => {
            DataType::Float64
        }
        SqlType::Float(_) | SqlType::Real | SqlType::Float4 | SqlType::Float32 => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => {
            DataType::Float64
        }
        _ => return None,
    })
}

fn is_text(sql: &SqlType) -> bool {
    matches!(
        sql,
        SqlType::Varchar(_)
            | SqlType::Nvarchar(_)
            | SqlType::Char(_)
            | SqlType::Character(_)
            | SqlType::CharVarying(_)
            | SqlType::CharacterVarying(_)
            | SqlType::Text
            | SqlType::String(_)
            | SqlType::Clob(_)
            | SqlType::Uuid
            | SqlType::JSON
    )
}

/// Names that sqlparser has no variant for.
fn custom(name: &str) -> Option<DataType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "STRING" => DataType::Utf8,
        "BYTE" => DataType::Int8,
        "SHORT" => DataType::Int16,
        "LONG" => DataType::Int64,
        "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" => timestamp(false),
        _ => return None,
    })
}

fn zoned(zone: &TimezoneInfo) -> bool {
    matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone)
}

fn timestamp(zoned: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| Arc::from("UTC")))
}

/// Without a precision: Spark's is (10,0), ours the widest that leaves room on both sides.
fn decimal(info: &ExactNumberInfo, dialect: Dialect) -> Option<DataType> {
    let (precision, scale) = match (info, dialect) {
        (ExactNumberInfo::None, Dialect::Spark) => (10, 0),
        (ExactNumberInfo::None, Dialect::Ansi) => (38, 10),
        (ExactNumberInfo::Precision(precision), _) => (*precision, 0),
        (ExactNumberInfo::PrecisionAndScale(precision, scale), _) => (*precision, *scale),
    };
    let precision = u8::try_from(precision).ok()?;
    let scale = i8::try_from(scale).ok()?;
    let fits = (1..=38).contains(&precision) && (0..=precision as i8).contains(&scale);
    fits.then_some(DataType::Decimal128(precision, scale))
}

fn array(element: &ArrayElemTypeDef, dialect: Dialect) -> Option<DataType> {
    let element = match element {
        ArrayElemTypeDef::AngleBracket(element)
        | ArrayElemTypeDef::SquareBracket(element, _)
        | ArrayElemTypeDef::Parenthesis(element) => convert(element, dialect)?,
        ArrayElemTypeDef::None => return None,
    };
    Some(DataType::List(Arc::new(Field::new_list_field(
        element, true,
    ))))
}

fn structure(fields: &[sqlparser::ast::StructField], dialect: Dialect) -> Option<DataType> {
    let field = |field: &sqlparser::ast::StructField| {
        let name = field.field_name.as_ref()?.value.clone();
        Some(Field::new(name, convert(&field.field_type, dialect)?, true))
    };
    let fields: Option<Fields> = fields.iter().map(field).collect();
    fields.map(DataType::Struct)
}

fn map(key: &SqlType, value: &SqlType, dialect: Dialect) -> Option<DataType> {
    let key = Field::new("key", convert(key, dialect)?, false);
    let value = Field::new("value", convert(value, dialect)?, true);
    let entries = DataType::Struct(vec![key, value].into());
    Some(DataType::Map(
        Arc::new(Field::new("entries", entries, false)),
        false,
    ))
}

/// Gives DataFusion's planner our types for casts and declared parameters.
#[derive(Debug)]
pub(crate) struct Types {
    pub(crate) dialect: Dialect,
    /// The session's: a plain timestamp that becomes a zoned one is a time there.
    pub(crate) zone: Arc<str>,
}

impl TypePlanner for Types {
    fn plan_type_field(&self, sql: &SqlType) -> DataFusionResult<Option<FieldRef>> {
        let field = |data_type| Arc::new(Field::new("", data_type, true));
        let SqlType::Timestamp(digits, zone) = sql else {
            return Ok(convert(sql, self.dialect).map(field));
        };
        let zone = zoned(zone).then(|| Arc::clone(&self.zone));
        Ok(unit(*digits).map(|unit| field(DataType::Timestamp(unit, zone))))
    }
}

/// The unit of `TIMESTAMP(digits)`. Casts to it cut the rest off; more than six are never sent. A
/// number of digits that Arrow has no unit for is left to the planner, which refuses it.
fn unit(digits: Option<u64>) -> Option<TimeUnit> {
    match digits {
        Some(0) => Some(TimeUnit::Second),
        Some(3) => Some(TimeUnit::Millisecond),
        None | Some(6..=9) => Some(TimeUnit::Microsecond),
        _ => None,
    }
}

/// The SQL name of an Arrow type, as `information_schema`, `DESCRIBE` and drivers show it.
pub fn sql_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "NULL".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 | DataType::UInt8 => "SMALLINT".to_owned(),
        DataType::Int32 | DataType::UInt16 => "INTEGER".to_owned(),
        DataType::Int64 | DataType::UInt32 => "BIGINT".to_owned(),
        DataType::UInt64 => "DECIMAL(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "VARBINARY".to_owned(),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".to_owned(),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => format!("ARRAY<{}>", sql_name(element.data_type())),
        DataType::Struct(fields) => struct_name(fields),
        DataType::Map(entries, _) => map_name(entries),
        DataType::Dictionary(_, value) => sql_name(value),
        DataType::RunEndEncoded(_, value) => sql_name(value.data_type()),
        DataType::Union(..) => "UNION".to_owned(),
    }
}

fn struct_name(fields: &Fields) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|field| format!("{}: {}", field.name(), sql_name(field.data_type())))
        .collect();
    format!("STRUCT<{}>", fields.join(", "))
}

/// With parentheses, as Trino and DuckDB: those can be read again in `ansi`.
fn map_name(entries: &Field) -> String {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => format!(
            "MAP({}, {})",
            sql_name(fields[0].data_type()),
            sql_name(fields[1].data_type())
        ),
        _ => "MAP".to_owned(),
    }
}

/// The name that Spark and Hive print: `int`, `string`, `decimal(10,2)`.
pub fn spark_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int32 | DataType::UInt16 => "int".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::List(element) => format!("array<{}>", spark_name(element.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), spark_name(field.data_type())))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "map<{},{}>",
                spark_name(fields[0].data_type()),
                spark_name(fields[1].data_type())
            ),
            _ => "map".to_owned(),
        },
        DataType::Null => "void".to_owned(),
        other => sql_name(other).to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, dialect: Dialect, expected: DataType) {
        let mut parser = sqlparser::parser::Parser::new(dialect.grammar())
            .try_with_sql(sql)
            .unwrap();
        let parsed = parser.parse_data_type().unwrap();
        assert_eq!(from_sql(&parsed, dialect, None).unwrap(), expected);
    }

    #[test]
    fn written_types_have_one_meaning_per_dialect() {
        check("DECIMAL", Dialect::Ansi, DataType::Decimal128(38, 10));
        check("DECIMAL", Dialect::Spark, DataType::Decimal128(10, 0));
        check("STRING", Dialect::Spark, DataType::Utf8);
        check("LONG", Dialect::Spark, DataType::Int64);
        check("VARCHAR(20)", Dialect::Ansi, DataType::Utf8);
        check("FLOAT(24)", Dialect::Ansi, DataType::Float32);
        check("FLOAT(53)", Dialect::Ansi, DataType::Float64);
        check("TIMESTAMP", Dialect::Ansi, timestamp(false));
        check("TIMESTAMP WITH TIME ZONE", Dialect::Ansi, timestamp(true));
    }

    #[test]
    fn nested_types_are_named_in_full() {
        let fields: Fields = vec![Field::new("a", DataType::Int32, true)].into();
        let list = DataType::List(Arc::new(Field::new_list_field(
            DataType::Struct(fields),
            true,
        )));
        assert_eq!(sql_name(&list), "ARRAY<STRUCT<a: INTEGER>>");
        assert_eq!(spark_name(&list), "array<struct<a:int>>");
        let map = map(&SqlType::Text, &SqlType::Integer(None), Dialect::Ansi).unwrap();
        assert_eq!(sql_name(&map), "MAP(VARCHAR, INTEGER)");
        assert_eq!(spark_name(&map), "map<string,int>");
    }
}
