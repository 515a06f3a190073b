//! `mica check`, `backup`, `export` and `upgrade`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use mica_catalog::{
    CatalogStore, Relation, RelationName, SqliteOptions, SqliteStore, UpgradeOutcome, load,
    settle_foreign_keys,
};
use mica_sql::{Dialect, render};

use super::{AnyError, Outcome, apply};
use crate::args::{BackupArgs, CheckArgs, ExportArgs, WarehouseArgs};
use crate::config;
use crate::warehouse::{Warehouse, WarehouseConfig};

/// The store of a catalog that must be there.
fn open(args: &WarehouseArgs) -> Result<SqliteStore, AnyError> {
    let path = config::catalog(args)?;
    if !path.exists() {
        return Err(Box::new(mica_catalog::Error::NotACatalog {
            path,
            reason: "there is no such file".to_owned(),
        }));
    }
    Ok(SqliteStore::open(&path, SqliteOptions::default())?)
}

pub(super) async fn check(args: &CheckArgs) -> Outcome {
    let store = open(&args.warehouse)?;
    let findings = store.verify().await?;
    for finding in &findings {
        println!("damaged: {}: {}", finding.object, finding.problem);
    }
    drop(store);
    let warehouse = Warehouse::open(WarehouseConfig {
        catalog: config::catalog(&args.warehouse)?,
        ..WarehouseConfig::default()
    })?;
    let bar = apply::progress_bar();
    let tell = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let broken = warehouse.executor().check_views(&tell).await;
    bar.finish_and_clear();
    let broken = broken?;
    for (name, reason) in &broken {
        println!("broken: {name}: {reason}");
    }
    let snapshot = warehouse.store().snapshot().await?;
    println!(
        "{} in {} at version {}: {} damaged, {} broken",
        counted(snapshot.relation_count(), "relation"),
        counted(snapshot.schemas().count(), "schema"),
        snapshot.version(),
        findings.len(),
        broken.len()
    );
    Ok(findings.is_empty() && broken.is_empty())
}

/// `1 schema`, `2 schemas`.
fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

pub(super) async fn backup(args: &BackupArgs) -> Outcome {
    let store = open(&args.warehouse)?;
    let version = store.backup(&args.target).await?;
    println!("wrote version {version} to {}", args.target.display());
    Ok(true)
}

pub(super) fn upgrade(args: &CheckArgs) -> Outcome {
    let path = config::catalog(&args.warehouse)?;
    match mica_catalog::upgrade(&path)? {
        UpgradeOutcome::Current { format } => {
            println!("{} has format {format} already", path.display());
        }
    }
    Ok(true)
}

pub(super) async fn export(args: &ExportArgs) -> Outcome {
    let store = open(&args.warehouse)?;
    let snapshot = store.snapshot().await?;
    let heads: Vec<_> = snapshot.relations().cloned().collect();
    let mut relations = load(&store, &heads).await?;
    // A key that refers to what is gone could not be declared again.
    settle_foreign_keys(&store, &snapshot, &mut relations).await?;
    let relations = in_order(relations);
    let mut sql = format!("-- The catalog at version {}.\n", snapshot.version());
    for schema in snapshot.schemas() {
        sql += &format!("{};\n", render::create_schema(schema));
    }
    sql += &definitions(&relations);
    sql += &keys(&relations);
    match &args.output {
        None => std::io::stdout().write_all(sql.as_bytes())?,
        Some(path) => {
            write_new(path, &sql)?;
            eprintln!("wrote {} relations to {}", relations.len(), path.display());
        }
    }
    Ok(true)
}

/// Statements that make `relations`, each in the scope of its text.
fn definitions(relations: &[Relation]) -> String {
    let mut sql = String::new();
    let mut scope: Vec<String> = Vec::new();
    for relation in relations {
        let wanted = match relation.body.as_view() {
            Some(view) => render::scope_statements(view),
            None => vec![format!("SET dialect = '{}'", Dialect::Ansi)],
        };
        if wanted != scope {
            sql += "\nRESET ALL;\n";
            for statement in &wanted {
                sql += &format!("{statement};\n");
            }
            scope = wanted;
        }
        sql += &format!("\n{};\n", render::create_statement(relation, Dialect::Ansi));
    }
    sql
}

/// Statements that declare the keys of `relations`, behind all that they refer to.
fn keys(relations: &[Relation]) -> String {
    let keys = relations
        .iter()
        .flat_map(|relation| render::constraint_statements(relation, Dialect::Ansi));
    let keys: String = keys.map(|key| format!("{key};\n")).collect();
    match keys.is_empty() {
        true => keys,
        false => format!("\nRESET ALL;\n{keys}"),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), AnyError> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).open(path);
    let mut file =
        file.map_err(|error| format!("cannot write a new file '{}': {error}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

/// Relations, each after all that it reads; those on a circle or over something missing at the end.
fn in_order(relations: Vec<Relation>) -> Vec<Relation> {
    let mut waiting: BTreeMap<RelationName, Relation> = relations
        .into_iter()
        .map(|relation| (relation.name.clone(), relation))
        .collect();
    let mut waits: BTreeMap<RelationName, usize> = BTreeMap::new();
    let mut readers: BTreeMap<RelationName, Vec<RelationName>> = BTreeMap::new();
    for (name, relation) in &waiting {
        let reads: BTreeSet<&RelationName> = relation
            .body
            .dependencies()
            .iter()
            .map(|dep| &dep.name)
            .collect();
        let known = reads.into_iter().filter(|read| waiting.contains_key(read));
        let mut count = 0;
        for read in known {
            readers.entry(read.clone()).or_default().push(name.clone());
            count += 1;
        }
        waits.insert(name.clone(), count);
    }
    let mut ready: BTreeSet<RelationName> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name.clone())
        .collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(name) = ready.pop_first() {
        for reader in readers.remove(&name).unwrap_or_default() {
            if let Some(count) = waits.get_mut(&reader) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(reader);
                }
            }
        }
        ordered.extend(waiting.remove(&name));
    }
    ordered.extend(waiting.into_values());
    ordered
}
