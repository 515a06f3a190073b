//! The columns of CSV files.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::{Field, Schema};
use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};

use super::layout::column_names;
use super::reader;
use crate::define::{InferenceLimits, Inferred};
use crate::diagnose::check_length;
use crate::infer::Narrowest;
use crate::options::CsvOptions;
use crate::{Error, Result};

/// The columns of all files together: those of the first file, then what others add, each in the
/// narrowest type that holds all values. Stops at the limits, and says so.
///
/// # Errors
/// [`Error::Empty`] if no file has a record; [`Error::Malformed`].
pub(crate) async fn infer(
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
    options: &CsvOptions,
    spark: bool,
    limits: &InferenceLimits,
) -> Result<Inferred> {
    let mut columns = Columns {
        names: Vec::new(),
        kinds: Vec::new(),
        budget: Budget::new(limits),
    };
    for file in files {
        if columns.budget.is_spent() {
            break;
        }
        let source = reader::open(store, &file.location).await?;
        let (options, path) = (options.clone(), file.location.to_string());
        let read = move || columns.file(source, &path, &options, spark);
        columns = tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    }
    if columns.names.is_empty() {
        let location = files
            .first()
            .map_or_else(String::new, |file| format!("/{}", file.location));
        return Err(Error::Empty { location });
    }
    let field = |(name, kind): (&String, &Narrowest)| Field::new(name, kind.data_type(spark), true);
    let fields: Vec<Field> = columns
        .names
        .iter()
        .zip(&columns.kinds)
        .map(field)
        .collect();
    Ok(Inferred {
        columns: Schema::new(fields),
        note: columns.budget.note(),
    })
}

/// What inference may read.
struct Budget {
    bytes: u64,
    bytes_max: u64,
    started: Instant,
    seconds_max: u64,
    spent: bool,
}

impl Budget {
    fn new(limits: &InferenceLimits) -> Self {
        Self {
            bytes: 0,
            bytes_max: limits.bytes_max,
            started: Instant::now(),
            seconds_max: limits.seconds_max,
            spent: false,
        }
    }

    fn is_spent(&self) -> bool {
        self.spent
    }

    fn note(&self) -> Option<String> {
        self.spent.then(|| {
            format!(
                "columns were inferred from the first {} MB only (--infer-max-bytes {}, \
                 --infer-max-seconds {}); declare them if later rows differ",
                self.bytes / 1_000_000,
                self.bytes_max,
                self.seconds_max
            )
        })
    }
}

struct Columns {
    names: Vec<String>,
    kinds: Vec<Narrowest>,
    budget: Budget,
}

/// Records between looks at the clock.
const LOOK_EVERY: u64 = 4096;

impl Columns {
    fn file(
        mut self,
        source: Box<dyn Read + Send>,
        path: &str,
        options: &CsvOptions,
        spark: bool,
    ) -> Result<Self> {
        let mut reader = reader::builder(options)
            .buffer_capacity(256 * 1024)
            .from_reader(source);
        let malformed = |error: csv::Error| Error::Malformed {
            path: format!("/{path}"),
            format: "CSV",
            reason: error.to_string(),
        };
        let mut record = csv::StringRecord::new();
        if !reader.read_record(&mut record).map_err(malformed)? {
            return Ok(self);
        }
        let first: Vec<String> = record.iter().map(str::to_owned).collect();
        let places = self.places(&column_names(&first, options, spark));
        if !options.has_header && options.infer {
            self.record(&record, &places, options);
        }
        let before = self.budget.bytes;
        let mut records = 0;
        while options.infer && reader.read_record(&mut record).map_err(malformed)? {
            check_width(&record, places.len(), path, options)?;
            self.record(&record, &places, options);
            records += 1;
            if records % LOOK_EVERY == 0 {
                self.budget.bytes = before + reader.position().byte();
                let late = self.budget.started.elapsed().as_secs() >= self.budget.seconds_max;
                if late || self.budget.bytes >= self.budget.bytes_max {
                    self.budget.spent = true;
                    return Ok(self);
                }
            }
        }
        self.budget.bytes = before + reader.position().byte();
        Ok(self)
    }

    /// Where each of a file's columns stands among all; new ones are added.
    fn places(&mut self, names: &[String]) -> Vec<usize> {
        names
            .iter()
            .map(|name| {
                let folded = fold(name);
                let found = self.names.iter().position(|known| fold(known) == folded);
                found.unwrap_or_else(|| {
                    self.names.push(name.clone());
                    self.kinds.push(Narrowest::Nothing);
                    self.names.len() - 1
                })
            })
            .collect()
    }

    fn record(&mut self, record: &csv::StringRecord, places: &[usize], options: &CsvOptions) {
        for (value, place) in record.iter().zip(places) {
            let kind = &mut self.kinds[*place];
            if *kind == Narrowest::Text || options.null_value.as_deref() == Some(value) {
                continue;
            }
            *kind = kind.widen(Narrowest::of(value));
        }
    }
}

/// Refuses a record that a query would refuse for the number of its fields.
fn check_width(
    record: &csv::StringRecord,
    expected: usize,
    path: &str,
    options: &CsvOptions,
) -> Result<()> {
    if options.lenient {
        return Ok(());
    }
    let line = record.position().map_or(0, csv::Position::line);
    check_length(&format!("/{path}"), line, record.len(), expected, options)
}
