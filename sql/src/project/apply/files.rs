//! What a project's files made: which are unchanged, who owns a name, what no file creates any more.

use std::collections::{BTreeSet, HashMap, HashSet};

use mica_catalog::{ProjectFile, RelationName, Version};

use super::super::read::Item;
use super::Run;
use crate::{Error, Result, Statement};

/// Stands for a path where what no file creates any more is remembered.
const ORPHANS: &str = "*";

impl Run<'_> {
    /// Whether a file is as it was applied `before`, and nobody changed what it created since.
    pub(super) fn is_unchanged(&self, at: usize, before: &ProjectFile) -> bool {
        let snapshot = self.draft.base();
        let untouched = |name: &RelationName| {
            let head = snapshot.relation(name);
            head.is_some_and(|head| head.since <= before.since)
        };
        before.digest == self.digest(at, &before.relations)
            && before.relations.iter().all(untouched)
    }

    /// Hash of everything that decides what a file creates, which is `relations`.
    fn digest(&self, at: usize, relations: &[RelationName]) -> [u8; 32] {
        let project = self.project;
        let file = &project.files[at];
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(&file.text);
        part(&file.layer);
        part(project.dialect.as_str());
        part(&project.schema);
        part(&project.folder);
        for (name, value) in &project.variables {
            if file.text.contains(name.as_str()) {
                part(name);
                part(value);
            }
        }
        self.amendments
            .elsewhere(at, relations)
            .into_iter()
            .for_each(part);
        *hasher.finalize().as_bytes()
    }

    /// A name in a changed file must not be one that an unchanged file creates.
    pub(super) fn check_owners(&self, read: &[Item], changed: &HashSet<usize>) -> Result<()> {
        let mut owners: HashMap<&RelationName, &str> = HashMap::new();
        for (at, file) in self.project.files.iter().enumerate() {
            if let Some(before) = self.before.get(&file.path)
                && !changed.contains(&at)
            {
                let names = before.relations.iter();
                owners.extend(names.map(|name| (name, file.path.as_str())));
            }
        }
        for item in read.iter().filter(|item| changed.contains(&item.file)) {
            let owner = item
                .creates
                .as_ref()
                .and_then(|name| Some((name, owners.get(name)?)));
            if let Some((name, owner)) = owner {
                let error = Error::invalid(format!("'{name}' is created in {owner} already"));
                return Err(self.located(item, error));
            }
        }
        Ok(())
    }

    pub(super) fn record_files(&mut self, read: &[Item], changed: &HashSet<usize>) -> Result<()> {
        for at in 0..self.project.files.len() {
            if !changed.contains(&at) {
                continue;
            }
            let own = || read.iter().filter(|item| item.file == at);
            let mut relations: Vec<RelationName> =
                own().filter_map(|item| item.creates.clone()).collect();
            relations.sort();
            relations.dedup();
            let is_query = |item: &&Item| matches!(item.parsed.statement, Statement::Query(_));
            let file = ProjectFile {
                project: self.project.name.clone(),
                path: self.project.files[at].path.clone(),
                digest: self.digest(at, &relations),
                relations,
                queries: own().filter(is_query).count() as u32,
                since: Version(0),
            };
            self.draft.put_file(file)?;
        }
        Ok(())
    }

    /// Reports what files created before and no longer do, or drops it.
    pub(super) async fn orphans(
        &mut self,
        read: &[Item],
        changed: &HashSet<usize>,
        created: &HashSet<RelationName>,
    ) -> Result<()> {
        let mut orphans = Vec::new();
        for name in self.no_longer_created(read, changed, created) {
            // Whoever made another relation of that name since is its owner.
            let relation = self.load(&name).await?;
            let source = relation.and_then(|relation| relation.body.source.clone());
            if source.is_some_and(|source| source.project == self.project.name) {
                orphans.push(name);
            }
        }
        if !self.options.prune {
            self.remember_orphans(&orphans)?;
            self.report.orphans = orphans;
            return Ok(());
        }
        for name in orphans {
            self.draft.drop(&name, true)?;
            self.report.changes.push(format!("dropped '{name}'"));
        }
        self.forget_files()
    }

    /// Names that files created before, and that none does any more.
    fn no_longer_created(
        &self,
        read: &[Item],
        changed: &HashSet<usize>,
        created: &HashSet<RelationName>,
    ) -> BTreeSet<RelationName> {
        let files = self.project.files.iter().enumerate();
        let unchanged: HashSet<&str> = files
            .filter(|(at, _)| !changed.contains(at))
            .map(|(_, file)| file.path.as_str())
            .collect();
        let (kept, others): (Vec<_>, Vec<_>) = self
            .before
            .values()
            .partition(|file| unchanged.contains(file.path.as_str()));
        let mut still: HashSet<&RelationName> = created.iter().collect();
        still.extend(read.iter().filter_map(|item| item.creates.as_ref()));
        still.extend(kept.iter().flat_map(|file| &file.relations));
        let before = others.into_iter().flat_map(|file| &file.relations);
        before
            .filter(|name| !still.contains(name))
            .cloned()
            .collect()
    }

    /// Forgets the files that are gone.
    fn forget_files(&mut self) -> Result<()> {
        let files = self.project.files.iter();
        let paths: HashSet<&str> = files.map(|file| file.path.as_str()).collect();
        for path in self.before.keys() {
            if !paths.contains(path.as_str()) {
                self.draft.drop_file(&self.project.name, path)?;
            }
        }
        Ok(())
    }

    /// Keeps what an edited file no longer creates under a path that no file has, so that it is told
    /// of, and can be pruned, at every later apply.
    fn remember_orphans(&mut self, orphans: &[RelationName]) -> Result<()> {
        let before = self.before.get(ORPHANS).map(|file| &file.relations[..]);
        if before.unwrap_or_default() == orphans {
            return Ok(());
        }
        self.draft.put_file(ProjectFile {
            project: self.project.name.clone(),
            path: ORPHANS.to_owned(),
            digest: [0; 32],
            relations: orphans.to_vec(),
            queries: 0,
            since: Version(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::project::{ApplyOptions, Report, apply};
    use crate::testing::{Session, project, wait};

    #[track_caller]
    fn applied(session: &Session, files: &[(&str, &str)], prune: bool) -> Report {
        let project = project(files);
        let options = ApplyOptions {
            prune,
            ..ApplyOptions::default()
        };
        let executor = &session.executor;
        wait(apply(executor, &project, "alice", options, &(), &|_, _| {})).unwrap()
    }

    #[test]
    fn a_view_made_by_hand_where_an_orphan_stood_is_not_pruned() {
        let mut session = Session::new(Dialect::Ansi);
        applied(
            &session,
            &[("v.sql", "CREATE VIEW v AS SELECT 1 AS n")],
            false,
        );
        let report = applied(&session, &[], false);
        assert_eq!(report.orphans.len(), 1);
        session.run("DROP VIEW v");
        session.run("CREATE VIEW v AS SELECT 2 AS n");
        let report = applied(&session, &[], true);
        assert_eq!(report.changes, [""; 0]);
        session.relation("v");
    }

    #[test]
    fn a_view_is_altered_after_what_it_then_reads_was_created() {
        let session = Session::new(Dialect::Ansi);
        let first = "CREATE VIEW v AS SELECT 1 AS n; ALTER VIEW v AS SELECT n FROM w";
        let second = "CREATE VIEW w AS SELECT 2 AS n";
        applied(&session, &[("a.sql", first), ("b.sql", second)], false);
        session.relation("v");
    }
}
