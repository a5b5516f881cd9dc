use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::channel::Admission;
use super::remote::Route;
#[cfg(feature = "tower")]
use super::reservation::Reservation;
use super::signature::Signature;

/// Calls a service. Clones call the same service.
///
/// When the last clone is dropped, the workers end after what is queued.
///
/// With the feature `tower` it is a `tower::Service`, which is ready while the backlog has room.
pub struct Caller<S: Signature> {
    pub(super) route: Route<S>,
    pub(super) timeout: Option<Duration>,
    /// What `poll_ready` has reserved for the next call.
    #[cfg(feature = "tower")]
    pub(super) reservation: Option<Reservation<S>>,
}

impl<S: Signature> Caller<S> {
    pub(super) fn new(route: Route<S>, timeout: Option<Duration>) -> Self {
        if let Route::Local(channel) = &route {
            channel.add_caller();
        }
        Self {
            route,
            timeout,
            #[cfg(feature = "tower")]
            reservation: None,
        }
    }

    /// Sends a request and waits for its response. While the backlog is full it waits for room, in the order of the
    /// calls.
    ///
    /// # Errors
    /// All of [`CallError`](crate::CallError). The backlog is full only over a transport, where the call does not wait
    /// for room in the queue.
    pub fn send_request(&self, request: S::Request) -> Call<'_, S> {
        self.call(request, Admission::Wait)
    }

    /// The same, but fails at once if the backlog is full.
    ///
    /// # Errors
    /// All of [`CallError`](crate::CallError).
    pub fn try_send_request(&self, request: S::Request) -> Call<'_, S> {
        self.call(request, Admission::Try)
    }

    /// The same caller, each of whose calls may take `timeout` unless it sets another.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn call(&self, request: S::Request, admission: Admission) -> Call<'_, S> {
        match &self.route {
            Route::Local(channel) => Call::new(Cow::Borrowed(channel), request, admission, self.timeout),
            Route::Remote(remote) => Call::remote(Arc::clone(remote), request, self.timeout),
        }
    }
}

impl<S: Signature> Clone for Caller<S> {
    fn clone(&self) -> Self {
        let route = match &self.route {
            Route::Local(channel) => Route::Local(Arc::clone(channel)),
            Route::Remote(remote) => Route::Remote(Arc::clone(remote)),
        };
        Self::new(route, self.timeout)
    }
}

impl<S: Signature> Drop for Caller<S> {
    fn drop(&mut self) {
        if let Route::Local(channel) = &self.route {
            channel.remove_caller();
        }
    }
}

impl<S: Signature> fmt::Debug for Caller<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Caller");
        if let Route::Local(channel) = &self.route {
            fields.field("channel", channel);
        }
        fields.field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
