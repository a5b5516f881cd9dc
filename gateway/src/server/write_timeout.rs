use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::metrics::count_limit;

/// A stream that fails once its other end has read nothing for a time while something waits to be written to it.
///
/// It is below HTTP and WebSockets alike, so that no answer, page or event can hold a connection for longer. What counts is
/// that bytes get through: a long message over a slow link takes as long as it needs.
#[derive(Debug)]
pub(super) struct WriteTimeout<S> {
    stream: S,
    timeout: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    pub(super) const fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, waiting: None }
    }

    /// What the stream has answered, or an error if it has been pending for too long.
    fn limit<T>(&mut self, answered: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if answered.is_ready() {
            self.waiting = None;
            return answered;
        }
        let timeout = self.timeout;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(context));
        self.waiting = None;
        count_limit("write_timeout");
        tracing::debug!(?timeout, "a client reads nothing: its connection is closed");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing (write_timeout)")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.limit(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.limit(shut, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.limit(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reader_that_goes_on_is_waited_for_and_one_that_stops_is_not() {
        const TIMEOUT: Duration = Duration::from_secs(30);
        let (mut reader, stream) = tokio::io::duplex(10);
        let mut stream = WriteTimeout::new(stream, TIMEOUT);
        let begun = Instant::now();
        let read = async {
            for _ in 0..9 {
                tokio::time::sleep(TIMEOUT - Duration::from_secs(1)).await;
                reader.read_exact(&mut [0; 10]).await.expect("it is there");
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[0; 100]), read);
        written.expect("it is read slowly, and something within each timeout");
        assert!(begun.elapsed() > TIMEOUT * 8);
        let stopped = stream.write_all(&[0; 100]).await.expect_err("it reads nothing");
        assert_eq!(stopped.kind(), io::ErrorKind::TimedOut);
    }
}
