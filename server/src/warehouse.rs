//! A warehouse: the catalog, the planner and the engine over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use mica_catalog::{CatalogStore, Relation, Snapshot, SqliteOptions, SqliteStore, Version};
use mica_data::{ExternalTableProvider, InferenceLimits, Roots, TableContext};
use mica_sql::{
    Against, Bound, DefineTable, DefinedTable, Definer, Dialect, Effect, Executor, Limits, Origin,
    Parsed, Planner, Prepared, Providers, Scope, SessionContext,
};

use crate::engine::{Engine, EngineLimits, Kept, PlanKey, QueryStream, Run, StartError};
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

/// What a text is planned with.
struct Planning {
    text: String,
    session: SessionContext,
    /// Types of its parameters, where the text does not decide them.
    types: Option<Vec<DataType>>,
    snapshot: Snapshot,
    /// Where the plan is kept, if it can be.
    key: Option<PlanKey>,
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

    /// Plans a statement against the newest version, or the one given.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn prepare(
        &self,
        text: &str,
        session: &SessionContext,
        values: Option<&[ScalarValue]>,
        version: Option<Version>,
    ) -> Result<ReadyStatement> {
        let snapshot = match version {
            None => self.store.snapshot().await?,
            Some(version) => self.store.snapshot_at(version).await?,
        };
        let version = snapshot.version();
        let ready = self.ready(text, session, &snapshot, None).await;
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            let ready = ready?;
            return Ok(ReadyStatement { ready, version });
        };
        // A text that cannot be planned by itself may be with the types of its values.
        let types = match &ready {
            Ok(Ready::Query(kept)) => match kept.planned.bind(values)? {
                Bound::Query(planned) => {
                    let ready = Ready::Query(Arc::new(Kept::new(*planned, kept.admission)));
                    return Ok(ReadyStatement { ready, version });
                }
                Bound::Types(types) => types,
            },
            Ok(_) => {
                let ready = ready?;
                return Ok(ReadyStatement { ready, version });
            }
            Err(_) => values.iter().map(ScalarValue::data_type).collect(),
        };
        let typed = self.ready(text, session, &snapshot, Some(types)).await;
        let Ok(Ready::Query(kept)) = &typed else {
            let ready = ready.and(typed)?;
            return Ok(ReadyStatement { ready, version });
        };
        match kept.planned.bind(values)? {
            Bound::Query(planned) => {
                let ready = Ready::Query(Arc::new(Kept::new(*planned, kept.admission)));
                Ok(ReadyStatement { ready, version })
            }
            Bound::Types(_) => Err(Error::Request {
                message: "the values do not fit the parameters".to_owned(),
            }),
        }
    }

    /// A statement as kept, or planned now; `types` are those of its parameters, where the text does
    /// not decide them.
    async fn ready(
        &self,
        text: &str,
        session: &SessionContext,
        snapshot: &Snapshot,
        types: Option<Vec<DataType>>,
    ) -> Result<Ready> {
        let scope = || Scope {
            user: session.user.clone(),
            ..session.scope.clone()
        };
        let key = session.temporary.is_empty().then(|| PlanKey {
            text: text.to_owned(),
            scope: scope(),
            version: snapshot.version(),
            parameters: types.clone(),
        });
        if let Some(kept) = key.as_ref().and_then(|key| self.engine.plans().get(key)) {
            return Ok(Ready::Query(kept));
        }
        let planning = Planning {
            text: text.to_owned(),
            session: SessionContext {
                scope: scope(),
                ..session.clone()
            },
            types,
            snapshot: snapshot.clone(),
            key,
        };
        self.plan(planning).await
    }

    /// Plans a text that no plan is kept of.
    async fn plan(&self, planning: Planning) -> Result<Ready> {
        let session = &planning.session;
        let guard = self
            .engine
            .queries()
            .start(&session.user, &planning.text, State::Planning);
        let timeout = self.engine.timeout(&session.scope);
        let own_id = guard.query().id;
        let warehouse = self.clone();
        let work = async move { warehouse.plan_now(planning, own_id).await };
        self.engine.plan(guard, timeout, work).await
    }

    async fn plan_now(&self, planning: Planning, own_id: u64) -> Result<Ready> {
        let scope = &planning.session.scope;
        let parsed = mica_sql::parse(mica_sql::one(&planning.text, scope.dialect)?, scope.dialect)?;
        let against = Against {
            snapshot: &planning.snapshot,
            temporary: &planning.session.temporary,
            scope,
        };
        let planner = self.executor.planner();
        let types = planning.types.as_deref();
        Ok(match planner.prepare(&parsed, against, types).await? {
            Prepared::Query(planned) => {
                use mica_sql::Statement::{Explain, Query};
                let keep = planning
                    .key
                    .filter(|_| matches!(parsed.statement, Query(_)));
                let reads = matches!(parsed.statement, Query(_) | Explain(_));
                let kept = Arc::new(Kept::new(*planned, reads));
                if let Some(key) = keep {
                    self.engine.plans().put(key, Arc::clone(&kept));
                }
                Ready::Query(kept)
            }
            Prepared::Command => Ready::Command(Box::new(parsed)),
            Prepared::ShowQueries => {
                let planned = self.show_queries(own_id)?;
                Ready::Query(Arc::new(Kept::new(planned, false)))
            }
            Prepared::Kill(id) => Ready::Kill(id),
        })
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
        const COLUMNS: [(&str, DataType); 6] = [
            ("query_id", DataType::Utf8),
            ("user", DataType::Utf8),
            ("state", DataType::Utf8),
            ("elapsed_ms", DataType::Int64),
            ("rows", DataType::Int64),
            ("statement", DataType::Utf8),
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
