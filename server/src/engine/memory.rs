//! Memory of a statement, charged to the budget of all.
//!
//! Each statement has a pool of its own, so that its operators share fairly among themselves and
//! spill by its limit, not by what others do; what it takes is also taken from the budget.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// Bytes that all statements may take together.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
        }
    }

    pub(super) fn try_take(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .is_ok()
    }

    fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// The pool of one statement.
#[derive(Debug)]
pub(super) struct StatementPool {
    pool: FairSpillPool,
    limit: usize,
    budget: Arc<Budget>,
}

impl StatementPool {
    pub(super) fn new(limit: usize, budget: Arc<Budget>) -> Self {
        Self {
            pool: FairSpillPool::new(limit),
            limit,
            budget,
        }
    }
}

impl fmt::Display for StatementPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement({})", self.limit)
    }
}

impl Drop for StatementPool {
    fn drop(&mut self) {
        self.budget.give(self.pool.reserved());
    }
}

impl MemoryPool for StatementPool {
    fn name(&self) -> &str {
        "statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.budget.take(additional);
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.budget.give(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if !self.budget.try_take(additional) {
            return Err(resources_datafusion_err!(
                "all queries together would need more than {} bytes (--memory-limit)",
                self.budget.limit
            ));
        }
        let grown = self.pool.try_grow(reservation, additional);
        if grown.is_err() {
            self.budget.give(additional);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_limited_alone_and_together_and_give_all_back() {
        let budget = Arc::new(Budget::new(100));
        let pool =
            || -> Arc<dyn MemoryPool> { Arc::new(StatementPool::new(80, Arc::clone(&budget))) };
        let (one, two) = (pool(), pool());
        let first = MemoryConsumer::new("a").register(&one);
        let second = MemoryConsumer::new("b").register(&two);
        first.try_grow(80).unwrap();
        assert!(first.try_grow(1).is_err(), "its own limit");
        let error = second.try_grow(30).unwrap_err();
        assert!(error.to_string().contains("--memory-limit"), "{error}");
        second.try_grow(20).unwrap();
        drop((first, second, one, two));
        assert_eq!(budget.used.load(Ordering::Acquire), 0);
    }
}
