//! The catalog in one SQLite file, shared by any number of processes on one host.
//!
//! ```text
//! snapshot()  PRAGMA data_version --same--> the snapshot in memory
//!                  `--changed--> rows of the newer versions applied to it
//! commit()    BEGIN IMMEDIATE, check base, write rows, COMMIT, record the head, swap the snapshot
//! ```
//!
//! # Invariants
//! * `synchronous=FULL` and a WAL: a commit is on disk when it is acknowledged.
//! * SQLite drops a damaged tail of its WAL without a word. The file `<catalog>.head` holds the
//!   newest acknowledged version, so that the loss is noticed.
//! * The sum of the hashes of all live rows stands in every commit: a row that was changed, lost or
//!   added behind our back is noticed when the catalog is opened.

mod digest;
mod files;
mod lookup;
mod open;
mod purge;
mod read;
mod refresh;
mod verify;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use rusqlite::Connection;

pub use open::{FORMAT_VERSION, UpgradeOutcome, upgrade};

use crate::store::{CatalogStore, Finding, HistoryRow};
use crate::{
    Commit, EntryId, Error, ProjectFile, RelationBody, RelationHead, RelationName, Result,
    Snapshot, Version,
};

/// Limits of a [`SqliteStore`].
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Bodies of relations kept in memory.
    pub cached_bodies_max: usize,
    /// Older snapshots kept in memory for open tickets.
    pub snapshots_max: usize,
    /// How long to wait for another process's write lock, in ms.
    pub busy_timeout_ms: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            cached_bodies_max: 4096,
            snapshots_max: 16,
            busy_timeout_ms: 5_000,
        }
    }
}

/// A catalog in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: SqliteOptions,
    ticket_key: [u8; 32],
    catalog_id: String,
    writer: Mutex<Connection>,
    /// Idle read connections; one is opened when there is none.
    readers: Mutex<Vec<Connection>>,
    /// The connection whose `data_version` tells of commits, the value it had when `current` was
    /// read, and the newest snapshots, newest last.
    watch: Mutex<Watch>,
    bodies: Cache<(EntryId, Version), Arc<RelationBody>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

struct Watch {
    connection: Connection,
    data_version: i64,
    snapshots: std::collections::VecDeque<Snapshot>,
}

