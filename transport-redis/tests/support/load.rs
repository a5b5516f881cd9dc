//! Tasks that are submitted and run while servers change.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher_core::{
    OutcomeError, SubmitOneError, TaskId, TaskStatus, Transport, TransportError, TransportExt,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};

use super::{attach, completed, open_config, task_for, until};

/// How many threads submit.
pub(crate) const SUBMITTERS: usize = 4;

/// What became of the tasks of one submitter.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) completed: Vec<TaskId>,
    /// Accepted tasks whose records are gone.
    pub(crate) lost: usize,
    /// Submits that were not accepted in time.
    pub(crate) unavailable: usize,
}

/// Submits tasks one after the other and waits for each, until told to stop.
fn submit_until(load: &Load, transport: &RedisTransport) -> Tally {
    let mut tally = Tally::default();
    while !load.stop.load(Ordering::Relaxed) {
        let id = match block_on(transport.submit_one(task_for(transport))) {
            Ok(submitted) => submitted.task_id(),
            Err(SubmitOneError::Transport(error)) if error.is_retryable() => {
                tally.unavailable += 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        // An outage that is longer than the wait for its record tells nothing of the task.
        let outcome = loop {
            match block_on(transport.outcome(id)) {
                Err(OutcomeError::Transport(error)) if error.is_retryable() => {}
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(details) => {
                assert_eq!(details.status, TaskStatus::Completed);
                tally.completed.push(id);
                load.completed.fetch_add(1, Ordering::Relaxed);
            }
            Err(OutcomeError::Lost(_) | OutcomeError::NotFound(_)) => tally.lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    tally
}

/// Claims and ends tasks, and renews the lease, until told to stop.
fn work_until(stop: &Arc<AtomicBool>, transport: &RedisTransport) {
    let consumer = attach(transport);
    let renewing = {
        let (stop, consumer) = (Arc::clone(stop), Arc::clone(&consumer));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = block_on(consumer.renew()); // the next one may do
                thread::sleep(Duration::from_millis(500));
            }
            block_on(consumer.detach()).expect("detached");
        })
    };
    // Ends with the instance.
    loop {
        let claimed = match block_on(consumer.claim(NonZeroUsize::new(8).expect("more than none"))) {
            Ok(claimed) => claimed,
            Err(TransportError::Detached) => break,
            Err(_) => continue,
        };
        let mut done: Vec<_> = claimed.into_iter().map(|claimed| completed(claimed.claim)).collect();
        while !done.is_empty() && !stop.load(Ordering::Relaxed) {
            let ends = block_on(consumer.finish(&done));
            let mut ends = ends.iter();
            done.retain(|_| ends.next().is_some_and(Result::is_err));
        }
    }
    renewing.join().expect("no panic");
}

/// What the submitters of a load share.
#[derive(Debug, Default)]
struct Load {
    stop: AtomicBool,
    completed: AtomicUsize,
}

impl Load {
    /// Waits until some more tasks have been completed.
    fn wait_for_more(&self) {
        let before = self.completed.load(Ordering::Relaxed);
        until("tasks run", || self.completed.load(Ordering::Relaxed) > before + 50);
    }
}

/// Submits and runs tasks while the servers `change`, and some more before and after. Returns what became of them.
pub(crate) fn load_across(config: &RedisConfig, change: impl FnOnce()) -> Tally {
    let open = || open_config(config.clone());
    let (submitter, runner) = (open(), open());
    let (load, stop_work) = (Arc::new(Load::default()), Arc::new(AtomicBool::new(false)));
    let working = {
        let stop = Arc::clone(&stop_work);
        thread::spawn(move || work_until(&stop, &runner))
    };
    let submitting = [(); SUBMITTERS].map(|()| {
        let (load, submitter) = (Arc::clone(&load), submitter.clone());
        thread::spawn(move || submit_until(&load, &submitter))
    });
    load.wait_for_more();
    change();
    load.wait_for_more();
    load.stop.store(true, Ordering::Relaxed);
    let start = Instant::now();
    while !submitting.iter().all(thread::JoinHandle::is_finished) {
        assert!(start.elapsed() < config.call_timeout, "a waiter hangs");
        thread::sleep(Duration::from_millis(10));
    }
    let mut tally = Tally::default();
    for submitted in submitting {
        let part = submitted.join().expect("no panic");
        tally.completed.extend(part.completed);
        tally.lost += part.lost;
        tally.unavailable += part.unavailable;
    }
    stop_work.store(true, Ordering::Relaxed);
    working.join().expect("no panic");
    tally
}

/// Checks that no record of a task is lost whose outcome a submitter got.
pub(crate) fn expect_records(config: &RedisConfig, tally: &Tally) {
    let details = block_on(open_config(config.clone()).details(&tally.completed)).expect("records");
    for details in details {
        assert_eq!(details.expect("a record").status, TaskStatus::Completed);
    }
}
