//! Checks a whole catalog: SQLite's own structure, every row's hash, every reference.

use std::path::Path;

use rusqlite::Connection;

use super::open::sqlite_error;
use super::{lookup, read};
use crate::{EntryId, Finding, Result};

/// Everything that is wrong with the catalog. Reads all of it.
pub(super) fn verify(connection: &Connection, path: &Path) -> Result<Vec<Finding>> {
    let mut findings = integrity(connection, path)?;
    findings.extend(bodies(connection, path)?);
    if let Err(error) = read::snapshot(connection, path, None) {
        findings.push(Finding {
            object: "newest version".to_owned(),
            problem: error.to_string(),
        });
    }
    findings.extend(lost_bodies(connection, path)?);
    Ok(findings)
}

fn integrity(connection: &Connection, path: &Path) -> Result<Vec<Finding>> {
    let failed = |source| sqlite_error(path, "check the file's structure", source);
    let mut statement = connection
        .prepare("PRAGMA integrity_check")
        .map_err(failed)?;
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(failed)?;
    let mut findings = Vec::new();
    for row in rows {
        let problem = row.map_err(failed)?;
        if problem != "ok" {
            findings.push(Finding {
                object: "file".to_owned(),
                problem,
            });
        }
    }
    Ok(findings)
}

fn bodies(connection: &Connection, path: &Path) -> Result<Vec<Finding>> {
    let failed = |source| sqlite_error(path, "read definitions", source);
    let mut statement = connection
        .prepare(
            "SELECT r.id, r.name, b.body, b.columns, r.body_hash FROM relations r
             JOIN bodies b ON r.id = b.id AND r.begin_version = b.begin_version",
        )
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let id = EntryId(uuid::Uuid::from_bytes(row.get(0).map_err(failed)?));
        let name: String = row.get(1).map_err(failed)?;
        let json: String = row.get(2).map_err(failed)?;
        let columns: Vec<u8> = row.get(3).map_err(failed)?;
        let hash: Vec<u8> = row.get(4).map_err(failed)?;
        if let Err(error) = lookup::decode_body(path, id, &json, &columns, &hash) {
            findings.push(Finding {
                object: name,
                problem: error.to_string(),
            });
        }
    }
    Ok(findings)
}

fn lost_bodies(connection: &Connection, path: &Path) -> Result<Vec<Finding>> {
    let failed = |source| sqlite_error(path, "look for lost definitions", source);
    let mut statement = connection
        .prepare(
            "SELECT r.name FROM relations r WHERE NOT EXISTS (SELECT 1 FROM bodies b
             WHERE r.id = b.id AND r.begin_version = b.begin_version)",
        )
        .map_err(failed)?;
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(failed)?;
    names
        .map(|name| {
            Ok(Finding {
                object: name.map_err(failed)?,
                problem: "its definition is missing".to_owned(),
            })
        })
        .collect()
}
