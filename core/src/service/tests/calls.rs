use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::future::join_all;
use futures::task::LocalSpawnExt;

use super::{by_hand, next, poll};
use crate::{CallError, NotSent, Received, Requests, RestartPolicy, Service};

/// It shares nothing, copies nothing and stays on its thread.
struct LocalMap;

/// Neither `Clone` nor `Send`.
struct Key(Rc<str>);

enum Request {
    Get(Key),
    Set(Key, Rc<RefCell<Vec<u8>>>),
}

impl Service for LocalMap {
    type Request = Request;
    type Response = Option<Rc<RefCell<Vec<u8>>>>;
    type Error = Infallible;
    type Config = HashMap<Rc<str>, Rc<RefCell<Vec<u8>>>>;
    /// How many keys it has at its end.
    type Output = usize;

    async fn run(self, map: Self::Config, requests: Requests<Self>) -> usize {
        let answer = async |map: &mut Self::Config, request| match request {
            Request::Get(Key(key)) => Ok(map.get(&key).map(Rc::clone)),
            Request::Set(Key(key), value) => Ok(map.insert(key, value)),
        };
        requests.answer_each(map, answer).await.len()
    }
}

fn key() -> Key {
    Key("test".into())
}

#[test]
fn two_clients_share_a_service_of_types_that_are_neither_clone_nor_send() {
    let mut pool = LocalPool::new();
    let (worker, reader) = LocalMap.start(32, HashMap::new());
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    let writer = reader.clone();
    let clients = async move {
        assert_eq!(reader.send_request(Request::Get(key())).await, Ok(None));
        let value = Rc::new(RefCell::new(vec![1]));
        assert_eq!(writer.send_request(Request::Set(key(), Rc::clone(&value))).await, Ok(None));
        let read = reader.send_request(Request::Get(key())).await.expect("an answer").expect("a value");
        assert!(Rc::ptr_eq(&read, &value), "nothing is serialized");
    };
    pool.run_until(clients);
    // The clients have dropped the last caller.
    assert_eq!(pool.run_until(worker), 1);
}

/// Adds up what it gets, one request at a time or several.
#[derive(Clone)]
struct Sum {
    concurrently: bool,
}

impl Service for Sum {
    type Request = u64;
    type Response = u64;
    type Error = Infallible;
    type Config = u64;
    type Output = u64;

    async fn run(self, sum: u64, requests: Requests<Self>) -> u64 {
        if self.concurrently {
            let add =
                async |sum: &AtomicU64, request| Ok(sum.fetch_add(request, Ordering::Relaxed) + request);
            return requests.answer_concurrently(8, AtomicU64::new(sum), add).await.into_inner();
        }
        let add = async |sum: &mut u64, request| {
            *sum += request;
            Ok(*sum)
        };
        requests.answer_each(sum, add).await
    }
}

#[test]
fn callers_and_workers_are_send_if_the_types_are() {
    fn run<T: Send + 'static>(worker: impl Future<Output = T> + Send + 'static) -> thread::JoinHandle<T> {
        thread::spawn(|| block_on(worker))
    }
    for concurrently in [false, true] {
        let service = Sum { concurrently };
        let (worker, caller) = service.clone().start(4, 1);
        let (supervised, other) = service.clone().start_supervised(4, RestartPolicy::never(), || 10);
        let (pool, third) = service.start_pool(2, 4, RestartPolicy::never(), || 100);
        let workers = [run(worker)];
        let supervised: Vec<_> = pool.into_iter().map(run).chain([run(supervised)]).collect();
        let calls = run(async move {
            let ends = [&caller, &other, &third].map(|caller| caller.send_request(5).timeout(Duration::MAX));
            join_all(ends).await
        });
        assert_eq!(calls.join().expect("no panic"), [Ok(6), Ok(15), Ok(105)]);
        let mut sums: Vec<_> = workers.into_iter().map(|worker| worker.join().expect("no panic")).collect();
        sums.extend(supervised.into_iter().map(|worker| worker.join().expect("no panic").expect("no panic")));
        sums.sort_unstable();
        assert_eq!(sums, [6, 15, 100, 105]);
    }
}

