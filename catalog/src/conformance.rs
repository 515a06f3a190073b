//! The suite that every [`CatalogStore`] passes. Each function wants a new, empty catalog.
//!
//! Public so that backends elsewhere can run it; exempt from semantic versioning.

#![expect(clippy::unwrap_used, reason = "a suite of assertions")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

use crate::{
    CatalogStore, Change, Commit, DEFAULT_SCHEMA, Definition, Dependency, EntryId, Error,
    ExternalTable, Name, ProjectFile, RelationBody, RelationName, SchemaEntry, SchemaMode,
    Snapshot, Source, Version, View,
};

/// A view that reads `reads`, all in the default schema.
pub fn view(reads: &[&str]) -> Arc<RelationBody> {
    let dependency = |name: &&str| Dependency {
        name: RelationName::new(DEFAULT_SCHEMA, *name),
        id: None,
    };
    body(Definition::View(View {
        text: format!("SELECT 1 AS n -- {}", reads.join(", ")),
        dialect: "ansi".to_owned(),
        default_schema: DEFAULT_SCHEMA.to_owned(),
        settings: BTreeMap::from([("ansi_mode".to_owned(), "true".to_owned())]),
        dependencies: reads.iter().map(dependency).collect(),
        schema_mode: SchemaMode::Compensation,
        columns_named: true,
    }))
}

/// An external table over a CSV file.
pub fn table() -> Arc<RelationBody> {
    body(Definition::ExternalTable(ExternalTable {
        location: "file:///data/customers.csv".to_owned(),
        format: "CSV".to_owned(),
        options: BTreeMap::from([("has_header".to_owned(), "true".to_owned())]),
        partition_columns: vec!["day".to_owned()],
        statement: Some("CREATE EXTERNAL TABLE ..".to_owned()),
    }))
}

fn body(definition: Definition) -> Arc<RelationBody> {
    let commented = Field::new("Kunde ÄÖ", DataType::Utf8, true)
        .with_metadata([(crate::COMMENT_KEY.to_owned(), "who buys".to_owned())].into());
    let nested = DataType::Struct(vec![Field::new("Zip", DataType::Int64, true)].into());
    Arc::new(RelationBody {
        columns: Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            commented,
            Field::new("address", nested, true),
            Field::new("amount", DataType::Decimal128(18, 6), true),
        ])),
        comment: Some("a comment\nof two lines".to_owned()),
        owner: "alice".to_owned(),
        properties: BTreeMap::from([("quality".to_owned(), "gold".to_owned())]),
        created_at_ms: 1_700_000_000_000,
        source: Some(Source {
            project: "c360".to_owned(),
            layer: "facts".to_owned(),
            file: "facts/f.sql".to_owned(),
        }),
        constraints: Vec::new(),
        broken: None,
        definition,
    })
}

/// A change that puts `body` at `name` in the default schema, as a new entry.
pub fn put(name: &str, body: Arc<RelationBody>) -> Change {
    Change::Put {
        name: RelationName::new(DEFAULT_SCHEMA, name),
        id: EntryId::random(),
        body,
    }
}

/// A change that creates a schema.
pub fn create_schema(name: &str) -> Change {
    Change::CreateSchema(SchemaEntry {
        id: EntryId::random(),
        name: Name::from(name),
        owner: "alice".to_owned(),
        comment: Some("a schema".to_owned()),
        properties: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    })
}

/// Commits `changes` on `base`.
///
/// # Errors
/// What [`CatalogStore::commit`] returns.
pub async fn commit(
    store: &dyn CatalogStore,
    base: Version,
    changes: Vec<Change>,
) -> crate::Result<Version> {
    let commit = Commit {
        base,
        author: "alice".to_owned(),
        summary: "test".to_owned(),
        changes,
    };
    store.commit(commit).await
}

