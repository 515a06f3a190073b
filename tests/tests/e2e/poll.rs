//! PollFlightInfo: long queries in the background, and results that are kept.

use std::time::Duration;

use arrow_flight::sql::{
    ActionCancelQueryRequest, Any, CommandGetCatalogs, CommandStatementQuery, ProstMessageExt,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, FlightDescriptor, FlightInfo, PollInfo, Ticket,
};
use futures::TryStreamExt;
use mica_tests::{Client, Server};
use prost::Message;
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::{MICA, below, write};

/// Runs for hours unless something ends it.
const ENDLESS: &str = "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b WHERE a.value * b.value = 7";

/// The first poll finds it running, and it ends by itself.
const LONG: &str =
    "SELECT count(*) FROM range(3000) a CROSS JOIN range(4000) b WHERE a.value * b.value % 7 = 1";

/// Another result each time that it runs.
const RANDOM: &str = "SELECT value, random() AS r FROM range(10)";

/// Small enough to find every query running that does not end at once.
const IMPATIENT: [&str; 2] = ["--poll-wait", "1ms"];

fn serve(folder: &TempDir, flags: &[&str]) -> Server {
    let (warehouse, data) = (below(folder, "warehouse"), below(folder, ""));
    let places = ["--warehouse", &warehouse, "--data-root", &data];
    Server::start(MICA, &[&places, flags].concat())
}

fn asking(sql: &str) -> FlightDescriptor {
    let command = CommandStatementQuery {
        query: sql.to_owned(),
        transaction_id: None,
    };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

async fn poll(client: &mut Client, descriptor: &FlightDescriptor) -> Result<PollInfo, Status> {
    // With the token that a login gave, if any.
    let mut request = tonic::Request::new(descriptor.clone());
    if let Some(token) = client.inner.token() {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let polled = client.inner.inner_mut().poll_flight_info(request).await;
    polled.map(tonic::Response::into_inner)
}

/// Polls a query that runs: its descriptor to poll with.
async fn started(client: &mut Client, sql: &str) -> PollInfo {
    let polled = poll(client, &asking(sql)).await.unwrap();
    assert!(polled.flight_descriptor.is_some(), "it was over too soon");
    polled
}

/// Polls until the end: the last answer, and what was told before.
async fn finish(client: &mut Client, sql: &str) -> Result<(FlightInfo, Vec<PollInfo>), Status> {
    let (mut descriptor, mut before) = (asking(sql), Vec::new());
    loop {
        let polled = poll(client, &descriptor).await?;
        let Some(next) = polled.flight_descriptor.clone() else {
            assert_eq!(polled.progress, Some(1.0));
            return Ok((polled.info.unwrap(), before));
        };
        before.push(polled);
        descriptor = next;
    }
}

async fn act(client: &mut Client, action: &str, body: Vec<u8>) {
    let request = tonic::Request::new(Action::new(action, body));
    let results = client.inner.inner_mut().do_action(request).await.unwrap();
    let results: Vec<_> = results.into_inner().try_collect().await.unwrap();
    assert_eq!(results.len(), 1);
}

/// Rows of SHOW QUERIES.
async fn queries(client: &mut Client) -> Vec<Vec<String>> {
    client.query("SHOW QUERIES").await.unwrap().text()
}

async fn none_runs(client: &mut Client) {
    let wait = async { while !queries(client).await.is_empty() {} };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    waited.expect("a query was not ended");
}

#[tokio::test]
async fn a_short_query_is_complete_at_the_first_poll() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--poll-wait", "60s"]);
    let mut client = server.client().await;
    let sql = "SELECT value, 'x' AS s FROM range(5)";
    let (info, before) = finish(&mut client, sql).await.unwrap();
    assert!(before.is_empty(), "{before:?}");
    assert_eq!((info.total_records, info.endpoint.len()), (5, 1));
    assert!(info.total_bytes > 0, "{}", info.total_bytes);
    let asked = client.query(sql).await.unwrap();
    for _ in 0..2 {
        let fetched = client.fetch(info.clone()).await.unwrap();
        assert_eq!(fetched.text(), asked.text());
        assert_eq!(fetched.schema, asked.schema);
    }
    let (empty, _) = finish(&mut client, "SELECT 1 AS a WHERE false")
        .await
        .unwrap();
    assert_eq!(empty.total_records, 0);
    assert!(client.fetch(empty).await.unwrap().text().is_empty());
}

#[tokio::test]
async fn a_long_query_is_polled_to_its_end_and_tells_how_far_it_is() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..4000).map(|n| format!("{n},{}\n", n % 10)).collect();
    write(&folder, "t.csv", &format!("n,m\n{rows}"));
    let server = serve(&folder, &IMPATIENT);
    let mut client = server.client().await;
    let create = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 't.csv'";
    client.query(create).await.unwrap();
    client.query("SET batch_size = 100").await.unwrap();
    let of_files = "SELECT count(*) FROM range(3000) a CROSS JOIN t WHERE a.value * t.n % 7 = 1";
    for sql in [LONG, of_files] {
        let (info, before) = finish(&mut client, sql).await.unwrap();
        let told: Vec<f64> = before.iter().map(|p| p.progress.unwrap()).collect();
        assert!(told.is_sorted(), "{told:?}");
        assert!(
            told.iter().all(|part| (0.0..1.0).contains(part)),
            "{told:?}"
        );
        let mut steps = told.clone();
        steps.dedup();
        assert!(steps.len() > 5, "{steps:?}");
        for polled in &before {
            let running = polled.info.as_ref().unwrap();
            assert!(running.endpoint.is_empty() && !running.schema.is_empty());
            assert_eq!(running.total_records, -1);
            let left = polled.expiration_time.unwrap().seconds - chrono::Utc::now().timestamp();
            assert!((200..=300).contains(&left), "{left} s");
        }
        let asked = client.query(sql).await.unwrap();
        assert_eq!(info.total_records, 1);
        for _ in 0..2 {
            let mut reader = server.client().await;
            let fetched = reader.fetch(info.clone()).await.unwrap();
            assert_eq!(fetched.text(), asked.text());
            assert_eq!(fetched.schema, asked.schema);
        }
    }
}

