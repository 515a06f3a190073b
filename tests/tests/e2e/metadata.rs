//! Metadata commands: the schemas of FlightSql.proto to the letter, and what they say of the example.

use std::sync::Arc;

use arrow_flight::FlightInfo;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit, UInt32Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use mica_tests::{Client, Server};
use tempfile::TempDir;

use crate::{MICA, below, c360};

fn serve() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &[&c360(), "--warehouse", &warehouse]);
    (folder, server)
}

/// `name type` a column, with `!` for those that are never null.
fn described(schema: &Schema) -> String {
    fn of_type(data_type: &DataType) -> String {
        match data_type {
            DataType::List(item) => format!("list<{}>", of_field(item)),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => {
                    format!("map<{}, {}>", of_field(&fields[0]), of_field(&fields[1]))
                }
                other => format!("map<{other}>"),
            },
            DataType::Union(fields, _) => {
                let fields = fields
                    .iter()
                    .map(|(id, field)| format!("{id} {}", of_field(field)));
                format!("union<{}>", fields.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string().to_lowercase(),
        }
    }
    fn of_field(field: &Field) -> String {
        let mark = if field.is_nullable() { "" } else { "!" };
        format!("{} {}{mark}", field.name(), of_type(field.data_type()))
    }
    let fields: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| of_field(field))
        .collect();
    fields.join("\n")
}

/// Fetches what `info` promises; the schemas of both must be equal, and be `expected`.
async fn check(client: &mut Client, info: FlightInfo, expected: &str) -> Vec<Vec<String>> {
    let rows = client.fetch(info).await.unwrap();
    let expected: Vec<&str> = expected.split(", ").collect();
    assert_eq!(described(&rows.schema), expected.join("\n"));
    rows.text()
}

const KEYS: &str = "pk_catalog_name utf8, pk_db_schema_name utf8, pk_table_name utf8!, \
     pk_column_name utf8!, fk_catalog_name utf8, fk_db_schema_name utf8, fk_table_name utf8!, \
     fk_column_name utf8!, key_sequence int32!, fk_key_name utf8, pk_key_name utf8, \
     update_rule uint8!, delete_rule uint8!";

#[tokio::test]
async fn catalogs_schemas_and_table_types() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let info = client.inner.get_catalogs().await.unwrap();
    let rows = check(&mut client, info, "catalog_name utf8!").await;
    assert_eq!(rows, [["mica"]]);
    let request = CommandGetDbSchemas::default();
    let info = client.inner.get_db_schemas(request).await.unwrap();
    let rows = check(&mut client, info, "catalog_name utf8, db_schema_name utf8!").await;
    assert_eq!(rows, [["mica", "default"], ["mica", "information_schema"]]);
    let info = client.inner.get_table_types().await.unwrap();
    let rows = check(&mut client, info, "table_type utf8!").await;
    assert!(rows.contains(&vec!["TABLE".to_owned()]) && rows.contains(&vec!["VIEW".to_owned()]));
}

