//! Real clients against the example. `clients/install` fetches them; one that is missing fails.

use std::path::PathBuf;
use std::process::Command;

use mica_tests::{Server, repository};
use tempfile::TempDir;

use crate::{MICA, below, c360};

pub(crate) fn installed(path: &str) -> PathBuf {
    let folder = std::env::var_os("MICA_TEST_CLIENTS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/mica/clients"),
        PathBuf::from,
    );
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: run tests/clients/install",
        path.display()
    );
    path
}

fn serve_c360() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &[&c360(), "--warehouse", &warehouse]);
    (folder, server)
}

/// stdout of a client that must succeed.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

#[test]
fn python_reads_the_data_product_through_adbc() {
    let (_folder, server) = serve_c360();
    let mut python = Command::new(installed("venv/bin/python"));
    python
        .arg(repository().join("tests/clients/adbc_client.py"))
        .arg(&server.url);
    assert_eq!(output(&mut python), "ok\n");
}

#[test]
fn java_reads_the_data_product_through_jdbc() {
    let (_folder, server) = serve_c360();
    let mut java = Command::new("java");
    java.arg("--add-opens=java.base/java.nio=ALL-UNNAMED")
        .arg("-cp")
        .arg(installed("jdbc.jar"))
        .arg(repository().join("tests/clients/JdbcClient.java"))
        .arg(server.address());
    assert!(output(&mut java).ends_with("ok\n"));
}

#[test]
fn arrow_flights_own_client_runs_statements_and_prepared_ones() {
    let (_folder, server) = serve_c360();
    let (host, port) = server.address().split_once(':').unwrap();
    let client = |arguments: &[&str]| {
        let mut client = Command::new(installed("bin/flight_sql_client"));
        client
            .args(["--host", host, "--port", port])
            .args(arguments);
        output(&mut client)
    };
    let sql = "SELECT last_name FROM customer_analytics_c360 WHERE customer_id = 'CUST009'";
    assert!(client(&["statement-query", sql]).contains("Anderson"));
    let sql = "SELECT last_name FROM customer_analytics_c360 WHERE customer_id = $1";
    assert!(client(&["prepared-statement-query", sql, "-p", "$1=CUST009"]).contains("Anderson"));
    assert!(
        client(&["tables", "mica", "--table-filter", "customer_%"])
            .contains("customer_analytics_c360")
    );
}