#[tokio::test]
async fn the_result_is_kept_in_memory_or_on_disk_and_not_made_again() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &[]);
    let mut client = server.client().await;
    let large = "SELECT value, random() AS r FROM range(200000)";
    for (sql, rows) in [(RANDOM, 10), (large, 200_000)] {
        let (info, _) = finish(&mut client, sql).await.unwrap();
        assert_eq!(info.total_records, rows);
        let once = client.fetch(info.clone()).await.unwrap().text();
        assert_eq!(once.len() as i64, rows);
        let again = server.client().await.fetch(info).await.unwrap().text();
        assert!(once == again, "it ran twice");
        let other = client.query(sql).await.unwrap().text();
        assert!(once != other, "it is the same whenever it runs");
    }
}

#[tokio::test]
async fn the_file_of_a_result_is_deleted_with_it_and_with_the_server() {
    let folder = TempDir::new().unwrap();
    let (warehouse, spill) = (below(&folder, "warehouse"), below(&folder, "spill"));
    std::fs::create_dir(&spill).unwrap();
    let variables = [("TMPDIR", spill.as_str())];
    let server = Server::try_start(MICA, &["--warehouse", &warehouse], &variables).unwrap();
    let files = || {
        let folders = std::fs::read_dir(&spill).unwrap();
        let files =
            folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count());
        files.sum::<usize>()
    };
    let mut client = server.client().await;
    let sql = "SELECT value FROM range(300000)";
    let (one, _) = finish(&mut client, sql).await.unwrap();
    assert_eq!(files(), 1);
    let cancel = CancelFlightInfoRequest::new(one).encode_to_vec();
    act(&mut client, "CancelFlightInfo", cancel).await;
    let deleted = async {
        while files() > 0 {
            tokio::task::yield_now().await
        }
    };
    let deleted = tokio::time::timeout(Duration::from_secs(60), deleted).await;
    deleted.expect("the file is still there");
    finish(&mut client, sql).await.unwrap();
    assert_eq!(files(), 1);
    let stopped = tokio::task::spawn_blocking(move || server.terminate());
    assert!(stopped.await.unwrap().success());
    assert_eq!(std::fs::read_dir(&spill).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_longer_kept_runs_again() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--polled-ttl", "1ms", "--max-polled", "1"]);
    let mut client = server.client().await;
    let (info, _) = finish(&mut client, RANDOM).await.unwrap();
    let differs = async {
        let first = client.fetch(info.clone()).await.unwrap().text();
        while client.fetch(info.clone()).await.unwrap().text() == first {}
    };
    let differs = tokio::time::timeout(Duration::from_secs(60), differs).await;
    differs.expect("the result was kept");
    // Another process, which has never heard of it.
    let other = serve(&folder, &IMPATIENT);
    let fetched = other.client().await.fetch(info).await.unwrap();
    assert_eq!(fetched.text().len(), 10);
}

