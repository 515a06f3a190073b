//! Applying a project.

mod amendments;
mod files;
mod statements;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use mica_catalog::{Change, Error as CatalogError, ProjectFile, RelationName, Version};

use super::read::{Item, in_file, items};
use super::{Project, Validation, order};
use crate::ddl::{Draft, schemas};
use crate::statement::CreateSchema;
use crate::{Error, Executor, Result, SessionContext};
use amendments::Amendments;
use statements::Failures;

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
    amendments: Amendments,
    /// What statements did, with the relation that they did it to.
    lines: Vec<(Option<RelationName>, String)>,
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
            amendments: Amendments::default(),
            lines: Vec::new(),
            report: Report::default(),
        })
    }

    async fn apply(
        mut self,
        validator: &dyn Validator,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<Report> {
        let (read, changed) = self.read_files()?;
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

    /// The statements to look at, and the files whose statements are to be run.
    fn read_files(&mut self) -> Result<(Vec<Item>, HashSet<usize>)> {
        let mut failures = Failures::default();
        let mut parsed: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
        let amending = |at: &usize| amendments::may_amend(&self.project.files[*at].text);
        for at in (0..self.project.files.len()).filter(amending) {
            let items = failures.caught(items(self.project, at));
            parsed.insert(at, items.unwrap_or_default());
        }
        self.amendments = Amendments::of(parsed.values().flatten());
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
            if let Some(items) = parsed.remove(&at) {
                read.extend(items);
                continue;
            }
            // Queries run at every apply.
            let is_needed = unchanged.is_none_or(|before| before.queries > 0);
            if is_needed && !failures.is_full() {
                read.extend(failures.caught(items(self.project, at)).unwrap_or_default());
            }
        }
        failures.into_result(0)?;
        Ok((read, changed))
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
