//! Faults of `Transport::outcome`

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{self, Shared};
use rhai_dispatcher_core::{OutcomeError, TaskId, Transport};

use super::fault::{Fault, OutcomeFuture, faults};

faults! {
    MissesTheEnd => outcome::outcome_after_the_end_is_ready;
    ForgetsWaiters => outcome::outcome_wakes_its_waiter;
    TellsOne => outcome::outcome_reaches_every_waiter;
    WaitsForTheUnknown => outcome::outcome_of_an_unknown_task_is_not_found;
    LeaksWaits => outcome::dropped_wait_leaves_nothing;
}

/// Waits for ever for the outcome of a finished task.
#[derive(Debug, Default)]
struct MissesTheEnd;

impl Fault for MissesTheEnd {
    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        let of = Arc::clone(of);
        Box::pin(async move {
            let record = of.details(&[id]).await?.pop().flatten();
            if record.is_some_and(|details| details.status.is_terminal()) {
                return future::pending().await;
            }
            of.outcome(id).await
        })
    }
}

/// Returns the outcome of a finished task, but never wakes a waiting caller.
#[derive(Debug, Default)]
struct ForgetsWaiters;

impl Fault for ForgetsWaiters {
    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        let of = Arc::clone(of);
        Box::pin(async move {
            let record = of.details(&[id]).await?.pop().flatten();
            match record {
                Some(details) if details.status.is_terminal() => Ok(Box::new(details)),
                Some(_) => future::pending().await,
                None => Err(OutcomeError::NotFound(id)),
            }
        })
    }
}

/// Wakes only the first waiting caller of a task.
#[derive(Debug, Default)]
struct TellsOne {
    waited_for: Mutex<HashSet<TaskId>>,
}

impl Fault for TellsOne {
    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        if self.waited_for.lock().expect("no panic").insert(id) {
            of.outcome(id)
        } else {
            future::pending().boxed()
        }
    }
}

/// Waits for ever for an unknown task.
#[derive(Debug, Default)]
struct WaitsForTheUnknown;

impl Fault for WaitsForTheUnknown {
    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        let outcome = of.outcome(id);
        Box::pin(async {
            match outcome.await {
                Err(OutcomeError::NotFound(_)) => future::pending().await,
                known => known,
            }
        })
    }
}

/// Keeps the resources of a wait after the wait was dropped.
#[derive(Default)]
struct LeaksWaits {
    kept: Mutex<Vec<Shared<OutcomeFuture>>>,
}

impl fmt::Debug for LeaksWaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaksWaits")
    }
}

impl Fault for LeaksWaits {
    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        // Shares one wait instead of a second one, so that the count is right until the caller drops its share.
        let wait = of.outcome(id).shared();
        self.kept.lock().expect("no panic").push(wait.clone());
        wait.boxed()
    }
}
