//! DoGet, answered beside tonic's generated service.
//!
//! The generated one takes `FlightData`, whose body is one piece of memory: a batch would be copied
//! into it, and again into the message. [`Service`] answers DoGet itself with a body of the pieces
//! that [`super::messages`] makes, and passes every other request on.
//!
//! # Invariants
//! * The schema goes out before anything is awaited, so that a client knows that its request runs.
//! * The next batch is taken when the last one has gone to the connection: a client that does not
//!   read stops its query. Dropping the body ends the query.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_flight::Ticket;
use arrow_flight::flight_service_server::FlightServiceServer;
use arrow_ipc::CompressionType;
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http_body::Frame;
use parking_lot::Mutex;
use tonic::codec::{Codec, Streaming};
use tonic::metadata::{GRPC_CONTENT_TYPE, MetadataMap};
use tonic::server::NamedService;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::FlightSql;
use super::messages::{Encoder, Pieces};
use crate::engine::Engine;
use crate::error::{Error, Result};

const DO_GET: &str = "/arrow.flight.protocol.FlightService/DoGet";

/// What a DoGet answers.
pub(super) struct DataStream {
    /// What is sent first, and at once: the schema.
    ready: Pieces,
    rest: BoxStream<'static, Result<Pieces>>,
}

/// The messages of a stream of batches.
///
/// # Errors
/// For a schema that IPC cannot hold; none of ours.
pub(super) fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> Result<DataStream> {
    let (mut encoder, ready) = Encoder::new(schema, None).map_err(unencodable)?;
    let rest = batches.map(move |batch| message(&mut encoder, &batch?));
    Ok(DataStream {
        ready,
        rest: rest.boxed(),
    })
}

/// As [`encode`], compressed, by the threads of queries.
///
/// # Errors
/// As [`encode`].
pub(super) fn encode_compressed(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    compression: CompressionType,
    engine: Engine,
) -> Result<DataStream> {
    let (encoder, ready) = Encoder::new(schema, Some(compression)).map_err(unencodable)?;
    let encoder = Arc::new(Mutex::new(encoder));
    let rest = batches.then(move |batch| {
        let (encoder, engine) = (Arc::clone(&encoder), engine.clone());
        async move {
            let batch = batch?;
            engine
                .compute(move || message(&mut encoder.lock(), &batch))
                .await
        }
    });
    Ok(DataStream {
        ready,
        rest: rest.boxed(),
    })
}

fn message(encoder: &mut Encoder, batch: &RecordBatch) -> Result<Pieces> {
    let mut pieces = Pieces::new();
    let encoded = encoder.encode(batch, &mut pieces);
    encoded.map(|()| pieces).map_err(unencodable)
}

fn unencodable(error: ArrowError) -> Error {
    Error::execution(error.into())
}

/// The Flight SQL service as HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    flight: FlightSql,
    others: FlightServiceServer<FlightSql>,
    request_bytes_max: usize,
}

impl Service {
    /// Serves `flight`.
    pub(crate) fn new(flight: FlightSql) -> Self {
        let request_bytes_max = flight.shared.limits.request_bytes;
        let others = FlightServiceServer::new(flight.clone())
            .max_decoding_message_size(request_bytes_max)
            .max_encoding_message_size(usize::MAX);
        Self {
            flight,
            others,
            request_bytes_max,
        }
    }

    async fn fetch(self, request: http::Request<tonic::body::Body>) -> Result<DataStream, Status> {
        let (parts, body) = request.into_parts();
        let decoder = ProstCodec::<Ticket, Ticket>::new().decoder();
        let limit = Some(self.request_bytes_max);
        let mut tickets = Streaming::new_request(decoder, body, None, limit);
        let Some(ticket) = tickets.message().await? else {
            return Err(Status::invalid_argument("a DoGet has one ticket"));
        };
        let metadata = MetadataMap::from_headers(parts.headers);
        let request = Request::from_parts(metadata, parts.extensions, ticket);
        Ok(self.flight.stream(request).await?)
    }
}

impl NamedService for Service {
    const NAME: &'static str = FlightServiceServer::<FlightSql>::NAME;
}

impl tonic::codegen::Service<http::Request<tonic::body::Body>> for Service {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        if request.uri().path() != DO_GET {
            return self.others.call(request);
        }
        let service = self.clone();
        Box::pin(async move {
            Ok(match service.fetch(request).await {
                Ok(stream) => answer(stream),
                Err(status) => status.into_http(),
            })
        })
    }
}

fn answer(stream: DataStream) -> http::Response<tonic::body::Body> {
    let body = Body {
        pieces: stream.ready,
        rest: Some(stream.rest),
    };
    let mut response = http::Response::new(tonic::body::Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    response
}

/// The body of a DoGet: pieces as they come, then the status.
struct Body {
    pieces: Pieces,
    /// None once the status has been told.
    rest: Option<BoxStream<'static, Result<Pieces>>>,
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let Some(rest) = &mut self.rest else {
                return Poll::Ready(None);
            };
            let status = match ready!(rest.poll_next_unpin(context)) {
                Some(Ok(pieces)) => {
                    self.pieces = pieces;
                    continue;
                }
                Some(Err(error)) => Status::from(error),
                None => Status::ok(""),
            };
            self.rest = None;
            let mut trailers = http::HeaderMap::new();
            status.add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
    }
}
