//! Prepared statements, as drivers use them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use mica_tests::{Client, Server};
use tempfile::TempDir;
use tonic::Code;

use crate::{MICA, below};

fn serve() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &["--warehouse", &warehouse]);
    (folder, server)
}

fn parameters(columns: &[ArrayRef]) -> RecordBatch {
    let named = columns.iter().enumerate();
    let named = named.map(|(at, column)| (format!("${}", at + 1), Arc::clone(column), true));
    RecordBatch::try_from_iter_with_nullable(named).unwrap()
}

async fn create_numbers(client: &mut Client) {
    let sql = "CREATE VIEW numbers AS SELECT * FROM (VALUES (1, 'one', DATE '2026-01-01'), \
               (2, 'two', DATE '2026-02-02'), (3, NULL, NULL)) AS t (n, name, day)";
    client.query(sql).await.unwrap();
}

/// The rows of a prepared statement with `values` bound.
async fn rows_with(client: &mut Client, sql: &str, values: &[ArrayRef]) -> Vec<Vec<String>> {
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    statement.set_parameters(parameters(values)).unwrap();
    let info = statement.execute().await.unwrap();
    client.fetch(info).await.unwrap().text()
}

#[tokio::test]
async fn question_marks_and_numbers_take_values_of_their_column_s_type() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    create_numbers(&mut client).await;
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let by_name = "SELECT n FROM numbers WHERE name = ?";
    assert_eq!(
        rows_with(&mut client, by_name, &[text("two")]).await,
        [["2"]]
    );
    let two = "SELECT n FROM numbers WHERE n >= $1 AND n < $2 OR n = $1 + 10 ORDER BY n";
    let found = rows_with(&mut client, two, &[number(2), number(4)]).await;
    assert_eq!(found, [["2"], ["3"]]);
    // Text for a number, as drivers that know no types send it.
    let by_number = "SELECT name FROM numbers WHERE n = ?";
    assert_eq!(
        rows_with(&mut client, by_number, &[text("1")]).await,
        [["one"]]
    );
    let day: ArrayRef = Arc::new(Date32Array::from(vec![20_486]));
    let by_day = "SELECT n FROM numbers WHERE day = ?";
    assert_eq!(rows_with(&mut client, by_day, &[day]).await, [["2"]]);
    let nothing: ArrayRef = Arc::new(StringArray::new_null(1));
    assert!(rows_with(&mut client, by_name, &[nothing]).await.is_empty());
}

#[tokio::test]
async fn types_are_advertised_and_a_handle_is_used_again_and_again() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    create_numbers(&mut client).await;
    let sql = "SELECT name, count(*) AS c FROM numbers WHERE n = ? AND name = ? GROUP BY name";
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    let types = |schema: &datafusion::arrow::datatypes::Schema| -> Vec<DataType> {
        schema
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect()
    };
    let asked = types(statement.parameter_schema().unwrap());
    assert_eq!(asked, [DataType::Int64, DataType::Utf8]);
    let given = types(statement.dataset_schema().unwrap());
    assert_eq!(given, [DataType::Utf8, DataType::Int64]);
    for (n, name, expected) in [(1, "one", 1), (1, "two", 0), (2, "two", 1)] {
        let n: ArrayRef = Arc::new(Int64Array::from(vec![n]));
        let name: ArrayRef = Arc::new(StringArray::from(vec![name]));
        statement.set_parameters(parameters(&[n, name])).unwrap();
        let info = statement.execute().await.unwrap();
        let rows = client.fetch(info).await.unwrap().text();
        assert_eq!(rows.len(), expected);
    }
    statement.close().await.unwrap();
}

#[tokio::test]
async fn what_is_bound_wrongly_is_refused() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    create_numbers(&mut client).await;
    let mut statement = client
        .inner
        .prepare(
            "SELECT name FROM numbers WHERE n = ? AND name = ?".to_owned(),
            None,
        )
        .await
        .unwrap();
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    statement.set_parameters(parameters(&[one])).unwrap();
    let message = format!("{:?}", statement.execute().await.unwrap_err());
    assert!(message.contains("InvalidArgument"), "{message}");
    let status = client.fails("SELECT name FROM numbers WHERE n = ?").await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let word: ArrayRef = Arc::new(StringArray::from(vec!["many"]));
    let mut statement = client
        .inner
        .prepare("SELECT name FROM numbers WHERE n = ?".to_owned(), None)
        .await
        .unwrap();
    statement.set_parameters(parameters(&[word])).unwrap();
    let message = format!("{:?}", statement.execute().await.unwrap_err());
    assert!(message.contains("many"), "{message}");
}

