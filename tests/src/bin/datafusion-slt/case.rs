//! A statement or query of a file, and whether an answer is what it expects.

use mica_tests::Rows;
use sqllogictest::{Condition, Location, QueryExpect, Record, SortMode, StatementExpect};

use crate::cells::{self, Kind};
use crate::statement::Statement;

/// Digits behind the point of a double, by the rules of DataFusion's runner.
const DIGITS: i64 = 12;

/// As [`DIGITS`], in the files of the spark dialect.
const DIGITS_SPARK: i64 = 15;

/// A record that is sent.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) statement: Statement,
    location: &'a Location,
    expected: Expected<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Expected<'a> {
    /// Any error: Mica words its messages itself.
    Error,
    /// Success, whatever the result.
    Success,
    Rows {
        kinds: &'a [Kind],
        sort: Option<SortMode>,
        lines: &'a [String],
    },
}

impl<'a> Case<'a> {
    /// The case of a record; none if the record is not for DataFusion, or sends nothing.
    pub(crate) fn new(record: &'a Record<Kind>) -> Option<Self> {
        let (location, conditions, sql, expected) = match record {
            Record::Statement {
                loc,
                conditions,
                sql,
                expected,
                ..
            } => (loc, conditions, sql, of_statement(expected)),
            Record::Query {
                loc,
                conditions,
                sql,
                expected,
                ..
            } => (loc, conditions, sql, of_query(expected)),
            _ => return None,
        };
        let for_others = conditions.iter().any(|condition| match condition {
            Condition::OnlyIf { label } => label != "DataFusion",
            Condition::SkipIf { label } => label == "DataFusion",
        });
        (!for_others).then(|| Self {
            statement: Statement::new(sql),
            location,
            expected,
        })
    }

    pub(crate) fn line(&self) -> u32 {
        self.location.line()
    }

    /// File and line.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.location.file(), self.location.line())
    }

    /// Whether it expects an error.
    pub(crate) fn fails(&self) -> bool {
        matches!(self.expected, Expected::Error)
    }

    /// The lines of the result that it expects.
    pub(crate) fn lines(&self) -> &[String] {
        match self.expected {
            Expected::Rows { lines, .. } => lines,
            _ => &[],
        }
    }

    /// Whether an answer is what is expected; why it is not.
    pub(crate) fn judge(&self, answer: Result<Rows, String>, spark: bool) -> Result<(), String> {
        let digits = if spark { DIGITS_SPARK } else { DIGITS };
        match (self.expected, answer) {
            (Expected::Error, Err(_)) => Ok(()),
            (Expected::Error, Ok(rows)) => {
                let lines = cells::lines(&cells::rows(&rows, digits));
                Err(format!("it succeeded:\n{}", lines.join("\n")))
            }
            (Expected::Success, answer) => answer.map(|_| ()),
            (Expected::Rows { kinds, sort, lines }, answer) => {
                let rows = answer?;
                compare_lines(cells::rows(&rows, digits), sort, lines)?;
                compare_kinds(&rows, kinds)
            }
        }
    }
}

fn of_statement(expected: &StatementExpect) -> Expected<'_> {
    match expected {
        StatementExpect::Error(_) => Expected::Error,
        StatementExpect::Ok | StatementExpect::Count(_) => Expected::Success,
    }
}

fn of_query(expected: &QueryExpect<Kind>) -> Expected<'_> {
    match expected {
        QueryExpect::Error(_) => Expected::Error,
        QueryExpect::Results {
            types,
            sort_mode,
            results,
            ..
        } => Expected::Rows {
            kinds: types,
            sort: *sort_mode,
            lines: results,
        },
    }
}

fn compare_lines(
    mut actual: Vec<Vec<String>>,
    sort: Option<SortMode>,
    lines: &[String],
) -> Result<(), String> {
    if sort == Some(SortMode::ValueSort) {
        let values = actual.into_iter().flatten();
        actual = values.map(|cell| vec![cell]).collect();
    }
    if matches!(sort, Some(SortMode::RowSort | SortMode::ValueSort)) {
        actual.sort_unstable();
    }
    let actual = cells::lines(&actual);
    let wanted: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    if actual == wanted || cells::without_zone(&actual) == wanted {
        return Ok(());
    }
    let (wanted, actual) = (wanted.join("\n"), actual.join("\n"));
    Err(format!("expected:\n{wanted}\ngot:\n{actual}"))
}

fn compare_kinds(rows: &Rows, kinds: &[Kind]) -> Result<(), String> {
    let fields = rows.schema.fields();
    let types: Vec<_> = fields.iter().map(|field| field.data_type()).collect();
    let fits = types.len() == kinds.len()
        && std::iter::zip(kinds, &types).all(|(kind, data_type)| kind.fits(data_type));
    match fits {
        true => Ok(()),
        false => Err(format!("expected types {kinds:?}, got {types:?}")),
    }
}
