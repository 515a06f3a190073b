//! What inference may read of text files: so many bytes, for so long.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::define::InferenceLimits;

/// Records between looks at the clock.
const LOOK_EVERY: u64 = 1024;

/// Longest record, in bytes: it is in memory as a whole.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// Counts what is read of all files of a table. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: InferenceLimits,
    started: Instant,
    bytes: Arc<AtomicU64>,
    /// Those since the last record ended.
    record_bytes: Arc<AtomicU64>,
    records: u64,
    spent: bool,
}

impl Budget {
    pub(crate) fn new(limits: &InferenceLimits) -> Self {
        Self {
            limits: limits.clone(),
            started: Instant::now(),
            bytes: Arc::default(),
            record_bytes: Arc::default(),
            records: 0,
            spent: false,
        }
    }

    /// `source`, whose bytes count. They are to be decompressed ones.
    pub(crate) fn counting<R: Read>(&self, source: R) -> Counting<R> {
        Counting {
            source,
            bytes: Arc::clone(&self.bytes),
            record_bytes: Arc::clone(&self.record_bytes),
        }
    }

    /// Counts a record. Returns whether another one may be read.
    pub(crate) fn record(&mut self) -> bool {
        self.records += 1;
        self.record_bytes.store(0, Ordering::Relaxed);
        !self.records.is_multiple_of(LOOK_EVERY) || self.another_file()
    }

    /// Whether another file may be read.
    pub(crate) fn another_file(&mut self) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let late = self.started.elapsed().as_secs() >= self.limits.seconds_max;
        self.spent |= late || bytes >= self.limits.bytes_max;
        !self.spent
    }

    /// What to tell if not everything was read.
    pub(crate) fn note(&self) -> Option<String> {
        self.spent.then(|| {
            format!(
                "columns were inferred from the first {} MB only (--infer-max-bytes {}, \
                 --infer-max-seconds {}); declare them if later rows differ",
                self.bytes.load(Ordering::Relaxed) / 1_000_000,
                self.limits.bytes_max,
                self.limits.seconds_max
            )
        })
    }
}

/// A reader that counts, and fails in a record that is too long.
#[derive(Debug)]
pub(crate) struct Counting<R> {
    source: R,
    bytes: Arc<AtomicU64>,
    record_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.record_bytes.load(Ordering::Relaxed) > RECORD_BYTES_MAX {
            let limit = RECORD_BYTES_MAX >> 20;
            return Err(std::io::Error::other(format!(
                "a record is longer than {limit} MB; is a quote or a bracket left open?"
            )));
        }
        let read = self.source.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        self.record_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_never_ends_is_an_error() {
        let budget = Budget::new(&InferenceLimits::default());
        let mut endless = budget.counting(std::io::repeat(b'x'));
        let error = std::io::copy(&mut endless, &mut std::io::sink()).unwrap_err();
        assert!(error.to_string().contains("left open"), "{error}");
    }
}
