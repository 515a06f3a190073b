//! Reading a kept result as if it were a query that runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use tokio::sync::mpsc;

use super::execute::BATCHES_AHEAD;
use super::spool::{Spool, SpoolReader};
use super::work::broken_apart;
use super::{Engine, QueryStream};
use crate::error::{Error, Result};
use crate::queries::{Query, QueryGuard, State};

impl Engine {
    /// The batches of a kept result. Like a query it is in the list while it is read, can be killed,
    /// and is ended if its client does not read; it needs no permit.
    ///
    /// `ticket` is what it can be cancelled by.
    pub fn fetch(&self, spool: Arc<Spool>, user: &str, text: &str, ticket: &[u8]) -> QueryStream {
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let guard = self.inner.queries.start_fetch(user, text, ticket);
        guard.query().set_state(State::Running);
        let stream = QueryStream::new(spool.schema(), guard.query(), batches);
        let engine = self.clone();
        // It ends with the result, or when the stream is dropped.
        self.handle().spawn(engine.send_all(spool, guard, sender));
        stream
    }

    async fn send_all(
        self,
        spool: Arc<Spool>,
        guard: QueryGuard,
        sender: mpsc::Sender<Result<RecordBatch>>,
    ) {
        let query = Arc::clone(guard.query());
        let outcome = tokio::select! {
            biased;
            () = query.killed() => Err(Error::Killed),
            outcome = self.send_batches(spool, &query, &sender) => outcome,
        };
        crate::log::ended(&query, outcome.as_ref().err());
        drop(guard);
        if let Err(error) = outcome {
            // A client that does not read is not waited for.
            let _ = sender.try_send(Err(error));
        }
    }

    async fn send_batches(
        &self,
        spool: Arc<Spool>,
        query: &Query,
        sender: &mpsc::Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let idle = self.inner.limits.idle_stream_timeout;
        let mut reader = blocking(move || spool.reader()).await?;
        loop {
            let (next, batch) = blocking(move || read(reader)).await?;
            let Some(batch) = batch else {
                return Ok(());
            };
            reader = next;
            let place = tokio::time::timeout(idle, sender.reserve()).await;
            let place = place.map_err(|_| Error::IdleStream { limit: idle })?;
            let place = place.map_err(|_| Error::ClientGone)?;
            query
                .rows
                .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            place.send(Ok(batch));
        }
    }
}

fn read(mut reader: SpoolReader) -> Result<(SpoolReader, Option<RecordBatch>)> {
    let batch = reader.next()?;
    Ok((reader, batch))
}

/// Runs what waits for the disk where it keeps no query from its thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match SpawnedTask::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(broken_apart(error)),
    }
}
