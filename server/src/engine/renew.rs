//! Operators that run more than once: copies in which nothing has run.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

/// A copy of `plan` in which nothing has run; none if it has an operator that cannot be copied so.
pub(super) fn renewed(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let mut renewable = true;
    let copy = Arc::clone(plan).transform_up(|node| {
        let source = node.downcast_ref::<DataSourceExec>();
        let renewed = match source {
            Some(scan) => mica_data::renew(scan)?,
            None if is_renewable(&node) => Some(Arc::clone(&node).reset_state()?),
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

/// Whether `reset_state` gives the operator back as if it had never run, in one partition and without
/// dynamic filters. What else there is keeps something, or was not looked at.
fn is_renewable(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<AggregateExec>()
        || node.is::<BoundedWindowAggExec>()
        || node.is::<CoalescePartitionsExec>()
        || node.is::<CooperativeExec>()
        || node.is::<CrossJoinExec>()
        || node.is::<EmptyExec>()
        || node.is::<FilterExec>()
        || node.is::<GlobalLimitExec>()
        || node.is::<HashJoinExec>()
        || node.is::<LocalLimitExec>()
        || node.is::<NestedLoopJoinExec>()
        || node.is::<PlaceholderRowExec>()
        || node.is::<ProjectionExec>()
        || node.is::<SortExec>()
        || node.is::<SortPreservingMergeExec>()
        || node.is::<UnionExec>()
        || node.is::<UnnestExec>()
        || node.is::<WindowAggExec>()
}
