//! What a ticket holds: fetching is repeatable, from anywhere, and repeats no change.

use arrow_flight::FlightInfo;
use mica_tests::{Client, Server};
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
