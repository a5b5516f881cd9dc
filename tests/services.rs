//! One typed service: called within a process, over memory and over Redis.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join_all;
use rhai_dispatcher::service::{
    CallError, Caller, NotSent, Received, RemoteError, Requests, Service, Signature,
};
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{
    RhaiDispatcher, RhaiDispatcherError, RhaiWorker, TaskErrorKind, TaskFailure, WorkerId,
};
use rhai_dispatcher_test_redis::RedisServer;
use serde::{Deserialize, Serialize};

/// Notes by number. It has a loop of its own, and types that JSON has no form for.
struct Notes;

#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Get(u128),
    Set(u128, Note),
    All,
    /// It drops the reply handle.
    Forget,
    /// It keeps the reply handle, and does not use it.
    Keep,
    Delivery,
    /// It waits for the test, and ends with what is queued.
    Quit,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    bytes: Vec<u8>,
    rating: Option<Option<f64>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Response {
    Note(Option<Note>),
    All(BTreeMap<(u128, usize), char>),
    Delivery(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("a note has at most {most} bytes, and this one {bytes}")]
struct TooLong {
    bytes: usize,
    most: usize,
}

impl Service for Notes {
    type Request = Request;
    type Response = Response;
    type Error = TooLong;
    /// Ends the wait of `Quit`.
    type Config = oneshot::Receiver<()>;
    /// How many notes it has at its end.
    type Output = usize;

    async fn run(self, quit: oneshot::Receiver<()>, mut requests: Requests<Self>) -> usize {
        let mut notes = BTreeMap::new();
        let (mut kept, mut quit) = (Vec::new(), Some(quit));
        while let Some(Received { request, reply }) = requests.next().await {
            let answer = match request {
                Request::Get(number) => Ok(Response::Note(notes.get(&number).cloned())),
                Request::Set(_, note) if note.bytes.len() > 8 => {
                    Err(TooLong { bytes: note.bytes.len(), most: 8 })
                }
                Request::Set(number, note) => Ok(Response::Note(notes.insert(number, note))),
                Request::All => Ok(Response::All(
                    notes.iter().map(|(number, note)| ((*number, note.bytes.len()), 'ß')).collect(),
                )),
                Request::Forget => continue,
                Request::Keep => {
                    kept.push(reply);
                    continue;
                }
                Request::Delivery => Ok(Response::Delivery(reply.delivery())),
                Request::Quit => {
                    let _ = quit.take().unwrap().await;
                    break;
                }
            };
            reply.send(answer);
        }
        notes.len()
    }
}

/// The service in a thread of its own.
struct Process {
    caller: Caller<Notes>,
    worker: JoinHandle<usize>,
    quit: oneshot::Sender<()>,
}

impl Process {
    fn start() -> Self {
        let (quit, quits) = oneshot::channel();
        let (worker, caller) = Notes.start(4, quits);
        let worker = thread::spawn(|| block_on(worker));
        Self { caller, worker, quit }
    }

    async fn serve(&self, client: &RhaiDispatcher) -> RunningWorker {
        let worker_id = WorkerId::try_from("notes").unwrap();
        self.caller.serve(client.transport().clone(), worker_id).await.unwrap()
    }

    /// How many notes it has at its end.
    fn end(self) -> usize {
        drop(self.caller);
        self.worker.join().unwrap()
    }
}

/// Runs a case over memory and over Redis. Cases of one process share no hub.
fn over_transports<F: Future<Output = ()>>(case: impl Fn(RhaiDispatcher) -> F) {
    static CASES: AtomicUsize = AtomicUsize::new(0);
    let server = RedisServer::start();
    let memory = format!("memory:{}", CASES.fetch_add(1, Ordering::Relaxed));
    for url in [memory, server.url()] {
        block_on(async { case(RhaiDispatcher::connect(url).await.unwrap()).await });
    }
}

async fn calls(caller: &Caller<Notes>) {
    let note = Note { bytes: vec![0, 255], rating: Some(None) };
    let get = || caller.send_request(Request::Get(u128::MAX));
    assert_eq!(get().await, Ok(Response::Note(None)));
    let set = |note| caller.send_request(Request::Set(u128::MAX, note));
    assert_eq!(set(note.clone()).await, Ok(Response::Note(None)));
    assert_eq!(get().await, Ok(Response::Note(Some(note.clone()))));
    let infinite = Note { rating: Some(Some(f64::INFINITY)), ..note.clone() };
    assert_eq!(set(infinite.clone()).await, Ok(Response::Note(Some(note))));
    assert_eq!(get().await, Ok(Response::Note(Some(infinite))));
    let all = BTreeMap::from([((u128::MAX, 2), 'ß')]);
    assert_eq!(caller.send_request(Request::All).await, Ok(Response::All(all)));
    assert_eq!(caller.send_request(Request::Delivery).await, Ok(Response::Delivery(1)));

    let long = Note { bytes: vec![1; 9], rating: None };
    let refused = CallError::Service(TooLong { bytes: 9, most: 8 });
    assert_eq!(caller.send_request(Request::Set(0, long)).await, Err(refused));
    assert_eq!(caller.send_request(Request::Forget).await, Err(CallError::NoReply));
    let kept = caller.send_request(Request::Keep).timeout(Duration::from_millis(50));
    // If the machine is slow, its time is over before it is begun.
    let over = [CallError::TimedOut, CallError::NotSent(NotSent::DeadlineOver)];
    assert!(over.contains(&kept.await.unwrap_err()));
    let late = caller.send_request(Request::All).timeout(Duration::ZERO);
    assert_eq!(late.await, Err(CallError::NotSent(NotSent::DeadlineOver)));

    // More than the backlog.
    let sets = (0..100).map(|number: u8| {
        caller.send_request(Request::Set(number.into(), Note { bytes: vec![number], rating: None }))
    });
    assert!(join_all(sets).await.into_iter().all(|set| set == Ok(Response::Note(None))));
    let gets =
        join_all((0..100).map(|number| caller.clone().with_timeout(Duration::from_secs(60)).get(number)));
    for (number, note) in (0..100).zip(gets.await) {
        assert_eq!(note.unwrap().bytes, [number]);
    }
}

/// What a program puts around a caller.
trait Client {
    async fn get(self, number: u128) -> Option<Note>;
}

impl Client for Caller<Notes> {
    async fn get(self, number: u128) -> Option<Note> {
        match self.send_request(Request::Get(number)).await {
            Ok(Response::Note(note)) => note,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn calls_within_a_process() {
    let process = Process::start();
    block_on(calls(&process.caller));
    assert_eq!(process.end(), 101);
}

#[test]
fn the_same_calls_over_a_transport() {
    over_transports(async |client| {
        let process = Process::start();
        let serving = process.serve(&client).await;
        calls(&client.service_caller("notes").unwrap()).await;
        serving.drain().await.unwrap();
        assert_eq!(process.end(), 101);
    });
}

/// The types of an earlier version, in which a note had no rating.
struct NotesBefore;

#[derive(Debug, Serialize, Deserialize)]
enum RequestBefore {
    Get(u128),
}

impl Signature for NotesBefore {
    type Request = RequestBefore;
    type Response = Response;
    type Error = TooLong;
}

#[test]
fn types_that_changed_are_refused_before_the_request_is_begun() {
    over_transports(async |client| {
        let process = Process::start();
        let serving = process.serve(&client).await;
        let before = client.service_caller::<NotesBefore>("notes").unwrap();
        let error = before.send_request(RequestBefore::Get(1)).await.unwrap_err();
        assert!(matches!(error, CallError::Remote(RemoteError::Incompatible(_))), "{error:?}");
        assert!(error.to_string().contains("other types than those of this build"), "{error}");
        serving.drain().await.unwrap();
        assert_eq!(process.end(), 0);
    });
}

#[test]
fn a_script_and_a_service_tell_each_other_apart() {
    over_transports(async |client| {
        let process = Process::start();
        let serving = process.serve(&client).await;
        let script = client.new_play_request().worker_id("notes").script("1").await.unwrap();
        match script.into_result::<i64>() {
            Err(TaskFailure::Error(error)) => assert_eq!(error.kind, TaskErrorKind::UnknownMethod),
            other => panic!("{other:?}"),
        }
        let scripts = RhaiWorker::builder("scripts").transport(client.transport().clone()).threads(1);
        let scripts = scripts.build().unwrap().start().await.unwrap();
        let caller = client.service_caller::<Notes>("scripts").unwrap();
        let error = caller.send_request(Request::All).await.unwrap_err();
        assert!(matches!(error, CallError::Remote(RemoteError::Incompatible(_))), "{error:?}");
        scripts.drain().await.unwrap();
        serving.drain().await.unwrap();
        assert_eq!(process.end(), 0);
    });
}

#[test]
fn what_a_transport_refuses_is_an_error_of_the_call() {
    over_transports(async |client| {
        let caller = client.service_caller::<Notes>("notes").unwrap();
        let large = Note { bytes: vec![0; 1 << 20], rating: None };
        match caller.send_request(Request::Set(0, large)).await {
            Err(CallError::Remote(RemoteError::Dispatch(error))) => {
                assert!(matches!(error.error(), RhaiDispatcherError::Invalid(_)), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let unserved = caller.send_request(Request::All).timeout(Duration::from_millis(10));
        // The server may not say in time that no worker serves it.
        let unserved = unserved.await.unwrap_err();
        let is_either =
            matches!(unserved, CallError::TimedOut | CallError::Remote(RemoteError::NotServed(_)));
        assert!(is_either, "{unserved:?}");
    });
    let client = block_on(RhaiDispatcher::connect("memory:")).unwrap();
    assert!(matches!(client.service_caller::<Notes>("no worker id"), Err(RhaiDispatcherError::Invalid(_))));
}

#[test]
fn a_call_says_that_no_service_is_there() {
    let client = block_on(RhaiDispatcher::connect("memory:no-service")).unwrap();
    let caller = client.service_caller::<Notes>("notes").unwrap();
    let call = async { caller.send_request(Request::All).timeout(Duration::from_millis(10)).await };
    let id = WorkerId::try_from("notes").unwrap();
    let unserved = block_on(call).unwrap_err();
    assert_eq!(unserved, CallError::Remote(RemoteError::NotServed(id)));
    assert!(unserved.to_string().contains("no worker serves notes; start its service there"), "{unserved}");
    // Its own worker answers, which has no service.
    let client = block_on(RhaiDispatcher::connect("memory:")).unwrap();
    let caller = client.service_caller::<Notes>("notes").unwrap();
    let refused = block_on(async { caller.send_request(Request::All).await }).unwrap_err();
    let CallError::Remote(RemoteError::Incompatible(problem)) = &refused else { panic!("{refused:?}") };
    assert!(problem.starts_with("no service answers there, but a worker of scripts"), "{problem}");
    assert!(problem.ends_with("use memory:NAME on both sides"), "{problem}");
}

#[test]
fn a_service_that_passes_requests_on_tells_when_it_could_not() {
    over_transports(async |client| {
        // The next service has a queue for one request, and is not there.
        let next =
            RhaiDispatcher::builder().caller_id("proxy").url("memory:next").queue_limit(1).build().unwrap();
        next.new_play_request().worker_id("next").script("1").submit().await.unwrap();
        let passes_on = next.service_caller::<Notes>("next").unwrap();
        let worker_id = WorkerId::try_from("notes").unwrap();
        let serving = passes_on.serve(client.transport().clone(), worker_id).await.unwrap();
        let caller = client.service_caller::<Notes>("notes").unwrap();
        match caller.send_request(Request::All).timeout(Duration::from_secs(60)).await {
            Err(CallError::Remote(RemoteError::Task(error))) => {
                assert_eq!(error.kind, TaskErrorKind::Runtime);
                assert!(error.message.contains("the backlog is full, 1 requests wait"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        serving.drain().await.unwrap();
    });
}

/// A request that contains itself.
#[derive(Debug, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Self>),
}

struct Lengths;

impl Service for Lengths {
    type Request = Chain;
    type Response = usize;
    type Error = TooLong;
    type Config = ();
    type Output = ();

    async fn run(self, (): (), requests: Requests<Self>) {
        let length = async |(): &mut (), mut chain| {
            let mut length = 0;
            while let Chain::Link(next) = chain {
                (length, chain) = (length + 1, *next);
            }
            Ok(length)
        };
        requests.answer_each((), length).await;
    }
}

#[test]
fn a_request_that_nests_too_deep_is_refused_and_the_service_continues() {
    over_transports(async |client| {
        let (worker, caller) = Lengths.start(4, ());
        let worker = thread::spawn(|| block_on(worker));
        let worker_id = WorkerId::try_from("lengths").unwrap();
        let serving = caller.serve(client.transport().clone(), worker_id).await.unwrap();
        // A thread with a stack that can write what a lane can't read.
        let remote = client.service_caller::<Lengths>("lengths").unwrap();
        let calls = thread::Builder::new().stack_size(1 << 30).spawn(move || {
            let chain = |links| (0..links).fold(Chain::End, |chain, _| Chain::Link(Box::new(chain)));
            [100, 300_000, 100].map(|links| block_on(remote.send_request(chain(links))))
        });
        let [shallow, deep, again] = calls.unwrap().join().unwrap();
        assert_eq!((shallow, again), (Ok(100), Ok(100)));
        let Err(CallError::Remote(RemoteError::Incompatible(problem))) = deep else { panic!("{deep:?}") };
        assert!(problem.contains("the request nests too deep"), "{problem}");
        serving.drain().await.unwrap();
        drop(caller);
        worker.join().unwrap();
    });
}

#[test]
fn what_an_ended_service_has_not_begun_another_one_serves() {
    over_transports(async |client| {
        let first = Process::start();
        let serving = first.serve(&client).await;
        let caller = client.service_caller::<Notes>("notes").unwrap();
        let calls = thread::spawn({
            let caller = caller.clone();
            move || {
                let quits = caller.send_request(Request::Quit);
                let waits = caller.send_request(Request::Delivery);
                block_on(futures::future::join(quits, waits))
            }
        });
        let worker_id = WorkerId::try_from("notes").unwrap();
        while client.transport().queue(&worker_id).await.unwrap().claimed < 2 {
            thread::yield_now();
        }
        first.quit.send(()).unwrap();
        assert_eq!(first.worker.join().unwrap(), 0);
        let second = Process::start();
        let also_serving = second.serve(&client).await;
        let (quit, waited) = calls.join().unwrap();
        assert_eq!((quit, waited), (Err(CallError::NoReply), Ok(Response::Delivery(1))));
        serving.drain().await.unwrap();
        also_serving.drain().await.unwrap();
        assert_eq!(second.end(), 0);
    });
}