async fn commit_now(store: &dyn CatalogStore, changes: Vec<Change>) -> Snapshot {
    let base = store.snapshot().await.unwrap().version();
    commit(store, base, changes).await.unwrap();
    store.snapshot().await.unwrap()
}

fn name(relation: &str) -> RelationName {
    RelationName::new(DEFAULT_SCHEMA, relation)
}

async fn body_of(
    store: &dyn CatalogStore,
    snapshot: &Snapshot,
    relation: &str,
) -> Arc<RelationBody> {
    let head = snapshot.require_relation(&name(relation)).unwrap();
    let bodies = store.bodies(&[(head.id, head.since)]).await.unwrap();
    Arc::clone(&bodies[0])
}

/// Runs the whole suite, each part on a catalog of its own from `new_store`.
pub async fn all<S: CatalogStore>(mut new_store: impl FnMut() -> S) {
    a_new_catalog_holds_the_default_schema(&new_store()).await;
    a_body_comes_back_as_it_was_put(&new_store()).await;
    one_writer_wins(&new_store()).await;
    a_failing_change_leaves_nothing(&new_store()).await;
    names_fold_and_keep_their_spelling(&new_store()).await;
    an_id_survives_rename_replace_and_restore(&new_store()).await;
    old_versions_can_be_read(&new_store()).await;
    a_cycle_is_refused(&new_store()).await;
    dependents_are_found(&new_store()).await;
    schemas_come_and_go(&new_store()).await;
    changes_of_one_commit_build_on_each_other(&new_store()).await;
    project_files_are_remembered(&new_store()).await;
    purge_keeps_what_is_live(&new_store()).await;
    a_sound_catalog_verifies(&new_store()).await;
}

/// A new catalog is at version 1 and holds the default schema.
pub async fn a_new_catalog_holds_the_default_schema(store: &dyn CatalogStore) {
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.version(), Version(1));
    assert!(snapshot.schema("DEFAULT").is_some());
    assert_eq!(snapshot.relation_count(), 0);
}

/// What is read is what was put, for views and tables.
pub async fn a_body_comes_back_as_it_was_put(store: &dyn CatalogStore) {
    let changes = vec![put("t", table()), put("v", view(&["t"]))];
    let snapshot = commit_now(store, changes).await;
    assert_eq!(body_of(store, &snapshot, "t").await, table());
    assert_eq!(body_of(store, &snapshot, "v").await, view(&["t"]));
}

/// Of two commits made from the same version, exactly one succeeds.
pub async fn one_writer_wins(store: &dyn CatalogStore) {
    let base = store.snapshot().await.unwrap().version();
    commit(store, base, vec![create_schema("a")]).await.unwrap();
    let error = commit(store, base, vec![create_schema("b")])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert!(store.snapshot().await.unwrap().schema("b").is_none());
}

/// A commit whose last change fails leaves no trace of the others.
pub async fn a_failing_change_leaves_nothing(store: &dyn CatalogStore) {
    let before = store.snapshot().await.unwrap();
    let changes = vec![put("t", table()), Change::Drop(name("missing"))];
    let error = commit(store, before.version(), changes).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let after = store.snapshot().await.unwrap();
    assert_eq!(after.version(), before.version());
    assert!(after.relation(&name("t")).is_none());
}

/// Names are found in any case, listed as written, and cannot differ in case alone.
pub async fn names_fold_and_keep_their_spelling(store: &dyn CatalogStore) {
    let snapshot = commit_now(store, vec![put("Kunden_ÄÖ", table())]).await;
    let head = snapshot.relation(&name("KUNDEN_äö")).unwrap();
    assert_eq!(head.name.relation.as_str(), "Kunden_ÄÖ");
    let error = commit(store, snapshot.version(), vec![put("kunden_äö", table())]).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
}

