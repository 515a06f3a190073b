//! Mistakes in what a result is made of.

use arrow_flight::sql::CommandGetTables;
use arrow_flight::{FlightData, Ticket};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::ipc;
use futures::TryStreamExt;
use mica_tests::Client;

use super::serve;

/// Queries whose plans know more than their types: literals, constants out of statistics, ranks,
/// views of the engine's own.
const QUERIES: [&str; 9] = [
    "SELECT 1 AS n, 'a' AS t, NULL AS nothing",
    "SELECT min(value) AS low, max(value) AS high, count(*) AS n FROM range(10)",
    "SELECT row_number() OVER (ORDER BY value) AS place, value FROM range(3)",
    "SELECT arrow_cast('a', 'Dictionary(Int32, Utf8)') AS d, arrow_cast('b', 'Utf8View') AS v",
    "SELECT arrow_cast(1, 'UInt8') AS a, arrow_cast(1, 'UInt64') AS b, arrow_cast(1, 'Float16') AS c",
    "SELECT arrow_cast(1.5, 'Decimal32(5, 2)') AS d, arrow_cast('x', 'LargeUtf8') AS l",
    "SELECT [1, 2] AS list, named_struct('a', 1) AS object, MAP {'k': 1} AS map",
    "SELECT TIMESTAMP '2024-01-01 00:00:00' AS naive, arrow_cast('2024-01-01T00:00:00Z', 'Timestamp(Nanosecond, Some(\"+00:00\"))') AS zoned",
    "SELECT * FROM information_schema.columns WHERE 1 = 0",
];

async fn messages(client: &mut Client, ticket: Ticket) -> Vec<FlightData> {
    let request = tonic::Request::new(ticket);
    let stream = client.inner.inner_mut().do_get(request).await.unwrap();
    stream.into_inner().try_collect().await.unwrap()
}

/// 1: schemas of Prepare, FlightInfo, GetSchema and stream that differ. 2: an empty result without
/// a schema.
#[tokio::test]
async fn one_schema_is_promised_and_kept() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    for sql in QUERIES {
        // The client compares the FlightInfo's with the stream's.
        let rows = client.query(sql).await.unwrap();
        let prepared = client.inner.prepare(sql.to_owned(), None).await.unwrap();
        assert_eq!(prepared.dataset_schema().unwrap(), &*rows.schema, "{sql}");
        let info = client.info(sql).await.unwrap();
        let descriptor = tonic::Request::new(info.flight_descriptor.clone().unwrap());
        let schema = client
            .inner
            .inner_mut()
            .get_schema(descriptor)
            .await
            .unwrap();
        let schema = Schema::try_from(&schema.into_inner()).unwrap();
        assert_eq!(&schema, &*rows.schema, "{sql}");
        let nullable = rows.schema.fields().iter().all(|field| field.is_nullable());
        assert!(nullable, "{sql}: {:?}", rows.schema);
    }
}

/// 3: types that JDBC, ODBC or Go cannot read.
#[tokio::test]
async fn only_types_that_every_client_reads_are_sent() {
    fn readable(data_type: &DataType) -> bool {
        match data_type {
            DataType::List(item) => readable(item.data_type()),
            DataType::Struct(fields) => fields.iter().all(|field| readable(field.data_type())),
            DataType::Map(entries, _) => readable(entries.data_type()),
            DataType::Timestamp(unit, zone) => {
                let known = zone
                    .as_ref()
                    .is_none_or(|zone| !zone.starts_with(['+', '-']));
                *unit == datafusion::arrow::datatypes::TimeUnit::Microsecond && known
            }
            other => matches!(
                other,
                DataType::Boolean
                    | DataType::Int8
                    | DataType::Int16
                    | DataType::Int32
                    | DataType::Int64
                    | DataType::Float32
                    | DataType::Float64
                    | DataType::Decimal128(..)
                    | DataType::Utf8
                    | DataType::Binary
                    | DataType::Date32
                    | DataType::Time64(_)
                    | DataType::Interval(_)
            ),
        }
    }
    let (_folder, server) = serve();
    let mut client = server.client().await;
    for sql in QUERIES {
        for field in client.query(sql).await.unwrap().schema.fields() {
            assert!(readable(field.data_type()), "{sql}: {field:?}");
        }
    }
}

/// 13: messages over a client's limit, and slices that send what they are cut from. 14: compression
/// that nobody asked for.
#[tokio::test]
async fn messages_are_small_and_plain() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let sql = "SELECT repeat('x', 1000) AS t, value FROM range(20000)";
    let info = client.info(sql).await.unwrap();
    let sent = messages(&mut client, info.endpoint[0].ticket.clone().unwrap()).await;
    assert!(sent.len() > 5, "{} messages", sent.len());
    for message in &sent {
        assert!(
            message.data_body.len() <= 4 << 20,
            "{}",
            message.data_body.len()
        );
        let header = ipc::root_as_message(&message.data_header).unwrap();
        let compressed = header
            .header_as_record_batch()
            .is_some_and(|batch| batch.compression().is_some());
        assert!(!compressed);
    }
    let sql = "SELECT value FROM range(1000000) LIMIT 1";
    let info = client.info(sql).await.unwrap();
    let sent = messages(&mut client, info.endpoint[0].ticket.clone().unwrap()).await;
    let bytes: usize = sent.iter().map(|message| message.data_body.len()).sum();
    assert!(bytes < 1000, "{bytes} bytes for one number");
}