#[tokio::test]
async fn another_process_can_be_polled_too() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (serve(&folder, &IMPATIENT), serve(&folder, &[]));
    let polled = started(&mut one.client().await, LONG).await;
    drop(one);
    let (mut client, mut descriptor) = (two.client().await, polled.flight_descriptor);
    let info = loop {
        let polled = poll(&mut client, &descriptor.unwrap()).await.unwrap();
        descriptor = polled.flight_descriptor;
        if descriptor.is_none() {
            break polled.info.unwrap();
        }
    };
    let answer = client.query(LONG).await.unwrap().value();
    assert_eq!(client.fetch(info).await.unwrap().value(), answer);
}

#[tokio::test]
async fn an_error_arrives_at_the_poll_and_at_each_after_it() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &IMPATIENT);
    let mut client = server.client().await;
    client.query("SET batch_size = 1000").await.unwrap();
    let sql = "SELECT CAST(CASE WHEN value = 900000 THEN 'x' ELSE '1' END AS BIGINT) AS n \
               FROM range(1000000)";
    let descriptor = started(&mut client, sql).await.flight_descriptor.unwrap();
    let status = loop {
        if let Err(status) = poll(&mut client, &descriptor).await {
            break status;
        }
    };
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let again = poll(&mut client, &descriptor).await.unwrap_err();
    assert_eq!(again.message(), status.message());
    // What cannot be planned does not start.
    let status = poll(&mut client, &asking("SELEC 1")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    none_runs(&mut client).await;
}

#[tokio::test]
async fn a_polled_query_is_listed_and_ended_like_any_other() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &IMPATIENT);
    let mut client = server.client().await;
    for way in ["CancelFlightInfo", "CancelQuery", "KILL"] {
        let polled = started(&mut client, ENDLESS).await;
        let descriptor = polled.flight_descriptor.unwrap();
        let info = polled.info.unwrap();
        let row = loop {
            poll(&mut client, &descriptor).await.unwrap();
            let mut listed = queries(&mut client).await;
            assert_eq!(listed.len(), 1, "{listed:?}");
            if listed[0][2] == "running" && listed[0][6] != "NULL" {
                break listed.remove(0);
            }
        };
        assert_eq!(row[5], ENDLESS);
        let part: f64 = row[6].parse().unwrap();
        assert!((0.0..1.0).contains(&part), "{part}");
        match way {
            "CancelFlightInfo" => {
                let request = CancelFlightInfoRequest::new(info);
                act(&mut client, way, request.encode_to_vec()).await;
            }
            "CancelQuery" => {
                let info = info.encode_to_vec().into();
                let request = ActionCancelQueryRequest { info };
                act(&mut client, way, request.as_any().encode_to_vec()).await;
            }
            _ => {
                client.query(&format!("KILL '{}'", row[0])).await.unwrap();
            }
        }
        none_runs(&mut client).await;
        let status = poll(&mut client, &descriptor).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{way}: {status}");
    }
    // A result is forgotten by cancelling it.
    let (info, _) = finish(&mut client, RANDOM).await.unwrap();
    let cancel = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    act(&mut client, "CancelFlightInfo", cancel).await;
    let status = client.fetch(info).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
}

