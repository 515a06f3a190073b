//! Each mistake gets an error that says what, where, and what to do.

use mica_tests::{Server, fails, succeeds};
use tempfile::TempDir;
use tonic::Code;

use crate::{MICA, below, write};

/// A warehouse whose folder is the only data root.
fn serve(folder: &TempDir) -> Server {
    let warehouse = below(folder, "warehouse");
    let root = below(folder, "data");
    std::fs::create_dir_all(&root).unwrap();
    Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &root])
}

/// Runs `sql`, which must fail with `code` and all of `words`. `{data}` is the data root.
async fn refused(folder: &TempDir, server: &Server, sql: &str, code: Code, words: &[&str]) {
    let sql = sql.replace("{data}", &below(folder, "data"));
    let status = server.client().await.fails(&sql).await;
    assert_eq!(status.code(), code, "{sql}: {status}");
    for word in words {
        let message = status.message();
        assert!(message.contains(word), "{sql}: no '{word}' in: {message}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_read() {
    let folder = TempDir::new().unwrap();
    write(&folder, "data/empty.csv", "");
    write(&folder, "data/nothing/.hidden.csv", "a\n1\n");
    write(
        &folder,
        "data/broken.csv",
        "id,name\n1,one\n2,two\n3,three,3\n",
    );
    let server = serve(&folder);
    let csv = |path: &str| format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}'");
    let precondition = Code::FailedPrecondition;
    for (path, code, words) in [
        (
            "{data}/missing.csv",
            Code::NotFound,
            ["missing.csv", "does not exist"],
        ),
        ("{data}/empty.csv", precondition, ["empty.csv", "declare"]),
        (
            "{data}/nothing",
            Code::NotFound,
            ["nothing", "no CSV files"],
        ),
        (
            "{data}/no*.csv",
            Code::NotFound,
            ["no*.csv", "no CSV files"],
        ),
        ("{data}/broken.csv", precondition, ["broken.csv", "line 4"]),
    ] {
        refused(&folder, &server, &csv(path), code, &words).await;
    }
}

#[tokio::test]
async fn json_that_is_broken_is_named_by_line_or_object() {
    let folder = TempDir::new().unwrap();
    write(&folder, "data/lines.json", "{\"a\":1}\n{\"a\":}\n");
    write(
        &folder,
        "data/array.json",
        "[\n {\"a\":\n 1},\n {\"a\":}\n]",
    );
    write(&folder, "data/cut.json", "[{\"a\":1},");
    let server = serve(&folder);
    let code = Code::FailedPrecondition;
    for (file, word) in [
        ("lines.json", "line 2"),
        ("array.json", "object 2"),
        ("cut.json", "array"),
    ] {
        let sql = format!("CREATE EXTERNAL TABLE t STORED AS JSON LOCATION '{{data}}/{file}'");
        refused(&folder, &server, &sql, code, &[file, word]).await;
    }
}

#[tokio::test]
async fn inference_stops_at_its_limit_and_says_so() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let root = below(&folder, "data");
    write(&folder, "data/csv/1.csv", "id\n1\n");
    write(&folder, "data/csv/2.csv", "id\nlate\n");
    let objects = vec!["{\"id\":\n1}"; 3000].join(",");
    write(
        &folder,
        "data/long.json",
        &format!("[{objects},{{\"id\":\"late\"}}]"),
    );
    let limit = ["--infer-max-bytes", "5"];
    let places = ["--warehouse", &warehouse, "--data-root", &root];
    let server = Server::start(MICA, &[places.as_slice(), &limit].concat());
    let mut client = server.client().await;
    for (name, format, path) in [("c", "CSV", "csv"), ("j", "JSON", "long.json")] {
        let sql =
            format!("CREATE EXTERNAL TABLE {name} STORED AS {format} LOCATION '{root}/{path}'");
        let info = client.inner.execute(sql, None).await.unwrap();
        let message = String::from_utf8_lossy(&info.app_metadata).into_owned();
        assert!(message.contains("--infer-max-bytes 5"), "{message}");
        let columns = client.query(&format!("DESCRIBE {name}")).await.unwrap();
        assert_eq!(columns.text(), [["id", "BIGINT", "NULL"]]);
    }
}

