//! `mica apply`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use mica_catalog::Version;
use mica_sql::SessionContext;
use mica_sql::project::{ApplyOptions, Report, Validation, Validator, apply};

use super::{AnyError, Outcome};
use crate::args::{ApplyArgs, Format};
use crate::config;
use crate::engine::Kept;
use crate::shell::Output;
use crate::warehouse::Warehouse;

pub(super) async fn run(args: ApplyArgs) -> Outcome {
    let warehouse = Warehouse::open(config::warehouse(&args.warehouse, &args.limits)?)?;
    let options = ApplyOptions {
        dry_run: args.dry_run,
        prune: args.prune,
    };
    apply_project(&warehouse, &args.project, options).await?;
    Ok(true)
}

/// Applies the project in a folder, and says on stderr what happened.
///
/// # Errors
/// What is wrong with the project, with file, line and column.
pub(super) async fn apply_project(
    warehouse: &Warehouse,
    folder: &Path,
    options: ApplyOptions,
) -> Result<Report, AnyError> {
    let project = crate::project::read(folder)?;
    let bar = progress_bar();
    let tell = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let validator = Run {
        warehouse: warehouse.clone(),
        bar: bar.clone(),
    };
    let user = user();
    let report = apply(
        warehouse.executor(),
        &project,
        &user,
        options,
        &validator,
        &tell,
    )
    .await;
    bar.finish_and_clear();
    let report = report?;
    describe(&project.name, &report, options);
    Ok(report)
}

/// Who is at the keyboard.
pub(crate) fn user() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    user.unwrap_or_else(|_| "operator".to_owned())
}

/// A bar on stderr; nothing where stderr is no terminal.
pub(super) fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} statements {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn describe(name: &str, report: &Report, options: ApplyOptions) {
    const LINES_MAX: usize = 50;
    for line in report.changes.iter().take(LINES_MAX) {
        eprintln!("  {line}");
    }
    if report.changes.len() > LINES_MAX {
        eprintln!("  .. and {} more", report.changes.len() - LINES_MAX);
    }
    for note in &report.notes {
        eprintln!("  note: {note}");
    }
    for orphan in &report.orphans {
        eprintln!("  '{orphan}' is no longer created by a file; --prune drops it");
    }
    let outcome = match (report.version, options.dry_run) {
        (Some(version), _) => format!("the catalog is at version {version}"),
        (None, true) => "nothing was committed (--dry-run)".to_owned(),
        (None, false) => "nothing to commit".to_owned(),
    };
    eprintln!(
        "project '{name}': {} changed, {} unchanged, {} queries ran; {outcome}",
        report.changes.len(),
        report.unchanged,
        report.validated
    );
}

/// Runs validation queries and prints their rows.
struct Run {
    warehouse: Warehouse,
    bar: ProgressBar,
}

#[async_trait]
impl Validator for Run {
    async fn validate(&self, validation: Validation) -> Result<(), AnyError> {
        let session = SessionContext {
            user: user(),
            ..SessionContext::default()
        };
        let kept = Arc::new(Kept::new(validation.planned, true, Version(0)));
        let mut stream = self.warehouse.run(kept, &validation.text, &session, &[]);
        let columns = Arc::clone(stream.schema());
        let mut batches = Vec::new();
        let mut rows = 0;
        const ROWS_MAX: usize = 100;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let wanted = batch.num_rows().min(ROWS_MAX - rows.min(ROWS_MAX));
            rows += batch.num_rows();
            batches.push(batch.slice(0, wanted));
        }
        let text = Output::new(Format::Table).render(&columns, &batches)?;
        let head = format!("-- {}:{}", validation.file, validation.position.line);
        self.bar.suspend(|| {
            println!("{head}\n{text}");
            if rows > ROWS_MAX {
                println!("({ROWS_MAX} of {rows} rows)");
            }
        });
        Ok(())
    }
}
