//! Texts that are asked again: their plans are kept, their answers are new.

use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringViewArray,
};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::parquet::arrow::ArrowWriter;
use futures::future::join_all;
use mica_tests::{Client, Server};
use tempfile::TempDir;

use crate::{MICA, below, write};

fn serve(folder: &TempDir) -> Server {
    let (warehouse, root) = (below(folder, "warehouse"), below(folder, ""));
    Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &root])
}

/// The answer to a text, which must be the same twice: the first time it may have been planned.
async fn twice(client: &mut Client, sql: &str) -> Vec<Vec<String>> {
    let first = client.query(sql).await.unwrap().text();
    let second = client.query(sql).await.unwrap().text();
    assert_eq!(first, second, "{sql}");
    first
}

#[tokio::test]
async fn a_repeated_text_sees_files_that_came_changed_and_went() {
    const SQL: &str = "SELECT count(*) AS n, sum(amount) AS total, max(place) AS last FROM sales";
    let folder = TempDir::new().unwrap();
    write(&folder, "sales/a.csv", "amount,place\n1,x\n2,y\n");
    let server = serve(&folder);
    let mut client = server.client().await;
    let create = "CREATE EXTERNAL TABLE sales STORED AS CSV LOCATION 'sales/'";
    client.query(create).await.unwrap();
    assert_eq!(twice(&mut client, SQL).await, [["2", "3", "y"]]);
    write(&folder, "sales/b.csv", "amount,place\n10,z\n");
    assert_eq!(twice(&mut client, SQL).await, [["3", "13", "z"]]);
    // As long as before.
    write(&folder, "sales/b.csv", "amount,place\n70,a\n");
    assert_eq!(twice(&mut client, SQL).await, [["3", "73", "y"]]);
    // Other columns, in another order.
    write(&folder, "sales/b.csv", "place,amount\nw,8\n");
    assert_eq!(twice(&mut client, SQL).await, [["3", "11", "y"]]);
    std::fs::remove_file(folder.path().join("sales/a.csv")).unwrap();
    assert_eq!(twice(&mut client, SQL).await, [["1", "8", "w"]]);
    let create = "CREATE OR REPLACE EXTERNAL TABLE sales STORED AS CSV LOCATION 'other/'";
    write(&folder, "other/a.csv", "amount,place\n5,q\n");
    client.query(create).await.unwrap();
    assert_eq!(twice(&mut client, SQL).await, [["1", "5", "q"]]);
}

/// One text per operator that keeps something while it runs.
const TEXTS: [&str; 10] = [
    "SELECT * FROM t JOIN u USING (k) ORDER BY k, n, m",
    "SELECT k, count(DISTINCT n) AS c, sum(m) AS s FROM t LEFT JOIN u USING (k) GROUP BY k ORDER BY k",
    "SELECT * FROM t CROSS JOIN u ORDER BY t.k, n, u.k, m",
    "SELECT * FROM t JOIN u ON t.n < u.m ORDER BY t.k, n, u.k, m",
    "SELECT * FROM t ORDER BY n DESC, k LIMIT 2",
    "SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n) AS place, sum(n) OVER () AS all FROM t ORDER BY k, n",
    "SELECT k FROM t UNION ALL SELECT k FROM u ORDER BY k LIMIT 3 OFFSET 1",
    "SELECT n, (SELECT max(m) FROM u) AS most FROM t WHERE k IN (SELECT k FROM u) ORDER BY n",
    "SELECT k, unnest([n, n + 1]) AS each FROM t ORDER BY k, each",
    "WITH RECURSIVE r AS (SELECT min(n) AS n FROM t UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r ORDER BY n",
];

#[tokio::test]
async fn repeated_texts_at_once_answer_as_the_first() {
    let folder = TempDir::new().unwrap();
    write(&folder, "t.csv", "k,n\na,1\na,2\nb,3\nc,2\n");
    write(&folder, "u.csv", "k,m\na,2\nb,4\nb,1\nd,9\n");
    let server = serve(&folder);
    let mut client = server.client().await;
    let mut answers = Vec::new();
    for table in ["t", "u"] {
        let create = format!("CREATE EXTERNAL TABLE {table} STORED AS CSV LOCATION '{table}.csv'");
        client.query(&create).await.unwrap();
    }
    for sql in TEXTS {
        answers.push(client.query(sql).await.unwrap().text());
    }
    assert_eq!(answers[4], [["b", "3"], ["a", "2"]]);
    let ask = async |mut client: Client| {
        for _ in 0..20 {
            for (sql, answer) in TEXTS.iter().zip(&answers) {
                assert_eq!(&client.query(sql).await.unwrap().text(), answer, "{sql}");
            }
        }
    };
    let clients = join_all((0..4).map(|_| server.client())).await;
    join_all(clients.into_iter().map(ask)).await;
}

