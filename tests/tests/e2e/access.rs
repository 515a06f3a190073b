//! Who may connect, and how.

use mica_tests::{Client, Server, fails};
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::{MICA, below, write};

#[test]
fn nothing_listens_beyond_loopback_without_tls_and_a_login() {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let message = fails(
        MICA,
        &["serve", "--listen", "0.0.0.0:0", "--warehouse", &warehouse],
    );
    for word in ["--tls-cert", "--user", "--allow-insecure"] {
        assert!(message.contains(word), "no {word} in: {message}");
    }
}

#[tokio::test]
async fn the_one_user_needs_the_password() {
    let folder = TempDir::new().unwrap();
    write(&folder, "password", "correct horse\n");
    let warehouse = below(&folder, "warehouse");
    let password = below(&folder, "password");
    let flags = [
        "--warehouse",
        &warehouse,
        "--user",
        "ann",
        "--password-file",
        &password,
    ];
    let server = Server::start(MICA, &flags);

    let status = server.client().await.fails("SELECT 1").await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    for (user, word) in [("ann", "wrong"), ("bob", "correct horse"), ("", "")] {
        let mut client = server.client().await;
        assert!(client.inner.handshake(user, word).await.is_err());
        assert_eq!(client.fails("SELECT 1").await.code(), Code::Unauthenticated);
    }
    let mut client = server.client().await;
    client
        .inner
        .handshake("ann", "correct horse")
        .await
        .unwrap();
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
    client.inner.set_token("not a token".to_owned());
    assert_eq!(client.fails("SELECT 1").await.code(), Code::Unauthenticated);
    assert!(!server.log().contains("correct horse"), "{}", server.log());
}

#[tokio::test]
async fn tls_with_a_certificate() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(&folder, "cert.pem", &made.cert.pem());
    write(&folder, "key.pem", &made.signing_key.serialize_pem());
    let (warehouse, cert, key) = (
        below(&folder, "warehouse"),
        below(&folder, "cert.pem"),
        below(&folder, "key.pem"),
    );
    let flags = [
        "--warehouse",
        &warehouse,
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let server = Server::start(MICA, &flags);
    assert!(server.url.starts_with("grpc+tls://"), "{}", server.url);
    let port = server.address().rsplit_once(':').unwrap().1;
    let endpoint = Endpoint::new(format!("https://localhost:{port}")).unwrap();
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(made.cert.pem()));
    let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
    let mut client = Client {
        inner: arrow_flight::sql::client::FlightSqlServiceClient::new(channel),
    };
    assert_eq!(client.query("SELECT 1").await.unwrap().value(), "1");
}

#[tokio::test]
async fn sessions_keep_their_own_settings() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(MICA, &["--warehouse", &below(&folder, "warehouse")]);
    let (mut one, mut two) = (server.client().await, server.client().await);
    one.inner.handshake("ann", "").await.unwrap();
    two.inner.handshake("ann", "").await.unwrap();
    one.query("CREATE SCHEMA lab").await.unwrap();
    one.query("USE lab").await.unwrap();
    one.query("CREATE TEMPORARY VIEW mine AS SELECT 1 AS one")
        .await
        .unwrap();
    let current = "SELECT current_schema()";
    assert_eq!(one.query(current).await.unwrap().value(), "lab");
    assert_eq!(two.query(current).await.unwrap().value(), "default");
    assert_eq!(
        one.query("SELECT one FROM mine").await.unwrap().value(),
        "1"
    );
    assert_eq!(
        two.fails("SELECT one FROM mine").await.code(),
        Code::NotFound
    );
}
