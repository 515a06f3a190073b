//! Sealed statements: what tickets and handles hold, and what they mean.

use std::sync::Arc;

use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use mica_catalog::{EntryId, Name, Relation, RelationName, Version, decode_body, encode_body};
use mica_proto::{Kind, Statement, TemporaryRelation};
use mica_sql::{Scope, SessionContext, Temporary};
use prost::Message;

use super::{FlightSql, now_ms};
use crate::error::{Error, Result};
use crate::session::Session;

impl FlightSql {
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
            expires_at_ms: self.expires_at_ms(),
            ..Statement::default()
        })
    }

    /// When what is sealed now stops being valid, in ms since 1970.
    pub(super) fn expires_at_ms(&self) -> i64 {
        now_ms() + self.shared.limits.ticket_ttl.as_millis() as i64
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
