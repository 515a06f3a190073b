//! One execution of a plan.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt};
use mica_data::StatementListings;
use mica_sql::Scope;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Engine;
use super::interrupt::{Interrupt, interruptible};
use super::memory::StatementPool;
use super::physical::physical_plan;
use super::plans::Kept;
use super::progress::Progress;
use super::supervise::Supervisor;
use super::work::Timeout;
use crate::error::{Error, Result};
use crate::queries::{Query, QueryGuard, State};

/// What to run.
#[derive(Debug)]
pub struct Run {
    /// The plan.
    pub kept: Arc<Kept>,
    /// Settings of the session.
    pub scope: Scope,
    /// Whose it is.
    pub user: String,
    /// The text, for `SHOW QUERIES` and the log.
    pub text: String,
    /// What it can be cancelled by; empty for nothing.
    pub ticket: Vec<u8>,
}

/// Batches between the query and the encoder.
pub(super) const BATCHES_AHEAD: usize = 2;
/// How long a permit is kept while the client does not read.
const PERMIT_PATIENCE: Duration = Duration::from_secs(1);

/// The batches of a running query. Dropping it ends the query.
#[derive(Debug)]
pub struct QueryStream {
    schema: SchemaRef,
    progress: Arc<Progress>,
    batches: mpsc::Receiver<Result<RecordBatch>>,
}

impl QueryStream {
    pub(super) fn new(
        schema: &SchemaRef,
        query: &Query,
        batches: mpsc::Receiver<Result<RecordBatch>>,
    ) -> Self {
        Self {
            schema: Arc::clone(schema),
            progress: Arc::clone(&query.progress),
            batches,
        }
    }

    /// The wire schema, which every batch has.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How far the query is.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}

impl Engine {
    /// Starts a query; its errors come in the stream. Returns at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where its supervisor is to run.
    #[expect(
        clippy::disallowed_methods,
        reason = "the supervisor outlives the stream, and ends itself with the query"
    )]
    pub fn run(&self, run: Run) -> QueryStream {
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let (tell_plan, plan) = oneshot::channel();
        let columns = Arc::clone(&run.kept.planned.columns);
        let guard = self
            .inner
            .queries
            .start_fetch(&run.user, &run.text, &run.ticket);
        let stream = QueryStream::new(&columns, guard.query(), batches);
        let supervisor = Supervisor {
            query: Arc::clone(guard.query()),
            sender: sender.clone(),
            interrupt: Interrupt::default(),
            plan,
            waiting: Arc::default(),
            timeout: self.timeout(&run.scope),
            patience: self.inner.limits.no_progress_timeout,
        };
        let execution = Execution {
            engine: self.clone(),
            run,
            guard,
            sender,
            permit: None,
            waiting: Arc::clone(&supervisor.waiting),
            interrupt: supervisor.interrupt.clone(),
        };
        let work = self.handle().spawn(execution.run(tell_plan));
        tokio::spawn(supervisor.watch(work));
        stream
    }

    /// The shorter of the server's and the session's limits.
    pub fn timeout(&self, scope: &Scope) -> Option<Timeout> {
        let own = scope.settings.count("statement_timeout_ms");
        let own = (own > 0).then(|| Timeout {
            limit: Duration::from_millis(own),
            set_by: "the setting statement_timeout_ms",
        });
        let server = self.inner.limits.statement_timeout.map(|limit| Timeout {
            limit,
            set_by: "--statement-timeout",
        });
        server
            .into_iter()
            .chain(own)
            .min_by_key(|timeout| timeout.limit)
    }

    /// The session of one statement.
    fn statement_session(&self, run: &Run, listings: &Arc<StatementListings>) -> SessionState {
        let limits = &self.inner.limits;
        let scope = &run.scope.settings;
        let partitions = match scope.count("target_partitions") {
            0 => limits.threads,
            set => set as usize,
        };
        let options = mica_sql::execution_options(&run.scope);
        let mut config = SessionConfig::from(options)
            .with_target_partitions(partitions)
            .with_batch_size(scope.count("batch_size") as usize)
            .with_extension(Arc::clone(listings));
        // What a sort sets aside for merging must fit into the statement's memory with the rest.
        let aside = &mut config.options_mut().execution.sort_spill_reservation_bytes;
        *aside = (*aside).min(limits.statement_memory / 8);
        let mut environment = (*self.inner.environment).clone();
        let budget = Arc::clone(&self.inner.budget);
        environment.memory_pool = Arc::new(StatementPool::new(limits.statement_memory, budget));
        SessionStateBuilder::new_from_existing(self.inner.template.clone())
            .with_config(config)
            .with_runtime_env(Arc::new(environment))
            .build()
    }
}