#[tokio::test]
async fn the_time_of_a_statement_is_limited() {
    let folder = TempDir::new().unwrap();
    let flags = ["--statement-timeout", "300ms", "--poll-wait", "60s"];
    let server = serve(&folder, &flags);
    let status = finish(&mut server.client().await, ENDLESS).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(status.message().contains("--statement-timeout"), "{status}");
}

#[tokio::test]
async fn a_query_that_is_no_longer_polled_is_ended() {
    let folder = TempDir::new().unwrap();
    let flags = ["--idle-stream-timeout", "200ms"];
    let server = serve(&folder, &[&IMPATIENT[..], &flags].concat());
    let mut client = server.client().await;
    let polled = started(&mut client, ENDLESS).await;
    none_runs(&mut client).await;
    let descriptor = polled.flight_descriptor.unwrap();
    let status = poll(&mut client, &descriptor).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    let message = status.message();
    assert!(message.contains("--idle-stream-timeout"), "{message}");
}

#[tokio::test]
async fn a_query_whose_client_left_before_the_first_answer_is_ended() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--poll-wait", "600s"]);
    let mut client = server.client().await;
    let polling = tokio::spawn(async move { poll(&mut client, &asking(ENDLESS)).await });
    let mut watcher = server.client().await;
    while queries(&mut watcher).await.is_empty() {
        assert!(!polling.is_finished(), "it ended at once");
    }
    polling.abort();
    none_runs(&mut watcher).await;
}

#[tokio::test]
async fn their_number_and_their_bytes_are_limited() {
    let folder = TempDir::new().unwrap();
    let flags = [
        "--max-polled",
        "1",
        "--max-polled-size",
        "1MB",
        "--spill-limit",
        "2MB",
    ];
    let server = serve(&folder, &flags);
    let mut client = server.client().await;
    // What is done gives way.
    let (one, _) = finish(&mut client, RANDOM).await.unwrap();
    let kept = client.fetch(one.clone()).await.unwrap().text();
    let (two, _) = finish(&mut client, RANDOM).await.unwrap();
    assert!(client.fetch(one).await.unwrap().text() != kept);
    let kept = client.fetch(two.clone()).await.unwrap().text();
    assert!(client.fetch(two).await.unwrap().text() == kept);
    for (rows, flag) in [(200_000, "--max-polled-size"), (1_000_000, "--spill-limit")] {
        // Of one batch, which is written before all of them are counted.
        client
            .query(&format!("SET batch_size = {rows}"))
            .await
            .unwrap();
        let sql = format!("SELECT value FROM range({rows})");
        let status = finish(&mut client, &sql).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains(flag), "{flag}: {status}");
    }
    // What runs does not.
    started(&mut client, ENDLESS).await;
    let status = poll(&mut client, &asking("SELECT 1")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("--max-polled"), "{status}");
}

