//! Applying a project.

mod files;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use mica_catalog::{
    Change, Error as CatalogError, ProjectFile, Relation, RelationName, Source, Version,
};

use super::read::{Item, in_file, items};
use super::{Project, Validation, order};
use crate::ddl::{Draft, schemas};
use crate::planner::Against;
use crate::prepare::Prepared;
use crate::statement::CreateSchema;
use crate::{Error, Executor, Origin, Result, SessionContext, Statement, Temporary};

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Commit nothing.
    pub dry_run: bool,
    /// Drop what the project's files no longer create.
    pub prune: bool,
}

/// What applying did, or would do.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One line a statement that changed something, in the order of execution.
    pub changes: Vec<String>,
    /// Relations that did not change.
    pub unchanged: usize,
    /// Relations of the project that no file creates any more and that were kept.
    pub orphans: Vec<RelationName>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Validation queries that ran.
    pub validated: usize,
    /// The version that was committed; none if nothing changed, or for a dry run.
    pub version: Option<Version>,
}

/// Runs validation queries.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Runs a query on the uncommitted snapshot and shows its rows.
    ///
    /// # Errors
    /// Whatever aborts the project.
    async fn validate(
        &self,
        validation: Validation,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Commits that are tried before a rival has won for good.
const ATTEMPTS_MAX: u32 = 5;

/// Applies all of `project` or nothing. `progress` is told how many of how many statements are done.
///
/// # Errors
/// [`Error::File`] with file, line and column; [`mica_catalog::Error::Conflict`] after too many lost
/// races.
pub async fn apply(
    executor: &Executor,
    project: &Project,
    user: &str,
    options: ApplyOptions,
    validator: &dyn Validator,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Report> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let run = Run::new(executor, project, user, options).await?;
        match run.apply(validator, progress).await {
            Err(Error::Catalog(CatalogError::Conflict { .. })) if attempt < ATTEMPTS_MAX => {}
            outcome => return outcome,
        }
    }
}

struct Run<'a> {
    executor: &'a Executor,
    project: &'a Project,
    user: &'a str,
    options: ApplyOptions,
    draft: Draft,
    /// Files as they were applied before, by path.
    before: BTreeMap<String, ProjectFile>,
    /// Digest of each file.
    digests: Vec<[u8; 32]>,
    report: Report,
}

impl<'a> Run<'a> {
    async fn new(
        executor: &'a Executor,
        project: &'a Project,
        user: &'a str,
        options: ApplyOptions,
    ) -> Result<Self> {
        let store = executor.planner().store();
        let draft = Draft::new(store.snapshot().await?);
        let files = store.project_files(&project.name).await?;
        let before = files.into_iter().map(|file| (file.path.clone(), file));
        Ok(Self {
            executor,
            project,
            user,
            options,
            draft,
            before: before.collect(),
            digests: (0..project.files.len())
                .map(|at| files::digest(project, at))
                .collect(),
            report: Report::default(),
        })
    }

