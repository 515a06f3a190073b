//! Parameters: their types as advertised, their values as bound.

use std::sync::Arc;

use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::ScalarValue;
use futures::{Stream, TryStreamExt};
use mica_sql::{Parameter, wire};
use tonic::{Code, Status};

use crate::error::{Error, Result};

/// The parameters of a statement as drivers want them: nullable, of concrete types; moments in
/// milliseconds, because the JDBC driver writes milliseconds whatever the type says.
pub(super) fn advertised(parameters: &[Parameter]) -> SchemaRef {
    let field = |Parameter { field, .. }: &Parameter| {
        let data_type = match wire::column_type(field.data_type()) {
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
            DataType::Time64(_) => DataType::Time32(TimeUnit::Millisecond),
            other => other,
        };
        Field::new(field.name(), data_type, true)
    };
    Arc::new(Schema::new(
        parameters.iter().map(field).collect::<Vec<_>>(),
    ))
}

/// The rows of parameters in a DoPut stream. Clients without parameters send no schema at all.
///
/// # Errors
/// [`Error::Request`] for what is not a stream of batches; [`Error::RequestTooLarge`] for more than
/// `bytes_max`.
pub(super) async fn read(
    messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    bytes_max: usize,
) -> Result<Vec<RecordBatch>> {
    let mut bytes = 0;
    let with_content = messages
        .and_then(move |message| {
            bytes += message.data_header.len() + message.data_body.len();
            futures::future::ready(match bytes > bytes_max {
                true => Err(Error::RequestTooLarge { limit: bytes_max }.into()),
                false => Ok(message),
            })
        })
        .map_err(|status: Status| FlightError::Tonic(Box::new(status)))
        .try_filter(|data| futures::future::ready(!data.data_header.is_empty()));
    let batches = FlightRecordBatchStream::new_from_flight_data(with_content);
    let batches: Vec<RecordBatch> = batches.try_collect().await.map_err(|error| match error {
        FlightError::Tonic(status) if status.code() == Code::ResourceExhausted => {
            Error::RequestTooLarge { limit: bytes_max }
        }
        error => Error::Request {
            message: format!("the parameters cannot be read: {error}"),
        },
    })?;
    Ok(batches
        .into_iter()
        .filter(|batch| batch.num_rows() > 0)
        .collect())
}

/// One row of parameters as bytes; none if there are no columns.
///
/// # Errors
/// [`Error::Request`] for more than one row.
pub(super) fn one_row(batches: &[RecordBatch]) -> Result<Option<Vec<u8>>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    match (batches.first(), rows) {
        (None, _) => Ok(None),
        (Some(batch), _) if batch.num_columns() == 0 => Ok(None),
        (Some(batch), 1) => to_bytes(&in_order(batch)).map(Some),
        _ => Err(Error::Request {
            message: format!("a query takes one row of parameters, {rows} were bound"),
        }),
    }
}

/// The columns in the order of their names, if those are `$1`, `$2` .. in any order: some clients
/// send parameters in the order in which they were typed.
fn in_order(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let mut places: Vec<usize> = Vec::with_capacity(batch.num_columns());
    for number in 1..=batch.num_columns() {
        match schema.index_of(&format!("${number}")) {
            Ok(place) => places.push(place),
            Err(_) => return batch.clone(),
        }
    }
    batch.project(&places).unwrap_or_else(|_| batch.clone())
}

fn to_bytes(batch: &RecordBatch) -> Result<Vec<u8>> {
    let failed = |error: datafusion::arrow::error::ArrowError| Error::Request {
        message: format!("the parameters cannot be kept: {error}"),
    };
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.finish().map_err(failed)?;
    drop(writer);
    Ok(bytes)
}

/// The values of [`one_row`]'s bytes.
///
/// # Errors
/// [`Error::Request`] for other bytes.
pub(super) fn values(bytes: &[u8]) -> Result<Vec<ScalarValue>> {
    let failed = |error: String| Error::Request {
        message: format!("the parameters cannot be read: {error}"),
    };
    let mut reader = StreamReader::try_new(bytes, None).map_err(|e| failed(e.to_string()))?;
    let Some(batch) = reader.next() else {
        return Ok(Vec::new());
    };
    let batch = batch.map_err(|error| failed(error.to_string()))?;
    let value = |array: &ArrayRef| ScalarValue::try_from_array(array, 0).map(unwrapped);
    let values: datafusion::common::Result<Vec<ScalarValue>> =
        batch.columns().iter().map(value).collect();
    values.map_err(|error| failed(error.to_string()))
}

/// The value in a union: flightsql-dbapi sends every parameter in one.
fn unwrapped(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Union(Some((_, inner)), ..) => unwrapped(*inner),
        ScalarValue::Union(None, ..) => ScalarValue::Null,
        value => value,
    }
}
