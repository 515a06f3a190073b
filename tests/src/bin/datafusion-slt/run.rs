//! Runs the records of a file.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use mica_tests::{Client, Rows, Server};
use sqllogictest::{Condition, Location, QueryExpect, Record, SortMode, StatementExpect};

use crate::cells::{self, Kind};
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
    pub(crate) failures: Vec<Failure>,
}

/// A record that gave something else.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: String,
    pub(crate) sql: String,
    pub(crate) why: String,
}

/// A statement or query of a file, as what is expected of it.
struct Case<'a> {
    location: &'a Location,
    statement: Statement,
    /// `None`: an error.
    expected: Option<Expected<'a>>,
}

#[derive(Clone, Copy)]
struct Expected<'a> {
    kinds: &'a [Kind],
    sort: Option<SortMode>,
    /// `None`: any.
    lines: Option<&'a [String]>,
}

/// Runs a file in a session and a schema of its own.
pub(crate) async fn file(server: &Server, suite: &Suite, skips: &Skips, file: &str) -> Outcome {
    let records = sqllogictest::parse_file::<Kind>(suite.path(file)).unwrap();
    let cases: Vec<Case<'_>> = records.iter().filter_map(case).collect();
    let mut outcome = Outcome {
        file: file.to_owned(),
        excluded: BTreeMap::new(),
        passed: 0,
        failures: Vec::new(),
    };
    let mut client = server.client().await;
    let schema = file.replace(['/', '.', '-'], "_");
    for sql in [format!("CREATE SCHEMA {schema}"), format!("USE {schema}")] {
        client.query(&sql).await.unwrap();
    }
    let spark = file.starts_with("spark/");
    if spark {
        client.query("SET dialect = 'spark'").await.unwrap();
    }
    let mut scope = Scope::new(suite.root.clone());
    for case in &cases {
        let listed = skips.skips(file, &case.statement);
        let verdict = match listed {
            true => Verdict::Exclude(Reason::Listed),
            false => scope.verdict(&case.statement, case.lines(), case.expected.is_none()),
        };
        let mut succeeded = false;
        if !matches!(verdict, Verdict::Exclude(_)) {
            let answer = send(&mut client, &case.statement.text).await;
            succeeded = answer.is_ok();
            if verdict == Verdict::Compare {
                outcome.count(case, judge(case, answer, if spark { 15 } else { 12 }));
            }
        }
        if let Verdict::Exclude(reason) | Verdict::Send(reason) = verdict {
            *outcome.excluded.entry(reason).or_default() += 1;
        }
        if case.expected.is_some() {
            scope.remember(&case.statement, verdict, succeeded);
        }
    }
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    let _ = send(&mut client, &drop).await;
    outcome
}

impl Outcome {
    fn count(&mut self, case: &Case<'_>, judged: Result<(), String>) {
        match judged {
            Ok(()) => self.passed += 1,
            Err(why) => self.failures.push(Failure {
                line: format!("{}:{}", case.location.file(), case.location.line()),
                sql: case.statement.text.clone(),
                why,
            }),
        }
    }
}

impl Case<'_> {
    fn lines(&self) -> &[String] {
        self.expected
            .and_then(|expected| expected.lines)
            .unwrap_or_default()
    }
}

fn case(record: &Record<Kind>) -> Option<Case<'_>> {
    let (location, conditions, sql, expected) = match record {
        Record::Statement {
            loc,
            conditions,
            sql,
            expected,
            ..
        } => {
            let any = Expected {
                kinds: &[],
                sort: None,
                lines: None,
            };
            let fails = matches!(expected, StatementExpect::Error(_));
            (loc, conditions, sql, (!fails).then_some(any))
        }
        Record::Query {
            loc,
            conditions,
            sql,
            expected,
            ..
        } => {
            let expected = match expected {
                QueryExpect::Error(_) => None,
                QueryExpect::Results {
                    types,
                    sort_mode,
                    results,
                    ..
                } => Some(Expected {
                    kinds: types,
                    sort: *sort_mode,
                    lines: Some(results),
                }),
            };
            (loc, conditions, sql, expected)
        }
        _ => return None,
    };
    let for_others = conditions.iter().any(|condition| match condition {
        Condition::OnlyIf { label } => label != "DataFusion",
        Condition::SkipIf { label } => label == "DataFusion",
    });
    (!for_others).then(|| Case {
        location,
        statement: Statement::new(sql),
        expected,
    })
}

async fn send(client: &mut Client, sql: &str) -> Result<Rows, String> {
    let answer = AssertUnwindSafe(client.query(sql)).catch_unwind();
    match tokio::time::timeout(RECORD_TIMEOUT, answer).await {
        Ok(Ok(answer)) => {
            answer.map_err(|status| format!("{:?}: {}", status.code(), status.message()))
        }
        Ok(Err(_)) => Err("the client panicked".to_owned()),
        Err(_) => Err(format!("no answer within {RECORD_TIMEOUT:?}")),
    }
}

/// Whether an answer is what is expected of a record; why it is not.
fn judge(case: &Case<'_>, answer: Result<Rows, String>, digits: i64) -> Result<(), String> {
    let rows = match (case.expected.is_some(), answer) {
        (true, answer) => answer?,
        (false, Err(_)) => return Ok(()),
        (false, Ok(rows)) => {
            let lines = cells::lines(&cells::rows(&rows, digits));
            return Err(format!("it succeeded:\n{}", lines.join("\n")));
        }
    };
    match case.expected {
        Some(Expected {
            kinds,
            sort,
            lines: Some(lines),
        }) => compare(&rows, kinds, sort, lines, digits),
        _ => Ok(()),
    }
}

fn compare(
    rows: &Rows,
    kinds: &[Kind],
    sort: Option<SortMode>,
    lines: &[String],
    digits: i64,
) -> Result<(), String> {
    let mut actual = cells::rows(rows, digits);
    if sort == Some(SortMode::ValueSort) {
        let values = actual.into_iter().flatten();
        actual = values.map(|cell| vec![cell]).collect();
    }
    if matches!(sort, Some(SortMode::RowSort | SortMode::ValueSort)) {
        actual.sort_unstable();
    }
    let actual = cells::lines(&actual);
    let wanted: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    if actual != wanted {
        let (wanted, actual) = (wanted.join("\n"), actual.join("\n"));
        return Err(format!("expected:\n{wanted}\ngot:\n{actual}"));
    }
    let fields = rows.schema.fields();
    let types: Vec<_> = fields.iter().map(|field| field.data_type()).collect();
    let fits = types.len() == kinds.len()
        && std::iter::zip(kinds, &types).all(|(kind, data_type)| kind.fits(data_type));
    match fits {
        true => Ok(()),
        false => Err(format!("expected types {kinds:?}, got {types:?}")),
    }
}
