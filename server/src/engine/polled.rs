//! Queries that run by themselves while their client asks now and then whether they are done.
//!
//! ```text
//! start --> task: batches -> spool --> outcome --> kept until nobody has asked for a while
//! poll  --> waits for the outcome, but not for long
//! fetch --> the batches of the spool, as of a query
//! ```
//!
//! A polled query is a query like any other: it has its place in the queue and in `SHOW QUERIES`,
//! and its limits. Only who reads its batches is different.
//!
//! # Invariants
//! * The number of polled queries is limited, and the bytes of their results. What is finished gives
//!   way to what runs, the one asked for longest ago first.
//! * Forgetting a polled query ends it.

mod query;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

pub use self::query::PolledQuery;
use super::spool::{Room, Spool, SpoolWriter};
use super::{Engine, QueryStream};
use crate::error::{Error, Result};

/// What polled queries may take.
#[derive(Clone, Copy, Debug)]
pub struct PolledLimits {
    /// How long a poll waits for the end of its query.
    pub wait: Duration,
    /// Polled queries that run, or whose results are kept.
    pub max: usize,
    /// Bytes of all results that are kept.
    pub bytes: u64,
    /// How long a result is kept after the last poll.
    pub ttl: Duration,
}

/// How long the end of all queries is waited for.
const CLEAR_PATIENCE: Duration = Duration::from_secs(1);

/// All polled queries, by the ids of their tickets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PolledQueries {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    limits: PolledLimits,
    room: Arc<Room>,
    queries: Mutex<HashMap<Vec<u8>, Entry>>,
}

#[derive(Debug)]
struct Entry {
    query: Arc<PolledQuery>,
    /// Ends the query, or the wait for its being forgotten. Taken only to wait for its end.
    task: Option<AbortOnDropHandle<()>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.query.forget();
    }
}

