//! Files that a scan would be split over, were they of another format.

use std::fmt::Write as _;

use mica_tests::Server;
use tempfile::TempDir;

use crate::{MICA, below, write};

/// Bytes from which on DataFusion splits a file into ranges.
const SPLIT_BYTES: usize = 10 << 20;

#[tokio::test]
async fn an_array_of_json_is_read_as_a_whole() {
    let folder = TempDir::new().unwrap();
    let (mut array, mut count) = (String::from("["), 0_u64);
    let padding = "x".repeat(1 << 10);
    while array.len() <= SPLIT_BYTES {
        let comma = if count > 0 { "," } else { "" };
        write!(array, r#"{comma}{{"id": {count}, "padding": "{padding}"}}"#).unwrap();
        count += 1;
    }
    write(&folder, "data/large.json", &(array + "]"));
    let (warehouse, root) = (below(&folder, "warehouse"), below(&folder, "data"));
    let server = Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &root]);
    let mut client = server.client().await;
    // Whatever the number of cores: with one, nothing is split.
    client.query("SET target_partitions = 2").await.unwrap();
    let create = format!("CREATE EXTERNAL TABLE large STORED AS JSON LOCATION '{root}/large.json'");
    client.query(&create).await.unwrap();
    let rows = client.query("SELECT count(*) FROM large").await.unwrap();
    assert_eq!(rows.value(), count.to_string());
    let rows = client.query("SELECT sum(id) FROM large").await.unwrap();
    assert_eq!(rows.value(), (count * (count - 1) / 2).to_string());
}

#[tokio::test]
async fn values_of_csv_that_go_over_the_ends_of_lines_are_whole() {
    let folder = TempDir::new().unwrap();
    let (mut text, mut count) = (String::from("id,text\n"), 0_u64);
    let padding = "x".repeat(1 << 10);
    while text.len() <= SPLIT_BYTES {
        write!(text, "{count},\"{padding}\ntwo\"\n").unwrap();
        count += 1;
    }
    write(&folder, "data/large.csv", &text);
    let (warehouse, root) = (below(&folder, "warehouse"), below(&folder, "data"));
    let server = Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &root]);
    let mut client = server.client().await;
    // Whatever the number of cores: with one, nothing is split.
    client.query("SET target_partitions = 2").await.unwrap();
    let place = format!("STORED AS CSV LOCATION '{root}/large.csv'");
    let create = format!("CREATE EXTERNAL TABLE large {place}");
    client.query(&create).await.unwrap();
    let rows = client.query("SELECT sum(id) FROM large").await.unwrap();
    assert_eq!(rows.value(), (count * (count - 1) / 2).to_string());

    // Nobody has looked at the files of declared columns: they are whole unless it is said that they
    // need not be.
    let create = format!("CREATE EXTERNAL TABLE whole (id INT, text VARCHAR) {place}");
    client.query(&create).await.unwrap();
    let rows = client.query("SELECT count(*) FROM whole").await.unwrap();
    assert_eq!(rows.value(), count.to_string());
    let create = format!(
        "CREATE EXTERNAL TABLE declared (id INT, text VARCHAR) {place} \
         OPTIONS (newlines_in_values 'false')"
    );
    client.query(&create).await.unwrap();
    let status = client.fails("SELECT sum(id) FROM declared").await;
    let (line, hint) = ("large.csv, line 2:", "newlines_in_values 'true'");
    let message = status.message();
    assert!(
        message.contains(line) && message.contains(hint),
        "{message}"
    );
}