#[tokio::test]
async fn tables_by_pattern_and_type_with_their_columns() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let columns = "catalog_name utf8, db_schema_name utf8, table_name utf8!, table_type utf8!";
    for (pattern, types, expected) in [
        ("customer\\_analytics%", vec![], 1),
        ("customer_analytics_c36_", vec!["VIEW".to_owned()], 1),
        ("customer_analytics_c360", vec!["TABLE".to_owned()], 0),
        ("CUSTOMER_ANALYTICS_C360", vec![], 1),
    ] {
        let request = CommandGetTables {
            db_schema_filter_pattern: Some("def%".to_owned()),
            table_name_filter_pattern: Some(pattern.to_owned()),
            table_types: types,
            ..CommandGetTables::default()
        };
        let info = client.inner.get_tables(request).await.unwrap();
        let rows = check(&mut client, info, columns).await;
        assert_eq!(rows.len(), expected, "{pattern}: {rows:?}");
    }
    let request = CommandGetTables {
        table_name_filter_pattern: Some("customer_analytics_c360".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.inner.get_tables(request).await.unwrap();
    let rows = client.fetch(info).await.unwrap();
    let expected = format!("{columns}, table_schema binary!").replace(", ", "\n");
    assert_eq!(described(&rows.schema), expected);
    // The schema in it is that of a query over the table.
    let bytes = rows.batches[0].column(4).as_binary::<i32>();
    let stated =
        Schema::try_from(arrow_flight::IpcMessage(bytes.value(0).to_vec().into())).unwrap();
    let sql = "SELECT * FROM customer_analytics_c360";
    let info = client.info(sql).await.unwrap();
    let answered = info.try_decode_schema().unwrap();
    assert_eq!(described(&stated), described(&answered));
}

#[tokio::test]
async fn keys_and_types() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let table = || "customer_analytics_c360".to_owned();
    let request = CommandGetPrimaryKeys {
        table: table(),
        ..Default::default()
    };
    let info = client.inner.get_primary_keys(request).await.unwrap();
    let columns = "catalog_name utf8, db_schema_name utf8, table_name utf8!, column_name utf8!, \
         key_sequence int32!, key_name utf8";
    assert!(check(&mut client, info, columns).await.is_empty());
    let request = CommandGetExportedKeys {
        table: table(),
        ..Default::default()
    };
    let info = client.inner.get_exported_keys(request).await.unwrap();
    check(&mut client, info, KEYS).await;
    let request = CommandGetImportedKeys {
        table: table(),
        ..Default::default()
    };
    let info = client.inner.get_imported_keys(request).await.unwrap();
    check(&mut client, info, KEYS).await;
    let request = CommandGetCrossReference {
        pk_table: table(),
        fk_table: table(),
        ..Default::default()
    };
    let info = client.inner.get_cross_reference(request).await.unwrap();
    check(&mut client, info, KEYS).await;
    let columns = "type_name utf8!, data_type int32!, column_size int32, literal_prefix utf8, \
         literal_suffix utf8, create_params list<item utf8!>, nullable int32!, \
         case_sensitive boolean!, searchable int32!, unsigned_attribute boolean, \
         fixed_prec_scale boolean!, auto_increment boolean, local_type_name utf8, \
         minimum_scale int32, maximum_scale int32, sql_data_type int32!, datetime_subcode int32, \
         num_prec_radix int32, interval_precision int32";
    let all = CommandGetXdbcTypeInfo { data_type: None };
    let info = client.inner.get_xdbc_type_info(all).await.unwrap();
    let rows = check(&mut client, info, columns).await;
    let codes: Vec<i32> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    // java.sql.Types.VARCHAR
    let varchar = CommandGetXdbcTypeInfo {
        data_type: Some(12),
    };
    let info = client.inner.get_xdbc_type_info(varchar).await.unwrap();
    let rows = check(&mut client, info, columns).await;
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row[1] == "12"),
        "{rows:?}"
    );
}

#[tokio::test]
async fn sql_info_by_id() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let columns = "info_name uint32!; value union<0 string_value utf8!, 1 bool_value boolean!, \
         2 bigint_value int64!, 3 int32_bitmask int32!, 4 string_list list<item utf8>, \
         5 int32_to_int32_list_map map<key int32!, value list<item int32>>>!";
    let asked = vec![
        SqlInfo::FlightSqlServerName,
        SqlInfo::FlightSqlServerTransaction,
    ];
    let info = client.inner.get_sql_info(asked).await.unwrap();
    let rows = client.fetch(info).await.unwrap();
    let found = described(&rows.schema).replace(",\n", ", ");
    assert_eq!(found, columns.replace("; ", "\n"));
    let names = rows.batches[0].column(0);
    assert_eq!(names.len(), 2);
}

/// Every value, with its id and the name of the union's child that it is in: a driver that is given
/// another child fails.
async fn all_sql_info(client: &mut Client) -> Vec<String> {
    let info = client.inner.get_sql_info(Vec::new()).await.unwrap();
    let all = client.fetch(info).await.unwrap();
    let options = FormatOptions::default();
    let mut lines = Vec::new();
    for batch in &all.batches {
        let ids = batch.column(0).as_primitive::<UInt32Type>();
        let values = batch.column(1).as_union();
        let DataType::Union(children, _) = values.data_type() else {
            panic!("{}", values.data_type());
        };
        for row in 0..batch.num_rows() {
            let (id, value) = (ids.value(row), values.value(row));
            let child = children.iter().find(|(id, _)| *id == values.type_id(row));
            let text = ArrayFormatter::try_new(value.as_ref(), &options).unwrap();
            let name = SqlInfo::try_from(id as i32).unwrap().as_str_name();
            lines.push(format!(
                "{id} {name} {} {}",
                child.unwrap().1.name(),
                text.value(0)
            ));
        }
    }
    lines
}

