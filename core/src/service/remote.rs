use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::channel::Channel;
use super::signature::Signature;
use super::slot::Answer;
use crate::Tick;

/// Where the requests of a caller go.
pub(super) enum Route<S: Signature> {
    /// To workers of this process.
    Local(Arc<Channel<S>>),
    /// Over a transport.
    Remote(Arc<dyn Remote<S>>),
}

/// Calls workers of another process.
pub(super) trait Remote<S: Signature>: Send + Sync {
    /// Sends one request. Nothing happens before the future is polled.
    fn call(&self, request: S::Request, end: End) -> BoxFuture<'static, Answer<S>>;
}

/// When a call ends without an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Never,
    /// So long after its first poll.
    After(Duration),
    /// By the service's clock.
    At(Tick),
}
