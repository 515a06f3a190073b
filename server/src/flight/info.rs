//! FlightInfos and encoded schemas.

use std::sync::Arc;

use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket};
use bytes::Bytes;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use mica_sql::types::sql_name;

use crate::error::{Error, Result};

/// `columns` with the metadata that drivers read of every column.
///
/// Power BI does not understand a column without `TYPE_NAME`.
pub(super) fn with_type_names(columns: &Schema) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| {
        let mut metadata = field.metadata().clone();
        metadata.remove(mica_catalog::COMMENT_KEY);
        metadata.extend(column_metadata(field));
        field.as_ref().clone().with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Name, precision and scale of a column's type, and what can be done with it, under the keys of
/// Flight SQL.
pub(super) fn column_metadata(field: &Field) -> Vec<(String, String)> {
    use datafusion::arrow::datatypes::DataType;
    let key = |name: &str| format!("ARROW:FLIGHT:SQL:{name}");
    let mut metadata = vec![(key("TYPE_NAME"), sql_name(field.data_type()))];
    let (precision, scale) = match field.data_type() {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (Some(i32::from(*precision)), Some(i32::from(*scale)))
        }
        DataType::Int8 => (Some(3), Some(0)),
        DataType::Int16 => (Some(5), Some(0)),
        DataType::Int32 => (Some(10), Some(0)),
        DataType::Int64 => (Some(19), Some(0)),
        DataType::Float32 => (Some(7), None),
        DataType::Float64 => (Some(15), None),
        DataType::Timestamp(..) | DataType::Time64(_) => (None, Some(6)),
        _ => (None, None),
    };
    // Of text, the characters that a value takes; JDBC shows them as a column's precision.
    let precision = precision.or(match field.data_type() {
        DataType::Date32 => Some(10),
        DataType::Time64(_) => Some(15),
        DataType::Timestamp(..) => Some(26),
        _ => None,
    });
    let is_text = *field.data_type() == DataType::Utf8;
    for (name, yes) in [
        ("IS_CASE_SENSITIVE", is_text),
        ("IS_READ_ONLY", true),
        ("IS_SEARCHABLE", true),
    ] {
        metadata.push((key(name), u8::from(yes).to_string()));
    }
    metadata.extend(precision.map(|precision| (key("PRECISION"), precision.to_string())));
    metadata.extend(scale.map(|scale| (key("SCALE"), scale.to_string())));
    metadata
}

/// A schema as an IPC message.
///
/// # Errors
/// For a schema that IPC cannot hold; none of ours.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &options));
    let IpcMessage(bytes) = message.map_err(|error| Error::Internal {
        query_id: "-".to_owned(),
        detail: error.to_string(),
    })?;
    Ok(bytes)
}

/// A FlightInfo with one endpoint, to be fetched from where the info came from.
///
/// # Errors
/// As [`schema_bytes`].
pub(super) fn flight_info(
    schema: &Schema,
    ticket: Vec<u8>,
    descriptor: FlightDescriptor,
    records: i64,
) -> Result<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let mut info = FlightInfo::new()
        .with_endpoint(endpoint)
        .with_descriptor(descriptor)
        .with_total_records(records)
        .with_total_bytes(-1);
    info.schema = schema_bytes(schema)?;
    Ok(info)
}
