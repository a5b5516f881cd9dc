use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::call::Call;
use super::call_error::CallError;
use super::caller::Caller;
use super::channel::{Admission, Channel};
use super::remote::Route;
use super::signature::Signature;
use super::waiting::{Reservation, Waiting};
use crate::lock;

impl<S: Signature + 'static> tower_service::Service<S::Request> for Caller<S> {
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = Call<'static, S>;

    /// Reserves a place in the backlog, in the order of the calls that wait for one. A clone that was polled ready
    /// and is not called keeps its place until it is dropped.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Route::Local(channel) = &self.route else { return Poll::Ready(Ok(())) };
        let reservation = self.reservation.get_or_insert_with(|| channel.reserve(cx.waker()));
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
        let granted = self.reservation.take().is_some_and(|reservation| {
            let granted = reservation.is_granted();
            if !granted {
                channel.unreserve(&reservation);
            }
            granted
        });
        let admission = if granted { Admission::Reserved } else { Admission::Wait };
        Call::new(Cow::Owned(Arc::clone(channel)), request, admission, self.timeout).begun()
    }
}

impl<S: Signature> Channel<S> {
    /// Reserves a place in the queue, or gets in line for one.
    fn reserve(&self, waker: &Waker) -> Arc<Reservation> {
        let mut state = lock(&self.state);
        if state.workers == 0 {
            return Arc::new(Reservation::refused());
        }
        if state.has_room(self.backlog, Admission::Try) {
            state.reserved += 1;
            return Arc::new(Reservation::granted());
        }
        let number = state.next_number();
        let reservation = Arc::new(Reservation::waiting(number, waker.clone()));
        state.waiting.push_back(number, Waiting::Reservation(Arc::clone(&reservation)));
        reservation
    }

    /// Gives a place back, or leaves the line for it.
    pub(super) fn unreserve(&self, reservation: &Reservation) {
        let mut state = lock(&self.state);
        let waiting = state.waiting.remove(reservation.number);
        let granted = waiting.is_none() && reservation.is_granted();
        drop(state);
        if granted {
            self.release();
        }
    }

    /// Gives a reserved place to the next that waits.
    pub(super) fn release(&self) {
        let mut state = lock(&self.state);
        state.reserved -= 1;
        let wake = state.admit(self.backlog);
        drop(state);
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}
