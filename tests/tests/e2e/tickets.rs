//! What a ticket holds: fetching is repeatable, from anywhere, and repeats no change.

use arrow_flight::sql::{ActionCancelQueryRequest, ProstMessageExt};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Criteria,
    FlightDescriptor, FlightEndpoint, FlightInfo, RenewFlightEndpointRequest,
};
use futures::TryStreamExt;
use mica_tests::{Client, Server};
use prost::Message;
use tempfile::TempDir;
use tonic::Code;

use crate::{MICA, below};

fn serve(folder: &TempDir) -> Server {
    Server::start(MICA, &["--warehouse", &below(folder, "warehouse")])
}

async fn create_view(client: &mut Client) {
    let sql = "CREATE VIEW v AS SELECT 1 AS n";
    client.query(sql).await.unwrap();
}

#[tokio::test]
async fn a_ticket_is_good_again_elsewhere_and_in_another_process() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (serve(&folder), serve(&folder));
    let mut client = one.client().await;
    create_view(&mut client).await;
    let info = client.info("SELECT n FROM v").await.unwrap();
    for server in [&one, &one, &two] {
        let mut client = server.client().await;
        assert_eq!(client.fetch(info.clone()).await.unwrap().value(), "1");
    }
}

#[tokio::test]
async fn a_ticket_means_what_it_meant_when_it_was_given() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    create_view(&mut client).await;
    let before = client.info("SELECT n FROM v").await.unwrap();
    let replace = "CREATE OR REPLACE VIEW v AS SELECT 'two' AS n";
    client.query(replace).await.unwrap();
    assert_eq!(client.fetch(before).await.unwrap().value(), "1");
    let after = client.query("SELECT n FROM v").await.unwrap();
    assert_eq!(after.value(), "two");
}

#[tokio::test]
async fn a_change_runs_when_its_info_is_asked_for_and_never_again() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    let info = client.info("CREATE VIEW once AS SELECT 1 AS n").await;
    let info = info.unwrap();
    assert_eq!(
        client.query("SELECT n FROM once").await.unwrap().value(),
        "1"
    );
    client.query("DROP VIEW once").await.unwrap();
    for _ in 0..2 {
        assert!(client.fetch(info.clone()).await.unwrap().text().is_empty());
    }
    let status = client.fails("SELECT n FROM once").await;
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test]
async fn a_ticket_that_was_changed_opens_nothing() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    let info = client.info("SELECT 1 AS n").await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap().ticket;
    // From the front: type, length, statement, MAC.
    for at in (0..ticket.len()).step_by(7) {
        let mut bytes = ticket.to_vec();
        bytes[at] ^= 0x20;
        let mut forged: FlightInfo = info.clone();
        forged.endpoint[0].ticket = Some(arrow_flight::Ticket::new(bytes));
        let status = client.fetch(forged).await.unwrap_err();
        let refused = [Code::InvalidArgument, Code::Unimplemented].contains(&status.code());
        assert!(refused, "byte {at}: {status}");
    }
    assert_eq!(client.fetch(info).await.unwrap().value(), "1");
}

async fn act(client: &mut Client, action: &str, body: Vec<u8>) -> Vec<u8> {
    let request = tonic::Request::new(Action::new(action, body));
    let results = client.inner.inner_mut().do_action(request).await.unwrap();
    let results: Vec<_> = results.into_inner().try_collect().await.unwrap();
    results[0].body.to_vec()
}

#[tokio::test]
async fn a_query_is_cancelled_by_its_info_before_and_while_it_is_fetched() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    let endless = "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b \
                   WHERE a.value * b.value = 7";
    let info = client.info(endless).await.unwrap();
    let cancel = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    let mut reader = server.client().await;
    let fetched = info.clone();
    let running = tokio::spawn(async move { reader.fetch(fetched).await.unwrap_err() });
    loop {
        let queries = client.query("SHOW QUERIES").await.unwrap().text();
        if queries.iter().any(|row| row[2] == "running") {
            break;
        }
    }
    let result = act(&mut client, "CancelFlightInfo", cancel).await;
    let result = CancelFlightInfoResult::decode(&*result).unwrap();
    assert_eq!(result.status(), CancelStatus::Cancelled);
    assert_eq!(running.await.unwrap().code(), Code::Cancelled);
    // Its ticket is of no use any more; the same text is.
    let status = client.fetch(info).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
    // The deprecated action, on a query that nobody fetches.
    let info = client.info("SELECT 1").await.unwrap();
    let request = ActionCancelQueryRequest {
        info: info.encode_to_vec().into(),
    };
    act(&mut client, "CancelQuery", request.as_any().encode_to_vec()).await;
    let status = client.fetch(info).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
}

#[tokio::test]
async fn an_endpoint_is_renewed() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    let mut info = client.info("SELECT 7").await.unwrap();
    let request = RenewFlightEndpointRequest::new(info.endpoint[0].clone());
    let body = request.encode_to_vec();
    let renewed = act(&mut client, "RenewFlightEndpoint", body).await;
    let renewed = FlightEndpoint::decode(&*renewed).unwrap();
    let left = renewed.expiration_time.as_ref().unwrap().seconds - chrono::Utc::now().timestamp();
    assert!((23 * 3600..=24 * 3600).contains(&left), "{left} s");
    info.endpoint = vec![renewed];
    assert_eq!(client.fetch(info).await.unwrap().value(), "7");
}

#[tokio::test]
async fn relations_are_flights_and_paths_are_queries() {
    let folder = TempDir::new().unwrap();
    let server = serve(&folder);
    let mut client = server.client().await;
    create_view(&mut client).await;
    let request = tonic::Request::new(Criteria::default());
    let flights = client
        .inner
        .inner_mut()
        .list_flights(request)
        .await
        .unwrap();
    let flights: Vec<FlightInfo> = flights.into_inner().try_collect().await.unwrap();
    let path = |info: &FlightInfo| info.flight_descriptor.clone().unwrap().path;
    assert_eq!(
        flights.iter().map(path).collect::<Vec<_>>(),
        [["default", "v"]]
    );
    assert_eq!(client.fetch(flights[0].clone()).await.unwrap().value(), "1");
    let descriptor = FlightDescriptor::new_path(vec!["v".to_owned()]);
    let request = tonic::Request::new(descriptor);
    let info = client
        .inner
        .inner_mut()
        .get_flight_info(request)
        .await
        .unwrap();
    assert_eq!(client.fetch(info.into_inner()).await.unwrap().value(), "1");
}
