//! DataFusion's own sqllogictest files, through Flight SQL against Mica.
//!
//! ```text
//! crates.io -> datafusion-sqllogictest -> files -> records -> excluded, with a reason
//!                                                        `--> sent to one server -> passed | failed
//! ```
//!
//! What is excluded is decided by rules (`scope`), and by a list with a reason for each file
//! (`skip`). The counts of each file are compared with those on record: a file may not get worse.
#![expect(clippy::unwrap_used, reason = "a test program fails by panicking")]

mod case;
mod cells;
mod expected;
mod report;
mod run;
mod scope;
mod skip;
mod statement;
mod suite;

use std::process::ExitCode;

use clap::Parser;
use futures::StreamExt;
use mica_tests::Server;

use crate::report::Report;
use crate::skip::Skips;
use crate::suite::Suite;

/// Files that run at once, each on a connection and in a schema of its own.
const FILES_AT_ONCE: usize = 2;

/// Runs DataFusion's sqllogictest files against Mica.
#[derive(Debug, Parser)]
struct Args {
    /// Only the files whose path contains one of these.
    only: Vec<String>,
    /// Writes what was counted to expected.txt, instead of comparing with it.
    #[arg(long, conflicts_with = "only")]
    update: bool,
    /// Prints each record that failed.
    #[arg(long)]
    failures: bool,
}

fn main() -> ExitCode {
    // The server is this program, too: it is what was built from the same sources.
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return mica::main();
    }
    let args = Args::parse();
    let suite = Suite::fetch();
    let skips = Skips::read();
    skips.check(&suite);
    let report = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(files(&suite, &skips, &args.only));
    if args.failures {
        report.print_failures();
    }
    print!("{report}");
    if args.update {
        expected::write(&report);
        return ExitCode::SUCCESS;
    }
    let worse = expected::worse(&report);
    for line in &worse {
        eprintln!("worse than on record: {line}");
    }
    match worse.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn files(suite: &Suite, skips: &Skips, only: &[String]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let (warehouse, root) = (
        folder.path().to_string_lossy(),
        suite.root.to_string_lossy(),
    );
    let places = ["--warehouse", &warehouse, "--data-root", &root];
    let mut server = Server::start(&program.to_string_lossy(), &places);
    let wanted = suite
        .files
        .iter()
        .filter(|file| only.is_empty() || only.iter().any(|part| file.contains(part)));
    let outcomes: Vec<_> = futures::stream::iter(wanted)
        .map(|file| run::file(&server, suite, skips, file))
        .buffered(FILES_AT_ONCE)
        .collect()
        .await;
    assert!(server.is_running(), "the server ended:\n{}", server.log());
    Report { outcomes }
}
