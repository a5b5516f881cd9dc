//! Checks of scripts before they are queued, and files: on whose thread they are made, and for how long they are
//! waited for.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::fmt;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use rhai_dispatcher_core::{
    Clock, Dispatcher, DispatcherConfig, Error, ManualClock, Payload, PlayRequestBuilder, Preflight,
    TaskError, TaskErrorKind,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// Answers by what a script says, and notes who asked.
#[derive(Default)]
struct Checker {
    /// Holds up the script `block`.
    gate: Mutex<Option<Receiver<()>>>,
    /// The scripts that were checked, with the names of the threads.
    checked: Mutex<Vec<(String, Option<String>)>>,
}

impl Preflight for Checker {
    fn check(&self, payload: &Payload) -> Result<(), TaskError> {
        let source = payload.source().expect("a script").to_string();
        let gate = self.gate.lock().unwrap().take_if(|_| source == "block");
        gate.map(|gate| gate.recv());
        assert!(source != "panic", "on purpose");
        self.checked.lock().unwrap().push((source.clone(), thread::current().name().map(ToOwned::to_owned)));
        match source.strip_prefix("bad") {
            Some(_) => Err(TaskError::new(TaskErrorKind::Parse, source)),
            None => Ok(()),
        }
    }

    fn known(&self, payload: &Payload) -> bool {
        payload.source().is_some_and(|source| &**source == "known")
    }

    fn inline_bytes(&self) -> usize {
        4
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checker")
    }
}

fn dispatcher(checker: &Arc<Checker>) -> (Dispatcher, ManualClock) {
    let clock = ManualClock::new();
    let transport = MemoryTransport::new(MemoryConfig::default().with_clock(Arc::new(clock.clone())));
    let config = DispatcherConfig::new("caller-1").unwrap().with_preflight(checker.clone());
    (Dispatcher::new(Arc::new(transport), config), clock)
}

fn request(dispatcher: &Dispatcher, script: &str) -> PlayRequestBuilder {
    dispatcher.new_play_request().worker_id("worker-1").script(script)
}

#[test]
fn a_check_that_takes_long_holds_up_neither_the_caller_nor_the_timeout() {
    let checker = Arc::new(Checker::default());
    let (let_go, gate) = mpsc::channel();
    *checker.gate.lock().unwrap() = Some(gate);
    let (dispatcher, clock) = dispatcher(&checker);
    let timeout = Duration::from_secs(5);
    let mut answer = Box::pin(request(&dispatcher, "block").timeout(timeout).await_response());
    let mut poll = || answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending());
    clock.advance(timeout - Duration::from_millis(1));
    assert!(poll().is_pending(), "it is not over");
    clock.advance(Duration::from_millis(1));
    let Poll::Ready(Err(Error::Timeout(timed_out))) = poll() else { panic!("the wait has not timed out") };
    let_go.send(()).unwrap();
    // Nothing was queued, also when the check is done.
    block_on(request(&dispatcher, "others").submit()).unwrap();
    assert!(matches!(block_on(dispatcher.status(timed_out.task_id())), Err(Error::NotFound(_))));
}

#[test]
fn scripts_that_are_known_or_short_are_checked_by_the_caller_and_all_others_elsewhere() {
    let checker = Arc::new(Checker::default());
    let (dispatcher, _) = dispatcher(&checker);
    block_on(request(&dispatcher, "known").submit()).unwrap();
    assert!(checker.checked.lock().unwrap().is_empty());

    let own = thread::current().name().map(ToOwned::to_owned);
    let pool = Some("rhai-check".to_owned());
    block_on(request(&dispatcher, "1234").submit()).unwrap();
    block_on(request(&dispatcher, "12345").submit()).unwrap();
    // All those of one call have the room of one.
    let many = ["12", "known", "34", "5", "6"].map(|script| request(&dispatcher, script));
    assert_eq!(block_on(dispatcher.submit_many(many.into())).unwrap().len(), 5);
    let expected = [("1234", &own), ("12345", &pool), ("12", &own), ("34", &own), ("5", &pool), ("6", &pool)];
    let expected = expected.map(|(script, thread)| (script.to_owned(), thread.clone()));
    assert_eq!(*checker.checked.lock().unwrap(), expected);
}

#[test]
fn the_first_bad_script_of_many_is_the_one_that_is_told() {
    let checker = Arc::new(Checker::default());
    let (dispatcher, _) = dispatcher(&checker);
    for scripts in [["1", "bad one", "bad2"], ["bad one", "1", "bad2"], ["12", "bad one", "bad two"]] {
        let many = scripts.map(|script| request(&dispatcher, script));
        let error = block_on(dispatcher.submit_many(many.into())).unwrap_err();
        assert!(matches!(&error, Error::Script(error) if error.message == "bad one"), "{error}");
    }
    assert!(block_on(dispatcher.transport().queues()).unwrap().iter().all(|queue| queue.waiting() == 0));
}

#[test]
fn a_check_that_panics_is_an_error_of_its_request() {
    let (dispatcher, _) = dispatcher(&Arc::default());
    for _ in 0..20 {
        let error = block_on(request(&dispatcher, "panic").submit()).unwrap_err();
        assert!(matches!(&error, Error::Script(error) if error.kind == TaskErrorKind::Panic), "{error}");
    }
    block_on(request(&dispatcher, "no panic").submit()).unwrap();
}

#[test]
fn a_request_without_a_timeout_waits_for_as_long_as_its_task_takes() {
    let (dispatcher, clock) = dispatcher(&Arc::default());
    let mut answer = Box::pin(request(&dispatcher, "1").without_timeout().await_response());
    assert!(answer.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(365 * 24 * 60 * 60));
    assert!(answer.as_mut().now_or_never().is_none());
    let queue = block_on(dispatcher.transport().queues()).unwrap().remove(0);
    assert_eq!(queue.waiting(), 1, "it has no deadline: {queue:?} at {:?}", clock.wall());
}
