//! A warehouse: the catalog, the planner and the engine over it.

mod planning;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use mica_catalog::{CatalogStore, Relation, SqliteOptions, SqliteStore, Version};
use mica_data::{ExternalTableProvider, InferenceLimits, Roots, TableContext};
use mica_sql::{
    DefineTable, DefinedTable, Definer, Dialect, Effect, Executor, Limits, Origin, Parsed, Planner,
    Providers, SessionContext,
};

use crate::engine::{Engine, EngineLimits, Kept, QueryStream, Run, StartError};
use crate::error::{Error, Result};
use crate::queries::State;

/// What a warehouse is opened with.
#[derive(Clone, Debug, Default)]
pub struct WarehouseConfig {
    /// The catalog's file.
    pub catalog: PathBuf,
    /// Folders below which clients may name files.
    pub roots: Roots,
    /// Limits of queries.
    pub engine: EngineLimits,
    /// Limits of plans.
    pub plan: Limits,
    /// How much of text files is read to infer columns.
    pub inference: InferenceLimits,
}

/// Why a warehouse cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] mica_catalog::Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] StartError),
}

/// A warehouse. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Warehouse {
    store: Arc<SqliteStore>,
    executor: Executor,
    engine: Engine,
}

/// A statement, ready to run.
#[derive(Debug)]
pub enum Ready {
    /// Gives rows.
    Query(Arc<Kept>),
    /// Changes something, once.
    Command(Box<Parsed>),
    /// Ends a query.
    Kill(String),
}

/// A statement that was prepared, and the version that it was planned against.
#[derive(Debug)]
pub struct ReadyStatement {
    /// What to do.
    pub ready: Ready,
    /// The catalog's version.
    pub version: Version,
}

impl Warehouse {
    /// Opens the warehouse, or makes it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: WarehouseConfig) -> Result<Self, OpenError> {
        let store = SqliteStore::open(&config.catalog, SqliteOptions::default())?;
        let store = Arc::new(store);
        let engine = Engine::start(config.engine)?;
        let tables = Arc::new(Tables {
            context: TableContext::new(config.roots),
            engine: engine.clone(),
            inference: config.inference,
        });
        let catalog: Arc<dyn CatalogStore> = Arc::clone(&store) as _;
        let planner = Planner::new(catalog, Arc::clone(&tables) as _, config.plan);
        Ok(Self {
            store,
            executor: Executor::new(planner, tables),
            engine,
        })
    }

    /// The catalog.
    pub fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    /// Runs statements that change something.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Runs queries.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The key of tickets and handles.
    pub fn ticket_key(&self) -> [u8; 32] {
        self.store.ticket_key()
    }

    /// Starts a query.
    ///
    /// `ticket` is what it can be cancelled by; empty for nothing.
    pub fn run(
        &self,
        kept: Arc<Kept>,
        text: &str,
        session: &SessionContext,
        ticket: &[u8],
    ) -> QueryStream {
        self.engine.run(Run {
            kept,
            scope: session.scope.clone(),
            user: session.user.clone(),
            text: text.to_owned(),
            ticket: ticket.to_vec(),
        })
    }

    /// Runs a statement that changes something. The work goes on if the caller leaves: it commits
    /// or fails by itself.
    ///
    /// # Errors
    /// What the statement violates.
    pub async fn execute(
        &self,
        parsed: Box<Parsed>,
        session: SessionContext,
        origin: Origin,
    ) -> Result<Effect> {
        let guard = self
            .engine
            .queries()
            .start(&session.user, &parsed.text.text, State::Changing);
        let executor = self.executor.clone();
        let work = async move {
            let outcome = executor.execute(&parsed, &session, &origin).await;
            outcome.map_err(Error::from)
        };
        self.engine.change(guard, work).await
    }

    fn show_queries(&self, own_id: u64) -> Result<mica_sql::Planned> {
        const COLUMNS: [(&str, DataType); 7] = [
            ("query_id", DataType::Utf8),
            ("user", DataType::Utf8),
            ("state", DataType::Utf8),
            ("elapsed_ms", DataType::Int64),
            ("rows", DataType::Int64),
            ("statement", DataType::Utf8),
            ("progress", DataType::Float64),
        ];
        let queries = self.engine.queries().list();
        let rows: Vec<Vec<Option<String>>> = queries
            .iter()
            .filter(|query| query.id != own_id)
            .map(|query| {
                let rows = query.rows.load(std::sync::atomic::Ordering::Relaxed);
                vec![
                    Some(query.id.to_string()),
                    Some(query.user.clone()),
                    Some(query.state().as_str().to_owned()),
                    Some(query.started.elapsed().as_millis().to_string()),
                    Some(rows.to_string()),
                    Some(query.text.clone()),
                    query.progress.part().map(|part| format!("{part:.3}")),
                ]
            })
            .collect();
        Ok(mica_sql::rows(&COLUMNS, &rows)?)
    }
}

/// Tables as the planner and the DDL see them.
#[derive(Debug)]
struct Tables {
    context: TableContext,
    engine: Engine,
    inference: InferenceLimits,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Providers for Tables {
    fn provider(&self, relation: &Relation) -> Result<Arc<dyn TableProvider>, BoxError> {
        let provider = ExternalTableProvider::new(relation, self.context.clone())?;
        Ok(Arc::new(provider))
    }
}

#[async_trait]
impl Definer for Tables {
    async fn define(&self, request: DefineTable) -> Result<DefinedTable, BoxError> {
        let roots = &self.context.roots;
        let (folder, restricted) = match &request.origin {
            Origin::Operator { folder } => (PathBuf::from(folder), false),
            Origin::Client => (roots.first().unwrap_or(Path::new("/")).to_owned(), true),
        };
        let definition = mica_data::Definition {
            location: request.location,
            format: request.format,
            options: request.options,
            columns: request.columns,
            partition_columns: request.partition_columns,
            spark: request.dialect == Dialect::Spark,
            folder,
            restricted,
        };
        let session = self.engine.session();
        let defined = mica_data::define(definition, session, roots, &self.inference).await?;
        Ok(DefinedTable {
            table: defined.table,
            columns: defined.columns,
            note: defined.note,
        })
    }
}
