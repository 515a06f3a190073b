//! Work of statements besides running queries: planning and changes.
//!
//! It runs on the threads of queries, so that a text which takes long to plan, or a commit that waits
//! for the disk, keeps no other client from its answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use super::Engine;
use crate::error::{Error, Result};
use crate::queries::{Query, QueryGuard};

impl Engine {
    /// Plans a statement: `work` ends when it is killed or late, or when nobody waits any more.
    /// What fails is logged; what succeeds is not yet at its end.
    ///
    /// # Errors
    /// Those of `work`, [`Error::Killed`], [`Error::Timeout`], and [`Error::Internal`] for a panic.
    pub async fn plan<T: Send + 'static>(
        &self,
        guard: QueryGuard,
        timeout: Option<Timeout>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let query = Arc::clone(guard.query());
        let work = AbortOnDropHandle::new(self.handle().spawn(work));
        let outcome = tokio::select! {
            biased;
            outcome = work => outcome.unwrap_or_else(|error| Err(broken(&query, error))),
            () = query.killed() => Err(Error::Killed),
            late = after(timeout) => Err(late),
        };
        if let Err(error) = &outcome {
            crate::log::ended(&query, Some(error));
        }
        outcome
    }

    /// What `work` gives, computed by a thread of queries.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Internal`] for a panic, [`Error::Stopping`] while the server stops.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let work = AbortOnDropHandle::new(self.handle().spawn(async move { work() }));
        work.await.unwrap_or_else(|error| Err(broken_apart(error)))
    }

    /// Makes a change. It goes on if the caller leaves, and commits or fails by itself.
    ///
    /// # Errors
    /// Those of `work`, and [`Error::Internal`] for a panic.
    pub async fn change<T: Send + 'static>(
        &self,
        guard: QueryGuard,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let query = Arc::clone(guard.query());
        let work = async move {
            let outcome = work.await;
            crate::log::ended(guard.query(), outcome.as_ref().err());
            fail::fail_point!("server.before_reply");
            outcome
        };
        match self.handle().spawn(work).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let error = broken(&query, error);
                crate::log::ended(&query, Some(&error));
                Err(error)
            }
        }
    }
}

/// How long a statement may take, and who says so.
#[derive(Clone, Copy, Debug)]
pub struct Timeout {
    /// How long.
    pub limit: Duration,
    /// The flag or setting.
    pub set_by: &'static str,
}

/// Returns the error of a statement that is late, then; never without a limit.
pub(super) async fn after(timeout: Option<Timeout>) -> Error {
    match timeout {
        Some(Timeout { limit, set_by }) => {
            tokio::time::sleep(limit).await;
            Error::Timeout { limit, set_by }
        }
        None => std::future::pending().await,
    }
}

/// A panic beside a query, which is logged here.
pub(super) fn broken_apart(error: JoinError) -> Error {
    let error = described("-".to_owned(), error);
    if let Error::Internal { detail, .. } = &error {
        tracing::error!(detail, "internal error");
    }
    error
}

/// A panic, which the client learns of without its text.
pub(super) fn broken(query: &Query, error: JoinError) -> Error {
    described(query.id.to_string(), error)
}

fn described(query_id: String, error: JoinError) -> Error {
    let detail = match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic".to_owned()),
        // The runtime of queries is shut down with the server.
        Err(_) => return Error::Stopping,
    };
    Error::Internal { query_id, detail }
}
