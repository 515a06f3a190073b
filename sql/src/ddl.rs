//! Statements that change something: a session, or the catalog.
//!
//! ```text
//! statement -> Draft: changes on an uncommitted snapshot -> dependents planned again -> commit
//!                 ^------------------- another commit came first: again ---------------'
//! ```
//!
//! A draft may take many statements; a project is one draft and one commit.

mod columns;
mod constraints;
mod dependents;
mod draft;
mod dropping;
mod history;
mod relations;
pub(crate) mod schemas;
mod tables;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use mica_catalog::{Commit, RelationName, Source, Version};

pub use draft::Draft;

use crate::graph::Temporary;
use crate::statement::{SetStatement, Upkeep};
use crate::{Dialect, Error, Parsed, Planner, Result, Scope, Statement, references};

/// What a session's statements run in.
#[derive(Clone, Debug, Default)]
pub struct SessionContext {
    /// Dialect, schema, settings.
    pub scope: Scope,
    /// Temporary views.
    pub temporary: Temporary,
    /// Who it is.
    pub user: String,
}

/// Who names a location, and so what it may name and what relative ones are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client: below the server's data roots.
    Client,
    /// The operator's own command: anywhere; relative to this folder.
    Operator {
        /// An absolute path.
        folder: String,
    },
}

/// A table to be defined, as written.
#[derive(Clone, Debug)]
pub struct DefineTable {
    /// Where it will stand, for messages.
    pub name: RelationName,
    /// A path or URL.
    pub location: String,
    /// `CSV`, `JSON`, `PARQUET` or `TEXTFILE`.
    pub format: String,
    /// Options, keys in lower case.
    pub options: BTreeMap<String, String>,
    /// Declared columns, if any.
    pub columns: Option<SchemaRef>,
    /// Names of the partition columns.
    pub partition_columns: Vec<String>,
    /// Decides how types are inferred.
    pub dialect: Dialect,
    /// Who asks.
    pub origin: Origin,
}

/// A table as it is stored.
#[derive(Clone, Debug)]
pub struct DefinedTable {
    /// Location, format and options in their stored form.
    pub table: mica_catalog::ExternalTable,
    /// All columns, partition columns last.
    pub columns: SchemaRef,
    /// What the user should know, such as that inference stopped early.
    pub note: Option<String>,
}

/// Looks at files to find out what a table's columns are.
#[async_trait]
pub trait Definer: Send + Sync + std::fmt::Debug {
    /// Resolves the location, checks it, and infers columns where none are declared.
    ///
    /// # Errors
    /// For locations that may not be read or hold nothing, unknown options, and broken files.
    async fn define(
        &self,
        request: DefineTable,
    ) -> Result<DefinedTable, Box<dyn std::error::Error + Send + Sync>>;
}

/// What a statement did.
#[derive(Clone, Debug)]
pub struct Effect {
    /// A line for people.
    pub message: String,
    /// The session as it is now, if the statement changed it.
    pub session: Option<SessionContext>,
    /// The version that it committed, if it changed the catalog.
    pub version: Option<Version>,
}

/// Runs statements that change something.
#[derive(Clone, Debug)]
pub struct Executor {
    planner: Planner,
    definer: Arc<dyn Definer>,
}

/// Commits that are tried before a rival has won for good.
const COMMIT_ATTEMPTS_MAX: u32 = 20;

