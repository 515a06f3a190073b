//! Headers: which column stands where in a file.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mica_catalog::fold;
use object_store::{ObjectMeta, ObjectStore};
use quick_cache::sync::Cache;

use super::reader;
use crate::options::CsvOptions;
use crate::{Error, Result};

/// The folded names of a file's columns, in the order of the file.
pub(crate) type Layout = Arc<[String]>;

/// Path, size and time of a file, and how it is read.
type Key = (String, u64, i64, u8, [Option<u8>; 3]);

/// Layouts of files, remembered while the files stay as they are.
#[derive(Debug)]
pub(crate) struct Layouts {
    kept: Cache<Key, Layout>,
}

/// Layouts kept.
const LAYOUTS_MAX: usize = 100_000;

impl Default for Layouts {
    fn default() -> Self {
        Self {
            kept: Cache::new(LAYOUTS_MAX),
        }
    }
}

impl Layouts {
    /// The layout of a file with a header.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Malformed`].
    pub(crate) async fn get(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &ObjectMeta,
        options: &CsvOptions,
    ) -> Result<Layout> {
        let modified = file.last_modified.timestamp_micros();
        let path = file.location.to_string();
        let marks = [options.quote, options.escape, options.comment];
        let key = (path, file.size, modified, options.delimiter, marks);
        if let Some(layout) = self.kept.get(&key) {
            return Ok(layout);
        }
        let header = header(store, file, options).await?;
        let layout: Layout = column_names(&header, options, false)
            .iter()
            .map(|name| fold(name))
            .collect();
        self.kept.insert(key, Arc::clone(&layout));
        Ok(layout)
    }
}

/// The first record of a file; empty for an empty file.
async fn header(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    options: &CsvOptions,
) -> Result<Vec<String>> {
    let source = reader::open(store, &file.location).await?;
    let options = options.clone();
    let path = file.location.to_string();
    let read = move || {
        let mut record = csv::StringRecord::new();
        let mut reader = reader::builder(&options)
            .buffer_capacity(16 * 1024)
            .from_reader(source);
        reader
            .read_record(&mut record)
            .map_err(|error| Error::Malformed {
                path: format!("/{path}"),
                format: "CSV",
                reason: error.to_string(),
            })?;
        Ok(record.iter().map(str::to_owned).collect())
    };
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The names of a file's columns from its first record: those of the header, or made ones.
pub(crate) fn column_names(first: &[String], options: &CsvOptions, spark: bool) -> Vec<String> {
    if options.has_header {
        let names = first
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim());
        return unique_names(&names.map(str::to_owned).collect::<Vec<_>>());
    }
    (0..first.len())
        .map(|at| match spark {
            true => format!("_c{at}"),
            false => format!("column_{}", at + 1),
        })
        .collect()
}

/// Names that are the same without case get their position, as Spark does (`id,ID` are `id0` and
/// `ID1`); empty ones are called by their position.
pub(crate) fn unique_names(names: &[String]) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in names {
        *counts.entry(fold(name)).or_default() += 1;
    }
    let mut taken: HashSet<String> = HashSet::new();
    let mut unique = |mut name: String, at: usize| {
        while !taken.insert(fold(&name)) {
            name = format!("{name}_{at}");
        }
        name
    };
    let name = |(at, name): (usize, &String)| match counts.get(&fold(name)) {
        _ if name.is_empty() => unique(format!("_c{at}"), at),
        Some(2..) => unique(format!("{name}{at}"), at),
        _ => unique(name.clone(), at),
    };
    names.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_get_their_position() {
        let names = ["id", "ID", "", "name"].map(str::to_owned);
        assert_eq!(unique_names(&names), ["id0", "ID1", "_c2", "name"]);
    }
}
