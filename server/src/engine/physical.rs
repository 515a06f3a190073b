//! Physical plans: made for a statement's files, and kept while those stay the same.
//!
//! ```text
//! optimised plan -> listings --+-- same files and day as the kept plan's --> its operators, renewed
//!                              `-- else --> DataFusion's planner --> kept, if little is read
//! ```
//!
//! Planning operators takes longer than reading a few small files. So a plan over little data is
//! kept beside its text's plan when it runs a second time, and what runs is a copy in which
//! nothing has run yet. Each statement lists anew: a file that came, went or changed means a new plan.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::Session;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use mica_data::{ExternalTableProvider, Listing};
use mica_sql::{Reuse, Scope, Timeless};

use super::plans::Kept;
use super::renew::renewed;
use crate::error::{Error, Result};

/// Bytes of input below which a query is not split into partitions: splitting would take longer
/// than reading.
const SMALL_INPUT_BYTES: u64 = 4 << 20;
/// Files of a plan that is kept.
const KEPT_FILES_MAX: usize = 256;

/// A plan that has not run, and what it was made for.
#[derive(Debug)]
pub(super) struct KeptPhysical {
    listings: Vec<Arc<Listing>>,
    /// Values of the functions that tell the moment.
    values: Vec<ScalarValue>,
    plan: Arc<dyn ExecutionPlan>,
}

