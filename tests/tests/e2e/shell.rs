//! `mica sql` as a user types it.

use std::io::Write;
use std::process::{Command, Stdio};

use mica_tests::{Server, fails, succeeds};
use tempfile::TempDir;

use crate::{MICA, below, write};

/// stdout of `mica sql` on a warehouse in `folder`.
fn sql(folder: &TempDir, arguments: &[&str]) -> String {
    let warehouse = below(folder, "warehouse");
    let start = ["sql", "--warehouse", &warehouse];
    succeeds(MICA, &[&start, arguments].concat()).0
}

#[test]
fn a_script_sources_others_and_ends_at_quit() {
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "main.sql",
        "-- ; in a comment\nCREATE VIEW a AS SELECT 1 AS n, ';' AS \"semi;colon\";\n\
         source more/b.sql;\nSELECT n FROM b;\nquit;\nSELECT this is never read;",
    );
    write(
        &folder,
        "more/b.sql",
        "CREATE VIEW b AS SELECT n + 1 AS n FROM a;",
    );
    let script = below(&folder, "main.sql");
    assert_eq!(sql(&folder, &["--format", "tsv", "-f", &script]), "2\n");
    assert_eq!(
        sql(&folder, &["--format", "tsv", "-e", "SELECT n FROM b"]),
        "2\n"
    );
}

#[test]
fn a_script_may_change_its_dialect_midway() {
    let folder = TempDir::new().unwrap();
    let script = "SET dialect = 'spark'; SELECT \"it's\", 7 / 2; RESET ALL; \
                  SELECT 7 / 2 AS \"quoted\";";
    assert_eq!(
        sql(&folder, &["--format", "tsv", "-e", script]),
        "it's\t3.5\n3\n"
    );
    // In `ansi` the last text is not even tokens.
    let script = "SET dialect = 'spark'; SELECT 'it\\'s' AS text;";
    assert_eq!(sql(&folder, &["--format", "tsv", "-e", script]), "it's\n");
}

#[test]
fn what_other_shells_call_commands_works() {
    let folder = TempDir::new().unwrap();
    sql(&folder, &["-e", "CREATE VIEW a AS SELECT 1 AS n"]);
    assert_eq!(
        sql(&folder, &["--format", "tsv", "-e", "\\dv"]),
        "default\ta\tVIEW\n"
    );
    assert_eq!(
        sql(&folder, &["--format", "tsv", "-e", "\\d a"]),
        "n\tBIGINT\tNULL\n"
    );
    let warehouse = below(&folder, "warehouse");
    let message = fails(MICA, &["sql", "--warehouse", &warehouse, "-e", "!frob"]);
    assert!(message.contains("'!frob' is no command"), "{message}");
}

#[test]
fn an_error_names_file_and_line_and_stops_the_script() {
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "main.sql",
        "CREATE VIEW a AS SELECT 1 AS n;\n\nSELECT m\nFROM a;\nCREATE VIEW never AS SELECT 1 AS n;",
    );
    let (warehouse, script) = (below(&folder, "warehouse"), below(&folder, "main.sql"));
    let message = fails(MICA, &["sql", "--warehouse", &warehouse, "-f", &script]);
    assert!(
        message.contains("main.sql: line 3, column 8: No field named m"),
        "{message}"
    );
    assert_eq!(message.matches("No field named m").count(), 1, "{message}");
    let views = sql(&folder, &["--format", "tsv", "-e", "SHOW VIEWS"]);
    assert!(views.contains('a') && !views.contains("never"), "{views}");
}

#[test]
fn every_format_shows_values_nulls_and_what_needs_quotes() {
    let folder = TempDir::new().unwrap();
    let query =
        "SELECT 1 AS n, 'a \"b\", c' AS s, NULL AS nothing, CAST(1.5 AS DECIMAL(5, 2)) AS d";
    for (format, expected) in [
        ("csv", "n,s,nothing,d\n1,\"a \"\"b\"\", c\",,1.50\n"),
        ("tsv", "1\ta \"b\", c\tNULL\t1.50\n"),
        (
            "json",
            "{\"n\":1,\"s\":\"a \\\"b\\\", c\",\"nothing\":null,\"d\":1.50}\n",
        ),
    ] {
        let shown = sql(&folder, &["--format", format, "-e", query]);
        assert_eq!(shown, expected, "{format}");
    }
    for format in ["table", "markdown", "vertical"] {
        let shown = sql(&folder, &["--format", format, "-e", query]);
        for word in ["nothing", "NULL", "1.50", "a \"b\", c"] {
            assert!(shown.contains(word), "{format}: no {word} in\n{shown}");
        }
    }
}

#[test]
fn standard_input_is_a_script_on_a_server_too() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(MICA, &["--warehouse", &below(&folder, "warehouse")]);
    let mut shell = Command::new(MICA)
        .args(["sql", "--server", &server.url, "--format", "tsv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let script = b"CREATE SCHEMA lab; USE lab; CREATE TEMPORARY VIEW t AS SELECT 5 AS n;\n\
                   SELECT current_schema(), n FROM t; show tables;";
    shell.stdin.take().unwrap().write_all(script).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("lab\t5\n"), "{shown}");
}
