//! Statements: planned for a FlightInfo, run for a DoGet.

use std::sync::Arc;

use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightInfo};
use arrow_ipc::CompressionType;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::ScalarValue;
use futures::StreamExt;
use mica_catalog::{EntryId, Name, Relation, RelationName, Version, decode_body, encode_body};
use mica_proto::{Kind, Statement, TemporaryRelation};
use mica_sql::{Origin, Scope, SessionContext, Temporary};
use prost::Message;
use uuid::Uuid;

use super::fetch::{DataStream, encode, encode_compressed};
use super::info::{flight_info, with_type_names};
use super::{FlightSql, now_ms, parameters};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::warehouse::Ready;

/// What a statement that ran says.
pub(super) struct Done {
    /// A line for people.
    pub(super) message: String,
}

impl FlightSql {
    /// The FlightInfo of a statement. A query is planned in `context`; a change is made, once, in
    /// the session as it is.
    pub(super) async fn statement_info(
        &self,
        session: &Arc<Session>,
        context: &SessionContext,
        text: &str,
        values: Option<Vec<u8>>,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let bound = values.as_deref().map(parameters::values).transpose()?;
        let ready = self
            .shared
            .warehouse
            .prepare(text, context, bound.as_deref(), None)
            .await?;
        match ready.ready {
            Ready::Query(kept) => {
                let ticket = Statement {
                    id: Uuid::new_v4().as_bytes().to_vec(),
                    version: ready.version.0,
                    parameters: values,
                    ..self.statement(Kind::Query, text, context)?
                };
                let schema = with_type_names(&kept.planned.columns);
                flight_info(&schema, self.ticket(&ticket), descriptor, -1)
            }
            other => {
                let done = self.run_command(session, other).await?;
                let ticket = self.statement(
                    Kind::Done,
                    "",
                    &SessionContext {
                        user: context.user.clone(),
                        ..SessionContext::default()
                    },
                )?;
                let mut info = flight_info(&Schema::empty(), self.ticket(&ticket), descriptor, 0)?;
                info.app_metadata = done.message.into();
                Ok(info)
            }
        }
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
            Kind::Query | Kind::Prepared => {
                let context = context_of(&statement)?;
                let bound = self.parameters_of(&statement);
                let values = bound.as_deref().map(parameters::values).transpose()?;
                self.query_stream(&statement, &context, values).await
            }
            Kind::Unspecified => Err(Error::Ticket(mica_proto::Error::NotOurs)),
        }
    }

    async fn query_stream(
        &self,
        statement: &Statement,
        context: &SessionContext,
        values: Option<Vec<ScalarValue>>,
    ) -> Result<DataStream> {
        let version = (statement.version > 0).then_some(Version(statement.version));
        let warehouse = &self.shared.warehouse;
        let text = &statement.text;
        let ready = warehouse
            .prepare(text, context, values.as_deref(), version)
            .await?;
        let Ready::Query(kept) = ready.ready else {
            // A change was made when its FlightInfo was asked for; fetching never repeats it.
            return empty();
        };
        let schema = with_type_names(&kept.planned.columns);
        if self.shared.cancelled.get(&statement.id).is_some() {
            return Err(Error::Killed);
        }
        let batches = warehouse.run(kept, text, context, &statement.id);
        let named = Arc::clone(&schema);
        let batches = batches.map(move |batch| batch.and_then(|batch| renamed(&batch, &named)));
        match compression(context) {
            None => encode(schema, batches),
            Some(compression) => {
                let engine = warehouse.engine().clone();
                encode_compressed(schema, batches, compression, engine)
            }
        }
    }

    /// A statement in the scope of a session, to be sealed.
    pub(super) fn statement(
        &self,
        kind: Kind,
        text: &str,
        context: &SessionContext,
    ) -> Result<Statement> {
        let scope = &context.scope;
        let settings = scope.settings.changed();
        Ok(Statement {
            kind: kind.into(),
            text: text.to_owned(),
            dialect: scope.dialect.as_str().to_owned(),
            schema: scope.schema.clone(),
            settings: settings
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
            user: context.user.clone(),
            temporary: temporary_of(context)?,
            expires_at_ms: now_ms() + self.shared.limits.ticket_ttl.as_millis() as i64,
            ..Statement::default()
        })
    }

    /// The sealed bytes of a statement.
    pub(super) fn seal(&self, statement: &Statement) -> Vec<u8> {
        mica_proto::seal(statement, &self.shared.key)
    }

    /// The ticket of a statement: a command in an `Any`, as generic clients expect.
    pub(super) fn ticket(&self, statement: &Statement) -> Vec<u8> {
        let ticket = TicketStatementQuery {
            statement_handle: self.seal(statement).into(),
        };
        ticket.as_any().encode_to_vec()
    }

    /// The statement of sealed bytes, if it is the session's user's.
    pub(super) fn open(&self, handle: &[u8], session: &Session) -> Result<Statement> {
        let statement = mica_proto::open(handle, &self.shared.key, now_ms())?;
        if statement.user != session.context().user {
            return Err(Error::Forbidden {
                reason: "the ticket or handle is another user's",
            });
        }
        Ok(statement)
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

fn temporary_of(context: &SessionContext) -> Result<Vec<TemporaryRelation>> {
    let relations = context.temporary.iter().map(|relation| {
        let body = encode_body(&relation.body).map_err(|error| Error::Internal {
            query_id: "-".to_owned(),
            detail: error.to_string(),
        })?;
        Ok(TemporaryRelation {
            name: relation.name.relation.to_string(),
            body,
        })
    });
    relations.collect()
}

/// The session that a ticket's statement runs in.
pub(super) fn context_of(statement: &Statement) -> Result<SessionContext> {
    let mut scope = Scope::default();
    for (key, value) in &statement.settings {
        scope.set(key, value)?;
    }
    scope.set("dialect", &statement.dialect)?;
    scope.set("schema", &statement.schema)?;
    // The scope itself holds both; as settings they would make another key for the same plan.
    if !statement.settings.contains_key("dialect") {
        scope.settings.reset("dialect")?;
    }
    if !statement.settings.contains_key("schema") {
        scope.settings.reset("schema")?;
    }
    let mut temporary = Temporary::default();
    for relation in &statement.temporary {
        let body = decode_body(&relation.body).ok_or(mica_proto::Error::NotOurs)?;
        temporary.insert(Relation {
            id: EntryId::random(),
            since: Version(0),
            name: RelationName {
                schema: Name::from(""),
                relation: Name::new(relation.name.as_str()),
            },
            body: Arc::new(body),
        });
    }
    Ok(SessionContext {
        scope,
        temporary,
        user: statement.user.clone(),
    })
}
