//! Every limit, reached.

use std::time::Duration;

use mica_tests::{Client, Server};
use tempfile::TempDir;
use tonic::Code;

use crate::{MICA, below};

/// Runs for hours unless something ends it.
const ENDLESS: &str = "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b WHERE a.value * b.value = 7";

fn serve(folder: &TempDir, flags: &[&str]) -> Server {
    let warehouse = below(folder, "warehouse");
    Server::start(MICA, &[&["--warehouse", &warehouse], flags].concat())
}

/// Starts `sql` on a connection of its own, and returns once it runs.
async fn start(server: &Server, sql: &str) -> tokio::task::JoinHandle<tonic::Status> {
    let mut client = server.client().await;
    let text = sql.to_owned();
    let running = tokio::spawn(async move { client.fails(&text).await });
    let mut watcher = server.client().await;
    while running_queries(&mut watcher).await.is_empty() {
        assert!(!running.is_finished(), "it ended at once");
    }
    running
}

/// Ids of the running queries.
async fn running_queries(client: &mut Client) -> Vec<String> {
    let rows = client.query("SHOW QUERIES").await.unwrap().text();
    let running = rows.into_iter().filter(|row| row[2] == "running");
    running.map(|row| row[0].clone()).collect()
}

/// Waits until the server has ended them all.
async fn none_runs(client: &mut Client) {
    let wait = async { while !running_queries(client).await.is_empty() {} };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    waited.expect("a query was not ended");
}

#[tokio::test]
async fn memory_of_a_statement() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--statement-memory", "8MB"]);
    let mut client = server.client().await;
    // A join that builds its table of all rows of one side cannot spill.
    let sql = "SELECT count(*) FROM range(5000000) a JOIN range(5000000) b ON a.value = b.value";
    let status = client.fails(sql).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("--statement-memory"), "{status}");
    // The next one has all of it again, and a small sort fits in.
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
    let sql = "SELECT value FROM range(1000) ORDER BY value % 10 DESC, value";
    assert_eq!(client.query(sql).await.unwrap().text()[0], ["9"]);
}

#[tokio::test]
async fn the_time_of_a_statement() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--statement-timeout", "300ms"]);
    let status = server.client().await.fails(ENDLESS).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(status.message().contains("--statement-timeout"), "{status}");
}

#[tokio::test]
async fn queries_at_once_and_in_the_queue() {
    let folder = TempDir::new().unwrap();
    let flags = [
        "--max-queries",
        "1",
        "--queue-length",
        "1",
        "--queue-wait",
        "200ms",
    ];
    let server = serve(&folder, &flags);
    let running = start(&server, ENDLESS).await;
    let mut waiting = server.client().await;
    let late = waiting.fails("SELECT 1 AS late").await;
    assert_eq!(late.code(), Code::ResourceExhausted, "{late}");
    assert!(late.message().contains("--queue-wait"), "{late}");
    // Definitions and metadata are not queries.
    waiting
        .query("CREATE VIEW v AS SELECT 1 AS one")
        .await
        .unwrap();
    running.abort();
}

/// The limit holds while a text is planned, too.
#[tokio::test]
async fn time_of_planning() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let mut client = server.client().await;
    client.query("SET statement_timeout_ms = 1").await.unwrap();
    let terms: Vec<String> = (0..3000).map(|n| format!("{n} AS c{n}")).collect();
    let status = client.fails(&format!("SELECT {}", terms.join(", "))).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let message = status.message();
    assert!(
        message.contains("the setting statement_timeout_ms"),
        "{message}"
    );
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let folder = TempDir::new().unwrap();
    let flags = ["--max-queries", "1", "--queue-length", "0"];
    let server = serve(&folder, &flags);
    let running = start(&server, ENDLESS).await;
    let refused = server.client().await.fails("SELECT 1").await;
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("--queue-length"), "{refused}");
    running.abort();
}

#[tokio::test]
async fn kill_ends_a_query_of_another_client() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let running = start(&server, ENDLESS).await;
    let mut client = server.client().await;
    let id = running_queries(&mut client).await.remove(0);
    client.query(&format!("KILL {id}")).await.unwrap();
    let status = running.await.unwrap();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    none_runs(&mut client).await;
    let status = client.fails(&format!("KILL {id}")).await;
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_query() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let running = start(&server, ENDLESS).await;
    running.abort();
    let mut client = server.client().await;
    none_runs(&mut client).await;
}

#[tokio::test]
async fn a_result_that_nobody_reads_is_ended() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--idle-stream-timeout", "300ms"]);
    let mut reader = server.client().await;
    let info = reader.info("SELECT * FROM range(100000000)").await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut stream = reader.inner.do_get(ticket).await.unwrap();
    none_runs(&mut server.client().await).await;
    let error = loop {
        match futures::TryStreamExt::try_next(&mut stream).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the result was whole"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("--idle-stream-timeout"), "{error}");
}