#[tokio::test]
async fn parquet_of_arrow_writers_is_read_as_text_again_and_again() {
    let folder = TempDir::new().unwrap();
    let views: ArrayRef = Arc::new(StringViewArray::from(vec![
        Some("a long text of a view"),
        None,
    ]));
    let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["x", "y"]));
    let packed: DictionaryArray<Int32Type> = ["p", "q"].into_iter().collect();
    let n: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let columns = [
        ("v", views),
        ("l", large),
        ("d", Arc::new(packed) as _),
        ("n", n),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, column)| (name, column, true)),
    );
    let batch = batch.unwrap();
    let file = File::create(folder.path().join("p.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    let create = "CREATE EXTERNAL TABLE p STORED AS PARQUET LOCATION 'p.parquet'";
    client.query(create).await.unwrap();
    let rows = client.query("SELECT v, l, d FROM p").await.unwrap();
    let types = rows.schema.fields().iter().map(|field| field.data_type());
    assert!(
        types
            .into_iter()
            .all(|data_type| *data_type == DataType::Utf8)
    );
    let all = [["a long text of a view", "x", "p"], ["NULL", "y", "q"]];
    assert_eq!(twice(&mut client, "SELECT v, l, d FROM p").await, all);
    let one = "SELECT v, d FROM p WHERE n < 2 AND l = 'x' AND d >= 'p' ORDER BY n LIMIT 1";
    assert_eq!(
        twice(&mut client, one).await,
        [["a long text of a view", "p"]]
    );
}

/// Aggregates over Parquet tell scans what they need not read, and that is another thing each time.
#[tokio::test]
async fn repeated_extremes_over_parquet_are_those_of_the_first_time() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    for (table, from) in [("a", 1), ("b", 5000)] {
        let k: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|n| from + n)));
        let batch = RecordBatch::try_from_iter([("k", k), ("x", x)]).unwrap();
        let path = folder.path().join(format!("{table}.parquet"));
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let create =
            format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{table}.parquet'");
        client.query(&create).await.unwrap();
    }
    let both = "FROM (SELECT x FROM a WHERE k > 1 UNION ALL SELECT x FROM b WHERE k > 1) AS u";
    for (sql, answer) in [
        (format!("SELECT max(x) AS x {both}"), "5999"),
        (format!("SELECT min(x) AS x {both}"), "3"),
        (format!("SELECT x {both} ORDER BY x LIMIT 1"), "3"),
        ("SELECT max(x) AS x FROM a WHERE k > 1".to_owned(), "1000"),
        (
            "SELECT max(a.x) AS x FROM a JOIN b USING (k) WHERE b.x < 5010".to_owned(),
            "10",
        ),
    ] {
        for time in 1..6 {
            let found = client.query(&sql).await.unwrap();
            assert_eq!(found.value(), answer, "{sql}, time {time}");
        }
    }
}

/// Two zones that never have the same day.
const ZONES: [&str; 2] = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];

#[tokio::test]
async fn a_repeated_text_tells_its_own_moment() {
    let folder = TempDir::new().unwrap();
    write(&folder, "t.csv", "k,born\na,2000-01-01\nb,2001-01-01\n");
    let server = serve(&folder);
    let mut client = server.client().await;
    let create = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 't.csv'";
    client.query(create).await.unwrap();
    let create = "CREATE VIEW aged AS SELECT k, current_date - born AS age, current_date AS today, now() AS at FROM t";
    client.query(create).await.unwrap();
    let sql = "SELECT max(at) AS at, count(DISTINCT at) AS moments FROM aged";
    let mut last = String::new();
    for _ in 0..4 {
        let rows = client.query(sql).await.unwrap().text();
        assert!(
            rows[0][0] > last && rows[0][1] == "1",
            "{rows:?} after {last}"
        );
        last.clone_from(&rows[0][0]);
    }
    let sql = "SELECT k, today, age > 9000 AS grown FROM aged WHERE age > 0 ORDER BY k";
    let mut days = Vec::new();
    for zone in [ZONES[0], ZONES[1], ZONES[0], ZONES[1]] {
        let set = format!("SET timezone = '{zone}'");
        client.query(&set).await.unwrap();
        let rows = twice(&mut client, sql).await;
        let one = "SELECT current_date";
        assert_eq!(rows[0][1], client.query(one).await.unwrap().value());
        days.push(rows);
    }
    assert!(
        days[0] == days[2] && days[1] == days[3] && days[0] != days[1],
        "{days:?}"
    );
}

#[tokio::test]
async fn an_unrelated_commit_leaves_plans_and_a_related_one_does_not() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let (mut client, mut other) = (server.client().await, server.client().await);
    client
        .query("CREATE VIEW one AS SELECT 1 AS n")
        .await
        .unwrap();
    client
        .query("CREATE VIEW two AS SELECT n FROM one")
        .await
        .unwrap();
    let sql = "SELECT n FROM two";
    assert_eq!(twice(&mut client, sql).await, [["1"]]);
    other
        .query("CREATE VIEW unrelated AS SELECT 5 AS n")
        .await
        .unwrap();
    assert_eq!(twice(&mut client, sql).await, [["1"]]);
    other
        .query("CREATE OR REPLACE VIEW one AS SELECT 2 AS n")
        .await
        .unwrap();
    assert_eq!(twice(&mut client, sql).await, [["2"]]);
    let tables =
        "SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = 'default'";
    assert_eq!(twice(&mut client, tables).await, [["3"]]);
    other.query("DROP VIEW unrelated").await.unwrap();
    assert_eq!(twice(&mut client, tables).await, [["2"]]);
    other.query("DROP VIEW two").await.unwrap();
    assert_eq!(client.fails(sql).await.code(), tonic::Code::NotFound);
}