/// One entry through rename, replacement, drop and restore keeps its id, and its history names all.
pub async fn an_id_survives_rename_replace_and_restore(store: &dyn CatalogStore) {
    let snapshot = commit_now(store, vec![put("old", view(&[]))]).await;
    let id = snapshot.relation(&name("old")).unwrap().id;
    let renamed = |relation: &str, body| Change::Put {
        name: name(relation),
        id,
        body,
    };
    let snapshot = commit_now(store, vec![renamed("new", view(&["t"]))]).await;
    assert!(snapshot.relation(&name("old")).is_none());
    assert_eq!(snapshot.relation(&name("new")).unwrap().id, id);
    let snapshot = commit_now(store, vec![Change::Drop(name("new"))]).await;
    assert!(snapshot.relation_by_id(id).is_none());
    let snapshot = commit_now(store, vec![renamed("new", view(&[]))]).await;
    assert_eq!(snapshot.relation(&name("NEW")).unwrap().id, id);
    let history = store.history(&name("new")).await.unwrap();
    let states: Vec<(u64, Option<u64>, &str)> = history
        .iter()
        .map(|row| {
            (
                row.since.0,
                row.until.map(|v| v.0),
                row.name.relation.as_str(),
            )
        })
        .collect();
    let expected = [(5, None, "new"), (3, Some(4), "new"), (2, Some(3), "old")];
    assert_eq!(states, expected);
    assert!(history.iter().all(|row| row.author == "alice"));
}

/// A snapshot of an older version shows what it showed then.
pub async fn old_versions_can_be_read(store: &dyn CatalogStore) {
    let first = commit_now(store, vec![put("v", view(&[]))]).await;
    let head = Arc::clone(first.relation(&name("v")).unwrap());
    let replace = Change::Put {
        name: name("v"),
        id: head.id,
        body: view(&["t"]),
    };
    commit_now(store, vec![replace, put("t", table())]).await;
    let old = store.snapshot_at(first.version()).await.unwrap();
    assert!(old.relation(&name("t")).is_none());
    assert_eq!(body_of(store, &old, "v").await, view(&[]));
    let error = store.snapshot_at(Version(99)).await.unwrap_err();
    assert!(matches!(error, Error::VersionGone { .. }), "{error}");
}

/// A commit that would make views read each other is refused, whichever change closes the circle.
pub async fn a_cycle_is_refused(store: &dyn CatalogStore) {
    let changes = vec![
        put("a", view(&["t"])),
        put("b", view(&["a"])),
        put("c", view(&["b"])),
    ];
    let snapshot = commit_now(store, changes).await;
    let close = Change::Put {
        name: name("a"),
        id: snapshot.relation(&name("a")).unwrap().id,
        body: view(&["c"]),
    };
    let error = commit(store, snapshot.version(), vec![close])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Cycle { .. }), "{error}");
    let rename = Change::Put {
        name: name("t"),
        id: snapshot.relation(&name("c")).unwrap().id,
        body: view(&["b"]),
    };
    let error = commit(store, snapshot.version(), vec![rename])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Cycle { .. }), "{error}");
}

/// Direct readers are found, by any case of the name, stored or uncommitted.
pub async fn dependents_are_found(store: &dyn CatalogStore) {
    let changes = vec![
        put("t", table()),
        put("reader", view(&["T"])),
        put("indirect", view(&["reader"])),
        put("both", view(&["t", "reader"])),
    ];
    let snapshot = commit_now(store, changes).await;
    let found = store.dependents(&snapshot, &[name("t")]).await.unwrap();
    let mut names: Vec<_> = found.iter().map(|h| h.name.relation.to_string()).collect();
    names.sort();
    assert_eq!(names, ["both", "reader"]);
    let overlay = snapshot.apply(&[put("late", view(&["indirect"]))]).unwrap();
    let found = store
        .dependents(&overlay, &[name("indirect")])
        .await
        .unwrap();
    assert_eq!(found[0].name, name("late"));
}

