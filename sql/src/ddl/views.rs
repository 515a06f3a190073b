//! Creating and altering views.

use std::sync::Arc;

use mica_catalog::{
    Definition, Dependency, EntryId, Error as CatalogError, Name, Relation, RelationBody,
    RelationKind, RelationName, SchemaMode, Source, Version, View,
};
use sqlparser::ast::{ObjectName, Query};

use super::{Draft, Executor, SessionContext, columns, constraints};
use crate::graph::{TEMPORARY, Temporary};
use crate::planner::{Against, PlannedView};
use crate::statement::CreateView;
use crate::{Error, Parsed, Result, Scope, references};

impl Executor {
    pub(super) async fn create_view(
        &self,
        draft: &mut Draft,
        parsed: &Parsed,
        view: &CreateView,
        session: &SessionContext,
        source: Option<&Source>,
    ) -> Result<String> {
        let name = references::resolve_object(&view.name, &session.scope)?;
        let old = self.current(draft, &name).await?;
        if let Some(old) = &old {
            // What a project creates replaces what it created before.
            if view.if_not_exists && source.is_none() {
                return Ok(format!("'{name}' exists already"));
            }
            if !view.or_replace && source.is_none() {
                return Err(exists(old));
            }
            if old.kind() != RelationKind::View && source.is_none() {
                return Err(wrong_kind(old, "view", "drop it first"));
            }
        }
        let planned = self.plan_view(draft, &view.query, parsed, session).await?;
        let mut body = view_body(parsed, view, planned, session, source)?;
        // What a project creates has the keys alone that the project declares.
        if let Some(old) = old.as_ref().filter(|_| source.is_none()) {
            body.constraints = constraints::kept(&old.body, &body);
        }
        let changed = draft.put(&name, body, old.as_ref())?;
        Ok(outcome("view", &name, old.is_some(), changed))
    }

    /// Plans the query of a view that is to be stored.
    pub(super) async fn plan_view(
        &self,
        draft: &Draft,
        query: &Query,
        parsed: &Parsed,
        session: &SessionContext,
    ) -> Result<PlannedView> {
        let against = Against {
            snapshot: draft.snapshot(),
            temporary: &session.temporary,
            scope: &session.scope,
        };
        let planned = self.planner.view(query, &parsed.text, against).await?;
        let mut dependencies = planned.dependencies.iter();
        let temporary = dependencies.find(|read| read.name.schema.as_str() == TEMPORARY);
        if let Some(temporary) = temporary {
            return Err(Error::invalid(format!(
                "a stored view cannot read the temporary view '{}'; make one of both the other",
                temporary.name.relation
            )));
        }
        Ok(planned)
    }

    pub(super) async fn create_temporary_view(
        &self,
        parsed: &Parsed,
        view: &CreateView,
        session: &mut SessionContext,
    ) -> Result<String> {
        let name = temporary_name(&view.name)?;
        if session.temporary.get(&name).is_some() && !view.or_replace {
            return already_there(name, view.if_not_exists);
        }
        let snapshot = self.planner.store().snapshot().await?;
        let against = Against {
            snapshot: &snapshot,
            temporary: &session.temporary,
            scope: &session.scope,
        };
        let planned = self
            .planner
            .view(&view.query, &parsed.text, against)
            .await?;
        let full = Temporary::name(&Name::from(name.as_str()));
        if planned.dependencies.iter().any(|read| read.name == full) {
            return Err(Error::Catalog(CatalogError::Cycle { path: vec![full] }));
        }
        let body = view_body(parsed, view, planned, session, None)?;
        session.temporary.insert(Relation {
            id: EntryId::random(),
            since: Version(0),
            name: full,
            body: Arc::new(body),
        });
        Ok(format!("created temporary view '{name}'"))
    }

    /// The relation of that name in the draft, with its body.
    pub(super) async fn current(
        &self,
        draft: &Draft,
        name: &RelationName,
    ) -> Result<Option<Relation>> {
        let Some(head) = draft.snapshot().relation(name) else {
            draft.snapshot().require_schema(name.schema.as_str())?;
            return Ok(None);
        };
        let store = &**self.planner.store();
        let loaded = mica_catalog::load(store, &[Arc::clone(head)]).await?;
        Ok(loaded.into_iter().next())
    }

    /// As [`Executor::current`], for a relation that must be there.
    pub(super) async fn require(&self, draft: &Draft, name: &RelationName) -> Result<Relation> {
        let found = self.current(draft, name).await?;
        found.ok_or_else(|| Error::Catalog(draft.snapshot().not_found(name)))
    }
}

/// The one part of a temporary relation's name.
pub(super) fn temporary_name(name: &ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [part] => Ok(part
            .as_ident()
            .map(|ident| ident.value.clone())
            .unwrap_or_default()),
        _ => Err(Error::invalid("the name of a temporary view has no schema")),
    }
}

/// What happens to a `CREATE TEMPORARY VIEW` without `OR REPLACE` whose name is taken.
pub(super) fn already_there(name: String, if_not_exists: bool) -> Result<String> {
    match if_not_exists {
        true => Ok(format!("temporary view '{name}' exists already")),
        false => Err(Error::Catalog(CatalogError::AlreadyExists {
            kind: "temporary view",
            name,
        })),
    }
}

/// `created view 'a.b'`, or what happened instead.
pub(super) fn outcome(kind: &str, name: &RelationName, existed: bool, changed: bool) -> String {
    match (existed, changed) {
        (false, _) => format!("created {kind} '{name}'"),
        (true, true) => format!("replaced {kind} '{name}'"),
        (true, false) => format!("{kind} '{name}' is unchanged"),
    }
}

pub(super) fn exists(old: &Relation) -> Error {
    Error::Catalog(CatalogError::AlreadyExists {
        kind: old.kind().as_str(),
        name: old.name.to_string(),
    })
}

pub(super) fn wrong_kind(old: &Relation, wanted: &'static str, hint: &'static str) -> Error {
    Error::WrongKind {
        name: old.name.clone(),
        found: old.kind().as_str(),
        wanted,
        hint,
    }
}

fn view_body(
    parsed: &Parsed,
    view: &CreateView,
    planned: PlannedView,
    session: &SessionContext,
    source: Option<&Source>,
) -> Result<RelationBody> {
    let columns = columns::named(planned.columns, &view.columns)?;
    columns::check_unique(&columns)?;
    Ok(RelationBody {
        columns,
        comment: view.comment.clone(),
        owner: session.user.clone(),
        properties: view.properties.clone(),
        created_at_ms: now_ms(),
        source: source.cloned(),
        constraints: Vec::new(),
        broken: None,
        definition: Definition::View(definition(
            view.text.clone(),
            &session.scope_of(parsed),
            planned.dependencies,
            view.schema_mode.unwrap_or_default(),
            !view.columns.is_empty(),
        )),
    })
}

impl SessionContext {
    /// The session's scope, in the dialect that the statement was read in.
    pub(super) fn scope_of(&self, parsed: &Parsed) -> Scope {
        Scope {
            dialect: parsed.dialect,
            ..self.scope.clone()
        }
    }
}

/// A view's definition in a scope.
pub(super) fn definition(
    text: String,
    scope: &Scope,
    dependencies: Vec<Dependency>,
    schema_mode: SchemaMode,
    columns_named: bool,
) -> View {
    View {
        text,
        dialect: scope.dialect.as_str().to_owned(),
        default_schema: scope.schema.clone(),
        settings: scope.settings.meaning(),
        dependencies,
        schema_mode,
        columns_named,
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| elapsed.as_millis() as i64)
}
