//! DoPut: changes, and parameters.

use std::pin::Pin;

use arrow_flight::sql::{Any, Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use futures::{Stream, StreamExt};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::{FlightSql, parameters};
use crate::error::{Error, Result};

/// A stream of a DoPut's results.
pub(super) type PutStream = Pin<Box<dyn Stream<Item = Result<PutResult, Status>> + Send>>;

impl FlightSql {
    pub(super) async fn put(&self, request: Request<Streaming<FlightData>>) -> Result<PutStream> {
        let session = self.session(&request)?;
        let mut messages = request.into_inner();
        let first = messages
            .next()
            .await
            .transpose()
            .map_err(|status| Error::Request {
                message: status.message().to_owned(),
            })?;
        let missing = || Error::Request {
            message: "the stream has no descriptor with a command".to_owned(),
        };
        let first = first.ok_or_else(missing)?;
        let descriptor = first.flight_descriptor.clone().ok_or_else(missing)?;
        let all = futures::stream::iter([Ok(first)]).chain(messages);
        let limit = self.shared.limits.request_bytes;
        let metadata = match command(&descriptor.cmd)? {
            Command::CommandStatementUpdate(command) => {
                refuse_transaction(command.transaction_id.as_deref())?;
                let record_count = self.update(&session, &command.query).await?;
                DoPutUpdateResult { record_count }.encode_to_vec()
            }
            Command::CommandPreparedStatementQuery(command) => {
                let rows = parameters::read(all, limit).await?;
                let handle = self.bind(&session, &command.prepared_statement_handle, &rows)?;
                DoPutPreparedStatementResult {
                    prepared_statement_handle: Some(handle.into()),
                }
                .encode_to_vec()
            }
            Command::CommandPreparedStatementUpdate(command) => {
                let rows = parameters::read(all, limit).await?;
                let handle = &command.prepared_statement_handle;
                let record_count = self.prepared_update(&session, handle, &rows).await?;
                DoPutUpdateResult { record_count }.encode_to_vec()
            }
            Command::CommandStatementIngest(_) => {
                return Err(unsupported("bulk ingestion (managed tables)"));
            }
            other => return Err(unsupported(&format!("DoPut of {}", name(&other)))),
        };
        let result = PutResult {
            app_metadata: metadata.into(),
        };
        Ok(futures::stream::iter([Ok(result)]).boxed())
    }
}

/// What the types of all commands have in their names.
const SQL_MESSAGES: &str = "arrow.flight.protocol.sql.";

/// The command in the bytes of a descriptor or a ticket.
///
/// # Errors
/// [`Error::Request`].
pub(super) fn command(bytes: &[u8]) -> Result<Command> {
    let bad = |reason: String| Error::Request {
        message: format!("not a Flight SQL command: {reason}"),
    };
    let any = Any::decode(bytes).map_err(|error| bad(error.to_string()))?;
    if any.type_url.is_empty() {
        return Err(bad("the descriptor or ticket is empty".to_owned()));
    }
    if !any.type_url.contains(SQL_MESSAGES) {
        return Err(bad(format!("it is '{}'", any.type_url)));
    }
    Command::try_from(any).map_err(|error| bad(error.to_string()))
}

/// The name of a command, for messages.
pub(super) fn name(command: &Command) -> String {
    let url = command.type_url();
    url.rsplit('.').next().unwrap_or(url).to_owned()
}

pub(super) fn unsupported(what: &str) -> Error {
    Error::Unsupported {
        what: what.to_owned(),
    }
}

/// Transactions are not claimed to be supported, so nobody should be in one.
pub(super) fn refuse_transaction(id: Option<&[u8]>) -> Result<()> {
    match id.is_none_or(<[u8]>::is_empty) {
        true => Ok(()),
        false => Err(unsupported("a statement in a transaction")),
    }
}

/// The response of a stream.
pub(super) fn respond<T>(outcome: Result<T>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(Status::from)
}
