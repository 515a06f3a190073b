//! Notices a query that no longer moves.
//!
//! A repartitioning operator that spills can wait for itself for ever (apache/datafusion#24883, not
//! yet fixed in the version in use). Such a query takes no time and gives no rows. Its operators'
//! metrics tell: if none changes for long, while nobody waits for the client, it is ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::ExecutionPlan;

/// A number that changes when any operator of `plan` did something.
fn activity(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let mut sum = 0_u64;
    let _ = plan.apply(|node| {
        for metric in node.metrics().iter().flat_map(|metrics| metrics.iter()) {
            sum = sum.wrapping_add(metric.value().as_usize() as u64);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    sum
}

/// Returns when `plan` has done nothing for `patience`. `waiting_for_client` tells of time that is
/// not the query's; `rows_given`, of work that operators without metrics do.
pub(super) async fn stuck(
    plan: &Arc<dyn ExecutionPlan>,
    patience: Duration,
    waiting_for_client: impl Fn() -> bool,
    rows_given: impl Fn() -> u64,
) {
    let look_every = (patience / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
    let mut last = (activity(plan), rows_given());
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(look_every).await;
        let now = (activity(plan), rows_given());
        if now != last || waiting_for_client() {
            last = now;
            since = Instant::now();
        } else if since.elapsed() >= patience {
            return;
        }
    }
}
