//! `mica serve`: apply, listen, answer, stop gracefully.

mod gather;
mod listener;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use mica_catalog::{CatalogStore, SqliteStore};
use tokio::net::TcpListener;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::config::{ServeConfig, Tls};
use crate::flight::{FlightSql, Service};
use crate::session::Sessions;
use crate::warehouse::Warehouse;

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error(
        "cannot listen on {listen}; is another server running there? (--listen, port 0 picks a free port)"
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("cannot use the certificate and key (--tls-cert, --tls-key)")]
    Tls(#[source] tonic::transport::Error),
    /// The transport failed.
    #[error("the server failed")]
    Transport(#[source] tonic::transport::Error),
}

/// Drivers turn every unknown connection property into a header.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// BI tools cancel in bursts.
const PENDING_RESETS_MAX: usize = 1024;

/// A server that listens, before it answers.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    /// Where.
    pub address: SocketAddr,
    config: ServeConfig,
}

impl Listening {
    /// Listens: before the warehouse is touched, which another server may have. Clients that connect
    /// wait until [`Listening::run`] answers.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn bind(config: ServeConfig) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen {
            listen: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            config,
        })
    }

    /// The URL that clients connect to.
    pub fn url(&self) -> String {
        let scheme = if self.config.tls.is_some() {
            "grpc+tls"
        } else {
            "grpc"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Answers from `warehouse` until `stop` resolves; then running queries finish, and the catalog is
    /// closed.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn run(
        self,
        warehouse: Warehouse,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let Self {
            listener, config, ..
        } = self;
        let sessions = Sessions::new(config.session_ttl, config.max_sessions);
        let limits = config.service;
        let service = FlightSql::new(warehouse.clone(), sessions.clone(), config.auth, limits);
        let polled = service.polled().clone();
        let incoming = listener::incoming(listener, sessions.clone(), config.tls.is_some());
        let mut server = builder(config.tls)?;
        let upkeep = upkeep(warehouse.clone(), sessions, config.history_retention);
        let upkeep = datafusion::common::runtime::SpawnedTask::spawn(upkeep);
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let signal = async move {
            stop.await;
            let _ = stopping.send(());
        };
        let serving = server
            .add_service(health().await)
            .add_service(Service::new(service))
            .serve_with_incoming_shutdown(incoming, signal);
        let grace = config.shutdown_grace;
        let queries = warehouse.engine().queries().clone();
        let outcome = tokio::select! {
            outcome = serving => outcome.map_err(ServeError::Transport),
            () = given_up(stopped, grace, queries) => Ok(()),
        };
        drop(upkeep);
        // Connections may go on for a moment; the files of results shall not outlive the server.
        polled.clear().await;
        fold_log(warehouse.store()).await;
        outcome
    }
}

/// The service that says that the server lives.
async fn health() -> HealthServer<impl Health> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_serving::<FlightServiceServer<FlightSql>>()
        .await;
    health
}

/// Folds the catalog's write-ahead log into its file.
async fn fold_log(store: &SqliteStore) {
    if let Err(error) = store.checkpoint().await {
        tracing::warn!(error = %error, "the write-ahead log was not folded");
    }
}

/// Returns when the server was told to stop, and queries have ended or the time for them is over.
/// Idle connections are not waited for.
async fn given_up(
    stopped: tokio::sync::oneshot::Receiver<()>,
    grace: Duration,
    queries: crate::queries::Queries,
) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    let running = queries.list().len();
    tracing::info!(running, "stopping");
    if tokio::time::timeout(grace, queries.idle()).await.is_err() {
        let running = queries.list().len();
        tracing::warn!(running, "queries did not finish in time");
    }
    // What was computed last is still on its way.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn builder(tls: Option<Tls>) -> Result<Server, ServeError> {
    let server = Server::builder()
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX));
    match tls {
        None => Ok(server),
        Some(tls) => {
            let identity = Identity::from_pem(tls.certificate, tls.key);
            let config = ServerTlsConfig::new().identity(identity);
            server.tls_config(config).map_err(ServeError::Tls)
        }
    }
}

/// What is done now and then: sessions expire, history is purged, the log is folded.
async fn upkeep(warehouse: Warehouse, sessions: Sessions, retention: Duration) {
    const SESSIONS_EVERY: Duration = Duration::from_secs(60);
    const CATALOG_EVERY: u32 = 60;
    let mut ticks = 0_u32;
    let mut interval = tokio::time::interval(SESSIONS_EVERY);
    interval.tick().await;
    loop {
        interval.tick().await;
        sessions.expire();
        ticks += 1;
        if !ticks.is_multiple_of(CATALOG_EVERY) {
            continue;
        }
        let store = Arc::clone(warehouse.store());
        let before_ms = now_ms() - retention.as_millis() as i64;
        match store.purge(before_ms).await {
            Ok(states) if states > 0 => tracing::info!(states, "purged old definitions"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "history was not purged"),
        }
        fold_log(&store).await;
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// Resolves when the process is asked to stop: SIGTERM or Ctrl-C.
pub async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => {
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}
