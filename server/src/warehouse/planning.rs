//! From a text to what is ready to run: planned, or as it was planned before.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use mica_catalog::{CatalogStore, Snapshot, Version};
use mica_sql::{Against, Bound, Planned, Prepared, Reuse, Scope, SessionContext};

use super::{Ready, ReadyStatement, Warehouse};
use crate::engine::{Kept, Known, PlanKey};
use crate::error::{Error, Result};
use crate::queries::State;

/// A text that somebody asks for.
#[derive(Clone)]
struct Asked {
    text: String,
    session: SessionContext,
    snapshot: Snapshot,
}

impl Asked {
    /// Where its plan is kept; none with temporary views, which are the session's own.
    fn key(&self, parameters: Known) -> Option<PlanKey> {
        let shared = self.session.temporary.is_empty();
        shared.then(|| PlanKey {
            text: self.text.clone(),
            scope: self.session.scope.clone(),
            parameters,
        })
    }
}

impl Warehouse {
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
        let mut session = session.clone();
        session.scope.user.clone_from(&session.user);
        let asked = Asked {
            text: text.to_owned(),
            session,
            snapshot,
        };
        let ready = match values.filter(|values| !values.is_empty()) {
            None => self.ready(asked, None).await?,
            Some(values) => self.bound(asked, values).await?,
        };
        Ok(ReadyStatement { ready, version })
    }

    /// A statement with `values` in the place of its parameters.
    async fn bound(&self, asked: Asked, values: &[ScalarValue]) -> Result<Ready> {
        let typed = values
            .iter()
            .map(|value| (value.data_type(), value.clone()));
        let key = asked.key(Known::Values(typed.collect()));
        if let Some(kept) = self.kept(key.as_ref(), &asked.snapshot) {
            return Ok(Ready::Query(kept));
        }
        let version = asked.snapshot.version();
        let keep = |planned: Planned, admission| {
            let keep = key.filter(|_| !matches!(planned.reuse, Reuse::Never));
            Ready::Query(self.keep(keep, Kept::new(planned, admission, version)))
        };
        let untyped = self.ready(asked.clone(), None).await;
        // A text that cannot be planned by itself may be with the types of its values.
        let types = match &untyped {
            Ok(Ready::Query(kept)) => match kept.planned.bind(values)? {
                Bound::Query(planned) => return Ok(keep(*planned, kept.admission)),
                Bound::Types(types) => types,
            },
            Ok(_) => return untyped,
            Err(_) => values.iter().map(ScalarValue::data_type).collect(),
        };
        let typed = self.ready(asked, Some(types)).await;
        let Ok(Ready::Query(kept)) = &typed else {
            return untyped.and(typed);
        };
        match kept.planned.bind(values)? {
            Bound::Query(planned) => Ok(keep(*planned, kept.admission)),
            Bound::Types(_) => Err(Error::Request {
                message: "the values do not fit the parameters".to_owned(),
            }),
        }
    }

    /// A statement as kept, or planned now; `types` are those of its parameters, where the text does
    /// not decide them.
    async fn ready(&self, asked: Asked, types: Option<Vec<DataType>>) -> Result<Ready> {
        let key = asked.key(types.clone().map_or(Known::Text, Known::Types));
        match self.kept(key.as_ref(), &asked.snapshot) {
            Some(kept) => Ok(Ready::Query(kept)),
            None => self.plan(asked, types, key).await,
        }
    }

    fn kept(&self, key: Option<&PlanKey>, snapshot: &Snapshot) -> Option<Arc<Kept>> {
        key.and_then(|key| self.engine.plans().get(key, snapshot))
    }

    fn keep(&self, key: Option<PlanKey>, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        if let Some(key) = key {
            self.engine.plans().put(key, Arc::clone(&kept));
        }
        kept
    }

    /// Plans a text that no plan is kept of.
    async fn plan(
        &self,
        asked: Asked,
        types: Option<Vec<DataType>>,
        key: Option<PlanKey>,
    ) -> Result<Ready> {
        let session = &asked.session;
        let guard = self
            .engine
            .queries()
            .start(&session.user, &asked.text, State::Planning);
        let timeout = self.engine.timeout(&session.scope);
        let own_id = guard.query().id;
        let warehouse = self.clone();
        let work = async move { warehouse.plan_now(asked, types, key, own_id).await };
        self.engine.plan(guard, timeout, work).await
    }

    async fn plan_now(
        &self,
        asked: Asked,
        types: Option<Vec<DataType>>,
        key: Option<PlanKey>,
        own_id: u64,
    ) -> Result<Ready> {
        use mica_sql::Statement::{Explain, Query};
        let scope: &Scope = &asked.session.scope;
        let version = asked.snapshot.version();
        let parsed = mica_sql::parse(mica_sql::one(&asked.text, scope.dialect)?, scope.dialect)?;
        let against = Against {
            snapshot: &asked.snapshot,
            temporary: &asked.session.temporary,
            scope,
        };
        let planner = self.executor.planner();
        let prepared = planner.prepare(&parsed, against, types.as_deref()).await?;
        Ok(match prepared {
            Prepared::Query(planned) => {
                let key = key.filter(|_| matches!(parsed.statement, Query(_)));
                let reads = matches!(parsed.statement, Query(_) | Explain(_));
                Ready::Query(self.keep(key, Kept::new(*planned, reads, version)))
            }
            Prepared::Command => Ready::Command(Box::new(parsed)),
            Prepared::ShowQueries => {
                let planned = self.show_queries(own_id)?;
                Ready::Query(Arc::new(Kept::new(planned, false, version)))
            }
            Prepared::Kill(id) => Ready::Kill(id),
        })
    }
}
