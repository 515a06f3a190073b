//! What is defined stays.

use mica_tests::{Server, succeeds};
use tempfile::TempDir;

use crate::{MICA, below, c360, write};

const PRODUCT: &str = "SELECT customer_id, first_name || ' ' || last_name AS name, loyalty_tier, \
     round(total_spent, 2) AS spent, round(customer_health_score, 2) AS health \
     FROM customer_analytics_c360 ORDER BY customer_health_score DESC, customer_id LIMIT 1";

#[tokio::test]
async fn the_data_product_answers_the_same_after_sigkill_and_without_the_project() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &[&c360(), "--warehouse", &warehouse]);
    let before = server.client().await.query(PRODUCT).await.unwrap().text();
    assert_eq!(
        before,
        [["CUST009", "Lisa Anderson", "Platinum", "1019.98", "2.67"]]
    );
    server.kill();

    let server = Server::start(MICA, &["--warehouse", &warehouse]);
    let mut client = server.client().await;
    assert_eq!(client.query(PRODUCT).await.unwrap().text(), before);
    let summary =
        "SELECT count(*), round(avg(customer_health_score), 2) FROM customer_analytics_c360";
    assert_eq!(
        client.query(summary).await.unwrap().text(),
        [["15", "1.87"]]
    );
    assert!(server.terminate().success());
}

#[test]
fn applying_a_project_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let first = succeeds(MICA, &["apply", &c360(), "--warehouse", &warehouse]).1;
    assert!(first.contains("15 changed, 0 unchanged"), "{first}");
    let again = succeeds(MICA, &["apply", &c360(), "--warehouse", &warehouse]).1;
    assert!(again.contains("0 changed"), "{again}");
    succeeds(MICA, &["check", "--warehouse", &warehouse]);
}

#[tokio::test]
async fn a_running_query_finishes_when_the_server_is_told_to_stop() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(MICA, &["--warehouse", &below(&folder, "warehouse")]);
    let mut client = server.client().await;
    let info = client
        .info("SELECT count(*) FROM range(20000000) WHERE value % 7 = 3")
        .await
        .unwrap();
    let running = tokio::spawn(async move { client.fetch(info).await.unwrap().value() });
    let mut watcher = server.client().await;
    loop {
        let queries = watcher.query("SHOW QUERIES").await.unwrap().text();
        let runs = |row: &Vec<String>| row[2] == "running" && row[5].contains("range(20000000)");
        if queries.iter().any(runs) {
            break;
        }
        assert!(!running.is_finished(), "the query was over too soon");
    }
    drop(watcher);
    let stopped = tokio::task::spawn_blocking(move || server.terminate());
    assert_eq!(running.await.unwrap(), "2857143");
    assert!(stopped.await.unwrap().success());
}

#[test]
fn a_backup_is_a_catalog_of_its_own() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    succeeds(MICA, &["apply", &c360(), "--warehouse", &warehouse]);
    let copy = below(&folder, "restored/catalog.db");
    std::fs::create_dir_all(folder.path().join("restored")).unwrap();
    succeeds(MICA, &["backup", &copy, "--warehouse", &warehouse]);
    let restored = below(&folder, "restored");
    succeeds(MICA, &["check", "--warehouse", &restored]);
    assert_eq!(
        succeeds(MICA, &["export", "--warehouse", &warehouse]).0,
        succeeds(MICA, &["export", "--warehouse", &restored]).0
    );
}

#[test]
fn an_export_applied_to_a_new_warehouse_is_the_same_catalog() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (below(&folder, "one"), below(&folder, "two"));
    succeeds(MICA, &["apply", &c360(), "--warehouse", &one]);
    let exported = succeeds(MICA, &["export", "--warehouse", &one]).0;
    write(&folder, "project/views/all.sql", &exported);
    let project = below(&folder, "project");
    let data = c360();
    succeeds(
        MICA,
        &["apply", &project, "--warehouse", &two, "--data-root", &data],
    );
    assert_eq!(exported, succeeds(MICA, &["export", "--warehouse", &two]).0);
}

#[test]
fn what_a_file_no_longer_creates_is_told_of_until_it_is_pruned() {
    let folder = TempDir::new().unwrap();
    let (project, warehouse) = (below(&folder, "p"), below(&folder, "warehouse"));
    let apply = |more: &[&str]| {
        let arguments = ["apply", &project, "--warehouse", &warehouse];
        let (stdout, stderr) = succeeds(MICA, &[&arguments, more].concat());
        stdout + &stderr
    };
    let both = "CREATE VIEW a AS SELECT 1 AS n;\nCREATE VIEW b AS SELECT 2 AS n;";
    write(&folder, "p/views/v.sql", both);
    apply(&[]);
    write(&folder, "p/views/v.sql", "CREATE VIEW a AS SELECT 1 AS n;");
    for _ in 0..2 {
        assert!(apply(&[]).contains("default.b"));
    }
    // One that is created again, elsewhere, is no orphan.
    write(&folder, "p/views/w.sql", "CREATE VIEW b AS SELECT 3 AS n;");
    assert!(!apply(&[]).contains("--prune"));
    apply(&["--prune"]);
    std::fs::remove_file(folder.path().join("p/views/w.sql")).unwrap();
    assert!(apply(&[]).contains("default.b"));
    assert!(apply(&["--prune"]).contains("dropped 'default.b'"));
    assert!(!apply(&[]).contains("default.b"));
}
