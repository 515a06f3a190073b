//! Runs scripts: statements, and the shell's own commands among them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use mica_sql::Dialect;

use super::backend::{Answer, Backend};
use super::meta;
use super::output::{Output, ROWS_PER_TABLE};
use crate::commands::AnyError;

/// Files that may source each other.
const SOURCE_DEPTH_MAX: usize = 32;

/// A shell: a session, and how it shows rows.
pub(super) struct Shell {
    backend: Box<dyn Backend>,
    output: Output,
    dialect: Dialect,
    depth: usize,
}

/// What a text is to the shell.
enum Line<'a> {
    Quit,
    Help,
    Source(&'a str),
    Statement,
}

fn classify(text: &str) -> Line<'_> {
    let trimmed = text.trim();
    let (word, rest) = match trimmed.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (trimmed, ""),
    };
    match (word.to_ascii_lowercase().as_str(), rest) {
        ("quit" | "exit" | "\\q" | ".quit" | ".exit", "") => Line::Quit,
        ("help" | "\\?" | ".help", "") => Line::Help,
        ("source" | "\\i" | ".read", file) if !file.is_empty() => Line::Source(file),
        _ => Line::Statement,
    }
}

const HELP: &str = "\
Statements end with ';'. Besides SQL:
  source FILE;        runs the statements of a file (relative to the current folder)
  quit;               leaves
  show tables;        lists tables and views; describe NAME; show functions;
  \\d [NAME], \\dv, \\dn, \\q, !tables, .tables and their kin work, too
  set dialect = spark; set schema = NAME; show all;";

impl Shell {
    pub(super) fn new(backend: Box<dyn Backend>, output: Output) -> Self {
        Self {
            backend,
            output,
            dialect: Dialect::default(),
            depth: 0,
        }
    }

    /// What it is connected to.
    pub(super) fn describe(&self) -> String {
        self.backend.describe()
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Names of relations, for completion.
    pub(super) async fn relation_names(&mut self) -> Result<Vec<String>, AnyError> {
        use datafusion::arrow::array::AsArray;
        const QUERY: &str = "SELECT table_name FROM information_schema.tables";
        let Answer::Rows { mut batches, .. } = self.backend.run(QUERY).await? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let column = batch.column(0).as_string::<i32>();
            names.extend(column.iter().flatten().map(str::to_owned));
        }
        Ok(names)
    }

    /// The dialect that statements are split in.
    pub(super) fn set_dialect(&mut self, name: Option<&str>) -> Result<(), AnyError> {
        if let Some(name) = name {
            self.dialect = Dialect::parse(name)?;
        }
        Ok(())
    }

