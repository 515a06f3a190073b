//! The list of what is skipped, file by file, each with its reason.

use std::collections::BTreeMap;

use mica_tests::repository;
use serde::Deserialize;

use crate::statement::Statement;
use crate::suite::Suite;

/// What is skipped, by file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Skips(BTreeMap<String, Skip>);

/// What is skipped of a file: all of it if it names nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    /// Why; for the reader.
    reason: String,
    /// Relations that DataFusion's own runner makes in Rust.
    #[serde(default)]
    relations: Vec<String>,
    /// Texts; a record that contains one is skipped.
    #[serde(default)]
    containing: Vec<String>,
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
        for (file, skip) in &self.0 {
            assert!(suite.files.contains(file), "skip.toml names '{file}'");
            assert!(!skip.reason.is_empty(), "'{file}' has no reason");
        }
    }

    /// Whether a record of a file is skipped.
    pub(crate) fn skips(&self, file: &str, statement: &Statement) -> bool {
        let Some(skip) = self.0.get(file) else {
            return false;
        };
        let all = skip.relations.is_empty() && skip.containing.is_empty();
        all || skip.relations.iter().any(|name| statement.names(name))
            || skip
                .containing
                .iter()
                .any(|text| statement.text.contains(text))
    }
}
