//! The list of what is skipped, file by file, each with its reason.

use std::collections::BTreeMap;

use mica_tests::repository;
use serde::Deserialize;

use crate::statement::Statement;
use crate::suite::Suite;

/// What is skipped, by file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Skips(BTreeMap<String, Vec<Skip>>);

/// What is skipped of a file: all of it if it names nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    /// Why; for the reader.
    reason: String,
    /// Relations that DataFusion's own runner makes in Rust.
    #[serde(default)]
    relations: Vec<String>,
    /// Lines that records begin on.
    #[serde(default)]
    lines: Vec<u32>,
}

impl Skips {
    /// Reads `tests/datafusion_slt/skip.toml`.
    pub(crate) fn read() -> Self {
        let path = repository().join("tests/datafusion_slt/skip.toml");
        toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// # Panics
    /// If an entry names a file that is not there, or has no reason.
    pub(crate) fn check(&self, suite: &Suite) {
        for (file, skips) in &self.0 {
            assert!(suite.files.contains(file), "skip.toml names '{file}'");
            let reasons = skips.iter().all(|skip| !skip.reason.is_empty());
            assert!(reasons, "'{file}' has no reason");
        }
    }

    /// Whether the record on a line of a file is skipped.
    pub(crate) fn skips(&self, file: &str, line: u32, statement: &Statement) -> bool {
        let mut skips = self.0.get(file).into_iter().flatten();
        skips.any(|skip| skip.covers(line, statement))
    }
}

impl Skip {
    fn covers(&self, line: u32, statement: &Statement) -> bool {
        let all = self.relations.is_empty() && self.lines.is_empty();
        all || self.lines.contains(&line) || self.relations.iter().any(|name| statement.names(name))
    }
}
