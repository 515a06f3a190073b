//! Why the server cannot do what it was asked to.

use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
pub use mica_sql::chain;

/// Why a statement failed, or the server cannot serve it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text, or what it means.
    #[error(transparent)]
    Sql(#[from] mica_sql::Error),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] mica_catalog::Error),
    /// The files.
    #[error(transparent)]
    Data(#[from] mica_data::Error),
    /// The query, while it ran.
    #[error("{}", execution_message(cause))]
    Execution {
        /// What DataFusion said; it is part of the message, and so no source.
        cause: Box<DataFusionError>,
    },
    /// A ticket or handle.
    #[error(transparent)]
    Ticket(#[from] mica_proto::Error),
    /// Too many queries wait.
    #[error(
        "{waiting} queries are waiting already; try again later (--max-queries {max_queries}, --queue-length)"
    )]
    QueueFull {
        /// How many wait.
        waiting: usize,
        /// How many may run.
        max_queries: usize,
    },
    /// The query waited too long.
    #[error(
        "the query waited {waited:?} for its turn; try again later (--max-queries, --queue-wait)"
    )]
    QueueWait {
        /// How long.
        waited: Duration,
    },
    /// The query took too long.
    #[error("the statement took longer than {limit:?} ({set_by})")]
    Timeout {
        /// The limit.
        limit: Duration,
        /// The flag or setting that it comes from.
        set_by: &'static str,
    },
    /// The query no longer moved.
    #[error(
        "the query made no progress for {limit:?} and was ended (--no-progress-timeout); more memory may help (--statement-memory)"
    )]
    Stuck {
        /// How long.
        limit: Duration,
    },
    /// The client does not read.
    #[error("the result was not read for {limit:?} and was ended (--idle-stream-timeout)")]
    IdleStream {
        /// The limit.
        limit: Duration,
    },
    /// The client no longer asks for its query.
    #[error("the query was not polled for {limit:?} and was ended (--idle-stream-timeout)")]
    Unpolled {
        /// The limit.
        limit: Duration,
    },
    /// Too many clients poll.
    #[error("{max} queries are polled for already; try again later (--max-polled)")]
    TooManyPolled {
        /// How many may be.
        max: usize,
    },
    /// The result of a polled query does not fit.
    #[error(
        "results of polled queries may take {limit} bytes together (--max-polled-size); GetFlightInfo keeps none"
    )]
    PolledTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The result of a polled query does not fit on the disk.
    #[error("what does not fit into memory may take {limit} bytes of disk (--spill-limit)")]
    SpillFull {
        /// The limit.
        limit: u64,
    },
    /// The result of a polled query can be neither kept nor read.
    #[error("cannot keep the result, or read what was kept")]
    Spool {
        /// Why.
        source: Box<DataFusionError>,
    },
    /// What every poll for a query is told.
    #[error(transparent)]
    Shared(Arc<Self>),
    /// Nobody waits for the answer any more.
    #[error("the client went away")]
    ClientGone,
    /// Somebody ended it.
    #[error("the query was cancelled")]
    Killed,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// No such query.
    #[error("no query with the id '{id}' is running")]
    NoSuchQuery {
        /// The id.
        id: String,
    },
    /// Who it is, is not known.
    #[error("{reason}")]
    Unauthenticated {
        /// What is missing or wrong, without any secret.
        reason: &'static str,
    },
    /// It is somebody else's.
    #[error("{reason}")]
    Forbidden {
        /// What is not allowed.
        reason: &'static str,
    },
    /// Too many clients.
    #[error("{sessions} sessions are open already (--max-sessions)")]
    TooManySessions {
        /// How many.
        sessions: usize,
    },
    /// The request does not make sense.
    #[error("{message}")]
    Request {
        /// What is wrong with it.
        message: String,
    },
    /// More than a request may hold.
    #[error("the request is over the limit of {limit} bytes (--max-request-size)")]
    RequestTooLarge {
        /// The limit.
        limit: usize,
    },
    /// This server does not do that.
    #[error("{what} is not supported")]
    Unsupported {
        /// What.
        what: String,
    },
    /// A bug.
    #[error("internal error in query {query_id}; the server's log has the details")]
    Internal {
        /// The query.
        query_id: String,
        /// What happened, for the log.
        detail: String,
    },
}

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error for what DataFusion said while a query ran; ours inside are taken out.
    pub fn execution(error: DataFusionError) -> Self {
        match unwrap_external(error) {
            Ok(error) => error,
            Err(source) => Self::Execution {
                cause: Box::new(source),
            },
        }
    }
}

/// Our own error inside a DataFusion error, if there is one.
fn unwrap_external(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<mica_data::Error>() {
            Ok(data) => Ok(Error::Data(*data)),
            Err(inner) => match inner.downcast::<mica_catalog::Error>() {
                Ok(catalog) => Ok(Error::Catalog(*catalog)),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
        },
        DataFusionError::Context(text, inner) => {
            unwrap_external(*inner).map_err(|inner| DataFusionError::Context(text, Box::new(inner)))
        }
        DataFusionError::Shared(shared) => match Arc::try_unwrap(shared) {
            Ok(inner) => unwrap_external(inner),
            Err(shared) => Err(DataFusionError::Shared(shared)),
        },
        other => Err(other),
    }
}

fn execution_message(error: &DataFusionError) -> String {
    let message = mica_sql::message(error);
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            // What follows are settings of DataFusion, which nobody can set here.
            let said = message.split(" Consider increasing ").next();
            let said = said.unwrap_or(&message).trim_end_matches('.');
            format!("the query needs more memory than it may have (--statement-memory): {said}")
        }
        _ => message,
    }
}
