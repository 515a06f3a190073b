//! Plans of texts that were seen before.
//!
//! GetFlightInfo and DoGet plan the same text within a millisecond, and tools send the same text
//! again and again. A plan is kept under everything that decides it; a newer catalog version is
//! another key.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::LogicalPlan;
use mica_catalog::Version;
use mica_sql::{Planned, Scope};
use quick_cache::sync::Cache;

/// Plans kept.
const PLANS_MAX: usize = 512;
/// Texts longer than this are not worth a place.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What decides a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanKey {
    /// The text.
    pub text: String,
    /// Dialect, schema and settings.
    pub scope: Scope,
    /// The catalog's version.
    pub version: Version,
    /// Types of its parameters, where the text does not decide them.
    pub parameters: Option<Vec<DataType>>,
}

/// A plan, and what the optimiser made of it.
#[derive(Debug)]
pub struct Kept {
    /// As planned.
    pub planned: Planned,
    /// Optimised, once it has run, if it may run again so.
    pub optimised: OnceLock<LogicalPlan>,
    /// Whether it waits for its turn. What only looks at the catalog or at what is going on does
    /// not: an operator must be able to look when the server is busy.
    pub admission: bool,
}

impl Kept {
    /// A plan that has not run yet.
    pub fn new(planned: Planned, admission: bool) -> Self {
        Self {
            planned,
            optimised: OnceLock::new(),
            admission,
        }
    }
}

/// Plans by key.
#[derive(Debug)]
pub struct Plans {
    kept: Cache<PlanKey, Arc<Kept>>,
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            kept: Cache::new(PLANS_MAX),
        }
    }
}

impl Plans {
    /// The plan of that key.
    pub fn get(&self, key: &PlanKey) -> Option<Arc<Kept>> {
        self.kept.get(key)
    }

    /// Keeps a plan.
    pub fn put(&self, key: PlanKey, kept: Arc<Kept>) {
        if key.text.len() <= TEXT_BYTES_MAX {
            self.kept.insert(key, kept);
        }
    }
}
