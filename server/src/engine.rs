//! Runs plans: admission, memory, deadlines, and batches in the wire schema.
//!
//! ```text
//! Planned -> permit -> optimised -> listings (once) -> operators -> batches, cast to the wire
//!              |         `-- kept with the text --'  `-- kept, too, while the files are the same
//!            queue: length and wait limited          deadline, no-progress watchdog, KILL
//! ```
//!
//! Queries run on a tokio runtime of their own, so that a busy query never delays gRPC; what ends
//! them runs with gRPC. Dropping the stream of a query ends it.

mod admission;
mod execute;
mod fetch;
mod interrupt;
mod memory;
mod physical;
mod plans;
mod polled;
mod progress;
mod renew;
mod spool;
mod supervise;
mod watchdog;
mod work;
mod yielding;

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use tokio::runtime::Runtime;

pub use execute::{QueryStream, Run};
pub use plans::{Kept, Known, PlanKey, Plans};
pub use polled::{PolledLimits, PolledQueries, PolledQuery};
pub use progress::Progress;
pub use spool::Spool;
pub use work::Timeout;

use crate::queries::Queries;

/// What queries may take.
#[derive(Clone, Debug)]
pub struct EngineLimits {
    /// Queries that execute at once.
    pub max_queries: usize,
    /// Queries that wait for a permit; further ones are refused.
    pub queue_length: usize,
    /// How long a query may wait for a permit.
    pub queue_wait: Duration,
    /// Memory of all queries together, in bytes.
    pub memory_limit: usize,
    /// Memory of one statement, in bytes.
    pub statement_memory: usize,
    /// Time that a statement may take; none for no limit.
    pub statement_timeout: Option<Duration>,
    /// Time without any progress after which a query is ended; none for no limit.
    pub no_progress_timeout: Option<Duration>,
    /// Time that a client may leave its stream unread.
    pub idle_stream_timeout: Duration,
    /// Disk space for spilling, in bytes.
    pub spill_limit: u64,
    /// Threads that execute queries.
    pub threads: usize,
}

impl Default for EngineLimits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            max_queries: 16,
            queue_length: 1024,
            queue_wait: Duration::from_secs(60),
            memory_limit: 2 << 30,
            statement_memory: 1 << 30,
            statement_timeout: None,
            no_progress_timeout: Some(Duration::from_secs(120)),
            idle_stream_timeout: Duration::from_secs(300),
            spill_limit: 100 << 30,
            threads,
        }
    }
}

/// Stack of a thread that runs queries. Optimiser rules, physical planning, execution and the
/// dropping of a plan go down a deep stack of views frame by frame, not all with DataFusion's
/// protection. Only what is touched becomes memory.
const QUERY_STACK_BYTES: usize = 256 << 20;

/// Runs plans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: EngineLimits,
    /// Rules and functions; each statement gets a copy with its own settings and memory.
    template: SessionState,
    environment: Arc<RuntimeEnv>,
    admission: admission::Admission,
    budget: Arc<memory::Budget>,
    queries: Queries,
    plans: Plans,
    /// None only while being dropped.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A runtime must not be dropped where it would block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The threads cannot be started.
    #[error("cannot start the threads that run queries")]
    Threads(#[from] std::io::Error),
    /// DataFusion's environment cannot be made.
    #[error("cannot prepare the query engine")]
    Environment(#[from] datafusion::error::DataFusionError),
}

impl Engine {
    /// An engine with these limits.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(limits: EngineLimits) -> Result<Self, StartError> {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(limits.spill_limit);
        // DataFusion's cache of listings never expires by default; ours are per statement.
        let environment = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .with_object_list_cache_limit(0)
            .build_arc()?;
        let template = SessionStateBuilder::new()
            .with_config(datafusion::prelude::SessionConfig::new().with_information_schema(false))
            .with_runtime_env(Arc::clone(&environment))
            // Plans come analysed, each view in its own dialect.
            .with_analyzer_rules(Vec::new())
            // What the rule behind DISTINCT ON looks up by name.
            .with_aggregate_functions(vec![first_value_udaf()])
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits.threads)
            .thread_name("mica-query")
            .thread_stack_size(QUERY_STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(Self {
            inner: Arc::new(Inner {
                template,
                environment,
                admission: admission::Admission::new(&limits),
                budget: Arc::new(memory::Budget::new(limits.memory_limit)),
                queries: Queries::default(),
                plans: Plans::default(),
                runtime: Some(runtime),
                limits,
            }),
        })
    }

    /// The queries that are running or waiting.
    pub fn queries(&self) -> &Queries {
        &self.inner.queries
    }

    /// Plans of texts seen before.
    pub fn plans(&self) -> &Plans {
        &self.inner.plans
    }

    /// The limits.
    pub fn limits(&self) -> &EngineLimits {
        &self.inner.limits
    }

    /// A session for reading files outside of a query, such as to infer columns.
    pub fn session(&self) -> &SessionState {
        &self.inner.template
    }

    fn handle(&self) -> tokio::runtime::Handle {
        match &self.inner.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => tokio::runtime::Handle::current(),
        }
    }
}
