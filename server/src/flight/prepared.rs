//! Prepared statements: handles that hold everything.

use std::sync::Arc;

use arrow_flight::sql::{ActionCreatePreparedStatementResult, ProstMessageExt};
use datafusion::arrow::array::RecordBatch;
use mica_proto::{Kind, Statement, is_update_field};
use prost::Message;
use uuid::Uuid;

use super::asked::AskedStatement;
use super::info::{schema_bytes, with_type_names};
use super::tickets::context_of;
use super::{FlightSql, parameters};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::warehouse::Ready;

impl FlightSql {
    /// Plans a statement and gives a handle, unlike any other. Nothing runs.
    ///
    /// The answer is an encoded `Any`, with the field `is_update`, which the type lacks.
    pub(super) async fn create_prepared(&self, session: &Session, text: &str) -> Result<Vec<u8>> {
        let context = session.context();
        let ready = self
            .shared
            .warehouse
            .prepare(text, &context, None, None)
            .await?;
        let statement = Statement {
            id: Uuid::new_v4().as_bytes().to_vec(),
            ..self.statement(Kind::Prepared, text, &context)?
        };
        let mut result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: self.seal(&statement).into(),
            ..ActionCreatePreparedStatementResult::default()
        };
        // JDBC drivers up to 19 take a statement without result columns for an update.
        let is_update = !matches!(ready.ready, Ready::Query(_));
        if let Ready::Query(kept) = &ready.ready {
            result.dataset_schema = schema_bytes(&with_type_names(&kept.planned.columns))?;
            if !kept.planned.parameters.is_empty() {
                let schema = parameters::advertised(&kept.planned.parameters);
                result.parameter_schema = schema_bytes(&schema)?;
            }
        }
        let mut any = result.as_any();
        let mut value = any.value.to_vec();
        value.extend_from_slice(&is_update_field(is_update));
        any.value = value.into();
        Ok(any.encode_to_vec())
    }

    /// A prepared statement, with what is bound to it.
    pub(super) fn prepared_asked(
        &self,
        session: &Session,
        handle: &[u8],
    ) -> Result<AskedStatement> {
        let statement = self.open_prepared(handle, session)?;
        Ok(AskedStatement {
            // It means what it meant when it was prepared.
            context: Arc::new(context_of(&statement)?),
            values: self.parameters_of(&statement),
            text: statement.text,
        })
    }

    /// Runs a prepared change once for every row of parameters, or once.
    pub(super) async fn prepared_update(
        &self,
        session: &Arc<Session>,
        handle: &[u8],
        rows: &[RecordBatch],
    ) -> Result<i64> {
        let statement = self.open_prepared(handle, session)?;
        let columns = rows.first().map_or(0, RecordBatch::num_columns);
        let ready = self
            .shared
            .warehouse
            .prepare(&statement.text, &session.context(), None, None)
            .await?;
        if columns > 0 && !matches!(ready.ready, Ready::Query(_)) {
            return Err(Error::Unsupported {
                what: "a statement with parameters that is not a query".to_owned(),
            });
        }
        self.run_command(session, ready.ready).await?;
        Ok(0)
    }

    /// Runs a change. Returns the number of rows that it changed.
    pub(super) async fn update(&self, session: &Arc<Session>, text: &str) -> Result<i64> {
        let context = session.context();
        let ready = self
            .shared
            .warehouse
            .prepare(text, &context, None, None)
            .await?;
        self.run_command(session, ready.ready).await?;
        Ok(0)
    }

    /// Binds a row of parameters. Returns a handle that holds it; the old one keeps it for a while,
    /// for clients that do not take the new one.
    pub(super) fn bind(
        &self,
        session: &Session,
        handle: &[u8],
        rows: &[RecordBatch],
    ) -> Result<Vec<u8>> {
        let mut statement = self.open_prepared(handle, session)?;
        statement.parameters = parameters::one_row(rows)?;
        match &statement.parameters {
            Some(bytes) => {
                let bytes = Arc::new(bytes.clone());
                self.shared.bindings.insert(statement.id.clone(), bytes);
            }
            None => {
                self.shared.bindings.remove(&statement.id);
            }
        }
        Ok(self.seal(&statement))
    }

    /// Forgets what was bound to a handle. One that is not ours is fine: it is as good as closed.
    pub(super) fn close_prepared(&self, session: &Session, handle: &[u8]) {
        if let Ok(statement) = self.open_prepared(handle, session) {
            self.shared.bindings.remove(&statement.id);
        }
    }

    pub(super) fn open_prepared(&self, handle: &[u8], session: &Session) -> Result<Statement> {
        let statement = self.open(handle, session)?;
        match statement.kind() {
            Kind::Prepared => Ok(statement),
            _ => Err(Error::Ticket(mica_proto::Error::NotOurs)),
        }
    }

    /// The parameters in a handle, else those bound to it under its first form.
    pub(super) fn parameters_of(&self, statement: &Statement) -> Option<Vec<u8>> {
        let own = statement.parameters.clone();
        own.or_else(|| {
            let kept = self.shared.bindings.get(&statement.id)?;
            Some((*kept).clone())
        })
    }
}
