//! Where a spool is written to: memory, until it outgrows that.

use std::io::{BufWriter, Error, Result, Write};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::{SpillFile, SpillWriter};

use super::BUFFER_BYTES;
use crate::engine::memory::Budget;

/// Bytes of a result that stay in memory.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// Memory that is charged to the budget of all queries, given back when dropped.
#[derive(Debug)]
pub(super) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    fn try_grow(&mut self, bytes: usize) -> bool {
        let taken = self.budget.try_take(bytes);
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

/// What a spool is written to.
pub(super) struct Sink {
    written: Written,
    disk: Arc<DiskManager>,
    bytes: u64,
}

enum Written {
    Memory(Vec<u8>, Charge),
    File(Arc<dyn SpillFile>, BufWriter<Box<dyn SpillWriter>>),
}

/// All that was written.
pub(super) enum Content {
    Memory { bytes: Bytes, _charge: Charge },
    File(Arc<dyn SpillFile>),
}

impl Sink {
    pub(super) fn new(disk: Arc<DiskManager>, budget: Arc<Budget>) -> Self {
        Self {
            written: Written::Memory(Vec::new(), Charge { budget, bytes: 0 }),
            disk,
            bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn disk(&self) -> &DiskManager {
        &self.disk
    }

    /// Everything; it must have been flushed.
    pub(super) fn into_content(self) -> Content {
        match self.written {
            Written::Memory(bytes, charge) => Content::Memory {
                bytes: bytes.into(),
                _charge: charge,
            },
            Written::File(file, _) => Content::File(file),
        }
    }

    fn move_to_file(&mut self, so_far: &[u8]) -> Result<()> {
        let file = self.disk.create_tmp_file("keeping a result");
        let file = file.map_err(Error::other)?;
        let writer = file.open_writer().map_err(Error::other)?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, writer);
        writer.write_all(so_far)?;
        self.written = Written::File(file, writer);
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if let Written::Memory(so_far, charge) = &mut self.written {
            let fits = so_far.len() + bytes.len() <= MEMORY_BYTES_MAX;
            if !(fits && charge.try_grow(bytes.len())) {
                let so_far = std::mem::take(so_far);
                self.move_to_file(&so_far)?;
            }
        }
        let written = match &mut self.written {
            Written::Memory(so_far, _) => so_far.write(bytes)?,
            Written::File(_, writer) => writer.write(bytes)?,
        };
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        match &mut self.written {
            Written::Memory(..) => Ok(()),
            Written::File(_, writer) => writer.flush(),
        }
    }
}