#[tokio::test]
async fn a_prepared_change_runs_when_it_is_executed_and_only_then() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let sql = "CREATE VIEW later AS SELECT 1 AS one";
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(
        client.fails("SELECT * FROM later").await.code(),
        Code::NotFound
    );
    statement.execute_update().await.unwrap();
    let one = client.query("SELECT one FROM later").await.unwrap();
    assert_eq!(one.value(), "1");
    assert_eq!(client.fails(sql).await.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_parameter_may_count_rows_and_stand_in_several_places() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    create_numbers(&mut client).await;
    let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let first = "SELECT n FROM numbers ORDER BY n LIMIT ? OFFSET ?";
    let found = rows_with(&mut client, first, &[number(1), number(1)]).await;
    assert_eq!(found, [["2"]]);
    let fetched = "SELECT n FROM numbers ORDER BY n FETCH FIRST $1 ROWS ONLY";
    assert_eq!(rows_with(&mut client, fetched, &[number(1)]).await, [["1"]]);
    let twice =
        "SELECT n FROM numbers WHERE n = $1 OR n = $1 + 1 OR CAST(n AS DOUBLE) = $1 ORDER BY n";
    let found = rows_with(&mut client, twice, &[number(1)]).await;
    assert_eq!(found, [["1"], ["2"]]);
    // Nothing tells the types: what is bound does.
    let sum = "SELECT $1 + $2";
    let found = rows_with(&mut client, sum, &[number(40), number(2)]).await;
    assert_eq!(found, [["42"]]);
    let statement = client.inner.prepare(first.to_owned(), None).await.unwrap();
    let types = statement.parameter_schema().unwrap();
    assert_eq!(types.field(0).data_type(), &DataType::Int64);
    statement.close().await.unwrap();
}

#[tokio::test]
async fn parameters_over_the_limit_of_a_request_are_refused() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let limit = ["--warehouse", &warehouse, "--max-request-size", "3MB"];
    let server = Server::start(MICA, &limit);
    let mut client = server.client().await;
    let sql = "SELECT $1".to_owned();
    let mut statement = client.inner.prepare(sql, None).await.unwrap();
    let long = "x".repeat(50_000);
    let rows: ArrayRef = Arc::new(StringArray::from(vec![long.as_str(); 100]));
    statement.set_parameters(parameters(&[rows])).unwrap();
    let error = format!("{:?}", statement.execute().await.unwrap_err());
    assert!(error.contains("ResourceExhausted"), "{error}");
    assert!(error.contains("--max-request-size"), "{error}");
}

/// What is kept of a statement is kept without its values.
#[tokio::test]
async fn a_plan_that_is_used_again_takes_other_values_and_other_types() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    create_numbers(&mut client).await;
    let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let by_number = "SELECT name FROM numbers WHERE n = ? LIMIT ?";
    for (n, expected) in [(1, "one"), (2, "two"), (1, "one")] {
        let rows = rows_with(&mut client, by_number, &[number(n), number(5)]).await;
        assert_eq!(rows, [[expected]]);
    }
    let echo = "SELECT $1 AS x";
    assert_eq!(rows_with(&mut client, echo, &[number(7)]).await, [["7"]]);
    assert_eq!(rows_with(&mut client, echo, &[text("a")]).await, [["a"]]);
    assert_eq!(rows_with(&mut client, echo, &[number(8)]).await, [["8"]]);
    let replace = "CREATE OR REPLACE VIEW numbers AS SELECT 'x' AS n, 'new' AS name";
    client.query(replace).await.unwrap();
    let rows = rows_with(&mut client, by_number, &[text("x"), number(5)]).await;
    assert_eq!(rows, [["new"]]);
}