/// The work of a query, which holds its permit and its place in the list until it really stops.
struct Execution {
    engine: Engine,
    run: Run,
    guard: QueryGuard,
    sender: mpsc::Sender<Result<RecordBatch>>,
    permit: Option<OwnedSemaphorePermit>,
    /// Set while the query waits for its client.
    waiting: Arc<AtomicBool>,
    interrupt: Interrupt,
}

impl Execution {
    async fn run(mut self, tell_plan: oneshot::Sender<Arc<dyn ExecutionPlan>>) -> Result<()> {
        let engine = self.engine.clone();
        self.permit = self.permit().await?;
        self.guard.query().set_state(State::Running);
        let listings = Arc::new(StatementListings::default());
        let mut state = engine.statement_session(&self.run, &listings);
        // now() and its kin have one value for the whole statement.
        let options = Arc::clone(state.config_options());
        state.execution_props_mut().mark_start_execution(options);
        let plan = physical_plan(&self.run.kept, &self.run.scope, &mut state).await?;
        let plan = interruptible(plan, &self.interrupt).map_err(Error::execution)?;
        self.guard.query().progress.watch(&plan);
        // A supervisor that has gone does not need it.
        let _ = tell_plan.send(Arc::clone(&plan));
        let context = state.task_ctx();
        let stream = execute_stream(Arc::clone(&plan), Arc::clone(&context));
        let stream = stream.map_err(Error::execution)?;
        self.forward(stream, &plan, &context).await
    }

    async fn forward(
        &mut self,
        mut stream: SendableRecordBatchStream,
        plan: &Arc<dyn ExecutionPlan>,
        context: &TaskContext,
    ) -> Result<()> {
        let columns = Arc::clone(&self.run.kept.planned.columns);
        while let Some(batch) = stream.next().await {
            let batch = match batch {
                Ok(batch) => to_wire(&batch, &columns)?,
                Err(error) => return Err(explained(error, plan, context).await),
            };
            let rows = batch.num_rows() as u64;
            if rows > 0 {
                self.send(batch).await?;
                self.guard.query().rows.fetch_add(rows, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Hands a batch to the encoder. A client that does not read loses first the permit, then the
    /// query.
    async fn send(&mut self, batch: RecordBatch) -> Result<()> {
        let sender = self.sender.clone();
        if let Ok(place) = sender.try_reserve() {
            place.send(Ok(batch));
            return Ok(());
        }
        self.waiting.store(true, Ordering::Relaxed);
        let idle = self.engine.inner.limits.idle_stream_timeout;
        let reserve = sender.reserve();
        tokio::pin!(reserve);
        let place = tokio::select! {
            place = &mut reserve => place,
            () = tokio::time::sleep(PERMIT_PATIENCE.min(idle)) => {
                self.permit = None;
                match tokio::time::timeout(idle, &mut reserve).await {
                    Ok(place) => place,
                    Err(_) => return Err(Error::IdleStream { limit: idle }),
                }
            }
        };
        // The receiver is gone with the client.
        let Ok(place) = place else {
            return Err(Error::ClientGone);
        };
        place.send(Ok(batch));
        if self.permit.is_none() && self.run.kept.admission {
            self.permit = self.engine.inner.admission.admit_again().await;
        }
        self.waiting.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for the query's turn, if it needs one.
    async fn permit(&self) -> Result<Option<OwnedSemaphorePermit>> {
        match self.run.kept.admission {
            true => Ok(Some(self.engine.inner.admission.admit().await?)),
            false => Ok(None),
        }
    }
}

/// `batch` in the wire schema. Columns that have their type already are not copied; a value that the
/// type on the wire does not reach, such as a moment in seconds, is an error.
fn to_wire(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
    let failed = |error| Error::execution(DataFusionError::from(error));
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let arrays = batch
        .columns()
        .iter()
        .zip(columns.fields())
        .map(
            |(array, field)| match array.data_type() == field.data_type() {
                true => Ok(Arc::clone(array)),
                false => cast_with_options(array, field.data_type(), &strict),
            },
        )
        .collect::<Result<Vec<ArrayRef>, _>>()
        .map_err(failed)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(columns), arrays, &options).map_err(failed)
}

/// The error with the broken row in it, if it is one of a CSV file.
async fn explained(
    error: DataFusionError,
    plan: &Arc<dyn ExecutionPlan>,
    context: &TaskContext,
) -> Error {
    match mica_data::diagnose(&error, plan, context).await {
        Some(row) => Error::Data(row),
        None => Error::execution(error),
    }
}
