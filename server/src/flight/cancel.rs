//! Cancelling queries by their FlightInfo, and renewing endpoints.
//!
//! A ticket keeps nothing alive: a query that was planned and is not fetched is cancelled by
//! remembering its ticket, so that no fetch of it starts any more.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, Command, ProstMessageExt,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo,
    RenewFlightEndpointRequest, Ticket,
};
use mica_proto::Statement;
use prost::Message;

use super::FlightSql;
use super::actions::unpack;
use super::put::command;
use crate::error::{Error, Result};
use crate::session::Session;

/// `CANCEL_RESULT_CANCELLED` of FlightSql.proto.
const CANCELLED: i32 = 1;

fn bad(reason: impl std::fmt::Display) -> Error {
    Error::Request {
        message: format!("the action's body cannot be read: {reason}"),
    }
}

impl FlightSql {
    /// `CancelFlightInfo`.
    pub(super) fn cancel_flight_info(&self, session: &Session, body: &[u8]) -> Result<Vec<u8>> {
        let request = CancelFlightInfoRequest::decode(body).map_err(bad)?;
        self.cancel(session, &request.info.unwrap_or_default())?;
        let status = CancelStatus::Cancelled.into();
        Ok(CancelFlightInfoResult { status }.encode_to_vec())
    }

    /// `CancelQuery`, its deprecated predecessor.
    pub(super) fn cancel_query(&self, session: &Session, body: &[u8]) -> Result<Vec<u8>> {
        let request: ActionCancelQueryRequest = unpack(body)?;
        let info = FlightInfo::decode(request.info).map_err(bad)?;
        self.cancel(session, &info)?;
        let result = ActionCancelQueryResult { result: CANCELLED };
        Ok(result.as_any().encode_to_vec())
    }

    /// `RenewFlightEndpoint`: the same ticket, valid for as long again.
    pub(super) fn renew(&self, session: &Session, body: &[u8]) -> Result<Vec<u8>> {
        let request = RenewFlightEndpointRequest::decode(body).map_err(bad)?;
        let endpoint = request.endpoint.unwrap_or_default();
        let Some(statement) = self.statement_of(session, &endpoint)? else {
            // The ticket of a metadata command is the command, and never expires.
            return Ok(endpoint.encode_to_vec());
        };
        let expires_at_ms = self.expires_at_ms();
        let renewed = Statement {
            expires_at_ms,
            ..statement
        };
        let expires = prost_types::Timestamp {
            seconds: expires_at_ms / 1000,
            nanos: (expires_at_ms % 1000) as i32 * 1_000_000,
        };
        let endpoint = FlightEndpoint {
            ticket: Some(Ticket::new(self.ticket(&renewed))),
            expiration_time: Some(expires),
            ..endpoint
        };
        Ok(endpoint.encode_to_vec())
    }

    /// Ends what runs of the queries of `info`, and lets nothing of them start any more.
    fn cancel(&self, session: &Session, info: &FlightInfo) -> Result<()> {
        for endpoint in &info.endpoint {
            let statement = self.statement_of(session, endpoint)?;
            let Some(statement) = statement.filter(|statement| !statement.id.is_empty()) else {
                continue;
            };
            self.cancel_id(&statement.id);
        }
        if let Some(statement) = self.polled_of(session, info)? {
            self.cancel_id(&statement.id);
        }
        Ok(())
    }

    fn cancel_id(&self, id: &[u8]) {
        self.shared.cancelled.insert(id.to_vec(), ());
        self.shared.warehouse.engine().queries().cancel(id);
        self.shared.polled.forget(id);
    }

    /// The query that is polled for with the descriptor of `info`, which has no endpoints yet.
    fn polled_of(&self, session: &Session, info: &FlightInfo) -> Result<Option<Statement>> {
        let descriptor = info.flight_descriptor.as_ref();
        let command = descriptor.map(|descriptor| command(&descriptor.cmd));
        let Some(Ok(Command::TicketStatementQuery(handle))) = command else {
            return Ok(None);
        };
        self.open(&handle.statement_handle, session).map(Some)
    }

    /// The statement of an endpoint's ticket; none if it is that of a metadata command.
    fn statement_of(
        &self,
        session: &Session,
        endpoint: &FlightEndpoint,
    ) -> Result<Option<Statement>> {
        let missing = || bad("an endpoint has no ticket");
        let ticket = endpoint.ticket.as_ref().ok_or_else(missing)?;
        match command(&ticket.ticket)? {
            Command::TicketStatementQuery(ticket) => {
                self.open(&ticket.statement_handle, session).map(Some)
            }
            _ => Ok(None),
        }
    }
}
