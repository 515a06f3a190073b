//! Physical plans: made for a statement's files, and kept while those stay the same.
//!
//! ```text
//! optimised plan -> listings --+-- same files as the kept plan's --> its operators, renewed
//!                              `-- else --> DataFusion's planner --> kept, if little is read
//! ```
//!
//! Planning operators takes longer than reading a few small files. So a plan over little data is
//! kept beside its text's plan, with the files that it reads, and what runs is a copy in which
//! nothing has run yet. Each statement lists anew: a file that came, went or changed means a new plan.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use mica_data::{ExternalTableProvider, Listing};
use mica_sql::Scope;

use super::plans::Kept;
use crate::error::{Error, Result};

/// Bytes of input below which a query is not split into partitions: splitting would take longer
/// than reading.
const SMALL_INPUT_BYTES: u64 = 4 << 20;
/// Files of a plan that is kept.
const KEPT_FILES_MAX: usize = 256;

/// Operators that `reset_state` gives back as if they had never run, in one partition and without
/// dynamic filters. What else there is keeps something, or was not looked at.
const RENEWABLE: &[&str] = &[
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "DataSourceExec",
    "EmptyExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "LocalLimitExec",
    "NestedLoopJoinExec",
    "PlaceholderRowExec",
    "ProjectionExec",
    "SortExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "UnnestExec",
    "WindowAggExec",
];

/// A plan that has not run, and what it reads.
#[derive(Debug)]
pub(super) struct KeptPhysical {
    listings: Vec<Arc<Listing>>,
    plan: Arc<dyn ExecutionPlan>,
}

impl KeptPhysical {
    /// A copy to run, if the files are still those.
    fn fresh(&self, listings: &[Arc<Listing>]) -> Option<Arc<dyn ExecutionPlan>> {
        let mut pairs = self.listings.iter().zip(listings);
        let same = self.listings.len() == listings.len()
            && pairs.all(|(kept, now)| Arc::ptr_eq(kept, now) || kept.files == now.files);
        same.then(|| renewed(&self.plan)).flatten()
    }
}

/// Lists what the plan reads, once, and plans its operators by its size.
///
/// # Errors
/// What is wrong with a file, or with the plan.
pub(super) async fn physical_plan(
    kept: &Kept,
    scope: &Scope,
    state: &mut SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let optimised = optimised(kept, state)?;
    let (listings, every_scan) = listings(&optimised, state).await?;
    let size_bytes: u64 = listings.iter().map(|listing| listing.size_bytes).sum();
    let small = size_bytes < SMALL_INPUT_BYTES && scope.settings.count("target_partitions") == 0;
    if !small {
        return plan_operators(&optimised, state).await;
    }
    if let Some(plan) = kept
        .physical
        .load()
        .as_ref()
        .and_then(|kept| kept.fresh(&listings))
    {
        return Ok(plan);
    }
    let options = state.config_mut().options_mut();
    options.execution.target_partitions = 1;
    // What they would skip is read already; and a plan with them cannot be kept.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    let plan = plan_operators(&optimised, state).await?;
    let files: usize = listings.iter().map(|listing| listing.files.len()).sum();
    if !(kept.planned.reusable && every_scan && files <= KEPT_FILES_MAX) {
        return Ok(plan);
    }
    let Some(fresh) = renewed(&plan) else {
        return Ok(plan);
    };
    kept.physical
        .store(Some(Arc::new(KeptPhysical { listings, plan })));
    Ok(fresh)
}

/// The optimiser's plan, kept if it may run again.
fn optimised(kept: &Kept, state: &SessionState) -> Result<LogicalPlan> {
    if let Some(plan) = kept.optimised.get() {
        return Ok(plan.clone());
    }
    let plan = state
        .optimize(&kept.planned.plan)
        .map_err(Error::execution)?;
    if kept.planned.reusable {
        let _ = kept.optimised.set(plan.clone());
    }
    Ok(plan)
}

async fn plan_operators(
    plan: &LogicalPlan,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let planner = Arc::clone(state.query_planner());
    let plan = planner.create_physical_plan(plan, state).await;
    plan.map_err(Error::execution)
}

/// The listings of all external tables that the plan reads, and whether it reads nothing else.
async fn listings(plan: &LogicalPlan, session: &dyn Session) -> Result<(Vec<Arc<Listing>>, bool)> {
    let mut providers = Vec::new();
    let collect = |node: &LogicalPlan| {
        if let LogicalPlan::TableScan(scan) = node {
            providers.push(source_as_provider(&scan.source)?);
        }
        Ok(TreeNodeRecursion::Continue)
    };
    plan.apply_with_subqueries(collect)
        .map_err(Error::execution)?;
    let tables: Vec<&ExternalTableProvider> = providers
        .iter()
        .filter_map(|provider| provider.downcast_ref())
        .collect();
    let every_scan = tables.len() == providers.len();
    let listings = tables.iter().map(|table| table.listing(session));
    Ok((futures::future::try_join_all(listings).await?, every_scan))
}

/// A copy of `plan` in which nothing has run; none if it has an operator that cannot be copied so.
fn renewed(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let mut renewable = true;
    let copy = Arc::clone(plan).transform_up(|node| {
        let source = node.downcast_ref::<DataSourceExec>();
        let renewed = match source {
            Some(scan) => mica_data::renew(scan)?,
            None if RENEWABLE.contains(&node.name()) => Some(Arc::clone(&node).reset_state()?),
            None => None,
        };
        Ok(match renewed {
            Some(renewed) => Transformed::yes(renewed),
            None => {
                renewable = false;
                Transformed::new(node, false, TreeNodeRecursion::Stop)
            }
        })
    });
    let copy = copy.ok()?.data;
    renewable.then_some(copy)
}
