//! Forgetting old states.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::open::sqlite_error;
use crate::Result;

/// Deletes states that ended before `before_ms`.
pub(super) fn purge(connection: &mut Connection, path: &Path, before_ms: i64) -> Result<u64> {
    let failed = |source| sqlite_error(path, "purge history", source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let horizon: Option<i64> = transaction
        .query_row(
            "SELECT max(version) FROM commits WHERE committed_at_ms < ?1",
            [before_ms],
            |row| row.get(0),
        )
        .map_err(failed)?;
    let Some(horizon) = horizon else {
        return Ok(0);
    };
    let states = transaction
        .execute("DELETE FROM relations WHERE end_version <= ?1", [horizon])
        .map_err(failed)?;
    for sql in [
        "DELETE FROM schemas WHERE end_version <= ?1",
        "DELETE FROM bodies WHERE begin_version < ?1 AND NOT EXISTS (SELECT 1 FROM relations r
         WHERE r.id = bodies.id AND r.begin_version = bodies.begin_version)",
        "DELETE FROM dependencies WHERE begin_version < ?1 AND NOT EXISTS (SELECT 1 FROM relations r
         WHERE r.id = dependencies.id AND r.begin_version = dependencies.begin_version)",
        "DELETE FROM commits WHERE version < ?1 AND NOT EXISTS (SELECT 1 FROM relations r
         WHERE r.begin_version = commits.version)",
        "UPDATE meta SET value = ?1 WHERE key = 'oldest_version' AND value < ?1",
    ] {
        transaction.execute(sql, [horizon]).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(states as u64)
}
