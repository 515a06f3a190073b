//! PollFlightInfo: a long query is started, and asked for until its result is there.
//!
//! ```text
//! Poll(query)      -> starts it, waits a moment --+--> done:    endpoint, rows and bytes, no descriptor
//! Poll(descriptor) -> waits a moment -------------+--> running: progress, descriptor to poll with
//!                                                 `--> failed:  its status
//! DoGet(ticket)    -> the kept result; the query again, if it is no longer kept
//! ```
//!
//! # Invariants
//! * The descriptor to poll with is a sealed statement, like a ticket: of one user, and it has all
//!   that the query means. A process that does not know it starts the query again.
//! * What is no query is answered at once, and a change is made once.
//! * A query that nobody can poll for, as its client left before the first answer, is ended.

use std::sync::Arc;
use std::time::SystemTime;

use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use mica_proto::{Kind, Statement};
use prost::Message;
use tonic::Request;

use super::FlightSql;
use super::asked::{Asked, misplaced};
use super::info::{flight_info, schema_bytes, with_type_names};
use super::statements::Planned;
use super::tickets::context_of;
use crate::engine::{PolledQueries, PolledQuery, QueryStream};
use crate::error::{Error, Result};

impl FlightSql {
    /// `PollFlightInfo`.
    pub(super) async fn poll(&self, request: Request<FlightDescriptor>) -> Result<PollInfo> {
        let session = self.session(&request)?;
        let descriptor = request.into_inner();
        match self.asked(&session, &descriptor)? {
            Asked::Metadata(info) => Ok(complete(info)),
            Asked::Statement(asked) => match self.planned(&session, &asked).await? {
                Planned::Done(done) => self
                    .done_info(&asked.context, done, descriptor)
                    .map(complete),
                Planned::Query(statement, kept) => {
                    let (text, id) = (&asked.text, &statement.id);
                    let warehouse = &self.shared.warehouse;
                    let run = || warehouse.run(kept, text, &asked.context, id);
                    self.first_poll(&statement, run, descriptor).await
                }
            },
            Asked::Polled(handle) => {
                let statement = self.open(&handle, &session)?;
                if statement.kind() != Kind::Polled {
                    return Err(misplaced());
                }
                let query = self.polled_query(&statement).await?;
                self.answer(&statement, &query, descriptor).await
            }
        }
    }

    async fn first_poll(
        &self,
        statement: &Statement,
        run: impl FnOnce() -> QueryStream,
        descriptor: FlightDescriptor,
    ) -> Result<PollInfo> {
        let polled = &self.shared.polled;
        let query = polled.get_or_start(&statement.id, run)?;
        let mut unknown = Unknown {
            polled,
            id: Some(&statement.id),
        };
        let answer = self.answer(statement, &query, descriptor).await?;
        unknown.id = None;
        Ok(answer)
    }

    /// The query that a descriptor is polled with; started again where it is not known.
    async fn polled_query(&self, statement: &Statement) -> Result<Arc<PolledQuery>> {
        if self.shared.cancelled.get(&statement.id).is_some() {
            return Err(Error::Killed);
        }
        if let Some(query) = self.shared.polled.get(&statement.id) {
            return Ok(query);
        }
        let context = context_of(statement)?;
        let kept = self.planned_again(statement, &context).await?;
        // Only queries are polled for.
        let kept = kept.ok_or(mica_proto::Error::NotOurs)?;
        if self.shared.cancelled.get(&statement.id).is_some() {
            return Err(Error::Killed);
        }
        let (text, id) = (&statement.text, &statement.id);
        let run = || self.shared.warehouse.run(kept, text, &context, id);
        let query = self.shared.polled.get_or_start(id, run)?;
        // Cancelled in between: whoever did found nothing to end.
        if self.shared.cancelled.get(id).is_some() {
            self.shared.polled.forget(id);
            return Err(Error::Killed);
        }
        Ok(query)
    }

    /// Waits a moment for the query, and says where it is.
    async fn answer(
        &self,
        statement: &Statement,
        query: &PolledQuery,
        descriptor: FlightDescriptor,
    ) -> Result<PollInfo> {
        let schema = with_type_names(query.schema());
        let wait = self.shared.polled.limits().wait;
        let result = query.poll(wait).await?;
        // As if it were planned now: it may have run for longer than tickets are valid.
        let statement = &Statement {
            expires_at_ms: self.expires_at_ms(),
            ..statement.clone()
        };
        if let Some(result) = result {
            let ticket = Statement {
                kind: Kind::Query.into(),
                ..statement.clone()
            };
            let rows = result.rows() as i64;
            let mut info = flight_info(&schema, self.ticket(&ticket), descriptor, rows)?;
            info.total_bytes = result.bytes() as i64;
            return Ok(complete(info));
        }
        let handle = self.polled_descriptor(statement);
        let mut info = FlightInfo::new()
            // What the query is cancelled by.
            .with_descriptor(handle.clone())
            .with_total_records(-1)
            .with_total_bytes(-1);
        info.schema = schema_bytes(&schema)?;
        let idle = self.shared.warehouse.engine().limits().idle_stream_timeout;
        let expires = SystemTime::now().checked_add(idle);
        Ok(PollInfo {
            info: Some(info),
            flight_descriptor: Some(handle),
            progress: Some(query.part().unwrap_or(0.0)),
            expiration_time: expires.map(prost_types::Timestamp::from),
        })
    }

    fn polled_descriptor(&self, statement: &Statement) -> FlightDescriptor {
        let polled = Statement {
            kind: Kind::Polled.into(),
            ..statement.clone()
        };
        let handle = TicketStatementQuery {
            statement_handle: self.seal(&polled).into(),
        };
        FlightDescriptor::new_cmd(handle.as_any().encode_to_vec())
    }

    /// The batches that are kept for a ticket, if there are any.
    pub(super) fn kept_result(&self, statement: &Statement) -> Option<QueryStream> {
        let result = self.shared.polled.get(&statement.id)?.result()?;
        let engine = self.shared.warehouse.engine();
        let (user, text) = (&statement.user, &statement.text);
        Some(engine.fetch(result, user, text, &statement.id))
    }
}

fn complete(info: FlightInfo) -> PollInfo {
    PollInfo {
        info: Some(info),
        flight_descriptor: None,
        progress: Some(1.0),
        expiration_time: None,
    }
}

/// A query whose client has no descriptor of it yet: forgotten when dropped before it has.
struct Unknown<'a> {
    polled: &'a PolledQueries,
    id: Option<&'a [u8]>,
}

impl Drop for Unknown<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.polled.forget(id);
        }
    }
}
