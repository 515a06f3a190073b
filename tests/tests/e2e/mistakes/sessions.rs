//! Mistakes in who a client is, and what is kept for it.

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{FlightDescriptor, FlightInfo, HandshakeRequest};
use mica_tests::Server;
use prost::Message;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::serve;
use crate::{MICA, below, write};

/// `alice:secret`, whose Base64 needs no padding, and `alice:secret1`, whose does.
fn serve_alice(password: &str) -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    write(&folder, "password", password);
    let file = below(&folder, "password");
    let login = ["--user", "alice", "--password-file", &file];
    let server = Server::start(MICA, &[&["--warehouse", &warehouse], &login[..]].concat());
    (folder, server)
}

async fn connect(server: &Server) -> FlightServiceClient<Channel> {
    let address = server.url.replace("grpc://", "http://");
    let channel = Endpoint::new(address).unwrap().connect().await.unwrap();
    FlightServiceClient::new(channel)
}

fn with<T>(message: T, header: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert(header, value.parse().unwrap());
    request
}

async fn info(
    client: &mut FlightServiceClient<Channel>,
    sql: &str,
    header: &'static str,
    value: &str,
) -> Result<FlightInfo, Status> {
    let command = CommandStatementQuery {
        query: sql.to_owned(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let answer = client
        .get_flight_info(with(descriptor, header, value))
        .await;
    answer.map(tonic::Response::into_inner)
}

/// The bearer that a handshake gives, in the headers, to a client that sends no message.
async fn bearer(
    client: &mut FlightServiceClient<Channel>,
    authorization: &str,
) -> Result<String, Status> {
    let nothing = futures::stream::empty::<HandshakeRequest>();
    let request = with(nothing, "authorization", authorization);
    let answer = client.handshake(request).await?;
    let bearer = answer.metadata().get("authorization").unwrap();
    Ok(bearer.to_str().unwrap().to_owned())
}

/// 6: a handshake that wants padding or a message, gives its token elsewhere, or refuses a token.
#[tokio::test]
async fn a_handshake_is_as_lenient_as_its_clients() {
    let (_folder, server) = serve_alice("secret1");
    let mut client = connect(&server).await;
    for basic in ["YWxpY2U6c2VjcmV0MQ==", "YWxpY2U6c2VjcmV0MQ"] {
        let token = bearer(&mut client, &format!("Basic {basic}"))
            .await
            .unwrap();
        assert!(token.starts_with("Bearer "), "{token}");
        // JDBC's `token` shakes hands with it once more.
        let again = bearer(&mut client, &token).await.unwrap();
        let found = info(&mut client, "SELECT 1", "authorization", &again).await;
        assert!(found.is_ok(), "{found:?}");
    }
    // Go sends the password with every request, and shakes no hands.
    let basic = "Basic YWxpY2U6c2VjcmV0MQ==";
    info(&mut client, "SELECT 1", "authorization", basic)
        .await
        .unwrap();
    for wrong in [
        "Basic YWxpY2U6d3Jvbmc=",
        "Bearer None",
        "Basic !",
        "Digest x",
    ] {
        let refused = info(&mut client, "SELECT 1", "authorization", wrong).await;
        assert_eq!(
            refused.unwrap_err().code(),
            Code::Unauthenticated,
            "{wrong}"
        );
    }
}

/// 6: the header of a client without credentials, where nobody needs any.
#[tokio::test]
async fn an_open_server_looks_at_no_credentials() {
    let (_folder, server) = serve();
    let mut client = connect(&server).await;
    for header in ["Bearer None", "Basic YWxpY2U6c2VjcmV0", "Bearer x"] {
        info(&mut client, "SELECT 1", "authorization", header)
            .await
            .unwrap();
    }
}

/// 16: state that is bound to the connection or to cookies alone.
#[tokio::test]
async fn a_session_follows_its_token_from_connection_to_connection() {
    let (_folder, server) = serve_alice("secret");
    let (mut one, mut two) = (connect(&server).await, connect(&server).await);
    let token = bearer(&mut one, "Basic YWxpY2U6c2VjcmV0").await.unwrap();
    let set = "CREATE TEMPORARY VIEW mine AS SELECT 1 AS n";
    info(&mut one, set, "authorization", &token).await.unwrap();
    let read = "SELECT n FROM mine";
    info(&mut two, read, "authorization", &token).await.unwrap();
    let other = bearer(&mut two, "Basic YWxpY2U6c2VjcmV0").await.unwrap();
    let missing = info(&mut two, read, "authorization", &other).await;
    assert_eq!(missing.unwrap_err().code(), Code::NotFound);
}

/// 13 and 16: headers of every kind, and many of them; `database` names a schema or the catalog.
#[tokio::test]
async fn headers_choose_the_schema_and_unknown_ones_are_ignored() {
    let (_folder, server) = serve();
    let mut setup = server.client().await;
    setup.query("CREATE SCHEMA sales").await.unwrap();
    setup
        .query("CREATE VIEW sales.v AS SELECT 1 AS n")
        .await
        .unwrap();
    let read = "SELECT n FROM v";
    for (header, value) in [("database", "sales"), ("schema", "sales")] {
        let mut client = connect(&server).await;
        info(&mut client, read, header, value).await.unwrap();
    }
    let mut client = connect(&server).await;
    for header in ["database", "catalog"] {
        info(&mut client, "SELECT 1", header, "mica").await.unwrap();
    }
    let unknown = info(&mut client, "SELECT 1", "catalog", "hive").await;
    assert_eq!(unknown.unwrap_err().code(), Code::InvalidArgument);
    info(&mut client, "SELECT 1", "routing-tag", &"x".repeat(40_000))
        .await
        .unwrap();
}
