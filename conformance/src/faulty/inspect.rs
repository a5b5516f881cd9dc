//! Faults of `Transport::inspect` and `Consumer::answer`

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::future::{self, FutureExt};
use futures::stream::BoxStream;
use rhai_dispatcher_core::{
    Inquiry, InspectError, RunActivity, RunState, Signal, TaskId, Transport, TransportExt,
};

use super::fault::{Fault, InspectFuture, faults};
use super::peer::Peer;

faults! {
    AsksNoInstance => inspect::inspect_signals_a_running_task;
    MixesUpAnswers => inspect::inspect_answers_each_caller;
    InventsStates => inspect::inspect_of_a_changing_task_says_so;
    WaitsForTheIdle => inspect::inspect_of_a_task_that_does_not_run_has_its_status;
    InspectsTheUnknown => inspect::inspect_of_an_unknown_task_is_not_found;
}

/// Keeps questions from the instance.
#[derive(Debug, Default)]
struct AsksNoInstance;

impl Fault for AsksNoInstance {
    fn signals(&self, peer: &Peer) -> BoxStream<'static, Signal> {
        let is_kept = |signal: &Signal| !matches!(signal, Signal::Inspect(_));
        peer.consumer.signals().filter(move |signal| future::ready(is_kept(signal))).boxed()
    }
}

/// Gives each answer to the question that was answered before.
#[derive(Debug, Default)]
struct MixesUpAnswers {
    last: Mutex<Option<Inquiry>>,
}

impl Fault for MixesUpAnswers {
    fn answer(&self, peer: &Peer, inquiry: &Inquiry, state: Option<RunState>) {
        let last = self.last.lock().expect("no panic").replace(*inquiry);
        peer.consumer.answer(&last.unwrap_or(*inquiry), state);
    }
}

/// Answers for an instance that does not have the run.
#[derive(Debug, Default)]
struct InventsStates;

impl Fault for InventsStates {
    fn answer(&self, peer: &Peer, inquiry: &Inquiry, state: Option<RunState>) {
        let invented = RunState::new(&inquiry.claim, RunActivity::Native);
        peer.consumer.answer(inquiry, Some(state.unwrap_or(invented)));
    }
}

/// Waits for a task that does not run until it does.
#[derive(Debug, Default)]
struct WaitsForTheIdle;

impl Fault for WaitsForTheIdle {
    fn inspect(&self, of: &Arc<dyn Transport>, id: TaskId) -> InspectFuture {
        let answer = of.inspect(id);
        async move {
            match answer.await {
                Err(InspectError::NotRunning { .. }) => future::pending().await,
                answer => answer,
            }
        }
        .boxed()
    }
}

/// Waits for a task that is not known.
#[derive(Debug, Default)]
struct InspectsTheUnknown;

impl Fault for InspectsTheUnknown {
    fn inspect(&self, of: &Arc<dyn Transport>, id: TaskId) -> InspectFuture {
        let (known, answer) = (Arc::clone(of), of.inspect(id));
        async move {
            match known.details_of(id).await {
                Ok(_) => answer.await,
                Err(_) => future::pending().await,
            }
        }
        .boxed()
    }
}
