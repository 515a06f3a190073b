//! A catalog in memory, for tests and for statements that need none on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::graph::{changed_views, check_no_cycle};
use crate::store::{CatalogStore, Finding, HistoryRow};
use crate::{
    Change, Commit, DEFAULT_SCHEMA, EntryId, Error, Name, ProjectFile, RelationBody, RelationHead,
    RelationName, Result, SchemaEntry, Snapshot, Version,
};

/// A catalog that is gone with the process. Keeps every version.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    ticket_key: [u8; 32],
}

#[derive(Debug)]
struct State {
    snapshots: BTreeMap<Version, Snapshot>,
    bodies: HashMap<(EntryId, Version), Arc<RelationBody>>,
    commits: BTreeMap<Version, (i64, String, String)>,
    files: BTreeMap<(String, String), ProjectFile>,
}

impl State {
    fn newest(&self) -> Snapshot {
        self.snapshots
            .last_key_value()
            .map(|(_, snapshot)| snapshot.clone())
            .unwrap_or_default()
    }

    fn oldest(&self) -> Version {
        self.snapshots
            .first_key_value()
            .map(|(version, _)| *version)
            .unwrap_or_default()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        let first = Snapshot::load(Version(1), [default_schema()], []);
        let mut ticket_key = [0; 32];
        ticket_key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        ticket_key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        Self {
            state: Mutex::new(State {
                snapshots: BTreeMap::from([(Version(1), first)]),
                bodies: HashMap::new(),
                commits: BTreeMap::from([(
                    Version(1),
                    (now_ms(), "mica".to_owned(), "create catalog".to_owned()),
                )]),
                files: BTreeMap::new(),
            }),
            ticket_key,
        }
    }
}

/// The schema of every new catalog.
pub(crate) fn default_schema() -> SchemaEntry {
    SchemaEntry {
        id: EntryId::random(),
        name: Name::from(DEFAULT_SCHEMA),
        owner: "mica".to_owned(),
        comment: None,
        properties: BTreeMap::new(),
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| elapsed.as_millis() as i64)
}

#[async_trait]
impl CatalogStore for MemoryStore {
    async fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.state.lock().newest())
    }

    async fn snapshot_at(&self, version: Version) -> Result<Snapshot> {
        let state = self.state.lock();
        let found = state.snapshots.get(&version).cloned();
        found.ok_or_else(|| Error::VersionGone {
            version,
            oldest: state.oldest(),
        })
    }

    async fn commit(&self, commit: Commit) -> Result<Version> {
        let mut state = self.state.lock();
        let current = state.newest();
        if current.version() != commit.base {
            return Err(Error::Conflict {
                expected: commit.base,
                found: current.version(),
            });
        }
        let next = current.apply(&commit.changes)?;
        check_no_cycle(&changed_views(&commit.changes), |name| {
            Ok(reads(&state, &next, name))
        })?;
        let version = commit.base.next();
        store_bodies(&mut state, &next, version);
        store_files(&mut state, &commit.changes, version);
        let author = (now_ms(), commit.author, commit.summary);
        state.commits.insert(version, author);
        state.snapshots.insert(version, next.with_version(version));
        Ok(version)
    }

    async fn bodies(&self, keys: &[(EntryId, Version)]) -> Result<Vec<Arc<RelationBody>>> {
        let state = self.state.lock();
        let body = |key: &(EntryId, Version)| {
            let found = state.bodies.get(key).cloned();
            found.ok_or_else(|| Error::VersionGone {
                version: key.1,
                oldest: state.oldest(),
            })
        };
        keys.iter().map(body).collect()
    }

    async fn dependents(
        &self,
        snapshot: &Snapshot,
        names: &[RelationName],
    ) -> Result<Vec<Arc<RelationHead>>> {
        let state = self.state.lock();
        let depends = |head: &&Arc<RelationHead>| {
            let reads = reads(&state, snapshot, &head.name);
            reads.iter().any(|name| names.contains(name))
        };
        Ok(snapshot.relations().filter(depends).cloned().collect())
    }

    async fn history(&self, name: &RelationName) -> Result<Vec<HistoryRow>> {
        let state = self.state.lock();
        let ids: Vec<EntryId> = state
            .snapshots
            .values()
            .filter_map(|snapshot| snapshot.relation(name).map(|head| head.id))
            .collect();
        let mut rows: Vec<HistoryRow> = Vec::new();
        for (version, snapshot) in &state.snapshots {
            for row in &mut rows {
                let live = snapshot.relation_by_id(row.id);
                if row.until.is_none() && live.is_none_or(|head| head.since != row.since) {
                    row.until = Some(*version);
                }
            }
            for head in ids.iter().filter_map(|id| snapshot.relation_by_id(*id)) {
                if !rows
                    .iter()
                    .any(|row| (row.id, row.since) == (head.id, head.since))
                {
                    rows.push(history_row(&state, head));
                }
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.since));
        Ok(rows)
    }

    async fn project_files(&self, project: &str) -> Result<Vec<ProjectFile>> {
        let state = self.state.lock();
        let files = state.files.values();
        Ok(files
            .filter(|file| file.project == project)
            .cloned()
            .collect())
    }

    async fn purge(&self, before_ms: i64) -> Result<u64> {
        let mut state = self.state.lock();
        let horizon = state
            .commits
            .iter()
            .rfind(|(_, (at_ms, ..))| *at_ms < before_ms)
            .map(|(version, _)| *version);
        let Some(horizon) = horizon else {
            return Ok(0);
        };
        state.snapshots = state.snapshots.split_off(&horizon);
        let kept: std::collections::HashSet<(EntryId, Version)> = state
            .snapshots
            .values()
            .flat_map(Snapshot::relations)
            .map(|head| (head.id, head.since))
            .collect();
        let before = state.bodies.len();
        state.bodies.retain(|key, _| kept.contains(key));
        Ok((before - state.bodies.len()) as u64)
    }

    async fn verify(&self) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn ticket_key(&self) -> [u8; 32] {
        self.ticket_key
    }
}

/// What the relation of that name reads.
fn reads(state: &State, snapshot: &Snapshot, name: &RelationName) -> Vec<RelationName> {
    let Some(head) = snapshot.relation(name) else {
        return Vec::new();
    };
    let stored = || state.bodies.get(&(head.id, head.since));
    let body = head.uncommitted.as_ref().or_else(stored);
    let dependencies = body.map_or(&[][..], |body| body.dependencies());
    dependencies.iter().map(|dep| dep.name.clone()).collect()
}

fn store_bodies(state: &mut State, next: &Snapshot, version: Version) {
    for head in next.relations().filter(|head| head.since == version) {
        if let Some(body) = &head.uncommitted {
            state.bodies.insert((head.id, version), Arc::clone(body));
        }
    }
}

fn store_files(state: &mut State, changes: &[Change], version: Version) {
    for change in changes {
        match change {
            Change::PutProjectFile(file) => {
                let mut file = file.clone();
                file.since = version;
                let key = (file.project.clone(), file.path.clone());
                state.files.insert(key, file);
            }
            Change::DropProjectFile { project, path } => {
                state.files.remove(&(project.clone(), path.clone()));
            }
            _ => {}
        }
    }
}

fn history_row(state: &State, head: &RelationHead) -> HistoryRow {
    let commit = state.commits.get(&head.since).cloned().unwrap_or_default();
    HistoryRow {
        id: head.id,
        since: head.since,
        until: None,
        name: head.name.clone(),
        kind: head.kind,
        committed_at_ms: commit.0,
        author: commit.1,
        summary: commit.2,
    }
}
