//! What a project's files made: which are unchanged, who owns a name, what no file creates any more.

use std::collections::{HashMap, HashSet};

use mica_catalog::{ProjectFile, RelationName, Version};

use super::super::Project;
use super::super::read::Item;
use super::Run;
use crate::{Error, Result, Statement};

/// Stands for a path where what no file creates any more is remembered.
const ORPHANS: &str = "*";

impl Run<'_> {
    /// Whether a file is as it was applied, and nobody changed what it created since.
    pub(super) fn is_unchanged(&self, at: usize) -> bool {
        let Some(before) = self.before.get(&self.project.files[at].path) else {
            return false;
        };
        let snapshot = self.draft.base();
        let untouched = |name: &RelationName| {
            let head = snapshot.relation(name);
            head.is_some_and(|head| head.since <= before.since)
        };
        before.digest == self.digests[at] && before.relations.iter().all(untouched)
    }

    /// A name in a changed file must not be one that an unchanged file creates.
    pub(super) fn check_owners(&self, read: &[Item], changed: &HashSet<usize>) -> Result<()> {
        let mut owners: HashMap<&RelationName, &str> = HashMap::new();
        for (at, file) in self.project.files.iter().enumerate() {
            if let Some(before) = self
                .before
                .get(&file.path)
                .filter(|_| !changed.contains(&at))
            {
                owners.extend(
                    before
                        .relations
                        .iter()
                        .map(|name| (name, file.path.as_str())),
                );
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
                digest: self.digests[at],
                relations,
                queries: own().filter(is_query).count() as u32,
                since: Version(0),
            };
            self.draft.put_file(file)?;
        }
        Ok(())
    }

    /// What files created before and no longer do.
    pub(super) fn orphans(
        &mut self,
        read: &[Item],
        changed: &HashSet<usize>,
        created: &HashSet<RelationName>,
    ) -> Result<()> {
        let mut paths: HashMap<&str, usize> = HashMap::new();
        for (at, file) in self.project.files.iter().enumerate() {
            paths.insert(&file.path, at);
        }
        let still = |name: &RelationName| {
            created.contains(name) || read.iter().any(|item| item.creates.as_ref() == Some(name))
        };
        let mut orphans = Vec::new();
        let mut gone = Vec::new();
        for (path, before) in &self.before {
            let at = paths.get(path.as_str());
            if at.is_none() {
                gone.push(path.clone());
            }
            if at.is_none_or(|at| changed.contains(at)) {
                let names = before.relations.iter().filter(|name| !still(name));
                orphans.extend(names.cloned());
            }
        }
        let unchanged = self.before.iter().filter(|(path, _)| {
            let at = paths.get(path.as_str());
            at.is_some_and(|at| !changed.contains(at))
        });
        let kept: HashSet<&RelationName> =
            unchanged.flat_map(|(_, file)| &file.relations).collect();
        orphans
            .retain(|name| self.draft.snapshot().relation(name).is_some() && !kept.contains(name));
        orphans.sort();
        orphans.dedup();
        if !self.options.prune {
            self.remember_orphans(&orphans)?;
            self.report.orphans = orphans;
            return Ok(());
        }
        for name in orphans {
            self.draft.drop(&name, true)?;
            self.report.changes.push(format!("dropped '{name}'"));
        }
        for path in gone {
            self.draft.drop_file(&self.project.name, &path)?;
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

/// Hash of everything that decides what a file creates.
pub(super) fn digest(project: &Project, at: usize) -> [u8; 32] {
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
    *hasher.finalize().as_bytes()
}
