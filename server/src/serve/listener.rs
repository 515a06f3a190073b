//! Accepts connections, numbers them, and notices TLS where none is spoken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

use super::gather::Gather;
use crate::session::{Connection, Sessions};

/// First byte of a TLS record that opens a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connection with its number.
#[derive(Debug)]
pub(super) struct Accepted {
    stream: Gather<TcpStream>,
    connection: Connection,
    /// Whether the first byte is still to come, on a port without TLS.
    first: bool,
}

impl Connected for Accepted {
    type ConnectInfo = Connection;

    fn connect_info(&self) -> Connection {
        self.connection.clone()
    }
}

/// The connections of a listener.
pub(super) fn incoming(
    listener: TcpListener,
    sessions: Sessions,
    tls: bool,
) -> impl Stream<Item = io::Result<Accepted>> {
    futures::stream::unfold(
        (listener, sessions),
        move |(listener, sessions)| async move {
            let accepted = loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // Small answers must not wait for more.
                        let _ = stream.set_nodelay(true);
                        break Ok(Accepted {
                            stream: Gather::new(stream),
                            connection: Connection::new(&sessions),
                            first: !tls,
                        });
                    }
                    // A client that left, or no file descriptor: neither ends the server.
                    Err(error) if is_passing(&error) => {
                        tracing::warn!(error = %error, "a connection was not accepted");
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    }
                    Err(error) => break Err(error),
                }
            };
            Some((accepted, (listener, sessions)))
        },
    )
}

fn is_passing(error: &io::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    ) || error
        .raw_os_error()
        .is_some_and(|code| TOO_MANY_FILES.contains(&code))
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let (true, Some(first)) = (self.first, buffer.filled().get(before)) {
            self.first = false;
            if *first == TLS_HANDSHAKE {
                tracing::warn!(
                    "a client speaks TLS to this port, which does not: use grpc:// or \
                     useEncryption=false in the client, or serve with --tls-cert and --tls-key"
                );
            }
        }
        read
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
