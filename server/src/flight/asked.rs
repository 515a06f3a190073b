//! What a descriptor asks for.

use std::sync::Arc;

use arrow_flight::sql::Command;
use arrow_flight::{FlightDescriptor, FlightInfo};
use mica_sql::SessionContext;
use prost::Message;

use super::info::flight_info;
use super::put::{command, name, refuse_transaction, unsupported};
use super::{FlightSql, list, metadata};
use crate::error::{Error, Result};
use crate::session::Session;

/// What a descriptor asks for.
pub(super) enum Asked {
    /// A statement, to be planned or made.
    Statement(AskedStatement),
    /// Metadata: its answer needs no planning.
    Metadata(FlightInfo),
    /// A query that is polled for already, by its sealed handle.
    Polled(Vec<u8>),
}

/// A statement, and what it means.
pub(super) struct AskedStatement {
    pub(super) context: Arc<SessionContext>,
    pub(super) text: String,
    /// Bound parameters: an Arrow IPC stream of one row.
    pub(super) values: Option<Vec<u8>>,
}

impl FlightSql {
    /// # Errors
    /// [`Error::Request`] for what is neither a command nor SQL, [`Error::Unsupported`], and what is
    /// wrong with a handle.
    pub(super) fn asked(&self, session: &Session, descriptor: &FlightDescriptor) -> Result<Asked> {
        let statement = |text| {
            Asked::Statement(AskedStatement {
                context: session.context(),
                text,
                values: None,
            })
        };
        if let Some(text) = list::of_path(descriptor) {
            return Ok(statement(text));
        }
        let command = match (command(&descriptor.cmd), plain_sql(&descriptor.cmd)) {
            (Ok(command), _) => command,
            // Some clients send plain SQL.
            (Err(_), Some(text)) => return Ok(statement(text)),
            (Err(error), None) => return Err(error),
        };
        match command {
            Command::CommandStatementQuery(query) => {
                refuse_transaction(query.transaction_id.as_deref())?;
                Ok(statement(query.query))
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = &query.prepared_statement_handle;
                self.prepared_asked(session, handle).map(Asked::Statement)
            }
            Command::TicketStatementQuery(ticket) => {
                Ok(Asked::Polled(ticket.statement_handle.into()))
            }
            other => match metadata::schema_of(&other) {
                // The ticket of a metadata command is the command.
                Some(schema) => {
                    let ticket = other.into_any().encode_to_vec();
                    flight_info(&schema, ticket, descriptor.clone(), -1).map(Asked::Metadata)
                }
                None => Err(unsupported(&name(&other))),
            },
        }
    }
}

/// The bytes of a descriptor that are SQL, and no command.
pub(super) fn plain_sql(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let printable = text
        .chars()
        .all(|ch| !ch.is_control() || ch.is_whitespace());
    (printable && !text.trim().is_empty()).then(|| text.to_owned())
}

/// The error for a ticket that is no ticket, or a descriptor that is none.
pub(super) fn misplaced() -> Error {
    Error::Request {
        message:
            "DoGet takes tickets, and PollFlightInfo the descriptors that it gave; not the other \
                  way round"
                .to_owned(),
    }
}