impl PolledQueries {
    /// None yet.
    pub fn new(engine: Engine, limits: PolledLimits) -> Self {
        let inner = Inner {
            engine,
            limits,
            room: Arc::new(Room::new(limits.bytes)),
            queries: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &PolledLimits {
        &self.inner.limits
    }

    /// The query of that id.
    pub fn get(&self, id: &[u8]) -> Option<Arc<PolledQuery>> {
        let queries = self.inner.queries.lock();
        queries.get(id).map(|entry| Arc::clone(&entry.query))
    }

    /// The query of that id; if there is none, the one that `run` starts.
    ///
    /// # Errors
    /// [`Error::TooManyPolled`].
    pub fn get_or_start(
        &self,
        id: &[u8],
        run: impl FnOnce() -> QueryStream,
    ) -> Result<Arc<PolledQuery>> {
        // Dropped after the lock: it may delete a file.
        let mut evicted = None;
        let mut queries = self.inner.queries.lock();
        if let Some(entry) = queries.get(id) {
            return Ok(Arc::clone(&entry.query));
        }
        let max = self.inner.limits.max;
        if queries.len() >= max {
            evicted = evict(&mut queries);
            if evicted.is_none() {
                return Err(Error::TooManyPolled { max });
            }
        }
        let entry = self.start(id, run());
        let query = Arc::clone(&entry.query);
        queries.insert(id.to_vec(), entry);
        drop(queries);
        drop(evicted);
        Ok(query)
    }

    fn start(&self, id: &[u8], stream: QueryStream) -> Entry {
        let inner = &self.inner;
        let query = Arc::new(PolledQuery::new(&stream));
        let task = Task {
            id: id.to_vec(),
            query: Arc::clone(&query),
            polled: Arc::downgrade(inner),
            idle: inner.engine.limits().idle_stream_timeout,
            ttl: inner.limits.ttl,
        };
        let writer = inner.writer(stream.schema());
        let work = inner.engine.handle().spawn(task.run(writer, stream));
        Entry {
            query,
            task: Some(AbortOnDropHandle::new(work)),
        }
    }

    /// Ends the query of that id, and forgets its result.
    pub fn forget(&self, id: &[u8]) {
        self.inner.forget(id, |_| true);
    }

    /// Ends all queries, and forgets their results: their files are deleted, unless somebody still
    /// reads them.
    pub async fn clear(&self) {
        let entries = std::mem::take(&mut *self.inner.queries.lock());
        let ended = entries.into_values().filter_map(|mut entry| {
            let task = entry.task.take()?;
            task.abort();
            Some(task)
        });
        // A thread that is busy with a query may not get to it.
        let ended = futures::future::join_all(ended);
        let _ = tokio::time::timeout(CLEAR_PATIENCE, ended).await;
    }
}

impl Inner {
    fn writer(&self, schema: &SchemaRef) -> Result<SpoolWriter> {
        let engine = &self.engine.inner;
        let disk = Arc::clone(&engine.environment.disk_manager);
        let budget = Arc::clone(&engine.budget);
        SpoolWriter::new(schema, disk, budget, Arc::clone(&self.room))
    }

    fn forget(&self, id: &[u8], which: impl Fn(&Arc<PolledQuery>) -> bool) {
        let mut queries = self.queries.lock();
        if queries.get(id).is_some_and(|entry| which(&entry.query)) {
            let entry = queries.remove(id);
            // Not under the lock: it may delete a file.
            drop(queries);
            drop(entry);
        }
    }

    /// Forgets finished queries while all results together are too large.
    ///
    /// # Errors
    /// [`Error::PolledTooLarge`] if that does not help a result of so many bytes.
    fn make_room(&self, bytes: u64) -> Result<()> {
        let limit = self.limits.bytes;
        if bytes > limit {
            return Err(Error::PolledTooLarge { limit });
        }
        while self.room.is_exceeded() {
            let evicted = evict(&mut self.queries.lock());
            if evicted.is_none() {
                return Err(Error::PolledTooLarge { limit });
            }
        }
        Ok(())
    }
}

/// Takes out the finished query that was asked for longest ago. Dropping it gives its bytes back,
/// unless somebody reads them.
fn evict(queries: &mut HashMap<Vec<u8>, Entry>) -> Option<Entry> {
    let finished = queries.iter().filter(|(_, entry)| entry.query.is_done());
    let oldest = finished.min_by_key(|(_, entry)| entry.query.last_poll());
    let id = oldest.map(|(id, _)| id.clone());
    id.and_then(|id| queries.remove(&id))
}

/// What is done for a polled query in the background.
struct Task {
    id: Vec<u8>,
    query: Arc<PolledQuery>,
    /// They hold the task.
    polled: Weak<Inner>,
    idle: Duration,
    ttl: Duration,
}

impl Task {
    async fn run(self, writer: Result<SpoolWriter>, stream: QueryStream) {
        let outcome = match writer {
            Ok(writer) => self.keep(writer, stream).await,
            Err(error) => Err(error),
        };
        // It is kept from now on, however long it ran since somebody asked.
        self.query.keep_from_now();
        if let Err(error) = &outcome {
            let error = crate::error::chain(error);
            tracing::warn!(error, "the result of a polled query is not kept");
        }
        self.query.end(outcome.map(Arc::new).map_err(Arc::new));
        self.query.left_alone(self.ttl).await;
        if let Some(polled) = self.polled.upgrade() {
            polled.forget(&self.id, |query| Arc::ptr_eq(query, &self.query));
        }
    }

    /// Writes all batches, unless nobody asks for them. Dropping the stream ends the query.
    async fn keep(&self, mut writer: SpoolWriter, mut stream: QueryStream) -> Result<Spool> {
        let left_alone = self.query.left_alone(self.idle);
        tokio::pin!(left_alone);
        loop {
            let batch = tokio::select! {
                batch = stream.next() => batch,
                () = &mut left_alone => return Err(Error::Unpolled { limit: self.idle }),
            };
            let Some(batch) = batch.transpose()? else {
                return writer.finish();
            };
            writer.push(&batch)?;
            if let Some(polled) = self.polled.upgrade() {
                polled.make_room(writer.bytes())?;
            }
        }
    }
}
