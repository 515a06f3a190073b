//! Batches as the bytes of a DoGet, without copying them.
//!
//! ```text
//! batch --StreamEncoder--> [prefix][metadata][buffer][buffer]..      shares the batch's buffers
//!       --frame----------> [gRPC prefix, FlightData tags, metadata, small buffers][large buffer]..
//! ```
//!
//! `arrow-flight`'s encoder copies a batch into the body of a `FlightData`, and protobuf's encoder
//! copies that again. Here what is large travels as it is, from the column to the socket.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_flight::{FlightData, SchemaAsIpc};
use arrow_ipc::CompressionType;
use bytes::{BufMut, Bytes, BytesMut};
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// Bytes that a message has about, by the rows' average: below every client's limit, large enough not
/// to matter.
const MESSAGE_BYTES: usize = 2 << 20;
/// Buffers smaller than this are cheaper to copy than to send by themselves.
const COPY_BYTES: usize = 4 << 10;
/// Fields of `FlightData` in Flight.proto.
const DATA_HEADER: u32 = 2;
const DATA_BODY: u32 = 1000;
/// A gRPC message begins with whether it is compressed, and its length.
const GRPC_PREFIX_BYTES: usize = 5;

/// Pieces of gRPC messages, in order.
pub(super) type Pieces = VecDeque<Bytes>;

/// Makes the messages of one stream.
pub(super) struct Encoder {
    inner: StreamEncoder,
}

impl Encoder {
    /// An encoder of batches of `schema`, and the message that tells the schema.
    ///
    /// # Errors
    /// For a schema that IPC cannot hold; none of ours.
    pub(super) fn new(
        schema: SchemaRef,
        compression: Option<CompressionType>,
    ) -> Result<(Self, Pieces), ArrowError> {
        let options = IpcWriteOptions::default().try_with_compression(compression)?;
        let told: FlightData = SchemaAsIpc::new(&schema, &options).into();
        let mut pieces = Pieces::new();
        frame(&told.data_header, &[], &mut pieces)?;
        let mut inner = StreamEncoder::try_new_with_options(&schema, options)?;
        // The first batch comes with the schema, which has been told already.
        inner.encode(&RecordBatch::new_empty(Arc::clone(&schema)))?;
        Ok((Self { inner }, pieces))
    }

    /// Appends the messages of a batch.
    ///
    /// # Errors
    /// For columns that IPC cannot hold; none of ours.
    pub(super) fn encode(
        &mut self,
        batch: &RecordBatch,
        pieces: &mut Pieces,
    ) -> Result<(), ArrowError> {
        for part in parts(batch) {
            let buffers = self.inner.encode(&part)?;
            let (metadata, body) = split(buffers)?;
            frame(&metadata, &body, pieces)?;
        }
        Ok(())
    }
}

/// `batch` in parts of about [`MESSAGE_BYTES`].
fn parts(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    let size_bytes: usize = batch
        .columns()
        .iter()
        .map(|column| {
            let sliced = column.to_data().get_slice_memory_size();
            sliced.unwrap_or_else(|_| column.get_buffer_memory_size())
        })
        .sum();
    let rows = batch.num_rows();
    let count = size_bytes.div_ceil(MESSAGE_BYTES).max(1);
    let step = rows.div_ceil(count).max(1);
    // A batch without rows is a message, too.
    let starts = (0..rows.max(1)).step_by(step);
    starts.map(move |start| batch.slice(start, step.min(rows - start)))
}

/// The metadata of an encapsulated IPC message, and its body.
///
/// <https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format>
fn split(buffers: Vec<Buffer>) -> Result<(BytesMut, Vec<Buffer>), ArrowError> {
    const PREFIX_BYTES: usize = 8;
    let mut head = BytesMut::new();
    let mut buffers = buffers.into_iter();
    let mut wanted = PREFIX_BYTES;
    while head.len() < wanted {
        let Some(buffer) = buffers.next() else {
            return Err(ArrowError::IpcError("a message ends early".to_owned()));
        };
        head.extend_from_slice(&buffer);
        if let (PREFIX_BYTES, Some([_, _, _, _, a, b, c, d])) = (wanted, head.first_chunk()) {
            wanted += u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        }
    }
    Ok((head.split_off(PREFIX_BYTES), buffers.collect()))
}

