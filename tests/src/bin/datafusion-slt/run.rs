//! Runs the records of a file.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use mica_tests::{Client, Rows, Server};

use crate::case::Case;
use crate::cells::Kind;
use crate::scope::{Reason, Scope, Verdict};
use crate::skip::Skips;
use crate::statement::Statement;
use crate::suite::Suite;

/// Time that a record may take. Programs that test are not optimised.
const RECORD_TIMEOUT: Duration = Duration::from_secs(60);

/// What a file gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) file: String,
    pub(crate) excluded: BTreeMap<Reason, usize>,
    pub(crate) passed: usize,
    /// How many of those that passed expect an error.
    pub(crate) errors: usize,
    pub(crate) failures: Vec<Failure>,
}

/// A record that gave something else.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The file, which may be an included one, and the line.
    pub(crate) place: String,
    pub(crate) sql: String,
    pub(crate) why: String,
}

/// Runs a file in a session and a schema of its own.
pub(crate) async fn file(server: &Server, suite: &Suite, skips: &Skips, file: &str) -> Outcome {
    let records = sqllogictest::parse_file::<Kind>(suite.path(file)).unwrap();
    let mut client = server.client().await;
    let spark = file.starts_with("spark/");
    let schema = file.replace(['/', '.', '-'], "_");
    let dialect = if spark { "spark" } else { "ansi" };
    for sql in [
        format!("CREATE SCHEMA {schema}"),
        format!("USE {schema}"),
        format!("SET dialect = '{dialect}'"),
    ] {
        client.query(&sql).await.unwrap();
    }
    let mut outcome = Outcome {
        file: file.to_owned(),
        excluded: BTreeMap::new(),
        passed: 0,
        errors: 0,
        failures: Vec::new(),
    };
    let mut scope = Scope::new(suite.root.clone());
    for case in records.iter().filter_map(Case::new) {
        let mut verdict = scope.verdict(&case.statement, case.lines(), case.fails());
        if verdict == Verdict::Compare && skips.skips(file, case.line(), &case.statement) {
            verdict = Verdict::Exclude(Reason::Listed);
        }
        let succeeded = outcome.run(&mut client, &case, verdict, spark).await;
        if !case.fails() {
            scope.remember(&case.statement, verdict, succeeded);
        }
    }
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    client.query(&drop).await.unwrap();
    outcome
}

impl Outcome {
    /// Does what the verdict says; whether the statement was sent and succeeded.
    async fn run(
        &mut self,
        client: &mut Client,
        case: &Case<'_>,
        verdict: Verdict,
        spark: bool,
    ) -> bool {
        if let Verdict::Exclude(reason) | Verdict::Send(reason) = verdict {
            *self.excluded.entry(reason).or_default() += 1;
        }
        if let Verdict::Exclude(_) = verdict {
            return false;
        }
        let answer = send(client, &translated(&case.statement)).await;
        let succeeded = answer.is_ok();
        if verdict == Verdict::Compare {
            match case.judge(answer, spark) {
                Ok(()) => {
                    self.passed += 1;
                    self.errors += usize::from(case.fails());
                }
                Err(why) => self.failures.push(Failure {
                    place: case.place(),
                    sql: case.statement.text.clone(),
                    why,
                }),
            }
        }
        succeeded
    }

    /// Records that were compared.
    pub(crate) fn compared(&self) -> usize {
        self.passed + self.failures.len()
    }
}

/// The text of a statement; Mica's setting where it has one that DataFusion calls otherwise.
fn translated(statement: &Statement) -> String {
    match statement.setting() {
        (key, value) if key == "datafusion.execution.enable_ansi_mode" => {
            format!("SET ansi_mode = {value}")
        }
        _ => statement.text.clone(),
    }
}

async fn send(client: &mut Client, sql: &str) -> Result<Rows, String> {
    let answer = AssertUnwindSafe(client.query(sql)).catch_unwind();
    match tokio::time::timeout(RECORD_TIMEOUT, answer).await {
        Ok(Ok(answer)) => {
            answer.map_err(|status| format!("{:?}: {}", status.code(), status.message()))
        }
        Ok(Err(_)) => Err("FlightInfo and stream differ".to_owned()),
        Err(_) => Err(format!("no answer within {RECORD_TIMEOUT:?}")),
    }
}
