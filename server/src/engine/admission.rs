//! Who may execute, and who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::EngineLimits;
use crate::error::Error;

/// Permits to execute, and a queue of limited length for those who wait.
#[derive(Debug)]
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_queries: usize,
    queue_length: usize,
    queue_wait: Duration,
}

impl Admission {
    pub(super) fn new(limits: &EngineLimits) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits.max_queries)),
            waiting: AtomicUsize::new(0),
            max_queries: limits.max_queries,
            queue_length: limits.queue_length,
            queue_wait: limits.queue_wait,
        }
    }

    /// A permit, now or after a wait.
    ///
    /// # Errors
    /// [`Error::QueueFull`], [`Error::QueueWait`].
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.queue_length, self.max_queries)?;
        let acquire = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.queue_wait, acquire).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::QueueWait {
                waited: self.queue_wait,
            }),
        }
    }

    /// A permit for a query that has run already: what has been sent in part is not refused.
    pub(super) async fn admit_again(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}

/// A place in the queue, given back however the wait ends.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, length: usize, max_queries: usize) -> Result<Self, Error> {
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Self(waiting);
        match before < length {
            true => Ok(place),
            false => Err(Error::QueueFull {
                waiting: before,
                max_queries,
            }),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