#[tokio::test]
async fn a_row_that_breaks_after_the_table_was_made_is_named() {
    let folder = TempDir::new().unwrap();
    write(&folder, "data/t.csv", "id,name\n1,one\n");
    let server = serve(&folder);
    let sql = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{data}/t.csv'";
    let sql = sql.replace("{data}", &below(&folder, "data"));
    server.client().await.query(&sql).await.unwrap();
    write(&folder, "data/t.csv", "id,name\n1,one\n2,two\nthree,3\n");
    let words = ["t.csv", "line 4", "three"];
    let code = Code::FailedPrecondition;
    refused(&folder, &server, "SELECT sum(id) FROM t", code, &words).await;
}

#[tokio::test]
async fn paths_outside_the_roots() {
    let folder = TempDir::new().unwrap();
    write(&folder, "secret/s.csv", "a\n1\n");
    write(&folder, "data/sub/x.csv", "a\n1\n");
    let outside = folder.path().join("secret");
    std::os::unix::fs::symlink(&outside, folder.path().join("data/link")).unwrap();
    let server = serve(&folder);
    let secret = below(&folder, "secret/s.csv");
    for path in [
        secret.clone(),
        format!("file://{secret}"),
        "{data}/../secret/s.csv".to_owned(),
        "{data}/sub/../../secret/s.csv".to_owned(),
        "{data}/%2e%2e/secret/s.csv".to_owned(),
        "file://{data}/%2e%2e/secret/s.csv".to_owned(),
        "{data}/link/s.csv".to_owned(),
        "{data}/link".to_owned(),
        "{data}/../*/s.csv".to_owned(),
        "/etc/passwd".to_owned(),
    ] {
        let sql = format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}'");
        let sql = sql.replace("{data}", &below(&folder, "data"));
        let status = server.client().await.fails(&sql).await;
        let refused = [Code::PermissionDenied, Code::NotFound].contains(&status.code());
        assert!(refused, "{path}: {status}");
        // Nothing tells whether the file is there, nor what it holds.
        assert!(!status.message().contains("root:"), "{path}: {status}");
    }
    // A link that leads out is not followed by a glob either.
    let sql = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{data}/*/*.csv'";
    let words = ["link/s.csv", "--data-root"];
    refused(&folder, &server, sql, Code::PermissionDenied, &words).await;
}

#[tokio::test]
async fn names_and_texts() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    for sql in [
        "CREATE VIEW customers AS SELECT 1 AS id",
        "CREATE VIEW orders AS SELECT id FROM customers",
    ] {
        client.query(sql).await.unwrap();
    }
    let cases = [
        (
            "CREATE VIEW v AS SELECT * FROM custmers",
            Code::NotFound,
            "'customers'",
        ),
        (
            "SELECT idd FROM customers",
            Code::InvalidArgument,
            "customers.id",
        ),
        (
            "SELECT *\nFROM customers WHERE WHERE",
            Code::InvalidArgument,
            "line 2",
        ),
        (
            "DROP VIEW customers",
            Code::FailedPrecondition,
            "'default.orders'",
        ),
        (
            "CREATE OR REPLACE VIEW customers AS SELECT id FROM orders",
            Code::FailedPrecondition,
            "default.orders",
        ),
        (
            "CREATE VIEW customers AS SELECT 2 AS id",
            Code::AlreadyExists,
            "already exists",
        ),
    ];
    for (sql, code, word) in cases {
        refused(&folder, &server, sql, code, &[word]).await;
    }
    let rows = client.query("SELECT id FROM orders").await.unwrap();
    assert_eq!(rows.value(), "1");
}

#[test]
fn a_project_with_a_cycle_or_an_error_names_files_and_lines() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    write(
        &folder,
        "circle/views/a.sql",
        "CREATE VIEW a AS SELECT * FROM b;",
    );
    write(
        &folder,
        "circle/views/b.sql",
        "CREATE VIEW b AS SELECT * FROM a;",
    );
    let message = fails(
        MICA,
        &[
            "apply",
            &below(&folder, "circle"),
            "--warehouse",
            &warehouse,
        ],
    );
    assert!(
        message.contains("views/a.sql") && message.contains("views/b.sql"),
        "{message}"
    );

    write(
        &folder,
        "broken/views/ok.sql",
        "CREATE VIEW ok AS SELECT 1 AS one;",
    );
    write(
        &folder,
        "broken/views/x.sql",
        "-- first\nCREATE VIEW x AS\n  SELECT nothing FROM ok;",
    );
    let message = fails(
        MICA,
        &[
            "apply",
            &below(&folder, "broken"),
            "--warehouse",
            &warehouse,
        ],
    );
    assert!(message.contains("views/x.sql:3:10"), "{message}");
    // Nothing of it stays.
    let tables = succeeds(
        MICA,
        &["sql", "--warehouse", &warehouse, "-e", "SHOW VIEWS"],
    )
    .0;
    assert!(!tables.contains("ok"), "{tables}");
}

#[test]
fn a_port_in_use() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let warehouse = below(&folder, "warehouse");
    let message = fails(
        MICA,
        &["serve", "--listen", &address, "--warehouse", &warehouse],
    );
    assert!(
        message.contains(&address) && message.contains("--listen"),
        "{message}"
    );
    assert!(!folder.path().join("warehouse").exists());
}

#[tokio::test]
async fn a_tls_client_on_a_plaintext_port_is_explained_in_the_log() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let url = format!("https://{}", server.address());
    let endpoint = tonic::transport::Endpoint::new(url).unwrap();
    let tls = tonic::transport::ClientTlsConfig::new();
    assert!(endpoint.tls_config(tls).unwrap().connect().await.is_err());
    // What came before it on the same socket has been logged once the next answer is here.
    server.client().await.query("SELECT 1").await.unwrap();
    let log = server.log();
    assert!(log.contains("TLS"), "{log}");
}

#[test]
fn a_project_that_breaks_itself_is_not_applied() {
    let folder = TempDir::new().unwrap();
    let (project, warehouse) = (below(&folder, "crm"), below(&folder, "warehouse"));
    let apply = ["apply", &project, "--warehouse", &warehouse];
    write(&folder, "crm/mica.toml", "dialect = \"spark\"\n");
    write(
        &folder,
        "crm/views/a.sql",
        "CREATE VIEW a AS SELECT 1 AS n;",
    );
    write(
        &folder,
        "crm/views/b.sql",
        "CREATE VIEW b AS SELECT n FROM a;",
    );
    succeeds(MICA, &apply);
    write(
        &folder,
        "crm/views/a.sql",
        "CREATE VIEW a AS SELECT 1 AS m;",
    );
    for arguments in [&apply[..], &[&apply[..], &["--dry-run"]].concat()] {
        let message = fails(MICA, arguments);
        assert!(message.contains("'default.b' (views/b.sql)"), "{message}");
    }
    let sql = ["sql", "--warehouse", &warehouse, "--format", "tsv", "-e"];
    let rows = succeeds(MICA, &[&sql[..], &["SELECT n FROM b"]].concat()).0;
    assert_eq!(rows, "1\n");
}

#[tokio::test]
async fn a_link_that_is_put_in_the_place_of_a_file_or_folder_is_not_followed_out() {
    let folder = TempDir::new().unwrap();
    write(&folder, "secret/x.csv", "a\nsecret\n");
    write(&folder, "data/x.csv", "a\nopen\n");
    write(&folder, "data/sub/x.csv", "a\nopen\n");
    let server = serve(&folder);
    let mut client = server.client().await;
    for (name, path) in [("f", "x.csv"), ("d", "sub/")] {
        let data = below(&folder, "data");
        let sql = format!("CREATE EXTERNAL TABLE {name} STORED AS CSV LOCATION '{data}/{path}'");
        client.query(&sql).await.unwrap();
    }
    let at = |path: &str| folder.path().join(path);
    std::fs::remove_file(at("data/x.csv")).unwrap();
    std::os::unix::fs::symlink(at("secret/x.csv"), at("data/x.csv")).unwrap();
    std::fs::remove_dir_all(at("data/sub")).unwrap();
    std::os::unix::fs::symlink(at("secret"), at("data/sub")).unwrap();
    for name in ["f", "d"] {
        let sql = format!("SELECT a FROM {name}");
        refused(
            &folder,
            &server,
            &sql,
            Code::PermissionDenied,
            &["--data-root"],
        )
        .await;
    }
}
