//! Gathers small writes into large ones.
//!
//! HTTP/2 cuts a result into frames of 16 KiB, as most clients want them, and `h2` flushes each: for
//! a large result that is a system call, and a client woken, per frame. Here a flush of a full frame,
//! which others are likely to follow, asks to be polled again instead, and what was gathered until
//! then goes out at once. A connection that is polled reads first, so that nothing waits longer than
//! the task's turn takes to come again. Small writes go out as they come: what TLS says of a client
//! that speaks none is followed by no flush.
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
    /// Whether the stream could not be written when it was tried last: it asks to be polled then.
    blocked: bool,
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            gathered: Vec::new(),
            written: 0,
            blocked: false,
        }
    }

    /// Writes what is gathered.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.gathered.get(self.written..) {
            self.blocked = true;
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.gathered.clear();
        self.written = 0;
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Whether a write of so many bytes is one to gather: of a full frame, or behind one.
    fn is_gathered(&self, bytes: usize) -> bool {
        bytes >= FRAME_BYTES || !self.gathered.is_empty()
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
        if !self.is_gathered(bytes.len()) {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
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
        if !self.is_gathered(bytes) {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        ready!(self.poll_room(bytes, context))?;
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathered.len() >= FRAME_BYTES && !self.blocked {
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use futures::FutureExt;
    use futures::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    #[tokio::test]
    async fn a_small_write_goes_out_at_once() {
        let (mut client, server) = duplex(1 << 20);
        let mut server = Gather::new(server);
        server.write_all(b"answer").await.unwrap();
        let mut read = [0; 6];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"answer");
    }

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a full frame and flushes it, in one turn of a task.
    fn send(server: &mut Gather<DuplexStream>, byte: u8, context: &mut Context<'_>) {
        let frame = [byte; FRAME_BYTES];
        let written = Pin::new(&mut *server).poll_write(context, &frame);
        assert!(matches!(written, Poll::Ready(Ok(FRAME_BYTES))));
        assert!(Pin::new(server).poll_flush(context).is_ready());
    }

    /// The turn after: the connection reads.
    fn turn(server: &mut Gather<DuplexStream>, context: &mut Context<'_>) {
        let mut nothing = [0; 1];
        let mut buffer = ReadBuf::new(&mut nothing);
        let read = Pin::new(server).poll_read(context, &mut buffer);
        assert!(read.is_pending());
    }

    #[tokio::test]
    async fn frames_of_one_turn_go_out_together_in_the_next() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = &mut Context::from_waker(&waker);
        let (mut client, server) = duplex(1 << 20);
        let mut server = Gather::new(server);
        for byte in 0..4 {
            send(&mut server, byte, context);
        }
        assert!(woken.0.load(Ordering::Relaxed) > 0, "nobody would poll");
        let mut read = vec![0; 4 * FRAME_BYTES];
        assert!(
            client.read(&mut read).now_or_never().is_none(),
            "sent at once"
        );
        turn(&mut server, context);
        client.read_exact(&mut read).await.unwrap();
        let sent: Vec<u8> = (0..4).flat_map(|byte| [byte; FRAME_BYTES]).collect();
        assert!(read == sent);
    }

    #[tokio::test]
    async fn a_stream_that_cannot_be_written_is_waited_for_once() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = &mut Context::from_waker(&waker);
        let (mut client, server) = duplex(1024);
        let mut server = Gather::new(server);
        send(&mut server, 1, context);
        turn(&mut server, context);
        let before = woken.0.load(Ordering::Relaxed);
        for _ in 0..10 {
            turn(&mut server, context);
            assert!(Pin::new(&mut server).poll_flush(context).is_pending());
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), before, "it spins");
        client.read_exact(&mut [0; 1024]).await.unwrap();
        assert!(
            woken.0.load(Ordering::Relaxed) > before,
            "nobody would go on"
        );
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
