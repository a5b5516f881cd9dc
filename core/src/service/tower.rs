use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::call::Call;
use super::call_error::CallError;
use super::caller::Caller;
use super::channel::Admission;
use super::remote::Route;
use super::reservation::Reservation;
use super::signature::Signature;

impl<S: Signature + 'static> tower_service::Service<S::Request> for Caller<S> {
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = Call<'static, S>;

    /// Reserves a place in the backlog, in the order of the calls that wait for one. A clone that was polled ready
    /// and is not called keeps its place until it is dropped. Over a transport it is always ready.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Route::Local(channel) = &self.route else { return Poll::Ready(Ok(())) };
        let reservation = self.reservation.get_or_insert_with(|| Reservation::new(channel, cx.waker()));
        match reservation.poll_granted(cx) {
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => {
                self.reservation = None;
                Poll::Ready(Err(CallError::WorkerGone))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends the request at once; the timeout counts from here. Without a place from `poll_ready` it waits for one.
    fn call(&mut self, request: S::Request) -> Self::Future {
        let channel = match &self.route {
            Route::Local(channel) => channel,
            Route::Remote(remote) => return Call::remote(Arc::clone(remote), request, self.timeout),
        };
        let admission = self.reservation.take().map_or(Admission::Wait, Reservation::into_admission);
        Call::new(Cow::Owned(Arc::clone(channel)), request, admission, self.timeout).begun()
    }
}
