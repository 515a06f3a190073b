//! Finds the row that broke a query.
//!
//! DataFusion's CSV reader says at most on which line of which batch it stopped, Arrow's JSON reader
//! not even that. When a query fails in one, the files of its scans are read again, slowly, until the
//! broken row is found.

use std::any::Any;
use std::io::Read;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::{CsvSource, FileScanConfig, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;

use crate::csv::{builder, has_newlines, open};
use crate::json::{self, JsonFiles};
use crate::options::CsvOptions;
use crate::{Error, Result};

/// A file of a scan, and how it was read.
struct Suspect {
    path: Path,
    schema: SchemaRef,
    format: Format,
    /// Whether it was read in parts.
    is_split: bool,
}

#[derive(Clone)]
enum Format {
    Csv(CsvOptions),
    Json { lines: bool },
}

impl Format {
    /// Of a source whose rows can be broken.
    fn of(source: &dyn FileSource) -> Option<Self> {
        let source: &dyn Any = source;
        let csv = source.downcast_ref::<CsvSource>();
        let json = source.downcast_ref::<JsonFiles>();
        let csv = csv.map(|csv| Self::Csv(options_of(csv)));
        csv.or(json.map(|json| Self::Json {
            lines: json.lines(),
        }))
    }
}

/// The broken row behind `error`, if it is one of a CSV or JSON file that `plan` reads.
pub async fn diagnose(
    error: &DataFusionError,
    plan: &Arc<dyn ExecutionPlan>,
    context: &TaskContext,
) -> Option<Error> {
    if !is_parse_error(error) {
        return None;
    }
    for suspect in suspects(plan) {
        let store = context
            .runtime_env()
            .object_store(crate::scan::local_store_url())
            .ok()?;
        let source = open(&store, &suspect.path).await.ok()?;
        let read = move || match &suspect.format {
            Format::Csv(options) => broken_row(source, &suspect, options),
            Format::Json { lines } => {
                let path = format!("/{}", suspect.path);
                json::broken_row(source, &path, &suspect.schema, *lines)
            }
        };
        let found = tokio::task::spawn_blocking(read).await;
        if let Ok(Err(broken)) = found {
            return Some(broken);
        }
    }
    None
}

fn is_parse_error(error: &DataFusionError) -> bool {
    match error.find_root() {
        // A cast is the query's own, and says what it could not cast.
        DataFusionError::ArrowError(error, _) => {
            use ArrowError::{CsvError, JsonError, ParseError};
            matches!(**error, ParseError(_) | CsvError(_) | JsonError(_))
        }
        _ => false,
    }
}

fn suspects(plan: &Arc<dyn ExecutionPlan>) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    let _ = plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<DataSourceExec>()
            && let Some(config) = scan.data_source().downcast_ref::<FileScanConfig>()
            && let Some(format) = Format::of(&**config.file_source())
        {
            let files = config.file_groups.iter().flat_map(|group| group.files());
            let mut paths: Vec<(Path, bool)> = files
                .map(|file| (file.object_meta.location.clone(), file.range.is_some()))
                .collect();
            paths.dedup();
            suspects.extend(paths.into_iter().map(|(path, is_split)| Suspect {
                path,
                schema: Arc::clone(config.file_schema()),
                format: format.clone(),
                is_split,
            }));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    suspects
}

fn options_of(source: &CsvSource) -> CsvOptions {
    CsvOptions {
        has_header: source.has_header(),
        delimiter: source.delimiter(),
        quote: (source.quote() != 0xff).then(|| source.quote()),
        escape: source.escape(),
        comment: source.comment(),
        truncated_rows: source.truncate_rows(),
        newlines_in_values: source.newlines_in_values(),
        ..CsvOptions::defaults(false, false)
    }
}

/// Rows whose values are checked together.
const CHUNK: usize = 4096;

fn broken_row(source: Box<dyn Read + Send>, suspect: &Suspect, options: &CsvOptions) -> Result<()> {
    let path = format!("/{}", suspect.path);
    let mut reader = builder(options).from_reader(source);
    let mut chunk: Vec<(u64, csv::StringRecord)> = Vec::with_capacity(CHUNK);
    let mut header = options.has_header;
    let mut record = csv::StringRecord::new();
    let mut with_newline = None;
    loop {
        let more = reader
            .read_record(&mut record)
            .map_err(|error| Error::BadRow {
                path: path.clone(),
                line: error.position().map_or(0, csv::Position::line),
                problem: error.to_string(),
            })?;
        if more && std::mem::take(&mut header) {
            continue;
        }
        if more {
            // The position of a record is that of the line it starts on.
            let line = record.position().map_or(0, csv::Position::line);
            let expected = suspect.schema.fields().len();
            check_length(&path, line, record.len(), expected, options)?;
            if has_newlines(&record) {
                with_newline.get_or_insert(line);
            }
            chunk.push((line, record.clone()));
        }
        if chunk.len() == CHUNK || !more {
            check_values(&path, &chunk, suspect)?;
            chunk.clear();
        }
        if !more {
            break;
        }
    }
    match with_newline.filter(|_| suspect.is_split) {
        // No row is broken; a part of the file that was read began within one.
        Some(line) => Err(Error::BadRow {
            path,
            line,
            problem: "a value goes over the end of the line: define the table with OPTIONS \
                      (newlines_in_values 'true')"
                .to_owned(),
        }),
        None => Ok(()),
    }
}

/// Refuses a record with too many fields, or too few.
pub(crate) fn check_length(
    path: &str,
    line: u64,
    found: usize,
    expected: usize,
    options: &CsvOptions,
) -> Result<()> {
    if found == expected || found < expected && options.truncated_rows {
        return Ok(());
    }
    Err(Error::BadRow {
        path: path.to_owned(),
        line,
        problem: format!("the row has {found} values, the table {expected} columns"),
    })
}

fn check_values(path: &str, rows: &[(u64, csv::StringRecord)], suspect: &Suspect) -> Result<()> {
    let fields = suspect.schema.fields().iter().enumerate();
    let bad = fields.filter_map(|(at, field)| Some((first_bad(rows, at, field.data_type())?, at)));
    let Some((row, at)) = bad.min() else {
        return Ok(());
    };
    let (line, record) = &rows[row];
    let field = suspect.schema.field(at);
    Err(Error::BadRow {
        path: path.to_owned(),
        line: *line,
        problem: format!(
            "'{}' is not a value of column '{}' ({})",
            record.get(at).unwrap_or(""),
            field.name(),
            field.data_type()
        ),
    })
}

/// The first row whose value in the column at `at` is none of `data_type`.
fn first_bad(rows: &[(u64, csv::StringRecord)], at: usize, data_type: &DataType) -> Option<usize> {
    if *data_type == DataType::Utf8 {
        return None;
    }
    let values = rows
        .iter()
        .map(|(_, row)| row.get(at).filter(|value| !value.is_empty()));
    let values: ArrayRef = Arc::new(values.collect::<StringArray>());
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let cast = cast_with_options(&values, data_type, &options).ok()?;
    (0..rows.len()).find(|row| values.is_valid(*row) && cast.is_null(*row))
}