#[tokio::test]
async fn depth_and_size_of_views() {
    let folder = TempDir::new().unwrap();
    let server = serve(
        &folder,
        &["--max-view-depth", "5", "--max-plan-nodes", "200"],
    );
    let mut client = server.client().await;
    client
        .query("CREATE VIEW v0 AS SELECT 1 AS n")
        .await
        .unwrap();
    for n in 1..5 {
        let sql = format!("CREATE VIEW v{n} AS SELECT n FROM v{}", n - 1);
        client.query(&sql).await.unwrap();
    }
    client.query("SELECT n FROM v4").await.unwrap();
    client
        .query("CREATE VIEW v5 AS SELECT n FROM v4")
        .await
        .unwrap();
    let status = client.fails("SELECT n FROM v5").await;
    assert!(status.message().contains("--max-view-depth"), "{status}");
    // Each level joins the one below with itself.
    client
        .query("CREATE VIEW d0 AS SELECT 1 AS n")
        .await
        .unwrap();
    let mut refused = None;
    for n in 1..5 {
        let below = n - 1;
        let sql = format!(
            "CREATE VIEW d{n} AS SELECT a.n FROM d{below} a JOIN d{below} b ON a.n = b.n \
             JOIN d{below} c ON a.n = c.n JOIN d{below} d ON a.n = d.n"
        );
        refused = client.query(&sql).await.err();
        if refused.is_some() {
            break;
        }
        refused = client.query(&format!("SELECT * FROM d{n}")).await.err();
        if refused.is_some() {
            break;
        }
    }
    let status = refused.unwrap();
    assert!(status.message().contains("--max-plan-nodes"), "{status}");
}

#[tokio::test]
async fn five_hundred_views_on_top_of_each_other_and_five_thousand_terms() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let mut client = server.client().await;
    client
        .query("CREATE VIEW c0 AS SELECT 1 AS n")
        .await
        .unwrap();
    for n in 1..500 {
        let sql = format!("CREATE VIEW c{n} AS SELECT n FROM c{}", n - 1);
        client.query(&sql).await.unwrap();
    }
    assert_eq!(
        client.query("SELECT n FROM c499").await.unwrap().value(),
        "1"
    );
    let terms = |count| format!("SELECT {}", vec!["1"; count].join(" + "));
    assert_eq!(client.query(&terms(900)).await.unwrap().value(), "900");
    let status = client.fails(&terms(5000)).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    // What BI tools filter by may be as long.
    let filter: Vec<String> = (0..5000).map(|n| format!("x = {n}")).collect();
    let filter = filter.join(" OR ");
    let filtered = format!("SELECT count(*) FROM range(100) AS t (x) WHERE {filter}");
    assert_eq!(client.query(&filtered).await.unwrap().value(), "100");
    let nested = format!("SELECT {}1{}", "(".repeat(2000), ")".repeat(2000));
    let status = client.fails(&nested).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
}

/// A repartition that spills can wait for itself for ever (apache/datafusion#24883): under little
/// memory the same statement must answer rightly, or end with an error, but end.
#[tokio::test]
async fn a_spilling_aggregate_answers_or_is_ended() {
    let folder = TempDir::new().unwrap();
    for memory in ["300KB", "600KB", "1500KB"] {
        let flags = ["--statement-memory", memory, "--no-progress-timeout", "2s"];
        let server = serve(&folder, &flags);
        let mut client = server.client().await;
        client.query("SET target_partitions = 2").await.unwrap();
        client.query("SET batch_size = 64").await.unwrap();
        let sql = "SELECT v % 13 AS g, count(DISTINCT md5(CAST(v % 337 AS VARCHAR))) AS n \
                   FROM generate_series(1, 40000) AS s(v) GROUP BY v % 13";
        for _ in 0..5 {
            let answer = tokio::time::timeout(Duration::from_secs(60), client.query(sql)).await;
            match answer.expect("the watchdog did not end it") {
                Ok(rows) => {
                    let rows = rows.text();
                    assert!(rows.len() == 13 && rows.iter().all(|row| row[1] == "337"));
                }
                Err(status) => assert!(
                    [Code::Aborted, Code::ResourceExhausted].contains(&status.code()),
                    "{status}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn hundreds_of_joined_relations_answer() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let mut client = server.client().await;
    for count in [130, 300] {
        let relations: Vec<String> = (0..count).map(|n| format!("range(1) t{n}")).collect();
        let sql = format!("SELECT count(*) FROM {}", relations.join(", "));
        assert_eq!(client.query(&sql).await.unwrap().value(), "1");
    }
}
