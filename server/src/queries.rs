//! The queries that are running: for `SHOW QUERIES`, `KILL` and a graceful stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::engine::Progress;

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
    /// How far it is.
    pub progress: Arc<Progress>,
    /// Id of the ticket that fetches it.
    ticket: Vec<u8>,
    state: AtomicU8,
    killed: Notify,
}

/// What is being done for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It is planned; its rows are not asked for yet.
    Planning,
    /// It waits for its turn.
    Queued,
    /// It gives rows.
    Running,
    /// It changes something. `KILL` does not cut it short.
    Changing,
}

impl State {
    /// Its name in `SHOW QUERIES`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Changing => "changing",
        }
    }
}

impl Queries {
    /// Adds a statement until the guard is dropped.
    pub fn start(&self, user: &str, text: &str, state: State) -> QueryGuard {
        self.add(user, text, &[], state)
    }

    /// Adds a query that a ticket fetches, until the guard is dropped.
    pub fn start_fetch(&self, user: &str, text: &str, ticket: &[u8]) -> QueryGuard {
        self.add(user, text, ticket, State::Queued)
    }

    fn add(&self, user: &str, text: &str, ticket: &[u8], state: State) -> QueryGuard {
        let query = Arc::new(Query {
            id: self.inner.next.fetch_add(1, Ordering::Relaxed) + 1,
            user: user.to_owned(),
            text: text.to_owned(),
            ticket: ticket.to_vec(),
            started: Instant::now(),
            rows: AtomicU64::new(0),
            progress: Arc::default(),
            state: AtomicU8::new(state as u8),
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
        let Some(query) = query.filter(|query| query.state() != State::Changing && may(query))
        else {
            return false;
        };
        // A permit is stored if the query does not wait for it yet.
        query.killed.notify_one();
        true
    }

    /// Ends the queries that a ticket fetches.
    pub fn cancel(&self, ticket: &[u8]) {
        for query in self.list() {
            if query.ticket == ticket {
                query.killed.notify_one();
            }
        }
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
    /// What is being done.
    pub fn state(&self) -> State {
        use State::{Changing, Planning, Queued, Running};
        let state = self.state.load(Ordering::Relaxed);
        let found = [Planning, Queued, Running, Changing]
            .into_iter()
            .find(|known| *known as u8 == state);
        found.unwrap_or(Running)
    }

    /// Says what is being done now.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

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
        self.query.progress.end();
        self.queries.inner.running.lock().remove(&self.query.id);
        self.queries.inner.ended.notify_waiters();
    }
}