/// Appends a gRPC message that holds a `FlightData`.
fn frame(metadata: &[u8], body: &[Buffer], pieces: &mut Pieces) -> Result<(), ArrowError> {
    let body_bytes: usize = body.iter().map(Buffer::len).sum();
    let field = |number, bytes: usize| key_len(number) + encoded_len_varint(bytes as u64) + bytes;
    let message_bytes = field(DATA_HEADER, metadata.len()) + field(DATA_BODY, body_bytes);
    let message_bytes = u32::try_from(message_bytes)
        .map_err(|_| ArrowError::IpcError("a message is larger than 4 GiB".to_owned()))?;
    let mut head = BytesMut::with_capacity(GRPC_PREFIX_BYTES + metadata.len() + COPY_BYTES);
    head.put_u8(0);
    head.put_u32(message_bytes);
    encode_key(DATA_HEADER, WireType::LengthDelimited, &mut head);
    encode_varint(metadata.len() as u64, &mut head);
    head.put_slice(metadata);
    encode_key(DATA_BODY, WireType::LengthDelimited, &mut head);
    encode_varint(body_bytes as u64, &mut head);
    for buffer in body {
        if buffer.len() < COPY_BYTES {
            head.put_slice(buffer);
            continue;
        }
        if !head.is_empty() {
            pieces.push_back(head.split().freeze());
        }
        pieces.push_back(Bytes::from_owner(Shared(buffer.clone())));
    }
    if !head.is_empty() {
        pieces.push_back(head.freeze());
    }
    Ok(())
}

/// A buffer as what owns its bytes.
struct Shared(Buffer);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_flight::decode::FlightRecordBatchStream;
    use datafusion::arrow::array::{BooleanArray, Int64Array, ListArray, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::Int32Type;
    use futures::TryStreamExt;
    use prost::Message;

    use super::*;

    /// What a client reads of `batches`, and the pieces that were sent.
    fn sent(
        batches: &[RecordBatch],
        compression: Option<CompressionType>,
    ) -> (RecordBatch, Pieces) {
        let (mut encoder, mut pieces) = Encoder::new(batches[0].schema(), compression).unwrap();
        for batch in batches {
            encoder.encode(batch, &mut pieces).unwrap();
        }
        let mut bytes = Bytes::from(pieces.iter().flatten().copied().collect::<Vec<u8>>());
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let prefix = bytes.split_to(GRPC_PREFIX_BYTES);
            let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
            assert!(length < MESSAGE_BYTES + (64 << 10), "{length}");
            messages.push(Ok(FlightData::decode(bytes.split_to(length)).unwrap()));
        }
        let stream = FlightRecordBatchStream::new_from_flight_data(futures::stream::iter(messages));
        let read: Vec<RecordBatch> = futures::executor::block_on(stream.try_collect()).unwrap();
        (concat_batches(&batches[0].schema(), &read).unwrap(), pieces)
    }

    fn batch(rows: i64) -> RecordBatch {
        let text = (0..rows).map(|row| (row % 7 > 0).then(|| format!("text {row}")));
        let lists = (0..rows).map(|row| (row % 5 > 0).then(|| vec![Some(row as i32); 3]));
        RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int64Array::from_iter(0..rows)) as _, true),
            ("text", Arc::new(StringArray::from_iter(text)) as _, true),
            (
                "flag",
                Arc::new(BooleanArray::from_iter(
                    (0..rows).map(|row| Some(row % 3 == 0)),
                )) as _,
                true,
            ),
            (
                "list",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)) as _,
                true,
            ),
        ])
        .unwrap()
    }

    #[test]
    fn what_is_read_is_what_was_sent() {
        for rows in [0, 1, 1000, 200_000] {
            let batch = batch(rows);
            for compression in [
                None,
                Some(CompressionType::LZ4_FRAME),
                Some(CompressionType::ZSTD),
            ] {
                let (read, _) = sent(&[batch.clone(), batch.clone()], compression);
                assert_eq!(
                    read,
                    concat_batches(&batch.schema(), [&batch, &batch]).unwrap()
                );
            }
        }
    }

    #[test]
    fn a_slice_is_sent_alone() {
        let slice = batch(100_000).slice(501, 10);
        let (read, pieces) = sent(std::slice::from_ref(&slice), None);
        assert_eq!(read, slice);
        assert!(pieces.iter().map(Bytes::len).sum::<usize>() < 4096);
    }

    #[test]
    fn large_buffers_are_not_copied() {
        let batch = batch(50_000);
        let (_, pieces) = sent(std::slice::from_ref(&batch), None);
        let numbers = batch.column(0).to_data().buffers()[0].as_ptr();
        assert!(pieces.iter().any(|piece| piece.as_ptr() == numbers));
    }
}
