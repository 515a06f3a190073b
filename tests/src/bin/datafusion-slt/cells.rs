//! Results as text, by the rules of DataFusion's own runner.

use std::str::FromStr;
use std::sync::LazyLock;

use bigdecimal::BigDecimal;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::config::{ConfigField, FormatOptions as Formats};
use mica_tests::Rows;
use regex::Regex;
use sqllogictest::ColumnType;

/// The kind of a column, as the letter behind `query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind(char);

impl ColumnType for Kind {
    fn from_char(letter: char) -> Option<Self> {
        Some(Self(if "BDIPRT".contains(letter) {
            letter
        } else {
            '?'
        }))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

impl Kind {
    /// Whether a column of this type is what was expected. Types of the wire stand for those that
    /// it does not have: decimals without a scale for UInt64, text for the type of NULL, and what a
    /// dictionary holds for the dictionary.
    pub(crate) fn fits(&self, data_type: &DataType) -> bool {
        let kind = match data_type {
            DataType::Boolean => 'B',
            DataType::Decimal128(20, 0) if self.0 == 'I' => 'I',
            data_type if data_type.is_integer() => 'I',
            data_type if data_type.is_numeric() => 'R',
            DataType::Utf8 => 'T',
            DataType::Date32 | DataType::Time64(_) => 'D',
            DataType::Timestamp(..) => 'P',
            _ => '?',
        };
        self.0 == '?' || self.0 == kind
    }
}

/// The rows of a result. Floats have as many `digits` behind the point.
pub(crate) fn rows(rows: &Rows, digits: i64) -> Vec<Vec<String>> {
    let mut formats = Formats::default();
    formats.set("null", "NULL").unwrap();
    let options: FormatOptions<'_> = (&formats).try_into().unwrap();
    let mut lines = Vec::new();
    for batch in &rows.batches {
        for row in 0..batch.num_rows() {
            let columns = batch.columns().iter();
            let cells = columns.map(|column| cell(column, row, &options, digits));
            lines.extend(expand(cells.collect()));
        }
    }
    lines
}

fn cell(column: &ArrayRef, row: usize, options: &FormatOptions<'_>, digits: i64) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    match column.data_type() {
        DataType::Float32 => float(
            f64::from(column.as_primitive::<Float32Type>().value(row)),
            || column.as_primitive::<Float32Type>().value(row).to_string(),
            12,
        ),
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            float(value, || value.to_string(), digits)
        }
        DataType::Utf8 => text(column.as_string::<i32>().value(row)),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            plain(&format(column, row, options), i64::from(*scale))
        }
        _ => format(column, row, options),
    }
}

fn format(column: &ArrayRef, row: usize, options: &FormatOptions<'_>) -> String {
    let cells = ArrayFormatter::try_new(column.as_ref(), options).unwrap();
    cells.value(row).to_string()
}

fn float(value: f64, written: impl Fn() -> String, digits: i64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => plain(&written(), digits),
    }
}

/// A number without an exponent or zeros at its end.
fn plain(number: &str, digits: i64) -> String {
    let number = BigDecimal::from_str(number).unwrap();
    number.round(digits).normalized().to_plain_string()
}

fn text(value: &str) -> String {
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    value.trim_end_matches('\n').replace('\0', "\\0")
}

/// Each line of a last cell with several becomes a row, with its number.
fn expand(mut row: Vec<String>) -> Vec<Vec<String>> {
    let last = row.last().cloned().unwrap_or_default();
    if !last.contains('\n') {
        return vec![row];
    }
    row.pop();
    let mut rows = vec![row];
    for (at, line) in last.split('\n').enumerate() {
        let content = line.trim_start();
        let indent = "-".repeat(line.len() - content.len());
        rows.push(vec![format!("{:02}){indent}{content}", at + 1)]);
    }
    rows
}

/// Rows as lines.
pub(crate) fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let rows = rows.iter();
    rows.map(|row| row.join(" ").trim_end().to_owned())
        .collect()
}

/// Lines without the zone of times in UTC. A session of Mica has a zone, and `now()` and
/// `to_timestamp` answer in it; one of DataFusion has none, and the same moments are bare.
pub(crate) fn without_zone(lines: &[String]) -> Vec<String> {
    static UTC: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(:\d\d(?:\.\d+)?)Z").unwrap());
    let lines = lines.iter();
    lines
        .map(|line| UTC.replace_all(line, "$1").into_owned())
        .collect()
}