    async fn apply(
        mut self,
        validator: &dyn Validator,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<Report> {
        let mut read: Vec<Item> = Vec::new();
        let mut changed: HashSet<usize> = HashSet::new();
        for at in 0..self.project.files.len() {
            let before = self.before.get(&self.project.files[at].path);
            let unchanged = before.filter(|before| self.is_unchanged(at, before));
            if let Some(before) = unchanged {
                self.report.unchanged += before.relations.len();
            } else {
                changed.insert(at);
            }
            // Queries run at every apply.
            if unchanged.is_none_or(|before| before.queries > 0) {
                read.extend(items(self.project, at)?);
            }
        }
        let ordered = order::order(self.project, &read)?;
        self.create_own_schema()?;
        self.check_owners(&read, &changed)?;
        let created = self
            .run_statements(&read, &ordered, &changed, progress)
            .await?;
        self.record_files(&read, &changed)?;
        self.orphans(&read, &changed, &created).await?;
        self.validate(&read, &ordered, validator).await?;
        self.finish().await
    }

    /// The schema that `mica.toml` names is there, whether or not a file creates it.
    fn create_own_schema(&mut self) -> Result<()> {
        let schema = CreateSchema {
            name: vec![self.project.schema.clone()],
            if_not_exists: true,
            comment: None,
            properties: BTreeMap::new(),
        };
        let before = self.draft.changes().len();
        let message = schemas::create(&mut self.draft, &schema, self.user)?;
        if self.draft.changes().len() > before {
            self.report.changes.push(message);
        }
        Ok(())
    }

    fn located(&self, item: &Item, error: Error) -> Error {
        in_file(&self.project.files[item.file], item.position(), error)
    }

    async fn run_statements(
        &mut self,
        read: &[Item],
        ordered: &[usize],
        changed: &HashSet<usize>,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<HashSet<RelationName>> {
        let mut created = HashSet::new();
        for (done, at) in ordered.iter().enumerate() {
            progress(done, ordered.len());
            let item = &read[*at];
            let repeated = item
                .creates
                .as_ref()
                .is_some_and(|name| created.contains(name));
            let is_query = matches!(item.parsed.statement, Statement::Query(_));
            if is_query || repeated || !changed.contains(&item.file) {
                continue;
            }
            let outcome = self.run_statement(item).await;
            outcome.map_err(|error| self.located(item, error))?;
            created.extend(item.creates.clone());
        }
        progress(ordered.len(), ordered.len());
        Ok(created)
    }

    async fn run_statement(&mut self, item: &Item) -> Result<()> {
        if self.is_done(&item.parsed.statement) {
            return Ok(());
        }
        if let Some(name) = &item.creates {
            self.check_replaceable(name).await?;
        }
        let file = &self.project.files[item.file];
        let source = Source {
            project: self.project.name.clone(),
            layer: file.layer.clone(),
            file: file.path.clone(),
        };
        let origin = Origin::Operator {
            folder: self.project.folder.clone(),
        };
        let mut session = self.session(item);
        let before = self.draft.changes().len();
        let (draft, parsed) = (&mut self.draft, &item.parsed);
        let executor = self.executor;
        let message = executor.draft(draft, parsed, &mut session, &origin, Some(&source));
        let message = message.await?;
        if self.draft.changes().len() > before {
            self.report.changes.push(message);
        } else if item.creates.is_some() {
            self.report.unchanged += 1;
        }
        Ok(())
    }

    /// Whether applying has nothing to do for a statement.
    fn is_done(&self, statement: &Statement) -> bool {
        match statement {
            // `DROP VIEW IF EXISTS x` before `CREATE VIEW x`: replacing is what applying does.
            Statement::Drop(_) => true,
            Statement::CreateSchema(schema) => {
                let name = schema.name.last();
                name.is_some_and(|name| self.draft.snapshot().schema(name).is_some())
            }
            _ => false,
        }
    }

    fn session(&self, item: &Item) -> SessionContext {
        SessionContext {
            scope: item.scope.clone(),
            temporary: Temporary::default(),
            user: self.user.to_owned(),
        }
    }

    /// A relation of another project, or made by hand, is not replaced.
    async fn check_replaceable(&self, name: &RelationName) -> Result<()> {
        let Some(relation) = self.load(name).await? else {
            return Ok(());
        };
        match &relation.body.source {
            Some(source) if source.project == self.project.name => Ok(()),
            Some(source) => Err(Error::invalid(format!(
                "'{name}' belongs to the project '{}' ({}); rename one of them",
                source.project, source.file
            ))),
            None => Err(Error::invalid(format!(
                "'{name}' exists and belongs to no project; drop or rename it first"
            ))),
        }
    }

    /// The relation of that name as the draft has it.
    async fn load(&self, name: &RelationName) -> Result<Option<Relation>> {
        let Some(head) = self.draft.snapshot().relation(name) else {
            return Ok(None);
        };
        let store = self.executor.planner().store();
        let loaded = mica_catalog::load(&**store, &[Arc::clone(head)]).await?;
        Ok(loaded.into_iter().next())
    }

    async fn validate(
        &mut self,
        read: &[Item],
        ordered: &[usize],
        validator: &dyn Validator,
    ) -> Result<()> {
        for item in ordered.iter().map(|at| &read[*at]) {
            if !matches!(item.parsed.statement, Statement::Query(_)) {
                continue;
            }
            let outcome = self.validate_one(item, validator).await;
            outcome.map_err(|error| self.located(item, error))?;
            self.report.validated += 1;
        }
        Ok(())
    }

    async fn validate_one(&self, item: &Item, validator: &dyn Validator) -> Result<()> {
        let against = Against {
            snapshot: self.draft.snapshot(),
            temporary: &Temporary::default(),
            scope: &item.scope,
        };
        let planner = self.executor.planner();
        let Prepared::Query(planned) = planner.prepare(&item.parsed, against, None).await? else {
            return Ok(());
        };
        let validation = Validation {
            file: self.project.files[item.file].path.clone(),
            position: item.position(),
            text: item.parsed.text.text.clone(),
            planned: *planned,
        };
        validator
            .validate(validation)
            .await
            .map_err(|source| Error::Validation { source })
    }

    async fn finish(mut self) -> Result<Report> {
        let mut session = SessionContext {
            user: self.user.to_owned(),
            ..SessionContext::default()
        };
        session
            .scope
            .set("dialect", self.project.dialect.as_str())?;
        let replanned = self.executor.replan_dependents(&mut self.draft, &session);
        replanned.await?;
        self.check_none_broken()?;
        if self.options.dry_run {
            self.report.notes = std::mem::take(&mut self.draft.notes);
            return Ok(self.report);
        }
        let summary = format!("apply project {}", self.project.name);
        let (version, notes) = self.executor.commit(self.draft, &session, &summary).await?;
        self.report.notes = notes;
        self.report.version = version;
        Ok(self.report)
    }
}

impl Run<'_> {
    /// A project must fit itself: what it breaks of its own is an error in every dialect.
    fn check_none_broken(&self) -> Result<()> {
        for change in self.draft.changes() {
            let Change::Put { name, body, .. } = change else {
                continue;
            };
            let own = body
                .source
                .as_ref()
                .filter(|source| source.project == self.project.name);
            if let (Some(source), Some(reason)) = (own, &body.broken) {
                return Err(Error::invalid(format!(
                    "'{name}' ({}) no longer fits what it reads: {reason}",
                    source.file
                )));
            }
        }
        Ok(())
    }
}
