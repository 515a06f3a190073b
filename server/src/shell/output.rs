//! Rows for people and for other programs.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::json::WriterBuilder as JsonBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::args::Format;
use crate::commands::AnyError;

/// Writes rows in a format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

/// Rows of one table; a longer result is printed as several.
pub(super) const ROWS_PER_TABLE: usize = 1000;

const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.f";

fn options(null: &'static str) -> FormatOptions<'static> {
    FormatOptions::default()
        .with_null(null)
        .with_timestamp_format(Some(TIMESTAMP))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether batches can be written as they come; tables want to see their rows first.
    pub(super) fn streams(self) -> bool {
        !matches!(self.format, Format::Table | Format::Markdown)
    }

    /// The text of some rows; `first` tells whether a header is due where the format has one.
    pub(super) fn chunk(
        self,
        columns: &Schema,
        batches: &[RecordBatch],
        first: bool,
    ) -> Result<String, AnyError> {
        match self.format {
            Format::Table => table(columns, batches, presets::UTF8_FULL_CONDENSED),
            Format::Markdown => table(columns, batches, presets::ASCII_MARKDOWN),
            Format::Csv => separated(columns, batches, b',', first),
            Format::Tsv => tsv(batches),
            Format::Json => json(batches),
            Format::Vertical => vertical(columns, batches),
        }
    }

    /// The text of all rows.
    pub(crate) fn render(
        self,
        columns: &Schema,
        batches: &[RecordBatch],
    ) -> Result<String, AnyError> {
        self.chunk(columns, batches, true)
    }
}

fn table(columns: &Schema, batches: &[RecordBatch], preset: &str) -> Result<String, AnyError> {
    let mut table = Table::new();
    table.load_preset(preset);
    if preset != presets::ASCII_MARKDOWN {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(columns.fields().iter().map(|field| field.name().as_str()));
    for (column, field) in table.column_iter_mut().zip(columns.fields()) {
        if is_number(field.data_type()) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let markdown = preset == presets::ASCII_MARKDOWN;
    each_row(batches, &options("NULL"), |cells| {
        match markdown {
            true => table.add_row(cells.iter().map(|cell| in_markdown(cell))),
            false => table.add_row(cells),
        };
    })?;
    match table.width() {
        Some(width) if !markdown && is_too_wide(&table, width) => vertical(columns, batches),
        _ => Ok(table.to_string()),
    }
}

/// Whether a table would have columns of a few letters, each value over many lines.
fn is_too_wide(table: &Table, width: u16) -> bool {
    /// Letters that a column should have room for, and what separates it from the next.
    const COLUMN: usize = 6 + 3;
    let widths = table.column_max_content_widths();
    let natural: usize = widths.iter().map(|width| usize::from(*width) + 3).sum();
    natural > 2 * usize::from(width) && widths.len() * COLUMN > usize::from(width)
}

/// A cell that does not end its row or column.
fn in_markdown(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', "<br>")
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Calls `use_row` with the text of each row's cells.
fn each_row(
    batches: &[RecordBatch],
    options: &FormatOptions<'_>,
    mut use_row: impl FnMut(Vec<String>),
) -> Result<(), AnyError> {
    for batch in batches {
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = formatters.iter().map(|cell| cell.value(row).to_string());
            use_row(cells.collect());
        }
    }
    Ok(())
}

fn separated(
    columns: &Schema,
    batches: &[RecordBatch],
    delimiter: u8,
    header: bool,
) -> Result<String, AnyError> {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_delimiter(delimiter)
        .with_header(header)
        .with_timestamp_format(TIMESTAMP.to_owned())
        .build(&mut bytes);
    for batch in batches {
        writer.write(&flat(batch)?)?;
    }
    if batches.is_empty() && header {
        writer.write(&RecordBatch::new_empty(std::sync::Arc::new(
            columns.clone(),
        )))?;
    }
    drop(writer);
    Ok(trimmed(bytes))
}

/// Nested columns as text, which the CSV writer cannot write itself.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, AnyError> {
    use datafusion::arrow::array::StringArray;
    use datafusion::arrow::datatypes::Field;
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !field.data_type().is_nested() {
            fields.push(field.as_ref().clone());
            arrays.push(std::sync::Arc::clone(column));
            continue;
        }
        let options = options("");
        let cells = ArrayFormatter::try_new(column.as_ref(), &options)?;
        let texts =
            (0..column.len()).map(|row| column.is_valid(row).then(|| cells.value(row).to_string()));
        fields.push(Field::new(field.name(), DataType::Utf8, true));
        arrays.push(std::sync::Arc::new(texts.collect::<StringArray>()));
    }
    Ok(RecordBatch::try_new(
        std::sync::Arc::new(Schema::new(fields)),
        arrays,
    )?)
}

/// As spark-sql prints: no header, `NULL`. What would break a row or a cell is escaped as
/// `mysql --batch` does.
fn tsv(batches: &[RecordBatch]) -> Result<String, AnyError> {
    let mut lines = Vec::new();
    let escaped = |cell: &String| {
        cell.replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\n', "\\n")
    };
    each_row(batches, &options("NULL"), |cells| {
        let cells: Vec<String> = cells.iter().map(escaped).collect();
        lines.push(cells.join("\t"))
    })?;
    Ok(lines.join("\n"))
}

fn json(batches: &[RecordBatch]) -> Result<String, AnyError> {
    let mut bytes = Vec::new();
    let builder = JsonBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(&mut bytes);
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    Ok(trimmed(bytes))
}

fn vertical(columns: &Schema, batches: &[RecordBatch]) -> Result<String, AnyError> {
    let names: Vec<&str> = columns
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = Vec::new();
    let mut number = 0;
    each_row(batches, &options("NULL"), |cells| {
        number += 1;
        let _ = writeln!(text, "-[ {number} ]-");
        for (name, cell) in names.iter().zip(cells) {
            let _ = writeln!(text, "{name:width$} | {cell}");
        }
    })?;
    Ok(trimmed(text))
}

fn trimmed(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\n')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::Field;
    use std::sync::Arc;

    #[track_caller]
    fn check(format: Format, expected: &str) {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("name", DataType::Utf8, true),
        ]));
        let ids = Int64Array::from(vec![Some(1), None]);
        let names = StringArray::from(vec![Some("a,b"), Some("c")]);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(ids), Arc::new(names)]);
        let text = Output::new(format)
            .render(&schema, &[batch.unwrap()])
            .unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn what_would_break_a_row_is_escaped() {
        let schema = Arc::new(Schema::new(vec![Field::new("t", DataType::Utf8, true)]));
        let texts = StringArray::from(vec!["a\tb|c\nd"]);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(texts)]).unwrap();
        let shown = |format| Output::new(format).render(&schema, std::slice::from_ref(&batch));
        assert_eq!(shown(Format::Tsv).unwrap(), "a\\tb|c\\nd");
        let markdown = shown(Format::Markdown).unwrap();
        assert!(markdown.contains("b\\|c<br>d"), "{markdown}");
    }

    #[test]
    fn every_format_shows_the_same_rows() {
        check(Format::Csv, "id,name\n1,\"a,b\"\n,c");
        check(Format::Tsv, "1\ta,b\nNULL\tc");
        check(
            Format::Json,
            "{\"id\":1,\"name\":\"a,b\"}\n{\"id\":null,\"name\":\"c\"}",
        );
        check(
            Format::Vertical,
            "-[ 1 ]-\nid   | 1\nname | a,b\n-[ 2 ]-\nid   | NULL\nname | c",
        );
        check(
            Format::Markdown,
            "|   id | name |\n|------|------|\n|    1 | a,b  |\n| NULL | c    |",
        );
    }

    #[track_caller]
    fn check_width(columns: usize, cell: &str, too_wide: bool) {
        let mut table = Table::new();
        table.add_row(vec![cell; columns]);
        assert_eq!(is_too_wide(&table, 80), too_wide, "{columns} of '{cell}'");
    }

    #[test]
    fn a_table_is_one_while_its_columns_can_be_read() {
        check_width(4, "a text of some length that is wrapped over lines", false);
        check_width(12, "123", false);
        check_width(9, "a text of some length that is wrapped over lines", true);
        check_width(42, "text", true);
    }
}
