//! How far a query is: what its scans have given, of what they are expected to give.
//!
//! ```text
//!   join            leaf a: 300 of 1000 rows   \
//!   |-- scan a                                   (300 + 9000) / (1000 + 9000) = 0.93
//!   `-- scan b      leaf b: 9000 of 9000 rows  /
//! ```
//!
//! The operators' own metrics are read, as the watchdog does: nothing is counted twice, and a query
//! that nobody asks about pays nothing.
//!
//! # Invariants
//! * It never goes back, and is below one until the query has ended.
//! * A finished query holds no plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::functions_table::generate_series::GenericSeriesState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::memory::LazyMemoryExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use parking_lot::Mutex;

/// The part that is said to be done of a query that has given no last batch yet: what comes after
/// the scans, such as sorting, is not measured.
const UNFINISHED_MAX: f64 = 0.99;

/// How far a query is.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    /// The bits of the largest part told so far. Of floats that are not negative, the larger one
    /// has the larger bits.
    told: AtomicU64,
}

#[derive(Debug, Default)]
enum State {
    /// It has no plan yet.
    #[default]
    Waiting,
    Running(Arc<[Leaf]>),
    Ended,
}

/// A scan whose rows can be told beforehand.
#[derive(Debug)]
struct Leaf {
    plan: Arc<dyn ExecutionPlan>,
    /// Rows: exact for Parquet, estimated from the size for text.
    expected: u64,
    /// Files, or parts of them, that it reads; zero for what does not read files.
    files: u64,
}

impl Progress {
    /// Watches a plan that is about to run.
    pub(super) fn watch(&self, plan: &Arc<dyn ExecutionPlan>) {
        let mut leaves = Vec::new();
        let _ = plan.apply(|node| {
            if node.children().is_empty() {
                leaves.extend(Leaf::of(node));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        *self.state.lock() = State::Running(leaves.into());
    }

    /// Lets go of the plan: the query has ended.
    pub(crate) fn end(&self) {
        *self.state.lock() = State::Ended;
    }

    /// The part that is done, from zero to less than one; none before the query runs, and if it reads
    /// nothing whose size is known.
    pub fn part(&self) -> Option<f64> {
        let leaves = match &*self.state.lock() {
            State::Waiting => return None,
            State::Running(leaves) => Arc::clone(leaves),
            State::Ended => Arc::default(),
        };
        let told = || f64::from_bits(self.told.load(Ordering::Relaxed));
        let expected: f64 = leaves.iter().map(|leaf| leaf.expected as f64).sum();
        if expected == 0.0 {
            return Some(told()).filter(|told| *told > 0.0);
        }
        let done: f64 = leaves.iter().map(Leaf::done).sum();
        let part = (done / expected).clamp(0.0, UNFINISHED_MAX);
        self.told.fetch_max(part.to_bits(), Ordering::Relaxed);
        Some(told())
    }
}

impl Leaf {
    /// The leaf of a plan's node, if its rows can be told beforehand and are counted.
    fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        plan.metrics()?;
        let expected = expected_rows(plan).or_else(|| series_rows(plan))?;
        Some(Self {
            expected: expected.max(1),
            files: files(plan),
            plan: Arc::clone(plan),
        })
    }

    /// Rows that are behind it: as many as it gave, but a scan whose files are all read is done,
    /// whatever was estimated or skipped.
    fn done(&self) -> f64 {
        let Some(metrics) = self.plan.metrics() else {
            return 0.0;
        };
        let (rows, expected) = (metrics.output_rows().unwrap_or(0), self.expected as f64);
        let read = metrics.sum_by_name("files_processed");
        let read = read.map_or(0, |files| files.as_usize());
        let of_files = match self.files {
            0 => 0.0,
            files => expected * (read as f64 / files as f64),
        };
        (rows as f64).max(of_files).min(expected)
    }
}

fn expected_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let rows = statistics.ok()?.num_rows.get_value().copied()?;
    Some(rows as u64)
}

/// Rows of `range` and `generate_series` over integers, which have no statistics.
fn series_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let series = plan.downcast_ref::<LazyMemoryExec>()?;
    let mut rows = series.generators().iter().map(|generator| {
        let generator = generator.read();
        let series = generator
            .as_any()
            .downcast_ref::<GenericSeriesState<i64>>()?;
        let length = i128::from(*series.end()) - i128::from(*series.start());
        let steps = length.checked_div(i128::from(*series.step()))?;
        u64::try_from(steps.max(0)).ok()
    });
    rows.try_fold(0, |sum: u64, rows| Some(sum.saturating_add(rows?)))
}

fn files(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let scan = plan.downcast_ref::<DataSourceExec>();
    let config = scan.and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>());
    config.map_or(0, |config| {
        let groups = config.file_groups.iter();
        groups.map(|group| group.len() as u64).sum()
    })
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;
    use futures::StreamExt;

    use super::*;

    async fn plan(sql: &str) -> Arc<dyn ExecutionPlan> {
        let context = SessionContext::new();
        let state = context.state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        state.create_physical_plan(&plan).await.unwrap()
    }

    #[tokio::test]
    async fn it_rises_with_what_the_scans_give_and_stays_below_one() {
        let progress = Progress::default();
        assert_eq!(progress.part(), None, "it waits");
        let plan = plan("SELECT value FROM range(100000)").await;
        progress.watch(&plan);
        let context = Arc::default();
        let mut batches = plan.execute(0, context).unwrap();
        let mut last = 0.0;
        while let Some(batch) = batches.next().await {
            assert!(batch.unwrap().num_rows() > 0);
            let part = progress.part().unwrap();
            assert!((last..1.0).contains(&part), "{part} after {last}");
            last = part;
        }
        assert!(last > 0.9, "{last}");
        progress.end();
        assert_eq!(progress.part(), Some(last));
    }
}