impl Executor {
    /// An executor over the planner's catalog.
    pub fn new(planner: Planner, definer: Arc<dyn Definer>) -> Self {
        Self { planner, definer }
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Runs one statement: changes the session, or commits to the catalog. A commit that lost a
    /// race is planned again and retried.
    ///
    /// # Errors
    /// What the statement violates; [`mica_catalog::Error::Conflict`] after too many lost races.
    pub async fn execute(
        &self,
        parsed: &Parsed,
        session: &SessionContext,
        origin: &Origin,
    ) -> Result<Effect> {
        if let Some(effect) = self.session_effect(parsed, session, origin).await? {
            return Ok(effect);
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let snapshot = self.planner.store().snapshot().await?;
            let mut draft = Draft::new(snapshot);
            let mut after = session.clone();
            let message = self
                .draft(&mut draft, parsed, &mut after, origin, None)
                .await?;
            let summary = summary_of(&parsed.text.text);
            match self.commit(draft, session, &summary).await {
                Ok((version, notes)) => {
                    let lines = std::iter::once(message).chain(notes);
                    return Ok(Effect {
                        message: lines.collect::<Vec<_>>().join("\n"),
                        session: None,
                        version,
                    });
                }
                Err(Error::Catalog(mica_catalog::Error::Conflict { .. }))
                    if attempt < COMMIT_ATTEMPTS_MAX =>
                {
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds the changes of one statement to a draft. `source` is the project file that it stands
    /// in. Temporary relations are stored ones there.
    ///
    /// # Errors
    /// What the statement violates.
    pub async fn draft(
        &self,
        draft: &mut Draft,
        parsed: &Parsed,
        session: &mut SessionContext,
        origin: &Origin,
        source: Option<&Source>,
    ) -> Result<String> {
        match &parsed.statement {
            Statement::CreateView(view) => {
                self.create_view(draft, parsed, view, session, source).await
            }
            Statement::CreateTable(table) => {
                self.create_table(draft, table, session, origin, source)
                    .await
            }
            Statement::CreateSchema(schema) => schemas::create(draft, schema, &session.user),
            Statement::Drop(drop) => self.drop(draft, drop, session).await,
            Statement::Alter(alter) => self.alter(draft, parsed, alter, session).await,
            Statement::Comment(comment) => self.comment(draft, comment, session).await,
            Statement::Refresh(name) => self.refresh(draft, name, session).await,
            Statement::Undrop(name) => self.undrop(draft, name, session).await,
            Statement::Restore(name, version) => self.restore(draft, name, *version, session).await,
            _ => Err(Error::invalid(
                "this statement changes nothing in the catalog",
            )),
        }
    }

    /// Plans the dependents of what the draft changed, and commits all of it. Nothing is committed
    /// if nothing changed. Returns the new version and what the user should know.
    ///
    /// # Errors
    /// [`Error::Dependents`]; what [`mica_catalog::CatalogStore::commit`] says.
    pub async fn commit(
        &self,
        mut draft: Draft,
        session: &SessionContext,
        summary: &str,
    ) -> Result<(Option<Version>, Vec<String>)> {
        self.replan_dependents(&mut draft, session).await?;
        let notes = std::mem::take(&mut draft.notes);
        if draft.changes().is_empty() {
            return Ok((None, notes));
        }
        let commit = Commit {
            base: draft.base().version(),
            author: session.user.clone(),
            summary: summary.to_owned(),
            changes: draft.into_changes(),
        };
        let version = self.planner.store().commit(commit).await?;
        Ok((Some(version), notes))
    }

    /// The effect of a statement that changes the session alone.
    async fn session_effect(
        &self,
        parsed: &Parsed,
        session: &SessionContext,
        origin: &Origin,
    ) -> Result<Option<Effect>> {
        let mut after = session.clone();
        let message = match &parsed.statement {
            Statement::Use(parts) => self.use_schema(parts, &mut after.scope).await?,
            Statement::Set(SetStatement::Value(key, value)) => {
                after.scope.set(key, value)?;
                format!("{key} is now '{}'", after.scope.show(key)?)
            }
            Statement::Reset(key) => reset(&mut after.scope, key.as_deref())?,
            Statement::CreateView(view) if view.temporary => {
                self.create_temporary_view(parsed, view, &mut after).await?
            }
            Statement::CreateTable(table) if table.temporary => {
                self.create_temporary_table(table, &mut after, origin)
                    .await?
            }
            Statement::Upkeep(upkeep) => self.upkeep(upkeep, session).await?,
            Statement::Drop(drop) if dropping::drops_temporary(drop, &after.temporary) => {
                dropping::drop_temporary(drop, &mut after.temporary)
            }
            _ => return Ok(None),
        };
        Ok(Some(Effect {
            message,
            session: Some(after),
            version: None,
        }))
    }

    /// Says that nothing is to be done for a relation that is there.
    async fn upkeep(&self, upkeep: &Upkeep, session: &SessionContext) -> Result<String> {
        let what = upkeep.what;
        if let Some(name) = upkeep.relation.as_ref().filter(|_| !upkeep.if_exists) {
            let snapshot = self.planner.store().snapshot().await?;
            let temporary = views::temporary_name(name).ok();
            let is_temporary = |name: String| session.temporary.get(&name).is_some();
            if !temporary.is_some_and(is_temporary) {
                let name = references::resolve_object(name, &session.scope)?;
                snapshot.require_relation(&name)?;
            }
        }
        Ok(format!(
            "nothing to do: {what} is not needed here, files are looked at by each query"
        ))
    }

    async fn use_schema(&self, parts: &[String], scope: &mut Scope) -> Result<String> {
        let snapshot = self.planner.store().snapshot().await?;
        let schema = references::resolve_schema(parts)?;
        scope.schema = match schema {
            crate::INFORMATION_SCHEMA => schema.to_owned(),
            schema => snapshot.require_schema(schema)?.name.to_string(),
        };
        Ok(format!("schema is now '{}'", scope.schema))
    }
}

/// Gives one setting its default again, or all of them.
fn reset(scope: &mut Scope, key: Option<&str>) -> Result<String> {
    let Some(key) = key else {
        *scope = Scope::default();
        return Ok("all settings have their defaults again".to_owned());
    };
    scope.reset(key)?;
    Ok(match scope.show(key) {
        Ok(default) => format!("{key} is '{default}' again"),
        Err(_) => format!("{key} is undefined again"),
    })
}

/// One line of a statement, for `SHOW HISTORY`.
fn summary_of(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{} ..", &line[..at]),
        None => line,
    }
}
