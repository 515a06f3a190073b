//! Gathers small writes into large ones.
//!
//! HTTP/2 cuts a result into frames of 16 KiB, as most clients want them, and `h2` flushes each: for
//! a large result that is a system call, and a client woken, per frame. Here a flush of a full frame,
//! which others are likely to follow, asks to be polled again instead, and what was gathered until
//! then goes out at once. A connection that is polled reads first, so that nothing waits longer than
//! the task's turn takes to come again. Small answers go out at their flush.
//!
//! # Invariants
//! * Whoever gathers has asked for the next poll, or the stream has for when it can be written.
//! * At most [`GATHERED_MAX`] bytes and one write beyond; a slow client holds its query back by that.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are gathered.
const GATHERED_MAX: usize = 128 << 10;
/// Bytes of a full frame of HTTP/2, as most clients want them.
const FRAME_BYTES: usize = 16 << 10;
/// Bytes that a connection keeps room for while it has nothing to write.
const KEPT_MAX: usize = 4 << 10;

/// A connection that writes in large pieces.
#[derive(Debug)]
pub(super) struct Gather<S> {
    stream: S,
    gathered: Vec<u8>,
    /// How much of it has been written.
    written: usize,
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            gathered: Vec::new(),
            written: 0,
        }
    }

    /// Writes what is gathered.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.gathered.get(self.written..) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.gathered.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Makes room for `bytes`, if more is gathered than should be.
    fn poll_room(&mut self, bytes: usize, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathered.len() + bytes > GATHERED_MAX {
            ready!(self.poll_drain(context))?;
        }
        let known = self.gathered.capacity();
        if self.gathered.len() + bytes > known.max(KEPT_MAX) {
            self.gathered.reserve(GATHERED_MAX - self.gathered.len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gathered.is_empty() {
            self.gathered.shrink_to(KEPT_MAX);
        } else if let Poll::Ready(Err(error)) = self.poll_drain(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(bytes.len(), context))?;
        self.gathered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        ready!(self.poll_room(bytes, context))?;
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathered.len() >= FRAME_BYTES {
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_small_answer_goes_out_at_its_flush() {
        let (mut client, server) = duplex(1 << 20);
        let mut server = Gather::new(server);
        server.write_all(b"answer").await.unwrap();
        server.flush().await.unwrap();
        let mut read = [0; 6];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"answer");
    }

    #[tokio::test]
    async fn frames_wait_for_the_next_poll_and_come_in_order() {
        let (mut client, server) = duplex(1 << 20);
        let mut server = Gather::new(server);
        let frames: Vec<Vec<u8>> = (0..20).map(|n| vec![n; FRAME_BYTES]).collect();
        for frame in &frames {
            server.write_all(frame).await.unwrap();
            server.flush().await.unwrap();
        }
        assert!(server.gathered.len() < GATHERED_MAX + FRAME_BYTES);
        // The connection is polled again: it reads.
        let mut nothing = [0; 1];
        poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut nothing);
            assert!(
                Pin::new(&mut server)
                    .poll_read(context, &mut buffer)
                    .is_pending()
            );
            Poll::Ready(())
        })
        .await;
        let mut read = vec![0; 20 * FRAME_BYTES];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(read, frames.concat());
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_holds_the_server_back() {
        let (mut client, server) = duplex(FRAME_BYTES);
        let mut server = Gather::new(server);
        let sent = vec![7; 1 << 20];
        let writing = async {
            for frame in sent.chunks(FRAME_BYTES) {
                server.write_all(frame).await.unwrap();
                server.flush().await.unwrap();
            }
            server.shutdown().await.unwrap();
        };
        let mut writing = std::pin::pin!(writing);
        let stopped = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending()));
        assert!(stopped.await);
        let mut read = Vec::new();
        let (_, read_all) = tokio::join!(writing, client.read_to_end(&mut read));
        read_all.unwrap();
        assert_eq!(read, sent);
    }
}