impl SqliteStore {
    /// Opens the catalog at `path`, or makes it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] and [`Error::LostCommits`] for a damaged file, [`Error::NewerFormat`],
    /// [`Error::OlderFormat`], [`Error::NotACatalog`], [`Error::NetworkFileSystem`], [`Error::Io`].
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self> {
        let opened = open::open(path, &options)?;
        let watch = open::connect(path, &options)?;
        // Before the database is read: another process may commit and record in between.
        let acknowledged = files::acknowledged(path, &opened.catalog_id)?;
        let data_version = read::data_version(&watch, path)?;
        let snapshot = read::snapshot(&watch, path, None)?;
        files::check_head(path, acknowledged, snapshot.version())?;
        let inner = Inner {
            path: path.to_owned(),
            ticket_key: opened.ticket_key,
            catalog_id: opened.catalog_id,
            writer: Mutex::new(opened.connection),
            readers: Mutex::new(Vec::new()),
            watch: Mutex::new(Watch {
                connection: watch,
                data_version,
                snapshots: [snapshot].into(),
            }),
            bodies: Cache::new(options.cached_bodies_max),
            options,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The catalog's file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Copies the catalog to a new file while it is in use.
    ///
    /// # Errors
    /// [`Error::BackupExists`] if `target` exists; [`Error::Sqlite`] or [`Error::Io`].
    pub async fn backup(&self, target: &Path) -> Result<Version> {
        let target = target.to_owned();
        self.blocking(move |inner| {
            let reader = inner.reader()?;
            let version = files::backup(&reader, &inner.path, &target);
            inner.give_back(reader);
            version
        })
        .await
    }

    /// Folds the write-ahead log into the file, as far as no other process reads it.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn checkpoint(&self) -> Result<()> {
        self.blocking(|inner| {
            let writer = inner.writer.lock();
            let done = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            done.map_err(|source| inner.sqlite("fold the write-ahead log", source))
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let outcome = tokio::task::spawn_blocking(move || work(&inner)).await;
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

impl Inner {
    fn sqlite(&self, action: &'static str, source: rusqlite::Error) -> Error {
        open::sqlite_error(&self.path, action, source)
    }

    fn reader(&self) -> Result<Connection> {
        let idle = self.readers.lock().pop();
        match idle {
            Some(reader) => Ok(reader),
            None => open::connect(&self.path, &self.options),
        }
    }

    fn give_back(&self, reader: Connection) {
        const IDLE_READERS_MAX: usize = 4;
        let mut readers = self.readers.lock();
        if readers.len() < IDLE_READERS_MAX {
            readers.push(reader);
        }
    }

    /// Runs `work` on a read connection.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        let outcome = work(&reader);
        self.give_back(reader);
        outcome
    }

    /// The newest snapshot, if no process has committed since. One PRAGMA that reads shared memory:
    /// cheaper than handing the work to another thread. Never waits: not for the one who reads what
    /// was committed, either.
    fn unchanged(&self) -> Result<Option<Snapshot>> {
        let Some(watch) = self.watch.try_lock() else {
            return Ok(None);
        };
        let data_version = read::data_version(&watch.connection, &self.path)?;
        let newest = watch.snapshots.back().cloned();
        Ok(newest.filter(|_| data_version == watch.data_version))
    }

    /// The newest snapshot, after looking whether any process has committed.
    fn newest(&self) -> Result<Snapshot> {
        let mut watch = self.watch.lock();
        let data_version = read::data_version(&watch.connection, &self.path)?;
        let newest = watch.snapshots.back().cloned().unwrap_or_default();
        if data_version == watch.data_version {
            return Ok(newest);
        }
        let next = refresh::refresh(&watch.connection, &self.path, &newest)?;
        watch.data_version = data_version;
        if next.version() != newest.version() {
            watch.snapshots.push_back(next.clone());
            while watch.snapshots.len() > self.options.snapshots_max {
                watch.snapshots.pop_front();
            }
        }
        Ok(next)
    }

    fn kept(&self, version: Version) -> Option<Snapshot> {
        let watch = self.watch.lock();
        let found = watch.snapshots.iter().find(|s| s.version() == version);
        found.cloned()
    }
}

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn snapshot(&self) -> Result<Snapshot> {
        match self.inner.unchanged()? {
            Some(snapshot) => Ok(snapshot),
            None => self.blocking(Inner::newest).await,
        }
    }

    async fn snapshot_at(&self, version: Version) -> Result<Snapshot> {
        self.snapshot().await?;
        if let Some(snapshot) = self.inner.kept(version) {
            return Ok(snapshot);
        }
        self.blocking(move |inner| {
            inner.read(|reader| read::snapshot(reader, &inner.path, Some(version)))
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<Version> {
        self.blocking(move |inner| {
            let base = inner.newest()?;
            let version = {
                let mut writer = inner.writer.lock();
                let version = write::commit(&mut writer, &inner.path, &base, &commit)?;
                // The commit is on disk: to call it failed would be a lie. Without the record, the
                // loss of this commit alone would go unnoticed.
                if let Err(error) = files::record_head(&inner.path, &inner.catalog_id, version) {
                    tracing::warn!(%error, "the record of the newest version was not written");
                }
                version
            };
            fail::fail_point!("catalog.before_snapshot_swap");
            inner.newest()?;
            Ok(version)
        })
        .await
    }

    async fn bodies(&self, keys: &[(EntryId, Version)]) -> Result<Vec<Arc<RelationBody>>> {
        let cached: Vec<_> = keys.iter().map(|key| self.inner.bodies.get(key)).collect();
        if cached.iter().all(Option::is_some) {
            return Ok(cached.into_iter().flatten().collect());
        }
        let keys = keys.to_vec();
        self.blocking(move |inner| {
            inner.read(|reader| {
                let mut bodies = Vec::with_capacity(keys.len());
                for (key, cached) in keys.iter().zip(cached) {
                    let body = match cached {
                        Some(body) => body,
                        None => Arc::new(lookup::body(reader, &inner.path, *key)?),
                    };
                    inner.bodies.insert(*key, Arc::clone(&body));
                    bodies.push(body);
                }
                Ok(bodies)
            })
        })
        .await
    }

    async fn dependents(
        &self,
        snapshot: &Snapshot,
        names: &[RelationName],
    ) -> Result<Vec<Arc<RelationHead>>> {
        let (snapshot, names) = (snapshot.clone(), names.to_vec());
        self.blocking(move |inner| {
            inner.read(|reader| lookup::dependents(reader, &inner.path, &snapshot, &names))
        })
        .await
    }

    async fn history(&self, name: &RelationName) -> Result<Vec<HistoryRow>> {
        let name = name.clone();
        self.blocking(move |inner| inner.read(|reader| lookup::history(reader, &inner.path, &name)))
            .await
    }

    async fn project_files(&self, project: &str) -> Result<Vec<ProjectFile>> {
        let project = project.to_owned();
        self.blocking(move |inner| {
            inner.read(|reader| lookup::project_files(reader, &inner.path, &project))
        })
        .await
    }

    async fn purge(&self, before_ms: i64) -> Result<u64> {
        self.blocking(move |inner| {
            let purged = purge::purge(&mut inner.writer.lock(), &inner.path, before_ms)?;
            // Older snapshots in memory may name bodies that are gone now.
            let mut watch = inner.watch.lock();
            while watch.snapshots.len() > 1 {
                watch.snapshots.pop_front();
            }
            Ok(purged)
        })
        .await
    }

    async fn verify(&self) -> Result<Vec<Finding>> {
        self.blocking(|inner| inner.read(|reader| verify::verify(reader, &inner.path)))
            .await
    }

    fn ticket_key(&self) -> [u8; 32] {
        self.inner.ticket_key
    }
}
