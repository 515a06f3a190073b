//! A damaged catalog is named, never read as if it were whole.

use std::path::Path;

use mica_tests::{Server, fails, run, succeeds};
use tempfile::TempDir;

use crate::{MICA, below, c360, write};

fn applied() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    succeeds(MICA, &["apply", &c360(), "--warehouse", &warehouse]);
    (folder, warehouse)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless() {
    let (folder, warehouse) = applied();
    let exported = succeeds(MICA, &["export", "--warehouse", &warehouse]).0;
    let database = folder.path().join("warehouse/catalog.db");
    let whole = std::fs::read(&database).unwrap();
    let mut found = 0;
    let places: Vec<usize> = (0..40).map(|n| n * whole.len() / 40 + 7).collect();
    for at in &places {
        flip(&database, *at);
        let check = run(MICA, &["check", "--warehouse", &warehouse]);
        if check.status.success() {
            let now = succeeds(MICA, &["export", "--warehouse", &warehouse]).0;
            assert_eq!(now, exported, "byte {at} changed the catalog unseen");
        } else {
            found += 1;
            let message =
                String::from_utf8_lossy(&check.stderr) + String::from_utf8_lossy(&check.stdout);
            assert!(
                message.contains("catalog.db") || message.contains("damaged"),
                "byte {at}: {message}"
            );
        }
        std::fs::write(&database, &whole).unwrap();
        for beside in ["catalog.db-wal", "catalog.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join("warehouse").join(beside));
        }
    }
    assert!(
        found > places.len() / 4,
        "only {found} of {} were found",
        places.len()
    );
}

#[test]
fn a_database_that_is_emptied_or_gone_is_not_made_anew() {
    let (folder, warehouse) = applied();
    let database = folder.path().join("warehouse/catalog.db");
    let at = ["--warehouse", warehouse.as_str()];
    for emptied in [true, false] {
        for beside in ["catalog.db-wal", "catalog.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join("warehouse").join(beside));
        }
        match emptied {
            true => std::fs::write(&database, "").unwrap(),
            false => std::fs::remove_file(&database).unwrap(),
        }
        let message = fails(MICA, &[&["sql"][..], &at, &["-e", "SHOW TABLES"]].concat());
        assert!(message.contains("was acknowledged"), "{message}");
        assert!(message.contains("catalog.db.head"), "{message}");
    }
    std::fs::remove_file(folder.path().join("warehouse/catalog.db.head")).unwrap();
    succeeds(MICA, &[&["sql"][..], &at, &["-e", "SHOW TABLES"]].concat());
}

#[test]
fn a_truncated_database_is_named() {
    let (folder, warehouse) = applied();
    let database = folder.path().join("warehouse/catalog.db");
    let whole = std::fs::read(&database).unwrap();
    for length in [100, whole.len() / 3, whole.len() - 4096] {
        std::fs::write(&database, &whole[..length]).unwrap();
        let message = fails(MICA, &["check", "--warehouse", &warehouse]);
        assert!(message.contains("catalog.db"), "{length}: {message}");
    }
}

#[tokio::test]
async fn a_truncated_or_flipped_wal_is_a_lost_commit_and_named() {
    for truncate in [true, false] {
        let folder = TempDir::new().unwrap();
        let warehouse = below(&folder, "warehouse");
        let server = Server::start(MICA, &["--warehouse", &warehouse]);
        let mut client = server.client().await;
        for n in 0..20 {
            let sql = format!("CREATE VIEW v{n} AS SELECT {n} AS n");
            client.query(&sql).await.unwrap();
        }
        server.kill();
        let wal = folder.path().join("warehouse/catalog.db-wal");
        let length = std::fs::metadata(&wal).unwrap().len() as usize;
        assert!(length > 0, "everything was in the database already");
        if truncate {
            let bytes = std::fs::read(&wal).unwrap();
            std::fs::write(&wal, &bytes[..length / 2]).unwrap();
        } else {
            flip(&wal, length / 2);
        }
        let message = fails(MICA, &["check", "--warehouse", &warehouse]);
        assert!(
            message.contains("catalog.db") && message.contains("backup"),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_catalog_or_is_from_a_newer_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "warehouse/catalog.db",
        "this is a text, not a database; it is long enough to have a header of a hundred bytes, so that",
    );
    let warehouse = below(&folder, "warehouse");
    let message = fails(MICA, &["check", "--warehouse", &warehouse]);
    assert!(message.contains("catalog.db"), "{message}");
    let text = std::fs::read_to_string(folder.path().join("warehouse/catalog.db")).unwrap();
    assert!(text.starts_with("this is a text"));

    let (newer, warehouse) = applied();
    let database = newer.path().join("warehouse/catalog.db");
    let catalog = rusqlite::Connection::open(&database).unwrap();
    let sql = "UPDATE meta SET value = 9999 WHERE key = 'format_version'";
    assert_eq!(catalog.execute(sql, []).unwrap(), 1);
    drop(catalog);
    let message = fails(MICA, &["check", "--warehouse", &warehouse]);
    assert!(
        message.contains("newer") && message.contains("9999"),
        "{message}"
    );
}
