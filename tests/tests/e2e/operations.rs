//! What an operator sees: health, log, running queries.

use mica_tests::Server;
use tempfile::TempDir;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::{MICA, below, write};

#[tokio::test]
async fn health_answers_without_a_login() {
    let folder = TempDir::new().unwrap();
    write(&folder, "password", "correct horse\n");
    let (warehouse, password) = (below(&folder, "warehouse"), below(&folder, "password"));
    let login = ["--user", "ann", "--password-file", &password];
    let server = Server::start(MICA, &[&["--warehouse", &warehouse][..], &login].concat());
    let url = server.url.replace("grpc://", "http://");
    let channel = Endpoint::new(url).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    assert!(!server.log().contains("correct horse"));
}

#[tokio::test]
async fn each_statement_is_one_line_of_the_log_without_its_text() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &["--warehouse", &warehouse, "--log-json"]);
    let mut client = server.client().await;
    client
        .query("CREATE VIEW v AS SELECT 'private' AS word")
        .await
        .unwrap();
    client.query("SELECT * FROM range(3), v").await.unwrap();
    client.fails("SELECT CAST(word AS INT) FROM v").await;
    client.fails("SELECT CAST(word AS INT) FROM v").await;
    client.fails("SELECT nothing FROM v").await;
    // The line of the last statement is written before the server has stopped.
    let log = server.stop_and_log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.contains("statement finished"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<(u64, &str)> = lines
        .iter()
        .map(|line| {
            let fields = &line["fields"];
            assert!(fields["query_id"].is_u64() && fields["elapsed_ms"].is_u64());
            assert_eq!(fields["user"], "anonymous");
            (
                fields["rows"].as_u64().unwrap(),
                fields["code"].as_str().unwrap(),
            )
        })
        .collect();
    let invalid = (0, "InvalidArgument");
    assert_eq!(seen, [(0, "Ok"), (3, "Ok"), invalid, invalid, invalid]);
    let digest = |line: usize| lines[line]["fields"]["statement"].as_str().unwrap();
    assert_eq!(digest(2), digest(3), "one text, one digest");
    assert_ne!(digest(3), digest(4));
    assert!(!log.contains("private"), "{log}");
}

/// A change commits or fails by itself: neither its client's leaving nor `KILL` cuts it short.
#[tokio::test]
async fn a_change_goes_on_without_its_client_and_is_not_killed() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let slow = [("MICA_TEST_DELAY", "catalog.before_commit:1000")];
    let server = Server::try_start(MICA, &["--warehouse", &warehouse], &slow).unwrap();
    let mut leaver = server.client().await;
    let change = tokio::spawn(async move { leaver.query("CREATE VIEW v AS SELECT 1 AS n").await });
    let mut client = server.client().await;
    let id = loop {
        let queries = client.query("SHOW QUERIES").await.unwrap().text();
        if let Some(row) = queries.iter().find(|row| row[2] == "changing") {
            break row[0].clone();
        }
        assert!(!change.is_finished(), "the change was over too soon");
    };
    let refused = client.fails(&format!("KILL '{id}'")).await;
    assert_eq!(refused.code(), tonic::Code::NotFound, "{refused}");
    change.abort();
    let done = async { while client.query("SELECT n FROM v").await.is_err() {} };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), done).await;
    waited.expect("the change was lost with its client");
}
