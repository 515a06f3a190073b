//! From one snapshot to the newest, by the rows that changed since.

use std::path::Path;

use rusqlite::Connection;

use super::open::{meta, sqlite_error};
use super::read::{head, newest_version, relation_row, rows, schema_row, snapshot, spellings};
use crate::{EntryId, Result, Snapshot};

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
    refresh_schemas(&transaction, path, at, &mut next)?;
    refresh_relations(&transaction, path, at, &mut next)?;
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

/// After the schemas, which name what the relations stand in.
fn refresh_relations(
    connection: &Connection,
    path: &Path,
    at: i64,
    next: &mut Snapshot,
) -> Result<()> {
    let ended: Vec<EntryId> = rows(
        connection,
        path,
        "SELECT id FROM relations WHERE end_version > ?1 AND begin_version <= ?1",
        at,
        |row| Ok(EntryId(uuid::Uuid::from_bytes(row.get(0)?))),
    )?;
    // All that ended before any that is new: two relations may have swapped their names.
    for id in ended {
        if let Some(head) = next.relation_by_id(id).cloned() {
            next.remove_relation(&head);
        }
    }
    let new = rows(
        connection,
        path,
        "SELECT id, begin_version, schema_fold, name, kind, body_hash FROM relations
         WHERE begin_version > ?1 AND end_version IS NULL",
        at,
        relation_row,
    )?;
    let names = spellings(next.schemas().map(|schema| &schema.name));
    for row in new {
        next.insert_relation(head(path, row, &names)?);
    }
    Ok(())
}
