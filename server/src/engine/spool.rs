//! Whole results, kept for a while: a small one in memory, a larger one in a file for spilling.
//!
//! ```text
//! batches -> Arrow IPC stream --+--> memory, up to 1 MiB, charged to --memory-limit
//!                               `--> a file of the engine's, counted by --spill-limit
//! ```
//!
//! # Invariants
//! * The last one that holds a spool or reads it deletes its file and gives its bytes back.
//! * What is read is what was written: same schema, same batches, same order.

mod sink;

use std::fmt;
use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::execution::disk_manager::DiskManager;

use self::sink::{Content, Sink};
use super::memory::Budget;
use crate::error::{Error, Result};

/// Bytes that are written to a file, or read from it, at once.
const BUFFER_BYTES: usize = 128 << 10;

/// Bytes of all spools together.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    used: AtomicU64,
}

impl Room {
    pub(super) fn new(limit: u64) -> Self {
        let used = AtomicU64::new(0);
        Self { limit, used }
    }

    /// Whether more is used than there is.
    pub(super) fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
struct Place {
    room: Arc<Room>,
    bytes: u64,
}

impl Place {
    fn grow_to(&mut self, bytes: u64) {
        let more = bytes.saturating_sub(self.bytes);
        self.room.used.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A spool that is being written.
pub(super) struct SpoolWriter {
    writer: StreamWriter<Sink>,
    schema: SchemaRef,
    rows: u64,
    place: Place,
}

impl SpoolWriter {
    /// An empty spool.
    ///
    /// # Errors
    /// As [`SpoolWriter::push`].
    pub(super) fn new(
        schema: &SchemaRef,
        disk: Arc<DiskManager>,
        budget: Arc<Budget>,
        room: Arc<Room>,
    ) -> Result<Self> {
        let sink = Sink::new(disk, budget);
        Ok(Self {
            writer: StreamWriter::try_new(sink, schema).map_err(spool_error)?,
            schema: Arc::clone(schema),
            rows: 0,
            place: Place { room, bytes: 0 },
        })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::SpillFull`], and [`Error::Spool`] for what else the disk says.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let outcome = self.writer.write(batch);
        outcome.map_err(|error| self.explained(error, batch.get_array_memory_size()))?;
        self.rows += batch.num_rows() as u64;
        self.place.grow_to(self.writer.get_ref().bytes());
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.place.bytes
    }

    /// The spool, whole.
    ///
    /// # Errors
    /// As [`SpoolWriter::push`].
    pub(super) fn finish(mut self) -> Result<Spool> {
        let outcome = self.writer.finish().and_then(|()| self.writer.flush());
        outcome.map_err(|error| self.explained(error, BUFFER_BYTES))?;
        let sink = self.writer.into_inner().map_err(spool_error)?;
        self.place.grow_to(sink.bytes());
        Ok(Spool {
            schema: self.schema,
            rows: self.rows,
            content: sink.into_content(),
            place: self.place,
        })
    }

    /// DataFusion tells that the disk space for spilling is used up by its text alone.
    fn explained(&self, error: ArrowError, bytes: usize) -> Error {
        let disk = self.writer.get_ref().disk();
        let limit = disk.max_temp_directory_size();
        match disk.used_disk_space().saturating_add(bytes as u64) > limit {
            true => Error::SpillFull { limit },
            false => spool_error(error),
        }
    }
}

fn spool_error(error: ArrowError) -> Error {
    Error::Spool {
        source: Box::new(error.into()),
    }
}

/// A whole result, which can be read any number of times.
pub struct Spool {
    schema: SchemaRef,
    rows: u64,
    content: Content,
    place: Place,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("rows", &self.rows)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Spool {
    /// The wire schema, which every batch has.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of the result.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the result as an Arrow IPC stream.
    pub fn bytes(&self) -> u64 {
        self.place.bytes
    }

    /// A reader from the start; it keeps the spool. It blocks.
    ///
    /// # Errors
    /// [`Error::Spool`].
    pub(super) fn reader(self: Arc<Self>) -> Result<SpoolReader> {
        let content: Box<dyn Read + Send> = match &self.content {
            Content::Memory { bytes, .. } => Box::new(Cursor::new(bytes.clone())),
            Content::File(file) => {
                let lost = || std::io::Error::from(std::io::ErrorKind::NotFound);
                let opened = file.path().ok_or_else(lost).and_then(std::fs::File::open);
                let opened = opened.map_err(|error| spool_error(error.into()))?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, opened))
            }
        };
        Ok(SpoolReader {
            reader: StreamReader::try_new(content, None).map_err(spool_error)?,
            _spool: self,
        })
    }
}

/// Reads a spool.
pub(super) struct SpoolReader {
    reader: StreamReader<Box<dyn Read + Send>>,
    _spool: Arc<Spool>,
}

impl SpoolReader {
    /// The next batch. It blocks.
    ///
    /// # Errors
    /// [`Error::Spool`].
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.reader.next().transpose().map_err(spool_error)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::disk_manager::DiskManagerBuilder;

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
        let column = Int64Array::from_iter_values(0..rows);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap()
    }

    struct Keeper {
        disk: Arc<DiskManager>,
        budget: Arc<Budget>,
        room: Arc<Room>,
    }

    impl Keeper {
        fn new(spill: u64, memory: usize) -> Self {
            let disk = DiskManagerBuilder::default().with_max_temp_directory_size(spill);
            Self {
                disk: Arc::new(disk.build().unwrap()),
                budget: Arc::new(Budget::new(memory)),
                room: Arc::new(Room::new(1 << 20)),
            }
        }

        fn keep(&self, batches: &[RecordBatch]) -> Result<Arc<Spool>> {
            let mut writer = SpoolWriter::new(
                &batch(0).schema(),
                Arc::clone(&self.disk),
                Arc::clone(&self.budget),
                Arc::clone(&self.room),
            )?;
            for batch in batches {
                writer.push(batch)?;
            }
            writer.finish().map(Arc::new)
        }
    }

    fn read(spool: &Arc<Spool>) -> Vec<RecordBatch> {
        let mut reader = Arc::clone(spool).reader().unwrap();
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn small_results_stay_in_memory_and_larger_ones_go_to_a_file_that_is_deleted() {
        let keeper = Keeper::new(1 << 30, 1 << 30);
        for (rows, in_memory) in [(10, true), (1_000_000, false)] {
            let batches = vec![batch(rows), batch(3)];
            let spool = keeper.keep(&batches).unwrap();
            for _ in 0..2 {
                assert_eq!(read(&spool), batches);
            }
            assert_eq!(spool.rows(), rows as u64 + 3);
            assert_eq!(keeper.disk.used_disk_space() == 0, in_memory);
            assert_eq!(keeper.budget.try_take(1 << 30), !in_memory);
            assert_eq!(keeper.room.is_exceeded(), !in_memory);
            if !in_memory {
                keeper.budget.give(1 << 30);
            }
            drop(spool);
            assert_eq!(keeper.disk.used_disk_space(), 0);
            assert!(!keeper.room.is_exceeded());
            assert!(keeper.budget.try_take(1 << 30), "all of it is given back");
            keeper.budget.give(1 << 30);
        }
    }

    #[test]
    fn without_memory_a_small_result_goes_to_a_file() {
        let keeper = Keeper::new(1 << 30, 0);
        let spool = keeper.keep(&[batch(10)]).unwrap();
        assert_eq!(keeper.disk.used_disk_space(), spool.bytes());
        assert_eq!(read(&spool), [batch(10)]);
    }

    #[test]
    fn a_full_disk_says_which_limit_it_is() {
        let keeper = Keeper::new(2 << 20, 1 << 30);
        let error = keeper.keep(&[batch(1_000_000)]).unwrap_err();
        assert!(matches!(error, Error::SpillFull { limit } if limit == 2 << 20));
        assert!(error.to_string().contains("--spill-limit"), "{error}");
        assert_eq!(keeper.disk.used_disk_space(), 0);
    }
}
