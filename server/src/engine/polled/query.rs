//! One polled query: who asks for it, and what it has come to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::engine::{Progress, QueryStream, Spool};
use crate::error::{Error, Result};

/// What a polled query has come to.
pub(super) type Outcome = Result<Arc<Spool>, Arc<Error>>;

/// A query that is polled for.
#[derive(Debug)]
pub struct PolledQuery {
    schema: SchemaRef,
    progress: Arc<Progress>,
    outcome: watch::Sender<Option<Outcome>>,
    polls: Mutex<Polls>,
}

/// Who asks for a query.
#[derive(Debug)]
struct Polls {
    waiting: usize,
    last: Instant,
}

impl Polls {
    /// How long nobody has asked; none while somebody waits.
    fn alone(&self) -> Option<Duration> {
        (self.waiting == 0).then(|| self.last.elapsed())
    }
}

impl PolledQuery {
    /// A query that runs, and is asked for now.
    pub(super) fn new(stream: &QueryStream) -> Self {
        let polls = Polls {
            waiting: 0,
            last: Instant::now(),
        };
        Self {
            schema: Arc::clone(stream.schema()),
            progress: Arc::clone(stream.progress()),
            outcome: watch::Sender::new(None),
            polls: Mutex::new(polls),
        }
    }

    /// The wire schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The part of it that is done, below one; none if that cannot be told.
    pub fn part(&self) -> Option<f64> {
        self.progress.part()
    }

    /// Waits for the end, at most for `wait`: the result, or none while the query runs.
    ///
    /// # Errors
    /// What the query failed with, and [`Error::Killed`] if it was forgotten meanwhile.
    pub async fn poll(&self, wait: Duration) -> Result<Option<Arc<Spool>>> {
        let _polling = Polling::new(self);
        let mut outcome = self.outcome.subscribe();
        let ended = async {
            let ended = outcome.wait_for(Option::is_some).await;
            ended.ok().and_then(|outcome| outcome.clone())
        };
        match tokio::time::timeout(wait, ended).await {
            Err(_) => Ok(None),
            Ok(None) => Err(Error::Killed),
            Ok(Some(outcome)) => outcome.map(Some).map_err(Error::Shared),
        }
    }

    /// The result, if there is one.
    pub fn result(&self) -> Option<Arc<Spool>> {
        let outcome = self.outcome.borrow();
        outcome.as_ref()?.as_ref().ok().cloned()
    }

    /// Tells whoever waits what it has come to.
    pub(super) fn end(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    /// Lets go of the result: it is gone once nobody reads it. Whoever waits is told.
    pub(super) fn forget(&self) {
        self.end(Err(Arc::new(Error::Killed)));
    }

    /// Whether it has ended and nobody waits for it.
    pub(super) fn is_done(&self) -> bool {
        self.outcome.borrow().is_some() && self.polls.lock().waiting == 0
    }

    pub(super) fn last_poll(&self) -> Instant {
        self.polls.lock().last
    }

    /// The time that it is kept begins, however long ago somebody asked.
    pub(super) fn keep_from_now(&self) {
        self.polls.lock().last = Instant::now();
    }

    /// Returns when nobody has polled for that long.
    pub(super) async fn left_alone(&self, patience: Duration) {
        loop {
            let alone = self.polls.lock().alone();
            if alone.is_some_and(|alone| alone >= patience) {
                return;
            }
            let left = patience.saturating_sub(alone.unwrap_or_default());
            tokio::time::sleep(left.max(SHORTEST_PAUSE)).await;
        }
    }
}

/// The least time between two looks at whether anybody polls.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// A poll that waits.
struct Polling<'a>(&'a PolledQuery);

impl<'a> Polling<'a> {
    fn new(query: &'a PolledQuery) -> Self {
        query.polls.lock().waiting += 1;
        Self(query)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let mut polls = self.0.polls.lock();
        polls.waiting -= 1;
        polls.last = Instant::now();
    }
}
