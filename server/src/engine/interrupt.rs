//! Makes a plan stop soon after it was told to.
//!
//! A task is ended only where it yields. DataFusion's leaves yield, but a join that makes many rows
//! of few ([`NestedLoopJoinExec`], [`CrossJoinExec`], [`HashJoinExec`]) can work for hours between
//! two batches of its input: it would outlive its client, `KILL` and every deadline. So joins are
//! made to yield after some batches of output, and their filters look at a flag at each evaluation,
//! for a filter that lets nothing through gives no output either.

use std::fmt::{Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};

use super::yielding::YieldingExec;

/// Set once, when the query is to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// Once it is set.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            // Nobody sees the text: whoever set the flag has answered already.
            true => Err(DataFusionError::Execution("interrupted".to_owned())),
            false => Ok(()),
        }
    }
}

/// `plan`, with joins that yield and look at `interrupt`.
pub(super) fn interruptible(
    plan: Arc<dyn ExecutionPlan>,
    interrupt: &Interrupt,
) -> Result<Arc<dyn ExecutionPlan>> {
    let changed = plan.transform_up(|node| {
        let join = if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            nested_loop(join, interrupt)?
        } else if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            hash(join, interrupt)?
        } else if node.is::<CrossJoinExec>() {
            node
        } else {
            return Ok(Transformed::no(node));
        };
        Ok(Transformed::yes(
            Arc::new(YieldingExec::new(join, interrupt)) as _,
        ))
    });
    Ok(changed?.data)
}

fn nested_loop(join: &NestedLoopJoinExec, interrupt: &Interrupt) -> Result<Arc<dyn ExecutionPlan>> {
    let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
    let filter = join.filter().map(|filter| checked(filter, interrupt));
    let projection = join.projection().as_ref().map(|columns| columns.to_vec());
    let join = NestedLoopJoinExec::try_new(left, right, filter, join.join_type(), projection)?;
    Ok(Arc::new(join))
}

fn hash(join: &HashJoinExec, interrupt: &Interrupt) -> Result<Arc<dyn ExecutionPlan>> {
    let filter = join.filter().map(|filter| checked(filter, interrupt));
    Ok(Arc::new(join.builder().with_filter(filter).build()?))
}

fn checked(filter: &JoinFilter, interrupt: &Interrupt) -> JoinFilter {
    let expression = Checked {
        inner: Arc::clone(filter.expression()),
        interrupt: interrupt.clone(),
    };
    let (columns, schema) = (filter.column_indices().to_vec(), filter.schema());
    JoinFilter::new(Arc::new(expression), columns, Arc::clone(schema))
}

/// An expression that fails once the query is to end.
#[derive(Debug)]
struct Checked {
    inner: Arc<dyn PhysicalExpr>,
    interrupt: Interrupt,
}

impl PhysicalExpr for Checked {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.interrupt.check()?;
        self.inner.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.into_iter().next();
        Ok(Arc::new(Self {
            inner: inner.unwrap_or_else(|| Arc::clone(&self.inner)),
            interrupt: self.interrupt.clone(),
        }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt_sql(f)
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Checked {}

impl Hash for Checked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}
