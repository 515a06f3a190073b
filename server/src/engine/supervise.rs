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
use tokio::task::JoinHandle;

use super::interrupt::Interrupt;
use super::watchdog;
use super::work::{Timeout, after, broken};
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
    pub(super) timeout: Option<Timeout>,
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
            late = after(timeout) => Err(late),
            () = stuck(&mut self.plan, patience, waiting, &self.query) => {
                Err(Error::Stuck { limit: patience.unwrap_or_default() })
            }
        };
        self.interrupt.set();
        work.abort();
        crate::log::ended(&self.query, outcome.as_ref().err());
        if let Err(error) = outcome {
            // Nobody may be reading any more.
            let _ = self.sender.send(Err(error)).await;
        }
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
