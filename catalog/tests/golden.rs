//! Catalog files of released formats: each opens for ever, and today's build writes the newest one
//! byte for byte.
//!
//! `golden/v1.db` was made by [`make`]. A new format gets a new file beside it:
//! `MICA_WRITE_GOLDEN=catalog/tests/golden/vN.db cargo test -p mica-catalog --test golden`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mica_catalog::conformance::{commit, create_schema, put, table, view};
use mica_catalog::{
    CatalogStore, Change, EntryId, Error, ProjectFile, RelationBody, RelationName, SqliteOptions,
    SqliteStore, Version, load,
};
use rusqlite::{Connection, OpenFlags};

/// What every golden file holds.
async fn make(store: &SqliteStore) {
    let name = |relation: &str| RelationName::new("default", relation);
    let reader = EntryId::random();
    let view_at = |body: RelationBody| Change::Put {
        name: name("reader"),
        id: reader,
        body: Arc::new(body),
    };
    let first = RelationBody::clone(&view(&["customers"]));
    let second = RelationBody {
        broken: Some("column 'x' is gone".to_owned()),
        comment: None,
        source: None,
        ..RelationBody::clone(&view(&["customers", "reader_of_old"]))
    };
    for (base, changes) in [
        vec![create_schema("Gold"), put("customers", table())],
        vec![view_at(first), put("gone", view(&[]))],
        vec![view_at(second), Change::Drop(name("gone"))],
        vec![Change::PutProjectFile(ProjectFile {
            project: "c360".to_owned(),
            path: "facts/f.sql".to_owned(),
            digest: [7; 32],
            relations: vec![name("reader")],
            queries: 1,
            since: Version(0),
        })],
    ]
    .into_iter()
    .enumerate()
    {
        commit(store, Version(base as u64 + 1), changes)
            .await
            .unwrap();
    }
}

fn golden() -> PathBuf {
    let crate_folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    crate_folder.join("tests/golden/v1.db")
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).unwrap()
}

/// A copy that may be written to.
fn copy(folder: &Path) -> PathBuf {
    let path = folder.join("catalog.db");
    std::fs::copy(golden(), &path).unwrap();
    path
}

fn block_on<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

#[test]
fn format_1_opens_with_every_version_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        if let Ok(target) = std::env::var("MICA_WRITE_GOLDEN") {
            let store = open(&folder.path().join("new.db"));
            make(&store).await;
            store.backup(Path::new(&target)).await.unwrap();
        }
        let store = open(&copy(folder.path()));
        assert!(store.verify().await.unwrap().is_empty());
        let newest = store.snapshot().await.unwrap();
        assert_eq!(newest.version(), Version(5));
        assert_eq!(newest.schema("gold").unwrap().name.as_str(), "Gold");
        let before = store.snapshot_at(Version(3)).await.unwrap();
        for (snapshot, relation, expected) in [
            (&newest, "customers", table()),
            (&before, "reader", view(&["customers"])),
            (&before, "gone", view(&[])),
        ] {
            let head = snapshot.relation(&RelationName::new("default", relation));
            let loaded = load(&store, &[Arc::clone(head.unwrap())]).await.unwrap();
            assert_eq!(*loaded[0].body, *expected, "{relation}");
        }
        assert!(
            newest
                .relation(&RelationName::new("default", "gone"))
                .is_none()
        );
        let history = store.history(&RelationName::new("default", "reader")).await;
        assert_eq!(history.unwrap().len(), 2);
        assert_eq!(store.project_files("c360").await.unwrap()[0].queries, 1);
        // And it can be written to.
        let more = vec![put("more", view(&[]))];
        assert_eq!(commit(&store, Version(5), more).await.unwrap(), Version(6));
    });
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy(folder.path());
    let connection = Connection::open(&path).unwrap();
    let newer = "UPDATE meta SET value = 2 WHERE key = 'format_version'";
    connection.execute(newer, []).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path, SqliteOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NewerFormat {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(std::fs::read(&path).unwrap() == before, "it was written to");
}

/// Everything that is stored, but for ids, keys and times.
fn stored(path: &Path) -> Vec<String> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = Vec::new();
    for sql in [
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
        "SELECT key FROM meta ORDER BY key",
        "SELECT concat_ws('|', version, author, summary, live_rows) FROM commits ORDER BY 1",
        "SELECT concat_ws('|', begin_version, end_version, name, name_fold, body) FROM schemas
         WHERE name_fold <> 'default' ORDER BY 1",
        "SELECT concat_ws('|', begin_version, end_version, schema_fold, name, name_fold, kind,
         hex(body_hash)) FROM relations ORDER BY 1",
        "SELECT concat_ws('|', begin_version, body, hex(columns)) FROM bodies ORDER BY 1",
        "SELECT concat_ws('|', begin_version, schema_fold, name_fold) FROM dependencies ORDER BY 1",
        "SELECT concat_ws('|', project, path, since_version, hex(digest), relations, queries)
         FROM project_files",
    ] {
        let mut statement = connection.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| row.get(0)).unwrap();
        rows.extend(texts.map(Result::<String, _>::unwrap));
    }
    rows
}

#[test]
fn this_build_stores_what_format_1_stores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let store = open(&path);
    block_on(make(&store));
    drop(store);
    assert_eq!(stored(&path), stored(&golden()));
}
