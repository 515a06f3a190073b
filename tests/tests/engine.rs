//! What the engine does with plans that hang, crawl, panic or never yield.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream::{self, BoxStream, StreamExt};
use mica::engine::{Engine, EngineLimits, Kept, QueryStream, Run};
use mica::error::Error;
use mica_catalog::Version;
use mica_sql::{Planned, Reuse, Scope};

type Batches = BoxStream<'static, Result<RecordBatch>>;

/// A table whose batches a test makes up.
struct Made(Box<dyn Fn() -> Batches + Send + Sync>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl PartitionStream for Made {
    fn schema(&self) -> &SchemaRef {
        schema()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(schema()),
            self.0(),
        ))
    }
}

fn schema() -> &'static SchemaRef {
    static SCHEMA: OnceLock<SchemaRef> = OnceLock::new();
    SCHEMA.get_or_init(|| Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)])))
}

fn batch(n: i64) -> RecordBatch {
    let column = Arc::new(Int64Array::from(vec![n]));
    RecordBatch::try_new(Arc::clone(schema()), vec![column]).unwrap()
}

/// Runs `SELECT n FROM made` on a new engine.
fn run(
    limits: EngineLimits,
    made: impl Fn() -> Batches + Send + Sync + 'static,
) -> (Engine, QueryStream) {
    let partition: Arc<dyn PartitionStream> = Arc::new(Made(Box::new(made)));
    let table = StreamingTable::try_new(Arc::clone(schema()), vec![partition]).unwrap();
    let source = provider_as_source(Arc::new(table));
    let plan = LogicalPlanBuilder::scan("made", source, None).unwrap();
    let planned = Planned {
        plan: plan.build().unwrap(),
        columns: Arc::clone(schema()),
        parameters: Vec::new(),
        reuse: Reuse::Never,
        reads: None,
    };
    let engine = Engine::start(limits).unwrap();
    let stream = engine.run(Run {
        kept: Arc::new(Kept::new(planned, true, Version(1))),
        scope: Scope::default(),
        user: "ann".to_owned(),
        text: "SELECT n FROM made".to_owned(),
        ticket: Vec::new(),
    });
    (engine, stream)
}

/// Rows up to the end of the stream, or its error.
async fn rows(mut stream: QueryStream) -> Result<usize, Error> {
    let all = async {
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            rows += batch?.num_rows();
        }
        Ok(rows)
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, all)
        .await
        .expect("it never ended")
}

#[tokio::test]
async fn a_plan_that_makes_no_progress_is_ended() {
    let limits = EngineLimits {
        no_progress_timeout: Some(Duration::from_millis(200)),
        ..EngineLimits::default()
    };
    let (engine, stream) = run(limits, || stream::pending().boxed());
    let error = rows(stream).await.unwrap_err();
    assert!(matches!(error, Error::Stuck { .. }), "{error}");
    assert!(error.to_string().contains("--no-progress-timeout"));
    engine.queries().idle().await;
}

#[tokio::test]
async fn a_plan_that_crawls_is_not() {
    let limits = EngineLimits {
        no_progress_timeout: Some(Duration::from_secs(2)),
        ..EngineLimits::default()
    };
    let step = |n| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(batch(n))
    };
    let (_engine, stream) = run(limits, move || stream::iter(0..30).then(step).boxed());
    assert_eq!(rows(stream).await.unwrap(), 30);
}

#[tokio::test]
async fn a_plan_that_never_yields_cannot_keep_its_client_from_the_answer() {
    let limits = EngineLimits {
        statement_timeout: Some(Duration::from_millis(200)),
        max_queries: 1,
        threads: 1,
        ..EngineLimits::default()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let busy = move || {
        let told = Arc::clone(&told);
        let spin = move |_: &mut std::task::Context<'_>| {
            while !told.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Poll::Ready(None)
        };
        stream::poll_fn(spin).boxed()
    };
    let (engine, stream) = run(limits, busy);
    let error = rows(stream).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    // It is still there to be seen, until it has really stopped.
    assert_eq!(engine.queries().list().len(), 1);
    stop.store(true, Ordering::Relaxed);
    engine.queries().idle().await;
}

#[tokio::test]
async fn a_panic_is_an_internal_error_without_its_text() {
    let panics = |_: &mut std::task::Context<'_>| -> Poll<Option<Result<RecordBatch>>> {
        panic!("secret detail")
    };
    let limits = EngineLimits::default();
    let (engine, stream) = run(limits, move || stream::poll_fn(panics).boxed());
    let error = rows(stream).await.unwrap_err();
    assert!(matches!(error, Error::Internal { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    engine.queries().idle().await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_query() {
    let limits = EngineLimits::default();
    let (engine, stream) = run(limits, || stream::pending().boxed());
    drop(stream);
    engine.queries().idle().await;
}
