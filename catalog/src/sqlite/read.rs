//! Reading whole snapshots, and rows.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::digest::{relation_digest, schema_digest};
use super::open::{meta, sqlite_error};
use crate::{
    EntryId, Error, Name, RelationHead, RelationKind, RelationName, Result, SchemaEntry, Snapshot,
    Version,
};

/// A number that changes when another connection has committed.
pub(super) fn data_version(connection: &Connection, path: &Path) -> Result<i64> {
    let failed = |source| sqlite_error(path, "look for new commits", source);
    let mut statement = connection
        .prepare_cached("PRAGMA data_version")
        .map_err(failed)?;
    statement.query_row([], |row| row.get(0)).map_err(failed)
}

/// The newest version.
pub(super) fn newest_version(connection: &Connection, path: &Path) -> Result<Version> {
    let version: Option<i64> = connection
        .query_row("SELECT max(version) FROM commits", [], |row| row.get(0))
        .map_err(|source| sqlite_error(path, "read the newest version", source))?;
    let version = version.ok_or_else(|| corrupt(path, "it holds no commit"))?;
    Ok(Version(version as u64))
}

pub(super) fn corrupt(path: &Path, what: impl Into<String>) -> Error {
    Error::Corrupt {
        path: path.to_owned(),
        what: what.into(),
    }
}

/// A row of `schemas`.
pub(super) struct SchemaRow {
    pub(super) entry: SchemaEntry,
    pub(super) begin: i64,
    pub(super) body: String,
}

/// A row of `relations`.
pub(super) struct RelationRow {
    pub(super) id: EntryId,
    pub(super) begin: i64,
    pub(super) schema_fold: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) body_hash: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredSchema {
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
}

impl StoredSchema {
    pub(super) fn new(entry: &SchemaEntry) -> Self {
        Self {
            owner: entry.owner.clone(),
            comment: entry.comment.clone(),
            properties: entry.properties.clone(),
        }
    }
}

/// The columns `id, begin_version, name, body`.
pub(super) fn schema_row(row: &Row<'_>) -> rusqlite::Result<SchemaRow> {
    let body: String = row.get(3)?;
    let name: String = row.get(2)?;
    let stored: Option<StoredSchema> = serde_json::from_str(&body).ok();
    let stored = stored.ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(SchemaRow {
        entry: SchemaEntry {
            id: EntryId(uuid::Uuid::from_bytes(row.get(0)?)),
            name: Name::new(name),
            owner: stored.owner,
            comment: stored.comment,
            properties: stored.properties,
        },
        begin: row.get(1)?,
        body,
    })
}

/// The columns `id, begin_version, schema_fold, name, kind, body_hash`.
pub(super) fn relation_row(row: &Row<'_>) -> rusqlite::Result<RelationRow> {
    Ok(RelationRow {
        id: EntryId(uuid::Uuid::from_bytes(row.get(0)?)),
        begin: row.get(1)?,
        schema_fold: row.get(2)?,
        name: row.get(3)?,
        kind: row.get(4)?,
        body_hash: row.get(5)?,
    })
}

/// A whole version: the newest, or the one asked for.
pub(super) fn snapshot(
    connection: &Connection,
    path: &Path,
    version: Option<Version>,
) -> Result<Snapshot> {
    let failed = |source| sqlite_error(path, "read a version", source);
    // One read transaction: all rows are of one moment.
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let newest = newest_version(&transaction, path)?;
    let version = version.unwrap_or(newest);
    let oldest: i64 = meta(&transaction, path, "oldest_version")?;
    let oldest = Version(oldest as u64);
    if version < oldest || version > newest {
        return Err(Error::VersionGone { version, oldest });
    }
    let at = version.0 as i64;
    let schemas = rows(
        &transaction,
        path,
        "SELECT id, begin_version, name, body FROM schemas
         WHERE begin_version <= ?1 AND (end_version IS NULL OR end_version > ?1)",
        at,
        schema_row,
    )?;
    let relations = rows(
        &transaction,
        path,
        "SELECT id, begin_version, schema_fold, name, kind, body_hash FROM relations NOT INDEXED
         WHERE begin_version <= ?1 AND (end_version IS NULL OR end_version > ?1)",
        at,
        relation_row,
    )?;
    check_digest(&transaction, path, version, &schemas, &relations)?;
    build(path, version, schemas, relations)
}

