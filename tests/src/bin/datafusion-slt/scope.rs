//! Which records can be compared: what of a file is not there, as far as it has run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use datafusion::config::ConfigOptions;
use regex::Regex;

use crate::statement::Statement;

/// Why a record is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It writes a table, or names one that such a statement would have made.
    Table,
    /// It reads files that the crate does not hold.
    Files,
    /// It shows a plan.
    Plan,
    /// It is about a setting of DataFusion, or runs under one that Mica does not have.
    Setting,
    /// Only DataFusion has the statement, or each engine answers it in a form of its own.
    Statement,
    /// Its result has what the wire does not: nanoseconds, or the names of types that are not sent.
    Wire,
    /// It is on the list.
    Listed,
}

impl Reason {
    /// All of them, with the titles of their columns.
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Table, "table"),
        (Self::Files, "files"),
        (Self::Plan, "plan"),
        (Self::Setting, "setting"),
        (Self::Statement, "statement"),
        (Self::Wire, "wire"),
        (Self::Listed, "listed"),
    ];
}

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send it, compare what comes.
    Compare,
    /// Send it, because it may change what follows.
    Send(Reason),
    /// Leave it out.
    Exclude(Reason),
}

/// Settings that change answers, and not plans alone.
const ANSWERS: [&str; 8] = [
    "datafusion.catalog.default",
    "datafusion.execution.enable_",
    "datafusion.execution.listing_table_",
    "datafusion.execution.parquet.coerce",
    "datafusion.format.",
    "datafusion.runtime.",
    "datafusion.spark.",
    "datafusion.sql_parser.",
];

/// What a file's records so far have left absent.
#[derive(Debug)]
pub(crate) struct Scope {
    root: PathBuf,
    absent: BTreeMap<String, Reason>,
    /// Settings away from their defaults that Mica does not have.
    settings: BTreeSet<String>,
    defaults: BTreeMap<String, String>,
    nanoseconds: Regex,
    unsent: Regex,
}

impl Scope {
    /// The scope at the start of a file; locations are relative to `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        let entries = ConfigOptions::new().entries().into_iter();
        Self {
            root,
            absent: BTreeMap::new(),
            settings: BTreeSet::new(),
            defaults: entries
                .map(|entry| (entry.key, entry.value.unwrap_or_default()))
                .collect(),
            nanoseconds: Regex::new(r":\d\d\.\d{9}|\.\d{9} secs").unwrap(),
            unsent: Regex::new(r"Timestamp\(|Duration\(|Time64\(|UInt64|Utf8View").unwrap(),
        }
    }

    /// What to do with a statement, whose expected result is `lines`, or an error.
    pub(crate) fn verdict(&self, statement: &Statement, lines: &[String], fails: bool) -> Verdict {
        if let Some(verdict) = self.of_kind(statement, fails) {
            return verdict;
        }
        if !self.settings.is_empty() {
            return Verdict::Exclude(Reason::Setting);
        }
        let mut absent = self.absent.iter();
        if let Some((_, reason)) = absent.find(|(name, _)| statement.names(name)) {
            return Verdict::Exclude(*reason);
        }
        match self.is_off_the_wire(statement, lines) {
            true => Verdict::Exclude(Reason::Wire),
            false => Verdict::Compare,
        }
    }

    fn is_off_the_wire(&self, statement: &Statement, lines: &[String]) -> bool {
        let types = statement.has("ARROW_TYPEOF");
        lines
            .iter()
            .any(|line| self.nanoseconds.is_match(line) || (types && self.unsent.is_match(line)))
    }

    /// What follows from a statement's first words.
    fn of_kind(&self, statement: &Statement, fails: bool) -> Option<Verdict> {
        let (first, second) = (statement.word(0), statement.word(1));
        let exclude = |reason| Some(Verdict::Exclude(reason));
        match first.as_str() {
            "EXPLAIN" => exclude(Reason::Plan),
            "SET" | "RESET" if second == "DATAFUSION" => Some(Verdict::Send(Reason::Setting)),
            "SHOW" if second == "DATAFUSION" || second == "ALL" => exclude(Reason::Setting),
            "SHOW" | "DESCRIBE" | "DESC" if !fails => exclude(Reason::Statement),
            "PREPARE" | "EXECUTE" | "DEALLOCATE" => exclude(Reason::Statement),
            "INSERT" | "COPY" | "DELETE" | "UPDATE" | "MERGE" | "TRUNCATE" => {
                exclude(Reason::Table)
            }
            "SELECT" if statement.has("INTO") => exclude(Reason::Table),
            "SELECT" if statement.has("DF_SETTINGS") => exclude(Reason::Setting),
            "CREATE" if statement.has("UNBOUNDED") || statement.has("FUNCTION") => {
                exclude(Reason::Statement)
            }
            "CREATE" => self.of_create(statement).map(Verdict::Exclude),
            "DROP" if second == "FUNCTION" => exclude(Reason::Statement),
            "DROP" => {
                let (_, name) = statement.target()?;
                self.absent.get(&name).copied().map(Verdict::Exclude)
            }
            _ => None,
        }
    }

    fn of_create(&self, statement: &Statement) -> Option<Reason> {
        let (table, _) = statement.target()?;
        if !table {
            return None;
        }
        let Some(location) = statement.location() else {
            return (!statement.has("EXTERNAL")).then_some(Reason::Table);
        };
        if location.contains("/scratch/") {
            return Some(Reason::Table);
        }
        let outside = location.starts_with("..") || location.contains("tpch/data");
        (outside && !self.root.join(location).exists()).then_some(Reason::Files)
    }

    /// Remembers what a statement that was expected to succeed has made or left out.
    pub(crate) fn remember(&mut self, statement: &Statement, verdict: Verdict, succeeded: bool) {
        let first = statement.word(0);
        if matches!(first.as_str(), "SET" | "RESET") {
            self.remember_setting(statement, succeeded);
            return;
        }
        let Some((_, name)) = statement.target() else {
            return;
        };
        match (first.as_str(), verdict) {
            ("CREATE" | "SELECT", Verdict::Exclude(reason)) => {
                self.absent.insert(name, reason);
            }
            // A dropped relation stays absent: another spelling of its name may still be in use.
            ("CREATE", _) => {
                self.absent.remove(&name);
            }
            _ => {}
        }
    }

    fn remember_setting(&mut self, statement: &Statement, succeeded: bool) {
        let (key, value) = statement.setting();
        let default = self.defaults.get(&key);
        let back = statement.word(0) == "RESET"
            || default.is_some_and(|default| default.eq_ignore_ascii_case(&value));
        if back || succeeded {
            self.settings.remove(&key);
        } else if ANSWERS.iter().any(|prefix| key.starts_with(prefix)) {
            self.settings.insert(key);
        }
    }
}
