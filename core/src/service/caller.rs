use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::channel::{Admission, Channel};
use super::signature::Signature;
#[cfg(feature = "tower")]
use super::waiting::Reservation;

/// Calls a service. Clones call the same service.
///
/// When the last clone is dropped, the workers end after what is queued.
///
/// With the feature `tower` it is a `tower::Service`, which is ready while the backlog has room.
pub struct Caller<S: Signature> {
    pub(super) channel: Arc<Channel<S>>,
    pub(super) timeout: Option<Duration>,
    /// What `poll_ready` has reserved for the next call.
    #[cfg(feature = "tower")]
    pub(super) reservation: Option<Arc<Reservation>>,
}

impl<S: Signature> Caller<S> {
    pub(super) fn new(channel: Arc<Channel<S>>, timeout: Option<Duration>) -> Self {
        channel.add_caller();
        Self {
            channel,
            timeout,
            #[cfg(feature = "tower")]
            reservation: None,
        }
    }

    /// Sends a request and waits for its response. While the backlog is full it waits for room, in the order of the
    /// calls.
    ///
    /// # Errors
    /// All of [`CallError`](crate::CallError) but a full backlog.
    pub fn send_request(&self, request: S::Request) -> Call<'_, S> {
        Call::new(Cow::Borrowed(&self.channel), request, Admission::Wait, self.timeout)
    }

    /// The same, but fails at once if the backlog is full.
    ///
    /// # Errors
    /// All of [`CallError`](crate::CallError).
    pub fn try_send_request(&self, request: S::Request) -> Call<'_, S> {
        Call::new(Cow::Borrowed(&self.channel), request, Admission::Try, self.timeout)
    }

    /// The same caller, each of whose calls may take `timeout` unless it sets another.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<S: Signature> Clone for Caller<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.channel), self.timeout)
    }
}

impl<S: Signature> Drop for Caller<S> {
    fn drop(&mut self) {
        #[cfg(feature = "tower")]
        if let Some(reservation) = self.reservation.take() {
            self.channel.unreserve(&reservation);
        }
        self.channel.remove_caller();
    }
}

impl<S: Signature> fmt::Debug for Caller<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("channel", &self.channel)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
