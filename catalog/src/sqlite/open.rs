//! Opening, making and upgrading the file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::{SqliteOptions, files, write};
use crate::memory::{default_schema, now_ms};
use crate::{Change, Commit, Error, Result, Snapshot, Version};

/// The format that this build reads and writes; `FORMAT.md` specifies it.
pub const FORMAT_VERSION: u32 = 1;

/// SQLite's `application_id` of a Mica catalog: "Mica".
const APPLICATION_ID: i64 = 0x4d69_6361;

/// What [`upgrade`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// The file had this build's format already.
    Current {
        /// The format.
        format: u32,
    },
}

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE commits (
    version INTEGER PRIMARY KEY, committed_at_ms INTEGER NOT NULL, author TEXT NOT NULL,
    summary TEXT NOT NULL, live_rows INTEGER NOT NULL, live_digest INTEGER NOT NULL
) STRICT;
CREATE TABLE schemas (
    id BLOB NOT NULL, begin_version INTEGER NOT NULL, end_version INTEGER,
    name TEXT NOT NULL, name_fold TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (id, begin_version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX schemas_live ON schemas (name_fold) WHERE end_version IS NULL;
CREATE TABLE relations (
    id BLOB NOT NULL, begin_version INTEGER NOT NULL, end_version INTEGER,
    schema_fold TEXT NOT NULL, name TEXT NOT NULL, name_fold TEXT NOT NULL, kind TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    PRIMARY KEY (id, begin_version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX relations_live ON relations (schema_fold, name_fold) WHERE end_version IS NULL;
CREATE INDEX relations_begin ON relations (begin_version);
CREATE INDEX relations_end ON relations (end_version) WHERE end_version IS NOT NULL;
CREATE INDEX relations_name ON relations (schema_fold, name_fold);
CREATE TABLE bodies (
    id BLOB NOT NULL, begin_version INTEGER NOT NULL, body TEXT NOT NULL, columns BLOB NOT NULL,
    PRIMARY KEY (id, begin_version)
) STRICT, WITHOUT ROWID;
CREATE TABLE dependencies (
    id BLOB NOT NULL, begin_version INTEGER NOT NULL, schema_fold TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    PRIMARY KEY (id, begin_version, schema_fold, name_fold)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependencies_name ON dependencies (schema_fold, name_fold);
CREATE TABLE project_files (
    project TEXT NOT NULL, path TEXT NOT NULL, since_version INTEGER NOT NULL,
    digest BLOB NOT NULL, relations TEXT NOT NULL, queries INTEGER NOT NULL,
    PRIMARY KEY (project, path)
) STRICT, WITHOUT ROWID;
";

pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) catalog_id: String,
    pub(super) ticket_key: [u8; 32],
}

/// The write connection of the catalog at `path`, which is made if it does not exist.
pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Opened> {
    files::refuse_network_file_system(path)?;
    // Before the look at the file, which another process may be making.
    let recorded = files::recorded(path)?.map(|(_, version)| version);
    files::create_folder(path)?;
    files::create_private(path)?;
    let mut connection = connect(path, options)?;
    if is_empty(&connection, path)? {
        // A file that was emptied or removed is not to become a new catalog in silence.
        files::check_head(path, recorded, Version(0))?;
        create(&mut connection, path)?;
    }
    let text = |key: &str| meta_text(&connection, path, key);
    let catalog_id = text("catalog_id")?;
    let ticket_key = meta(&connection, path, "ticket_key")?;
    Ok(Opened {
        catalog_id,
        ticket_key,
        connection,
    })
}

/// A connection with the settings that every connection must have.
pub(super) fn connect(path: &Path, options: &SqliteOptions) -> Result<Connection> {
    let failed = |action| move |source| sqlite_error(path, action, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(failed("open a connection"))?;
    connection
        .busy_timeout(Duration::from_millis(options.busy_timeout_ms))
        .map_err(failed("set a time limit"))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Before the settings, which would write to the file.
    if !is_empty(&connection, path)? {
        check_format(&connection, path)?;
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
             PRAGMA mmap_size=0; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;",
        )
        .map_err(failed("read the header"))?;
    Ok(connection)
}

fn is_empty(connection: &Connection, path: &Path) -> Result<bool> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|source| sqlite_error(path, "read the list of tables", source))?;
    Ok(tables == 0)
}

fn create(connection: &mut Connection, path: &Path) -> Result<()> {
    let failed = |source| sqlite_error(path, "create the tables", source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have made it while this one waited for the lock.
    if !is_empty(&transaction, path)? {
        return Ok(());
    }
    transaction.execute_batch(SCHEMA).map_err(failed)?;
    transaction
        .execute_batch(&format!("PRAGMA application_id={APPLICATION_ID};"))
        .map_err(failed)?;
    let mut key = uuid::Uuid::new_v4().as_bytes().to_vec();
    key.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    let id = uuid::Uuid::new_v4().to_string();
    let mut put = transaction
        .prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")
        .map_err(failed)?;
    put.execute(("format_version", FORMAT_VERSION))
        .map_err(failed)?;
    put.execute(("catalog_id", id)).map_err(failed)?;
    put.execute(("ticket_key", key)).map_err(failed)?;
    put.execute(("oldest_version", 1)).map_err(failed)?;
    put.execute(("created_at_ms", now_ms())).map_err(failed)?;
    drop(put);
    let commit = Commit {
        base: Version(0),
        author: "mica".to_owned(),
        summary: "create catalog".to_owned(),
        changes: vec![Change::CreateSchema(default_schema())],
    };
    write::write_rows(&transaction, path, &Snapshot::default(), &commit)?;
    transaction.commit().map_err(failed)
}

fn check_format(connection: &Connection, path: &Path) -> Result<()> {
    let application: i64 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|source| sqlite_error(path, "read the header", source))?;
    if application != APPLICATION_ID {
        return Err(Error::NotACatalog {
            path: path.to_owned(),
            reason: "it is another program's SQLite database".to_owned(),
        });
    }
    let found = format_of(connection, path)?;
    match found.cmp(&FORMAT_VERSION) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::NewerFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION,
        }),
        std::cmp::Ordering::Less => Err(Error::OlderFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION,
        }),
    }
}

