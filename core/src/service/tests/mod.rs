mod calls;
mod deadlines;
mod pool;
mod supervision;
mod threads;

use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::{Caller, Requests, Service, ServiceOptions};

/// A service whose worker gives its requests to the test.
pub(super) struct ByHand;

impl Service for ByHand {
    type Request = &'static str;
    type Response = usize;
    type Error = &'static str;
    type Config = ();
    type Output = Requests<Self>;

    async fn run(self, (): (), requests: Requests<Self>) -> Requests<Self> {
        requests
    }
}

pub(super) fn by_hand(options: impl Into<ServiceOptions>) -> (Requests<ByHand>, Caller<ByHand>) {
    let (worker, caller) = ByHand.start(options, ());
    (futures::executor::block_on(worker), caller)
}

/// Polls once, without a waker.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The next request that is queued, if there is one.
macro_rules! next {
    ($requests:expr) => {
        futures::FutureExt::now_or_never($requests.next()).flatten()
    };
}
pub(super) use next;