pub(super) fn rows<T>(
    connection: &Connection,
    path: &Path,
    sql: &str,
    at: i64,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let failed = |source| match source {
        rusqlite::Error::InvalidQuery | rusqlite::Error::FromSqlConversionFailure(..) => {
            corrupt(path, "a row does not have the form it should")
        }
        source => sqlite_error(path, "read rows", source),
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map([at], read).map_err(failed)?;
    found.collect::<rusqlite::Result<Vec<T>>>().map_err(failed)
}

fn check_digest(
    connection: &Connection,
    path: &Path,
    version: Version,
    schemas: &[SchemaRow],
    relations: &[RelationRow],
) -> Result<()> {
    let (rows, digest): (i64, i64) = connection
        .query_row(
            "SELECT live_rows, live_digest FROM commits WHERE version = ?1",
            [version.0 as i64],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(|source| sqlite_error(path, "read a commit", source))?
        .ok_or_else(|| corrupt(path, format!("commit {version} is missing")))?;
    let schema_sum = schemas
        .iter()
        .map(|row| schema_digest(&row.entry, row.begin, &row.body));
    let sum = schema_sum
        .chain(relations.iter().map(relation_digest))
        .fold(0_u64, u64::wrapping_add);
    let found = (schemas.len() + relations.len()) as i64;
    if found != rows {
        let what = format!("version {version} should hold {rows} entries, {found} were read");
        return Err(corrupt(path, what));
    }
    if sum != digest as u64 {
        let what = format!("the entries of version {version} do not match their checksum");
        return Err(corrupt(path, what));
    }
    Ok(())
}

fn build(
    path: &Path,
    version: Version,
    schemas: Vec<SchemaRow>,
    relations: Vec<RelationRow>,
) -> Result<Snapshot> {
    let names = spellings(schemas.iter().map(|row| &row.entry.name));
    let heads = relations
        .into_iter()
        .map(|row| head(path, row, &names))
        .collect::<Result<Vec<_>>>()?;
    let schemas = schemas.into_iter().map(|row| row.entry);
    Ok(Snapshot::load(version, schemas, heads))
}

pub(super) fn head(
    path: &Path,
    row: RelationRow,
    schemas: &BTreeMap<String, Name>,
) -> Result<RelationHead> {
    let schema = schemas.get(&row.schema_fold).cloned();
    let schema = schema
        .ok_or_else(|| corrupt(path, format!("the schema '{}' is missing", row.schema_fold)))?;
    Ok(RelationHead {
        id: row.id,
        since: Version(row.begin as u64),
        name: RelationName {
            schema,
            relation: Name::new(row.name),
        },
        kind: parse_kind(path, &row.kind)?,
        uncommitted: None,
    })
}

/// The text of a kind in `relations.kind`.
pub(super) fn kind_text(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::View => "view",
        RelationKind::ExternalTable => "external_table",
    }
}

pub(super) fn parse_kind(path: &Path, text: &str) -> Result<RelationKind> {
    match text {
        "view" => Ok(RelationKind::View),
        "external_table" => Ok(RelationKind::ExternalTable),
        other => Err(corrupt(path, format!("the kind '{other}' is unknown"))),
    }
}

/// Names by their folded form.
pub(super) fn spellings<'a>(names: impl Iterator<Item = &'a Name>) -> BTreeMap<String, Name> {
    names
        .map(|name| (name.folded().to_owned(), name.clone()))
        .collect()
}
