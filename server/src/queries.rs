//! The queries that are running: for `SHOW QUERIES`, `KILL` and a graceful stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// All queries that run or wait.
#[derive(Clone, Debug, Default)]
pub struct Queries {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<Query>>>,
    ended: Notify,
}

/// A query that runs or waits.
#[derive(Debug)]
pub struct Query {
    /// Unlike that of any other query of this process.
    pub id: u64,
    /// Whose it is.
    pub user: String,
    /// Its text.
    pub text: String,
    /// When it came.
    pub started: Instant,
    /// Rows given so far.
    pub rows: AtomicU64,
    /// Whether `KILL` ends it; a change is not cut short.
    killable: bool,
    killed: Notify,
}

impl Queries {
    /// Adds a query until the guard is dropped.
    pub fn start(&self, user: &str, text: &str) -> QueryGuard {
        self.add(user, text, true)
    }

    /// Adds a statement that changes something, until the guard is dropped.
    pub fn start_change(&self, user: &str, text: &str) -> QueryGuard {
        self.add(user, text, false)
    }

    fn add(&self, user: &str, text: &str, killable: bool) -> QueryGuard {
        let query = Arc::new(Query {
            id: self.inner.next.fetch_add(1, Ordering::Relaxed) + 1,
            user: user.to_owned(),
            text: text.to_owned(),
            started: Instant::now(),
            rows: AtomicU64::new(0),
            killable,
            killed: Notify::new(),
        });
        self.inner
            .running
            .lock()
            .insert(query.id, Arc::clone(&query));
        QueryGuard {
            query,
            queries: self.clone(),
        }
    }

    /// Those that run, oldest first.
    pub fn list(&self) -> Vec<Arc<Query>> {
        self.inner.running.lock().values().cloned().collect()
    }

    /// Ends a query. Returns whether there was one of that id that `may` be ended;
    /// changes may not.
    pub fn kill(&self, id: &str, may: impl Fn(&Query) -> bool) -> bool {
        let Ok(id) = id.trim().parse::<u64>() else {
            return false;
        };
        let query = self.inner.running.lock().get(&id).cloned();
        let Some(query) = query.filter(|query| query.killable && may(query)) else {
            return false;
        };
        // A permit is stored if the query does not wait for it yet.
        query.killed.notify_one();
        true
    }

    /// Returns when no query runs.
    pub async fn idle(&self) {
        loop {
            let ended = self.inner.ended.notified();
            if self.inner.running.lock().is_empty() {
                return;
            }
            ended.await;
        }
    }
}

impl Query {
    /// Returns when the query is to end.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }
}

/// Keeps a query in the list.
#[derive(Debug)]
pub struct QueryGuard {
    query: Arc<Query>,
    queries: Queries,
}

impl QueryGuard {
    /// The query.
    pub fn query(&self) -> &Arc<Query> {
        &self.query
    }
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        self.queries.inner.running.lock().remove(&self.query.id);
        self.queries.inner.ended.notify_waiters();
    }
}