/// 18: columns without TYPE_NAME. 19: comments in results, where JDBC takes them for labels.
#[tokio::test]
async fn columns_carry_their_type_names_and_results_no_comments() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let create = "CREATE VIEW v (a COMMENT 'first', b) AS SELECT 1.5, DATE '2024-01-01'";
    client.query(create).await.unwrap();
    let type_name = "ARROW:FLIGHT:SQL:TYPE_NAME";
    let rows = client.query("SELECT * FROM v").await.unwrap();
    let found: Vec<&str> = rows
        .schema
        .fields()
        .iter()
        .map(|field| field.metadata()[type_name].as_str())
        .collect();
    assert_eq!(found, ["DOUBLE", "DATE"]);
    let remarks = "ARROW:FLIGHT:SQL:REMARKS";
    let any = |schema: &Schema| {
        let mut fields = schema.fields().iter();
        fields.any(|field| field.metadata().contains_key(remarks))
    };
    assert!(!any(&rows.schema));
    let request = CommandGetTables {
        include_schema: true,
        table_name_filter_pattern: Some("v".to_owned()),
        ..CommandGetTables::default()
    };
    let info = client.inner.get_tables(request).await.unwrap();
    let tables = client.fetch(info).await.unwrap();
    let bytes = tables.batches[0]
        .column(4)
        .as_binary::<i32>()
        .value(0)
        .to_vec();
    let schema = Schema::try_from(arrow_flight::IpcMessage(bytes.into())).unwrap();
    assert_eq!(schema.field(0).metadata()[remarks], "first");
    assert_eq!(schema.field(0).metadata()[type_name], "DOUBLE");
}

/// 25: moments that skew. 26: two columns of one name. 27: names folded where they are shown.
#[tokio::test]
async fn names_and_moments_come_back_as_they_are() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let sql = "SELECT 1 AS id, 2 AS id, 3 AS \"Id\"";
    let rows = client.query(sql).await.unwrap();
    let names = |schema: &Schema| -> Vec<String> {
        schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    };
    assert_eq!(names(&rows.schema), ["id", "id", "Id"]);
    assert_eq!(rows.text(), [["1", "2", "3"]]);
    let sql = "CREATE VIEW \"Mixed\" AS SELECT 1 AS \"CustomerId\"";
    client.query(sql).await.unwrap();
    let rows = client.query("SELECT customerid FROM MIXED").await.unwrap();
    assert_eq!(names(&rows.schema), ["CustomerId"]);
    let sql = "SELECT TIMESTAMP '9999-12-31 23:59:59.999999' AS last, TIMESTAMP '0001-01-01 00:00:00' AS first";
    let rows = client.query(sql).await.unwrap().text();
    assert_eq!(
        rows,
        [["9999-12-31 23:59:59.999999", "0001-01-01 00:00:00"]]
    );
}

/// The codec of each batch's body, as its metadata tells.
fn codecs(messages: &[FlightData]) -> Vec<Option<ipc::CompressionType>> {
    let batches = messages.iter().filter_map(|message| {
        let metadata = ipc::root_as_message(&message.data_header).unwrap();
        metadata.header_as_record_batch()
    });
    let codecs = batches.map(|batch| batch.compression().map(|compression| compression.codec()));
    codecs.collect()
}

/// 14: bodies that a client cannot decompress. They are compressed for who asks, only.
#[tokio::test]
async fn results_are_compressed_on_request() {
    const SQL: &str = "SELECT value, 'text ' || (value % 7) AS text FROM range(100000)";
    let (_folder, server) = serve();
    let mut bytes = Vec::new();
    let mut answers = Vec::new();
    for (header, codec) in [
        ("none", None),
        ("lz4", Some(ipc::CompressionType::LZ4_FRAME)),
        ("zstd", Some(ipc::CompressionType::ZSTD)),
    ] {
        let mut client = server.client().await;
        client.inner.set_header("ipc_compression", header);
        let info = client.info(SQL).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let messages = messages(&mut client, ticket).await;
        let told = codecs(&messages);
        assert!(
            told.len() > 1 && told.iter().all(|told| *told == codec),
            "{told:?}"
        );
        bytes.push(
            messages
                .iter()
                .map(|message| message.data_body.len())
                .sum::<usize>(),
        );
        answers.push(client.fetch(info).await.unwrap().text());
    }
    assert!(
        answers
            .iter()
            .all(|rows| rows.len() == 100_000 && *rows == answers[0])
    );
    assert!(
        bytes[1] < bytes[0] / 2 && bytes[2] < bytes[0] / 2,
        "{bytes:?}"
    );
    let mut client = server.client().await;
    client.inner.set_header("ipc_compression", "brotli");
    let status = client.info(SQL).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().contains("none, lz4, zstd"), "{status}");
}
