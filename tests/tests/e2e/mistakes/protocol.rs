//! Mistakes in how the protocol is spoken.

use std::time::Duration;

use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionClosePreparedStatementRequest, Any, CommandGetCatalogs,
    CommandGetDbSchemas, CommandGetTables, CommandStatementQuery, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{Action, FlightDescriptor, FlightInfo};
use futures::TryStreamExt;
use mica_tests::Client;
use prost::Message;
use tonic::{Code, Request};

use super::serve;

const ENDLESS: &str = "SELECT a.value FROM range(10000000) a CROSS JOIN range(10000000) b \
                       WHERE a.value * b.value = 7";

/// 7: endpoints at an address that the client cannot reach. 22: tickets that are no command. 24:
/// more endpoints than one.
#[tokio::test]
async fn every_info_has_one_endpoint_here_whose_ticket_is_a_command() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let infos = [
        client.info("SELECT 1").await.unwrap(),
        client.info("CREATE VIEW v AS SELECT 1 AS n").await.unwrap(),
        client.inner.get_catalogs().await.unwrap(),
        client.inner.get_table_types().await.unwrap(),
        client
            .inner
            .get_sql_info(Vec::<SqlInfo>::new())
            .await
            .unwrap(),
    ];
    for info in infos {
        assert_eq!(info.endpoint.len(), 1);
        assert!(info.endpoint[0].location.is_empty());
        let ticket = info.endpoint[0].ticket.clone().unwrap().ticket;
        let any = Any::decode(ticket).unwrap();
        assert!(
            any.type_url.starts_with("type.googleapis.com/arrow.flight"),
            "{}",
            any.type_url
        );
        assert!(!info.schema.is_empty());
    }
}

/// 12: headers that come when the query is done.
#[tokio::test]
async fn the_schema_comes_before_the_rows() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let first = async {
        let info = client.info(ENDLESS).await.unwrap();
        let ticket = Request::new(info.endpoint[0].ticket.clone().unwrap());
        let stream = client.inner.inner_mut().do_get(ticket).await.unwrap();
        stream.into_inner().message().await.unwrap().unwrap()
    };
    let message = tokio::time::timeout(Duration::from_secs(20), first).await;
    assert!(message.unwrap().data_body.is_empty());
}

/// 15: everything an internal error.
#[tokio::test]
async fn an_error_has_its_code() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    client
        .query("CREATE VIEW v AS SELECT 1 AS n")
        .await
        .unwrap();
    for (sql, code) in [
        ("SELEC 1", Code::InvalidArgument),
        ("SELECT m FROM v", Code::InvalidArgument),
        ("SELECT 1 / 0", Code::InvalidArgument),
        ("SELECT CAST('x' AS INT)", Code::InvalidArgument),
        ("SELECT * FROM nothing", Code::NotFound),
        ("DROP VIEW nothing", Code::NotFound),
        ("CREATE VIEW v AS SELECT 2 AS n", Code::AlreadyExists),
        ("INSERT INTO v VALUES (1)", Code::Unimplemented),
        ("KILL '999'", Code::NotFound),
        ("", Code::InvalidArgument),
        ("SELECT 1; SELECT 2", Code::InvalidArgument),
    ] {
        let status = client.fails(sql).await;
        assert_eq!(status.code(), code, "{sql}: {status}");
        let length = status.message().len();
        assert!((1..4096).contains(&length), "{sql}: {length} bytes");
    }
    // A message goes in a header, however long the text is that it is about.
    let long = format!("SELECT {} FROM v", "x".repeat(100_000));
    assert!(client.fails(&long).await.message().len() <= 4096);
}

/// 9: closing what is not open. 20: transactions that are claimed and not there.
#[tokio::test]
async fn closing_is_idempotent_and_transactions_are_refused() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let close = ActionClosePreparedStatementRequest {
        prepared_statement_handle: b"never given".to_vec().into(),
    };
    for _ in 0..2 {
        let body = close.as_any().encode_to_vec();
        let action = Request::new(Action::new("ClosePreparedStatement", body));
        client.inner.inner_mut().do_action(action).await.unwrap();
    }
    let body = ActionBeginTransactionRequest {}.as_any().encode_to_vec();
    let action = Request::new(Action::new("BeginTransaction", body));
    let refused = client.inner.inner_mut().do_action(action).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
}

async fn count(client: &mut Client, info: FlightInfo) -> usize {
    client.fetch(info).await.unwrap().text().len()
}

