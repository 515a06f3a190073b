//! For tests: a session over a catalog in memory, without files.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use mica_catalog::{MemoryStore, Relation, RelationName, Snapshot};

use crate::ddl::Draft;
use crate::planner::Against;
use crate::project::{Project, SourceFile};
use crate::{
    DefineTable, DefinedTable, Definer, Dialect, Effect, Executor, Limits, Origin, Parsed, Planner,
    Prepared, Providers, Result, SessionContext, one, parse,
};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
struct NoFiles;

impl Providers for NoFiles {
    fn provider(&self, _: &Relation) -> Result<Arc<dyn TableProvider>, BoxedError> {
        Err("there are no files".into())
    }
}

#[async_trait]
impl Definer for NoFiles {
    async fn define(&self, _: DefineTable) -> Result<DefinedTable, BoxedError> {
        Err("there are no files".into())
    }
}

/// A client, alone on its catalog.
pub(crate) struct Session {
    pub(crate) executor: Executor,
    context: SessionContext,
}

impl Session {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let store = Arc::new(MemoryStore::default());
        let planner = Planner::new(store, Arc::new(NoFiles), Limits::default());
        let mut context = SessionContext::default();
        context.scope.set("dialect", dialect.as_str()).unwrap();
        Self {
            executor: Executor::new(planner, Arc::new(NoFiles)),
            context,
        }
    }

    fn parse(&self, text: &str) -> Result<Parsed> {
        let dialect = self.context.scope.dialect;
        parse(one(text, dialect)?, dialect)
    }

    /// Runs a statement that changes something. Returns its message.
    pub(crate) fn try_run(&mut self, text: &str) -> Result<String> {
        let parsed = self.parse(text)?;
        let effect = self
            .executor
            .execute(&parsed, &self.context, &Origin::Client);
        let Effect {
            message, session, ..
        } = wait(effect)?;
        self.context = session.unwrap_or_else(|| self.context.clone());
        Ok(message)
    }

    /// As [`Session::try_run`], for statements that must succeed.
    #[track_caller]
    pub(crate) fn run(&mut self, text: &str) -> String {
        match self.try_run(text) {
            Ok(message) => message,
            Err(error) => panic!("{text}: {error}"),
        }
    }

    /// The message of the error that a statement must give.
    #[track_caller]
    pub(crate) fn fail(&mut self, text: &str) -> String {
        match self.try_run(text) {
            Ok(message) => panic!("{text}: {message}"),
            Err(error) => error.to_string(),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        wait(self.executor.planner().store().snapshot()).unwrap()
    }

    /// The stored relation of that name in the default schema.
    #[track_caller]
    pub(crate) fn relation(&self, name: &str) -> Relation {
        let name = RelationName::new(mica_catalog::DEFAULT_SCHEMA, name);
        let head = Arc::clone(self.snapshot().require_relation(&name).unwrap());
        let store = self.executor.planner().store();
        wait(mica_catalog::load(&**store, &[head]))
            .unwrap()
            .remove(0)
    }

    /// A draft with the changes of one statement, which is never committed.
    pub(crate) fn draft(&self, text: &str) -> Draft {
        let mut draft = Draft::new(self.snapshot());
        let mut context = self.context.clone();
        let parsed = self.parse(text).unwrap();
        let drafted = self
            .executor
            .draft(&mut draft, &parsed, &mut context, &Origin::Client, None);
        wait(drafted).unwrap();
        draft
    }

    /// The plan of a query on `snapshot`, views expanded.
    #[track_caller]
    pub(crate) fn plan(&self, query: &str, snapshot: &Snapshot) -> String {
        let against = Against {
            snapshot,
            temporary: &self.context.temporary,
            scope: &self.context.scope,
        };
        let parsed = self.parse(query).unwrap();
        let prepared = self.executor.planner().prepare(&parsed, against, None);
        match wait(prepared).unwrap() {
            Prepared::Query(planned) => planned.plan.display_indent().to_string(),
            _ => panic!("{query} is no query"),
        }
    }
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// A project of files in the layer `views`, by path.
pub(crate) fn project(files: &[(&str, &str)]) -> Project {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        layer: "views".to_owned(),
        text: (*text).to_owned(),
    };
    Project {
        name: "shop".to_owned(),
        folder: "/shop".to_owned(),
        dialect: Dialect::Ansi,
        schema: mica_catalog::DEFAULT_SCHEMA.to_owned(),
        variables: BTreeMap::new(),
        files: files.iter().map(file).collect(),
    }
}