#[tokio::test]
async fn sql_info_is_complete_and_in_the_children_that_drivers_cast_to() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let found = all_sql_info(&mut client).await;
    let path = mica_tests::repository().join("tests/golden/sql_info.txt");
    let golden = std::fs::read_to_string(path).unwrap();
    let golden = golden.replace("{version}", env!("CARGO_PKG_VERSION"));
    let expected: Vec<&str> = golden.lines().collect();
    assert_eq!(found, expected, "\n{}\n", found.join("\n"));
}

/// A call of each function that SqlInfo names.
#[tokio::test]
async fn functions_that_are_named_work() {
    const CALLS: &str = include_str!("../../golden/functions.txt");
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let mut calls: Vec<(&str, &str, &str)> = Vec::new();
    for line in CALLS.lines() {
        let (call, expected) = line.split_once(" -> ").unwrap();
        let name = call.split('(').next().unwrap();
        calls.push((name, call, expected));
    }
    for info in all_sql_info(&mut client).await {
        let (id, rest) = info.split_once(' ').unwrap();
        if !["509", "510", "511", "512"].contains(&id) {
            continue;
        }
        let list = rest.split_once('[').unwrap().1.trim_end_matches(']');
        for named in list.split(", ") {
            assert!(calls.iter().any(|(name, ..)| *name == named), "{named}");
        }
    }
    for (_, call, expected) in calls {
        let sql = format!("SELECT {{fn {call}}}");
        let found = client.query(&sql).await.unwrap().value();
        assert!(expected == "*" || found == expected, "{call}: {found}");
    }
}

#[tokio::test]
async fn metadata_and_plans_need_no_file() {
    let folder = TempDir::new().unwrap();
    crate::write(&folder, "data/t.csv", "id,name\n1,one\n");
    let (warehouse, data) = (below(&folder, "warehouse"), below(&folder, "data"));
    let server = Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &data]);
    let mut client = server.client().await;
    let table = format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{data}/t.csv'");
    client.query(&table).await.unwrap();
    client
        .query("CREATE VIEW v AS SELECT name FROM t")
        .await
        .unwrap();
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    let info = client
        .info("SELECT * FROM v WHERE name = 'one'")
        .await
        .unwrap();
    let mut prepared = client
        .inner
        .prepare("SELECT name FROM v WHERE name = ?".to_owned(), None)
        .await
        .unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "name");
    prepared.execute().await.unwrap();
    let request = CommandGetTables {
        include_schema: true,
        ..Default::default()
    };
    let tables = client.inner.get_tables(request).await.unwrap();
    assert!(!client.fetch(tables).await.unwrap().text().is_empty());
    client
        .query("CREATE VIEW w AS SELECT name FROM v")
        .await
        .unwrap();
    // Only rows need the file.
    let status = client.fetch(info).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound, "{status}");
    assert!(status.message().contains("t.csv"), "{status}");
}

