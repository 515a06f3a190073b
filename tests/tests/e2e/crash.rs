//! Killed at named points and at random times: no acknowledged commit is lost, none is half done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mica_tests::{Server, run, succeeds};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{MICA, below, write};

/// A small linear congruential generator (Knuth's MMIX constants), so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn views(warehouse: &str) -> Vec<String> {
    let arguments = ["sql", "--warehouse", warehouse, "--format", "tsv", "-e"];
    let sql = "SELECT table_name FROM information_schema.tables \
               WHERE table_schema = 'default' ORDER BY table_name";
    let output = succeeds(MICA, &[&arguments[..], &[sql]].concat()).0;
    output.lines().map(str::to_owned).collect()
}

#[test]
fn a_commit_that_dies_at_any_point_is_whole_or_absent() {
    for (point, committed) in [
        ("catalog.before_begin:1", false),
        ("catalog.after_change:1", false),
        ("catalog.after_change:2", false),
        ("catalog.after_change:3", false),
        ("catalog.before_commit:1", false),
        ("catalog.after_commit:1", true),
        ("catalog.before_snapshot_swap:1", true),
    ] {
        let folder = TempDir::new().unwrap();
        let warehouse = below(&folder, "warehouse");
        succeeds(MICA, &["sql", "--warehouse", &warehouse, "-e", "SELECT 1"]);
        for name in ["a", "b", "c"] {
            let sql = format!("CREATE VIEW {name} AS SELECT 1 AS one;");
            write(&folder, &format!("project/views/{name}.sql"), &sql);
        }
        let mut apply = std::process::Command::new(MICA);
        apply.args([
            "apply",
            &below(&folder, "project"),
            "--warehouse",
            &warehouse,
        ]);
        let died = apply.env("MICA_TEST_CRASH", point).output().unwrap();
        assert!(!died.status.success(), "{point} was not reached");
        succeeds(MICA, &["check", "--warehouse", &warehouse]);
        let expected: &[&str] = if committed { &["a", "b", "c"] } else { &[] };
        assert_eq!(views(&warehouse), expected, "{point}");
    }
}

#[tokio::test]
async fn a_server_that_dies_before_its_reply_has_committed() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let crash = [("MICA_TEST_CRASH", "server.before_reply:1")];
    let server = Server::try_start(MICA, &["--warehouse", &warehouse], &crash).unwrap();
    let sql = "CREATE VIEW v AS SELECT 1 AS one";
    server.client().await.fails(sql).await;
    drop(server);
    succeeds(MICA, &["check", "--warehouse", &warehouse]);
    assert_eq!(views(&warehouse), ["v"]);
}

/// Makes views `{prefix}{n}` one by one until the server is gone, counting on from what `told` holds.
/// Returns how many were acknowledged, and tells it after each.
async fn commit_until_killed(
    url: String,
    prefix: &'static str,
    told: watch::Sender<usize>,
) -> usize {
    let mut n = *told.borrow();
    let Ok(mut client) = mica_tests::Client::try_connect(&url).await else {
        return n;
    };
    loop {
        let sql = format!("CREATE OR REPLACE VIEW {prefix}{n} AS SELECT {n} AS n");
        match client.query(&sql).await {
            Ok(_) => {
                n += 1;
                told.send_replace(n);
            }
            Err(status) if status.code() == tonic::Code::Aborted => {}
            Err(_) => return n,
        }
    }
}

#[tokio::test]
async fn two_hundred_random_kills_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let mut random = Random(360);
    let mut acknowledged = 0;
    for _ in 0..200 {
        let server = Server::start(MICA, &["--warehouse", &warehouse]);
        let url = server.url.clone();
        let (tell, mut told) = watch::channel(acknowledged);
        let work = tokio::spawn(commit_until_killed(url, "v", tell));
        // Some moment during one of the first commits, however fast the machine is.
        let wanted = acknowledged + random.below(4) as usize;
        told.wait_for(|n| *n >= wanted).await.unwrap();
        tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        server.kill();
        acknowledged = work.await.unwrap();
    }
    assert!(acknowledged > 200, "only {acknowledged} commits");
    let there = views(&warehouse);
    for n in 0..acknowledged {
        assert!(there.contains(&format!("v{n}")), "v{n} is lost");
    }
    // At most the one that was on its way when the last kill came.
    assert!(
        there.len() <= acknowledged + 1,
        "{} of {acknowledged}",
        there.len()
    );
    succeeds(MICA, &["check", "--warehouse", &warehouse]);
}

/// Renames one view to and fro for ever; it must never be seen twice, nor not at all.
async fn rename_until(url: String, stop: &AtomicBool) -> usize {
    let mut client = mica_tests::Client::connect(&url).await;
    let (mut from, mut to, mut done) = ("ping", "pong", 0);
    while !stop.load(Ordering::Relaxed) {
        let sql = format!("ALTER VIEW {from} RENAME TO {to}");
        match client.query(&sql).await {
            Ok(_) => {
                std::mem::swap(&mut from, &mut to);
                done += 1;
            }
            Err(status) => assert_eq!(status.code(), tonic::Code::Aborted, "{status}"),
        }
    }
    done
}

async fn watch_until(url: String, stop: &AtomicBool) -> usize {
    let mut client = mica_tests::Client::connect(&url).await;
    let sql = "SELECT count(*) FROM information_schema.tables WHERE table_name IN ('ping', 'pong')";
    let mut seen = 0;
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(
            client.query(sql).await.unwrap().value(),
            "1",
            "half a rename"
        );
        seen += 1;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_commit_for_a_minute_while_one_is_killed_again_and_again() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let steady = Server::start(MICA, &["--warehouse", &warehouse]);
    let mut client = steady.client().await;
    let sql = "CREATE VIEW ping AS SELECT 1 AS one";
    client.query(sql).await.unwrap();
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let renames = {
        let (url, stop) = (steady.url.clone(), std::sync::Arc::clone(&stop));
        tokio::spawn(async move { rename_until(url, &stop).await })
    };
    let watches = {
        let (url, stop) = (steady.url.clone(), std::sync::Arc::clone(&stop));
        tokio::spawn(async move { watch_until(url, &stop).await })
    };
    let mut random = Random(2024);
    let started = Instant::now();
    let (mut acknowledged, mut kills) = (0, 0);
    while started.elapsed() < Duration::from_secs(60) {
        let victim = Server::start(MICA, &["--warehouse", &warehouse]);
        let url = victim.url.clone();
        let (tell, _) = watch::channel(acknowledged);
        let work = tokio::spawn(commit_until_killed(url, "w", tell));
        tokio::time::sleep(Duration::from_millis(random.below(900))).await;
        victim.kill();
        acknowledged = work.await.unwrap();
        kills += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let (renames, watches) = (renames.await.unwrap(), watches.await.unwrap());
    assert!(kills > 20 && acknowledged > 20 && renames > 20 && watches > 20);
    println!("{kills} kills, {acknowledged} views, {renames} renames, {watches} looks");
    assert!(steady.terminate().success());
    let there = views(&warehouse);
    for n in 0..acknowledged {
        assert!(there.contains(&format!("w{n}")), "w{n} is lost");
    }
    assert!(
        run(MICA, &["check", "--warehouse", &warehouse])
            .status
            .success()
    );
}
