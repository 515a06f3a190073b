//! Running the statements of a project on its draft.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use mica_catalog::{Relation, RelationName, Source};

use super::super::Validation;
use super::super::read::Item;
use super::{Run, Validator};
use crate::planner::Against;
use crate::prepare::Prepared;
use crate::{Error, Origin, Result, SessionContext, Statement, Temporary};

/// What went wrong so far. Others are tried all the same, so that a user sees all there is to mend.
#[derive(Debug, Default)]
pub(super) struct Failures {
    errors: Vec<Error>,
    /// What a failed statement would have created.
    missing: HashSet<RelationName>,
}

impl Failures {
    /// More are of no use to anybody.
    const ERRORS_MAX: usize = 20;

    pub(super) fn caught<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|error| self.errors.push(error)).ok()
    }

    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= Self::ERRORS_MAX
    }

    /// Whether `item` needs what is missing; then so do those that need what it creates.
    fn reaches(&mut self, item: &Item) -> bool {
        let reached = item.reads.iter().any(|name| self.missing.contains(name));
        if reached {
            self.missing.extend(item.creates.clone());
        }
        reached
    }

    /// The errors as one. `unseen` statements were not tried.
    pub(super) fn into_result(mut self, unseen: usize) -> Result<()> {
        match self.errors.len() {
            0 => Ok(()),
            1 => Err(self.errors.remove(0)),
            _ => Err(Error::Project {
                errors: self.errors,
                unseen,
            }),
        }
    }
}

impl Run<'_> {
    pub(super) async fn run_statements(
        &mut self,
        read: &[Item],
        ordered: &[usize],
        changed: &HashSet<usize>,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<HashSet<RelationName>> {
        let own = read.iter().filter(|item| changed.contains(&item.file));
        let recreated: HashSet<&RelationName> =
            own.filter_map(|item| item.creates.as_ref()).collect();
        let is_due = |item: &Item| {
            let amended = item.amends.as_ref();
            changed.contains(&item.file) || amended.is_some_and(|name| recreated.contains(name))
        };
        let mut created = HashSet::new();
        let mut failures = Failures::default();
        let mut unseen = 0;
        for (done, at) in ordered.iter().enumerate() {
            progress(done, ordered.len());
            let item = &read[*at];
            let is_repeated = |name: &RelationName| created.contains(name);
            let is_query = matches!(item.parsed.statement, Statement::Query(_));
            if is_query || item.creates.as_ref().is_some_and(is_repeated) || !is_due(item) {
                continue;
            }
            if failures.is_full() || failures.reaches(item) {
                unseen += 1;
                continue;
            }
            let outcome = self.run_statement(item).await;
            match failures.caught(outcome.map_err(|error| self.located(item, error))) {
                Some(()) => created.extend(item.creates.clone()),
                None => failures.missing.extend(item.creates.clone()),
            }
        }
        progress(ordered.len(), ordered.len());
        failures.into_result(unseen)?;
        self.settle(&created)?;
        Ok(created)
    }

    /// Takes back what ended as it began, and reports the rest.
    fn settle(&mut self, created: &HashSet<RelationName>) -> Result<()> {
        let settled = self.draft.settle()?;
        let mut told: BTreeSet<RelationName> = BTreeSet::new();
        for (name, line) in std::mem::take(&mut self.lines) {
            if name.as_ref().is_none_or(|name| !settled.contains(name)) {
                self.report.changes.push(line);
                told.extend(name);
            }
        }
        let is_told = |name: &&RelationName| told.contains(*name);
        self.report.unchanged += created.iter().filter(|name| !is_told(name)).count();
        Ok(())
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
            let name = item.creates.as_ref().or(item.amends.as_ref());
            self.lines.push((name.cloned(), message));
        }
        Ok(())
    }

    /// Whether applying has nothing to do for a statement.
    fn is_done(&self, statement: &Statement) -> bool {
        match statement {
            // `DROP VIEW IF EXISTS x` before `CREATE VIEW x`: replacing is what applying does.
            Statement::Drop(_) => true,
            // Files are looked at by each query.
            Statement::Refresh(_) | Statement::Upkeep(_) => true,
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
    pub(super) async fn load(&self, name: &RelationName) -> Result<Option<Relation>> {
        let Some(head) = self.draft.snapshot().relation(name) else {
            return Ok(None);
        };
        let store = self.executor.planner().store();
        let loaded = mica_catalog::load(&**store, &[Arc::clone(head)]).await?;
        Ok(loaded.into_iter().next())
    }

    pub(super) async fn validate(
        &mut self,
        read: &[Item],
        ordered: &[usize],
        validator: &dyn Validator,
    ) -> Result<()> {
        let mut failures = Failures::default();
        for item in ordered.iter().map(|at| &read[*at]) {
            if !matches!(item.parsed.statement, Statement::Query(_)) {
                continue;
            }
            if failures.is_full() {
                break;
            }
            let outcome = self.validate_one(item, validator).await;
            failures.caught(outcome.map_err(|error| self.located(item, error)));
            self.report.validated += 1;
        }
        failures.into_result(0)
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
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::project::{ApplyOptions, apply};
    use crate::testing::{Session, project, wait};

    fn attempt(session: &Session, files: &[(&str, &str)]) -> Result<(), String> {
        let (project, options) = (project(files), ApplyOptions::default());
        let executor = &session.executor;
        let outcome = wait(apply(executor, &project, "alice", options, &(), &|_, _| {}));
        outcome.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let session = Session::new(Dialect::Ansi);
        let files = [
            ("a.sql", "CREATE VIEW a AS SELECT nosuch"),
            ("b.sql", "CREATE VIEW b AS SELECT * FROM a"),
            ("c.sql", "CREATE VIEW c AS SELECT 1 AS n, 2 AS n"),
        ];
        let told = attempt(&session, &files).unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "2 statements failed; 1 more was not tried");
        assert!(lines[1].starts_with("  a.sql:1:25: "), "{told}");
        assert!(lines[2].starts_with("  c.sql:1:1: "), "{told}");
    }

    #[test]
    fn what_a_project_creates_if_it_does_not_exist_follows_its_file() {
        let session = Session::new(Dialect::Ansi);
        let text = |n: u8| format!("CREATE VIEW IF NOT EXISTS v AS SELECT {n} AS n");
        attempt(&session, &[("v.sql", &text(1))]).unwrap();
        attempt(&session, &[("v.sql", &text(2))]).unwrap();
        let view = session.relation("v");
        assert_eq!(view.body.as_view().unwrap().text, "SELECT 2 AS n");
    }
}