/// Parquet's types that clients do not read: what is stored, told and sent is one type for each.
#[tokio::test]
async fn types_of_files_are_told_as_they_are_sent() {
    use datafusion::arrow::array::{RecordBatch, new_null_array};
    use datafusion::parquet::arrow::ArrowWriter;
    let folder = TempDir::new().unwrap();
    let data = below(&folder, "data");
    std::fs::create_dir_all(&data).unwrap();
    let types = [
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8)),
        DataType::UInt8,
        DataType::UInt64,
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())),
        DataType::Date64,
        DataType::FixedSizeBinary(4),
        DataType::LargeBinary,
        DataType::Decimal256(20, 2),
        DataType::new_large_list(DataType::UInt16, false),
        DataType::Struct(vec![Field::new("n", DataType::Utf8View, false)].into()),
    ];
    let fields = types.iter().enumerate();
    let fields =
        fields.map(|(at, data_type)| Field::new(format!("c{at}"), data_type.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = types.iter().map(|data_type| new_null_array(data_type, 2));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let file = std::fs::File::create(below(&folder, "data/odd.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &["--warehouse", &warehouse, "--data-root", &data]);
    let mut client = server.client().await;
    let sql = format!("CREATE EXTERNAL TABLE odd STORED AS PARQUET LOCATION '{data}/odd.parquet'");
    client.query(&sql).await.unwrap();
    let request = CommandGetTables {
        table_name_filter_pattern: Some("odd".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.inner.get_tables(request).await.unwrap();
    let rows = client.fetch(info).await.unwrap();
    let bytes = rows.batches[0].column(4).as_binary::<i32>();
    let told = Schema::try_from(arrow_flight::IpcMessage(bytes.value(0).to_vec().into())).unwrap();
    let info = client.info("SELECT * FROM odd").await.unwrap();
    let sent = client.fetch(info).await.unwrap();
    assert_eq!(described(&told), described(&sent.schema));
    assert_eq!(sent.text().len(), 2);
    let expected = [
        "c0 utf8",
        "c1 int16",
        "c2 decimal128(20, 0)",
        "c3 time64(µs)",
        "c4 timestamp(µs, \"utc\")",
        "c5 date32",
        "c6 binary",
        "c7 binary",
        "c8 decimal128(20, 2)",
        "c9 list<item int32>",
        "c10 struct(\"n\": utf8)",
    ];
    assert_eq!(described(&told), expected.join("\n"));
}

#[tokio::test]
async fn declared_keys_are_told_to_drivers_and_exported() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &["--warehouse", &warehouse]);
    let mut client = server.client().await;
    for sql in [
        "CREATE VIEW customers AS SELECT 1 AS region, 2 AS id",
        "CREATE VIEW orders AS SELECT 1 AS id, 1 AS region, 2 AS customer",
        "ALTER VIEW customers ADD PRIMARY KEY (region, id) NOT ENFORCED",
        "ALTER VIEW orders ADD CONSTRAINT bought FOREIGN KEY (region, customer) \
         REFERENCES customers NOT ENFORCED",
    ] {
        client.query(sql).await.unwrap();
    }
    let request = arrow_flight::sql::CommandGetPrimaryKeys {
        catalog: None,
        db_schema: Some("default".to_owned()),
        table: "customers".to_owned(),
    };
    let info = client.inner.get_primary_keys(request).await.unwrap();
    let rows = client.fetch(info).await.unwrap().text();
    let key = |column: &str, place: &str| {
        [
            "mica",
            "default",
            "customers",
            column,
            place,
            "customers_pkey",
        ]
        .map(str::to_owned)
    };
    assert_eq!(rows, [key("region", "1"), key("id", "2")]);
    let foreign = |pk: &str, fk: &str, place: &str| {
        let cells = [
            "mica",
            "default",
            "customers",
            pk,
            "mica",
            "default",
            "orders",
            fk,
            place,
            "bought",
            "customers_pkey",
            "3",
            "3",
        ];
        cells.map(str::to_owned)
    };
    let expected = [
        foreign("region", "region", "1"),
        foreign("id", "customer", "2"),
    ];
    let request = CommandGetImportedKeys {
        table: "orders".to_owned(),
        ..CommandGetImportedKeys::default()
    };
    let info = client.inner.get_imported_keys(request).await.unwrap();
    assert_eq!(check(&mut client, info, KEYS).await, expected);
    let request = CommandGetExportedKeys {
        table: "customers".to_owned(),
        ..CommandGetExportedKeys::default()
    };
    let info = client.inner.get_exported_keys(request).await.unwrap();
    assert_eq!(check(&mut client, info, KEYS).await, expected);
    let cross = |fk_table: &str| CommandGetCrossReference {
        pk_table: "customers".to_owned(),
        fk_table: fk_table.to_owned(),
        ..CommandGetCrossReference::default()
    };
    let info = client
        .inner
        .get_cross_reference(cross("orders"))
        .await
        .unwrap();
    assert_eq!(check(&mut client, info, KEYS).await, expected);
    let info = client
        .inner
        .get_cross_reference(cross("customers"))
        .await
        .unwrap();
    assert!(check(&mut client, info, KEYS).await.is_empty());
    let (export, _) = mica_tests::succeeds(MICA, &["export", "--warehouse", &warehouse]);
    let again = below(&folder, "again");
    crate::write(&folder, "export.sql", &export);
    let script = below(&folder, "export.sql");
    mica_tests::succeeds(MICA, &["sql", "--warehouse", &again, "-f", &script]);
    let (exported_again, _) = mica_tests::succeeds(MICA, &["export", "--warehouse", &again]);
    let statements = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(statements(&export), statements(&exported_again));
    assert!(export.contains("NOT ENFORCED"), "{export}");
}
