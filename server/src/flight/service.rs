//! The RPCs: one `match` each, on the command in the request.

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::Command;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::asked::{Asked, misplaced, plain_sql};
use super::fetch::DataStream;
use super::info::schema_bytes;
use super::put::{command, name, respond, unsupported};
use super::{FlightSql, actions, list, metadata};
use crate::error::{Error, Result};
use crate::session::Session;

impl FlightSql {
    async fn info(&self, request: Request<FlightDescriptor>) -> Result<FlightInfo> {
        let session = self.session(&request)?;
        let descriptor = request.into_inner();
        match self.asked(&session, &descriptor)? {
            Asked::Statement(asked) => self.statement_info(&session, &asked, descriptor).await,
            Asked::Metadata(info) => Ok(info),
            Asked::Polled(_) => Err(misplaced()),
        }
    }

    async fn schema(&self, request: Request<FlightDescriptor>) -> Result<SchemaRef> {
        let session = self.session(&request)?;
        if let Some(text) = list::of_path(request.get_ref()) {
            return self.statement_schema(&session, &text).await;
        }
        let bytes = &request.get_ref().cmd;
        let command = match (command(bytes), plain_sql(bytes)) {
            (Ok(command), _) => command,
            (Err(_), Some(text)) => return self.statement_schema(&session, &text).await,
            (Err(error), None) => return Err(error),
        };
        match command {
            Command::CommandStatementQuery(query) => {
                self.statement_schema(&session, &query.query).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = &query.prepared_statement_handle;
                let statement = self.open_prepared(handle, &session)?;
                self.statement_schema(&session, &statement.text).await
            }
            other => metadata::schema_of(&other).ok_or_else(|| unsupported(&name(&other))),
        }
    }

    /// What a DoGet answers.
    pub(super) async fn stream(&self, request: Request<Ticket>) -> Result<DataStream> {
        let session: Arc<Session> = self.session(&request)?;
        match command(&request.get_ref().ticket)? {
            Command::TicketStatementQuery(ticket) => {
                self.statement_stream(&session, &ticket.statement_handle)
                    .await
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = &query.prepared_statement_handle;
                self.statement_stream(&session, handle).await
            }
            other => {
                let unknown = unsupported(&name(&other));
                self.metadata_stream(&session, other).await?.ok_or(unknown)
            }
        }
    }
}

#[async_trait]
impl FlightService for FlightSql {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    /// Answers by the headers alone: arrow-go sends no message and waits.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let (token, _) = FlightSql::handshake(self, &request)?;
        let answer = HandshakeResponse {
            protocol_version: 0,
            payload: token.clone().into(),
        };
        let mut response = Response::new(futures::stream::iter([Ok(answer)]).boxed());
        let bearer: Result<MetadataValue<_>, _> = format!("Bearer {token}").parse();
        if let Ok(bearer) = bearer {
            response.metadata_mut().insert("authorization", bearer);
        }
        Ok(response)
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        let session = self.session(&request)?;
        let flights = self.flights(session.context()).await?;
        Ok(Response::new(flights.map_err(Status::from).boxed()))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        respond(self.info(request).await)
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        respond(self.poll(request).await)
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let schema = self.schema(request).await?;
        let schema = schema_bytes(&schema)?;
        Ok(Response::new(SchemaResult { schema }))
    }

    /// Never asked: `Service` answers before.
    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        Err(Status::unimplemented("DoGet has a service of its own"))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        respond(self.put(request).await)
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        respond(self.action(request).await)
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.session(&request)?;
        let actions = actions::list().map(Ok);
        Ok(Response::new(futures::stream::iter(actions).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.session(&request)?;
        Err(Error::Unsupported {
            what: "DoExchange".to_owned(),
        }
        .into())
    }
}