#[tokio::test]
async fn a_descriptor_is_one_user_s_and_not_to_be_changed() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &IMPATIENT);
    let (mut ann, mut bob) = (server.client().await, server.client().await);
    ann.inner.handshake("ann", "x").await.unwrap();
    bob.inner.handshake("bob", "x").await.unwrap();
    let polled = started(&mut ann, ENDLESS).await;
    let descriptor = polled.flight_descriptor.unwrap();
    let status = poll(&mut bob, &descriptor).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    assert!(poll(&mut ann, &descriptor).await.is_ok());
    let mut changed = Any::decode(&*descriptor.cmd).unwrap();
    let mut bytes = changed.value.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    changed.value = bytes.into();
    let changed = FlightDescriptor::new_cmd(changed.encode_to_vec());
    let status = poll(&mut ann, &changed).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test]
async fn a_descriptor_expires_unless_it_is_used() {
    let folder = TempDir::new().unwrap();
    let server = serve(
        &folder,
        &[&IMPATIENT[..], &["--ticket-ttl", "1ms"]].concat(),
    );
    let mut client = server.client().await;
    let polled = started(&mut client, ENDLESS).await;
    let descriptor = polled.flight_descriptor.unwrap();
    let status = loop {
        if let Err(status) = poll(&mut client, &descriptor).await {
            break status;
        }
    };
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(status.message().contains("expired"), "{status}");
}

#[tokio::test]
async fn descriptors_and_tickets_are_not_taken_for_each_other() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &IMPATIENT);
    let mut client = server.client().await;
    let polled = started(&mut client, ENDLESS).await;
    let descriptor = polled.flight_descriptor.unwrap();
    let asked = tonic::Request::new(descriptor.clone());
    let inner = client.inner.inner_mut();
    let status = inner.get_flight_info(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("PollFlightInfo"), "{status}");
    let fetched = client.inner.do_get(Ticket::new(descriptor.cmd)).await;
    let error = fetched.unwrap_err().to_string();
    assert!(error.contains("PollFlightInfo"), "{error}");
    let info = client.info("SELECT 1").await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap().ticket;
    let status = poll(&mut client, &FlightDescriptor::new_cmd(ticket)).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("DoGet"), "{status}");
}

#[tokio::test]
async fn changes_and_metadata_are_answered_at_once_and_changes_made_once() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &IMPATIENT);
    let mut client = server.client().await;
    let create = "CREATE VIEW v AS SELECT 1 AS n";
    let (info, before) = finish(&mut client, create).await.unwrap();
    assert!(before.is_empty());
    assert!(client.fetch(info).await.unwrap().text().is_empty());
    let status = poll(&mut client, &asking(create)).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status}");
    let command = CommandGetCatalogs {}.as_any().encode_to_vec();
    let polled = poll(&mut client, &FlightDescriptor::new_cmd(command)).await;
    let polled = polled.unwrap();
    assert!(polled.flight_descriptor.is_none());
    let info = polled.info.unwrap();
    assert_eq!(client.fetch(info).await.unwrap().value(), "mica");
}

#[tokio::test]
async fn only_as_much_gives_way_as_is_needed() {
    /// About 0.6 MB, another each time that it runs.
    const LARGE: &str = "SELECT random() AS r FROM range(75000)";
    let folder = TempDir::new().unwrap();
    let server = serve(&folder, &["--max-polled-size", "1MB"]);
    let mut client = server.client().await;
    let mut again = server.client().await;
    let (large, _) = finish(&mut client, LARGE).await.unwrap();
    let of_large = again.fetch(large.clone()).await.unwrap().text();
    assert!(again.fetch(large.clone()).await.unwrap().text() == of_large);
    let (small, _) = finish(&mut client, RANDOM).await.unwrap();
    let of_small = again.fetch(small.clone()).await.unwrap().text();
    // The large one, asked for longest ago, makes room enough.
    let (second, _) = finish(&mut client, LARGE).await.unwrap();
    let of_second = again.fetch(second.clone()).await.unwrap().text();
    assert!(again.fetch(second).await.unwrap().text() == of_second);
    assert!(again.fetch(small).await.unwrap().text() == of_small);
    assert!(again.fetch(large).await.unwrap().text() != of_large);
}
