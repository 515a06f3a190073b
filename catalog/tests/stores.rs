//! Both stores against the conformance suite, and against a model.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mica_catalog::conformance::{commit, create_schema, put, table, view};
use mica_catalog::{
    CatalogStore, Change, EntryId, Error, MemoryStore, Name, RelationBody, RelationHead,
    RelationName, Snapshot, SqliteOptions, SqliteStore, Version,
};
use proptest::prelude::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn sqlite(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("catalog.db"), SqliteOptions::default()).unwrap()
}

#[test]
fn the_memory_store_conforms() {
    runtime().block_on(mica_catalog::conformance::all(MemoryStore::default));
}

#[test]
fn the_sqlite_store_conforms() {
    let mut folders = Vec::new();
    let new_store = || {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite(folder.path());
        folders.push(folder);
        store
    };
    runtime().block_on(mica_catalog::conformance::all(new_store));
}

#[test]
fn a_second_process_sees_commits_and_cannot_commit_on_an_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (sqlite(folder.path()), sqlite(folder.path()));
    runtime().block_on(async {
        let base = two.snapshot().await.unwrap().version();
        let changes = vec![put("v", view(&[])), create_schema("gold")];
        commit(&one, base, changes).await.unwrap();
        let seen = two.snapshot().await.unwrap();
        assert!(seen.relation(&RelationName::new("default", "v")).is_some());
        assert!(seen.schema("gold").is_some());
        let error = commit(&two, base, vec![put("w", view(&[]))])
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        commit(
            &two,
            seen.version(),
            vec![Change::DropSchema(Name::from("gold"))],
        )
        .await
        .unwrap();
        assert!(one.snapshot().await.unwrap().schema("gold").is_none());
    });
}

#[test]
fn a_backup_opens_as_a_catalog_of_the_same_version() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("backup.db");
    runtime().block_on(async {
        let store = sqlite(folder.path());
        commit(&store, Version(1), vec![put("t", table())])
            .await
            .unwrap();
        assert_eq!(store.backup(&target).await.unwrap(), Version(2));
        let again = store.backup(&target).await.unwrap_err();
        assert!(matches!(again, Error::BackupExists { .. }), "{again}");
        let copy = SqliteStore::open(&target, SqliteOptions::default()).unwrap();
        assert_eq!(copy.snapshot().await.unwrap().relation_count(), 1);
        assert_eq!(copy.verify().await.unwrap(), []);
    });
}

/// What a test does to a catalog, on a handful of names.
#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Replace(u8),
    Rename(u8, u8),
    Drop(u8),
    CreateSchema(u8),
    DropSchema(u8),
    Reopen,
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..6_u8;
    prop_oneof![
        4 => name.clone().prop_map(Step::Put),
        3 => name.clone().prop_map(Step::Replace),
        2 => (name.clone(), name.clone()).prop_map(|(a, b)| Step::Rename(a, b)),
        3 => name.clone().prop_map(Step::Drop),
        1 => name.clone().prop_map(Step::CreateSchema),
        1 => name.prop_map(Step::DropSchema),
        1 => Just(Step::Reopen),
        1 => Just(Step::Purge),
    ]
}

/// The catalog as plain maps: relation to (id, version of its last change), and the schemas.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    relations: BTreeMap<String, (EntryId, u64)>,
    schemas: Vec<String>,
}

impl Model {
    fn of(snapshot: &Snapshot) -> Self {
        let relation =
            |head: &Arc<RelationHead>| (head.name.relation.to_string(), (head.id, head.since.0));
        let mut schemas: Vec<String> = snapshot.schemas().map(|s| s.name.to_string()).collect();
        schemas.sort();
        Self {
            relations: snapshot.relations().map(relation).collect(),
            schemas,
        }
    }

    /// The change of a step, if the model allows it; it is then applied to the model as well.
    fn step(&mut self, step: &Step, version: u64) -> Option<Change> {
        match *step {
            Step::Put(name) => {
                self.require_free(name)?;
                Some(self.put(name, EntryId::random(), table(), version))
            }
            Step::Replace(name) => {
                let (id, _) = self.relations.remove(&relation(name))?;
                Some(self.put(name, id, view(&[]), version))
            }
            Step::Rename(from, to) => {
                self.require_free(to)?;
                let (id, _) = self.relations.remove(&relation(from))?;
                Some(self.put(to, id, view(&[]), version))
            }
            Step::Drop(name) => {
                self.relations.remove(&relation(name))?;
                Some(Change::Drop(qualified(name)))
            }
            Step::CreateSchema(name) => self.create_schema(&format!("s{name}")),
            Step::DropSchema(name) => self.drop_schema(&format!("s{name}")),
            Step::Reopen | Step::Purge => None,
        }
    }

    fn require_free(&self, name: u8) -> Option<()> {
        (!self.relations.contains_key(&relation(name))).then_some(())
    }

    fn put(&mut self, name: u8, id: EntryId, body: Arc<RelationBody>, version: u64) -> Change {
        self.relations.insert(relation(name), (id, version));
        let name = qualified(name);
        Change::Put { name, id, body }
    }

    fn create_schema(&mut self, name: &str) -> Option<Change> {
        if self.schemas.iter().any(|schema| schema == name) {
            return None;
        }
        self.schemas.push(name.to_owned());
        self.schemas.sort();
        Some(create_schema(name))
    }

    fn drop_schema(&mut self, name: &str) -> Option<Change> {
        let at = self.schemas.iter().position(|schema| schema == name)?;
        self.schemas.remove(at);
        Some(Change::DropSchema(Name::from(name)))
    }
}

fn relation(name: u8) -> String {
    format!("r{name}")
}

fn qualified(name: u8) -> RelationName {
    RelationName::new("default", relation(name).as_str())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order, the catalog shows what the model shows, at every
    /// version that is kept, from this handle and from a new one.
    #[test]
    fn the_sqlite_store_follows_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = sqlite(folder.path());
        let mut model = Model { schemas: vec!["default".to_owned()], ..Model::default() };
        let mut kept = BTreeMap::from([(1, model.clone())]);
        runtime().block_on(async {
            for step in &steps {
                let base = store.snapshot().await.unwrap().version();
                match step {
                    Step::Reopen => store = sqlite(folder.path()),
                    Step::Purge => {
                        store.purge(i64::MAX).await.unwrap();
                        kept = kept.split_off(&base.0);
                    }
                    step => {
                        let Some(change) = model.step(step, base.0 + 1) else { continue };
                        let version = commit(&store, base, vec![change]).await.unwrap();
                        kept.insert(version.0, model.clone());
                    }
                }
                prop_assert_eq!(Model::of(&store.snapshot().await.unwrap()), model.clone());
            }
            let fresh = sqlite(folder.path());
            for (version, expected) in &kept {
                let snapshot = fresh.snapshot_at(Version(*version)).await.unwrap();
                prop_assert_eq!(&Model::of(&snapshot), expected);
            }
            prop_assert_eq!(fresh.verify().await.unwrap(), vec![]);
            Ok(())
        })?;
    }
}
