//! An operator that gives way: its stream yields to other tasks, and ends when it is told to.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use super::interrupt::Interrupt;

/// Batches in a row after which a stream yields.
const BATCHES_IN_A_ROW: usize = 32;

/// `input`, whose stream yields after every [`BATCHES_IN_A_ROW`] batches.
///
/// DataFusion's `CooperativeExec` takes a unit of tokio's budget for each poll instead, before its
/// input is polled: with 128 of them between root and leaf, no poll would ever get to the leaf.
#[derive(Debug)]
pub(super) struct YieldingExec {
    input: Arc<dyn ExecutionPlan>,
    interrupt: Interrupt,
}

impl YieldingExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, interrupt: &Interrupt) -> Self {
        let interrupt = interrupt.clone();
        Self { input, interrupt }
    }
}

impl DisplayAs for YieldingExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YieldingExec")
    }
}

impl ExecutionPlan for YieldingExec {
    fn name(&self) -> &str {
        "YieldingExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.into_iter().next() {
            Some(input) => Ok(Arc::new(Self::new(input, &self.interrupt))),
            None => internal_err!("YieldingExec has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(Yielding {
            input: self.input.execute(partition, context)?,
            interrupt: self.interrupt.clone(),
            in_a_row: 0,
        }))
    }
}

struct Yielding {
    input: SendableRecordBatchStream,
    interrupt: Interrupt,
    in_a_row: usize,
}

impl RecordBatchStream for Yielding {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

impl Stream for Yielding {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(interrupted) = self.interrupt.check() {
            return Poll::Ready(Some(Err(interrupted)));
        }
        if self.in_a_row >= BATCHES_IN_A_ROW {
            self.in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.input.poll_next_unpin(context);
        match polled.is_ready() {
            true => self.in_a_row += 1,
            false => self.in_a_row = 0,
        }
        polled
    }
}
