//! Writing commits.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::open::sqlite_error;
use super::read::{self, RelationRow, StoredSchema};
use super::{digest, lookup};
use crate::graph::{changed_views, check_no_cycle};
use crate::memory::now_ms;
use crate::{
    Change, Commit, EntryId, Error, ProjectFile, RelationBody, RelationName, Result, SchemaEntry,
    Snapshot, Version, stored,
};

/// Writes `commit` as one transaction. `base` is the newest snapshot that this process knows.
pub(super) fn commit(
    connection: &mut Connection,
    path: &Path,
    base: &Snapshot,
    commit: &Commit,
) -> Result<Version> {
    let failed = |source| sqlite_error(path, "begin a commit", source);
    fail::fail_point!("catalog.before_begin");
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Only now is it certain that nobody else commits.
    let found = read::newest_version(&transaction, path)?;
    if found != commit.base || base.version() != commit.base {
        return Err(Error::Conflict {
            expected: commit.base,
            found,
        });
    }
    let version = write_rows(&transaction, path, base, commit)?;
    fail::fail_point!("catalog.before_commit");
    transaction
        .commit()
        .map_err(|source| sqlite_error(path, "commit", source))?;
    fail::fail_point!("catalog.after_commit");
    Ok(version)
}

/// Writes the rows of `commit` inside an open transaction.
pub(super) fn write_rows(
    transaction: &Transaction<'_>,
    path: &Path,
    base: &Snapshot,
    commit: &Commit,
) -> Result<Version> {
    let next = base.apply(&commit.changes)?;
    check_no_cycle(&changed_views(&commit.changes), |name| {
        next.relation(name).map_or(Ok(Vec::new()), |head| {
            lookup::reads(transaction, path, head)
        })
    })?;
    let mut writer = Writer {
        transaction,
        path,
        version: commit.base.next(),
        live_rows: 0,
        live_digest: 0,
    };
    writer.load_totals(commit.base)?;
    for change in &commit.changes {
        writer.change(change)?;
        fail::fail_point!("catalog.after_change");
    }
    writer.finish(commit)?;
    Ok(writer.version)
}

struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    path: &'a Path,
    version: Version,
    live_rows: i64,
    live_digest: u64,
}