/// Schemas are created, altered, and dropped only when empty.
pub async fn schemas_come_and_go(store: &dyn CatalogStore) {
    let in_gold = Change::Put {
        name: RelationName::new("GOLD", "t"),
        id: EntryId::random(),
        body: table(),
    };
    let snapshot = commit_now(store, vec![create_schema("Gold"), in_gold]).await;
    let head = snapshot.relation(&RelationName::new("gold", "t")).unwrap();
    assert_eq!(head.name.to_string(), "Gold.t");
    let drop = vec![Change::DropSchema(Name::from("gold"))];
    let error = commit(store, snapshot.version(), drop.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::SchemaNotEmpty { relations: 1, .. }),
        "{error}"
    );
    let mut changes = vec![Change::Drop(RelationName::new("gold", "t"))];
    changes.extend(drop);
    let snapshot = commit_now(store, changes).await;
    assert!(snapshot.schema("gold").is_none());
    let error = commit(
        store,
        snapshot.version(),
        vec![create_schema("Information_Schema")],
    )
    .await;
    assert!(matches!(error, Err(Error::BadName { .. })), "{error:?}");
}

/// A later change of a commit sees the earlier ones; what comes and goes within leaves nothing.
pub async fn changes_of_one_commit_build_on_each_other(store: &dyn CatalogStore) {
    let changes = vec![
        put("gone", table()),
        Change::Drop(name("gone")),
        put("gone", view(&[])),
        put("kept", table()),
    ];
    let snapshot = commit_now(store, changes).await;
    assert_eq!(snapshot.relation_count(), 2);
    assert_eq!(store.history(&name("gone")).await.unwrap().len(), 1);
    assert!(store.verify().await.unwrap().is_empty());
}

/// Files of a project are remembered with the version that recorded them.
pub async fn project_files_are_remembered(store: &dyn CatalogStore) {
    let file = |path: &str| ProjectFile {
        project: "p".to_owned(),
        path: path.to_owned(),
        digest: [7; 32],
        relations: vec![name("v")],
        queries: 1,
        since: Version(0),
    };
    let forget = Change::DropProjectFile {
        project: "p".to_owned(),
        path: "b.sql".to_owned(),
    };
    commit_now(
        store,
        ["a.sql", "b.sql"]
            .map(|p| Change::PutProjectFile(file(p)))
            .into(),
    )
    .await;
    commit_now(store, vec![forget]).await;
    let files = store.project_files("p").await.unwrap();
    let expected = ProjectFile {
        since: Version(2),
        ..file("a.sql")
    };
    assert_eq!(files, [expected]);
    assert!(store.project_files("other").await.unwrap().is_empty());
}

/// A purge forgets ended states alone; what is live stays readable.
pub async fn purge_keeps_what_is_live(store: &dyn CatalogStore) {
    let snapshot = commit_now(store, vec![put("v", view(&[])), put("t", table())]).await;
    let replace = Change::Put {
        name: name("v"),
        id: snapshot.relation(&name("v")).unwrap().id,
        body: view(&["t"]),
    };
    let after = commit_now(store, vec![replace]).await;
    assert_eq!(store.purge(i64::MAX).await.unwrap(), 1);
    assert_eq!(store.history(&name("v")).await.unwrap().len(), 1);
    let now = store.snapshot().await.unwrap();
    assert_eq!(now.version(), after.version());
    assert_eq!(body_of(store, &now, "v").await, view(&["t"]));
    assert_eq!(body_of(store, &now, "t").await, table());
    let error = store.snapshot_at(Version(1)).await.unwrap_err();
    assert!(matches!(error, Error::VersionGone { .. }), "{error}");
    assert!(store.verify().await.unwrap().is_empty());
}

/// A catalog that was only written through commits has no findings.
pub async fn a_sound_catalog_verifies(store: &dyn CatalogStore) {
    commit_now(store, vec![put("t", table()), put("v", view(&["t"]))]).await;
    commit_now(store, vec![Change::Drop(name("v")), create_schema("s")]).await;
    assert_eq!(store.verify().await.unwrap(), []);
}
