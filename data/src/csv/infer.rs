//! The columns of CSV files.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};

use super::layout::column_names;
use super::reader;
use crate::budget::Budget;
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
    let mut columns = Columns::new(Budget::new(limits));
    for (at, file) in files.iter().enumerate() {
        if at > 0 && !columns.budget.another_file() {
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
    Ok(columns.inferred(spark))
}

struct Columns {
    names: Vec<String>,
    /// Where each folded name stands.
    places: HashMap<String, usize>,
    kinds: Vec<Narrowest>,
    /// Whether a value goes over the end of its line.
    has_newlines: bool,
    budget: Budget,
}

impl Columns {
    fn new(budget: Budget) -> Self {
        Self {
            names: Vec::new(),
            places: HashMap::new(),
            kinds: Vec::new(),
            has_newlines: false,
            budget,
        }
    }

    fn inferred(&self, spark: bool) -> Inferred {
        let columns = self.names.iter().zip(&self.kinds);
        let fields = columns.map(|(name, kind)| Field::new(name, kind.data_type(spark), true));
        Inferred {
            columns: Schema::new(fields.collect::<Vec<_>>()),
            note: self.budget.note(),
            has_newlines: self.has_newlines,
        }
    }

    fn file(
        mut self,
        source: Box<dyn Read + Send>,
        path: &str,
        options: &CsvOptions,
        spark: bool,
    ) -> Result<Self> {
        let mut reader = reader::builder(options)
            .buffer_capacity(256 * 1024)
            .from_reader(self.budget.counting(source));
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
        while options.infer && reader.read_record(&mut record).map_err(malformed)? {
            check_width(&record, places.len(), path, options)?;
            self.record(&record, &places, options);
            if !self.budget.record() {
                break;
            }
        }
        Ok(self)
    }

    /// Where each of a file's columns stands among all; new ones are added.
    fn places(&mut self, names: &[String]) -> Vec<usize> {
        let mut place = |name: &String| {
            *self.places.entry(fold(name)).or_insert_with(|| {
                self.names.push(name.clone());
                self.kinds.push(Narrowest::Nothing);
                self.names.len() - 1
            })
        };
        names.iter().map(&mut place).collect()
    }

    fn record(&mut self, record: &csv::StringRecord, places: &[usize], options: &CsvOptions) {
        self.has_newlines |= has_newlines(record);
        for (value, place) in record.iter().zip(places) {
            let kind = &mut self.kinds[*place];
            if *kind == Narrowest::Text || options.null_value.as_deref() == Some(value) {
                continue;
            }
            *kind = kind.widen(Narrowest::of(value));
        }
    }
}

/// Whether a value of `record` goes over the end of its line, which only quotes let it.
pub(crate) fn has_newlines(record: &csv::StringRecord) -> bool {
    record.as_slice().contains('\n')
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