/// 17: patterns, escapes, and the difference between an absent and an empty catalog.
#[tokio::test]
async fn filters_mean_what_the_specification_says() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    for sql in [
        "CREATE SCHEMA sales",
        "CREATE VIEW sales.a_b AS SELECT 1 AS n",
        "CREATE VIEW sales.axb AS SELECT 1 AS n",
        "CREATE VIEW a_b AS SELECT 1 AS n",
    ] {
        client.query(sql).await.unwrap();
    }
    let tables = |catalog: Option<&str>, schema: Option<&str>, name: &str| CommandGetTables {
        catalog: catalog.map(str::to_owned),
        db_schema_filter_pattern: schema.map(str::to_owned),
        table_name_filter_pattern: Some(name.to_owned()),
        ..CommandGetTables::default()
    };
    for (catalog, schema, name, expected) in [
        (None, None, "a_b", 3),
        (None, Some("sales"), "a_b", 2),
        (None, Some("sa%"), "a\\_b", 1),
        (Some("mica"), Some("sales"), "A_B", 2),
        (Some(""), None, "a_b", 0),
        (Some("other"), None, "a_b", 0),
    ] {
        let request = tables(catalog, schema, name);
        let info = client.inner.get_tables(request).await.unwrap();
        let found = count(&mut client, info).await;
        assert_eq!(found, expected, "{catalog:?} {schema:?} {name}");
    }
    let schemas = CommandGetDbSchemas {
        catalog: Some(String::new()),
        db_schema_filter_pattern: None,
    };
    let info = client.inner.get_db_schemas(schemas).await.unwrap();
    assert_eq!(count(&mut client, info).await, 0);
}

/// 28: a trailing `;`, comments, and texts that are not Flight SQL at all.
#[tokio::test]
async fn texts_come_as_tools_write_them() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    for sql in [
        "SELECT 1;",
        "SELECT 1 ; ",
        "-- of a tool\nSELECT 1",
        "/* of {a tool} ; */ SELECT 1 -- end",
        "\n\t SELECT 1;\n-- end\n",
    ] {
        assert_eq!(client.query(sql).await.unwrap().value(), "1", "{sql}");
    }
    let descriptor = FlightDescriptor::new_cmd("SELECT 1".to_owned());
    let info = client
        .inner
        .inner_mut()
        .get_flight_info(Request::new(descriptor))
        .await;
    assert_eq!(
        client
            .fetch(info.unwrap().into_inner())
            .await
            .unwrap()
            .value(),
        "1"
    );
    let nonsense = FlightDescriptor::new_cmd(vec![0xff, 0x00, 0x17]);
    let refused = client
        .inner
        .inner_mut()
        .get_flight_info(Request::new(nonsense))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let handle = TicketStatementQuery {
        statement_handle: b"not ours".to_vec().into(),
    };
    let ticket = arrow_flight::Ticket::new(handle.as_any().encode_to_vec());
    let refused = client.inner.inner_mut().do_get(Request::new(ticket)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
}

/// 29: bursts of cancelled requests that cost the connection.
#[tokio::test]
async fn a_burst_of_cancels_leaves_the_connection_alive() {
    let (_folder, server) = serve();
    let mut client = server.client().await;
    let info = client.info(ENDLESS).await.unwrap();
    for _ in 0..20 {
        let mut streams = Vec::new();
        for _ in 0..15 {
            let ticket = Request::new(info.endpoint[0].ticket.clone().unwrap());
            let stream = client.inner.inner_mut().do_get(ticket).await.unwrap();
            streams.push(stream.into_inner());
        }
        drop(streams);
    }
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
}

/// 5: a column that was not asked for; 23: a change that the next connection does not see.
#[tokio::test]
async fn what_was_answered_is_there_for_everybody() {
    let (_folder, server) = serve();
    let (mut one, mut two) = (server.client().await, server.client().await);
    for n in 0..20 {
        let sql = format!("CREATE OR REPLACE VIEW v AS SELECT {n} AS n");
        one.query(&sql).await.unwrap();
        let seen = two.query("SELECT n FROM v").await.unwrap().value();
        assert_eq!(seen, n.to_string());
    }
    let request = CommandGetTables::default();
    let info = two.inner.get_tables(request).await.unwrap();
    assert_eq!(info.try_decode_schema().unwrap().fields().len(), 4);
    let commands = [
        CommandGetCatalogs {}.as_any(),
        CommandStatementQuery {
            query: "SELECT 1".to_owned(),
            transaction_id: None,
        }
        .as_any(),
    ];
    // PollFlightInfo answers, and has nothing more to be polled for.
    for command in commands {
        let descriptor = FlightDescriptor::new_cmd(command.encode_to_vec());
        let request = Request::new(descriptor);
        let polled = two
            .inner
            .inner_mut()
            .poll_flight_info(request)
            .await
            .unwrap();
        let polled = polled.into_inner();
        assert_eq!(
            (polled.progress, polled.flight_descriptor),
            (Some(1.0), None)
        );
        assert!(polled.info.is_some());
    }
    let actions = two
        .inner
        .inner_mut()
        .list_actions(Request::new(Default::default()))
        .await;
    let actions: Vec<_> = actions.unwrap().into_inner().try_collect().await.unwrap();
    assert!(
        actions
            .iter()
            .any(|action| action.r#type == "CancelFlightInfo")
    );
}