impl KeptPhysical {
    /// A copy to run, if files and values are still those.
    fn fresh(&self, reads: &Reads, values: &[ScalarValue]) -> Option<Arc<dyn ExecutionPlan>> {
        let mut pairs = self.listings.iter().zip(&reads.listings);
        let same = self.values == values
            && self.listings.len() == reads.listings.len()
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
    let planned = &kept.planned.plan;
    let plan = match &kept.planned.reuse {
        Reuse::AtMoment(timeless) => return at_moment(kept, timeless, scope, state).await,
        Reuse::Always => optimised_once(kept, planned, state)?,
        Reuse::Never => state.optimize(planned).map_err(Error::execution)?,
    };
    let reads = Reads::of(&plan, scope, state).await?;
    operators(kept, reads, Vec::new(), state, |_| Ok(plan)).await
}

/// As [`physical_plan`], of a plan that tells the day or the moment.
async fn at_moment(
    kept: &Kept,
    timeless: &Timeless,
    scope: &Scope,
    state: &mut SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let planned = &kept.planned.plan;
    let reads = Reads::of(planned, scope, state).await?;
    let moment = state.execution_props().query_execution_start_time;
    let values = timeless.values(moment, state.config_options())?;
    let Some(values) = values.filter(|_| reads.small) else {
        // With the values in it, the optimiser knows more: that pays for much data.
        let plan = state.optimize(planned).map_err(Error::execution)?;
        return plan_operators(&plan, state).await;
    };
    let at = values.clone();
    let plan = |state: &SessionState| {
        let optimised = optimised_once(kept, &timeless.plan, state)?;
        Ok(timeless.at(&optimised, &at)?)
    };
    operators(kept, reads, values, state, plan).await
}

/// Operators as kept, or planned now from what `plan` gives; kept if they may run again so.
async fn operators(
    kept: &Kept,
    reads: Reads,
    values: Vec<ScalarValue>,
    state: &mut SessionState,
    plan: impl FnOnce(&SessionState) -> Result<LogicalPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !reads.small {
        return plan_operators(&plan(state)?, state).await;
    }
    // Before the look at what is kept: a plan runs under the options that it was made with.
    let options = state.config_mut().options_mut();
    options.execution.target_partitions = 1;
    // What they would skip is read already; and a plan with them cannot be kept: they remember what
    // they saw. The planner looks at each of these, not at the one switch for all.
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let known = kept.physical.load();
    if let Some(plan) = known.as_ref().and_then(|kept| kept.fresh(&reads, &values)) {
        return Ok(plan);
    }
    let plan = plan_operators(&plan(state)?, state).await?;
    // A day lasts for many statements, a microsecond for one.
    let lasting = values
        .iter()
        .all(|value| value.data_type() == DataType::Date32);
    let again = kept.has_run.swap(true, Ordering::Relaxed);
    let may_run_again = !matches!(kept.planned.reuse, Reuse::Never);
    let may_keep = again && may_run_again && lasting && reads.are_few;
    let Some(fresh) = may_keep.then(|| renewed(&plan)).flatten() else {
        return Ok(plan);
    };
    let made = KeptPhysical {
        listings: reads.listings,
        values,
        plan,
    };
    kept.physical.store(Some(Arc::new(made)));
    Ok(fresh)
}

/// What the optimiser made of `plan` the first time.
fn optimised_once(kept: &Kept, plan: &LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    if let Some(plan) = kept.optimised.get() {
        return Ok(plan.clone());
    }
    let plan = state.optimize(plan).map_err(Error::execution)?;
    let _ = kept.optimised.set(plan.clone());
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

/// The files that a plan reads.
struct Reads {
    listings: Vec<Arc<Listing>>,
    /// Whether that is little, and nobody asked for partitions.
    small: bool,
    /// Whether a plan of so many may be kept, and it reads nothing else.
    are_few: bool,
}

impl Reads {
    async fn of(plan: &LogicalPlan, scope: &Scope, session: &dyn Session) -> Result<Self> {
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
        let listings = tables.iter().map(|table| table.listing(session));
        let listings: Vec<Arc<Listing>> = futures::future::try_join_all(listings).await?;
        let size_bytes: u64 = listings.iter().map(|listing| listing.size_bytes).sum();
        let files: usize = listings.iter().map(|listing| listing.files.len()).sum();
        Ok(Self {
            small: size_bytes < SMALL_INPUT_BYTES && scope.settings.count("target_partitions") == 0,
            are_few: tables.len() == providers.len() && files <= KEPT_FILES_MAX,
            listings,
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::tree_node::TreeNode;
    use futures::TryStreamExt;
    use mica_data::Roots;
    use mica_sql::{Origin, SessionContext};
    use tempfile::TempDir;

    use super::*;
    use crate::warehouse::{Ready, Warehouse, WarehouseConfig};

    /// A warehouse with the table `t (k, n)` over one file.
    async fn warehouse() -> (TempDir, Warehouse) {
        let folder = TempDir::new().unwrap();
        write(&folder, "k,n\na,1\nb,2\n");
        let config = WarehouseConfig {
            catalog: folder.path().join("catalog.db"),
            roots: Roots::new(&[folder.path().to_owned()]).unwrap(),
            ..WarehouseConfig::default()
        };
        let warehouse = Warehouse::open(config).unwrap();
        let create = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 't.csv'";
        let session = SessionContext::default();
        let ready = warehouse.prepare(create, &session, None, None).await;
        let Ready::Command(parsed) = ready.unwrap().ready else {
            panic!("not a change");
        };
        let folder_name = folder.path().to_string_lossy().into_owned();
        let origin = Origin::Operator {
            folder: folder_name,
        };
        warehouse.execute(parsed, session, origin).await.unwrap();
        (folder, warehouse)
    }

    fn write(folder: &TempDir, text: &str) {
        std::fs::write(folder.path().join("t.csv"), text).unwrap();
    }

    /// Runs a text, and gives what is kept of it afterwards.
    async fn run(
        warehouse: &Warehouse,
        sql: &str,
        values: Option<&[ScalarValue]>,
    ) -> (Arc<Kept>, Option<Arc<KeptPhysical>>) {
        let session = SessionContext::default();
        let ready = warehouse.prepare(sql, &session, values, None).await;
        let Ready::Query(kept) = ready.unwrap().ready else {
            panic!("not a query");
        };
        let stream = warehouse.run(Arc::clone(&kept), sql, &session, &[]);
        let batches: Vec<_> = stream.try_collect().await.unwrap();
        assert!(!batches.is_empty(), "{sql}");
        let physical = kept.physical.load_full();
        (kept, physical)
    }

    fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
        matches!((one, other), (Some(one), Some(other)) if Arc::ptr_eq(one, other))
    }

    #[tokio::test]
    async fn operators_are_kept_until_a_file_changes_and_never_run_themselves() {
        let (folder, warehouse) = warehouse().await;
        let sql =
            "SELECT k, sum(n) AS s FROM t JOIN t AS u USING (k) GROUP BY k ORDER BY s LIMIT 9";
        let sql = sql.replace("sum(n)", "sum(t.n)");
        assert!(
            run(&warehouse, &sql, None).await.1.is_none(),
            "most texts run once"
        );
        let (_, first) = run(&warehouse, &sql, None).await;
        for _ in 0..3 {
            assert!(same(&first, &run(&warehouse, &sql, None).await.1));
        }
        first
            .unwrap()
            .plan
            .apply(|node| {
                let metrics = node.metrics().map_or(0, |metrics| metrics.iter().count());
                assert_eq!(metrics, 0, "{}", node.name());
                Ok(TreeNodeRecursion::Continue)
            })
            .unwrap();
        let (_, before) = run(&warehouse, &sql, None).await;
        assert!(before.is_some());
        write(&folder, "k,n\na,1\nb,2\nc,3\n");
        assert!(!same(&before, &run(&warehouse, &sql, None).await.1));
    }

    #[tokio::test]
    async fn a_day_is_kept_and_a_moment_is_not() {
        let (_folder, warehouse) = warehouse().await;
        let sql = "SELECT k, current_date AS today FROM t";
        run(&warehouse, sql, None).await;
        let (_, first) = run(&warehouse, sql, None).await;
        assert!(same(&first, &run(&warehouse, sql, None).await.1));
        let sql = "SELECT k, now() AS at FROM t";
        run(&warehouse, sql, None).await;
        let (kept, physical) = run(&warehouse, sql, None).await;
        assert!(physical.is_none() && kept.optimised.get().is_some());
        let (kept, physical) = run(&warehouse, "SELECT k, random() AS r FROM t", None).await;
        assert!(physical.is_none() && kept.optimised.get().is_none());
    }

    #[tokio::test]
    async fn bound_values_are_part_of_the_text() {
        let (_folder, warehouse) = warehouse().await;
        let sql = "SELECT k FROM t WHERE n = $1";
        let one = [ScalarValue::Int64(Some(1))];
        run(&warehouse, sql, Some(&one)).await;
        let (kept, first) = run(&warehouse, sql, Some(&one)).await;
        let (again, second) = run(&warehouse, sql, Some(&one)).await;
        assert!(Arc::ptr_eq(&kept, &again) && same(&first, &second));
        let two = [ScalarValue::Int64(Some(2))];
        assert!(!Arc::ptr_eq(
            &kept,
            &run(&warehouse, sql, Some(&two)).await.0
        ));
        // The same moment to DataFusion, but not the same type.
        let zoned = |zone: Option<&str>| {
            [ScalarValue::TimestampMicrosecond(
                Some(0),
                zone.map(Arc::from),
            )]
        };
        let sql = "SELECT $1 AS at";
        let (utc, _) = run(&warehouse, sql, Some(&zoned(Some("UTC")))).await;
        let (plain, _) = run(&warehouse, sql, Some(&zoned(None))).await;
        assert_ne!(utc.planned.columns, plain.planned.columns);
    }
}
