//! A caller of a typed service under layers of tower. It is in the tests of the workspace, whose build has the feature
//! `tower`.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::future::{self, Ready};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use rhai_dispatcher::service::{CallError, Caller, Received, Requests, Service};
use tower::load_shed::error::Overloaded;
use tower::retry::Policy;
use tower::timeout::error::Elapsed;
use tower::{Service as TowerService, ServiceBuilder, ServiceExt};

/// A service whose worker gives its requests to the test.
struct ByHand;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is busy")]
struct Busy;

impl Service for ByHand {
    type Request = &'static str;
    type Response = usize;
    type Error = Busy;
    type Config = ();
    type Output = Requests<Self>;

    async fn run(self, (): (), requests: Requests<Self>) -> Requests<Self> {
        requests
    }
}

fn by_hand(backlog: usize) -> (Requests<ByHand>, Caller<ByHand>) {
    let (worker, caller) = ByHand.start(backlog, ());
    (worker.now_or_never().unwrap(), caller)
}

/// Answers each request by its length, and the first `busy` with an error.
async fn answer(mut requests: Requests<ByHand>, mut busy: usize) {
    while let Some(Received { request, reply }) = requests.next().await {
        let result = if busy > 0 { Err(Busy) } else { Ok(request.len()) };
        busy = busy.saturating_sub(1);
        reply.send(result);
    }
}

#[tokio::test]
async fn a_caller_is_ready_while_the_backlog_has_room_in_the_order_of_those_that_wait() {
    let (mut requests, mut first) = by_hand(1);
    let (mut second, plain) = (first.clone(), first.clone());
    first.ready().await.unwrap();
    assert!(second.ready().now_or_never().is_none(), "the place is reserved");
    let mut waiting = Box::pin(plain.send_request("third"));
    assert!(waiting.as_mut().now_or_never().is_none());
    let answered = first.call("first");
    assert_eq!(requests.next().await.unwrap().request, "first");
    // The place of the first is the second's.
    second.ready().now_or_never().unwrap().unwrap();
    assert!(plain.try_send_request("none").await.is_err());
    let refused = second.call("second");
    drop(second);
    for (request, response) in [("second", Err(Busy)), ("third", Ok(3))] {
        let received = requests.next().await.unwrap();
        assert_eq!(received.request, request);
        received.reply.send(response);
    }
    assert_eq!(answered.await, Err(CallError::NoReply));
    assert_eq!(refused.await, Err(CallError::Service(Busy)));
    assert_eq!(waiting.await, Ok(3));
}

#[tokio::test]
async fn a_reserved_place_that_is_not_used_becomes_free() {
    let (mut requests, mut caller) = by_hand(1);
    let mut unused = caller.clone();
    unused.ready().await.unwrap();
    let mut gives_up = caller.clone();
    assert!(gives_up.ready().now_or_never().is_none());
    assert!(caller.ready().now_or_never().is_none());
    drop(gives_up);
    drop(unused);
    caller.ready().now_or_never().unwrap().unwrap();
    let call = caller.call("a");
    requests.next().await.unwrap().reply.send(Ok(1));
    assert_eq!(call.await, Ok(1));
}

#[tokio::test]
async fn after_the_last_caller_what_is_sent_is_answered() {
    let (mut requests, mut caller) = by_hand(1);
    let calls = [caller.call("queued"), caller.call("waiting")];
    drop(caller);
    for call in calls {
        requests.next().await.unwrap().reply.send(Ok(1));
        assert_eq!(call.await, Ok(1));
    }
    assert!(requests.next().await.is_none());
}

#[tokio::test]
async fn a_caller_without_workers_is_not_ready() {
    let (requests, mut caller) = by_hand(1);
    let mut waits = caller.clone();
    caller.ready().await.unwrap();
    assert!(waits.ready().now_or_never().is_none());
    drop(requests);
    assert_eq!(waits.ready().await.err(), Some(CallError::WorkerGone));
    assert_eq!(caller.call("a").await, Err(CallError::WorkerGone));
    assert_eq!(caller.ready().await.err(), Some(CallError::WorkerGone));
}

#[tokio::test]
async fn load_is_shed_while_the_backlog_is_full() {
    let (requests, caller) = by_hand(1);
    let mut shed = ServiceBuilder::new().load_shed().service(caller);
    let queued = shed.ready().await.unwrap().call("queued");
    let error = shed.ready().await.unwrap().call("too much").await.unwrap_err();
    assert!(error.is::<Overloaded>(), "{error}");
    drop(shed);
    let (response, ()) = futures::join!(queued, answer(requests, 0));
    assert_eq!(response.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_withdraws_the_request() {
    let (mut requests, caller) = by_hand(1);
    let slow = ServiceBuilder::new().timeout(Duration::from_secs(1)).service(caller.clone());
    let error = slow.oneshot("slow").await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert!(requests.next().now_or_never().is_none());
    drop(caller);
    assert!(requests.next().await.is_none());
}

/// Tries again while the service is busy.
#[derive(Clone)]
struct WhileBusy;

impl Policy<&'static str, usize, CallError<Busy>> for WhileBusy {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut &'static str,
        result: &mut Result<usize, CallError<Busy>>,
    ) -> Option<Ready<()>> {
        (*result == Err(CallError::Service(Busy))).then(|| future::ready(()))
    }

    fn clone_request(&mut self, request: &&'static str) -> Option<&'static str> {
        Some(request)
    }
}

#[tokio::test]
async fn a_failed_request_is_tried_again() {
    let (requests, caller) = by_hand(1);
    let retries = ServiceBuilder::new().retry(WhileBusy).service(caller);
    let (response, ()) = futures::join!(retries.oneshot("request"), answer(requests, 3));
    assert_eq!(response, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_delays_calls() {
    let (requests, caller) = by_hand(1);
    let minute = Duration::from_secs(60);
    let mut limited = ServiceBuilder::new().rate_limit(2, minute).service(caller);
    // tokio's clock stands still unless all tasks wait for it.
    let start = tokio::time::Instant::now();
    let calls = async {
        let mut answered_after = Vec::new();
        for _ in 0..3 {
            assert_eq!(limited.ready().await.unwrap().call("a").await, Ok(1));
            answered_after.push(start.elapsed() >= minute);
        }
        drop(limited);
        answered_after
    };
    let (answered_after, ()) = futures::join!(calls, answer(requests, 0));
    assert_eq!(answered_after, [false, false, true]);
}

#[test]
fn polling_a_ready_caller_again_reserves_one_place() {
    let (_requests, mut caller) = by_hand(2);
    let mut other = caller.clone();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..3 {
        assert_eq!(caller.poll_ready(&mut cx), Poll::Ready(Ok(())));
    }
    assert_eq!(other.poll_ready(&mut cx), Poll::Ready(Ok(())));
    assert!(caller.clone().poll_ready(&mut cx).is_pending());
}
