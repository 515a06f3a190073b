//! The wire schema: what Prepare, GetFlightInfo, GetSchema, GetTables and DoGet all promise.
//!
//! One function makes it. Clients compare the schemas of a FlightInfo and of its stream, names,
//! types and nullability, and read only plain types: no views, no Large types, no dictionaries, no
//! unsigned numbers. Stored view columns have the same types, so that a view is what it shows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit,
};

/// The type that a column of `data_type` has on the wire.
pub fn column_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(precision, scale) if *precision <= 38 => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(zone_name))
        }
        DataType::Dictionary(_, value) => column_type(value),
        DataType::RunEndEncoded(_, value) => column_type(value.data_type()),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => DataType::List(nested(element)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
        DataType::Map(entries, sorted) => DataType::Map(map_entries(entries), *sorted),
        other => other.clone(),
    }
}

/// Java does not know `+00:00`.
fn zone_name(zone: &Arc<str>) -> Arc<str> {
    match &**zone {
        "+00:00" | "Z" | "utc" => Arc::from("UTC"),
        _ => Arc::clone(zone),
    }
}

fn nested(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(
        field.name(),
        column_type(field.data_type()),
        true,
    ))
}

/// Entries and keys of a map are never NULL, as Arrow wants it.
fn map_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let fields: Fields = fields
        .iter()
        .enumerate()
        .map(|(at, field)| Field::new(field.name(), column_type(field.data_type()), at > 0))
        .collect();
    Arc::new(Field::new(entries.name(), DataType::Struct(fields), false))
}

/// The schema of columns with these names and types, on the wire.
pub(crate) fn schema<'a>(names: &[String], types: impl Iterator<Item = &'a DataType>) -> SchemaRef {
    let field =
        |(name, data_type): (&String, &DataType)| Field::new(name, column_type(data_type), true);
    let fields: Vec<Field> = names.iter().zip(types).map(field).collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: DataType, to: DataType) {
        assert_eq!(column_type(&from), to);
        assert_eq!(column_type(&to), to, "a wire type must stay what it is");
    }

    #[test]
    fn every_type_becomes_one_that_clients_read() {
        check(DataType::Utf8View, DataType::Utf8);
        check(DataType::UInt64, DataType::Decimal128(20, 0));
        check(
            DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        );
        check(
            DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::LargeUtf8)),
            DataType::Utf8,
        );
        let element = |data_type, nullable| Arc::new(Field::new("item", data_type, nullable));
        check(
            DataType::LargeList(element(DataType::UInt8, false)),
            DataType::List(element(DataType::Int16, true)),
        );
    }
}
