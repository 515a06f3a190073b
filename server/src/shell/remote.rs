//! Statements on any Flight SQL server.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::backend::{Answer, Backend};
use crate::args::SqlArgs;
use crate::commands::AnyError;
use crate::config;

pub(super) struct Remote {
    client: FlightSqlServiceClient<Channel>,
    url: String,
}

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Batches of a server may be this large.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

impl Remote {
    pub(super) async fn connect(url: &str, args: &SqlArgs) -> Result<Self, AnyError> {
        let channel = endpoint(url, args)?.connect().await.map_err(|error| {
            let cause = crate::error::chain(&error);
            let hint = match cause.contains("CaUsedAsEndEntity") {
                true => {
                    "the server's certificate says that it is an authority's: make it with \
                     basicConstraints=CA:FALSE"
                }
                false => "is it serving, and is TLS on at both ends or at none?",
            };
            format!("cannot connect to {url}: {cause}; {hint}")
        })?;
        let inner = arrow_flight::flight_service_client::FlightServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut client = FlightSqlServiceClient::new_from_inner(inner);
        if let Some(user) = &args.user {
            let password = args
                .password_file
                .as_deref()
                .map(config::password)
                .transpose()?;
            let password = password.unwrap_or_default();
            client
                .handshake(user, &password)
                .await
                .map_err(|error| readable(&error))?;
        }
        Ok(Self {
            client,
            url: url.to_owned(),
        })
    }
}

/// `grpc://` and `grpc+tcp://` are plain, `grpc+tls://` is not.
fn endpoint(url: &str, args: &SqlArgs) -> Result<Endpoint, AnyError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("grpc", url));
    let tls = match scheme {
        "grpc" | "grpc+tcp" | "http" | "tcp" => false,
        "grpc+tls" | "grpcs" | "https" | "tls" => true,
        other => {
            return Err(
                format!("'{other}://' is not a Flight URL: use grpc:// or grpc+tls://").into(),
            );
        }
    };
    let http = if tls { "https" } else { "http" };
    let endpoint = Endpoint::new(format!("{http}://{rest}"))?.connect_timeout(CONNECT_TIMEOUT);
    if !tls {
        return Ok(endpoint);
    }
    let mut config = ClientTlsConfig::new().with_native_roots();
    if let Some(path) = &args.tls_ca {
        config = config.ca_certificate(Certificate::from_pem(std::fs::read(path)?));
    }
    Ok(endpoint.tls_config(config)?)
}

/// The server's message, without the wrappings of the client library.
fn readable(error: &(dyn std::error::Error + 'static)) -> AnyError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(status) = error.downcast_ref::<tonic::Status>() {
            return said(status);
        }
        if let Some(arrow_flight::error::FlightError::Tonic(status)) = error.downcast_ref() {
            return said(status);
        }
        cause = error.source();
    }
    crate::error::chain(error).into()
}

/// A status of the server has no source, one of the transport has.
fn said(status: &tonic::Status) -> AnyError {
    match status.source() {
        None => status.message().to_owned().into(),
        Some(cause) => format!(
            "the connection was lost ({}); is TLS on at both ends or at none? The next statement makes \
             a new one, whose session has the default settings and no temporary views",
            crate::error::chain(cause)
        )
        .into(),
    }
}

#[async_trait]
impl Backend for Remote {
    async fn run(&mut self, statement: &str) -> Result<Answer, AnyError> {
        let info = self.client.execute(statement.to_owned(), None).await;
        let info = info.map_err(|error| readable(&error))?;
        let columns = Arc::new(info.clone().try_decode_schema()?);
        let Some(ticket) = info
            .endpoint
            .into_iter()
            .find_map(|endpoint| endpoint.ticket)
        else {
            return Ok(Answer::Message(String::new()));
        };
        if columns.fields().is_empty() {
            let message = String::from_utf8_lossy(&info.app_metadata).into_owned();
            return Ok(Answer::Message(message));
        }
        let stream = self
            .client
            .do_get(ticket)
            .await
            .map_err(|error| readable(&error))?;
        Ok(Answer::Rows {
            columns,
            batches: stream.map_err(|error| readable(&error)).boxed(),
        })
    }

    fn describe(&self) -> String {
        self.url.clone()
    }
}