impl Writer<'_> {
    fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        let failed = |source| sqlite_error(self.path, "write a row", source);
        let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
        statement.execute(params).map_err(failed)
    }

    fn at(&self) -> i64 {
        self.version.0 as i64
    }

    fn load_totals(&mut self, base: Version) -> Result<()> {
        if base == Version(0) {
            return Ok(());
        }
        let found: (i64, i64) = self
            .transaction
            .query_row(
                "SELECT live_rows, live_digest FROM commits WHERE version = ?1",
                [base.0 as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(|source| sqlite_error(self.path, "read the base commit", source))?;
        self.live_rows = found.0;
        self.live_digest = found.1 as u64;
        Ok(())
    }

    fn born(&mut self, digest: u64) {
        self.live_rows += 1;
        self.live_digest = self.live_digest.wrapping_add(digest);
    }

    fn ended(&mut self, digest: u64) {
        self.live_rows -= 1;
        self.live_digest = self.live_digest.wrapping_sub(digest);
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::CreateSchema(schema) => self.insert_schema(schema),
            Change::AlterSchema(schema) => {
                self.end_schema(schema.name.folded())?;
                self.insert_schema(schema)
            }
            Change::DropSchema(name) => self.end_schema(name.folded()),
            Change::Put { name, id, body } => {
                self.end_relation_by_id(*id)?;
                self.insert_relation(name, *id, body)
            }
            Change::Drop(name) => self.end_relation(name),
            Change::PutProjectFile(file) => self.put_project_file(file),
            Change::DropProjectFile { project, path } => {
                let sql = "DELETE FROM project_files WHERE project = ?1 AND path = ?2";
                self.run(sql, [project, path]).map(drop)
            }
        }
    }

    fn insert_schema(&mut self, schema: &SchemaEntry) -> Result<()> {
        let body =
            serde_json::to_string(&StoredSchema::new(schema)).map_err(|source| Error::Encode {
                name: schema.name.to_string(),
                source: Box::new(source),
            })?;
        self.run(
            "INSERT OR REPLACE INTO schemas (id, begin_version, name, name_fold, body)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                schema.id.0.as_bytes(),
                self.at(),
                schema.name.as_str(),
                schema.name.folded(),
                body
            ],
        )?;
        self.born(digest::schema_digest(schema, self.at(), &body));
        Ok(())
    }

    fn end_schema(&mut self, folded: &str) -> Result<()> {
        let failed = |source| sqlite_error(self.path, "read a schema", source);
        let row = self
            .transaction
            .prepare_cached(
                "SELECT id, begin_version, name, body FROM schemas
                 WHERE name_fold = ?1 AND end_version IS NULL",
            )
            .map_err(failed)?
            .query_row([folded], |row| {
                let id = EntryId(uuid::Uuid::from_bytes(row.get(0)?));
                Ok((id, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .map_err(failed)?;
        let (id, begin, name, body): (EntryId, i64, String, String) = row;
        let entry = SchemaEntry {
            id,
            name: crate::Name::new(name),
            owner: String::new(),
            comment: None,
            properties: Default::default(),
        };
        self.ended(digest::schema_digest(&entry, begin, &body));
        self.end_row("schemas", id, begin)
    }

    /// Ends the row of that key. One that began in this very commit was never visible: it goes.
    fn end_row(&self, table: &str, id: EntryId, begin: i64) -> Result<()> {
        let key = params![id.0.as_bytes(), begin];
        if begin == self.at() {
            let sql = format!("DELETE FROM {table} WHERE id = ?1 AND begin_version = ?2");
            return self.run(&sql, key).map(drop);
        }
        let sql =
            format!("UPDATE {table} SET end_version = ?3 WHERE id = ?1 AND begin_version = ?2");
        let key = params![id.0.as_bytes(), begin, self.at()];
        self.run(&sql, key).map(drop)
    }

    fn insert_relation(
        &mut self,
        name: &RelationName,
        id: EntryId,
        body: &RelationBody,
    ) -> Result<()> {
        let (json, columns) = stored::encode(body).map_err(|source| Error::Encode {
            name: name.to_string(),
            source: Box::new(source),
        })?;
        let row = RelationRow {
            id,
            begin: self.at(),
            schema_fold: name.schema.folded().to_owned(),
            name: name.relation.to_string(),
            kind: read::kind_text(body.kind()).to_owned(),
            body_hash: digest::body_hash(&json, &columns).to_vec(),
        };
        self.insert_relation_row(&row, name.relation.folded())?;
        self.run(
            "INSERT INTO bodies (id, begin_version, body, columns) VALUES (?1, ?2, ?3, ?4)",
            params![id.0.as_bytes(), row.begin, json, columns],
        )?;
        self.insert_dependencies(id, body)?;
        self.born(digest::relation_digest(&row));
        Ok(())
    }

    fn insert_relation_row(&self, row: &RelationRow, name_fold: &str) -> Result<()> {
        self.run(
            "INSERT INTO relations
             (id, begin_version, schema_fold, name, name_fold, kind, body_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.id.0.as_bytes(),
                row.begin,
                row.schema_fold,
                row.name,
                name_fold,
                row.kind,
                row.body_hash
            ],
        )
        .map(drop)
    }

    fn insert_dependencies(&self, id: EntryId, body: &RelationBody) -> Result<()> {
        for dependency in body.dependencies() {
            self.run(
                "INSERT OR IGNORE INTO dependencies (id, begin_version, schema_fold, name_fold)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    id.0.as_bytes(),
                    self.at(),
                    dependency.name.schema.folded(),
                    dependency.name.relation.folded()
                ],
            )?;
        }
        Ok(())
    }

    fn end_relation(&mut self, name: &RelationName) -> Result<()> {
        let id = self.live_id(name)?;
        self.end_relation_by_id(id)
    }

    fn live_id(&self, name: &RelationName) -> Result<EntryId> {
        let failed = |source| sqlite_error(self.path, "read a relation", source);
        self.transaction
            .prepare_cached(
                "SELECT id FROM relations
                 WHERE schema_fold = ?1 AND name_fold = ?2 AND end_version IS NULL",
            )
            .map_err(failed)?
            .query_row([name.schema.folded(), name.relation.folded()], |row| {
                Ok(EntryId(uuid::Uuid::from_bytes(row.get(0)?)))
            })
            .map_err(failed)
    }

    fn end_relation_by_id(&mut self, id: EntryId) -> Result<()> {
        let failed = |source| sqlite_error(self.path, "read a relation", source);
        let rows: Vec<RelationRow> = self
            .transaction
            .prepare_cached(
                "SELECT id, begin_version, schema_fold, name, kind, body_hash FROM relations
                 WHERE id = ?1 AND end_version IS NULL",
            )
            .map_err(failed)?
            .query_map([id.0.as_bytes()], read::relation_row)
            .map_err(failed)?
            .collect::<rusqlite::Result<_>>()
            .map_err(failed)?;
        for row in rows {
            self.ended(digest::relation_digest(&row));
            self.end_row("relations", id, row.begin)?;
            if row.begin == self.at() {
                self.end_row("bodies", id, row.begin)?;
                self.end_row("dependencies", id, row.begin)?;
            }
        }
        Ok(())
    }

    fn put_project_file(&self, file: &ProjectFile) -> Result<()> {
        let names: Vec<(&str, &str)> = file
            .relations
            .iter()
            .map(|name| (name.schema.as_str(), name.relation.as_str()))
            .collect();
        let relations = serde_json::to_string(&names).map_err(|source| Error::Encode {
            name: file.path.clone(),
            source: Box::new(source),
        })?;
        self.run(
            "INSERT OR REPLACE INTO project_files
             (project, path, since_version, digest, relations, queries)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                file.project,
                file.path,
                self.at(),
                file.digest,
                relations,
                file.queries
            ],
        )
        .map(drop)
    }

    fn finish(&self, commit: &Commit) -> Result<()> {
        self.run(
            "INSERT INTO commits
             (version, committed_at_ms, author, summary, live_rows, live_digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                self.at(),
                now_ms(),
                commit.author,
                commit.summary,
                self.live_rows,
                self.live_digest as i64
            ],
        )
        .map(drop)
    }
}
