//! Ends a query that is killed, late, stuck, or whose client is gone.
//!
//! The supervisor is a task of its own, on the runtime that serves clients: a query that keeps its
//! thread busy cannot keep the client from its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};

use super::interrupt::Interrupt;
use super::watchdog;
use crate::error::{Error, Result};
use crate::queries::Query;

/// What a supervisor watches.
pub(super) struct Supervisor {
    pub(super) query: Arc<Query>,
    pub(super) sender: mpsc::Sender<Result<RecordBatch>>,
    pub(super) interrupt: Interrupt,
    /// The plan, once there is one.
    pub(super) plan: oneshot::Receiver<Arc<dyn ExecutionPlan>>,
    /// Set while the query waits for its client.
    pub(super) waiting: Arc<AtomicBool>,
    pub(super) timeout: Option<Duration>,
    pub(super) patience: Option<Duration>,
}

impl Supervisor {
    /// Waits for the end of `work`, or ends it; the client gets the error.
    pub(super) async fn watch(mut self, mut work: JoinHandle<Result<()>>) {
        let (timeout, patience) = (self.timeout, self.patience);
        let waiting = Arc::clone(&self.waiting);
        let outcome = tokio::select! {
            biased;
            outcome = &mut work => outcome.unwrap_or_else(|error| Err(broken(&self.query, error))),
            () = self.sender.closed() => Err(Error::ClientGone),
            () = self.query.killed() => Err(Error::Killed),
            () = after(timeout) => Err(Error::Timeout { limit: timeout.unwrap_or_default() }),
            () = stuck(&mut self.plan, patience, waiting, &self.query) => {
                Err(Error::Stuck { limit: patience.unwrap_or_default() })
            }
        };
        self.interrupt.set();
        work.abort();
        log_end(&self.query, outcome.as_ref().err());
        if let Err(error) = outcome {
            // Nobody may be reading any more.
            let _ = self.sender.send(Err(error)).await;
        }
    }
}

async fn after(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// Returns when the plan has done nothing for `patience`.
async fn stuck(
    plan: &mut oneshot::Receiver<Arc<dyn ExecutionPlan>>,
    patience: Option<Duration>,
    waiting: Arc<AtomicBool>,
    query: &Query,
) {
    let (Some(patience), Ok(plan)) = (patience, plan.await) else {
        return std::future::pending().await;
    };
    let waiting = || waiting.load(Ordering::Relaxed);
    let rows = || query.rows.load(Ordering::Relaxed);
    watchdog::stuck(&plan, patience, waiting, rows).await;
}

/// A panic, which the client learns of without its text.
fn broken(query: &Query, error: JoinError) -> Error {
    let detail = match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic".to_owned()),
        // The runtime of queries is shut down with the server.
        Err(_) => return Error::Stopping,
    };
    Error::Internal {
        query_id: query.id.to_string(),
        detail,
    }
}

fn log_end(query: &Query, error: Option<&Error>) {
    let elapsed_ms = query.started.elapsed().as_millis() as u64;
    let rows = query.rows.load(Ordering::Relaxed);
    let code = error.map_or(tonic::Code::Ok, crate::status::code);
    crate::log::statement(query.id, &query.user, elapsed_ms, rows, code);
    tracing::debug!(query_id = query.id, text = query.text, "statement text");
    if let Some(Error::Internal { detail, .. }) = error {
        tracing::error!(query_id = query.id, detail, "internal error");
    }
}
