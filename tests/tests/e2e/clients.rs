//! Real clients against the example. `clients/install` fetches them; one that is missing fails.

use std::path::PathBuf;
use std::process::Command;

use mica_tests::{Server, repository};
use tempfile::TempDir;

use crate::{MICA, below, c360, write};

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

/// Programs of `tests/clients/python`, each against a server of its own.
#[track_caller]
fn python(environment: &str, programs: &[&str]) {
    for program in programs {
        let (_folder, server) = serve_c360();
        let mut python = Command::new(installed(environment).join("bin/python"));
        python
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(repository().join("tests/clients/python").join(program))
            .arg(&server.url);
        assert!(output(&mut python).ends_with("ok\n"), "{program}");
    }
}

#[test]
fn adbc_does_all_that_it_can() {
    let programs = [
        "adbc_driver.py",
        "adbc_errors.py",
        "adbc_metadata.py",
        "adbc_parameters.py",
        "adbc_polling.py",
        "adbc_sessions.py",
    ];
    python("python", &programs);
}

#[test]
fn dbapi_is_kept_to_the_letter() {
    python("python", &["dbapi_compliance.py"]);
}

#[test]
fn data_frames_and_plain_flight_clients_read() {
    python("python", &["dataframes.py", "flight_client.py"]);
}

#[test]
fn sqlalchemy_reflects_and_asks() {
    let programs = ["sqlalchemy_reflection.py", "sqlalchemy_dialect.py"];
    python("python-sqlalchemy", &programs);
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

/// Runs a client, which is given the server's address: without a login, then with one.
fn in_both_modes(client: impl Fn(&Server) -> Command) {
    let (_folder, server) = serve_c360();
    assert!(output(&mut client(&server)).ends_with("ok\n"));
    let folder = TempDir::new().unwrap();
    write(&folder, "password", "pa:ss word");
    let (warehouse, file) = (below(&folder, "warehouse"), below(&folder, "password"));
    let login = ["--user", "ann", "--password-file", &file];
    let places = [&c360(), "--warehouse", &warehouse];
    let server = Server::start(MICA, &[&places[..], &login].concat());
    let mut client = client(&server);
    client.args(["ann", "pa:ss word"]);
    assert!(output(&mut client).ends_with("ok\n"));
}

#[test]
fn go_asks_through_database_sql_and_the_flight_sql_client() {
    in_both_modes(|server| {
        let mut go = Command::new(installed("bin/go_client"));
        go.arg(server.address());
        go
    });
}

#[test]
fn node_asks_through_a_client_from_npm() {
    in_both_modes(|server| {
        let mut node = Command::new("node");
        node.env("NODE_PATH", installed("node/node_modules"))
            .arg(repository().join("tests/clients/node/client.mjs"))
            .arg(server.address());
        node
    });
}

#[test]
fn arrow_flights_own_client_does_all_that_it_can() {
    in_both_modes(|server| {
        let (host, port) = server.address().split_once(':').unwrap();
        let mut client = Command::new(repository().join("tests/clients/cli/flight_sql_client.sh"));
        client
            .arg(installed("bin/flight_sql_client"))
            .args([host, port]);
        client
    });
}

/// A program of `tests/clients/java`, as a client in this time zone.
fn java(program: &str, zone: &str) -> Command {
    let jdbc = installed("jdbc.jar");
    let crawler = installed("schemacrawler");
    let path = format!("{}:{}/*", jdbc.display(), crawler.display());
    // Threads of the driver keep a program alive that failed.
    let mut java = Command::new("timeout");
    java.args(["300", "java"])
        .arg("--add-opens=java.base/java.nio=ALL-UNNAMED")
        .arg(format!("-Duser.timezone={zone}"))
        .args(["-cp", &path])
        .arg(repository().join("tests/clients/java").join(program));
    java
}

#[track_caller]
fn jdbc(programs: &[&str], zone: &str) {
    for program in programs {
        let (_folder, server) = serve_c360();
        let output = output(java(program, zone).arg(server.address()));
        assert!(output.ends_with("ok\n"), "{program}");
    }
}

#[test]
fn jdbc_tells_all_metadata() {
    let programs = [
        "JdbcMetadata.java",
        "JdbcRelations.java",
        "JdbcCrawler.java",
    ];
    jdbc(&programs, "UTC");
}

#[test]
fn jdbc_reads_and_binds_every_type_in_any_zone() {
    let programs = [
        "JdbcTypes.java",
        "JdbcResultMetadata.java",
        "JdbcParameters.java",
    ];
    for zone in ["UTC", "America/New_York"] {
        jdbc(&programs, zone);
    }
}

#[test]
fn jdbc_runs_cancels_and_fails_cleanly() {
    jdbc(&["JdbcStatements.java"], "UTC");
    let folder = TempDir::new().unwrap();
    write(&folder, "password", "secret");
    let (warehouse, file) = (below(&folder, "warehouse"), below(&folder, "password"));
    let login = [
        "--warehouse",
        &warehouse,
        "--user",
        "ann",
        "--password-file",
        &file,
    ];
    let server = Server::start(MICA, &login);
    let mut session = java("JdbcSession.java", "UTC");
    session.arg(server.address()).args(["ann", "secret"]);
    assert!(output(&mut session).ends_with("ok\n"));
}

#[test]
fn jdbc_encrypts() {
    let folder = TempDir::new().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::generate_simple_self_signed(names).unwrap();
    write(&folder, "cert.pem", &certificate.cert.pem());
    write(&folder, "key.pem", &certificate.signing_key.serialize_pem());
    let [warehouse, cert, key] = ["warehouse", "cert.pem", "key.pem"].map(|p| below(&folder, p));
    let tls = [
        "--warehouse",
        &warehouse,
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let server = Server::start(MICA, &tls);
    let mut encrypted = java("JdbcTls.java", "UTC");
    encrypted.arg(server.address()).arg(&cert);
    assert!(output(&mut encrypted).ends_with("ok\n"));
}
