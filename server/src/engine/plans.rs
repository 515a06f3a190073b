//! Plans of texts that were seen before.
//!
//! GetFlightInfo and DoGet plan the same text within a millisecond, and tools send the same text
//! again and again. A plan is kept under everything that decides it, and holds while the relations
//! that it reaches are in the states that it was planned with: other commits do not touch it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use mica_catalog::{Snapshot, Version};
use mica_sql::{Planned, Scope};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::physical::KeptPhysical;

/// Plans that are expected, and nodes of all plans together.
const PLANS_EXPECTED: usize = 512;
const NODES_MAX: u64 = 10_000;
/// Texts and values larger than this are not worth a place.
const KEY_BYTES_MAX: usize = 64 * 1024;

/// What decides a plan, besides the states of what it reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanKey {
    /// The text.
    pub text: String,
    /// Dialect, schema and settings.
    pub scope: Scope,
    /// What is known of its parameters.
    pub parameters: Known,
}

impl PlanKey {
    fn size_bytes(&self) -> usize {
        let values = match &self.parameters {
            Known::Values(values) => values.iter().map(|(_, value)| value.size()).sum(),
            Known::Text | Known::Types(_) => 0,
        };
        self.text.len() + values
    }
}

/// What is known of the parameters of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// What the text tells.
    Text,
    /// Their types.
    Types(Vec<DataType>),
    /// Their values, each with its type: moments in different zones are equal.
    Values(Vec<(DataType, ScalarValue)>),
}

/// A plan, and what the optimiser made of it.
#[derive(Debug)]
pub struct Kept {
    /// As planned.
    pub planned: Planned,
    /// Optimised, once it has run, if it may run again so; without the functions that tell the
    /// moment.
    pub optimised: OnceLock<LogicalPlan>,
    /// Its operators, over little data, while the files stay the same.
    pub(super) physical: ArcSwapOption<KeptPhysical>,
    /// Whether it waits for its turn. What only looks at the catalog or at what is going on does
    /// not: an operator must be able to look when the server is busy.
    pub admission: bool,
    /// Whether it has run before: most texts are asked for once, and are not worth much memory.
    pub(super) has_run: AtomicBool,
    /// The catalog's version that it was last found to fit.
    version: AtomicU64,
    /// Nodes of the plan; at least one.
    nodes: u64,
}

impl Kept {
    /// A plan that has not run yet, planned against that version.
    pub fn new(planned: Planned, admission: bool, version: Version) -> Self {
        Self {
            nodes: nodes(&planned.plan),
            planned,
            optimised: OnceLock::new(),
            physical: ArcSwapOption::empty(),
            admission,
            has_run: AtomicBool::new(false),
            version: AtomicU64::new(version.0),
        }
    }

    /// Whether planning against `snapshot` would give this plan again.
    fn fits(&self, snapshot: &Snapshot) -> bool {
        let version = snapshot.version().0;
        if self.version.load(Ordering::Relaxed) == version {
            return true;
        }
        let fits = self.planned.fits(snapshot);
        if fits {
            self.version.store(version, Ordering::Relaxed);
        }
        fits
    }
}

fn nodes(plan: &LogicalPlan) -> u64 {
    let mut nodes = 1;
    let counted = plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(TreeNodeRecursion::Continue)
    });
    // Counting does not fail.
    counted.map_or(NODES_MAX, |_| nodes)
}

/// Plans by key.
#[derive(Debug)]
pub struct Plans {
    kept: Cache<PlanKey, Arc<Kept>, Nodes>,
}

/// Plans by their size.
#[derive(Clone, Debug)]
struct Nodes;

impl Weighter<PlanKey, Arc<Kept>> for Nodes {
    fn weight(&self, _: &PlanKey, kept: &Arc<Kept>) -> u64 {
        kept.nodes
    }
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            kept: Cache::with_weighter(PLANS_EXPECTED, NODES_MAX, Nodes),
        }
    }
}

impl Plans {
    /// The plan of that key, if it is still the one for `snapshot`.
    pub fn get(&self, key: &PlanKey, snapshot: &Snapshot) -> Option<Arc<Kept>> {
        self.kept.get(key).filter(|kept| kept.fits(snapshot))
    }

    /// Keeps a plan.
    pub fn put(&self, key: PlanKey, kept: Arc<Kept>) {
        if key.size_bytes() <= KEY_BYTES_MAX {
            self.kept.insert(key, kept);
        }
    }
}
