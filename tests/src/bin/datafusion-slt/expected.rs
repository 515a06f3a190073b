//! The counts on record: the report of an earlier run. A file may not get worse than it was.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mica_tests::repository;

use crate::report::Report;

fn path() -> PathBuf {
    repository().join("tests/datafusion_slt/expected.txt")
}

/// Puts a report on record.
pub(crate) fn write(report: &Report) {
    std::fs::write(path(), report.to_string()).unwrap();
}

/// The files of which fewer records pass, or more fail, than on record.
pub(crate) fn worse(report: &Report) -> Vec<String> {
    let text = std::fs::read_to_string(path()).unwrap();
    let recorded: BTreeMap<&str, (usize, usize)> = text.lines().filter_map(counts).collect();
    let mut worse = Vec::new();
    for outcome in &report.outcomes {
        let (file, passed, failed) = (&outcome.file, outcome.passed, outcome.failures.len());
        let Some((passed_then, failed_then)) = recorded.get(file.as_str()) else {
            worse.push(format!("{file}: not on record"));
            continue;
        };
        if passed < *passed_then || failed > *failed_then {
            worse.push(format!(
                "{file}: {passed} passed and {failed} failed, not {passed_then} and {failed_then}"
            ));
        }
    }
    worse
}

/// A file, how many of its records passed, and how many failed.
fn counts(line: &str) -> Option<(&str, (usize, usize))> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [file, .., compared, passed, _errors, _share] = words.as_slice() else {
        return None;
    };
    let (compared, passed): (usize, usize) = (compared.parse().ok()?, passed.parse().ok()?);
    Some((file, (passed, compared - passed)))
}
