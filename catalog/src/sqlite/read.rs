//! Reading snapshots, bodies and history.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::open::{meta, sqlite_error};
use crate::{
    EntryId, Error, HistoryRow, Name, ProjectFile, RelationBody, RelationHead, RelationKind,
    RelationName, Result, SchemaEntry, Snapshot, Version, stored,
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

fn corrupt(path: &Path, what: impl Into<String>) -> Error {
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

fn schema_row(row: &Row<'_>) -> rusqlite::Result<SchemaRow> {
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

fn relation_row(row: &Row<'_>) -> rusqlite::Result<RelationRow> {
    Ok(RelationRow {
        id: EntryId(uuid::Uuid::from_bytes(row.get(0)?)),
        begin: row.get(1)?,
        schema_fold: row.get(2)?,
        name: row.get(3)?,
        kind: row.get(4)?,
        body_hash: row.get(5)?,
    })
}

/// The hash of a live row: what the digest of a commit sums up.
pub(super) fn schema_digest(entry: &SchemaEntry, begin: i64, body: &str) -> u64 {
    row_digest(&[
        b"schema",
        entry.id.0.as_bytes(),
        &begin.to_le_bytes(),
        entry.name.as_str().as_bytes(),
        body.as_bytes(),
    ])
}

/// The hash of a live row: what the digest of a commit sums up.
pub(super) fn relation_digest(row: &RelationRow) -> u64 {
    row_digest(&[
        b"relation",
        row.id.0.as_bytes(),
        &row.begin.to_le_bytes(),
        row.schema_fold.as_bytes(),
        row.name.as_bytes(),
        row.kind.as_bytes(),
        &row.body_hash,
    ])
}

fn row_digest(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The hash that ties a body to its row in `relations`.
pub(super) fn body_hash(json: &str, columns: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(json.len() as u64).to_le_bytes());
    hasher.update(json.as_bytes());
    hasher.update(columns);
    *hasher.finalize().as_bytes()
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

fn rows<T>(
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
    let names: BTreeMap<String, Name> = schemas
        .iter()
        .map(|row| (row.entry.name.folded().to_owned(), row.entry.name.clone()))
        .collect();
    let heads = relations
        .into_iter()
        .map(|row| head(path, row, &names))
        .collect::<Result<Vec<_>>>()?;
    let schemas = schemas.into_iter().map(|row| row.entry);
    Ok(Snapshot::load(version, schemas, heads))
}

fn head(path: &Path, row: RelationRow, schemas: &BTreeMap<String, Name>) -> Result<RelationHead> {
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

fn parse_kind(path: &Path, text: &str) -> Result<RelationKind> {
    match text {
        "view" => Ok(RelationKind::View),
        "external_table" => Ok(RelationKind::ExternalTable),
        other => Err(corrupt(path, format!("the kind '{other}' is unknown"))),
    }
}

/// `base` brought to the newest version by the rows that changed since.
pub(super) fn refresh(connection: &Connection, path: &Path, base: &Snapshot) -> Result<Snapshot> {
    let failed = |source| sqlite_error(path, "read new commits", source);
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let newest = newest_version(&transaction, path)?;
    if newest == base.version() {
        return Ok(base.clone());
    }
    let oldest: i64 = meta(&transaction, path, "oldest_version")?;
    let at = base.version().0 as i64;
    if newest < base.version() || at < oldest {
        drop(transaction);
        return snapshot(connection, path, None);
    }
    let mut next = base.clone();
    let ended: Vec<EntryId> = rows(
        &transaction,
        path,
        "SELECT id FROM relations WHERE end_version > ?1 AND begin_version <= ?1",
        at,
        |row| Ok(EntryId(uuid::Uuid::from_bytes(row.get(0)?))),
    )?;
    for id in ended {
        if let Some(head) = next.relation_by_id(id).cloned() {
            next.remove_relation(&head);
        }
    }
    refresh_schemas(&transaction, path, at, &mut next)?;
    let new = rows(
        &transaction,
        path,
        "SELECT id, begin_version, schema_fold, name, kind, body_hash FROM relations
         WHERE begin_version > ?1 AND end_version IS NULL",
        at,
        relation_row,
    )?;
    let names: BTreeMap<String, Name> = next
        .schemas()
        .map(|schema| (schema.name.folded().to_owned(), schema.name.clone()))
        .collect();
    for row in new {
        next.insert_relation(head(path, row, &names)?);
    }
    Ok(next.with_version(newest))
}

fn refresh_schemas(
    connection: &Connection,
    path: &Path,
    at: i64,
    next: &mut Snapshot,
) -> Result<()> {
    let ended: Vec<String> = rows(
        connection,
        path,
        "SELECT name_fold FROM schemas WHERE end_version > ?1 AND begin_version <= ?1",
        at,
        |row| row.get(0),
    )?;
    for folded in ended {
        next.remove_schema(&folded);
    }
    let new = rows(
        connection,
        path,
        "SELECT id, begin_version, name, body FROM schemas
         WHERE begin_version > ?1 AND end_version IS NULL",
        at,
        schema_row,
    )?;
    for row in new {
        next.insert_schema(row.entry);
    }
    Ok(())
}

/// One body, checked against the hash in its row.
pub(super) fn body(
    connection: &Connection,
    path: &Path,
    (id, since): (EntryId, Version),
) -> Result<RelationBody> {
    let failed = |source| sqlite_error(path, "read a definition", source);
    let mut statement = connection
        .prepare_cached(
            "SELECT b.body, b.columns, r.body_hash FROM bodies b
             JOIN relations r ON r.id = b.id AND r.begin_version = b.begin_version
             WHERE b.id = ?1 AND b.begin_version = ?2",
        )
        .map_err(failed)?;
    let found: Option<(String, Vec<u8>, Vec<u8>)> = statement
        .query_row(params![id.0.as_bytes(), since.0 as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
        .map_err(failed)?;
    let Some((json, columns, hash)) = found else {
        let oldest: i64 = meta(connection, path, "oldest_version")?;
        return Err(Error::VersionGone {
            version: since,
            oldest: Version(oldest as u64),
        });
    };
    decode_body(path, id, &json, &columns, &hash)
}

/// Decodes a body after comparing it with its hash.
pub(super) fn decode_body(
    path: &Path,
    id: EntryId,
    json: &str,
    columns: &[u8],
    hash: &[u8],
) -> Result<RelationBody> {
    if body_hash(json, columns) != *hash {
        let what = format!("the definition of entry {id} does not match its checksum");
        return Err(corrupt(path, what));
    }
    stored::decode(json, columns)
        .map_err(|error| corrupt(path, format!("the definition of entry {id}: {error}")))
}

/// What the stored relation of that name reads, in the live catalog.
pub(super) fn reads(
    connection: &Connection,
    path: &Path,
    head: &RelationHead,
) -> Result<Vec<RelationName>> {
    let failed = |source| sqlite_error(path, "read dependencies", source);
    let mut statement = connection
        .prepare_cached(
            "SELECT schema_fold, name_fold FROM dependencies WHERE id = ?1 AND begin_version = ?2",
        )
        .map_err(failed)?;
    let key = params![head.id.0.as_bytes(), head.since.0 as i64];
    let found = statement
        .query_map(key, |row| {
            let (schema, name): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(RelationName {
                schema: Name::new(schema),
                relation: Name::new(name),
            })
        })
        .map_err(failed)?;
    found.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)
}

/// The views of `snapshot` that read one of `names`.
pub(super) fn dependents(
    connection: &Connection,
    path: &Path,
    snapshot: &Snapshot,
    names: &[RelationName],
) -> Result<Vec<Arc<RelationHead>>> {
    let failed = |source| sqlite_error(path, "read dependents", source);
    let mut statement = connection
        .prepare_cached(
            "SELECT id, begin_version FROM dependencies WHERE schema_fold = ?1 AND name_fold = ?2",
        )
        .map_err(failed)?;
    let mut found: BTreeMap<EntryId, Arc<RelationHead>> = BTreeMap::new();
    for name in names {
        let key = [name.schema.folded(), name.relation.folded()];
        let rows = statement
            .query_map(key, |row| {
                let id = EntryId(uuid::Uuid::from_bytes(row.get(0)?));
                Ok((id, row.get::<_, i64>(1)?))
            })
            .map_err(failed)?;
        for row in rows {
            let (id, begin) = row.map_err(failed)?;
            let head = snapshot.relation_by_id(id);
            if let Some(head) = head.filter(|head| head.since.0 as i64 == begin) {
                found.insert(id, Arc::clone(head));
            }
        }
    }
    // Uncommitted views are in no table yet.
    for head in snapshot.relations() {
        let body = head.uncommitted_body();
        let dependencies = body.map_or(&[][..], |body| body.dependencies());
        if dependencies.iter().any(|dep| names.contains(&dep.name)) {
            found.insert(head.id, Arc::clone(head));
        }
    }
    Ok(found.into_values().collect())
}

/// Every kept state of the relations that ever stood at `name`, newest first.
pub(super) fn history(
    connection: &Connection,
    path: &Path,
    name: &RelationName,
) -> Result<Vec<HistoryRow>> {
    let failed = |source| sqlite_error(path, "read history", source);
    let mut statement = connection
        .prepare_cached(
            "SELECT r.id, r.begin_version, r.end_version, r.schema_fold, r.name, r.kind,
                    c.committed_at_ms, c.author, c.summary
             FROM relations r JOIN commits c ON c.version = r.begin_version
             WHERE r.id IN (SELECT id FROM relations WHERE schema_fold = ?1 AND name_fold = ?2)
             ORDER BY r.begin_version DESC",
        )
        .map_err(failed)?;
    let key = [name.schema.folded(), name.relation.folded()];
    let rows = statement
        .query_map(key, |row| {
            let (schema, relation): (String, String) = (row.get(3)?, row.get(4)?);
            let kind: String = row.get(5)?;
            Ok((
                HistoryRow {
                    id: EntryId(uuid::Uuid::from_bytes(row.get(0)?)),
                    since: Version(row.get::<_, i64>(1)? as u64),
                    until: row.get::<_, Option<i64>>(2)?.map(|end| Version(end as u64)),
                    name: RelationName {
                        schema: Name::new(schema),
                        relation: Name::new(relation),
                    },
                    kind: RelationKind::View,
                    committed_at_ms: row.get(6)?,
                    author: row.get(7)?,
                    summary: row.get(8)?,
                },
                kind,
            ))
        })
        .map_err(failed)?;
    rows.map(|row| {
        let (row, kind) = row.map_err(failed)?;
        let kind = parse_kind(path, &kind)?;
        Ok(HistoryRow { kind, ..row })
    })
    .collect()
}

/// The files of a project, by path.
pub(super) fn project_files(
    connection: &Connection,
    path: &Path,
    project: &str,
) -> Result<Vec<ProjectFile>> {
    let failed = |source| sqlite_error(path, "read project files", source);
    let mut statement = connection
        .prepare_cached(
            "SELECT path, since_version, digest, relations, queries FROM project_files
             WHERE project = ?1 ORDER BY path",
        )
        .map_err(failed)?;
    let rows = statement
        .query_map([project], |row| {
            let since: i64 = row.get(1)?;
            let relations: String = row.get(3)?;
            let file = ProjectFile {
                project: project.to_owned(),
                path: row.get(0)?,
                digest: row.get(2)?,
                relations: Vec::new(),
                queries: row.get(4)?,
                since: Version(since as u64),
            };
            Ok((file, relations))
        })
        .map_err(failed)?;
    rows.map(|row| {
        let (file, relations) = row.map_err(failed)?;
        let names: Vec<(String, String)> = serde_json::from_str(&relations)
            .map_err(|_| corrupt(path, format!("the record of file '{}'", file.path)))?;
        let relations = names
            .into_iter()
            .map(|(schema, name)| RelationName::new(schema.as_str(), name.as_str()))
            .collect();
        Ok(ProjectFile { relations, ..file })
    })
    .collect()
}