fn format_of(connection: &Connection, path: &Path) -> Result<u32> {
    meta(connection, path, "format_version")
}

fn meta_text(connection: &Connection, path: &Path, key: &str) -> Result<String> {
    meta(connection, path, key)
}

/// A value of the table `meta`.
pub(super) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    path: &Path,
    key: &str,
) -> Result<T> {
    let value = connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get(0)
        })
        .optional()
        .map_err(|source| sqlite_error(path, "read its description", source))?;
    value.ok_or_else(|| Error::Corrupt {
        path: path.to_owned(),
        what: format!("its description lacks '{key}'"),
    })
}

/// Brings a catalog of an older format to this build's, after a backup beside it.
///
/// # Errors
/// [`Error::NewerFormat`], [`Error::NotACatalog`], and what opening says.
pub fn upgrade(path: &Path) -> Result<UpgradeOutcome> {
    if !path.exists() {
        return Err(Error::NotACatalog {
            path: path.to_owned(),
            reason: "there is no such file".to_owned(),
        });
    }
    // There is one format so far: nothing to migrate, and nothing older to meet.
    connect(path, &SqliteOptions::default())?;
    Ok(UpgradeOutcome::Current {
        format: FORMAT_VERSION,
    })
}

/// The error for what SQLite said: damage and locks have variants of their own.
pub(super) fn sqlite_error(path: &Path, action: &'static str, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => Error::Corrupt {
            path,
            what: source.to_string(),
        },
        Some(ErrorCode::NotADatabase) => Error::NotACatalog {
            path,
            reason: "its header is not SQLite's, or is damaged".to_owned(),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path, source },
        _ => Error::Sqlite {
            action,
            path,
            source,
        },
    }
}
