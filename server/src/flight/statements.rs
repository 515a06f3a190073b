//! Statements: planned for a FlightInfo, run for a DoGet.

use std::sync::Arc;

use arrow_flight::{FlightDescriptor, FlightInfo};
use arrow_ipc::CompressionType;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use mica_catalog::Version;
use mica_proto::{Kind, Statement};
use mica_sql::{Origin, SessionContext};
use uuid::Uuid;

use super::asked::{AskedStatement, misplaced};
use super::fetch::{DataStream, encode, encode_compressed};
use super::info::{flight_info, with_type_names};
use super::tickets::context_of;
use super::{FlightSql, parameters};
use crate::engine::Kept;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::warehouse::Ready;

/// What a statement that ran says.
pub(super) struct Done {
    /// A line for people.
    pub(super) message: String,
}

/// A statement that was planned.
pub(super) enum Planned {
    /// A query, and what its ticket holds.
    Query(Box<Statement>, Arc<Kept>),
    /// A change, which was made.
    Done(Done),
}

impl FlightSql {
    /// Plans a query in the context it was asked in; makes a change, once, in the session as it is.
    pub(super) async fn planned(
        &self,
        session: &Arc<Session>,
        asked: &AskedStatement,
    ) -> Result<Planned> {
        let (text, context) = (&asked.text, &asked.context);
        let bound = asked.values.as_deref().map(parameters::values);
        let bound = bound.transpose()?;
        let warehouse = &self.shared.warehouse;
        let ready = warehouse
            .prepare(text, context, bound.as_deref(), None)
            .await?;
        match ready.ready {
            Ready::Query(kept) => {
                let ticket = Statement {
                    id: Uuid::new_v4().as_bytes().to_vec(),
                    version: ready.version.0,
                    parameters: asked.values.clone(),
                    ..self.statement(Kind::Query, text, context)?
                };
                Ok(Planned::Query(Box::new(ticket), kept))
            }
            other => self.run_command(session, other).await.map(Planned::Done),
        }
    }

    /// The FlightInfo of a statement.
    pub(super) async fn statement_info(
        &self,
        session: &Arc<Session>,
        asked: &AskedStatement,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        match self.planned(session, asked).await? {
            Planned::Query(statement, kept) => {
                let schema = with_type_names(&kept.planned.columns);
                flight_info(&schema, self.ticket(&statement), descriptor, -1)
            }
            Planned::Done(done) => self.done_info(&asked.context, done, descriptor),
        }
    }

    /// The FlightInfo of a change that was made.
    pub(super) fn done_info(
        &self,
        context: &SessionContext,
        done: Done,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let nowhere = SessionContext {
            user: context.user.clone(),
            ..SessionContext::default()
        };
        let ticket = self.statement(Kind::Done, "", &nowhere)?;
        let mut info = flight_info(&Schema::empty(), self.ticket(&ticket), descriptor, 0)?;
        info.app_metadata = done.message.into();
        Ok(info)
    }

    /// Makes a change, once.
    pub(super) async fn run_command(&self, session: &Arc<Session>, ready: Ready) -> Result<Done> {
        match ready {
            Ready::Query(_) => Err(Error::Request {
                message: "the statement gives rows: run it as a query".to_owned(),
            }),
            Ready::Kill(id) => {
                let queries = self.shared.warehouse.engine().queries();
                let user = &session.context().user;
                match queries.kill(&id, |query| query.user == *user) {
                    true => Ok(Done {
                        message: format!("ended query {id}"),
                    }),
                    false => Err(Error::NoSuchQuery { id }),
                }
            }
            Ready::Command(parsed) => loop {
                let warehouse = &self.shared.warehouse;
                let before = session.context();
                let effect = warehouse
                    .execute(parsed.clone(), (*before).clone(), Origin::Client)
                    .await?;
                // A statement that changes the session changes nothing else: it can be made again.
                if effect
                    .session
                    .is_none_or(|after| session.replace(&before, after))
                {
                    return Ok(Done {
                        message: effect.message,
                    });
                }
            },
        }
    }

    /// The wire schema of a statement, without running anything.
    pub(super) async fn statement_schema(
        &self,
        session: &Session,
        text: &str,
    ) -> Result<SchemaRef> {
        let context = session.context();
        let ready = self
            .shared
            .warehouse
            .prepare(text, &context, None, None)
            .await?;
        Ok(match ready.ready {
            Ready::Query(kept) => with_type_names(&kept.planned.columns),
            _ => Arc::new(Schema::empty()),
        })
    }

    /// The stream of a ticket.
    pub(super) async fn statement_stream(
        &self,
        session: &Session,
        handle: &[u8],
    ) -> Result<DataStream> {
        let statement = self.open(handle, session)?;
        match statement.kind() {
            Kind::Done => empty(),
            Kind::Query | Kind::Prepared => self.query_stream(&statement).await,
            Kind::Polled => Err(misplaced()),
            Kind::Unspecified => Err(Error::Ticket(mica_proto::Error::NotOurs)),
        }
    }

    async fn query_stream(&self, statement: &Statement) -> Result<DataStream> {
        let cancelled = || self.shared.cancelled.get(&statement.id).is_some();
        if cancelled() {
            return Err(Error::Killed);
        }
        let warehouse = &self.shared.warehouse;
        let context = context_of(statement)?;
        let batches = match self.kept_result(statement) {
            Some(batches) => batches,
            None => {
                let Some(kept) = self.planned_again(statement, &context).await? else {
                    // A change was made when its FlightInfo was asked for; fetching never repeats it.
                    return empty();
                };
                if cancelled() {
                    return Err(Error::Killed);
                }
                warehouse.run(kept, &statement.text, &context, &statement.id)
            }
        };
        let schema = with_type_names(batches.schema());
        let named = Arc::clone(&schema);
        let batches = batches.map(move |batch| batch.and_then(|batch| renamed(&batch, &named)));
        match compression(&context) {
            None => encode(schema, batches),
            Some(compression) => {
                let engine = warehouse.engine().clone();
                encode_compressed(schema, batches, compression, engine)
            }
        }
    }

    /// The query of a ticket or handle, planned at its version with its parameters; none if it is a
    /// change.
    pub(super) async fn planned_again(
        &self,
        statement: &Statement,
        context: &SessionContext,
    ) -> Result<Option<Arc<Kept>>> {
        let bound = self.parameters_of(statement);
        let values = bound.as_deref().map(parameters::values).transpose()?;
        let version = (statement.version > 0).then_some(Version(statement.version));
        let warehouse = &self.shared.warehouse;
        let ready = warehouse
            .prepare(&statement.text, context, values.as_deref(), version)
            .await?;
        Ok(match ready.ready {
            Ready::Query(kept) => Some(kept),
            Ready::Command(_) | Ready::Kill(_) => None,
        })
    }
}

/// What the session wants of its results.
fn compression(context: &SessionContext) -> Option<CompressionType> {
    match context.scope.settings.get("ipc_compression") {
        "lz4" => Some(CompressionType::LZ4_FRAME),
        "zstd" => Some(CompressionType::ZSTD),
        _ => None,
    }
}

/// No rows and no columns.
fn empty() -> Result<DataStream> {
    encode(Arc::new(Schema::empty()), futures::stream::empty())
}

/// `batch` under the schema with type names; columns are not copied.
fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let renamed = batch.clone().with_schema(Arc::clone(schema));
    renamed.map_err(|error| Error::execution(error.into()))
}