#[test]
fn a_response_and_an_error_reach_their_callers() {
    let (mut requests, caller) = by_hand(2);
    let (mut first, mut second) = (caller.send_request("first"), caller.send_request("second"));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    let Received { request, reply } = next!(requests).expect("it is queued");
    assert_eq!(request, "first");
    let other = next!(requests).expect("it is queued");
    assert!(other.reply.send(Err("no")));
    assert!(reply.send(Ok(5)));
    assert_eq!(block_on(first), Ok(5));
    assert_eq!(block_on(second), Err(CallError::Service("no")));
}

#[test]
fn a_full_backlog_refuses_or_makes_wait_in_order() {
    let (mut requests, caller) = by_hand(2);
    let mut calls: Vec<_> = ["a", "b", "c", "d"].map(|request| caller.send_request(request)).into();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    let full = CallError::NotSent(NotSent::BacklogFull { backlog: 2 });
    assert!(full.is_retryable());
    assert_eq!(block_on(caller.try_send_request("e")), Err(full.clone()));
    let mut begun = Vec::new();
    for expected in ["a", "b"] {
        begun.push(next!(requests).expect("a request"));
        assert_eq!(begun.last().expect("it was pushed").request, expected);
        assert_eq!(
            block_on(caller.try_send_request("e")),
            Err(full.clone()),
            "those that wait are before it"
        );
    }
    begun.push(next!(requests).expect("a request"));
    let mut last = caller.try_send_request("e");
    assert!(poll(&mut last).is_pending());
    begun.extend(std::iter::from_fn(|| next!(requests)));
    assert_eq!(begun.iter().map(|begun| begun.request).collect::<String>(), "abcde");
    assert!(begun.into_iter().all(|begun| begun.reply.send(Ok(1))));
    assert!(calls.iter_mut().all(|call| poll(call) == Poll::Ready(Ok(1))));
    assert_eq!(block_on(last), Ok(1));
}

#[test]
fn the_request_of_a_caller_that_gave_up_is_skipped() {
    let (mut requests, caller) = by_hand(1);
    let (mut queued, mut waiting) = (caller.send_request("queued"), caller.send_request("waiting"));
    let mut last = caller.send_request("last");
    assert!([&mut queued, &mut waiting, &mut last].into_iter().all(|call| poll(call).is_pending()));
    drop(waiting);
    drop(queued);
    // Its place went to the next that waits.
    assert!(block_on(caller.try_send_request("refused")).is_err());
    let Received { request, reply } = next!(requests).expect("a request");
    assert_eq!(request, "last");
    assert!(next!(requests).is_none());
    drop(last);
    assert!(reply.is_abandoned());
    assert!(!reply.send(Ok(1)), "a reply that comes too late harms nothing");
    let mut call = caller.send_request("next");
    assert!(poll(&mut call).is_pending());
    assert!(next!(requests).expect("a request").reply.send(Ok(2)));
    assert_eq!(block_on(call), Ok(2));
}

#[test]
fn a_reply_that_is_dropped_is_told_apart_from_a_worker_that_is_gone() {
    let (mut requests, caller) = by_hand(1);
    let mut calls: Vec<_> = ["begun", "queued", "waiting"].map(|request| caller.send_request(request)).into();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    let begun = next!(requests).expect("a request");
    drop(requests);
    drop(begun);
    let ends = calls.iter_mut().map(|call| poll(call).map(|end| end.expect_err("no reply")));
    let expected = [CallError::NoReply, CallError::WorkerGone, CallError::WorkerGone].map(Poll::Ready);
    assert_eq!(ends.collect::<Vec<_>>(), expected);
    assert_eq!(block_on(caller.send_request("later")), Err(CallError::WorkerGone));
    let (never_run, caller) = LocalMap.start(1, HashMap::new());
    drop(never_run);
    assert_eq!(block_on(caller.send_request(Request::Get(key()))), Err(CallError::WorkerGone));
}

#[test]
fn a_waiting_worker_ends_with_the_last_caller() {
    let mut pool = LocalPool::new();
    let (worker, caller) = LocalMap.start(1, HashMap::from([("a".into(), Rc::default())]));
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    pool.run_until_stalled();
    let clone = caller.clone();
    drop(caller);
    pool.run_until_stalled();
    drop(clone);
    assert_eq!(pool.run_until(worker), 1);
}
