//! What is looked up by name or id: bodies, dependents, history, files of projects.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::digest;
use super::open::{meta, sqlite_error};
use super::read::{corrupt, parse_kind};
use crate::{
    EntryId, Error, HistoryRow, ProjectFile, RelationBody, RelationHead, RelationKind,
    RelationName, Result, Snapshot, Version, stored,
};

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
    if digest::body_hash(json, columns) != *hash {
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
            Ok(RelationName::new(schema.as_str(), name.as_str()))
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
    let rows = statement.query_map(key, history_row).map_err(failed)?;
    rows.map(|row| {
        let (row, kind) = row.map_err(failed)?;
        let kind = parse_kind(path, &kind)?;
        Ok(HistoryRow { kind, ..row })
    })
    .collect()
}

/// One state, its kind still to be set, and the text of that.
fn history_row(row: &Row<'_>) -> rusqlite::Result<(HistoryRow, String)> {
    let (schema, relation): (String, String) = (row.get(3)?, row.get(4)?);
    let state = HistoryRow {
        id: EntryId(uuid::Uuid::from_bytes(row.get(0)?)),
        since: Version(row.get::<_, i64>(1)? as u64),
        until: row.get::<_, Option<i64>>(2)?.map(|end| Version(end as u64)),
        name: RelationName::new(schema.as_str(), relation.as_str()),
        kind: RelationKind::View,
        committed_at_ms: row.get(6)?,
        author: row.get(7)?,
        summary: row.get(8)?,
    };
    Ok((state, row.get(5)?))
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