    /// Runs the statements of a text, which came from a file in `folder`. Returns whether to go on.
    ///
    /// # Errors
    /// The first statement's that fails, with its line where it stands in a file.
    pub(super) fn script<'a>(
        &'a mut self,
        text: &'a str,
        folder: Option<&'a Path>,
    ) -> LocalBoxFuture<'a, Result<bool, AnyError>> {
        Box::pin(async move {
            if let Some(statement) = meta::statement(text) {
                let outcome = match statement {
                    Ok(statement) => self.line(&statement, folder).await,
                    Err(message) => Err(message.into()),
                };
                return outcome.map_err(|error| in_script(error, folder.map(|_| 1)));
            }
            let mut text = std::borrow::Cow::Borrowed(text);
            'dialects: loop {
                let dialect = self.dialect;
                // What cannot be read yet may be in the dialect that a statement before it sets.
                let (statements, unreadable) = mica_sql::split_readable(&text, dialect);
                for statement in statements {
                    let line = statement.position.line;
                    let outcome = match folder {
                        // Errors say where they are in the file.
                        Some(_) => self.line(&statement.placed(), folder).await,
                        None => self.line(&statement.text, folder).await,
                    };
                    if !outcome.map_err(|error| in_script(error, folder.map(|_| line)))? {
                        return Ok(false);
                    }
                    if self.dialect != dialect {
                        text = statement.rest_of(&text).into();
                        continue 'dialects;
                    }
                }
                return unreadable.map_or(Ok(true), |error| Err(error.into()));
            }
        })
    }

    /// Runs one statement or shell command. Returns whether to go on.
    pub(super) async fn line(
        &mut self,
        text: &str,
        folder: Option<&Path>,
    ) -> Result<bool, AnyError> {
        match classify(text) {
            Line::Quit => return Ok(false),
            Line::Help => println!("{HELP}"),
            Line::Source(file) => return self.source(file, folder).await,
            Line::Statement => self.statement(text).await?,
        }
        Ok(true)
    }

    /// As in spark-sql, relative to the current folder; else to the file that says it.
    async fn source(&mut self, file: &str, folder: Option<&Path>) -> Result<bool, AnyError> {
        let file = file.trim_matches(['\'', '"']);
        let mut path = PathBuf::from(file);
        if let Some(beside) = folder
            .map(|folder| folder.join(file))
            .filter(|_| !path.exists())
        {
            path = beside;
        }
        let text = super::read(&path)?;
        if self.depth >= SOURCE_DEPTH_MAX {
            return Err(format!("'{file}' is sourced more than {SOURCE_DEPTH_MAX} deep").into());
        }
        self.depth += 1;
        let outcome = self.script(&text, path.parent()).await;
        self.depth -= 1;
        outcome.map_err(|error| in_file(&path, error))
    }

    async fn statement(&mut self, text: &str) -> Result<(), AnyError> {
        let started = Instant::now();
        match self.backend.run(text).await? {
            Answer::Message(message) => {
                if !message.is_empty() {
                    eprintln!("{message}");
                }
                self.follow_dialect(text);
            }
            Answer::Rows { columns, batches } => {
                let rows = self.print(&columns, batches).await?;
                let seconds = started.elapsed().as_secs_f64();
                eprintln!(
                    "{rows} {} ({seconds:.3} s)",
                    if rows == 1 { "row" } else { "rows" }
                );
            }
        }
        Ok(())
    }

    /// After `SET dialect`, statements are split as that dialect reads them.
    fn follow_dialect(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        let Some(rest) = lower.trim().strip_prefix("set").map(str::trim_start) else {
            if lower.trim() == "reset" || lower.trim() == "reset all" {
                self.dialect = Dialect::default();
            }
            return;
        };
        if let Some(value) = rest.strip_prefix("dialect") {
            let value = value
                .trim_start()
                .trim_start_matches('=')
                .trim_start_matches("to ");
            let value = value.trim().trim_matches(['\'', '"']);
            if let Ok(dialect) = Dialect::parse(value) {
                self.dialect = dialect;
            }
        }
    }

    async fn print(
        &self,
        columns: &datafusion::arrow::datatypes::Schema,
        mut batches: futures::stream::BoxStream<
            'static,
            Result<datafusion::arrow::array::RecordBatch, AnyError>,
        >,
    ) -> Result<usize, AnyError> {
        let (mut rows, mut first) = (0, true);
        let mut held = Vec::new();
        let mut held_rows = 0;
        let limit = if self.output.streams() {
            1
        } else {
            ROWS_PER_TABLE
        };
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            rows += batch.num_rows();
            held_rows += batch.num_rows();
            held.push(batch);
            if held_rows >= limit {
                write_out(&self.output.chunk(columns, &held, first)?)?;
                held.clear();
                (held_rows, first) = (0, false);
            }
        }
        if first || !held.is_empty() {
            write_out(&self.output.chunk(columns, &held, first)?)?;
        }
        Ok(rows)
    }
}

fn write_out(text: &str) -> Result<(), AnyError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // `mica sql .. | head` is no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => Ok(outcome?),
    }
}

/// An error with the file that it is in.
pub(super) fn in_file(path: &Path, error: AnyError) -> AnyError {
    format!("{}: {}", path.display(), crate::error::chain(&*error)).into()
}

/// An error with its place in the script: the one that it tells, else the line of its statement.
fn in_script(error: AnyError, line: Option<u64>) -> AnyError {
    let Some(line) = line else {
        return error;
    };
    let text = crate::error::chain(&*error);
    placed(&text)
        .unwrap_or_else(|| format!("line {line}: {text}"))
        .into()
}

/// A message that tells its place, with the place first.
fn placed(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("syntax error at ") {
        let (place, message) = rest.split_once(": ")?;
        return Some(format!("{place}: syntax error: {message}"));
    }
    let (message, place) = text.strip_suffix(')')?.rsplit_once(" (at ")?;
    let named = place.starts_with("line ") && !place.contains('\n');
    named.then(|| format!("{place}: {message}"))
}
